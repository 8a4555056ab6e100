import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Infer } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf, refuses, roundTrip, sameType } from '../harness/types.js'

const test = suite('types: string, bytes, json')

sameType<Infer<typeof t.string>, string>(true)
sameType<Infer<typeof t.bytes>, Uint8Array>(true)
sameType<Infer<typeof t.json>, any>(true)

test('string holds all text', () => {
  for (const text of [
    '',
    'a',
    'Oslo',
    'exactly 12 c',
    'thirteen char',
    'æ',
    'zażółć gęślą jaźń',
    '日本語',
    '😀'.repeat(9),
    'x'.repeat(16),
    'x'.repeat(17),
    `${'y'.repeat(15)}é`,
    'z'.repeat(100_000),
    '\0a\0',
  ]) {
    assert.is(roundTrip(t.string, text), text)
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => roundTrip(t.string, text) === text),
    { numRuns: 60 },
  )
})

test('string refuses what UTF-8 cannot hold', () => {
  refuses(t.string, '\ud800', TypeError, /lone surrogate/)
  refuses(t.string, `${'x'.repeat(40)}\udc00`, TypeError, /lone surrogate/)
  refuses(t.string, 1, TypeError, /expected a string, got 1/)
  refuses(t.string, undefined, TypeError, /expected a string, got undefined/)
})

test('bytes are a copy, whatever is stored', () => {
  for (const length of [0, 1, 7, 4096, 4097, 100_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7)
    assert.equal(roundTrip(t.bytes, bytes), bytes)
  }
  assert.equal(roundTrip(t.bytes, Buffer.from('abc')), Uint8Array.from([97, 98, 99]))
  refuses(t.bytes, [1, 2], TypeError, /expected a Uint8Array/)
})

test('bytes and small arrays share no memory with the region', () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('map', t.string, t.bytes)
  region.transact(() => map.set('a', Uint8Array.from([1, 2, 3])))
  const copy = map.get('a')!
  assert.is(copy.buffer.byteLength, 3)
  copy[0] = 9
  assert.equal(map.get('a'), Uint8Array.from([1, 2, 3]))
})

test('bytes and arrays have the length that they have, whatever they say', () => {
  class Short extends Uint8Array {
    override get length(): number { return 2 }
  }
  const said = (length: number): Uint8Array =>
    Object.defineProperty(new Uint8Array(4000).fill(7), 'length', { value: length })
  const region = new MemoryRegion(2 ** 21)
  const maps = [t.bytes, t.array(t.u8)].map((type, i) =>
    region.map(`map ${i}`, t.u32, type as typeof t.bytes))
  for (const map of maps) {
    region.transact(() => {
      map.set(1, said(2))
      map.set(2, new Short(4000).fill(7))
      map.set(3, said(8000))
      map.set(3, said(3))
      const proxy = new Proxy(new Uint8Array(5), { get: (bytes, name) => Reflect.get(bytes, name) })
      assert.throws(() => map.set(4, proxy), /not a typed array/)
    })
    assert.equal([...map.values()].map(({ byteLength }) => byteLength), [4000, 4000, 4000])
    assertSound(region)
  }
})

test('json holds what JSON does, and more', () => {
  for (const value of [
    null,
    true,
    1.5,
    'text',
    [1, [2]],
    { a: { b: [null] }, ü: 1 },
    12345678901234567890n,
    { when: new Date(5), bytes: Uint8Array.from([1, 2]) },
  ]) {
    assert.equal(roundTrip(t.json, value), value)
  }
  const circle: { self?: unknown } = {}
  circle.self = circle
  refuses(t.json, circle, TypeError, /cannot be stored as t\.json/)
  const lone = '\ud800'
  for (const value of [
    lone, [`a${lone}b`], { a: [{ b: lone }] }, { [lone]: 1 }, 'x'.repeat(99) + lone,
    new Map([[lone, 1]]),
  ]) {
    refuses(t.json, value, TypeError, /a lone surrogate/)
  }
  for (const value of ['\ufffd', '한글 \ud83d\ude00', { '\ufffd': [0xed, '\ud7ff'] }]) {
    assert.equal(roundTrip(t.json, value), value)
  }
})

