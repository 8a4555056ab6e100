/** What a workload is: how it gets its data, what it needs of a driver, and what it measures. */
import { performance } from 'node:perf_hooks'
import type { Driver, Durability, Table, TableMethod } from './driver.js'
import { picksBelow, randomNumbers } from './random.js'
import { picksOf, visitsOf, type KeyKind, type Picks } from './record.js'

export interface Metric {
  /** What is measured, where a workload has several; else ''. */
  label: string
  unit: 'ns' | 'µs' | 'ms' | 'MiB' | 'bytes' | 'per second'
  better: 'lower' | 'higher'
}

/** One measurement: in a process of its own. */
export interface Bench {
  driver: Driver
  records: number
  /** Different in every round. */
  seed: number
  /** The files: shared by all rounds if the data is 'loaded', else for this round alone. */
  directory: string
  open(options?: { durability?: Durability; create?: boolean }): Promise<Table>
}

export interface Workload {
  name: string
  title: string
  keys: KeyKind
  /** 'loaded': as loaded, only read; 'copy': loaded, changed; 'empty': an empty folder. */
  data: 'loaded' | 'copy' | 'empty'
  durability: Durability
  needs: readonly TableMethod[]
  /** The kinds of drivers that it says something about; by default all. */
  kinds?: readonly Driver['kind'][]
  /** Several processes take part. */
  shared?: true
  /** The result is the same every time: one round is enough. */
  deterministic?: true
  metrics: readonly Metric[]
  /** One value for each metric. */
  run(bench: Bench): Promise<number[]>
}

export function canDo(driver: Driver, workload: Workload): boolean {
  return workload.needs.every((method) => driver.methods.includes(method))
    && (workload.kinds?.includes(driver.kind) ?? true)
    && !(workload.shared && driver.exclusive)
}

/** The environment variable that chooses what `timed` goes by. */
export const CLOCK = 'RSTORE_BENCH_CLOCK'

export const PER_OPERATION: readonly Metric[] = [{ label: '', unit: 'ns', better: 'lower' }]

/**
 * Milliseconds: of the clock, or of processor time, which says more on a machine that is busy with
 * something else, and nothing about waiting for a disk: durable workloads always go by the clock.
 */
function now(): number {
  if (process.env[CLOCK] !== 'cpu') return performance.now()
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Nanoseconds for each of `count` operations. */
export async function timed(count: number, run: () => unknown): Promise<number> {
  const begun = now()
  await run()
  return (now() - begun) * 1e6 / count
}

/** `count` operations, fewer where there are fewer records: a tiny run is quick. */
export const atMost = (count: number, records: number): number => Math.min(count, records)

export function randomPicks({ records, seed }: Bench, keys: KeyKind, count: number): Picks {
  return picksOf(keys, picksBelow(records, count, randomNumbers(seed)))
}

export function visitsIn(indices: Uint32Array, revision = 0): number {
  let sum = 0
  for (let at = 0; at < indices.length; at++) sum += visitsOf(indices[at]!, revision)
  return sum
}

/** A driver that reads or leaves something else than was asked for measures nothing. */
export function expectSum({ driver }: Bench, what: string, found: number, right: number): void {
  if (Math.abs(found - right) <= Math.abs(right) * 1e-9) return
  throw new Error(`${driver.name} gave a wrong sum in ${what}: ${found}, not ${right}`)
}

/** After changes: some records are what they should be. */
export async function expectRecords(
  bench: Bench, table: Table, picks: Picks, revision: number,
): Promise<void> {
  const few = { indices: picks.indices.slice(0, 100), keys: Array.from(picks.keys).slice(0, 100) }
  const found = await table.readField!(few)
  expectSum(bench, 'the check of what was written', found, visitsIn(few.indices, revision))
}
