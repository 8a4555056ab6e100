import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inspect } from 'node:util'
import { layoutOf } from '../../lib/types/struct/layout.js'
import { t, type Infer, type InferInput } from '../../lib/types/index.js'
import type { AnyType } from '../../lib/types/type.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf, refuses, sameType } from '../harness/types.js'

const test = suite('types: struct')

const At = t.struct('At', { lat: t.f64, lon: t.f64 })
const City = t.struct('City', {
  name: t.string, population: t.u32, at: At, nick: t.optional(t.string), rank: t.default(t.u8, 3),
})
type CityView = Infer<typeof City>
sameType<CityView['name'], string>(true)
sameType<CityView['nick'], string | undefined>(true)
sameType<CityView['at']['lat'], number>(true)
type CityCopy = ReturnType<CityView['toObject']>
sameType<CityCopy, { name: string; population: number; at: any; nick: string | undefined
  rank: number }>(true)
sameType<InferInput<typeof At>, { lat: number; lon: number }>(false)
const accepted: InferInput<typeof City> = { name: 'n', population: 1, at: { lat: 1, lon: 2 } }
// @ts-expect-error: a field is missing
const refused: InferInput<typeof City> = { name: 'n', at: { lat: 1, lon: 2 } }
// @ts-expect-error: a field is of another type
const wrong: InferInput<typeof City> = { name: 1, population: 1, at: { lat: 1, lon: 2 } }
const viewIsInput = (view: CityView): InferInput<typeof City> => view
assert.ok(
  viewIsInput !== undefined &&
    accepted !== undefined &&
    refused !== undefined &&
    wrong !== undefined,
)

const offsets = (fields: Record<string, unknown>): Record<string, number> =>
  Object.fromEntries(
    layoutOf(Object.entries(fields) as [string, AnyType][]).fields.map(({ name, offset }) => [
      name,
      offset,
    ]),
  )

test('fields lie in buckets of falling alignment', () => {
  assert.equal(offsets({ a: t.u8, b: t.f64, c: t.u16, d: t.u32, e: t.u64, f: t.bool, g: t.string }),
    { b: 0, e: 8, d: 16, g: 20, c: 24, a: 26, f: 27 })
  const withBits = layoutOf(
    Object.entries({
      ...Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`o${i}`, t.optional(t.u8)])),
      s: t.optional(t.string),
    }) as unknown as [string, AnyType][],
  )
  assert.is(withBits.bytes, 16, '4 for the ref, 9 bytes, 9 bits, padding')
  assert.equal(
    withBits.fields.map(({ presenceByte }) => presenceByte),
    [...Array(8).fill(13), 14, -1],
  )
})

function cities() {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('cities', t.string, City)
  region.transact(() => {
    map.set('oslo', { name: 'Oslo', population: 709_037, at: { lat: 59.9, lon: 10.7 } })
    map.set('rome', {
      name: 'Roma',
      population: 1,
      at: { lat: 41.9, lon: 12.5 },
      nick: 'eternal',
      rank: 9,
    })
  })
  return { region, map }
}

test('fields are read in place and assigned in place', () => {
  const { region, map } = cities()
  const oslo = map.get('oslo')!
  assert.is(oslo.name, 'Oslo')
  assert.is(oslo.at.lon, 10.7)
  assert.is(oslo.rank, 3)
  region.transact(() => {
    const city = map.get('oslo')!
    const { at } = city
    city.population = 5
    city.name = 'Christiania, as it was called for three hundred years'
    at.lat = 60
    city.nick = 'Tigerstaden'
    city.rank = 1
    assert.is(city.population, 5)
    assert.is(at.lat, 60)
    city.at = { lat: 1, lon: 2 } as never
    assert.is(at.lon, 2)
  })
  assert.equal(map.getObject('oslo'), {
    name: 'Christiania, as it was called for three hundred years',
    population: 5,
    at: { lat: 1, lon: 2 },
    nick: 'Tigerstaden',
    rank: 1,
  })
  assertSound(region)
})

