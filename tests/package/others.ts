/**
 * `npm run test:others`: what of the package works in Bun and in Deno, which come from the npm
 * packages of that name. The test suite is not run there.
 */
import { installRuntime, must, newProject, packTarball, runExamples } from './project.js'

const bun = installRuntime('bun', 'latest', '.bin/bun')
const deno = installRuntime('deno', 'latest', '.bin/deno')
const project = newProject(packTarball(process.arch), { type: 'module' })

console.log(`Bun ${must(bun, ['--version'], { cwd: project }).trim()}`)
runExamples(project, [bun])
console.log(must(deno, ['--version'], { cwd: project }).split('\n')[0])
runExamples(project, [deno, 'run', '-A', '--node-modules-dir=manual'])
