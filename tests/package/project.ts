/** Projects of someone who uses the package: made in an empty folder, from the packed tarball. */
import { spawnSync } from 'node:child_process'
import {
  cpSync, existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'

export interface Ran { status: number | null; stdout: string; stderr: string }

export interface Place { cwd: string; env?: NodeJS.ProcessEnv }

function run(command: string, args: readonly string[], { cwd, env = process.env }: Place): Ran {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd, env, encoding: 'utf8', maxBuffer: 1 << 26,
  })
  return { status, stdout: stdout ?? '', stderr: `${stderr ?? ''}${error?.message ?? ''}` }
}

/** Throws what it printed unless it ended well; else returns what it printed. */
export function must(command: string, args: readonly string[], place: Place): string {
  const { status, stdout, stderr } = run(command, args, place)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`)
  return stdout
}

/** What `npm pack` makes of this checkout, with the binary of one architecture made anew. */
export function packTarball(arch: string): string {
  const folder = temporaryDirectory()
  const cwd = inRoot('.')
  must(process.execPath, ['native/prebuild.mjs', arch], { cwd })
  must('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { cwd })
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!)
}

function pathOf(command: string): string {
  const folder = process.env['PATH']!.split(delimiter).find((each) =>
    existsSync(join(each, command)))
  if (folder === undefined) throw new Error(`there is no ${command} on the PATH`)
  return realpathSync(join(folder, command))
}

/** An environment in which nothing can be run by name but node and npm: no compiler, no python. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  const folder = temporaryDirectory()
  symlinkSync(process.execPath, join(folder, 'node'))
  symlinkSync(pathOf('npm'), join(folder, 'npm'))
  return { ...process.env, PATH: folder }
}

/** An empty folder with a package.json of these fields, and the tarball installed into it. */
export function newProject(
  tarball: string, fields: object = {}, env: NodeJS.ProcessEnv = process.env,
): string {
  const cwd = temporaryDirectory()
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ private: true, ...fields }))
  must('npm', [
    'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', tarball,
  ], { cwd, env })
  return cwd
}

/** Another project, of these fields, with the packages of one that there is. */
export function projectBeside(project: string, fields: object): string {
  const cwd = temporaryDirectory()
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ private: true, ...fields }))
  symlinkSync(join(project, 'node_modules'), join(cwd, 'node_modules'))
  return cwd
}

/** The README's first program, which leaves cities.region in the folder that it runs in. */
export function readmeProgram(): string {
  const [, program] = /```ts\n([^]*?)```/.exec(readFileSync(inRoot('README.md'), 'utf8'))!
  return program!
}

/** The README's program without its types, which are two exclamation marks. */
export const asJavaScript = (program: string): string => program.replace(/\)!/g, ')')

/** The same for `require`. */
export const asCommonJs = (program: string): string =>
  asJavaScript(program).replace(/^import (.*) from '(.*)'$/gm, "const $1 = require('$2')")

/** Compiles a project's .ts files with this checkout's compiler; the compiler's messages. */
export function compileProject(cwd: string): Ran {
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({
    compilerOptions: {
      module: 'nodenext', target: 'es2023', lib: ['es2023', 'esnext.disposable'], strict: true,
      outDir: 'out', types: ['node'], typeRoots: [inRoot('node_modules/@types')],
    },
    include: ['*.ts'],
  }))
  return run(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), '-p', cwd], { cwd })
}

/** Those of one process: what a process starts is started in Node's way. */
const EXAMPLES = ['first.js', 'packed.js', 'blocks.js', 'numbers/build.js']

/**
 * Runs the README's program and examples, which check themselves, in a project of type module;
 * throws at the first that does not end well. `command` is given a file as its last argument.
 */
export function runExamples(project: string, [command, ...args]: [string, ...string[]]): void {
  const folder = join(project, 'examples')
  cpSync(inRoot('dist/examples'), folder, { recursive: true })
  rmSync(join(project, 'cities.region'), { force: true })
  writeFileSync(join(project, 'readme.js'), asJavaScript(readmeProgram()))
  for (const file of ['readme.js', ...EXAMPLES.map((name) => join('examples', name))]) {
    must(command, [...args, file], { cwd: project })
    console.log(`ok ${file}`)
  }
}

/** A package of a runtime, kept in tests/runtimes/cache; the path of a file in it. */
export function installRuntime(name: string, version: string, file: string): string {
  const folder = inRoot(join('tests/runtimes/cache', name))
  const path = join(folder, 'node_modules', file)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({
    private: true, allowScripts: { [name]: true },
  }))
  must('npm', [
    'install', '--no-audit', '--no-fund', '--no-save', '--force', `${name}@${version}`,
  ], { cwd: folder })
  return path
}

export const runNode = (file: string, place: Place): Ran =>
  run(process.execPath, [file], place)
