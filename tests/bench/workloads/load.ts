/** From nothing to all records: one by one in order, as sorted bulk, and in random order. */
import { sequence } from '../random.js'
import { picksOf, type KeyKind } from '../record.js'
import type { Durability, TableMethod } from '../driver.js'
import { PER_OPERATION, expectRecords, timed, type Workload } from '../workload.js'

interface Load { name: string; title: string; keys: KeyKind; durability: Durability; bulk?: true }

const load = ({ name, title, keys, durability, bulk }: Load): Workload => ({
  name, title, keys, data: 'empty', durability, metrics: PER_OPERATION,
  needs: [bulk ? 'bulkLoad' : 'insert', 'readField'] satisfies TableMethod[],
  async run(bench) {
    const table = await bench.open({ create: true })
    const picks = picksOf(keys, sequence(0, bench.records))
    const cost = await timed(bench.records, () =>
      bulk ? table.bulkLoad!(bench.records) : table.insert!(picks))
    await expectRecords(bench, table, picks, 0)
    await table.close()
    return [cost]
  },
})

export const workloads = [
  load({
    name: 'insert-sequential', title: 'Sequential insert, one transaction, a record',
    keys: 'number', durability: 'none',
  }),
  load({
    name: 'insert-sequential-durable', title: 'Sequential insert, durable at its end, a record',
    keys: 'number', durability: 'sync',
  }),
  load({
    name: 'bulk-load', title: 'Sorted bulk load, a record', keys: 'number', durability: 'none',
    bulk: true,
  }),
  load({
    name: 'insert-random', title: 'Random insert by string, one transaction, a record',
    keys: 'string', durability: 'none',
  }),
]
