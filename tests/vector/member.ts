/**
 * A thread or a process that works on a vector which others work on, too. What it is to do comes as
 * workerData or as JSON on the command line; what it has to say goes back the same way.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { SharedVector, t } from '../../lib/index.js'
import { C } from '../../formats/index.js'
import { say } from '../harness/child.js'
import type { Operation } from './linearise.js'
import { replacedAt, type Replaced } from './replaced.js'

/**
 * Elements of histories: one word for element and tag, two halves of a word, two words. Few values,
 * so that a wrong one is often an equal one; among them such as empty cells hold.
 */
const ELEMENTS = {
  u8: [0, 1, 2, Number(C.VECTOR_VACANT & 0xffn)],
  f32: [0, 1, 2, 3],
  u32: [0, 1, 2, Number(C.VECTOR_VACANT & 0xffff_ffffn)],
  f64: [0, 1, 2, 3],
} as const

export type Elements = keyof typeof ELEMENTS

export type Job =
  | { readonly do: 'push'; readonly path: string; readonly first: number; readonly count: number }
  | { readonly do: 'history'; readonly path: string; readonly barrier: string
    readonly member: number; readonly members: number; readonly rounds: number
    readonly seed: number; readonly element: Elements }
  | { readonly do: 'wait'; readonly path: string; readonly size: number }
  | { readonly do: 'churn'; readonly path: string }
  | { readonly do: 'replace'; readonly path: string; readonly element: Replaced }

/** What is said about one round; the first member adds what was there before and after. */
export interface Round {
  readonly round: number
  readonly operations: readonly Operation[]
  readonly before?: readonly number[]
  readonly after?: readonly number[]
}

const job = (isMainThread ? JSON.parse(process.argv[2]!) : workerData) as Job
const tell = (message: unknown): void => {
  if (isMainThread) say(message)
  else parentPort!.postMessage(message)
}

const nap = new Int32Array(new SharedArrayBuffer(4))

function push({ path, first, count }: Job & { do: 'push' }): void {
  using vector = SharedVector.open(path, t.f64)
  for (let i = 0; i < count; i++) vector.push(first + i)
  tell('done')
}

/** For ever, until killed or terminated. */
function churn(path: string): void {
  using vector = SharedVector.open(path, t.f64)
  tell('ready')
  for (;;) {
    vector.pushBatch([1, 2, 3])
    for (let i = 0; i < 3; i++) vector.pop()
  }
}

/** Pushes, sets and pops, for ever, until terminated. */
function replace({ path, element }: Job & { do: 'replace' }): void {
  using vector = SharedVector.open<any, any>(path, t[element] as never)
  const roll = dice(7)
  tell('ready')
  for (;;) {
    const size = roll(12)
    while (vector.size < size) vector.push(replacedAt(element, vector.size, roll(2)))
    for (let i = 0; i < size; i++) vector.set(i, replacedAt(element, i, roll(2)))
    while (vector.size > roll(size + 1)) vector.pop()
  }
}

/** No await: top level of the module keeps the thread alive through the wait alone. */
function wait({ path, size }: Job & { do: 'wait' }): void {
  const vector = SharedVector.open(path, t.f64)
  tell('ready')
  void vector.waitForSize(size).then((reached) => {
    tell({ reached, at: Number(process.hrtime.bigint()) })
    vector.close()
  })
}

/** Small numbers from a seed. */
function dice(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor(state / 2 ** 32 * limit)
  }
}

type Vector = SharedVector<number>
type Result = Operation['result']
type Call = Pick<Operation, 'kind' | 'index' | 'value' | 'expected'>

function run(vector: Vector, { kind, index, value, expected }: Call): Result {
  switch (kind) {
    case 'push': return vector.push(value)
    case 'pop': return vector.pop() ?? null
    case 'get': return vector.get(index) ?? null
    case 'size': return vector.size
    case 'swap': return vector.compareAndSet(index, expected, value)
    case 'set':
      try {
        vector.set(index, value)
        return true
      } catch (error) {
        if (error instanceof RangeError) return false
        throw error
      }
  }
}

const KINDS = ['push', 'push', 'push', 'pop', 'pop', 'get', 'get', 'set', 'swap', 'size'] as const

type Roll = (limit: number) => number

function timed(vector: Vector, roll: Roll, values: readonly number[]): Operation {
  const kind = KINDS[roll(KINDS.length)]!
  const call = { kind, index: roll(4), value: values[roll(4)]!, expected: values[roll(4)]! }
  const called = Number(process.hrtime.bigint())
  const result = run(vector, call)
  return { ...call, result, called, returned: Number(process.hrtime.bigint()) }
}

function history(task: Job & { do: 'history' }): void {
  const { path, barrier, member, members, rounds, seed, element } = task
  using vector = SharedVector.open<number, number>(path, t[element])
  using gate = SharedVector.open(barrier, t.u8)
  const values = ELEMENTS[element]
  const roll = dice(seed * 31 + member)
  let passed = 0
  const meet = (): void => {
    gate.push(1)
    passed += members
    while (gate.size < passed) Atomics.wait(nap, 0, 0, 0.05)
  }
  for (let round = 0; round < rounds; round++) {
    if (member === 0) {
      while (vector.pop() !== undefined);
      for (let n = roll(3); n > 0; n--) vector.push(values[roll(4)]!)
    }
    const before = member === 0 ? [...vector] : undefined
    meet()
    const operations = Array.from({ length: 3 }, () => timed(vector, roll, values))
    meet()
    tell(before === undefined
      ? { round, operations } : { round, operations, before, after: [...vector] })
  }
}

switch (job.do) {
  case 'push': push(job); break
  case 'history': history(job); break
  case 'wait': wait(job); break
  case 'churn': churn(job.path); break
  case 'replace': replace(job); break
}
