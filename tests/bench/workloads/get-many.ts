/** Many records in one call: as records, and one field of them as a column. */
import { randomNumbers, shuffled } from '../random.js'
import { picksOf, type Picks } from '../record.js'
import {
  PER_OPERATION, atMost, expectSum, timed, visitsIn, type Bench, type Workload,
} from '../workload.js'

const KEYS_A_CALL = 1000
const CALLS = 200
const COLUMN = 1_000_000

/** Each key once in a call. */
function calls(bench: Bench, size: number, count: number): Picks[] {
  const indices = shuffled(bench.records, randomNumbers(bench.seed), atMost(size, bench.records))
  const rotated = (by: number) => indices.map((index) => (index + by * 7919) % bench.records)
  return Array.from({ length: count }, (_, at) => picksOf('number', rotated(at)))
}

const many = (
  { name, title, method, size, count }: {
    name: string; title: string; method: 'readMany' | 'readColumn'; size: number; count: number
  },
): Workload => ({
  name, title, keys: 'number', data: 'loaded', durability: 'none', metrics: PER_OPERATION,
  needs: [method],
  async run(bench) {
    const table = await bench.open()
    const times = Math.min(count, Math.ceil(bench.records / size * 10))
    const [warm, ...picks] = calls(bench, size, times + 1)
    let sum = await table[method]!(warm!)
    const each = warm!.keys.length
    const cost = await timed(each * times, async () => {
      for (const call of picks) sum += await table[method]!(call)
    })
    const right = [warm!, ...picks].reduce((all, { indices }) => all + visitsIn(indices), 0)
    expectSum(bench, name, sum, right)
    await table.close()
    return [cost]
  },
})

export const workloads = [
  many({
    name: 'get-many', title: '`getMany` of 1,000 random records, each', method: 'readMany',
    size: KEYS_A_CALL, count: CALLS,
  }),
  many({
    name: 'get-column', title: '`getColumn` of up to a million random records, each',
    method: 'readColumn', size: COLUMN, count: 2,
  }),
]