test('json: what could not be read again is refused, and what has another form compared', () => {
  for (const value of [
    new Map([[{ a: 1 }, 2]]), { in: [new Map([[[1], 2]])] }, new Map([[undefined, 1]]),
    JSON.parse('{"a":{"__proto__":{"x":1}}}'),
  ]) refuses(t.json, value, TypeError, /cannot hold a field that is called/)
  assert.is(roundTrip(t.json, 'not a name: __proto__'), 'not a name: __proto__')
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('json', t.string, t.json)
  class Point {
    x = 1
  }
  const values = [new Map([[1, 'one']]), Buffer.from('bytes'), { in: [new Point()] }, [, 1]]
  region.transact(() => {
    for (const value of values) {
      map.set('k', value)
      assert.is(map.compareAndSet('k', 'other', 1), false)
      assert.is(map.compareAndSet('k', Symbol('none'), 1), false)
      assert.is(map.compareAndSet('k', value, value), true)
    }
  })
})

test('json: views are stored as their plain copies, at any depth', () => {
  const region = new MemoryRegion(2 ** 21)
  const Part = t.struct('Part', { id: t.u64, seen: t.date })
  const Town = t.struct('Town', {
    name: t.string, constructor: t.string, at: t.tuple(t.f64, t.f64), raw: t.bytes, part: Part,
    parts: t.array(Part), counts: t.map(t.string, t.u64), note: t.json, self: t.optional(t.self),
  })
  const towns = region.map('towns', t.string, Town)
  const log = region.map('log', t.u32, t.json)
  const Entry = t.struct('Entry', { what: t.json })
  const entries = region.map('entries', t.u32, Entry)
  const part = { id: 2n ** 60n, seen: new Date(5) }
  const plain = {
    name: 'Oslo', constructor: 'x', at: [59.9, 10.7] as [number, number],
    raw: Uint8Array.of(1, 2), part, parts: [part, { id: 1n, seen: new Date(6) }], note: { a: [1] },
  }
  const stored = { ...plain, counts: { a: 3n }, self: undefined }
  let stale: unknown
  region.transact(() => {
    towns.set('o', { ...plain, counts: [['a', 3n]] })
    const town = towns.get('o')!
    log.set(1, town)
    log.set(2, { town, in: [{ town }, new Set([town.part])], parts: town.parts })
    log.set(3, town.parts)
    log.set(4, [new Map([['a', new Date(5)]]), town.counts, towns])
    entries.set(1, { what: town })
    entries.set(2, { what: 1 })
    entries.get(2)!.what = [town]
    assert.is(log.compareAndSet(1, town, town), true)
    assert.is(log.compareAndSet(1, town.part, 1), false)
    stale = town
  })
  region.turn()
  assert.equal(log.get(1), stored)
  assert.equal(log.get(2), {
    town: stored, in: [{ town: stored }, new Set([part])], parts: plain.parts,
  })
  assert.equal(log.get(3), plain.parts)
  assert.equal(log.get(4)[1], [['a', '3']], 'a map as in JSON')
  assert.equal(log.get(4)[2][0][0], 'o')
  assert.equal(entries.getObject(1), { what: stored })
  assert.equal(entries.getObject(2), { what: [stored] })
  const Odd = t.struct('Odd', { ['__proto__']: t.u32 })
  const odd = region.map('odd', t.u32, Odd)
  region.transact(() => {
    assert.is(codeOf(() => log.set(4, [stale])), 'RSTORE_STALE_VIEW')
    odd.set(1, JSON.parse('{"__proto__":1}'))
    assert.throws(() => log.set(4, { in: odd.get(1) }), /a field that is called "__proto__"/)
  })
  assertSound(region)
})

test('what is boxed is overwritten where it is, while it fits', () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map(
    'map',
    t.u32,
    t.struct('Note', { text: t.string, data: t.json, raw: t.bytes }),
  )
  const note = (size: number) => ({
    text: 'x'.repeat(size),
    data: 'y'.repeat(size),
    raw: new Uint8Array(size),
  })
  region.transact(() => map.set(1, note(60)))
  const { allocatedUnits } = region.space
  for (const size of [59, 60, 40, 57]) {
    region.transact(() => map.set(1, note(size)))
    assert.is(region.space.allocatedUnits, allocatedUnits, `size ${size}`)
    assert.equal(map.getObject(1), note(size))
  }
  for (const size of [0, 1000, 3, 100]) {
    region.transact(() => map.set(1, note(size)))
    assert.equal(map.getObject(1), note(size))
    assertSound(region)
  }
})

test.run()
