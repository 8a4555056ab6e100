/** Every record in order. */
import { userOf, visitsOf, weigh } from '../record.js'
import { PER_OPERATION, expectSum, timed, type Workload } from '../workload.js'

/** Until the engine has compiled the loop for good. */
const WARM_PASSES = 3

const scan = (part: 'Field' | 'Whole'): Workload => ({
  name: `scan-${part.toLowerCase()}`,
  title: `Scan, ${part === 'Field' ? 'one field' : 'every field'}, an entry`,
  keys: 'number', data: 'loaded', durability: 'none', metrics: PER_OPERATION,
  needs: [`scan${part}`],
  async run(bench) {
    const table = await bench.open()
    let sum = 0
    for (let pass = 0; pass < WARM_PASSES; pass++) sum = await table[`scan${part}`]!()
    const cost = await timed(bench.records, async () => { sum = await table[`scan${part}`]!() })
    let right = 0
    for (let index = 0; index < bench.records; index++) {
      right += part === 'Field' ? visitsOf(index) : weigh(userOf(index))
    }
    expectSum(bench, 'scan', sum, right)
    await table.close()
    return [cost]
  },
})

export const workloads = [scan('Field'), scan('Whole')]
