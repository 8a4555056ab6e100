/**
 * Every workload with very few records, so that the benchmark never rots: ours, and of the peers
 * those that are installed. Whether what they read is right is checked as in a real run.
 */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { temporaryDirectory } from '../harness/temporary.js'
import { installedDrivers, OURS } from './drivers/index.js'
import { Rounds, median, type Series } from './rounds.js'
import { figure, times } from './report/numbers.js'
import { tableOf } from './report/table.js'
import { zipfRanks, randomNumbers, shuffled } from './random.js'
import { drawMix, MIX_NAMES } from './mix.js'
import { stringKeyOf, userOf } from './record.js'
import { canDo, type Workload } from './workload.js'
import { WORKLOADS } from './workloads/index.js'

const test = suite('bench')
const RECORDS = 100
/** Enough to run each kind of loop of the peers' drivers. */
const WITH_PEERS = new Set(['get-string-whole', 'bulk-load', 'ycsb-e', 'open'])

test('records are about 100 bytes, and the same every time', () => {
  const sizes = Array.from({ length: 1000 }, (_, index) => {
    const { name, address } = userOf(index)
    return name.length + address.length + 8 + 8 + 4 + 1
  })
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length
  assert.ok(mean > 80 && mean < 110, String(mean))
  assert.equal(userOf(77, 2), userOf(77, 2))
  assert.is(new Set(Array.from({ length: 5000 }, (_, index) => stringKeyOf(index))).size, 5000)
})

test('what is drawn is as it should be', () => {
  const order = shuffled(1000, randomNumbers(1))
  order.sort()
  assert.ok(order.every((number, index) => number === index))
  const ranks = zipfRanks(1000, randomNumbers(2))
  const drawn = Array.from({ length: 10_000 }, ranks)
  assert.ok(drawn.every((rank) => rank >= 0 && rank < 1000))
  assert.ok(drawn.filter((rank) => rank === 0).length > 500)
  for (const name of MIX_NAMES) {
    const { kinds, picks } = drawMix(name, 'string', RECORDS, 500, 3)
    assert.is(picks.keys.length, kinds.length)
  }
})

test('figures read well', () => {
  assert.is(median([3, 1, 2]), 2)
  assert.is(median([4, 1, 2, 3]), 2.5)
  assert.is(figure(1234567, 'ns'), '1.2 ms')
  assert.is(figure(0.5, 'ms'), '0.50 ms')
  assert.is(times(12.34), '12.3×')
})

/** What ours did not do, and the messages of whatever failed. */
async function runTiny(workloads: readonly Workload[], directory: string) {
  const drivers = await installedDrivers()
  const failures: string[] = []
  const rounds = new Rounds(directory, (line) => failures.push(line))
  const series: Series[] = []
  for (const workload of workloads) {
    const able = drivers.filter((driver) => canDo(driver, workload)
      && (driver.name === OURS || WITH_PEERS.has(workload.name)))
    series.push(...await rounds.run({ workload, records: RECORDS, drivers: able, rounds: 1 }))
  }
  return { series, failures }
}

test('every workload runs', async () => {
  const directory = temporaryDirectory()
  const halves = await Promise.all([0, 1].map((half) => runTiny(
    WORKLOADS.filter((_, index) => index % 2 === half), join(directory, String(half)))))
  const series = halves.flatMap((half) => half.series)
  assert.equal(halves.flatMap(({ failures }) => failures), [])
  const measured = new Set(series.filter(({ driver }) => driver === OURS)
    .map(({ workload }) => workload))
  assert.equal(WORKLOADS.map(({ name }) => name).filter((name) => !measured.has(name)), [])
  assert.ok(series.every(({ values }) => values.every((list) => list.every((value) => value > 0))))
  assert.match(tableOf(series, RECORDS), OURS)
})

test.run()
