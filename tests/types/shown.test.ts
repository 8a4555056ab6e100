/** What console.log and JSON.stringify make of records, arrays, maps, regions and vectors. */
import { join } from 'node:path'
import { inspect } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SharedVector, Store, t } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { codeOf } from '../harness/types.js'
import { nextTurn, withRegion } from '../harness/with-region.js'

const test = suite('types: shown')

const Part = t.struct('Part', { name: t.string, sizes: t.map(t.string, t.u32) })
const Thing = t.struct('Thing', {
  parts: t.array(Part), tags: t.multimap(t.u8, t.string), first: Part,
})
const bolt = { name: 'bolt', sizes: [['M4', 4]] as [string, number][] }
const thing = { parts: [bolt, bolt], tags: [[1, 'a'], [1, 'b']] as [number, string][], first: bolt }

test('maps show their entries, and nothing of what they are made of', withRegion((place) => {
  const region = place.create()
  const things = region.map('things', t.string, Thing)
  const numbers = region.map('numbers', t.u32, t.u32)
  const pairs = region.multimap('pairs', t.string, t.u32)
  region.transact(() => {
    things.set('x', thing)
    for (let i = 0; i < 250; i++) numbers.set(i, i)
    pairs.add('p', 1)
    pairs.add('p', 2)
  })
  const record = things.get('x')!
  const all = { depth: 9, breakLength: 1000 }
  const part = "{ name: 'bolt', sizes: Map(1) { 'M4' => 4 } }"
  const shownThing = `Thing {\n  parts: [\n    ${part},\n    ${part}\n  ],\n`
    + `  tags: [ [ 1, 'a' ], [ 1, 'b' ] ],\n  first: ${part}\n}`
  assert.is(inspect(record, { ...all, compact: 3, breakLength: 60 }), shownThing)
  assert.is(inspect(record.first.sizes), "RMap(1) { 'M4' => 4 }")
  assert.is(inspect(record.tags), "RMultimap(2) [ [ 1, 'a' ], [ 1, 'b' ] ]")
  assert.is(inspect(pairs), "RMultimap(2) [ [ 'p', 1 ], [ 'p', 2 ] ]")
  assert.is(inspect(record.parts, { ...all, maxArrayLength: 1 }),
    `ArrayView(2) [ ${part}, ... 1 more item ]`)
  assert.match(inspect(things, all), /^RMap\(1\) \{\s+'x' => Thing \{/)
  assert.match(inspect(numbers), /^RMap\(250\) \{\n {2}0 => 0,[^]+99 => 99,\n {2}\.\.\. 150 more/)
  assert.is(inspect(numbers, { maxArrayLength: 0 }), 'RMap(250) { ... 250 more items }')
  assert.is(inspect(numbers, { maxArrayLength: 1 }), 'RMap(250) { 0 => 0, ... 249 more items }')
  assert.is(inspect({ a: { m: numbers, r: record, l: record.parts } }, { depth: 1 }),
    '{ a: { m: [RMap], r: [Thing], l: [ArrayView] } }')
  const index = numbers.index('self', (value) => value, { key: t.u32 })
  for (const iterator of [
    numbers.entries(), numbers.keys(), numbers.values(), index.keys(), pairs.keys(),
    pairs.entries(), pairs.valuesOf('p'),
  ]) assert.is(inspect(iterator), 'Iterator {}')
  assert.is(inspect(index), 'Index "self" of map "numbers"')
  const named = region.value('named', Part)
  assert.is(inspect(named), 'RValue undefined')
  region.transact(() => named.set(bolt))
  assert.is(inspect(named, all), `RValue Part ${part}`)
  assert.is(JSON.stringify(named), '{"name":"bolt","sizes":[["M4",4]]}')
  assert.is(inspect(region), `Region <${region.path}>`)
  region.close()
  assert.is(inspect(numbers), 'RMap <RSTORE_CLOSED>')
  assert.is(inspect(region), `Region <${place.path()}>`)
}))

test('types are shown as they are stored', () => {
  assert.is(inspect(t.optional(t.u8)), 'Type {"optional":"u8"}')
  assert.is(inspect(Part),
    'Type {"struct":"Part","fields":[["name","string"],["sizes",{"map":["string","u32"]}]]}')
  const early = t.struct('Early', { next: t.ref(() => Late) })
  assert.is(inspect(early), 'Type Early')
  const Late = t.struct('Late', { size: t.u8 })
  assert.match(inspect(early), /^Type \{"struct":"Early"/)
})

test('stores and vectors are shown by their paths, elements of vectors as they are', () => {
  const folder = temporaryDirectory()
  const store = Store.open(join(folder, 'store'), { create: true })
  assert.is(inspect({ store }), `{ store: Store <${join(folder, 'store')}> }`)
  store.close()
  const Element = t.struct('Element', { a: t.u8, b: t.struct('Inner', { c: t.bool }) })
  const vector = SharedVector.create(join(folder, 'vector'), Element)
  vector.push({ a: 1, b: { c: true } })
  assert.is(inspect([...vector]), '[ { a: 1, b: { c: true } } ]')
  assert.is(inspect(vector), `SharedVector <${join(folder, 'vector')}>`)
  vector.close()
})

test('maps are lists of entries in JSON', withRegion((place) => {
  const region = place.create()
  const things = region.map('things', t.string, Thing)
  const keyed = region.map('keyed', t.tuple(t.u64, t.bytes), t.date)
  const pairs = region.multimap('pairs', t.date, t.u64)
  region.transact(() => {
    things.set('x', thing)
    keyed.set([5n, new Uint8Array([1, 2])], new Date(0))
    pairs.add(new Date(0), 7n)
  })
  assert.equal(JSON.parse(JSON.stringify({ things })), { things: [['x', thing]] })
  assert.is(JSON.stringify(things.get('x')!.first.sizes), '[["M4",4]]')
  assert.is(JSON.stringify(things.get('x')!.tags), '[[1,"a"],[1,"b"]]')
  assert.is(JSON.stringify(keyed), '[[["5","AQI="],"1970-01-01T00:00:00.000Z"]]')
  assert.is(JSON.stringify(pairs), '[["1970-01-01T00:00:00.000Z","7"]]')
}))

test('what is stale is shown as that, and throws in JSON', withRegion(async (place) => {
  const region = place.create()
  const things = region.map('things', t.string, Thing)
  region.transact(() => things.set('x', thing))
  const record = things.get('x')!
  const stale = [record, record.first, record.parts, record.first.sizes, record.tags] as const
  await nextTurn()
  assert.equal(stale.map((view) => inspect(view)),
    ['Thing <stale>', 'Part <stale>', 'ArrayView <stale>', 'RMap <stale>', 'RMultimap <stale>'])
  for (const view of stale) assert.is(codeOf(() => JSON.stringify(view)), 'RSTORE_STALE_VIEW')
}))

test.run()
