/**
 * The lock-free core, without Node: every interleaving of two threads, histories of threads and
 * processes, ThreadSanitizer, processes killed at every step.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { runProgram, type Outcome } from '../harness/program.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { FLAGS } from '../native/compile.js'
import { buildExplorer, buildVectorProgram, runWatched } from '../native/vector-programs.js'

const test = suite('vector core')

const directory = temporaryDirectory()
const seed = String(Math.floor(Math.random() * 1e9))

/** Runs a program in a folder of its own; its output is shown when it failed. */
async function passes(program: string, ...args: string[]): Promise<string> {
  return succeeded(await runProgram(program, args, { cwd: directory }))
}

function succeeded({ output, status }: Outcome): string {
  if (status !== 0) process.stdout.write(`${output}\nseed ${seed}\n`)
  assert.is(status, 0)
  return output
}

test('two threads in every interleaving; a broken algorithm is found out', async () => {
  const output = await passes(await buildExplorer(), seed, '12')
  assert.match(output, /^ok without helping: found by \d+ programs/m)
  assert.match(output, /^ok without tags in cells: found by \d+ programs/m)
})

test('10,000 histories of 2 to 8 threads and processes are linearisable', async () => {
  const output = await passes(await buildVectorProgram('vector-threads'), seed, '10080')
  assert.match(output, /^ok delayed helper: 0 elements too many/m)
  assert.match(output, /^ok delayed helper without tags: 1 elements too many/m)
  const counts = /^(\d+) histories, (\d+) with threads in the vector at once/m.exec(output)
  assert.ok(Number(counts?.[1]) >= 10_000)
  assert.ok(Number(counts?.[2]) >= 3_000, 'operations one after the other show nothing')
})

test('ThreadSanitizer has nothing to say', async () => {
  const program = await buildVectorProgram('vector-threads', FLAGS.threads)
  const output = succeeded(await runWatched(program, [seed, '560'], { cwd: directory }))
  assert.not.match(output, /WARNING: ThreadSanitizer/)
})

test('processes killed at every step of push and pop, helping, and at random', async () => {
  const output = await passes(await buildVectorProgram('vector-kill'), seed, '800')
  assert.match(output, /^killed at \d+ steps of push/m)
  assert.match(output, /^killed at \d+ steps of a push that grows the file/m)
})

test.run()
