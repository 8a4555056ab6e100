/** Keys: the order of their encoded forms is the order of the values. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KeyBuffer, PairKey } from '../../lib/tree/keys.js'
import { t, type Type } from '../../lib/types/index.js'
import type { KeyCodec, KeyForm } from '../../lib/types/keys.js'
import { toSuccessor } from '../../lib/types/keys.js'
import type { AnyType } from '../../lib/types/type.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { codeOf } from '../harness/types.js'

const test = suite('types: keys')

type Compare = (a: any, b: any) => number
const byNumber: Compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0)
const bytewise = (a: Uint8Array, b: Uint8Array): number => Math.sign(Buffer.compare(a, b))
const byCodePoint: Compare = (a: string, b: string) => bytewise(Buffer.from(a), Buffer.from(b))
const inTurn = (compares: Compare[]): Compare => (a, b) => {
  for (const [i, compare] of compares.entries()) {
    const order = compare(a[i], b[i])
    if (order !== 0) return order
  }
  return 0
}

function compareForms(a: KeyForm, b: KeyForm): number {
  if (typeof a === 'number' && typeof b === 'number') return byNumber(a, b)
  if (a instanceof PairKey && b instanceof PairKey)
    return byNumber(a.high, b.high) || byNumber(a.low, b.low)
  const [left, right] = [a as KeyBuffer, b as KeyBuffer]
  return bytewise(left.u8.subarray(0, left.length), right.u8.subarray(0, right.length))
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', '\0', '\0\0', 'a\0', 'a', 'a\u0001', 'é', '😀'),
)
const double = fc.oneof(
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, Infinity, -Infinity, 5e-324, -5e-324),
)
const bytes = fc.uint8Array({ maxLength: 5 })
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const Colour = t.enum('red', 'green', 'blue')
const colourOrder: Compare = (a, b) =>
  byNumber(['red', 'green', 'blue'].indexOf(a), ['red', 'green', 'blue'].indexOf(b))
const f64Order: Compare = (a, b) => byNumber(a + 0, b + 0)

const kinds: [string, Type<any>, fc.Arbitrary<any>, Compare][] = [
  ['u8', t.u8, fc.nat(255), byNumber],
  ['i8', t.i8, fc.integer({ min: -128, max: 127 }), byNumber],
  ['u16', t.u16, fc.nat(65535), byNumber],
  ['i16', t.i16, fc.integer({ min: -32768, max: 32767 }), byNumber],
  ['u32', t.u32, fc.integer({ min: 0, max: 2 ** 32 - 1 }), byNumber],
  ['i32', t.i32, fc.integer(), byNumber],
  ['f64', t.f64, double, f64Order],
  ['f32', t.f32, fc.float({ noNaN: true }), f64Order],
  ['u64', t.u64, u64, byNumber],
  ['i64', t.i64, i64, byNumber],
  ['bool', t.bool, fc.boolean(), byNumber],
  ['date', t.date, fc.date({ noInvalidDate: true }), (a, b) => byNumber(+a, +b)],
  ['enum', Colour, fc.constantFrom('red', 'green', 'blue'), colourOrder],
  ['string', t.string, text, byCodePoint],
  ['bytes', t.bytes, bytes, bytewise],
  [
    'tuple',
    t.tuple(t.string, t.f64, t.bytes),
    fc.tuple(text, double, bytes),
    inTurn([byCodePoint, f64Order, bytewise]),
  ],
  [
    'tuple of all',
    t.tuple(t.i64, t.tuple(t.string, t.i8), t.u64, Colour, t.date, t.string),
    fc.tuple(
      i64,
      fc.tuple(text, fc.integer({ min: -128, max: 127 })),
      u64,
      fc.constantFrom('red', 'blue'),
      fc.date({ noInvalidDate: true }),
      text,
    ),
    inTurn([
      byNumber,
      inTurn([byCodePoint, byNumber]),
      byNumber,
      colourOrder,
      (a, b) => byNumber(+a, +b),
      byCodePoint,
    ]),
  ],
]

for (const [name, type, values, compare] of kinds) {
  const codec = (type as unknown as AnyType).key as KeyCodec<unknown>
  test(`${name}: forms sort as values do, and say what they were`, () => {
    fc.assert(fc.property(values, values, (a, b) => {
      const [formA, formB] = [
        codec.encode(a, codec.newForm(), 'a'),
        codec.encode(b, codec.newForm(), 'b'),
      ]
      assert.is(compareForms(formA, formB), compare(a, b))
      const again = codec.decode(formA)
      assert.is(compare(again, a), 0)
      assert.not(Object.is(again, -0))
    }), { numRuns: 400 })
  })
}

test('what is not a key is refused', () => {
  const region = new MemoryRegion(2 ** 21)
  const bad: [Type<any>, unknown[]][] = [
    [t.u8, [-1, 256, 0.5, NaN, '1', undefined, null, 1n]],
    [t.i32, [2 ** 31, 1.5, NaN]],
    [t.f64, [NaN, '1', undefined]],
    [t.u64, [-1n, 2n ** 64n, 1]],
    [t.date, [new Date(NaN), 0]],
    [t.string, ['\ud800', `${'x'.repeat(50)}\udfff`, 1]],
    [t.bytes, ['x', [1]]],
    [t.bool, [0, undefined]],
    [Colour, ['yellow', 0]],
    [t.tuple(t.u8, t.string), [[1], [1, 2], 'x', [1, 'a', 'b'], [300, 'x']]],
  ]
  for (const [type, keys] of bad) {
    const map = region.map(`map of ${(type as unknown as AnyType).descriptorText}`, type, t.u8)
    region.transact(() => {
      for (const key of keys) {
        for (const use of [
          () => map.get(key),
          () => map.set(key, 1),
          () => map.has(key),
          () => map.delete(key),
        ]) {
          assert.is(codeOf(use), 'TypeError', String(key))
        }
      }
    })
    assert.is(map.size, 0)
  }
  for (const type of [
    t.json,
    t.array(t.u8),
    t.struct('S', {}),
    t.optional(t.u8),
    t.tuple(t.json),
  ]) {
    assert.throws(() => t.map(type as Type<any>, t.u8), /cannot be a key/)
    assert.throws(() => t.multimap(t.u8, type as Type<any>), /cannot be a key/)
  }
})

test('keys of up to 64 KiB', () => {
  const region = new MemoryRegion(2 ** 23)
  const map = region.map('long', t.string, t.u32)
  const keys = [1000, 4096, 65_535, 65_536].map((length) => 'k'.repeat(length))
  region.transact(() => keys.forEach((key, i) => map.set(key, i)))
  assert.equal([...map.keys()], keys)
  keys.forEach((key, i) => assert.is(map.get(key), i))
  assert.is(codeOf(() => map.get('k'.repeat(65_537))), 'RSTORE_KEY_TOO_LONG')
  assert.is(codeOf(() => map.get('é'.repeat(32_769))), 'RSTORE_KEY_TOO_LONG')
  region.transact(() => keys.forEach((key) => map.delete(key)))
  assert.is(map.size, 0)
})

test('the successor of a prefix', () => {
  const successor = (...values: number[]): number[] | boolean => {
    const buffer = new KeyBuffer()
    buffer.assign(Uint8Array.from(values), 0, values.length)
    return toSuccessor(buffer) && [...buffer.u8.subarray(0, buffer.length)]
  }
  assert.equal(successor(1, 2), [1, 3])
  assert.equal(successor(1, 255, 255), [2])
  assert.is(successor(255, 255), false)
})

test.run()
