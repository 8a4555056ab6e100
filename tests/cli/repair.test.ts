/**
 * Repair: from a file of which 1 % was overwritten, every record that is whole is saved. Of the two
 * copies of the types' descriptors one page at a time is spared, or both kinds of pages would have
 * to be hit at once, which nothing can be saved from.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readWreckage } from '../../cli/read/wreckage.js'
import { C } from '../../formats/index.js'
import { Region, salvage, SharedVector, t, type Ref } from '../../lib/index.js'
import type { AnyTree } from '../../lib/map/handle.js'
import { openTree } from '../../lib/tree/open.js'
import { DescriptorCopies } from '../../lib/types/descriptor-copies.js'
import { MapType, MultimapType } from '../../lib/types/map/map.js'
import { check, fill, Town } from '../compact/shapes.js'
import { randomOf } from '../fuzz/damage.js'
import { verifyFile, withRegion, type Place } from '../harness/with-region.js'
import { rstore } from './run.js'

const test = suite('repair')
const COUNT = 1_500
const PAGE = 4096

/** Pages of each record of a map, with all that it owns, in the order of their keys. */
function pagesOfRecords(region: Region, name: string): Set<number>[] {
  const { session, catalog } = region
  const entry = catalog.directory.find(name)!
  const found: Set<number>[] = []
  session.enter()
  const addPages = (pages: Set<number>, ref: number): void => {
    const units = session.space.windowOf(ref).u32[(ref & 0x0fff_ffff) << 1]! & C.CELL_SIZE_MASK
    for (let page = ref >>> 9; page <= (ref + units - 1) >>> 9; page++) pages.add(page)
    const id = session.space.typeIdOf(ref)
    const type = session.registry.typeOf(id)
    if (type instanceof MultimapType || type instanceof MapType) return
    type.visitCell(session, ref, (_type, to, owned) => { if (owned) addPages(pages, to) }, '')
  }
  const { kind } = session.registry.typeOf(entry.keyType).key!
  const cursor = (openTree(session.space, kind, entry.root) as AnyTree).cursor()
  for (let there = cursor.first(); there; there = cursor.next()) {
    const pages = new Set<number>()
    addPages(pages, cursor.window.u32[cursor.valueIndex]!)
    found.push(pages)
  }
  cursor.close()
  return found
}

/** `people` of every town that is in any map of the region. */
function peopleIn(region: Region): Set<number> {
  const found = new Set<number>()
  for (const { name, kind, type } of region.names()) {
    if (kind !== 'map' || !type.includes('Town')) continue
    const key = type.startsWith('"string"') ? t.string : t.u32
    for (const town of region.map<any, any, any>(name, key, Town).values()) {
      const name = `town ${String(town.people).padStart(6, '0')} `
      assert.is(town.name, name.repeat(town.people % 5 + 1))
      assert.equal([...town.words], [`w${town.people}`, 'common'])
      found.add(town.people)
    }
  }
  return found
}

/** Where the descriptors of the types are, or their second copies: one of them must be there. */
function descriptorPages({ session }: Region, which: 'first' | 'second'): Set<number> {
  session.enter()
  if (which === 'second') {
    return new Set([...new DescriptorCopies(session.space).pages()].map((ref) => ref >>> 9))
  }
  const pages = new Set<number>()
  const cursor = openTree(session.space, 'u32', (C.TYPES_PAGE << 9) as Ref).cursor()
  for (let there = cursor.first(); there; there = cursor.next()) {
    const ref = cursor.window.u32[cursor.valueIndex]!
    const units = session.space.windowOf(ref).u32[ref << 1]! & C.CELL_SIZE_MASK
    for (let page = ref >>> 9; page <= (ref + units - 1) >>> 9; page++) pages.add(page)
  }
  cursor.close()
  return pages
}

/** Pages that are damaged in any case; of the descriptors, those of the first or second copies. */
type Always = readonly (number | 'first' | 'second')[]

interface Plan { always: number[]; spared: Set<number> }

function planOf(region: Region, always: Always): Plan {
  const of = { first: descriptorPages(region, 'first'), second: descriptorPages(region, 'second') }
  assert.ok(of.second.size > 0)
  for (const page of of.second) assert.not(of.first.has(page), 'the copies are on other pages')
  return {
    always: always.flatMap((page) => typeof page === 'number' ? [page] : [...of[page]]),
    spared: of[always.includes('second') ? 'first' : 'second'],
  }
}

