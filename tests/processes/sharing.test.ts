/**
 * Handles of other processes and threads: waiting for the lock, news of commits, opening all at
 * once.
 */
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Region } from '../../lib/index.js'
import { median } from '../bench/rounds.js'
import { Child } from '../harness/child.js'
import { inRoot } from '../harness/paths.js'
import { until, wait } from '../harness/until.js'
import { nextTurn, thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('sharing')

type Reply = Record<string, any>
const startMember = (path: string): Child<Reply> =>
  new Child<Reply>('dist/tests/processes/member.js', [path])

/** A worker of this process that does as member.ts does. */
function startWorker(path: string): { worker: Worker; ask(request: Reply): Promise<Reply> } {
  const worker = new Worker(inRoot('dist/tests/processes/worker.js'), { workerData: { path } })
  return {
    worker,
    ask: (request) =>
      new Promise((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
        worker.postMessage(request)
      }),
  }
}

const now = (): number => performance.timeOrigin + performance.now()

const numbersOf = (region: Region) => region.map('numbers', t.u32, t.u32)

function withNumbers(place: Place, options = {}): Region {
  const region = place.create({ capacity: '8MiB', ...options })
  region.transact(() => numbersOf(region).set(0, 0))
  return region
}

test(
  'RSTORE_BUSY after the timeout names the holder',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const child = startMember(region.path!)
    await child.expect()
    child.send({ hold: 2000 })
    assert.equal(await child.expect(), { holding: true })
    for (const timeoutMs of [0, 200]) {
      const begun = performance.now()
      const error = thrown('RSTORE_BUSY', () => region.transact(() => undefined, { timeoutMs }))
      const took = performance.now() - begun
      assert.is(error.facts['pid'], child.pid)
      assert.match(error.message, new RegExp(String(child.pid)))
      assert.ok(took >= timeoutMs - 5 && took < timeoutMs + 1000, `${took} ms`)
    }
    assert.is(numbersOf(region).get(0), 0, 'readers do not wait')
    region.transact(() => numbersOf(region).set(1, 1), { timeoutMs: 10_000 })
    assert.is(numbersOf(region).get(0), 123_456, 'after what the holder committed')
    child.send({ exit: true })
    await child.finish()
  }),
)

test(
  'a holder that dies frees the lock at once, and leaves nothing',
  withRegion(async (place) => {
    const region = withNumbers(place)
    for (let round = 0; round < 2; round++) {
      const child = startMember(region.path!)
      await child.expect()
      child.send({ hold: 60_000 })
      await child.expect()
      thrown('RSTORE_BUSY', () => region.transact(() => undefined, { timeoutMs: 20 }))
      await child.kill()
      const begun = performance.now()
      region.transact(() => numbersOf(region).set(round, round))
      assert.ok(performance.now() - begun < 500)
      assert.not(numbersOf(region).has(1_000_000), 'what it had not committed')
    }
  }),
)

test(
  'a stopped holder is waited for, and not robbed',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const child = startMember(region.path!)
    await child.expect()
    child.send({ hold: 60_000 })
    await child.expect()
    child.process.kill('SIGSTOP')
    thrown('RSTORE_BUSY', () => region.transact(() => undefined, { timeoutMs: 300 }))
    child.process.kill('SIGCONT')
    await child.kill()
  }),
)

test(
  'worker threads with handles of their own',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const workers = Array.from({ length: 3 }, () => startWorker(region.path!))
    const counts = Promise.all(workers.map(({ ask }) => ask({ increments: 300 })))
    let own = 0
    let over = false
    void counts.finally(() => {
      over = true
    })
    while (!over) {
      region.transact(() => numbersOf(region).update(0, (old) => old! + 1))
      own++
      await nextTurn()
    }
    for (const reply of await counts) assert.equal(reply, { done: 300 })
    region.read(() => assert.is(numbersOf(region).get(0), 900 + own))
    await Promise.all(workers.map(({ worker }) => worker.terminate()))
  }),
)

test(
  'a worker that is terminated inside of a transaction',
  withRegion(async (place) => {
    const region = withNumbers(place)
    for (let round = 0; round < 3; round++) {
      const { worker, ask } = startWorker(region.path!)
      assert.equal(await ask({ hold: 60_000 }), { holding: true })
      thrown('RSTORE_BUSY', () => region.transact(() => undefined, { timeoutMs: 50 }))
      await worker.terminate()
      const begun = performance.now()
      region.transact(() => numbersOf(region).update(0, (old) => old! + 1))
      assert.ok(performance.now() - begun < 500, 'freed at once')
      assert.not(numbersOf(region).has(1_000_000))
    }
    assert.is(region.readers().length, 1, 'its handles are closed')
  }),
)

test(
  'a worker that exits without closing leaves nothing behind',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const { worker, ask } = startWorker(region.path!)
    assert.equal(await ask({ increments: 5 }), { done: 5 })
    const exited = new Promise((resolve) => worker.once('exit', resolve))
    worker.postMessage({ exit: true })
    await exited
    assert.is(region.readers().length, 1)
    region.read(() => assert.is(numbersOf(region).get(0), 5))
  }),
)

