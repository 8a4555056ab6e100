/**
 * Repair: from a file of which 1 % was overwritten, every record that is whole is saved.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readWreckage } from '../../cli/read/wreckage.js'
import { C } from '../../formats/index.js'
import { Region, salvage, SharedVector, Store, t } from '../../lib/index.js'
import { rstore } from '../cli/run.js'
import { check, fill, Town } from '../compact/shapes.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { verifyFile, withRegion } from '../harness/with-region.js'
import {
  checkSaved, damageAndRepair, descriptorPages, HEADER, overwrite, pagesOfRecords, planOf, repair,
  type Always,
} from './damage.js'
import { fillKinds, kindsIn, repairKinds } from './kinds.js'
import { repairTowns, TOWNS } from './towns.js'

const test = suite('repair')
const PAGE = 4096

test('a sound region is copied whole, with the indexes whose fields are stored', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    fill(region, TOWNS, 1)
    const { names, lostRefs, lostEntries, lostIndexes } = await repair(place)
    assert.equal([lostRefs, lostEntries, lostIndexes], [0, 0, []])
    assert.equal(names.map(({ name, lost, damaged }) => [name, lost, damaged]),
      [['towns', 0, false], ['by even', 0, false], ['tag', 0, false]])
    const saved = place.open({}, 'saved')
    check(saved, TOWNS, 1)
    assert.is(saved.map('towns', t.string, Town).index('by people', 'people').get(7)!.people, 7)
    saved.close()
    await verifyFile(place.path('saved'))
  }))

const randomSeed = (): number =>
  Number(process.env['RSTORE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

for (const [always, seed] of [
  [[], randomSeed()], [[5], randomSeed()], [HEADER, randomSeed()], [['first'], randomSeed()],
  [['second'], randomSeed()], [[5, 'second'], randomSeed()], [[...HEADER, 'first'], randomSeed()],
  // One of the first records has lost a part; a smaller type would fit all of them.
  [[5, 'second'], 1_347_245_854],
  // Checksums are gone, and what was overwritten looks like cells of types that never were.
  [HEADER, 752_060_343],
  // Keys in a node look like cells that lead over the next damaged page, to some that are.
  [[...HEADER, 'first'], 38_989_656],
  // Between two damaged pages: the copies of descriptors, a root, and a page that is a node.
  [['first'], 650_029_646],
] as [Always, number][]) {
  test(`1 % of the pages, and always ${always.join(', ') || 'none'}`, withRegion((place) => {
    console.log(`RSTORE_TEST_SEED=${seed}`)
    return repairTowns(place, { always, seed })
  }))
}

const LONG_NAME = 'by a number that is even, and renamed to something longer'

test('the node with the names is gone: they are in their entries too', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    fill(region, TOWNS, 1)
    region.transact(() => region.renameMap('by even', LONG_NAME))
    region.close()
    const bytes = readFileSync(place.path())
    bytes.fill(0xff, C.CATALOG_PAGE * PAGE, (C.TYPES_PAGE + 1) * PAGE)
    writeFileSync(place.path(), bytes)
    place.expectDamage()
    const { names, lostTypes, lostIndexes } = await repair(place)
    assert.equal([lostTypes, lostIndexes, names.some(({ madeUp }) => madeUp)], [[], [], false])
    const saved = place.open({}, 'saved')
    saved.transact(() => saved.renameMap(LONG_NAME, 'by even'))
    check(saved, TOWNS, 1)
    assert.is(saved.map('towns', t.string, Town).index('by people', 'people').get(7)!.people, 7)
  }))

/**
 * The first six are damage with which records were lost before: in the first a number in what is
 * left of a record leads over a page of others.
 */
for (const [seed, always, count] of [
  [900_000_579, HEADER, 600],
  [1, [5, 'second'], 600], [2, [3, 'second'], 2_000], [3, [3, 5, 'second'], 1_200],
  [4, [0, 3, 'second'], 900], [5, [0, 1, 2, 4, 'second'], 600],
  [6, [...HEADER, 'first'], 600], [7, ['first'], 900],
] as [number, Always, number][]) {
  test(`records of many kinds, seed ${seed}, with pages ${always.join(', ')}`,
    withRegion((place) => repairKinds(place, count, { always, seed })))
}

