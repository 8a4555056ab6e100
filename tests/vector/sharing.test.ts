/** A vector shared by worker threads and processes, from JavaScript. */
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SharedVector, t, type RStoreError } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { isLinearisable, type Operation } from './linearise.js'
import type { Elements, Job, Round } from './member.js'
import { replacedAt, type Replaced } from './replaced.js'

const test = suite('vector sharing')

const directory = temporaryDirectory()
let fileCount = 0
const fresh = (): string => join(directory, `${fileCount++}.region`)
const SCRIPT = 'dist/tests/vector/member.js'

const startProcess = <M>(job: Job) => new Child<M>(SCRIPT, [JSON.stringify(job)])
const startThread = (job: Job) => new Worker(inRoot(SCRIPT), { workerData: job })

/** Everything a thread says until its end. */
async function finishThread<M>(worker: Worker): Promise<M[]> {
  const messages: M[] = []
  worker.on('message', (message: M) => messages.push(message))
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', () => resolve())
  })
  return messages
}

const firstMessage = (worker: Worker) => new Promise((resolve) => worker.once('message', resolve))

test('flushes that wait for a stopped process leave threads of the pool to others', async () => {
  const path = fresh()
  const vector = SharedVector.create(path, t.u32)
  const child = new Child('dist/tests/vector/flushing-child.js', [path],
    { RSTORE_TEST_ADDON: 'rstore_test.node' })
  assert.equal(await child.expect(), { flushing: true })
  child.process.kill('SIGSTOP')
  try {
    vector.push(1)
    let flushed = 0
    const flushes = Array.from({ length: 8 }, async () => {
      await vector.flush()
      flushed++
    })
    assert.type(await Promise.race([readFile(inRoot(SCRIPT)), after(5000)]), 'object')
    assert.is(flushed, 0)
    vector.close()
    child.process.kill('SIGCONT')
    await Promise.all(flushes)
  } finally {
    child.process.kill('SIGCONT')
  }
  await child.finish()
})

test('threads and processes append at once: all is there once, in order', async () => {
  const path = fresh()
  const vector = SharedVector.create(path, t.f64)
  const [members, count] = [4, 20_000]
  const jobs = Array.from({ length: members }, (_, i): Job =>
    ({ do: 'push', path, first: i * 1e6, count }))
  await Promise.all(jobs.map((job, i) =>
    i % 2 === 0 ? finishThread(startThread(job)) : startProcess(job).finish()))
  assert.is(vector.size, members * count)
  const next = new Array<number>(members).fill(0)
  for (const value of vector) {
    const member = Math.floor(value / 1e6)
    assert.is(value, member * 1e6 + next[member]!++)
  }
  assert.equal(next, new Array(members).fill(count))
  vector.close()
})

async function histories(
  element: Elements, members: number, rounds: number, threads: boolean,
): Promise<void> {
  const [path, barrier] = [fresh(), fresh()]
  SharedVector.create<number, number>(path, t[element]).close()
  SharedVector.create(barrier, t.u8).close()
  const seed = Math.floor(Math.random() * 1e9)
  const said = (await Promise.all(Array.from({ length: members }, (_, member) => {
    const job: Job = { do: 'history', path, barrier, member, members, rounds, seed, element }
    return threads ? finishThread<Round>(startThread(job)) : startProcess<Round>(job).finish()
  }))).flat()
  for (let round = 0; round < rounds; round++) {
    const parts = said.filter((part) => part.round === round)
    const operations: Operation[] = parts.flatMap((part) => [...part.operations])
    const { before, after } = parts.find((part) => part.before !== undefined)!
    assert.is(operations.length, members * 3)
    assert.ok(isLinearisable(operations, before!, after!),
      `seed ${seed}, round ${round}: ${JSON.stringify({ before, after, operations }, null, 1)}`)
  }
}

for (const element of ['u8', 'f32', 'u32', 'f64'] as const) {
  test(`${element}: histories of threads are linearisable`, () => histories(element, 3, 100, true))
  test(`${element}: histories of processes are linearisable`, () =>
    histories(element, 3, 100, false))
}

for (const element of ['u8', 'f32', 'i32', 'f64', 'u64'] as const) {
  test(`${element}: what is read while others push, set and pop was stored there`, async () => {
    await readWhileReplaced(element)
  })
}

async function readWhileReplaced(element: Replaced): Promise<void> {
  const path = fresh()
  using vector = SharedVector.create<any, any>(path, t[element] as never)
  const thread = startThread({ do: 'replace', path, element })
  await firstMessage(thread)
  const right = Array.from({ length: 12 }, (_, i) =>
    [undefined, replacedAt(element, i, 0), replacedAt(element, i, 1)])
  const seen = right.map(() => new Set())
  const wrong: unknown[] = []
  const check = (index: number, value: unknown): void => {
    seen[index]!.add(value)
    if (!right[index]!.some((one) => Object.is(one, value))) wrong.push([index, value])
  }
  const read = (turns: number): void => {
    for (let turn = 0; turn < turns; turn++) check(turn % 12, vector.get(turn % 12))
    const copies = vector.asTypedArrays() as unknown as Iterable<unknown>[]
    copies.flatMap((copy) => [...copy]).forEach((value, index) => check(index, value))
  }
  const end = performance.now() + 400
  while (performance.now() < end) read(10_000)
  await thread.terminate()
  assert.equal(wrong.slice(0, 5), [])
  assert.ok(seen[5]!.size >= 2, `only ${[...seen[5]!]} was seen`)
}

