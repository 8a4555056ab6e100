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
  /** Changes that are made before the clock starts; by default a fifth of `count`. */
  warm?: number
  run(table: Table, picks: Picks, revision: number): unknown
}

const small = (spec: Small): Workload => ({
  name: spec.name, title: spec.title, keys: 'number', data: 'copy', durability: spec.durability,
  metrics: PER_OPERATION, needs: [spec.method],
  async run(bench) {
    const table = await bench.open()
    const most = bench.records * 10
    const count = Math.min(spec.count, most)
    const before = Math.min(spec.warm ?? Math.ceil(count / 5), most)
    const warm = randomPicks({ ...bench, seed: bench.seed + 1 }, 'number', before)
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

const single = (
  durability: Durability, name: string, how: string, count: number, warm?: number,
): Workload => small({
  name, title: `One change a transaction, ${how}`, durability, method: 'single', count, each: 1,
  ...(warm === undefined ? {} : { warm }),
  run: (table, picks, revision) => table.single!(picks, revision),
})

const grouped = (durability: Durability, name: string, how: string, count: number): Workload =>
  small({
    name, title: `100 changes a transaction, ${how}, a transaction`, durability,
    method: 'grouped', count, each: GROUP,
    run: (table, picks, revision) => table.grouped!(picks, revision, GROUP),
  })

export const workloads = [
  single('none', 'single', 'not synced', 200_000, 300_000),
  small({
    name: 'single-field', title: 'One field changed a transaction, not synced',
    durability: 'none', method: 'singleField', count: 200_000, each: 1, warm: 300_000,
    run: (table, picks, revision) => table.singleField!(picks, revision),
  }),
  // Nearly every change is the first one of its page since the file was opened.
  single('none', 'single-first', 'not synced, in pages not touched before', 20_000, 2_000),
  // Enough of both that the code is compiled, and some checkpoints are among them.
  single('sync', 'single-durable', 'durable', 5_000, 3_000),
  grouped('none', 'grouped', 'not synced', 50_000),
  grouped('sync', 'grouped-durable', 'durable', 20_000),
  small({
    name: 'write', title: 'Promised durable writes, a thousand under way, a write',
    durability: 'sync', method: 'writes', count: 20_000, each: 1,
    run: (table, picks, revision) => table.writes!(picks, revision, BURST),
  }),
]
