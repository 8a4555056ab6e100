/** Many small transactions on loaded data. */
import type { Durability, Table, TableMethod } from '../driver.js'
import type { Picks } from '../record.js'
import { PER_OPERATION, expectRecords, randomPicks, timed, type Workload } from '../workload.js'

interface Small {
  name: string
  title: string
  durability: Durability
  method: TableMethod
  count: number
  /** How many changes make one operation of the result. */
  each: number
  run(table: Table, picks: Picks, revision: number): unknown
}

const small = (spec: Small): Workload => ({
  name: spec.name, title: spec.title, keys: 'number', data: 'copy', durability: spec.durability,
  metrics: PER_OPERATION, needs: [spec.method],
  async run(bench) {
    const table = await bench.open()
    const count = Math.min(spec.count, bench.records * 10)
    const warm = randomPicks({ ...bench, seed: bench.seed + 1 }, 'number', Math.ceil(count / 5))
    const picks = randomPicks(bench, 'number', count)
    await spec.run(table, warm, 1)
    const cost = await timed(count / spec.each, () => spec.run(table, picks, 2))
    if (table.readField) await expectRecords(bench, table, picks, 2)
    await table.close()
    return [cost]
  },
})

const GROUP = 100
const BURST = 1000

const single = (durability: Durability, name: string, how: string, count: number): Workload =>
  small({
    name, title: `One change a transaction, ${how}`, durability, method: 'single', count, each: 1,
    run: (table, picks, revision) => table.single!(picks, revision),
  })

const grouped = (durability: Durability, name: string, how: string, count: number): Workload =>
  small({
    name, title: `100 changes a transaction, ${how}, a transaction`, durability,
    method: 'grouped', count, each: GROUP,
    run: (table, picks, revision) => table.grouped!(picks, revision, GROUP),
  })

export const workloads = [
  single('none', 'single', 'not synced', 20_000),
  single('sync', 'single-durable', 'durable', 500),
  grouped('none', 'grouped', 'not synced', 50_000),
  grouped('sync', 'grouped-durable', 'durable', 20_000),
  small({
    name: 'write', title: 'Promised durable writes, a thousand under way, a write',
    durability: 'sync', method: 'writes', count: 20_000, each: 1,
    run: (table, picks, revision) => table.writes!(picks, revision, BURST),
  }),
]
