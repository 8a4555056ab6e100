/**
 * A large region overwritten in many transactions beside an idle and a busy reader: what memory
 * each process takes, and how long it takes to open the region in the middle of it.
 */
import { Region, t } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { mainThreadMs } from './clocks.js'
import { privateMemory, type PrivateMemory } from './memory.js'

export interface Plan {
  path: string
  totalBytes: number
  transactions: number
  /** Of every handle. */
  privateBytes: number
  logBytes: number
  onProgress?(done: number, result: Result): void
}

export interface Result {
  /** The most that each process had. */
  writer: PrivateMemory
  idle: PrivateMemory
  busy: PrivateMemory
  openMs: number[]
  /** The same of the processor's time, in the thread that opened. */
  openCpuMs: number[]
  logBytes: number
  rounds: number
}

/** The largest of it that any of the processes had. */
export const most = ({ writer, idle, busy }: Result, what: keyof PrivateMemory): number =>
  Math.max(writer[what], idle[what], busy[what])

const nothing = (): PrivateMemory => ({ anonymousBytes: 0, dirtyBytes: 0 })

const larger = (one: PrivateMemory, other: PrivateMemory): PrivateMemory => ({
  anonymousBytes: Math.max(one.anonymousBytes, other.anonymousBytes),
  dirtyBytes: Math.max(one.dirtyBytes, other.dirtyBytes),
})

export const VALUE_BYTES = 4000

export const valuesOf = (region: { map: Region['map'] }) => region.map('values', t.u32, t.bytes)

/**
 * In a process of its own: writes value by value, in so many transactions, twice: to fill and to
 * overwrite.
 */
export async function overwrite({
  path,
  totalBytes,
  transactions,
  privateBytes,
  logBytes,
  onProgress,
}: Plan): Promise<Result> {
  const count = Math.floor(totalBytes / VALUE_BYTES)
  const perTransaction = Math.ceil(count / transactions)
  const limits = { privateBytes, logBytes }
  const region = Region.create(path, { capacity: '16GiB', durability: 'none', ...limits })
  const values = valuesOf(region)
  const result: Result = {
    writer: nothing(),
    idle: nothing(),
    busy: nothing(),
    openMs: [],
    openCpuMs: [],
    logBytes: 0,
    rounds: 0,
  }
  const value = new Uint8Array(VALUE_BYTES)
  const children: Child<{ ready?: boolean; ms?: number; rounds?: number }>[] = []
  try {
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < transactions; i++) {
        value.fill(pass * 100 + i)
        region.transact(() => {
          const end = Math.min(count, (i + 1) * perTransaction)
          for (let n = i * perTransaction; n < end; n++) values.set(n, value)
        })
        if (i % Math.ceil(transactions / 20) === 0) await measure()
      }
      if (pass === 0) await startReaders()
    }
    return result
  } finally {
    for (const child of children) await child.kill()
    region.close()
  }

  async function startReaders(): Promise<void> {
    for (const role of ['idle', 'busy']) {
      const child = new Child<{ ready?: boolean }>('dist/tests/processes/memory-reader.js', [
        path,
        role,
        String(count),
        String(privateBytes),
      ])
      children.push(child)
      await child.expect()
    }
  }

  async function measure(): Promise<void> {
    result.writer = larger(result.writer, privateMemory())
    result.logBytes = Math.max(result.logBytes, region.stats().logBytes)
    if (children.length === 2) {
      const [idle, busy] = children as [Child, Child<{ rounds?: number }>]
      result.idle = larger(result.idle, privateMemory(idle.pid))
      result.busy = larger(result.busy, privateMemory(busy.pid))
      result.rounds += busy.takeAll().length
      const begun = performance.now()
      const cpuBegun = mainThreadMs()
      const opened = Region.open(path, { readOnly: true, privateBytes })
      valuesOf(opened as unknown as Region).get(5)
      result.openMs.push(performance.now() - begun)
      result.openCpuMs.push(mainThreadMs() - cpuBegun)
      opened.close()
    }
    onProgress?.(result.openMs.length, result)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
