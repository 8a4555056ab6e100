/**
 * Compiles the native core and test programs without Node. Object files are kept in build/ under
 * the hash of what they were made of, so that only what changed is compiled again.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'

const COMPILER = process.env['CXX'] ?? 'g++'
const FLAGS = [
  '-std=gnu++20', '-O1', '-g', '-fno-omit-frame-pointer', '-fno-exceptions', '-fno-rtti',
  '-pthread', '-Wall', '-Wextra', '-Werror=return-type', '-DRSTORE_TEST_SEAM',
  `-I${inRoot('native/src')}`, `-I${inRoot('tests/native')}`,
]
/** Found by AddressSanitizer and UndefinedBehaviorSanitizer: ends the program. */
export const SANITIZED = ['-fsanitize=address,undefined', '-fno-sanitize-recover=undefined']
/** Faults are the core's business: the sanitizer must leave both signals to it. */
export const SANITIZER = {
  ASAN_OPTIONS: 'allow_user_segv_handler=1:handle_segv=0:handle_sigbus=0:detect_leaks=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
}
const OBJECTS = inRoot('build/native-tests')
const COMPILERS_AT_A_TIME = 2
const KEPT_MS = 24 * 60 * 60 * 1000

export interface Outcome { output: string; status: number | string }

/** Runs a program; nothing is thrown away of what it says, nor how it ended. */
export function run(program: string, args: readonly string[], env = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (part: Buffer) => { output += part })
    child.stderr.on('data', (part: Buffer) => { output += part })
    child.on('error', (error) => resolve({ output: error.message, status: 'not started' }))
    child.on('close', (code, signal) => resolve({ output, status: code ?? signal ?? 'unknown' }))
  })
}

export function filesBelow(folder: string, end: string): string[] {
  return readdirSync(inRoot(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => inRoot(join(folder, name)))
    .sort()
}

function hashOf(texts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const text of texts) hash.update(text).update('\0')
  return hash.digest('hex').slice(0, 16)
}

const textOf = (path: string): string => readFileSync(path, 'utf8')

/** Sources as they are, or changed on the way to the compiler. */
export interface Build {
  flags: readonly string[]
  /** Returns the text to compile in place of a file's. */
  change?: (source: string, text: string) => string
}

/**
 * Flags with which constants of the generated header have other values: everything else is laid
 * out by it as always.
 */
export function withConstants(values: Record<string, number>): string[] {
  const name = 'core/generated/layout.h'
  let text = readFileSync(inRoot(join('native/src', name)), 'utf8')
  for (const [constant, value] of Object.entries(values)) {
    const [before, after, more] = text.split(new RegExp(`(?<= ${constant} = )\\w+(?=;)`))
    assert.ok(after !== undefined && more === undefined, `${constant} is no constant`)
    text = `${before}${value}u${after}`
  }
  const folder = join(OBJECTS, `layout-${hashOf([text])}`)
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
  return ['-iquote', folder]
}

const headers = [...filesBelow('native/src/core', '.h'), ...filesBelow('tests/native', '.h')]
const headerHash = hashOf(headers.map(textOf))

async function compile(source: string, build: Build): Promise<string> {
  const text = textOf(source)
  const changed = build.change?.(source, text) ?? text
  const hash = hashOf([headerHash, COMPILER, ...FLAGS, ...build.flags, source, changed])
  const object = join(OBJECTS, `${basename(source, '.cc')}-${hash}.o`)
  if (existsSync(object)) return object
  const copy = join(OBJECTS, `${basename(source, '.cc')}-${hash}.cc`)
  const input = changed === text ? source : copy
  if (input === copy) writeFileSync(copy, changed)
  const unfinished = `${object}.${process.pid}`
  const { output, status } = await run(COMPILER,
    [...FLAGS, ...build.flags, '-c', input, '-o', unfinished])
  assert.is(status, 0, `${source} does not compile:\n${output}`)
  renameSync(unfinished, object)
  return object
}

async function compileAll(sources: readonly string[], build: Build): Promise<string[]> {
  const objects: string[] = []
  const queue = [...sources.entries()]
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      objects[next[0]] = await compile(next[1], build)
    }
  }
  await Promise.all(Array.from({ length: COMPILERS_AT_A_TIME }, worker))
  return objects
}

const core = filesBelow('native/src/core', '.cc')

/** Compiles and links the program of a source with the core; its path. */
export async function buildProgram(source: string, name: string, build: Build): Promise<string> {
  mkdirSync(OBJECTS, { recursive: true })
  const objects = await compileAll([...core, source], build)
  const program = join(OBJECTS, name)
  const { output, status } = await run(COMPILER,
    [...FLAGS, ...build.flags, ...objects, '-o', program])
  assert.is(status, 0, output)
  return program
}

/** What was not made for a day belongs to sources that are gone. */
export function removeOldObjects(): void {
  mkdirSync(OBJECTS, { recursive: true })
  for (const name of readdirSync(OBJECTS)) {
    const path = join(OBJECTS, name)
    const age = Date.now() - statSync(path).mtimeMs
    if (/\.(o|cc)$/.test(name) && age > KEPT_MS) rmSync(path, { force: true })
  }
}