test('the root of a map, and whatever names it, is gone', withRegion(async (place) => {
  const region = place.create({ capacity: '8MiB' })
  fillKinds(region, 60)
  const records = pagesOfRecords(region, 'notes')
  const { root } = region.catalog.directory.find('notes')!
  const damaged = [...HEADER, ...descriptorPages(region, 'first'), root >>> 9]
  region.close()
  await damageAndRepair(place, damaged)
  const found = kindsIn(place.open({}, 'saved')).get('Note')!
  checkSaved(records, new Set(damaged), found, { always: [] }, 'notes')
  assert.ok(found.size > 10, `${found.size} notes`)
}))

const Spa = t.struct('Spa', { name: t.string, people: t.u32 })

test('the root of a packed region is saved, under the name that thawing gives it', withRegion(
  async (place) => {
    place.create({ capacity: '8MiB' }).close()
    const [packed, saved] = [place.path('packed'), place.path('saved')]
    const check = async (look: (region: Region) => void, names: readonly string[]) => {
      await damageAndRepair(place, [C.CATALOG_PAGE], packed)
      const region = Region.open(saved)
      assert.equal(region.names().map(({ name }) => name), names)
      look(region)
      region.close()
      for (const path of [packed, saved]) rmSync(path)
    }
    Region.pack(packed, { root: Spa }, () => ({ name: 'Bath', people: 7 }))!.close()
    await check((region) => assert.is(region.value('root', Spa).get()!.people, 7), ['root'])
    const numbers = t.map(t.u32, t.u32)
    Region.pack(packed, { root: numbers }, (_region, root) => {
      root.set(1, 2)
      return root
    })!.close()
    await check((region) => assert.is(region.map('root', t.u32, t.u32).get(1), 2), ['root'])
    Region.pack(packed, { root: Spa }, (region) => {
      region.value('town', Spa).set({ name: 'Bath', people: 7 })
      return region.value('town', Spa).get()!
    })!.close()
    await check((region) => assert.is(region.value('town', Spa).get()!.people, 7), ['town'])
  }))

test('the table of checksums of a region of few pages is gone', withRegion(async (place) => {
  const region = place.create({ capacity: '8MiB' })
  region.transact(() => region.map('notes', t.u32, t.string).set(1, 'a note'))
  await region.compact()
  region.close()
  await damageAndRepair(place, [C.CHECKSUM_PAGE])
  assert.is(place.open({}, 'saved').map('notes', t.u32, t.string).get(1), 'a note')
}))

test('a repair that is broken off leaves nothing behind', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  fillKinds(region, 3_000)
  region.close()
  const { image } = readWreckage(place.path())
  const abort = new AbortController()
  const before = readdirSync(place.folder)
  const saving = salvage(place.path('saved'), image, {
    capacity: 2 ** 26, like: place.path(), signal: abort.signal,
  })
  abort.abort()
  assert.equal(readdirSync(place.folder), before, 'from the moment it aborts')
  const error = await saving.then(() => undefined, (thrown: Error) => thrown)
  assert.is(error?.name, 'AbortError')
  assert.equal(readdirSync(place.folder), before)
}))

test('a repair that is aborted by the last call of onProgress ends with the reason', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    fillKinds(region, 300)
    region.close()
    const { image } = readWreckage(place.path())
    const before = readdirSync(place.folder)
    const abort = new AbortController()
    const reason = new Error('enough')
    const saving = salvage(place.path('saved'), image, {
      capacity: 2 ** 26, like: place.path(), signal: abort.signal,
      onProgress: (done, total) => { if (done === total) abort.abort(reason) },
    })
    assert.is(await saving.catch((error: unknown) => error), reason)
    assert.equal(readdirSync(place.folder), before)
  }))

test('the command says what was lost', withRegion((place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 300, 1)
  const plan = planOf(region, { always: [4, 'first'], seed: 1 })
  region.close()
  assert.is(rstore(['repair', place.path(), place.path('sound')]).status, 0)
  const bytes = readFileSync(place.path())
  overwrite(bytes, { ...plan, spared: new Set() })
  writeFileSync(place.path(), bytes)
  place.expectDamage()
  const { status, stdout } = rstore(['repair', place.path(), place.path('saved')])
  assert.is(status, 1)
  assert.match(stdout, /the name is made up/)
  assert.match(stdout, /damaged pages/)
  assert.is(rstore(['repair', place.path(), place.path('saved')]).status, 2, 'it is there')
}))

