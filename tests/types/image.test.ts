/** Records that are stored by way of an image: the same as those that are prepared. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound } from '../harness/types.js'

const test = suite('types: images of records')

const Inner = t.struct('Inner', { word: t.string, small: t.i8 })
const FIELDS = {
  byte: t.u8, short: t.u16, word: t.u32, signed: t.i32, double: t.f64, single: t.f32, yes: t.bool,
  name: t.string, nick: t.optional(t.string), title: t.default(t.string, 'none'),
  big: t.optional(t.u64), kind: t.optional(t.enum('one', 'two')), level: t.default(t.u16, 7),
  inner: Inner, list: t.array(t.u16), blob: t.optional(t.bytes), pair: t.tuple(t.u8, t.f64),
}
const Whole = t.struct('Whole', FIELDS)

const text = fc.oneof(
  fc.constant(''), fc.string({ maxLength: 70 }), fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'binary', minLength: 1000, maxLength: 1100 }),
)
const required = {
  byte: fc.integer({ min: 0, max: 255 }), short: fc.nat(0xffff), word: fc.nat(),
  signed: fc.integer(), double: fc.double(), single: fc.float(), yes: fc.boolean(), name: text,
  inner: fc.record({ word: text, small: fc.integer({ min: -128, max: 127 }) }),
  list: fc.array(fc.nat(0xffff), { maxLength: 5 }), pair: fc.tuple(fc.nat(255), fc.double()),
}
const whole = fc.record({
  ...required, nick: text, title: text, big: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  kind: fc.constantFrom('one', 'two'), level: fc.nat(0xffff), blob: fc.uint8Array(),
}, { requiredKeys: Object.keys(required) as (keyof typeof required)[] })

/** The fields in the order of the type, as an image needs them. */
const inOrder = (value: object): object => Object.fromEntries(
  Object.keys(FIELDS).filter((name) => name in value)
    .map((name) => [name, (value as Record<string, unknown>)[name]]))
/** The same with the last first, which has no image. */
const reversed = (value: object): object => Object.fromEntries(Object.entries(value).reverse())

test('what has an image is stored as what has none', () => {
  const region = new MemoryRegion(2 ** 24)
  const map = region.map('map', t.u32, Whole)
  fc.assert(fc.property(fc.array(whole, { minLength: 1, maxLength: 4 }), (values) => {
    region.transact(() => values.forEach((value) => {
      map.set(1, inOrder(value) as never)
      map.set(2, reversed(inOrder(value)) as never)
      assert.equal(map.getObject(1), map.getObject(2))
    }))
    region.turn()
    assertSound(region)
  }), { numRuns: 60 })
})

const Named = t.struct('Named', { name: t.string, size: t.u32, note: t.string })

test('what cannot be stored leaves the record as it was', () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('map', t.u32, Named)
  const good = { name: 'n'.repeat(40), size: 1, note: 'note' }
  for (const bad of [
    { ...good, name: 'other', size: -1 }, { ...good, note: '\ud800' }, { ...good, note: 1 },
    { ...good, name: `${'\ud800'.repeat(40)}` }, { name: 'other', size: 2 },
    { ...good, size: 2 ** 32 }, { ...good, size: 1.5 }, { ...good, size: undefined },
  ]) {
    region.transact(() => map.set(1, good))
    assert.throws(() => region.transact(() => map.set(1, bad as never)), /Named\.(name|size|note)/)
    region.transact(() => {
      try {
        map.set(2, bad as never)
      } catch { /* checked above */ }
    })
    assert.equal(map.getObject(1), good)
    assert.is(map.size, 1)
    assertSound(region)
  }
})

test('getters that write other records do not mix them up', () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('map', t.u32, Named)
  const pairs = region.map('pairs', t.tuple(t.u32, t.u32), Named)
  const other = { name: 'other', size: 2, note: 'an other note' }
  const nosy = {
    name: 'nosy',
    get size() {
      map.set(7, other)
      return 3
    },
    note: 'a note',
  }
  const key = [1, 0]
  Object.defineProperty(key, 1, { get: () => (map.set(8, other), 9) })
  region.transact(() => {
    map.set(1, nosy)
    pairs.set(key as [number, number], { name: 'pair', size: 4, note: '' })
  })
  assert.equal(map.getObject(1), { name: 'nosy', size: 3, note: 'a note' })
  assert.equal(map.getObject(7), other)
  assert.equal(map.getObject(8), other)
  assert.equal(pairs.getObject([1, 9]), { name: 'pair', size: 4, note: '' })
  assertSound(region)
})

test('fields that an object has from its class are stored', () => {
  class Computed {
    name = 'computed'
    size = 5
    get note(): string {
      return 'of the class'
    }
  }
  const Optional = t.struct('Optional', {
    name: t.string, size: t.u32, note: t.optional(t.string),
  })
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('map', t.u32, Optional)
  region.transact(() => map.set(1, new Computed()))
  assert.is(map.get(1)!.note, 'of the class')
  region.transact(() => map.set(1, { name: 'plain', size: 6 }))
  assert.is(map.get(1)!.note, undefined)
  assertSound(region)
})

test('what can be iterated once is, whether or not the record has an image', () => {
  const Tagged = t.struct('Tagged', {
    tags: t.array(t.string), by: t.map(t.string, t.u32), note: t.string,
  })
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('map', t.u32, Tagged)
  const tags = function* (also: (i: number) => void): IterableIterator<string> {
    for (let i = 0; i < 3; i++) {
      also(i)
      yield `tag${i}`
    }
  }
  const by = (): IterableIterator<[string, number]> => new Map([['a', 1], ['b', 2]]).entries()
  const long = 'long'.repeat(1000)  // too long for an image
  const store = (i: number): void =>
    map.set(10 + i, { tags: tags(() => {}), by: by(), note: 'inside' })
  region.transact(() => {
    map.set(1, { tags: tags(() => {}), by: by(), note: long })
    map.set(2, { note: 'first', by: by(), tags: tags(() => {}) })
    map.set(3, { tags: tags(store), by: by(), note: 'nested' })
  })
  const rest = { tags: ['tag0', 'tag1', 'tag2'], by: new Map([['a', 1], ['b', 2]]) }
  for (const [key, note] of
    [[1, long], [2, 'first'], [3, 'nested'], [10, 'inside'], [12, 'inside']] as const)
    assert.equal(map.getObject(key), { ...rest, note })
  assertSound(region)
})

test('more texts than there are buffers', () => {
  const names = Array.from({ length: 20 }, (_, i) => `text${i}`)
  const Texts = t.struct('Texts', Object.fromEntries(names.map((name) => [name, t.string])))
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('map', t.u32, Texts)
  const value = Object.fromEntries(names.map((name) => [name, name.repeat(3)]))
  region.transact(() => map.set(1, value))
  assert.equal(map.getObject(1), value)
  assertSound(region)
})

test.run()
