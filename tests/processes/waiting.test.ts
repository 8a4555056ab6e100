/** Whoever waits, for commits or for the write lock, sleeps; and is woken, whoever it waits for. */
import { closeSync, openSync, readSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, SharedWords } from '../../formats/index.js'
import { t, type Region } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { Child } from '../harness/child.js'
import { inRoot } from '../harness/paths.js'
import { until, wait } from '../harness/until.js'
import { withRegion, type Place } from '../harness/with-region.js'
import { machineMs } from './clocks.js'
import { isAsleep, sleepsOf, threadsOf } from './threads.js'

const test = suite('waiting')

function withNumbers(place: Place): Region {
  const region = place.create({ capacity: '1MiB' })
  region.transact(() => region.map('numbers', t.u32, t.u32).set(0, 0))
  return region
}

const sleepMs = (ms: number): unknown =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/** How many sleep for the write lock, or for commits. */
function waitersOf(path: string, word: 'writeWaiters' | 'epochWaiters'): number {
  const fd = openSync(`${path}-lock`, 'r')
  const bytes = Buffer.alloc(4)
  readSync(fd, bytes, 0, 4, C.PAGE_BYTES + SharedWords.fields[word].offset)
  closeSync(fd)
  return bytes.readUInt32LE()
}

// ── for commits ──

const sleepsOfAll = (pid: number): number =>
  threadsOf(pid).reduce((sum, thread) => sum + sleepsOf(pid, thread), 0)

test(
  'epochs() looks once in a second, not more often, and is woken by a commit',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const child = new Child<any>('dist/tests/processes/epochs-child.js', [region.path!])
    const { watchers } = await child.expect()
    assert.is(watchers.length, 1, 'one thread waits')
    const [watcher] = watchers as [number]
    await until('it sleeps', () =>
      waitersOf(region.path!, 'epochWaiters') > 0 && isAsleep(child.pid, watcher))
    await wait(500)  // whatever Node has to do after its start
    const before = { ms: machineMs(), watcher: sleepsOf(child.pid, watcher) }
    const all = sleepsOfAll(child.pid)
    await wait(1000)
    const looks = sleepsOf(child.pid, watcher) - before.watcher
    const sleeps = sleepsOfAll(child.pid) - all
    const due = Math.ceil((machineMs() - before.ms) / 1000)
    assert.ok(looks <= due + 1, `the thread that waits looked ${looks} times, ${due} were due`)
    assert.ok(sleeps <= due + 10, `its process went to sleep ${sleeps} times`)
    assert.equal(child.takeAll(), [], 'nothing was told')
    region.transact(() => region.map('numbers', t.u32, t.u32).set(0, 1))
    assert.equal(await child.expect(), { epoch: region.stats().epoch })
    await child.finish()
  }),
)

test(
  'who is busy while others commit is told once, of the last commit, when it is not',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const native = new (addon().Handle)()
    const options = { readOnly: true, timeoutMs: 100, privatePages: 256, segmentLimit: 4 }
    assert.not.type(native.open(region.path!, options, 0), 'number')
    const told: number[] = []
    assert.is(native.watchEpochs((epoch) => told.push(epoch)), 0)
    await until('it listens', () => waitersOf(region.path!, 'epochWaiters') > 0)
    for (let i = 0; i < 100; i++) {
      region.transact(() => region.map('numbers', t.u32, t.u32).set(0, i), { durability: 'none' })
      sleepMs(1)
    }
    await until('it is told of the last', () => told.at(-1) === region.stats().epoch)
    native.close()
    assert.ok(told.length <= 2, `told ${told.length} times: ${told.join(' ')}`)
  }),
)

// ── for the write lock ──

/** Has a transaction that it never commits. */
interface Holder {
  end(): Promise<unknown>
}

async function holdingProcess(path: string): Promise<Holder> {
  const child = new Child('dist/tests/processes/member.js', [path])
  await child.expect()
  child.send({ hold: 600_000 })
  assert.equal(await child.expect(), { holding: true })
  return { end: () => child.kill() }
}