test(
  'epochs() wakes within milliseconds of a commit in another process',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const reader = place.openReadOnly()
    const child = startMember(region.path!)
    await child.expect()
    const aborter = new AbortController()
    const seen: { epoch: number; at: number }[] = []
    const listening = (async () => {
      for await (const epoch of reader.epochs(aborter.signal)) {
        seen.push({ epoch, at: now() })
      }
    })()
    const [delays, answers]: [number[], number[]] = [[], []]
    for (let i = 0; i < 20; i++) {
      await wait(20)
      const asked = now()
      child.send({ set: i })
      const { epoch, at } = (await child.expect()) as { epoch: number; at: number }
      answers.push(now() - asked)
      const heard = () => seen.find((one) => one.epoch >= epoch)
      await until(`epoch ${epoch} is told`, () => heard() !== undefined)
      delays.push(heard()!.at - at)
    }
    aborter.abort()
    await listening
    // On a busy machine an answer through a pipe, which wakes both, is late as well.
    const limit = 20 + 4 * median(answers)
    const text = delays.map((ms) => ms.toFixed(1)).join(' ')
    assert.ok(median(delays) < limit, `milliseconds: ${text}, and not ${limit.toFixed(1)}`)
    child.send({ exit: true })
    await child.finish()
  }),
)

test(
  'epochs() ends with its signal, its loop and its region',
  withRegion(async (place) => {
    const region = withNumbers(place)
    for await (const _ of region.epochs(AbortSignal.abort())) assert.unreachable()
    const iterator = region.epochs()[Symbol.asyncIterator]()
    const first = iterator.next()
    await nextTurn()
    region.transact(() => numbersOf(region).set(1, 1))
    assert.is((await first).value, region.stats().epoch)
    await iterator.return?.()
    const [one, two] = [
      region.epochs()[Symbol.asyncIterator](),
      region.epochs()[Symbol.asyncIterator](),
    ]
    const ends = Promise.all([one.next(), two.next()])
    await nextTurn()
    region.close()
    assert.equal(
      (await ends).map(({ done }) => done),
      [true, true],
    )
  }),
)

test(
  'epochs() that nobody waits for, or no more',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const set = (n: number): number => {
      region.transact(() => numbersOf(region).set(1, n))
      return region.stats().epoch
    }
    const iterator = region.epochs()[Symbol.asyncIterator]()
    const early = set(1)
    assert.is((await iterator.next()).value, early, 'a commit before the first next()')
    const waiting = [iterator.next(), iterator.next()]
    assert.is((await iterator.return!()).done, true, 'return() does not wait for a commit')
    assert.equal(await Promise.all(waiting), [1, 2].map(() => ({ done: true, value: undefined })))
    assert.is((await iterator.next()).done, true)
    const never = region.epochs()[Symbol.asyncIterator]()
    const one = region.epochs()[Symbol.asyncIterator]()
    const other = region.epochs()[Symbol.asyncIterator]()
    const both = Promise.all([one.next(), other.next()])
    const late = set(2)
    assert.equal((await both).map(({ value }) => value), [late, late])
    await one.return!()
    const next = other.next()
    const last = set(3)
    assert.is((await next).value, last, 'one that ends takes nothing from another')
    region.close()
    assert.is((await never.next()).done, true)
    assert.is((await other.next()).done, true)
  }),
)

test(
  'a commit of another process between a read() and epochs()',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const reader = place.openReadOnly()
    const known = reader.read(() => reader.stats().epoch)
    region.transact(() => numbersOf(region).set(1, 1))
    for await (const epoch of reader.epochs(AbortSignal.timeout(5000))) {
      assert.is(epoch, known + 1)
      return
    }
    assert.unreachable('it was missed')
  }),
)

test(
  'many processes create, open and close at once',
  withRegion(async (place) => {
    for (let round = 0; round < 2; round++) {
      const path = place.path(`race-${round}.region`)
      const children = Array.from({ length: 4 }, () => startMember(path))
      for (const child of children) assert.equal(await child.expect(), { open: true })
      for (const child of children) child.send({ increments: 50 })
      for (const child of children) assert.equal(await child.expect(), { done: 50 })
      for (const child of children) child.send({ exit: true })
      for (const child of children) await child.finish()
      const region = place.open({}, `race-${round}.region`)
      assert.is(numbersOf(region).get(0), 200)
      assert.is(region.readers().length, 1)
      region.close()
    }
  }),
)

test(
  'the last to close leaves one complete file, also when many close at the same time',
  withRegion(async (place) => {
    const { existsSync } = await import('node:fs')
    for (let round = 0; round < 3; round++) {
      const region = withNumbersIn(place, `close-${round}.region`)
      const children = Array.from({ length: 2 }, () => startMember(region.path!))
      for (const child of children) await child.expect()
      for (const child of children) child.send({ increments: 10 })
      for (const child of children) await child.expect()
      for (const child of children) child.send({ exit: true })
      region.close()
      for (const child of children) await child.finish()
      assert.not(existsSync(`${region.path}-wal`), 'no log')
      assert.not(existsSync(`${region.path}-lock`), 'no lock file')
      assert.is(numbersOf(place.open({}, `close-${round}.region`)).get(0), 20)
      place.close()
    }
  }),
)

function withNumbersIn(place: Place, name: string): Region {
  const region = place.create({ capacity: '8MiB' }, name)
  region.transact(() => numbersOf(region).set(0, 0))
  return region
}

test.run()
