/**
 * The C++ programs that test the vector without Node (tests/native/vector-*.cc), compiled with what
 * of the core they need. Objects and programs are kept in build/ under the hash of what they were
 * made of.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import { inRoot } from '../harness/paths.js'

export interface Outcome { output: string; status: number | string }

/** Runs a program to its end; all that it says, and how it ended. */
export function run(
  program: string, args: readonly string[], cwd = inRoot('.'),
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (part: Buffer) => { output += part })
    child.stderr.on('data', (part: Buffer) => { output += part })
    child.on('error', (error) => resolve({ output: error.message, status: 'not started' }))
    child.on('close', (code, signal) => resolve({ output, status: code ?? signal ?? 'unknown' }))
  })
}

const COMPILER = process.env['CXX'] ?? 'g++'
const FLAGS = [
  '-std=gnu++20', '-g', '-fno-exceptions', '-fno-rtti', '-pthread', '-Wall', '-Wextra',
  '-Werror=return-type', `-I${inRoot('native/src')}`, `-I${inRoot('tests/native')}`,
]
const VARIANTS = {
  plain: ['-O2'],
  threads: ['-O1', '-fsanitize=thread'],
} as const

const BUILD = inRoot('build/vector-tests')

/** What of the core the vector stands on. */
const BASE = [
  'io', 'fault', 'address-space', 'file-lock', 'crc32c', 'region-file', 'lock-file',
].map((name) => `native/src/core/${name}.cc`)

const below = (folder: string, end: string): string[] =>
  readdirSync(inRoot(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name))
    .sort()

function hashOf(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex').slice(0, 16)
}

const textOf = (path: string): string => readFileSync(inRoot(path), 'utf8')

async function make(target: string, args: readonly string[]): Promise<void> {
  if (existsSync(target)) return
  const unfinished = `${target}.${process.pid}`
  const { output, status } = await run(COMPILER, [...args, '-o', unfinished])
  if (status !== 0) throw new Error(`${basename(target)} could not be built:\n${output}`)
  renameSync(unfinished, target)
}

/** Builds tests/native/NAME.cc and gives the path of the program. `alone`: without the core. */
export async function build(
  name: string, { variant = 'plain', alone = false }: {
    variant?: keyof typeof VARIANTS
    alone?: boolean
  } = {},
): Promise<string> {
  mkdirSync(BUILD, { recursive: true })
  const flags = [...FLAGS, ...VARIANTS[variant]]
  const headers = [...below('native/src/core', '.h'), ...below('tests/native', '.h')]
  const common = hashOf([COMPILER, ...flags, ...headers.map(textOf)])
  const core = alone ? [] : [...BASE, ...below('native/src/core/vector', '.cc')]
  const sources = [`tests/native/${name}.cc`, ...core]
  const objects = sources.map((source) =>
    join(BUILD, `${basename(source, '.cc')}-${hashOf([common, textOf(source)])}.o`))
  const queue = sources.map((source, i) => () =>
    make(objects[i]!, [...flags, '-c', inRoot(source)]))
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next()
  }
  await Promise.all([worker(), worker()])
  const program = join(BUILD, `${name}-${hashOf(objects)}`)
  await make(program, [...flags, ...objects])
  return program
}