test('an assignment that is refused changes nothing', () => {
  const { region, map } = cities()
  const before = map.getObject('rome')
  assert.is(codeOf(() => { map.get('rome')!.population = 1 }), 'RSTORE_NOT_IN_TRANSACTION')
  region.transact(() => {
    const rome = map.get('rome')!
    assert.throws(() => { rome.population = -1 }, /City\.population: -1 is not a u32/)
    assert.throws(() => { rome.name = 5 as never }, /City\.name: expected a string/)
    assert.throws(() => { rome.at = { lat: 1 } as never }, /At\.lon: expected a number/)
    assert.throws(() => { map.set('rome', { ...before, nick: 'new', rank: 'x' }) }, /City\.rank/)
  })
  assert.equal(map.getObject('rome'), before)
  region.session.readOnly = true
  assert.is(codeOf(() => { map.get('rome')!.population = 1 }), 'RSTORE_READ_ONLY')
})

test('views end: with the turn, the transaction, their record', () => {
  const { region, map } = cities()
  const outside = map.get('oslo')!
  region.turn()
  assert.is(codeOf(() => outside.name), 'RSTORE_STALE_VIEW')
  try {
    assert.unreachable(outside.name)
  } catch (error) {
    assert.match((error as Error).message, /getObject/)
    assert.match((error as Error).message, /read\(\)/)
    assert.match((error as Error).message, /snapshot\(\)/)
  }
  region.transact(() => {
    const kept = map.get('oslo')!
    const at = kept.at
    map.delete('oslo')
    assert.is(codeOf(() => kept.population), 'RSTORE_STALE_VIEW')
    assert.is(codeOf(() => at.lat), 'RSTORE_STALE_VIEW')
    assert.is(codeOf(() => { kept.population = 1 }), 'RSTORE_STALE_VIEW')
    assert.is(codeOf(() => kept.toObject()), 'RSTORE_STALE_VIEW')
    assert.is(inspect(kept), 'City <stale>')
  })
  let inside: CityView | undefined
  assert.throws(() => region.transact(() => {
    inside = map.get('rome')!
    throw new Error('back')
  }), /back/)
  assert.is(codeOf(() => inside!.name), 'RSTORE_STALE_VIEW')
})

