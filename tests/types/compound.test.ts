import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Ref } from '../../lib/space/ref.js'
import { t, type ArrayView, type Infer, type InferInput } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf, refuses, roundTrip, sameType } from '../harness/types.js'

const test = suite('types: optional, default, tuple, array')

const MaybeText = t.optional(t.string)
const Pair = t.tuple(t.u32, t.optional(t.string))
const Numbers = t.array(t.f64)
const WithDefault = t.default(t.u8, 7)
sameType<Infer<typeof MaybeText>, string | undefined>(true)
sameType<InferInput<typeof MaybeText>, string | undefined>(true)
sameType<Infer<typeof Pair>, [number, string | undefined]>(true)
sameType<Infer<typeof Numbers>, ArrayView<number>>(true)
type NumbersInput = Iterable<number> | ArrayBufferView | Ref<ArrayView<number>>
sameType<InferInput<typeof Numbers>, NumbersInput>(true)
sameType<Infer<typeof WithDefault>, number>(true)
sameType<InferInput<typeof WithDefault>, number | undefined>(true)

test('optional holds undefined apart from every value', () => {
  for (const value of [undefined, 0, 255]) assert.is(roundTrip(t.optional(t.u8), value), value)
  for (const value of [undefined, '', 'text'])
    assert.is(roundTrip(t.optional(t.string), value), value)
  for (const value of [undefined, 0n, 2n ** 63n])
    assert.is(roundTrip(t.optional(t.u64), value), value)
  for (const value of [undefined, false, true])
    assert.is(roundTrip(t.optional(t.bool), value), value)
  const Point = t.struct('Point', { x: t.f64, name: t.string })
  for (const value of [undefined, { x: 1, name: 'n' }])
    assert.equal(roundTrip(t.optional(Point), value), value)
  assert.equal(roundTrip(t.array(t.optional(t.u16)), [1, undefined, 3]), [1, undefined, 3])
  refuses(t.optional(t.u8), null, TypeError, /expected a number/)
  assert.throws(() => t.optional(t.optional(t.u8)), /cannot be optional/)
})

test('optional: going and coming frees and allocates', () => {
  const region = new MemoryRegion(2 ** 21)
  const Inner = t.struct('Inner', { text: t.string })
  const map = region.map(
    'map',
    t.u32,
    t.struct('Outer', { a: t.optional(Inner), b: t.optional(t.string) }),
  )
  for (const value of [{}, { a: { text: 'x' } }, { b: 'y' }, { a: { text: 'z' }, b: 'w' }, {}]) {
    region.transact(() => map.set(1, value))
    assert.equal(map.getObject(1), { a: undefined, b: undefined, ...value })
    assertSound(region)
  }
  region.transact(() => {
    const record = map.get(1)!
    record.b = 'assigned'
    record.a = { text: 'also' } as unknown as Infer<typeof Inner>
    record.b = undefined
    record.a.text = 'changed'
  })
  assert.equal(map.getObject(1), { a: { text: 'changed' }, b: undefined })
  assertSound(region)
})

test('default fills in what is left out', () => {
  assert.is(roundTrip(WithDefault, undefined), 7)
  assert.is(roundTrip(WithDefault, 3), 3)
  assert.equal(roundTrip(t.default(t.date, new Date(5)), undefined), new Date(5))
  assert.is(roundTrip(t.default(t.string, 'none'), undefined), 'none')
  assert.is(roundTrip(t.default(t.enum('a', 'b'), 'b'), undefined), 'b')
  assert.is(roundTrip(t.default(t.i64, -3n), undefined), -3n)
  assert.throws(() => t.default(t.u8, 256), /not a u8/)
  assert.throws(() => t.default(t.array(t.u8), []), /use t\.optional/)
})

test('tuple is a frozen array', () => {
  assert.equal(roundTrip(Pair, [1, undefined]), [1, undefined])
  assert.equal(roundTrip(Pair, [1, 'x']), [1, 'x'])
  assert.equal(roundTrip(t.tuple(t.u8, t.f64, t.tuple(t.bool, t.string)), [1, 2.5, [true, 'in']]), [
    1,
    2.5,
    [true, 'in'],
  ])
  refuses(Pair, [1], TypeError, /2 elements, got one of 1/)
  refuses(Pair, ['x', 'y'], TypeError, /Holder\.field\[0\]/)
  assert.throws(() => t.tuple(), /at least one/)
})

