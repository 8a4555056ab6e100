/**
 * Appending from 4 processes and from 4 threads at once: SharedVector, an array behind a robust
 * mutex, Atomics; and reading. All in one run, interleaved, medians.
 *
 *   npm run bench:vector -- [--tiny] [--rounds N] [--json] [--dir PATH]
 *
 * 10 million doubles in total for each figure; with --tiny 20,000, to see that it works.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { inRoot } from '../harness/paths.js'
import { buildMutexArray, open, prepare, type Name, type Place } from './vector/contenders.js'
import type { Task, Times } from './vector/member.js'
import { readings } from './vector/reading.js'

const MEMBERS = 4
const SCRIPT = inRoot('dist/tests/bench/vector/member.js')

interface Case {
  readonly kind: 'processes' | 'threads'
  readonly name: Name
  readonly batch: number
}

export interface Figure extends Case {
  /** Median over the rounds, nanoseconds for each element of all members. */
  readonly ns: number
  readonly rounds: readonly number[]
}

const { values: options } = parseArgs({
  options: {
    tiny: { type: 'boolean', default: false }, json: { type: 'boolean', default: false },
    rounds: { type: 'string' }, dir: { type: 'string' },
  },
})
const total = options.tiny ? 20_000 : 10_000_000
const rounds = Number(options.rounds ?? (options.tiny ? 1 : 5))
const memoryFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const directory = mkdtempSync(join(options.dir ?? memoryFolder, 'rstore-bench-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))

const CASES: readonly Case[] = [1, 100].flatMap((batch) => [
  { kind: 'processes', name: 'vector', batch },
  { kind: 'processes', name: 'mutex', batch },
  { kind: 'threads', name: 'vector', batch },
  { kind: 'threads', name: 'mutex', batch },
  { kind: 'threads', name: 'atomics', batch },
] as const)

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!

/** A member, whether thread or process: it says 'ready', is told when to begin, says its times. */
class Member {
  readonly #told: unknown[] = []
  #wake: () => void = () => {}
  readonly #target: ChildProcess | Worker

  constructor(kind: Case['kind'], task: Task) {
    this.#target = kind === 'threads'
      ? new Worker(SCRIPT, { workerData: task }) : fork(SCRIPT, [JSON.stringify(task)])
    this.#target.on('message', (message: unknown) => {
      this.#told.push(message)
      this.#wake()
    })
    this.#target.on('error', (error: Error) => { throw error })
  }

  async next(): Promise<unknown> {
    while (this.#told.length === 0) await new Promise<void>((resolve) => { this.#wake = resolve })
    return this.#told.shift()
  }

  begin(at: number): void {
    if (this.#target instanceof Worker) this.#target.postMessage(at)
    else this.#target.send(at)
  }

  get ended(): Promise<void> {
    return new Promise((resolve) => this.#target.once('exit', () => resolve()))
  }
}

let runCount = 0

function placeFor({ name }: Case): Place {
  const bytes = 8 + total * 8
  const memory = name === 'atomics' ? new SharedArrayBuffer(bytes) : null
  return { path: join(directory, `${runCount++}`), elements: total, memory }
}

/** One run of one case: nanoseconds for each element. */
async function run(one: Case): Promise<number> {
  const place = placeFor(one)
  prepare(one.name, place)
  const count = total / MEMBERS
  const task: Task = { name: one.name, place, count, batch: one.batch }
  const members = Array.from({ length: MEMBERS }, () => new Member(one.kind, task))
  for (const member of members) await member.next()
  const ends = Promise.all(members.map((member) => member.ended))
  const start = Number(process.hrtime.bigint()) + 20e6
  for (const member of members) member.begin(start)
  const times = await Promise.all(members.map((member) => member.next())) as Times[]
  await ends
  const contender = open(one.name, place)
  const size = contender.size()
  contender.close()
  if (size !== total) throw new Error(`${one.name} has ${size} elements instead of ${total}`)
  rmSync(place.path, { force: true })
  const took = Math.max(...times.map(({ ended }) => ended)) - start
  return took / total
}

async function main(): Promise<void> {
  buildMutexArray()
  const measured = CASES.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, one] of CASES.entries()) measured[i]!.push(await run(one))
  }
  const figures: Figure[] = CASES.map((one, i) =>
    ({ ...one, ns: median(measured[i]!), rounds: measured[i]! }))
  const reading = readings(directory)
  if (options.json) {
    console.log(JSON.stringify({ total, members: MEMBERS, figures, reading }))
    return
  }
  console.log(`${MEMBERS} members, ${total.toLocaleString('en')} doubles in total, `
    + `median of ${rounds}, ns for each element`)
  for (const { kind, name, batch, ns } of figures) {
    const how = batch === 1 ? 'one by one' : `by ${batch}s`
    const columns = [kind.padEnd(10), name.padEnd(8), how.padEnd(14), ns.toFixed(1).padStart(8)]
    console.log(columns.join(' '))
  }
  for (const { kind, vector, typedArray, strided } of reading) {
    console.log(`reading ${kind}: vector.get ${vector.toFixed(2)} ns, a typed array `
      + `${typedArray.toFixed(2)} (${(vector / typedArray).toFixed(1)} times), one with gaps for `
      + `tags ${strided.toFixed(2)} (${(vector / strided).toFixed(1)} times)`)
  }
}

await main()