test('the check of histories finds what is wrong', () => {
  const operation = (kind: 'push' | 'pop', value: number, result: number, called: number) =>
    ({ kind, value, result, called, returned: called + 1, index: 0, expected: 0 })
  const push = operation('push', 5, 0, 0)
  assert.ok(isLinearisable([push, operation('pop', 0, 5, 2)], [], []))
  assert.not(isLinearisable([push, operation('pop', 0, 6, 2)], [], []))
  assert.not(isLinearisable([push, operation('pop', 0, 5, -2)], [], []), 'popped before')
})

/** Milliseconds from a push here to the end of the wait in another thread. */
async function wakeMs(path: string, vector: SharedVector<number>): Promise<number> {
  const thread = startThread({ do: 'wait', path, size: vector.size + 2 })
  await firstMessage(thread)
  vector.push(1)
  const woken = firstMessage(thread) as Promise<{ reached: boolean; at: number }>
  await after(30)
  const pushed = Number(process.hrtime.bigint())
  vector.push(2)
  const { reached, at } = await woken
  assert.ok(reached)
  return (at - pushed) / 1e6
}

test('waitForSize wakes when another process or thread has pushed', async () => {
  const path = fresh()
  const vector = SharedVector.create(path, t.f64)
  const child = startProcess<any>({ do: 'wait', path, size: 6 })
  await child.expect()
  // Rechecks alone would come after up to 250 ms; a busy machine may be late once.
  const times = [await wakeMs(path, vector), await wakeMs(path, vector), await wakeMs(path, vector)]
  assert.ok(Math.min(...times) < 50, `woken after ${times} ms`)
  assert.is((await child.expect()).reached, true)
  await child.finish()
  vector.close()
})

test('waitForSize: there already, too late, given up, closed', async () => {
  const vector = SharedVector.create(fresh(), t.f64)
  vector.push(1)
  assert.is(await vector.waitForSize(1), true)
  assert.is(await vector.waitForSize(0), true)
  assert.is(await vector.waitForSize(2, { timeoutMs: 20 }), false)
  const reason = new Error('enough')
  const given = new AbortController()
  const wait = vector.waitForSize(2, { signal: given.signal })
  given.abort(reason)
  assert.is(await wait.catch((error: unknown) => error), reason)
  assert.is(await vector.waitForSize(2, { signal: AbortSignal.abort(reason) })
    .catch((error: unknown) => error), reason)
  const open = [vector.waitForSize(5), vector.waitForSize(6)]
  await after(10)
  vector.close()
  for (const result of await Promise.allSettled(open)) {
    assert.is(result.status, 'rejected')
    assert.is(((result as PromiseRejectedResult).reason as RStoreError).code, 'RSTORE_CLOSED')
  }
})

test('however many wait, one thread sleeps; each is told, the smallest sizes first', async () => {
  const vector = SharedVector.create(fresh(), t.u32)
  const threads = (): number => readdirSync('/proc/self/task').length
  const before = threads()
  const told: number[] = []
  const waits = Array.from({ length: 500 }, async (_, i) => {
    const size = 500 - i
    assert.ok(await vector.waitForSize(size))
    told.push(size)
  })
  const late = vector.waitForSize(600, { timeoutMs: 60_000 })
  const given = new AbortController()
  const never = vector.waitForSize(1, { signal: given.signal }).catch((error: unknown) => error)
  await after(5)
  given.abort('enough')
  assert.is(await never, 'enough')
  assert.ok(threads() <= before + 1, `${threads() - before} threads more`)
  for (let i = 0; i < 500; i += 100) {
    vector.pushMany(new Uint32Array(100))
    while (told.length < i + 100) await after(1)
    assert.is(Math.max(...told), i + 100)
  }
  await Promise.all(waits)
  assert.is(await vector.waitForSize(501, { timeoutMs: 0 }), false)
  vector.pushMany(new Uint32Array(100))
  assert.is(await late, true)
  vector.close()
})

test('terminated threads let go of the vector, in the middle of work or of a wait', async () => {
  const path = fresh()
  const vector = SharedVector.create(path, t.f64)
  for (let i = 0; i < 6; i++) {
    const worker = startThread(i % 3 === 0
      ? { do: 'wait', path, size: 1e6 } : { do: 'churn', path })
    await firstMessage(worker)
    await after(5)
    await worker.terminate()
    assert.is(vector.push(-1) + 1, vector.size)
  }
  vector.close()
})

test('killed processes let go of it, and only what was in flight is in doubt', async () => {
  const path = fresh()
  const vector = SharedVector.create(path, t.f64)
  for (let i = 0; i < 5; i++) {
    const child = startProcess({ do: 'churn', path })
    await child.expect()
    await after(Math.random() * 10)
    await child.kill()
    // A batch in whole or not at all, less what it popped again.
    const { size } = vector
    assert.ok(size <= 3, `${size} elements are left`)
    assert.equal([...vector], [1, 2, 3].slice(0, size))
    while (vector.pop() !== undefined);
  }
  vector.close()
})

test.run()
