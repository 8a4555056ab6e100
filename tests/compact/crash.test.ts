/**
 * Compaction, by a copy and in place, that is killed, torn by a crash of the machine, or fails, at
 * each of its file operations: nothing is lost, others go on, and the next one cleans up, or does
 * the rest.
 */
import {
  copyFileSync, readdirSync, readFileSync, rmSync, statSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { Place } from '../harness/with-region.js'
import { check, fill } from './shapes.js'

const test = suite('compaction cut off')
const OPERATION_LIMIT = 250
/**
 * Each N-th operation is the one, of one in place, which has three times as many, each 3 N-th;
 * `npm run crash:all` takes them all.
 */
const every = (step: number, how: How): number =>
  process.env['RSTORE_CRASH_ALL'] !== undefined ? 1 : how === 'in place' ? 3 * step : step
const COUNT = 100
/** Operations of the last handle that closes, which cuts the file. */
const CLOSING = 16
const FILES = ['', '-wal']

/** Blobs whose space is free as whole pages. */
const BLOB_COUNT = 10
const BLOB_BYTES = 20_000

type How = 'by a copy' | 'in place'
interface Outcome { compacted: boolean; code?: string; message?: string }

async function compactUnder(path: string, how: How, plan: string): Promise<Outcome> {
  const environment = { RSTORE_TEST_ADDON: 'rstore_test.node', RSTORE_TEST_IO: plan }
  const child = new Child<Outcome>(
    'dist/tests/compact/compacting-child.js', [path, how], environment)
  const done = await child.next()
  await child.ended
  return done ?? { compacted: false }
}

/** How many operations a compaction has: a plan behind the last changes nothing. */
async function countOperations(place: Place, how: How): Promise<number> {
  let [least, most] = [1, OPERATION_LIMIT]
  while (least < most) {
    const middle = (least + most) >> 1
    putBack(place)
    if ((await compactUnder(place.path(), how, `kill@${middle}`)).compacted) most = middle
    else least = middle + 1
  }
  assert.ok(least > 10 && least < OPERATION_LIMIT, `${least} operations`)
  return least - 1
}

/** A region as a killed process leaves it: with commits in the log alone. */
async function leftOpen(place: Place): Promise<void> {
  const region = Region.create(place.path(), { capacity: '2MiB', durability: 'sync' })
  fill(region, COUNT)
  const blobs = region.map('blobs', t.u32, t.bytes)
  region.transact(() => {
    for (let i = 0; i < BLOB_COUNT; i++) blobs.set(i, new Uint8Array(BLOB_BYTES).fill(i + 1))
  })
  region.transact(() => { for (let i = 1; i < BLOB_COUNT; i++) blobs.delete(i) })
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
    const blobs = region.map('blobs', t.u32, t.bytes)
    assert.is(blobs.size, 1)
    assert.ok(blobs.get(0)!.length === BLOB_BYTES && blobs.get(0)!.every((byte) => byte === 1))
    assert.equal((await region.verify()).problems, [])
    const { after } = await region.compact(undefined, { inPlace: true })
    assert.is(after, statSync(path).blocks * 512)
    assert.ok(after < BLOB_COUNT * BLOB_BYTES, `${after} bytes on the disk`)
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

const HOW = ['by a copy', 'in place'] as const

for (const how of HOW) {
  for (const [what, plan, step] of [
    ['killed', (n: number) => `kill@${n}`, 3],
    ['torn by a machine crash', (n: number) => `tear:seed=${n}@${n}`, 4],
    ['failing', (n: number) => `fail:EIO@${n}`, 7],
    ['full', (n: number) => `fail:ENOSPC@${n}+`, 9],
  ] as const) {
    test(`${how}: ${what}, alone`, async () => {
      const place = new Place()
      await leftOpen(place)
      const operations = await countOperations(place, how)
      for (let operation = 1; operation <= operations; operation += every(step, how)) {
        putBack(place)
        await compactUnder(place.path(), how, plan(operation))
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
    test(`${how}: ${what}, while others have the region open`, async () => {
      const place = new Place()
      await leftOpen(place)
      const operations = await countOperations(place, how)
      for (let operation = 2; operation <= operations; operation += every(step, how)) {
        putBack(place)
        const other = Region.open(place.path(), { durability: 'none', timeoutMs: 60_000 })
        add(other, 1)
        const snapshot = other.snapshot()
        await compactUnder(place.path(), how, plan(operation))
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
}

for (const [what, plan] of [
  ['killed', (n: number) => `kill@${n}`], ['torn', (n: number) => `tear:seed=${n}@${n}`],
  ['failing', (n: number) => `fail:EIO@${n}`],
] as const) {
  test(`in place: ${what} while the end of the file is cut`, async () => {
    const place = new Place()
    await leftOpen(place)
    const operations = await countOperations(place, 'in place')
    const sizes = new Set<number>()
    for (let operation = operations - CLOSING; operation <= operations; operation++) {
      putBack(place)
      await compactUnder(place.path(), 'in place', plan(operation))
      sizes.add(statSync(place.path()).size)
      await isWhole(place.path(), 0)
    }
    assert.ok(sizes.size > 1, 'before and after it')
  })
}

test('in place, where the file system has no holes: said before anything has changed', async () => {
  const place = new Place()
  await leftOpen(place)
  const other = Region.open(place.path())  // log and lock file are there: they are made without it
  add(other, 1)
  await other.checkpoint()
  const before = readFileSync(place.path())
  let refused: Outcome | undefined
  for (let operation = 1; refused === undefined; operation++) {
    const done = await compactUnder(place.path(), 'in place', `fail:EOPNOTSUPP@${operation}`)
    assert.not(done.compacted, 'it was not refused')
    if (done.message?.includes('give back') === true) refused = done
  }
  assert.is(refused.code, 'RSTORE_UNSUPPORTED')
  assert.match(refused.message!, /without inPlace/)
  assert.ok(readFileSync(place.path()).equals(before))
  other.close()
  await isWhole(place.path(), 1)
})

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
