/** Second copies of type descriptors: on other pages, complete, few, and looked at by verify. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { Packed, Region, t, type Ref } from '../../lib/index.js'
import { STATE } from '../../lib/space/allocation-words.js'
import { CopiedDescriptors, DescriptorCopies } from '../../lib/types/descriptor-copies.js'
import type { OpenSession } from '../../lib/region/base/open-session.js'
import { openTree } from '../../lib/tree/open.js'
import { inPlace, withRegion } from '../harness/with-region.js'
import { Atlas, fill as fillAtlas } from '../packed/shapes.js'

const test = suite('descriptor copies')
const PAGE_UNITS = 512

/** A record of so many fields whose descriptor is about 40 bytes for each. */
const structOf = (name: string, fields: number): any => t.struct(name, Object.fromEntries(
  Array.from({ length: fields }, (_, i) => [`a field with a long näme, number ${i}`, t.u32])))

function store(region: Region, names: readonly string[], fields = 1): void {
  region.transact(() => {
    for (const name of names) region.map(name, t.u32, structOf(`Of ${name}`, fields))
  })
}

const named = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `map ${from + i}`)

/** Pages of the descriptors, and of their copies. */
function pagesOf(session: OpenSession): { first: Set<number>; second: number[] } {
  session.enter()
  const { space } = session
  const first = new Set<number>()
  const cursor = openTree(space, 'u32', (C.TYPES_PAGE * PAGE_UNITS) as Ref).cursor()
  for (let there = cursor.first(); there; there = cursor.next()) {
    const ref = cursor.window.u32[cursor.valueIndex]!
    const units = space.windowOf(ref).u32[ref << 1]! & C.CELL_SIZE_MASK
    for (let page = ref >>> 9; page <= (ref + units - 1) >>> 9; page++) first.add(page)
  }
  cursor.close()
  return { first, second: [...new DescriptorCopies(space).pages()].map((ref) => ref >>> 9) }
}

/** Every type has its copy, and none on a page where there is a descriptor. */
function checkCopies(session: OpenSession): { first: Set<number>; second: number[] } {
  const pages = pagesOf(session)
  const copied = new CopiedDescriptors()
  for (const page of pages.second) copied.addPage(session.space, page * PAGE_UNITS)
  const { registry } = session
  assert.is(copied.ids.length, registry.nextTypeId - C.FIRST_STORED_TYPE)
  for (const id of copied.ids) assert.is(copied.textOf(id), registry.textOf(id), `type ${id}`)
  assert.ok(pages.second.every((page) => !pages.first.has(page)), 'on other pages')
  return pages
}

test('each type has a copy on another page; many share one; long ones take several', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    store(region, named(1))
    assert.is(checkCopies(region.session).second.length, 1)
    store(region, named(10, 1))
    assert.is(checkCopies(region.session).second.length, 1, '22 types share a page')
    store(region, ['long'], 600)
    assert.ok(checkCopies(region.session).second.length > 4)
    store(region, named(60, 20), 3)
    const { second } = checkCopies(region.session)
    assert.equal((await region.verify()).problems, [])
    assert.is((await region.verify()).bytes.leaked, 0)
    region.close()
    const again = place.open()
    assert.equal(checkCopies(again.session).second, second)
    await again.compact()
    checkCopies(again.session)
    checkCopies(place.openReadOnly().session)
  }))

test('what was rolled back has none; on a page that trees gave back neither', withRegion(
  async (place) => {
    const region = place.create({ capacity: '8MiB' })
    try {
      region.transact(() => {
        store(region, named(5))
        throw new Error('no')
      })
    } catch {
      // as it should be
    }
    assert.equal(pagesOf(region.session).second, [])
    const numbers = region.map('numbers', t.u32, t.f64)
    region.transact(() => { for (let i = 0; i < 20_000; i++) numbers.set(i, -Math.PI) })
    region.transact(() => { for (let i = 0; i < 19_000; i++) numbers.delete(i) })
    region.transact(() => {
      store(region, named(3))
      try {
        region.transact(() => {
          store(region, named(40, 3), 4)
          throw new Error('no')
        })
      } catch {
        // a savepoint
      }
      store(region, named(30, 50), 3)
    })
    assert.ok(checkCopies(region.session).second.length > 1)
    assert.equal((await region.verify()).problems, [])
  }))

/** As it was before there were copies. */
function forgetCopies({ session }: Region): void {
  session.change(() => {
    const { space } = session
    for (const page of [...new DescriptorCopies(space).pages()]) space.free(page as Ref)
    space.mark(STATE.copiesHead >>> 1, 8)
    space.windows[0]!.u32[STATE.copiesHead] = 0
  })
}

test('a region without copies is sound; the next type brings those of all others', withRegion(
  async (place) => {
    const region = place.create({ capacity: '8MiB' })
    store(region, named(5))
    region.transact(() => forgetCopies(region))
    assert.equal((await region.verify()).problems, [])
    assert.equal(pagesOf(region.session).second, [])
    region.map('map 2', t.u32, structOf('Of map 2', 1))
    store(region, ['one more'])
    assert.is(checkCopies(region.session).second.length, 1)
  }))

/** Changes a word of the newest page of copies. */
function changeCopy({ session }: Region, byte: number, value: number): void {
  const { head } = new DescriptorCopies(session.space)
  session.space.mark(head + (byte >>> 3), 8)
  session.space.windowOf(head).u8[head * 8 + byte] = value
}

for (const [what, byte, value] of [
  ['a letter of the first', 40, 33], ['the number of a type', 16, 99], ['the length', 24, 1],
  ['how much is used', 12, 40], ['the kind of the page', 4, C.TYPE_BYTES],
  ['where the next page is', 8, 1],
] as const) {
  test(`verify says when ${what} is wrong`, withRegion(async (place) => {
    const region = place.create({ capacity: '8MiB' })
    store(region, named(3))
    region.transact(() => changeCopy(region, byte, value))
    const { ok, problems } = await region.verify()
    assert.not(ok)
    assert.ok(problems.some(({ message }) => /second cop/.test(message)), JSON.stringify(problems))
    place.expectDamage()
  }))
}

test('a packed region has them', inPlace(async (place) => {
  const path = place.path('atlas.packed')
  place.keep(Region.pack(path, { root: Atlas, capacity: '64MiB' }, fillAtlas(100))!)
  const loaded = place.keep(Packed.load(path, { root: Atlas }))
  assert.is(checkCopies(loaded.session).second.length, 1)
  assert.equal((await loaded.verify()).problems, [])
}))

test.run()
