/**
 * Compaction that is killed, torn by a crash of the machine, or fails, at each of its file
 * operations: nothing is lost, others go on, and the next one cleans up.
 */
import { copyFileSync, readdirSync, rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { Place } from '../harness/with-region.js'
import { check, fill } from './shapes.js'

const test = suite('compaction cut off')
const OPERATION_LIMIT = 120
/** Each N-th operation is the one; `npm run crash:all` takes them all. */
const every = (step: number): number => process.env['RSTORE_CRASH_ALL'] === undefined ? step : 1
const COUNT = 100
const FILES = ['', '-wal']

async function compactUnder(path: string, plan: string): Promise<boolean> {
  const environment = { RSTORE_TEST_ADDON: 'rstore_test.node', RSTORE_TEST_IO: plan }
  const child = new Child<{ compacted: boolean }>(
    'dist/tests/compact/compacting-child.js', [path], environment)
  const done = await child.next()
  await child.ended
  return done?.compacted === true
}

/** How many operations a compaction has: a plan behind the last changes nothing. */
async function countOperations(place: Place): Promise<number> {
  let [least, most] = [1, OPERATION_LIMIT]
  while (least < most) {
    const middle = (least + most) >> 1
    putBack(place)
    if (await compactUnder(place.path(), `kill@${middle}`)) most = middle
    else least = middle + 1
  }
  assert.ok(least > 10 && least < OPERATION_LIMIT, `${least} operations`)
  return least - 1
}

/** A region as a killed process leaves it: with commits in the log alone. */
async function leftOpen(place: Place): Promise<void> {
  const region = Region.create(place.path(), { capacity: '2MiB', durability: 'sync' })
  fill(region, COUNT)
  for (const end of FILES) copyFileSync(place.path() + end, place.path(`left${end}`))
  region.close()
}

function putBack(place: Place): void {
  for (const name of readdirSync(place.folder)) {
    if (!name.startsWith('left')) rmSync(place.path(name), { recursive: true })
  }
  for (const end of FILES) copyFileSync(place.path(`left${end}`), place.path() + end)
}

/** Everything is there, and can be written and compacted. */
async function isWhole(path: string, written: number): Promise<void> {
  const region = Region.open(path, { durability: 'none' })
  try {
    assert.is(region.multimap('by even', t.string, t.u32).countOf('added'), written)
    check({
      read: (fn: () => unknown) => fn(), map: region.map.bind(region),
      value: region.value.bind(region),
      multimap: (() => ({ size: region.multimap('by even', t.string, t.u32).size - written })),
    } as never, COUNT)
    assert.equal((await region.verify()).problems, [])
    await region.compact()
    assert.equal((await region.verify()).problems, [])
  } finally {
    region.close()
  }
}

const add = (region: Region, value: number): void => {
  region.transact(() => region.multimap('by even', t.string, t.u32).add('added', value))
}

for (const [what, plan, step] of [
  ['killed', (n: number) => `kill@${n}`, 3],
  ['torn by a machine crash', (n: number) => `tear:seed=${n}@${n}`, 4],
  ['failing', (n: number) => `fail:EIO@${n}`, 7],
  ['full', (n: number) => `fail:ENOSPC@${n}+`, 9],
] as const) {
  test(`${what}, alone`, async () => {
    const place = new Place()
    await leftOpen(place)
    const operations = await countOperations(place)
    for (let operation = 1; operation <= operations; operation += every(step)) {
      putBack(place)
      await compactUnder(place.path(), plan(operation))
      await isWhole(place.path(), 0)
      const left = readdirSync(place.folder).filter((name) => /tmp$|-lock$/.test(name))
      assert.equal(left, [], `operation ${operation}`)
    }
  })
}

for (const [what, plan, step] of [
  ['killed', (n: number) => `kill@${n}`, 3],
  ['failing', (n: number) => `fail:EIO@${n}`, 5],
] as const) {
  test(`${what}, while others have the region open`, async () => {
    const place = new Place()
    await leftOpen(place)
    const operations = await countOperations(place)
    for (let operation = 2; operation <= operations; operation += every(step)) {
      putBack(place)
      const other = Region.open(place.path(), { durability: 'none', timeoutMs: 60_000 })
      add(other, 1)
      const snapshot = other.snapshot()
      await compactUnder(place.path(), plan(operation))
      add(other, 2)
      const later = Region.open(place.path(), { durability: 'none', timeoutMs: 60_000 })
      add(later, 3)
      add(other, 4)
      assert.is(snapshot.multimap('by even', t.string, t.u32).countOf('added'), 1)
      snapshot.close()
      other.close()
      later.close()
      await isWhole(place.path(), 4)
    }
  })
}

test('readers and writers in other processes never see an error', async () => {
  const place = new Place()
  const region = place.keep(Region.create(place.path(), { capacity: '4MiB', durability: 'none' }))
  fill(region, COUNT)
  const children = [1, 2].map(() => new Child<{ rounds?: number }>(
    'dist/tests/compact/reading-child.js', [place.path(), String(COUNT)]))
  for (const child of children) await child.expect()
  for (let i = 0; i < 12; i++) {
    await region.compact()
    region.transact(() => region.value('round', t.u32).set(i))
  }
  for (const child of children) child.send({ end: true })
  for (const child of children) {
    const { rounds } = await child.expect()
    assert.ok(rounds! > 0)
    assert.is((await child.ended).code, 0, child.errorOutput)
  }
  assert.is(region.value('round', t.u32).get(), 11)
  await place.verify()
})

test.run()
