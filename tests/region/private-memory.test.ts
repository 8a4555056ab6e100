/** How many pages of its own a handle has while small changes are scattered over many pages. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type ReadOnlyRegion, type Region } from '../../lib/index.js'
import { until } from '../harness/until.js'
import { nextTurn, withRegion, type Place } from '../harness/with-region.js'

const test = suite('private memory')

const MIB = 2 ** 20
const BUDGET = 2 * MIB
const RECORDS = 6_000
const CHANGES = 400
const PAGE_BYTES = 4096

/** A record fills a page: changing a field of it changes one line. */
const Wide = t.struct(
  'Wide',
  Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, t.f64])),
)

const wideOf = (region: Region | ReadOnlyRegion) => (region as Region).map('wide', t.u32, Wide)

async function filled(place: Place): Promise<Region> {
  const region = place.create({ capacity: '64MiB', privateBytes: BUDGET })
  const wide = wideOf(region)
  const record = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, i]))
  for (let from = 0; from < RECORDS; from += 500) {
    region.transact(() => {
      for (let key = from; key < from + 500; key++) wide.set(key, record)
    })
  }
  await region.checkpoint()
  await nextTurn()
  return region
}

/** Changes one line in each of so many pages, others each time. */
function changer(region: Region): (round: number) => void {
  const wide = wideOf(region)
  return (round) =>
    region.transact(() => {
      for (let i = 0; i < CHANGES; i++) {
        wide.get(((round * CHANGES + i) * 7) % RECORDS)!['f7'] = round
      }
    })
}

/** The garbage of the engine is none of the handle's. */
const collect = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

/** Memory of the process that is no file's, in bytes. */
function anonymousBytes(): number {
  collect()
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8')
  return Number(/^Anonymous: *(\d+) kB/m.exec(rollup)![1]) * 1024
}

test('pages that failing savepoints wrote to are given back, too', withRegion(async (place) => {
  const region = await filled(place)
  const wide = wideOf(region)
  const fail = (key: number): void => region.transact(() => {
    wide.get(key)!['f7'] = -1
    throw new Error('as meant')
  })
  const before = anonymousBytes()
  let most = 0
  for (let from = 0; from < RECORDS; from += 100) {
    region.transact(() => {
      for (let key = from; key < from + 100; key++) assert.throws(() => fail(key), /as meant/)
    })
    await Promise.allSettled([1, 2].map((key) => region.write(() => fail(key))))
    most = Math.max(most, region.stats().privateBytes)
  }
  const grown = anonymousBytes() - before
  assert.ok(most > BUDGET / 4 && most <= 2 * BUDGET, `${most / MIB} MiB`)
  assert.ok(grown < RECORDS * PAGE_BYTES / 2, `${grown / MIB} MiB`)
  for (let key = 0; key < RECORDS; key++) assert.is(wide.get(key)!['f7'], 7)
}))

test(
  'a writer that is faster than the checkpoint waits for it',
  withRegion(async (place) => {
    const region = await filled(place)
    const change = changer(region)
    let most = 0
    for (let round = 0; round < 100; round++) {
      change(round)
      most = Math.max(most, region.stats().privateBytes)
    }
    assert.ok(most <= 2 * BUDGET, `${most / MIB} MiB`)
    assert.ok(region.stats().epoch > 100)
  }),
)

test(
  'a reader that comes back, and one that opens, do not take over what a checkpoint can write',
  withRegion(async (place) => {
    const region = await filled(place)
    const change = changer(region)
    const reader = place.openReadOnly({ privateBytes: BUDGET })
    const seen = wideOf(reader)
    assert.is(reader.read(() => seen.get(7)!['f0']), 0)
    for (let round = 0; round < 60; round++) {
      change(round)
      if (round % 6 !== 0) continue
      await nextTurn()
      assert.is(
        reader.read(() => seen.get(((round * CHANGES) * 7) % RECORDS)!['f7']),
        round,
      )
      const another = place.openReadOnly({ privateBytes: BUDGET })
      for (const { stats } of [reader, another].map((handle) => ({ stats: handle.stats() }))) {
        const bound = 2 * BUDGET + CHANGES * 2 * PAGE_BYTES
        assert.ok(stats.privateBytes <= bound, `${stats.privateBytes / MIB} MiB`)
      }
      another.close()
      await nextTurn()
    }
  }),
)

test(
  'only a commit that somebody reads makes it more, and no longer than that',
  withRegion(async (place) => {
    const region = await filled(place)
    const change = changer(region)
    const snapshot = region.snapshot()
    for (let round = 0; round < 40; round++) change(round)
    assert.ok(region.stats().privateBytes > 4 * BUDGET)
    snapshot.close()
    let round = 40
    await until('what nobody needs any more is given back', () => {
      change(round++)
      return region.stats().privateBytes <= 2 * BUDGET
    })
  }),
)

test(
  'a small budget makes no checkpoint due, as long as it is not exceeded twice',
  withRegion(async (place) => {
    const region = await filled(place)
    const change = changer(region)
    const before = region.stats()
    const rounds = 2
    assert.ok(rounds * CHANGES * PAGE_BYTES > BUDGET)
    for (let round = 0; round < rounds; round++) change(round)
    await sleep(300)
    const after = region.stats()
    assert.ok(after.privateBytes > BUDGET && after.privateBytes < 2 * BUDGET)
    assert.is(after.epoch, before.epoch + rounds)
    assert.is(after.checkpointEpoch, before.checkpointEpoch)
  }),
)

test.run()
