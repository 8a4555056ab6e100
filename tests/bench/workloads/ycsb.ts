/** The mixes of YCSB: by string key, every change a transaction of its own, not synced. */
import { Kind, MIX_NAMES, MIX_TITLES, drawMix, type Mix, type MixName } from '../mix.js'
import { PER_OPERATION, timed, type Workload } from '../workload.js'

/** Operations that are timed. Short scans are a hundred times as much work. */
const operationsOf = (name: MixName): number => name === 'E' ? 10_000 : 60_000

/** Half as many of the same kinds come before the clock starts: their inserts are there already. */
const ycsb = (name: MixName): Workload => ({
  name: `ycsb-${name.toLowerCase()}`, title: MIX_TITLES[name],
  keys: 'string', data: name === 'C' ? 'loaded' : 'copy', durability: 'none',
  metrics: PER_OPERATION, needs: name === 'E' ? ['mix', 'ranges'] : ['mix'],
  async run(bench) {
    const table = await bench.open()
    const { records, seed } = bench
    const count = Math.min(operationsOf(name), records * 10)
    const warm = drawMix(name, 'string', records, Math.ceil(count / 2), seed + 1)
    const mix = drawMix(name, 'string', records + insertsIn(warm), count, seed)
    await table.mix!(warm)
    const cost = await timed(count, () => table.mix!(mix))
    await table.close()
    return [cost]
  },
})

const insertsIn = ({ kinds }: Mix): number => kinds.filter((kind) => kind === Kind.insert).length

export const workloads = MIX_NAMES.map(ycsb)