const typed = [
  [t.u8, Uint8Array],
  [t.i8, Int8Array],
  [t.u16, Uint16Array],
  [t.i16, Int16Array],
  [t.u32, Uint32Array],
  [t.i32, Int32Array],
  [t.f32, Float32Array],
  [t.f64, Float64Array],
] as const

test('arrays of numbers are typed arrays of their own', () => {
  for (const [element, Class] of typed) {
    for (const length of [0, 1, 3, 5000]) {
      const values = new Class(Array.from({ length }, (_, i) => i % 100))
      const stored = roundTrip(t.array(element), values)
      assert.instance(stored, Class)
      assert.equal(stored, values)
    }
    assert.equal(roundTrip(t.array(element), [1, 2, 3]), Class.from([1, 2, 3]))
    assert.equal(roundTrip(t.array(element), new Set([4, 5])), Class.from([4, 5]))
  }
  assert.equal(
    roundTrip(t.array(t.u64), [1n, 2n ** 64n - 1n]),
    BigUint64Array.from([1n, 2n ** 64n - 1n]),
  )
  assert.equal(roundTrip(t.array(t.i64), [-1n]), BigInt64Array.from([-1n]))
  refuses(t.array(t.u8), [1, 256], RangeError, /256 is not a u8/)
  refuses(t.array(t.u8), Float64Array.from([0.5]), RangeError, /not a u8/)
  refuses(t.array(t.u8), 5, Error as never, /5/)
})

test('arrays of everything else are read in place', () => {
  assert.equal(roundTrip(t.array(t.string), ['a', '', 'ccc']), ['a', '', 'ccc'])
  assert.equal(roundTrip(t.array(t.bool), [true, false]), [true, false])
  assert.equal(roundTrip(t.array(t.array(t.u8)), [[1], [], [2, 3]]),
    [Uint8Array.from([1]), new Uint8Array(0), Uint8Array.from([2, 3])])
  refuses(t.array(t.string), 'abc', TypeError, /another iterable/)
  refuses(t.array(t.string), ['a', 1], TypeError, /Holder\.field\[\]/)
  const region = new MemoryRegion(2 ** 21)
  const Stop = t.struct('Stop', { name: t.string, minutes: t.u16 })
  const lines = region.map('lines', t.string, t.struct('Line', { stops: t.array(Stop) }))
  region.transact(() => {
    lines.set('1', { stops: [{ name: 'a', minutes: 1 }, { name: 'b', minutes: 2 }] })
    const { stops } = lines.get('1')!
    assert.is(stops.length, 2)
    assert.is(stops[1]!.name, 'b')
    assert.is(stops.at(-1)!.minutes, 2)
    assert.is(stops.at(2), undefined)
    assert.is(stops[2], undefined)
    assert.equal([...stops].map((stop) => stop.minutes), [1, 2])
    stops[0]!.minutes = 9
    stops[0]!.name = 'another name, longer'
    const assignable = stops as unknown as Record<string | number, unknown>
    assert.throws(() => { assignable[0] = { name: 'z', minutes: 0 } },
      (error: Error) => error instanceof TypeError && /list\.at\(i\)\.field = /.test(error.message))
    assert.throws(() => { assignable[7] = stops[0] }, TypeError)
    assert.throws(() => { assignable['extra'] = 1 }, /extra is no property/)
    assert.equal(Object.keys(stops), ['length'])
    lines.get('1')!.stops = [...stops, { name: 'c', minutes: 3 }] as never
    assert.is(codeOf(() => stops.at(0)), 'RSTORE_STALE_VIEW')
  })
  assert.equal(lines.getObject('1'), {
    stops: [
      { name: 'another name, longer', minutes: 9 },
      { name: 'b', minutes: 2 },
      { name: 'c', minutes: 3 },
    ],
  })
  assert.is(JSON.stringify(lines.get('1')!.stops), JSON.stringify(lines.getObject('1').stops))
  assertSound(region)
})

test('any array comes back as it was', () => {
  const Item = t.struct('Item', { a: t.string, b: t.optional(t.i32) })
  const item = fc.record(
    { a: fc.string({ unit: 'binary' }), b: fc.option(fc.integer(), { nil: undefined }) },
    { noNullPrototype: true },
  )
  fc.assert(fc.property(fc.array(item), (list) => {
    assert.equal(roundTrip(t.array(Item), list), list)
  }), { numRuns: 40 })
})

test.run()