function overwrite(
  bytes: Buffer, seed: number, { always, spared }: Plan,
): Set<number> {
  const random = randomOf(seed)
  const pages = new Set(always)
  const count = bytes.length / PAGE
  const least = pages.size + count / 100
  while (pages.size < least) {
    const page = 6 + random(count - 6)
    if (!spared.has(page)) pages.add(page)
  }
  for (const page of pages) for (let i = 0; i < PAGE; i++) bytes[page * PAGE + i] = random(256)
  return pages
}

const repair = (place: Place, path = place.path()): ReturnType<typeof salvage> => {
  const { image, capacityBytes } = readWreckage(path)
  const options = { capacity: capacityBytes ?? 2 ** 32, like: path }
  return salvage(place.path('saved'), image, options)
}

test('a sound region is copied whole, with the indexes whose fields are stored', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    fill(region, COUNT, 1)
    const { names, lostRefs, lostEntries, lostIndexes } = await repair(place)
    assert.equal([lostRefs, lostEntries, lostIndexes], [0, 0, []])
    assert.equal(names.map(({ name, lost, damaged }) => [name, lost, damaged]),
      [['towns', 0, false], ['by even', 0, false], ['tag', 0, false]])
    const saved = place.open({}, 'saved')
    check(saved, COUNT, 1)
    assert.is(saved.map('towns', t.string, Town).index('by people', 'people').get(7)!.people, 7)
    saved.close()
    await verifyFile(place.path('saved'))
  }))

const randomSeed = (): number =>
  Number(process.env['RSTORE_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const HEADER = [0, 1, 2, 3, 4, 5] as const
for (const [always, seed] of [
  [[], randomSeed()], [[5], randomSeed()], [HEADER, randomSeed()], [['first'], randomSeed()],
  [['second'], randomSeed()], [[5, 'second'], randomSeed()], [[...HEADER, 'first'], randomSeed()],
  // One of the first records has lost a part; a smaller type would fit all of them.
  [[5, 'second'], 1_347_245_854],
  // Checksums are gone, and what was overwritten looks like cells of types that never were.
  [HEADER, 752_060_343],
  // Keys in a node look like cells that lead over the next damaged page, to some that are.
  [[...HEADER, 'first'], 38_989_656],
] as [Always, number][]) {
  test(`1 % of the pages, and always ${always.join(', ') || 'none'}`, withRegion(
    async (place) => {
      console.log(`RSTORE_TEST_SEED=${seed}`)
      const region = place.create({ capacity: '64MiB' })
      fill(region, COUNT, 1)
      const pagesOf = pagesOfRecords(region, 'towns')
      const plan = planOf(region, always)
      region.close()
      const bytes = readFileSync(place.path())
      const damaged = overwrite(bytes, seed, plan)
      writeFileSync(place.path(), bytes)
      place.expectDamage()
      const { lostTypes } = await repair(place)
      assert.equal(lostTypes, [])
      await verifyFile(place.path('saved'))
      const saved = place.open({}, 'saved')
      const found = peopleIn(saved)
      for (const [people, pages] of pagesOf.entries()) {
        const isWhole = [...pages].every((page) => !damaged.has(page))
        if (isWhole) assert.ok(found.has(people), `town ${people} is whole and was not saved`)
      }
      assert.ok(found.size > COUNT * 0.8, `${found.size} towns`)
    }))
}

const LONG_NAME = 'by a number that is even, and renamed to something longer'

test('the node with the names is gone: they are in their entries too', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    fill(region, COUNT, 1)
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
    check(saved, COUNT, 1)
    assert.is(saved.map('towns', t.string, Town).index('by people', 'people').get(7)!.people, 7)
  }))

const Note = t.struct('Note', {
  id: t.u32, text: t.string, more: t.optional(t.string), numbers: t.array(t.f64),
  list: t.array(t.string),
})
const Spot = t.struct('Place', {
  id: t.u32, name: t.string, at: t.struct('At', { x: t.f64, label: t.string }),
  pair: t.tuple(t.u32, t.string), anything: t.json,
})
const Thing = t.struct('Thing', {
  id: t.u32, big: t.bytes, words: t.map(t.string, t.u32), pairs: t.multimap(t.u32, t.u32),
})