async function holdingWorker(path: string): Promise<Holder> {
  const worker = new Worker(inRoot('dist/tests/processes/worker.js'), { workerData: { path } })
  const holds = new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  worker.postMessage({ hold: 600_000 })
  assert.equal(await holds, { holding: true })
  return { end: () => worker.terminate() }
}

const PROBE_MS = 50

/** Ends the holder while another thread sleeps for its lock. */
async function endUnderWaiter(path: string, holder: Holder, where: string[]): Promise<void> {
  const waiter = new Child<any>('dist/tests/processes/lock-child.js', [path, ...where])
  const { thread } = await waiter.expect()
  await until('it sleeps', () =>
    waitersOf(path, 'writeWaiters') > 0 && isAsleep(waiter.pid, thread))
  assert.equal(waiter.takeAll(), [], 'it has not got it')
  const before = { ms: machineMs(), sleeps: sleepsOf(waiter.pid, thread) }
  await holder.end()
  const endedMs = machineMs()
  const got = await waiter.expect()
  assert.ok(got.at > before.ms, 'not before the holder ended')
  assert.not(got.sees, 'what was not committed')
  const probes = Math.ceil((endedMs - before.ms) / PROBE_MS) + 1
  const sleeps = got.sleeps - before.sleeps
  assert.ok(sleeps <= probes + 5, `it went to sleep ${sleeps} times, ${probes} were enough`)
  assert.ok(got.at - endedMs < 20 * PROBE_MS, `${got.at - endedMs} ms after the holder ended`)
  await waiter.finish()
  assert.is(waitersOf(path, 'writeWaiters'), 0)
}

test(
  'who sleeps for the lock gets it when its holder is killed',
  withRegion(async (place) => {
    const path = withNumbers(place).path!
    for (let round = 0; round < 3; round++) {
      await endUnderWaiter(path, await holdingProcess(path), [])
    }
  }),
)

test(
  'a thread that sleeps for the lock gets it when another process terminates its holder\'s thread',
  withRegion(async (place) => {
    const path = withNumbers(place).path!
    for (let round = 0; round < 3; round++) {
      await endUnderWaiter(path, await holdingWorker(path), ['worker'])
    }
  }),
)

const DEAD_MS = 4 * PROBE_MS

test(
  'who was woken for the lock, but gets no processor, is soon taken for dead, and not for good',
  withRegion(async (place) => {
    const region = withNumbers(place)
    const path = region.path!
    const numbers = region.map('numbers', t.u32, t.u32)
    const commit = (): void => region.transact(() => numbers.set(0, 2), { durability: 'none' })
    const holder = await holdingProcess(path)
    const waiter = new Child<any>('dist/tests/processes/lock-child.js', [path])
    const { thread } = await waiter.expect()
    await until('it sleeps', () =>
      waitersOf(path, 'writeWaiters') > 0 && isAsleep(waiter.pid, thread))
    waiter.process.kill('SIGSTOP')
    await holder.end()
    const startMs = machineMs()
    for (let i = 0; i < 500; i++) commit()
    const waiters = waitersOf(path, 'writeWaiters')
    const took = machineMs() - startMs
    assert.ok(waiters === 1 || took >= DEAD_MS, 'it is reckoned with after 500 commits')
    await until('it is taken for dead', () => {
      commit()
      return waitersOf(path, 'writeWaiters') === 0
    })
    assert.ok(machineMs() - startMs >= DEAD_MS)
    region.transact(() => {
      waiter.process.kill('SIGCONT')
      for (let i = 0; i < 200 && waitersOf(path, 'writeWaiters') === 0; i++) sleepMs(PROBE_MS)
      assert.is(waitersOf(path, 'writeWaiters'), 1, 'it is reckoned with again')
    })
    assert.ok((await waiter.expect()).at > startMs)
    await waiter.finish()
    assert.is(waitersOf(path, 'writeWaiters'), 0)
  }),
)

test.run()
