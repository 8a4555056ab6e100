/**
 * A process in which workers end while they use the library: ending-child.js folder kind count. It
 * says what the workers were told was committed, and has to live to say it.
 *
 * Worker w commits n to all entries of its own, for n = 1, 2, …, and does what its kind does in
 * between. Two workers run at a time. Of each five, three are terminated, one calls
 * `process.exit()`, one throws.
 */
import { setImmediate, setTimeout as wait } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Packed, Pool, Region, SharedVector, Store, t } from 'rstore'
import { say } from '../harness/child.js'
import { inRoot } from '../harness/paths.js'

/** How many a worker sets in each transaction: they are in several nodes. */
const ENTRIES = 400
/** Worker w has the entries from w * ENTRIES on. */
const entriesOf = (region: Region) => region.map('entries', t.i32, t.u32)

interface Task {
  folder: string
  kind: string
  index: number
  way: 'terminate' | 'exit' | 'throw'
  acknowledged: Uint32Array
}

const Root = t.struct('Root', { count: t.u32 })
const ASYNC_TICKS = 4
const RUNNING_MS = 8

// ── the process ──

async function runWorker(task: Task): Promise<void> {
  const worker = new Worker(inRoot('dist/tests/processes/ending-child.js'), { workerData: task })
  const exited = new Promise((resolve) => worker.once('exit', resolve))
  const runs = new Promise((resolve) => worker.once('message', resolve))
  worker.on('error', (error) => {
    if (error.message !== 'meant') say({ failed: String(error.stack) })
  })
  if (task.way === 'terminate') {
    // One that only loads the library never says that it runs.
    if (task.kind === 'load') await wait(20 + Math.random() * 100)
    else await Promise.race([runs, exited])
    await wait(Math.random() * RUNNING_MS)
    await worker.terminate()
  }
  await exited
}

async function runProcess(folder: string, kind: string, count: number): Promise<void> {
  const path = `${folder}/test.region`
  const region = Region.create(path, { capacity: '64MiB', durability: 'none' })
  SharedVector.create(`${folder}/vector`, t.f64).close()
  Region.pack(`${folder}/packed`, { root: Root }, (_region, root) => root)!.close()
  const acknowledged = new Uint32Array(new SharedArrayBuffer(4 * count))
  let next = 0
  let slowestMs = 0
  const runSome = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      const way = (['terminate', 'terminate', 'terminate', 'exit', 'throw'] as const)[index % 5]!
      await runWorker({ folder, kind, index, way, acknowledged })
      const begun = performance.now()
      region.transact(() => entriesOf(region).set(-1, index), { timeoutMs: 5000 })
      slowestMs = Math.max(slowestMs, performance.now() - begun)
    }
  }
  await Promise.all([runSome(), runSome()])
  const wrong = [...acknowledged].flatMap((least, index) => wrongOf(region, index, least))
  say({ wrong, slots: region.readers().length, slowestMs })
  region.close()
}

/** Transactions of a worker that are there in part, or that it was told of and are gone. */
function wrongOf(region: Region, index: number, least: number): string[] {
  const entries = entriesOf(region)
  const found = new Set<number>()
  for (let i = 0; i < ENTRIES; i++) found.add(entries.get(index * ENTRIES + i) ?? 0)
  const text = `worker ${index}: ${[...found].join()} is there, ${least} was acknowledged`
  return found.size === 1 && [...found][0]! >= least ? [] : [text]
}

// ── a worker ──

/** What a worker of each kind does over and over, beside committing. */
function stepOf({ folder, kind }: Task, region: Region): () => void | Promise<unknown> {
  const path = `${folder}/test.region`
  const vector = kind.startsWith('vector') ? SharedVector.open(`${folder}/vector`, t.f64) : null
  const store = kind === 'packed' ? Store.open(`${folder}/store`, { create: true }) : null
  let count = 0
  const steps: Record<string, () => void | Promise<unknown>> = {
    write: () => undefined,
    flush: () => region.flush(),
    checkpoint: () => region.checkpoint(),
    verify: () => region.verify(),
    backup: () => region.backup(`${folder}/backup-${process.pid}-${Math.random()}`),
    epochs: async () => {
      const epochs = region.epochs()[Symbol.asyncIterator]()
      const told = epochs.next()
      entriesOf(region).get(0)
      await Promise.race([told, setImmediate()])
      await epochs.return!()
    },
    open: () => {
      const other = Region.open(path)
      entriesOf(other).get(0)
      other.close()
    },
    packed: () => {
      const packed = Packed.load(`${folder}/packed`, { root: Root })
      packed.close()
      store!.pack(null, { root: Root }, (_region, root) => root)!.close()
    },
    pool: () => {
      const block = Pool.default.region()
      const texts = block.map('texts', t.u32, t.string)
      for (let i = 0; i < 200; i++) texts.set(i, `text ${i}`)
      block.free()
    },
    vectorOpen: () => {
      const other = SharedVector.open(`${folder}/vector`, t.f64)
      other.push(count++)
      other.close()
    },
    vectorWait: async () => {
      const reached = vector!.waitForSize(vector!.size + 1)
      vector!.push(count++)
      await reached
    },
    vectorFlush: () => {
      vector!.push(count++)
      return vector!.flush()
    },
  }
  return steps[kind]!
}

async function end(way: 'exit' | 'throw'): Promise<never> {
  for (let ticks = Math.random() * ASYNC_TICKS; ticks > 1; ticks--) await setImmediate()
  if (way === 'throw') throw new Error('meant')
  return process.exit(0)
}

async function runTask(task: Task): Promise<void> {
  const { way, index, kind, acknowledged, folder } = task
  if (kind === 'load') {
    if (way !== 'terminate') await end(way)
    return wait(60_000)
  }
  const region = Region.open(`${folder}/test.region`)
  const entries = entriesOf(region)
  const step = stepOf(task, region)
  parentPort!.postMessage('runs')
  const endAt = performance.now() + Math.random() * RUNNING_MS
  for (let n = 1; ; n++) {
    const set = (): void => {
      for (let i = 0; i < ENTRIES; i++) entries.set(index * ENTRIES + i, n)
    }
    if (kind === 'write') await region.write(set)
    else region.transact(set, { durability: 'none' })
    Atomics.store(acknowledged, index, n)
    if (way === 'terminate' || performance.now() < endAt) {
      await step()
    } else {
      void step()
      await end(way)
    }
  }
}

if (isMainThread) {
  const [, , folder, kind, count] = process.argv as [string, string, string, string, string]
  await runProcess(folder, kind, Number(count))
} else {
  await runTask(workerData as Task)
}