/** Maps of several kinds of keys and records; `id` counts in the order of the keys. */
function fillKinds(region: Region, count: number): void {
  const notes = region.map('notes', t.string, Note)
  const places = region.map('places', t.tuple(t.u32, t.u32), Spot)
  const things = region.map('things', t.date, Thing)
  region.transact(() => {
    for (let id = 0; id < count; id++) {
      notes.set(`note ${String(id).padStart(6, '0')}`, {
        id, text: `note ${id}`.repeat(id % 9 + 1), more: 'more',
        numbers: Array.from({ length: id % 5 }, (_, i) => i + id), list: [`x${id}`, 'y'],
      })
      places.set([id >> 4, id & 15], {
        id, name: `place ${id}`, at: { x: id, label: `at ${id}` }, pair: [id, `pair ${id}`],
        anything: { id, list: [1, id] },
      })
      things.set(new Date(id * 1000), {
        id, big: new Uint8Array(id % 7 === 0 ? 9000 : id % 100).fill(id),
        words: Array.from({ length: id % 40 }, (_, i) => [`word ${i + 100}`, i] as const),
        pairs: [[1, id], [2, id]],
      })
    }
  })
}

/** Of every kind of record, which are in the region, right. */
function kindsIn(region: Region): Map<string, Set<number>> {
  const found = new Map(['Note', 'Place', 'Thing'].map((kind) => [kind, new Set<number>()]))
  const { directory } = region.catalog
  const { registry } = region.session
  for (const { name, kind } of region.names()) {
    const entry = directory.find(name)!
    const type = registry.typeOf(entry.valueType)
    const ids = found.get(type.name ?? '')
    if (kind !== 'map' || ids === undefined) continue
    for (const record of region.catalog.map(name, registry.typeOf(entry.keyType), type).values()) {
      const { id, text, name: label, big } = record as any
      if (type.name === 'Note') assert.is(text, `note ${id}`.repeat(id % 9 + 1))
      if (type.name === 'Place') assert.is(label, `place ${id}`)
      if (type.name === 'Thing') assert.is(big.length, id % 7 === 0 ? 9000 : id % 100)
      ids.add(id)
    }
  }
  return found
}

/** The first five are damage with which records were lost before. */
for (const [seed, always, count] of [
  [1, [5, 'second'], 600], [2, [3, 'second'], 2_000], [3, [3, 5, 'second'], 1_200],
  [4, [0, 3, 'second'], 900], [5, [0, 1, 2, 4, 'second'], 600],
  [6, [...HEADER, 'first'], 600], [7, ['first'], 900],
] as [number, Always, number][]) {
  test(`records of many kinds, seed ${seed}, with pages ${always.join(', ')}`, withRegion(
    async (place) => {
      const region = place.create({ capacity: '64MiB' })
      fillKinds(region, count)
      const names = { Note: 'notes', Place: 'places', Thing: 'things' }
      const pagesOf = Object.entries(names).map(([kind, name]) =>
        [kind, pagesOfRecords(region, name)] as const)
      const plan = planOf(region, always)
      region.close()
      const bytes = readFileSync(place.path())
      const damaged = overwrite(bytes, seed, plan)
      writeFileSync(place.path(), bytes)
      place.expectDamage()
      await repair(place)
      await verifyFile(place.path('saved'))
      const saved = place.open({}, 'saved')
      const found = kindsIn(saved)
      for (const [kind, records] of pagesOf) {
        const lost = [...records.keys()].filter((id) => !found.get(kind)!.has(id)
          && [...records[id]!].every((page) => !damaged.has(page)))
        assert.equal(lost, [], `${kind}: whole, and not saved`)
      }
    }))
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
  const lost = [...records.keys()].filter((id) => !found.has(id)
    && [...records[id]!].every((page) => !damaged.includes(page)))
  assert.equal(lost, [])
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

async function damageAndRepair(
  place: Place, pages: readonly number[], path = place.path(),
): Promise<void> {
  const bytes = readFileSync(path)
  const random = randomOf(1)
  for (const page of pages) for (let i = 0; i < PAGE; i++) bytes[page * PAGE + i] = random(256)
  writeFileSync(path, bytes)
  place.expectDamage()
  await repair(place, path)
  await verifyFile(place.path('saved'))
}

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
  const { always } = planOf(region, [4, 'first'])
  region.close()
  assert.is(rstore(['repair', place.path(), place.path('sound')]).status, 0)
  const bytes = readFileSync(place.path())
  overwrite(bytes, 1, { always, spared: new Set() })
  writeFileSync(place.path(), bytes)
  place.expectDamage()
  const { status, stdout } = rstore(['repair', place.path(), place.path('saved')])
  assert.is(status, 1)
  assert.match(stdout, /the name is made up/)
  assert.match(stdout, /damaged pages/)
  assert.is(rstore(['repair', place.path(), place.path('saved')]).status, 2, 'it is there')
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
