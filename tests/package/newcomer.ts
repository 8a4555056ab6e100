/**
 * `npm run newcomer`: the path of someone who sees the project for the first time, in folders that
 * are made for it: a clone of the last commit, the demo, the tests; the package installed from its
 * tarball, the README's program.
 *
 *   node dist/tests/package/newcomer.js [--no-test]
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { asJavaScript, must, newProject, readmeProgram } from './project.js'

const withTests = !process.argv.includes('--no-test')

function step<T>(title: string, run: () => T): T {
  const begun = performance.now()
  const result = run()
  console.log(`ok ${title}  ${((performance.now() - begun) / 1000).toFixed(0)} s`)
  return result
}

const clone = join(temporaryDirectory(), 'rstore')
step('git clone', () =>
  must('git', ['clone', '--quiet', inRoot('.'), clone], { cwd: inRoot('.') }))
step('npm run demo', () => must('npm', ['run', 'demo', '--silent'], { cwd: clone }))
if (withTests) step('npm test', () => must('npm', ['test', '--silent'], { cwd: clone }))
const tarball = step('npm pack', () => {
  must('npm', ['pack', '--silent'], { cwd: clone })
  return join(clone, readdirSync(clone).find((name) => name.endsWith('.tgz'))!)
})
const project = step('npm install, without install scripts', () => newProject(tarball))
step('the README\'s program', () => {
  writeFileSync(join(project, 'first.mjs'), asJavaScript(readmeProgram()))
  must(process.execPath, ['first.mjs'], { cwd: project })
  if (!existsSync(join(project, 'cities.region'))) throw new Error('it left no region')
})