test('methods: toObject, equals, toJSON, inspect', () => {
  const { region, map } = cities()
  const rome = map.get('rome')!
  const plain = {
    name: 'Roma',
    population: 1,
    at: { lat: 41.9, lon: 12.5 },
    nick: 'eternal',
    rank: 9,
  }
  assert.equal(rome.toObject(), plain)
  assert.equal(JSON.parse(JSON.stringify(rome)), plain)
  assert.ok(rome.equals(plain))
  assert.ok(rome.equals(map.get('rome')))
  assert.not(rome.equals({ ...plain, at: { lat: 1, lon: 1 } }))
  assert.not(rome.equals(map.get('oslo')))
  assert.not(rome.equals(null))
  assert.match(inspect(rome), /^City \{ *\n? *name: 'Roma'/)
  assert.ok('name' in rome)
  region.turn()
})

test('fields may be called what they like', () => {
  const names = [
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'toString',
    'valueOf',
    '0',
    'then',
    'length',
    'a b',
  ]
  const Odd = t.struct('Odd', Object.fromEntries(names.map((name) => [name, t.optional(t.u32)])))
  const fields = (Odd as unknown as { fields: [string, unknown][] }).fields.map(([name]) => name)
  assert.equal([...fields].sort(), [...names].sort(), 'fromEntries defines own names')
  const Own = t.struct(
    'Own',
    Object.defineProperty({ x: t.u8 }, '__proto__', { value: t.string, enumerable: true }),
  )
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('odd', t.u8, Own)
  region.transact(() => map.set(1, JSON.parse('{"x":1,"__proto__":"text"}')))
  const copy = map.getObject(1)
  assert.ok(Object.hasOwn(copy, '__proto__'))
  assert.is((map.get(1) as any).__proto__, 'text')
  assert.is(Object.getPrototypeOf(copy), Object.prototype)
  const odd = region.map('names', t.u8, Odd)
  region.transact(() => odd.set(1, { x: 1 } as never))
  assert.is((odd.get(1) as any).constructor, undefined, 'not what objects inherit')
  for (const name of ['toObject', 'equals', 'toJSON'])
    assert.throws(() => t.struct('S', { [name]: t.u8 }), /cannot be called/)
  assertSound(region)
})

test('what is not a record is refused', () => {
  refuses(At, 5, TypeError, /expected an object \(At\), got 5/)
  refuses(At, null, TypeError, /got null/)
  assert.throws(() => t.struct('', {}), /must be a name/)
  assert.throws(() => t.struct('S', { a: Number as never }), /field a: expected a type made by t/)
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('m', t.u8, At)
  region.transact(() =>
    assert.throws(() => map.set(1, { lat: 1 } as never), /At\.lon: expected a number/),
  )
})

test('a view that is given as a value is copied', () => {
  const { region, map } = cities()
  region.transact(() => {
    map.set('copy', map.get('rome')!)
    map.get('rome')!.name = 'changed'
    map.set('oslo', map.get('oslo')!)
  })
  assert.is(map.get('copy')!.name, 'Roma')
  assert.is(map.get('oslo')!.name, 'Oslo')
  assertSound(region)
})

test('a record taken apart by { ...record } is refused: its fields are inherited', () => {
  const { region, map } = cities()
  const spread = { ...map.get('rome')!, name: 'Nova Roma' }
  region.transact(() => {
    assert.throws(() => map.set('rome', spread), /record\.toObject\(\)/)
    map.set('rome', { ...map.get('rome')!.toObject(), name: 'Nova Roma' } as never)
  })
  assert.is(map.get('rome')!.name, 'Nova Roma')
  assertSound(region)
})

test('equals says false of whatever could not be stored, and never throws', () => {
  const All = t.struct('All', {
    f32: t.f32, f64: t.f64, u8: t.u8, u64: t.u64, bool: t.bool, date: t.date, string: t.string,
    bytes: t.bytes, label: t.enum('a'), json: t.json, tuple: t.tuple(t.f32), list: t.array(t.f32),
    map: t.map(t.u32, t.f32), multimap: t.multimap(t.u32, t.string),
    inner: t.struct('Inner', { f32: t.f32 }), optional: t.optional(t.f32),
    self: t.optional(t.self), named: t.default(t.string, 'x'),
  })
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('all', t.u32, All)
  const good = {
    f32: 1, f64: 1, u8: 1, u64: 1n, bool: true, date: new Date(0), string: 's',
    bytes: Uint8Array.of(9), label: 'a' as const, json: 'j', tuple: [3] as [number], list: [7],
    map: [[1, 2]] as [number, number][], multimap: [[1, 'v']] as [number, string][],
    inner: { f32: 4 }, optional: 5, named: 'n',
  }
  region.transact(() => {
    map.set(2, { ...good, optional: undefined })
    map.set(1, { ...good, self: map.get(2)! })
    const record = map.get(1)!
    assert.ok(record.equals({ ...good, self: map.get(2) }))
    const odd = [
      5n, Symbol('odd'), null, {}, Object.create(null), 'odd', '1', -7, 1e300, () => 1, [], [1],
      [[]], [['a', 1]], [[1]], [[1, Symbol('odd')]], [[1, 2n]], [[2, 2]], new Date(1),
      new Date(NaN), new Set([1]), new Map<unknown, unknown>([['z', 1]]), new Map([[1, {}]]),
      Uint8Array.of(1), [[1, '\ud800']], new Map([['x'.repeat(70_000), 1]]), record,
    ]
    for (const field of [...Object.keys(good), 'self']) {
      for (const value of odd) {
        assert.is(record.equals({ ...good, self: map.get(2), [field]: value }), false, field)
      }
    }
    for (const value of odd.slice(0, -1)) assert.is(record.equals(value), false)
  })
})

test.run()
