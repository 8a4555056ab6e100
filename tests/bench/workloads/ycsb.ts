/** The mixes of YCSB: by string key, every change a transaction of its own, not synced. */
import { MIX_NAMES, MIX_TITLES, drawMix, type MixName } from '../mix.js'
import { PER_OPERATION, timed, type Workload } from '../workload.js'

/** Short scans are a hundred times as much work. */
const operationsOf = (name: MixName): number => name === 'E' ? 5000 : 50_000

const ycsb = (name: MixName): Workload => ({
  name: `ycsb-${name.toLowerCase()}`, title: MIX_TITLES[name],
  keys: 'string', data: name === 'C' ? 'loaded' : 'copy', durability: 'none',
  metrics: PER_OPERATION, needs: name === 'E' ? ['mix', 'ranges'] : ['mix'],
  async run(bench) {
    const table = await bench.open()
    const count = Math.min(operationsOf(name), bench.records * 10)
    const warm = drawMix(name === 'D' || name === 'E' ? 'C' : name, 'string', bench.records,
      Math.ceil(count / 5), bench.seed + 1)
    const mix = drawMix(name, 'string', bench.records, count, bench.seed)
    await table.mix!(warm)
    const cost = await timed(count, () => table.mix!(mix))
    await table.close()
    return [cost]
  },
})

export const workloads = MIX_NAMES.map(ycsb)
