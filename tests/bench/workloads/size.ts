/**
 * Bytes on the disk for each record: after a load, and after churn that keeps the number of
 * records.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Table } from '../driver.js'
import { randomNumbers, shuffled } from '../random.js'
import { picksOf } from '../record.js'
import { atMost, type Bench, type Metric, type Workload } from '../workload.js'

const ROUNDS = 5
/** Changes in one transaction. */
const GROUP = 1000
const STAT_BLOCK_BYTES = 512

const BYTES: readonly Metric[] = [{ label: '', unit: 'bytes', better: 'lower' }]

/** What is allocated: holes are free. */
function bytesIn(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(directory, name)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.blocks * STAT_BLOCK_BYTES : 0), 0)
}

/** A fifth of the records overwritten, a tenth deleted and put back, each round. */
async function churn({ records, seed }: Bench, table: Table, round: number): Promise<void> {
  const random = randomNumbers(seed + round)
  const pick = (share: number) => picksOf('number',
    shuffled(records, random, atMost(200_000, Math.ceil(records * share))))
  await table.grouped!(pick(0.2), round, GROUP)
  const gone = pick(0.1)
  await table.delete!(gone)
  await table.grouped!(gone, round, GROUP)
}

export const workloads: Workload[] = [{
  name: 'size-loaded', title: 'Bytes on disk after load, a record',
  keys: 'number', data: 'loaded', durability: 'none', needs: [], kinds: ['store', 'file'],
  metrics: BYTES, deterministic: true,
  run: async ({ directory, records }) => [bytesIn(directory) / records],
}, {
  name: 'size-churned', title: 'Bytes on disk after churn, a record',
  keys: 'number', data: 'copy', durability: 'none', needs: ['grouped', 'delete'],
  metrics: BYTES, deterministic: true,
  async run(bench) {
    const table = await bench.open()
    for (let round = 1; round <= ROUNDS; round++) await churn(bench, table, round)
    await table.close()
    return [bytesIn(bench.directory) / bench.records]
  },
}]
