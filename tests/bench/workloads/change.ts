/** Changes of loaded data in random places, in one transaction: overwrite, delete. */
import { randomNumbers, shuffled } from '../random.js'
import { picksOf } from '../record.js'
import {
  PER_OPERATION, atMost, expectRecords, timed, type Bench, type Workload,
} from '../workload.js'

const CHANGES = 1_000_000

const picksFor = ({ records, seed }: Bench, share: number) => picksOf('number',
  shuffled(records, randomNumbers(seed), atMost(CHANGES, Math.ceil(records * share))))

export const workloads: Workload[] = [{
  name: 'overwrite', title: 'Random overwrite, one transaction, a record',
  keys: 'number', data: 'copy', durability: 'none', metrics: PER_OPERATION,
  needs: ['overwrite', 'readField'],
  async run(bench) {
    const table = await bench.open()
    const picks = picksFor(bench, 1)
    const cost = await timed(picks.keys.length, () => table.overwrite!(picks, 1))
    await expectRecords(bench, table, picks, 1)
    await table.close()
    return [cost]
  },
}, {
  name: 'delete', title: 'Random delete of half the records, one transaction, a record',
  keys: 'number', data: 'copy', durability: 'none', metrics: PER_OPERATION, needs: ['delete'],
  async run(bench) {
    const table = await bench.open()
    const picks = picksFor(bench, 0.5)
    const cost = await timed(picks.keys.length, () => table.delete!(picks))
    await table.close()
    return [cost]
  },
}]
