/**
 * One measurement, in this process alone: `node measure.js SPEC`. Prints the values as JSON.
 * Without a workload it makes the files that measurements of loaded data open.
 */
import { argv } from 'node:process'
import type { Driver, OpenOptions } from './driver.js'
import { driverNamed } from './drivers/index.js'
import { sequence } from './random.js'
import { picksOf, type KeyKind } from './record.js'
import { workloadNamed } from './workloads/index.js'
import { CLOCK } from './workload.js'

export interface Spec {
  driver: string
  workload?: string
  keys: KeyKind
  records: number
  directory: string
  seed: number
}

const PREPARED_AT_A_TIME = 1_000_000

async function prepare(driver: Driver, { keys, records, directory }: Spec): Promise<void> {
  const options: OpenOptions = { keys, records, durability: 'none', create: true }
  if (driver.prepare) return driver.prepare(directory, options)
  const table = await driver.open(directory, options)
  if (keys === 'number') {
    await table.bulkLoad!(records)
  } else {
    for (let from = 0; from < records; from += PREPARED_AT_A_TIME) {
      const count = Math.min(PREPARED_AT_A_TIME, records - from)
      await table.insert!(picksOf(keys, sequence(from, count)))
    }
  }
  await table.close()
}

async function main(spec: Spec): Promise<void> {
  const driver = driverNamed(spec.driver)
  if (spec.workload === undefined) return prepare(driver, spec)
  const workload = workloadNamed(spec.workload)
  const { keys, durability } = workload
  if (durability === 'sync') delete process.env[CLOCK]
  const values = await workload.run({
    driver, records: spec.records, seed: spec.seed, directory: spec.directory,
    open: (options = {}) => driver.open(spec.directory, {
      keys, durability, records: spec.records, create: false, ...options,
    }),
  })
  console.log(JSON.stringify(values))
}

await main(JSON.parse(argv[2]!) as Spec)
