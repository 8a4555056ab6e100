/**
 * Measurements in turns: in every round each driver once, in a fresh process, so that what disturbs
 * the machine disturbs all of them. Figures are medians over the rounds.
 */
import { execFile } from 'node:child_process'
import {
  closeSync, cpSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, rmSync,
} from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inRoot } from '../harness/paths.js'
import type { Driver } from './driver.js'
import type { Spec } from './measure.js'
import type { KeyKind } from './record.js'
import type { Workload } from './workload.js'

export interface Plan {
  workload: Workload
  records: number
  drivers: readonly Driver[]
  rounds: number
}

export interface Series {
  workload: string
  records: number
  driver: string
  /** A list for each metric of the workload: one value a round. */
  values: number[][]
  /**
   * The machine's load average, highest of the rounds: what else it had to do. 0 in the minutes in
   * which it still shows the benchmark's own processes.
   */
  load: number
}

const execute = promisify(execFile)
const LONGEST_MEASUREMENT_MS = 600_000
/** So long does the load average show processes that have ended. */
const LOAD_MEMORY_MS = 240_000

/** Runs `spec` in a process of its own and returns what it printed. */
async function inFreshProcess(spec: Spec): Promise<string> {
  const { stdout } = await execute(process.execPath, [
    '--max-old-space-size=8192', inRoot('dist/tests/bench/measure.js'), JSON.stringify(spec),
  ], { timeout: LONGEST_MEASUREMENT_MS, killSignal: 'SIGKILL', maxBuffer: 1 << 24 })
  return stdout
}

/** So that what is written back of a copy does not disturb the measurement. */
function syncFiles(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = openSync(join(entry.parentPath, entry.name), 'r')
    fsyncSync(file)
    closeSync(file)
  }
}

export class Rounds {
  readonly #directory: string
  readonly #log: (line: string) => void
  /** When several of our own processes last ran. */
  #crowded = -Infinity

  /** Files go below `directory`, on the disk to be measured; `dispose` removes them. */
  constructor(directory: string, log: (line: string) => void) {
    this.#directory = directory
    this.#log = log
    mkdirSync(directory, { recursive: true })
  }

  /** Measures every driver of the plan that can do it; one that fails is reported and left out. */
  async run({ workload, records, drivers, rounds }: Plan): Promise<Series[]> {
    const series = new Map(drivers.map((driver) => [driver, {
      workload: workload.name, records, driver: driver.name,
      values: workload.metrics.map((): number[] => []), load: 0,
    }]))
    for (let round = 0; round < rounds; round++) {
      for (const [driver, one] of series) {
        try {
          const values = await this.#measure(driver, workload, records, round)
          values.forEach((value, metric) => one.values[metric]!.push(value))
          one.load = Math.max(one.load, this.#loadOfOthers(workload))
        } catch (error) {
          this.#log(`${workload.name} ${driver.name}: ${(error as Error).message}`)
          series.delete(driver)
        }
      }
    }
    return [...series.values()]
  }

  #loadOfOthers({ shared }: Workload): number {
    if (shared) this.#crowded = Date.now()
    return Date.now() - this.#crowded < LOAD_MEMORY_MS ? 0 : loadavg()[0]!
  }

  /** Removes the loaded data of a size that no further plan needs, or of all. */
  dispose(records?: number): void {
    const of = (name: string): boolean => records === undefined || name.endsWith(`-${records}`)
    for (const name of readdirSync(this.#directory).filter(of)) {
      rmSync(join(this.#directory, name), { recursive: true })
    }
  }

  async #measure(
    driver: Driver, workload: Workload, records: number, round: number,
  ): Promise<number[]> {
    const spec = { driver: driver.name, workload: workload.name, keys: workload.keys, records }
    const seed = 1000 * (round + 1)
    if (workload.data === 'loaded') {
      const directory = await this.#loaded(driver, workload.keys, records)
      return JSON.parse(await inFreshProcess({ ...spec, directory, seed }))
    }
    const directory = join(this.#directory, 'scratch')
    rmSync(directory, { recursive: true, force: true })
    if (workload.data === 'copy') {
      cpSync(await this.#loaded(driver, workload.keys, records), directory, { recursive: true })
      syncFiles(directory)
    } else {
      mkdirSync(directory)
    }
    try {
      return JSON.parse(await inFreshProcess({ ...spec, directory, seed }))
    } finally {
      rmSync(directory, { recursive: true })
    }
  }

  async #loaded(driver: Driver, keys: KeyKind, records: number): Promise<string> {
    const name = driver.name.replace(/\W/g, '-')
    const directory = join(this.#directory, `${name}-${keys}-${records}`)
    if (existsSync(directory)) return directory
    mkdirSync(directory)
    try {
      await inFreshProcess({ driver: driver.name, keys, records, directory, seed: 0 })
      syncFiles(directory)
    } catch (error) {
      rmSync(directory, { recursive: true })
      throw error
    }
    return directory
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
