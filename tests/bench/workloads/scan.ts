/** Every record in order. */
import { userOf, visitsOf, weigh } from '../record.js'
import { PER_OPERATION, expectSum, timed, type Workload } from '../workload.js'

/** Until the engine has compiled the loop for good. */
const WARM_PASSES = 3

const TITLES = {
  Field: 'Scan, one field, an entry',
  Column: 'Scan, one field in one call, an entry',
  Whole: 'Scan, every field, an entry',
}

const scan = (part: keyof typeof TITLES): Workload => ({
  name: `scan-${part.toLowerCase()}`,
  title: TITLES[part],
  keys: 'number', data: 'loaded', durability: 'none', metrics: PER_OPERATION,
  needs: [`scan${part}`],
  async run(bench) {
    const table = await bench.open()
    let sum = 0
    for (let pass = 0; pass < WARM_PASSES; pass++) sum = await table[`scan${part}`]!()
    const cost = await timed(bench.records, async () => { sum = await table[`scan${part}`]!() })
    let right = 0
    for (let index = 0; index < bench.records; index++) {
      right += part === 'Whole' ? weigh(userOf(index)) : visitsOf(index)
    }
    expectSum(bench, 'scan', sum, right)
    await table.close()
    return [cost]
  },
})

export const workloads = [scan('Field'), scan('Column'), scan('Whole')]
