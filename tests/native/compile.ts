/**
 * Compiles the native core and test programs without Node. Object files and programs are kept in
 * build/ under the hash of what they were made of, so that only what changed is compiled again, and
 * test files that need the same object share it.
 */
import { createHash } from 'node:crypto'
import {
  existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'
import { runProgram } from '../harness/program.js'

const COMPILER = process.env['CXX'] ?? 'g++'
const COMMON_FLAGS = [
  '-std=gnu++20', '-g1', '-fno-omit-frame-pointer', '-fno-exceptions', '-fno-rtti', '-pthread',
  '-Wall', '-Wextra', '-Werror=return-type', '-DRSTORE_TEST_SEAM',
  `-I${inRoot('native/src')}`, `-I${inRoot('tests/native')}`,
]
/** What a program is compiled with, beside what all are. */
export const FLAGS = {
  plain: ['-O1'],
  /** As it is released. */
  optimised: ['-O2'],
  /** Found by AddressSanitizer and UndefinedBehaviorSanitizer: ends the program. */
  sanitized: ['-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'],
  threads: ['-O1', '-fsanitize=thread'],
} as const
/** Faults are the core's business: the sanitizer must leave both signals to it. */
export const SANITIZER = {
  ASAN_OPTIONS: 'allow_user_segv_handler=1:handle_segv=0:handle_sigbus=0:detect_leaks=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
}
const BUILD = inRoot('build/native-tests')
const COMPILERS_AT_A_TIME = 2
const KEPT_MS = 24 * 60 * 60 * 1000

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

export interface Build {
  flags: readonly string[]
  /** The sources of the core that the program stands on; all of them if not given. */
  core?: readonly string[]
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
  const folder = join(BUILD, `layout-${hashOf([text])}`)
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
  return ['-iquote', folder]
}

/** Runs the compiler unless its outcome is there; nobody finds an unfinished one. */
async function make(target: string, args: readonly string[]): Promise<string> {
  if (existsSync(target)) return target
  const unfinished = `${target}.${process.pid}`
  const { output, status } = await runProgram(COMPILER, [...args, '-o', unfinished])
  assert.is(status, 0, `${basename(target)} could not be made:\n${output}`)
  renameSync(unfinished, target)
  return target
}

/** tests/native/common.h, compiled; what goes before a source for it. */
async function precompiled(flags: readonly string[]): Promise<string[]> {
  const text = textOf(inRoot('tests/native/common.h'))
  const header = join(BUILD, `common-${hashOf([COMPILER, ...flags, text])}.h`)
  writeFileSync(header, text)
  await make(`${header}.gch`, [...flags, '-x', 'c++-header', header])
  return ['-include', header]
}

const coreHeaders = hashOf(filesBelow('native/src/core', '.h').map(textOf))
const allHeaders = hashOf([coreHeaders, ...filesBelow('tests/native', '.h').map(textOf)])
const isOfCore = (source: string): boolean => source.startsWith(inRoot('native/src/core'))

async function compile(source: string, flags: readonly string[], build: Build): Promise<string> {
  const text = textOf(source)
  const changed = build.change?.(source, text) ?? text
  const headers = isOfCore(source) ? coreHeaders : allHeaders
  const hash = hashOf([headers, COMPILER, ...flags, source, changed])
  const name = join(BUILD, `${basename(source, '.cc')}-${hash}`)
  if (changed !== text) writeFileSync(`${name}.cc`, changed)
  return make(`${name}.o`, [...flags, '-c', changed === text ? source : `${name}.cc`])
}

async function compileAll(
  sources: readonly string[], flags: readonly string[], build: Build,
): Promise<string[]> {
  const objects: string[] = []
  const queue = [...sources.entries()]
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      objects[next[0]] = await compile(next[1], flags, build)
    }
  }
  await Promise.all(Array.from({ length: COMPILERS_AT_A_TIME }, worker))
  return objects
}

const wholeCore = filesBelow('native/src/core', '.cc')

/** Compiles and links the program of a source, tests/native/NAME.cc; its path. */
export async function buildProgram(name: string, build: Build): Promise<string> {
  mkdirSync(BUILD, { recursive: true })
  const flags = [...COMMON_FLAGS, ...build.flags]
  const sources = [...build.core ?? wholeCore, inRoot(`tests/native/${name}.cc`)]
  const objects = await compileAll(sources, [...flags, ...await precompiled(flags)], build)
  const program = join(BUILD, `${basename(name)}-${hashOf([COMPILER, ...flags, ...objects])}`)
  return make(program, [...flags, ...objects])
}

/** What was not made for a day belongs to sources that are gone. */
export function removeOldObjects(): void {
  mkdirSync(BUILD, { recursive: true })
  for (const name of readdirSync(BUILD)) {
    const path = join(BUILD, name)
    if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { recursive: true })
  }
}
