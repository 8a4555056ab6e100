/**
 * Packing that is killed, or fails, at each of its file operations: the whole file or none, and no
 * other. Where nobody waits for the disk, a crash of the machine may leave a part: then loading in
 * full says so.
 * Into a store every fourth operation, with RSTORE_EVERY_OPERATION each of them.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, RStoreError, Store } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { Place } from '../harness/with-region.js'
import { Atlas, fill, type AtlasView } from './shapes.js'

const test = suite('packing cut off')
const OPERATION_LIMIT = 120

/** Whether files can be made here that have no name yet: then a kill leaves nothing else. */
const unnamed = ((): boolean => {
  const O_TMPFILE = 0o20200000
  try {
    closeSync(openSync(new Place().folder, O_TMPFILE | 2, 0o600))
    return true
  } catch {
    return false
  }
})()

async function packUnder(
  path: string, durability: string, plan: string, title?: string,
): Promise<boolean> {
  const replacing = title === undefined ? [] : [title]
  const child = new Child<{ packed: boolean }>(
    'dist/tests/packed/packing-child.js', [path, durability, ...replacing],
    { RSTORE_TEST_ADDON: 'rstore_test.node', RSTORE_TEST_IO: plan })
  const done = await child.next()
  const { code } = await child.ended
  return done?.packed === true && code === 0
}

function isWhole(packed: Packed<AtlasView>): void {
  assert.is(packed.root.cities.size, 300)
  assert.is(packed.root.cities.get('city 299')!.name, 'name 299')
  packed.close()
}

async function isWholeOrNone(path: string): Promise<void> {
  if (!existsSync(path)) return
  assert.equal((await Packed.verify(path)).problems, [])
  isWhole(Packed.load(path, { root: Atlas }))
}

/** What a crash of the machine may leave where nobody waited for the disk. */
async function isWholeOrSaysSo(path: string): Promise<void> {
  if (!existsSync(path)) return
  try {
    isWhole(Packed.load(path, { root: Atlas, verify: 'full' }))
  } catch (error) {
    if (!(error instanceof RStoreError)) throw error
    assert.match(error.code, /^RSTORE_(CORRUPT|NOT_A_REGION)$/)
  }
}

const PLANS = {
  killed: (n: number) => `kill@${n}`,
  torn: (n: number) => `tear:seed=${n}@${n}`,
  failing: (n: number) => `fail:EIO@${n}`,
  full: (n: number) => `fail:ENOSPC@${n}+`,
} as const

function nothingElse(path: string, place: Place): void {
  if (!unnamed) return
  assert.equal(readdirSync(place.folder), existsSync(path) ? ['atlas'] : [])
}

/** Until it gets through; what is left in the folder is looked at each time. */
async function atEveryOperation(
  what: keyof typeof PLANS, durability: 'sync' | 'none',
  look: (path: string, place: Place) => Promise<void>,
): Promise<void> {
  const place = new Place()
  const path = place.path('atlas')
  let operation = 1
  for (; operation < OPERATION_LIMIT; operation++) {
    const finished = await packUnder(path, durability, PLANS[what](operation))
    await look(path, place)
    nothingElse(path, place)
    for (const name of readdirSync(place.folder)) rmSync(place.path(name))
    if (finished) break
  }
  assert.ok(operation > 4 && operation < OPERATION_LIMIT, `${operation} operations`)
}

for (const what of ['killed', 'torn', 'failing', 'full'] as const) {
  test(`${what} at every operation`, () => atEveryOperation(what, 'sync', isWholeOrNone))
}

test('replacing, killed at every operation: the old one or the new one', async () => {
  const place = new Place()
  const path = place.path('atlas')
  const left = `${path}.pack.tmp`
  let seen = ''
  for (let operation = 1; operation < OPERATION_LIMIT; operation++) {
    Region.pack(path, { root: Atlas, capacity: '1MiB', replace: true }, fill(300, 'old'))!.close()
    assert.not.ok(existsSync(left), 'the next one removes it')
    const finished = await packUnder(path, 'sync', `kill@${operation}`, 'new')
    const packed = Packed.load(path, { root: Atlas, verify: 'full' })
    const { title } = packed.root
    seen += title === 'new' ? 'n' : existsSync(left) ? 'l' : 'o'
    isWhole(packed)
    if (existsSync(left)) isWhole(Packed.load(left, { root: Atlas, verify: 'full' }))
    const others = readdirSync(place.folder).filter((name) => !/^atlas(\.pack\.tmp)?$/.test(name))
    if (unnamed) assert.equal(others, [])
    for (const name of others) rmSync(place.path(name))
    if (finished) break
  }
  assert.match(seen, unnamed ? /^o+ln+$/ : /^o+n+$/)
})

test('where files cannot be without a name: under another until it is whole', async () => {
  const place = new Place()
  const path = place.path('atlas')
  assert.ok(await packUnder(path, 'sync', 'fail:EOPNOTSUPP@1'))
  isWhole(Packed.load(path, { root: Atlas, verify: 'full' }))
  assert.equal(readdirSync(place.folder), ['atlas'])
  assert.not.ok(await packUnder(path, 'sync', 'fail:EOPNOTSUPP@1'), 'it exists')
  assert.equal(readdirSync(place.folder), ['atlas'])
  rmSync(path)
  for (let operation = 2; !existsSync(path); operation++) {
    await packUnder(path, 'sync', `kill@${operation}`)
    await isWholeOrNone(path)
  }
})

test('killed at every operation, without waiting for the disk', () =>
  atEveryOperation('killed', 'none', isWholeOrNone))

test('torn at every operation, without waiting for the disk', () =>
  atEveryOperation('torn', 'none', isWholeOrSaysSo))

/** A store that somebody else has open meanwhile; whoever opens it next finds no trace. */
async function inStoreAtEveryOperation(
  what: 'killed' | 'torn', durability: 'sync' | 'none',
): Promise<void> {
  const place = new Place()
  const step = process.env['RSTORE_EVERY_OPERATION'] === undefined ? 4 : 1
  let operation = 1
  for (; operation < OPERATION_LIMIT; operation += step) {
    const dir = place.path(String(operation))
    mkdirSync(dir)
    Store.open(dir, { create: true }).close()
    const finished = await packUnder(dir, durability, PLANS[what](operation))
    const store = Store.open(dir)
    const listed = store.list()
    assert.equal(readdirSync(dir).filter((name) => name.includes('.packed')),
      listed.map(({ id }) => `${id}.packed`))
    if (listed.length > 0) isWhole(store.packed('atlas', Atlas))
    assert.equal((await store.verify()).problems, [])
    store.close()
    if (finished) break
  }
  assert.ok(operation > 10 && operation < OPERATION_LIMIT, `${operation} operations`)
}

test('into a store, killed at every operation', () => inStoreAtEveryOperation('killed', 'sync'))
test('into a store, torn at every operation', () => inStoreAtEveryOperation('torn', 'sync'))

test.run()
