/** From nothing open to the first answer; and what loading the module itself takes. */
import { performance } from 'node:perf_hooks'
import { expectSum, randomPicks, visitsIn, type Metric, type Workload } from '../workload.js'

const MILLISECONDS: readonly Metric[] = [{ label: '', unit: 'ms', better: 'lower' }]

export const workloads: Workload[] = [{
  name: 'open', title: 'Open and first answer',
  keys: 'number', data: 'loaded', durability: 'none', metrics: MILLISECONDS, needs: ['readField'],
  kinds: ['store', 'file'],
  async run(bench) {
    await bench.driver.load()
    const picks = randomPicks(bench, 'number', 1)
    const begun = performance.now()
    const table = await bench.open()
    const sum = await table.readField!(picks)
    const ms = performance.now() - begun
    expectSum(bench, 'the first answer', sum, visitsIn(picks.indices))
    await table.close()
    return [ms]
  },
}, {
  name: 'startup', title: 'Loading the module',
  keys: 'number', data: 'empty', durability: 'none', metrics: MILLISECONDS, needs: [],
  kinds: ['store'],
  async run({ driver }) {
    const begun = performance.now()
    await driver.load()
    return [performance.now() - begun]
  },
}]
