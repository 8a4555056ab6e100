/** A hundred entries from a random key on. */
import { visitsOf } from '../record.js'
import { PER_OPERATION, atMost, expectSum, randomPicks, timed, type Workload } from '../workload.js'

const RANGES = 5000
const LENGTH = 100

function rightSum(indices: Uint32Array, records: number): number {
  let sum = 0
  for (const from of indices) {
    for (let index = from; index < Math.min(from + LENGTH, records); index++) sum += visitsOf(index)
  }
  return sum
}

export const workloads: Workload[] = [{
  name: 'range-100', title: 'Range of 100 entries, one field, a range',
  keys: 'number', data: 'loaded', durability: 'none', metrics: PER_OPERATION, needs: ['ranges'],
  async run(bench) {
    const table = await bench.open()
    const count = atMost(RANGES, bench.records)
    const picks = randomPicks(bench, 'number', count)
    let sum = await table.ranges!(randomPicks({ ...bench, seed: 1 }, 'number', count), LENGTH)
    const cost = await timed(count, async () => { sum = await table.ranges!(picks, LENGTH) })
    expectSum(bench, 'ranges', sum, rightSum(picks.indices, bench.records))
    await table.close()
    return [cost]
  },
}]
