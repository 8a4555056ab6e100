/** Random `get`, one record a call. */
import { userOf, weigh, type KeyKind } from '../record.js'
import {
  PER_OPERATION, atMost, expectSum, randomPicks, timed, visitsIn, type Workload,
} from '../workload.js'

const GETS = 300_000

const sumOf = (indices: Uint32Array): number =>
  indices.reduce((sum, index) => sum + weigh(userOf(index)), 0)

const randomGet = (keys: KeyKind, part: 'field' | 'whole'): Workload => ({
  name: `get-${keys}-${part}`,
  title: `Random get by ${keys}, ${part === 'field' ? 'one field' : 'every field'}`,
  keys, data: 'loaded', durability: 'none', metrics: PER_OPERATION,
  needs: [part === 'field' ? 'readField' : 'readWhole'],
  async run(bench) {
    const table = await bench.open()
    const count = atMost(GETS, bench.records)
    const [warm, picks] = [bench.seed + 1, bench.seed].map((seed) =>
      randomPicks({ ...bench, seed }, keys, count))
    const read = part === 'field' ? 'readField' as const : 'readWhole' as const
    let sum = await table[read]!(warm!)
    const cost = await timed(count, async () => { sum = await table[read]!(picks!) })
    expectSum(bench, 'get', sum, (part === 'field' ? visitsIn : sumOf)(picks!.indices))
    await table.close()
    return [cost]
  },
})

export const workloads = [
  randomGet('number', 'field'), randomGet('number', 'whole'),
  randomGet('string', 'field'), randomGet('string', 'whole'),
]