test('checksums that are gone are told, a log that was not closed is not', withRegion((place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 300, 1)
  const open = rstore(['repair', place.path(), place.path('of an open one')])
  assert.is(open.status, 0, open.stdout)
  region.close()
  const bytes = readFileSync(place.path())
  for (const from of [C.CHECKSUM_PAGE, C.IDENTITY_PAGE]) {
    bytes.fill(0xff, from * PAGE, (C.CHECKSUM_PAGE + 1) * PAGE)
    writeFileSync(place.path('damaged'), bytes)
    const saved = place.path(`saved ${from}`)
    const { status, stdout } = rstore(['repair', place.path('damaged'), saved])
    assert.is(status, 1)
    assert.match(stdout, /pages may be damaged or not: their checksums are/)
  }
}))

test('a checkpoint slot that is damaged is told', withRegion((place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 300, 1)
  region.close()
  for (const page of [C.FIRST_SLOT_PAGE, C.FIRST_SLOT_PAGE + 1]) {
    const bytes = readFileSync(place.path())
    bytes.fill(0xff, page * PAGE, (page + 1) * PAGE)
    writeFileSync(place.path('damaged'), bytes)
    const saved = place.path(`saved ${page}`)
    const { status, stdout } = rstore(['repair', place.path('damaged'), saved])
    assert.is(status, 1)
    assert.match(stdout, /slot \d: .*is not a checkpoint slot/)
  }
}))

test('what names packed regions of a store is left out, and said', async () => {
  const dir = temporaryDirectory()
  const Page = t.struct('Page', { text: t.string })
  const Shelf = t.struct('Shelf', { label: t.string, page: t.packed(Page) })
  const store = Store.open(dir, { create: true })
  const library = store.region('library')
  const page = store.pack('page', { root: Page }, () => ({ text: 'some text' }))!
  library.transact(() => {
    const shelves = library.map('shelves', t.u32, Shelf)
    const plain = library.map('plain', t.u32, t.string)
    for (let i = 0; i < 100; i++) {
      shelves.set(i, { label: `shelf ${i}`, page })
      plain.set(i, `text ${i}`)
    }
  })
  const { id } = store.list().find(({ name }) => name === 'library')!
  store.close()
  const saved = join(dir, 'saved.region')
  const { status, stdout } = rstore(['repair', join(dir, `${id}.region`), saved])
  assert.is(status, 1, stdout)
  assert.match(stdout, /shelves.*names packed regions of its store: not saved/)
  assert.match(stdout, /plain +map +100 +0/)
  await verifyFile(saved)
  const region = Region.open(saved)
  assert.equal(region.names().map(({ name }) => name), ['plain'])
  assert.is(region.map('plain', t.u32, t.string).get(7), 'text 7')
  region.close()
})

test('a name that is for a log or a lock file is refused before any work', withRegion((place) => {
  place.create({ capacity: '8MiB' }).close()
  for (const command of ['repair', 'backup', 'thaw', 'pack']) {
    for (const end of ['-wal', '-lock']) {
      const out = place.path() + end
      const { status, stderr } = rstore([command, place.path(), out])
      assert.is(status, 2, stderr)
      assert.match(stderr, /of the log and the lock file of a region/)
      assert.not(existsSync(out))
    }
  }
}))

test('a file that was cut: exit code 1, whatever is left of it', withRegion((place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 300, 1)
  region.close()
  writeFileSync(place.path(), readFileSync(place.path()).subarray(0, 22 * PAGE))
  place.expectDamage()
  const { status, stdout } = rstore(['repair', place.path(), place.path('saved')])
  assert.is(status, 1, stdout)
  assert.match(stdout, /it was cut/)
}))

test('what is no region at all is refused, and nothing is made', withRegion((place) => {
  writeFileSync(place.path('text'), 'some text\n'.repeat(1000))
  const text = rstore(['repair', place.path('text'), place.path('saved')])
  assert.is(text.status, 3)
  assert.match(text.stderr, /text: not a region file/)
  SharedVector.create(place.path('vector'), t.f64, { capacity: '1MiB' }).close()
  const vector = rstore(['repair', place.path('vector'), place.path('saved')])
  assert.is(vector.status, 2)
  assert.match(vector.stderr, /vector is a shared vector/)
  assert.not(existsSync(place.path('saved')))
  place.create({ capacity: '8MiB' }).close()
}))

test.run()
