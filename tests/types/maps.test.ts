/** Maps and multimaps inside records. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type ArrayView,
  t,
  type Frozen,
  type Infer,
  type InferInput,
  type ReadMap,
  type RMap,
  type RMultimap,
} from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf, refuses, roundTrip, sameType } from '../harness/types.js'

const test = suite('types: map, multimap, packed')

const Street = t.struct('Street', { length: t.u32, houses: t.map(t.u16, t.string) })
const Town = t.struct('Town', {
  streets: t.map(t.string, Street),
  tags: t.multimap(t.string, t.u32),
  friends: t.map(t.string, t.self),
  maybe: t.optional(t.map(t.u8, t.u8)),
})
type TownView = Infer<typeof Town>
sameType<TownView['tags'], RMultimap<string, number>>(true)
sameType<Infer<ReturnType<typeof u32ToText>>, RMap<number, string, string>>(true)
sameType<InferInput<ReturnType<typeof u32ToText>>, Iterable<readonly [number, string]>>(true)
sameType<Frozen<RMap<number, string>>, ReadMap<number, string>>(true)
sameType<Frozen<Date>, Date>(true)
sameType<Frozen<ArrayView<{ a: number }>>, ArrayView<{ readonly a: number }>>(true)
sameType<Frozen<[number, { a: number }]>, readonly [number, { readonly a: number }]>(true)
function u32ToText() {
  return t.map(t.u32, t.string)
}
function typesOfFriends(town: TownView): string | undefined {
  return town.friends.get('x')?.streets.get('y')?.houses.get(1)
}
assert.type(typesOfFriends, 'function')

test('a map in a record comes back as a Map', () => {
  assert.equal(roundTrip(u32ToText(), [[2, 'b'], [1, 'a']]), new Map([[1, 'a'], [2, 'b']]))
  assert.equal(roundTrip(u32ToText(), new Map([[1, 'a']])), new Map([[1, 'a']]))
  assert.equal(roundTrip(u32ToText(), []), new Map())
  assert.equal(
    roundTrip(t.multimap(t.string, t.i8), [
      ['a', 2],
      ['a', -1],
      ['b', 1],
      ['a', 2],
    ]),
    [
      ['a', -1],
      ['a', 2],
      ['b', 1],
    ],
  )
  assert.equal(
    roundTrip(t.map(t.string, t.array(t.string)), [['k', ['a', 'b']]]),
    new Map([['k', ['a', 'b']]]),
  )
  refuses(u32ToText(), 5, TypeError, /expected entries/)
  refuses(u32ToText(), [5], TypeError, /expected entries \[key, value\]/)
  refuses(u32ToText(), [['x', 'y']], TypeError, /the key must be a u32/)
  refuses(u32ToText(), [[1, 2]], TypeError, /expected a string/)
  refuses(t.multimap(t.u8, t.u8), [[1, 'x']], TypeError, /the key must be a u8/)
})

test('maps inside maps, changed in place', () => {
  const region = new MemoryRegion(2 ** 23)
  const towns = region.map('towns', t.string, Town)
  region.transact(() => {
    towns.set('A', {
      streets: [['Main', { length: 5, houses: [] }]],
      tags: [['x', 1]],
      friends: [],
    })
    const { streets, tags, friends } = towns.get('A')!
    for (let i = 0; i < 3000; i++) streets.get('Main')!.houses.set(i, `house ${i}`)
    for (let i = 0; i < 1000; i++) tags.add(`t${i % 3}`, i)
    streets.set('Side', { length: 1, houses: [[1, 'one']] })
    friends.set('itself', towns.get('A')!)
    assert.is(friends.get('itself')!.streets.get('Side')!.houses.get(1), 'one')
  })
  region.turn()
  const town = towns.get('A')!
  assert.is(town.streets.get('Main')!.houses.size, 3000)
  assert.is(town.tags.countOf('t1'), 333)
  assert.is(town.tags.size, 1001)
  assert.equal([...town.streets.keys()], ['Main', 'Side'])
  assertSound(region)
  region.transact(() => {
    towns.get('A')!.streets.get('Main')!.houses.clear({ gte: 10 })
    towns.get('A')!.maybe = [[1, 2]] as never
    assert.is(towns.get('A')!.maybe!.get(1), 2)
  })
  assertSound(region)
  const { streets } = towns.get('A')!
  region.transact(() => {
    const inside = towns.get('A')!.streets
    towns.delete('A')
    assert.is(codeOf(() => inside.get('Main')), 'RSTORE_STALE_VIEW')
  })
  assert.is(codeOf(() => streets.size), 'RSTORE_STALE_VIEW')
  assert.is(region.space.allocatedUnits * 8 < 16_384, true)
  assertSound(region)
})

test('an empty map in a record costs at most 256 bytes', () => {
  const region = new MemoryRegion(2 ** 21)
  for (const [name, type] of [
    ['map', t.map(t.string, t.u8)],
    ['multimap', t.multimap(t.u8, t.string)],
  ] as const) {
    const map = region.map(name, t.u32, t.struct(`Of ${name}`, { x: type as never }))
    region.transact(() => map.set(0, { x: [] } as never))
    const before = region.space.allocatedUnits
    region.transact(() => {
      for (let i = 1; i <= 10; i++) map.set(i, { x: [] } as never)
    })
    assert.ok((region.space.allocatedUnits - before) * 8 <= 10 * (256 + 24), name)
  }
})

test('packed fields need a store', () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('m', t.u8, t.struct('P', { p: t.packed(Town) }))
  region.transact(() => {
    assert.is(codeOf(() => map.set(1, { p: {} as never })), 'RSTORE_NO_STORE')
  })
  assert.is(map.size, 0)
})

test.run()
