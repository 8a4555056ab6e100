/** Who may change a record in place, by the way the view of it was got: see lib/map/owners.ts. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Pool, t } from '../../lib/index.js'
import { thrown, withRegion } from '../harness/with-region.js'

const test = suite('map: owners')

const Part = t.struct('Part', { n: t.u32 })
const Whole = t.struct('Whole', {
  n: t.u32, inside: t.map(t.u32, t.u32), pairs: t.multimap(t.u8, t.u8), parts: t.array(Part),
  numbers: t.array(t.u32), pair: t.tuple(Part, t.map(t.u32, t.u32)),
})
const Nest = t.struct('Nest', { wholes: t.map(t.u32, Whole), own: Whole })

const whole = (n: number) => ({
  n, inside: [], pairs: [], parts: [{ n }], numbers: [n],
  pair: [{ n }, []] as [{ n: number }, [number, number][]],
})
/** Changes with every part of what it reads. */
const sumOf = (view: any): number => view.n + 10 * view.inside.size + 100 * view.parts[0].n
  + 1000 * view.numbers[0] + 10_000 * [...view.pairs.keys()].length
  + 100_000 * view.pair[0].n + 1_000_000 * view.pair[1].size

/** Changes of what is inside of a record, not of its own fields. */
function changesInside(region: any, view: any): (() => void)[] {
  const { inside, pairs, numbers, pair } = view
  const part = view.parts.at(0)
  return [
    () => inside.set(5, 5), () => pairs.add(1, 1), () => (part.n = 7), () => pair[1].set(1, 1),
    () => region.editArray(numbers, 0, 1, (elements: Uint32Array) => elements.fill(7)),
  ]
}

const keysOf = (index: any): unknown[] => Array.from(index.entries(), ([key]: any) => key)

/** The same in a region and in a block region. */
function inBoth(
  body: (region: any, transact: (fn: () => void) => void) => void | Promise<void>,
) {
  return withRegion(async (place) => {
    const file = place.create()
    await body(file, (fn) => file.transact(fn))
    const blocks = Pool.default.region()
    await body(blocks, (fn) => fn())
    const { problems } = await blocks.verify()
    assert.equal(problems, [])
    blocks.free()
  })
}

test('an index on a map is no concern of other records of its type', inBoth((region, transact) => {
  const [indexed, other] = [region.map('indexed', t.u32, Whole), region.map('other', t.u32, Whole)]
  const value = region.value('value', Whole)
  const nests = region.map('nests', t.u32, Nest)
  transact(() => {
    indexed.set(1, whole(1))
    other.set(1, whole(1))
    value.set(whole(1))
    nests.set(1, { wholes: [[1, whole(1)]], own: whole(1) })
    indexed.index('n', 'n')
    indexed.index('sum', sumOf, { key: t.u32 })
  })
  transact(() => {
    const { wholes, own } = nests.get(1)
    for (const view of [other.get(1), value.get(), wholes.get(1), own]) {
      view.n = 2
      for (const change of changesInside(region, view)) change()
      assert.is(sumOf(view), sumOf(other.get(1)))
    }
    indexed.get(1).n = 2
    for (const change of changesInside(region, indexed.get(1))) change()
    assert.equal(keysOf(indexed.index('sum', sumOf, { key: t.u32 })), [sumOf(other.get(1))])
  })
}))

test('by a ref: refused where an index may be by what changes', inBoth((region, transact) => {
  const map = region.map('map', t.u32, Whole)
  const links = region.map('links', t.u32, t.ref(() => Whole))
  transact(() => {
    map.set(1, whole(1))
    links.set(1, region.refOf(map.get(1)))
    const byRefs = () => [region.deref(region.refOf(map.get(1))), links.get(1)]
    for (const view of byRefs()) view.n = 3
    map.index('n', 'n')
    for (const view of byRefs()) {
      thrown('RSTORE_INDEXED', () => (view.n = 4))
      for (const change of changesInside(region, view)) change()
    }
    map.index('sum', sumOf, { key: t.u32 })
    for (const view of byRefs()) {
      for (const change of changesInside(region, view)) thrown('RSTORE_INDEXED', change)
    }
    assert.equal(keysOf(map.index('n', 'n')), [3])
  })
}))

test('a view from before the first index or listener reads, and changes nothing',
  inBoth((region, transact) => {
    for (const watch of [
      (map: any) => map.index('sum', sumOf, { key: t.u32 }),
      (map: any) => map.on('change', () => {}),
    ]) {
      const map = region.map(`map ${watch}`, t.u32, Whole)
      transact(() => {
        map.set(1, whole(1))
        const before = map.get(1)
        const changes = changesInside(region, before)
        watch(map)
        for (const change of changes) thrown('RSTORE_INDEXED', change)
        thrown('RSTORE_INDEXED', () => (before.n = 2))
        assert.is(sumOf(before), sumOf(map.get(1)))
        for (const change of changesInside(region, map.get(1))) change()
        map.get(1).n = 2
      })
    }
  }))

test('a map that is itself the value of a map is its own', inBoth(async (region, transact) => {
  const maps = region.map('maps', t.u32, t.map(t.u32, t.u32))
  const heard: unknown[] = []
  transact(() => {
    maps.set(1, [])
    maps.index('size', (map: any) => map.size, { key: t.u32 })
    maps.on('change', ({ key }: { key: unknown }) => heard.push(key))
  })
  transact(() => maps.get(1).set(4, 4))
  assert.equal(keysOf(maps.index('size', (map: any) => map.size, { key: t.u32 })), [1])
  await Promise.resolve()
  assert.equal(heard, [1])
}))

test('a function that declares an index while the map changes is refused', withRegion((place) => {
  const region = place.create()
  const map = region.map('map', t.u32, Part)
  map.index('outer', (part: any) => {
    if (part.n === 2) map.index('inner', 'n')
    return part.n as number
  }, { key: t.u32 })
  assert.throws(() => region.transact(() => {
    map.set(1, { n: 1 })
    map.set(1, { n: 2 })
  }), /declared or dropped an index of this map/)
  assert.is(map.size, 0)
}))

test.run()
