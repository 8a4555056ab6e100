/**
 * The native core without Node: compiled with AddressSanitizer and UndefinedBehaviorSanitizer into
 * the programs tests/native/*-test.cc, which are then run. Object files are kept in build/ under
 * the hash of what they were made of.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inRoot } from '../harness/paths.js'

const test = suite('native core')

const COMPILER = process.env['CXX'] ?? 'g++'
const FLAGS = [
  '-std=gnu++20', '-O1', '-g', '-fno-omit-frame-pointer', '-fno-exceptions', '-fno-rtti',
  '-pthread', '-Wall', '-Wextra', '-Werror=return-type', '-fsanitize=address,undefined',
  '-fno-sanitize-recover=undefined', '-DRSTORE_TEST_SEAM',
  `-I${inRoot('native/src')}`, `-I${inRoot('tests/native')}`,
]
/** Faults are the core's business: the sanitizer must leave both signals to it. */
const SANITIZER = {
  ASAN_OPTIONS: 'allow_user_segv_handler=1:handle_segv=0:handle_sigbus=0:detect_leaks=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
}
const OBJECTS = inRoot('build/native-tests')
const COMPILERS_AT_A_TIME = 2

interface Outcome { output: string; status: number | string }

/** Runs a program; nothing is thrown away of what it says, nor how it ended. */
function run(program: string, args: readonly string[], env = {}): Promise<Outcome> {
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

function filesBelow(folder: string, end: string): string[] {
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

const headers = [...filesBelow('native/src/core', '.h'), ...filesBelow('tests/native', '.h')]
const headerHash = hashOf([COMPILER, ...FLAGS, ...headers.map(textOf)])

const objectOf = (source: string): string =>
  join(OBJECTS, `${basename(source, '.cc')}-${hashOf([headerHash, source, textOf(source)])}.o`)

async function compile(source: string): Promise<void> {
  const object = objectOf(source)
  if (existsSync(object)) return
  const unfinished = `${object}.${process.pid}`
  const { output, status } = await run(COMPILER, [...FLAGS, '-c', source, '-o', unfinished])
  assert.is(status, 0, `${source} does not compile:\n${output}`)
  renameSync(unfinished, object)
}

async function compileAll(sources: readonly string[]): Promise<void> {
  const queue = [...sources]
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await compile(next)
  }
  await Promise.all(Array.from({ length: COMPILERS_AT_A_TIME }, worker))
}

function removeStaleObjects(wanted: readonly string[]): void {
  const keep = new Set(wanted.map((source) => basename(objectOf(source))))
  for (const name of readdirSync(OBJECTS)) {
    if (name.endsWith('.o') && !keep.has(name)) rmSync(join(OBJECTS, name), { force: true })
  }
}

const core = filesBelow('native/src/core', '.cc')
const programs = filesBelow('tests/native', '-test.cc')

test.before(async () => {
  mkdirSync(OBJECTS, { recursive: true })
  removeStaleObjects([...core, ...programs])
  await compileAll([...core, ...programs])
})

for (const source of programs) {
  test(`${basename(source, '-test.cc')}: under the sanitizers`, async () => {
    const program = join(OBJECTS, basename(source, '.cc'))
    const objects = [...core, source].map(objectOf)
    const linked = await run(COMPILER, [...FLAGS, ...objects, '-o', program])
    assert.is(linked.status, 0, linked.output)
    const { output, status } = await run(program, [], SANITIZER)
    if (status !== 0) process.stdout.write(output)
    assert.is(status, 0, `${basename(program)} ended with ${status}`)
  })
}

test.run()
