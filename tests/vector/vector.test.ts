/** SharedVector in one thread: every element type against an array, misuse, reading, limits. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, VectorDescriptor, VectorWords } from '../../formats/index.js'
import { Region, SharedVector, t, type RStoreError, type Type } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('shared vector')

const directory = temporaryDirectory()
let fileCount = 0
const fresh = (): string => join(directory, `${fileCount++}.region`)
const create = <V, I>(type: Type<V, I>, capacity: `${number}MiB` = '1MiB') =>
  SharedVector.create(fresh(), type, { capacity })

function code(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as RStoreError).code ?? (error as Error).name
  }
  return 'nothing was thrown'
}

const integers = (min: number, max: number) => fc.integer({ min, max })
const record = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(fields, { noNullPrototype: true })
const Pair = t.struct('Pair', { a: t.u32, b: t.f32 })
const Small = t.struct('Small', { flag: t.bool, level: t.i8 })
const Odd = t.struct('Odd', { code: t.u16, level: t.u8 })
const Nested = t.struct('Nested', { inner: Small, id: t.u32 })

const Choice = t.struct('Choice', {
  kind: t.enum('none', 'some', 'all'), level: t.optional(t.i16), flag: t.optional(t.bool),
})
const Bits = t.struct('Bits', {
  a: t.default(t.u16, 7), b: t.optional(t.u8), c: t.optional(t.u8), inner: t.optional(Small),
})

/** Types with what can be in them. */
const TYPES: readonly (readonly [string, Type<any, any>, fc.Arbitrary<unknown>])[] = [
  ['u8', t.u8, integers(0, 255)],
  ['i8', t.i8, integers(-128, 127)],
  ['u16', t.u16, integers(0, 65_535)],
  ['i16', t.i16, integers(-32_768, 32_767)],
  ['u32', t.u32, integers(0, 0xffff_ffff)],
  ['i32', t.i32, integers(-0x8000_0000, 0x7fff_ffff)],
  ['f32', t.f32, fc.float()],
  ['f64', t.f64, fc.double()],
  ['u64', t.u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  ['i64', t.i64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  ['bool', t.bool, fc.boolean()],
  ['8-byte struct', Pair, record({ a: integers(0, 0xffff_ffff), b: fc.float() })],
  ['2-byte struct', Small, record({ flag: fc.boolean(), level: integers(-128, 127) })],
  ['4-byte struct', Odd, record({ code: integers(0, 65_535), level: integers(0, 255) })],
  ['nested struct', Nested, record({
    inner: record({ flag: fc.boolean(), level: integers(-128, 127) }), id: integers(0, 1e9),
  })],
  ['enum', t.enum('red', 'green', 'blue'), fc.constantFrom('red', 'green', 'blue')],
  ['date', t.date, fc.date({ noInvalidDate: true })],
  ['struct with an enum and optional fields', Choice, record({
    kind: fc.constantFrom('none', 'some', 'all'),
    level: fc.option(integers(-32_768, 32_767), { nil: undefined }),
    flag: fc.option(fc.boolean(), { nil: undefined }),
  })],
  ['struct with a default and an optional struct', Bits, record({
    a: integers(0, 65_535),
    b: fc.option(integers(0, 255), { nil: undefined }),
    c: fc.option(integers(0, 255), { nil: undefined }),
    inner: fc.option(
      record({ flag: fc.boolean(), level: integers(-128, 127) }), { nil: undefined }),
  })],
]

const plain = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'toObject' in value
    ? (value as { toObject(): unknown }).toObject() : value

type Step = readonly [kind: string, value: unknown, index: number, other: unknown]

const stepsOf = (element: fc.Arbitrary<unknown>): fc.Arbitrary<Step[]> => fc.array(fc.tuple(
  fc.constantFrom('push', 'push', 'push', 'pop', 'get', 'set', 'swap', 'size', 'batch', 'all'),
  element, fc.nat(20), element,
), { maxLength: 60 })

/** One step on the vector and on the model; both have to say the same. */
function take(vector: SharedVector<unknown>, model: unknown[], step: Step): void {
  const [kind, value, index, other] = step
  const there = index < model.length
  switch (kind) {
    case 'push': return assert.is(vector.push(value), model.push(value) - 1)
    case 'pop': return assert.equal(plain(vector.pop()), model.pop())
    case 'get': return assert.equal(plain(vector.get(index)), model[index])
    case 'size': return assert.is(vector.size, model.length)
    case 'batch': return assert.is(vector.pushBatch([value, other]), model.push(value, other) - 2)
    case 'all': return assert.equal([...vector].map(plain), model)
    case 'set':
      if (!there) return assert.is(code(() => vector.set(index, value)), 'RangeError')
      vector.set(index, value)
      model[index] = value
      return
    default: {
      const expected = there && index % 2 === 0 ? model[index] : other
      const same = there && assertSame(model[index], expected)
      assert.is(vector.compareAndSet(index, expected, value), same)
      if (same) model[index] = value
    }
  }
}

function assertSame(a: unknown, b: unknown): boolean {
  try {
    assert.equal(a, b)
    return typeof a !== 'number' || Object.is(a, b)
  } catch {
    return false
  }
}

for (const [name, type, element] of TYPES) {
  test(`${name}: behaves like an array`, () => {
    const vector = create(type)
    fc.assert(fc.property(stepsOf(element), (steps) => {
      while (vector.pop() !== undefined);
      const model: unknown[] = []
      for (const step of steps) take(vector, model, step)
      assert.equal([...vector].map(plain), model)
    }), { numRuns: 40 })
    vector.close()
  })
}

test('typed arrays go in and come out, a copy for each bucket', () => {
  const vector = create(t.f64)
  const numbers = Float64Array.from({ length: 1000 }, (_, i) => i * 1.5)
  vector.pushMany(numbers)
  assert.is(vector.size, 1000)
  const arrays = vector.asTypedArrays() as Float64Array[]
  assert.equal(arrays.map(({ length }) => length), [8, 16, 32, 64, 128, 256, 496])
  assert.equal(Float64Array.from(arrays.flatMap((array) => [...array])), numbers)
  arrays[0]![0] = 99
  assert.is(vector.get(0), 0, 'a copy')
  for (const [type, array] of [[t.bool, Uint8Array.of(0, 1)], [t.i8, Int8Array.of(-1)],
    [t.u16, Uint16Array.of(9)], [t.i64, BigInt64Array.of(-5n)]] as const) {
    const other = create(type as Type<unknown>)
    other.pushMany(array)
    assert.equal(other.asTypedArrays(), [array])
    other.close()
  }
  vector.close()
})

test('a small vector is no large buffer to the engine, whatever its capacity', () => {
  const before = process.memoryUsage().external
  const vector = create(t.f64, '8192MiB')
  vector.push(1)
  assert.is(vector.get(0), 1)
  assert.ok(process.memoryUsage().external - before < 2 ** 23)
  for (let i = 1; i < 300_000; i++) vector.push(i)
  for (let i = 1; i < 300_000; i++) assert.is(vector.get(i), i)
  assert.is(vector.get(300_000), undefined)
  assert.ok(process.memoryUsage().external - before < 2 ** 26)
  vector.close()
})

test('iteration has the elements that were there when it began, as far as they still are', () => {
  const vector = create(t.u32)
  vector.pushMany(Uint32Array.of(1, 2, 3, 4))
  const seen: number[] = []
  for (const element of vector) {
    seen.push(element)
    if (seen.length === 1) vector.push(5)
    if (seen.length === 2) while (vector.size > 3) vector.pop()
  }
  assert.equal(seen, [1, 2, 3])
  vector.close()
})

test('JSON has the elements', () => {
  const vector = create(t.u64)
  vector.pushMany(BigUint64Array.of(1n, 2n ** 64n - 1n))
  assert.is(JSON.stringify({ vector }), '{"vector":["1","18446744073709551615"]}')
  vector.close()
})

test('a full vector says so and is unharmed', () => {
  const vector = create(t.u64)
  assert.is(vector.capacity, 65_536)
  const most = new BigUint64Array(65_530).fill(7n)
  vector.pushMany(most)
  let error: RStoreError | undefined
  try {
    vector.pushMany(new BigUint64Array(500).fill(8n))
  } catch (thrown) {
    error = thrown as RStoreError
  }
  assert.is(error?.code, 'RSTORE_REGION_FULL')
  assert.is(error?.facts['pushed'], 0)
  assert.match(error?.message ?? '', /Nothing was changed/)
  while (vector.size < vector.capacity) vector.push(9n)
  assert.is(code(() => vector.push(9n)), 'RSTORE_REGION_FULL')
  assert.is(code(() => vector.reserve(65_537)), 'RSTORE_REGION_FULL')
  assert.is(vector.size, 65_536)
  assert.is(vector.pop(), 9n)
  assert.is(vector.push(10n), 65_535)
  vector.close()
})

/** A file as if it had `size` elements, although all cells are empty. */
function pretend(path: string, size: number, cellBytes: number): void {
  const fd = openSync(path, 'r+')
  const word = Buffer.alloc(8)
  const put = (value: number, at: number): void => {
    word.writeBigUInt64LE(BigInt(value))
    writeSync(fd, word, 0, 8, at)
  }
  const words = C.VECTOR_WORDS_PAGE * C.PAGE_BYTES
  for (let bucket = 0; bucket < 27; bucket++) {
    put(8 * 2 ** bucket * cellBytes, words + VectorWords.fields.provided.offset + 8 * bucket)
  }
  const slot = C.VECTOR_FIRST_SLOT_PAGE * C.PAGE_BYTES
  put(size, slot + VectorDescriptor.fields.size.offset)
  closeSync(fd)
}

test('elements on both sides of every window of 2 GiB', () => {
  for (const [type, cellBytes] of [[t.f64, 16], [t.u32, 8]] as const) {
    const boundary = 2 ** 31 / cellBytes
    for (const start of [boundary - 3, 2 * boundary - 3]) {
      const path = fresh()
      SharedVector.create(path, type, { capacity: '5GiB' }).close()
      pretend(path, start, cellBytes)
      const vector = SharedVector.open(path, type)
      assert.is(vector.size, start)
      for (let i = 0; i < 6; i++) assert.is(vector.push(start + i), start + i)
      for (let i = 0; i < 6; i++) assert.is(vector.get(start + i), start + i)
      vector.set(start + 4, 5)
      assert.is(vector.get(start + 4), 5)
      assert.is(vector.get(start - 1), undefined)
      assert.is(vector.get(start + 6), undefined)
      for (let i = 5; i >= 0; i--) assert.is(vector.pop(), i === 4 ? 5 : start + i)
      vector.close()
    }
  }
})

test('what makes no sense is refused, before anything is changed', () => {
  const vector = create(t.u8)
  vector.push(1)
  const any = vector as any
  const attempts: [string, () => unknown][] = [
    ['TypeError', () => any.push('1')],
    ['RangeError', () => any.push(256)],
    ['RangeError', () => any.push(1.5)],
    ['TypeError', () => any.set(0, undefined)],
    ['RangeError', () => any.set(-1, 1)],
    ['RangeError', () => any.set(0.5, 1)],
    ['TypeError', () => any.set('0', 1)],
    ['RangeError', () => any.get(-1)],
    ['RangeError', () => any.get(NaN)],
    ['TypeError', () => any.get('0')],
    ['TypeError', () => any.compareAndSet(0, 'x', 1)],
    ['TypeError', () => any.compareAndSet(0, 1, null)],
    ['TypeError', () => any.pushMany([1, 2])],
    ['TypeError', () => any.pushMany(new Uint16Array(1))],
    ['TypeError', () => any.pushMany(new Uint8Array(new SharedArrayBuffer(1)))],
    ['RangeError', () => any.pushBatch([])],
    ['RangeError', () => any.pushBatch(new Array(127).fill(1))],
    ['TypeError', () => any.pushBatch([1, 'x'])],
    ['RangeError', () => any.reserve(-1)],
    ['TypeError', () => SharedVector.create(fresh(), t.u8, { capasity: '1MiB' } as any)],
    ['TypeError', () => SharedVector.create(fresh(), t.u8, null as any)],
    ['TypeError', () => SharedVector.open(vector.path, t.u8, 5 as any)],
    ['TypeError', () => SharedVector.create('', t.u8)],
    ['TypeError', () => SharedVector.create(fresh(), t.string as any)],
    ['TypeError', () => SharedVector.create(fresh(), t.optional(t.u8) as any)],
    ['TypeError', () => SharedVector.create(fresh(), t.struct('Big', { a: t.f64, b: t.u8 }))],
    ['TypeError', () => SharedVector.create(fresh(), t.struct('Text', { a: t.string }))],
    ['TypeError', () => SharedVector.create(fresh(), 'u8' as any)],
    ['RangeError', () => SharedVector.create(fresh(), t.u8, { capacity: '33GiB' })],
    ['RangeError', () => SharedVector.create(fresh(), t.u8, { capacity: 10 })],
    ['RangeError', () => SharedVector.create(fresh(), t.u8, { mode: 0o1777 })],
    ['TypeError', () => SharedVector.open(vector.path, t.u8, { unflushed: 'yes' as any })],
    ['TypeError', () => create(Pair).asTypedArrays()],
    ['TypeError', () => create(Pair).pushMany(new Uint8Array(8))],
    ['RangeError', () => create(t.bool).pushMany(Uint8Array.of(2))],
  ]
  attempts.forEach(([expected, run], i) => assert.is(code(run), expected, `attempt ${i}`))
  assert.equal([...vector], [1])
  assert.is(vector.get(2 ** 40), undefined)
  vector.close()
})

test('a wait for what makes no sense is refused', async () => {
  const vector = create(t.u8)
  const any = vector as any
  const attempts: [string, () => Promise<unknown>][] = [
    ['TypeError', () => any.waitForSize()],
    ['RangeError', () => any.waitForSize(-1)],
    ['RangeError', () => any.waitForSize(2 ** 40)],
    ['TypeError', () => any.waitForSize(1, 100)],
    ['TypeError', () => any.waitForSize(1, null)],
    ['TypeError', () => any.waitForSize(1, { timeout: 5 })],
    ['TypeError', () => any.waitForSize(1, { signal: {} })],
    ['RangeError', () => any.waitForSize(1, { timeoutMs: NaN })],
    ['RangeError', () => any.waitForSize(1, { timeoutMs: -1 })],
  ]
  for (const [expected, run] of attempts) {
    assert.is(await run().then(() => '', (error: Error) => error.name), expected)
  }
  vector.close()
})

test('a closed vector says so, in every method', async () => {
  const vector = create(t.f64)
  vector.push(1)
  assert.is(vector.get(0), 1)
  vector.close()
  vector.close()
  const calls: (() => unknown)[] = [
    () => vector.size, () => vector.push(1), () => vector.pop(), () => vector.get(0),
    () => vector.get(5), () => vector.set(0, 1), () => vector.compareAndSet(0, 1, 2),
    () => vector.reserve(1), () => vector.pushMany(Float64Array.of(1)),
    () => vector.pushBatch([1]), () => vector.asTypedArrays(), () => [...vector],
    () => JSON.stringify(vector),
  ]
  calls.forEach((run, i) => assert.is(code(run), 'RSTORE_CLOSED', `call ${i}`))
  for (const run of [() => vector.flush(), () => vector.waitForSize(1)]) {
    const error = await run().then(() => undefined, (thrown: unknown) => thrown)
    assert.is((error as RStoreError | undefined)?.code, 'RSTORE_CLOSED')
  }
  assert.type(vector.path, 'string')
})

test('indexes that no 64 bits hold are beyond the end, and touch nothing', () => {
  const vector = create(t.f64)
  vector.push(7)
  for (const index of [2 ** 53, 2 ** 63, 2 ** 64, 2 ** 65 + 2 ** 40, 1e300, Number.MAX_VALUE]) {
    assert.is(code(() => vector.set(index, 1)), 'RangeError')
    assert.is(vector.compareAndSet(index, 7, 1), false)
    assert.is(vector.get(index), undefined)
    assert.is(code(() => vector.reserve(index)), 'RSTORE_REGION_FULL')
  }
  assert.equal([...vector], [7])
  vector.close()
})

/** Not a number, with other bits than NaN has, as a computation may give it. */
const strange = (bits: bigint): number => new Float64Array(BigUint64Array.of(bits).buffer)[0]!

test('NaN equals NaN, however it came about and came in', () => {
  const nans = [NaN, strange(0xfff8n << 48n), strange((0x7ff8n << 48n) + 1n), Infinity - Infinity]
  for (const [type, array] of [[t.f64, Float64Array], [t.f32, Float32Array]] as const) {
    const vector = create(type)
    for (const nan of nans) vector.push(nan)
    vector.pushBatch(nans)
    vector.pushMany(array.from(nans))
    if (type === t.f64) {
      vector.pushMany(new Float64Array(BigUint64Array.of(0xfff8n << 48n, 0x7ff1n << 48n).buffer))
    } else {
      vector.pushMany(new Float32Array(Uint32Array.of(0xffc0_0000, 0x7f80_0001).buffer))
    }
    assert.is(vector.size, 14)
    for (let i = 0; i < 14; i++) assert.ok(vector.compareAndSet(i, nans[i % 4]!, -0), `${i}`)
    assert.not(vector.compareAndSet(0, 0, 1))
    assert.ok(vector.compareAndSet(0, -0, nans[1]!) && vector.compareAndSet(0, NaN, 1))
    vector.close()
  }
  const pairs = create(Pair)
  pairs.push({ a: 1, b: nans[1]! })
  assert.ok(pairs.compareAndSet(0, { a: 1, b: NaN }, { a: 2, b: 0 }))
  pairs.close()
})

test('getters of a value that is to be stored may use the vector themselves', () => {
  const vector = create(Pair)
  vector.pushBatch([{ a: 1, b: 1 }, { a: 2, b: 2 }])
  const meddling = (a: number) => ({
    get a() {
      vector.compareAndSet(1, { a: 9, b: 9 }, { a: 8, b: 8 })
      vector.push({ a: 77, b: 77 })
      vector.pop()
      return a
    },
    b: a,
  })
  assert.ok(vector.compareAndSet(0, { a: 1, b: 1 }, meddling(5)))
  assert.ok(vector.compareAndSet(0, meddling(5), { a: 6, b: 6 }))
  vector.set(1, meddling(3))
  assert.is(vector.push(meddling(4)), 2)
  assert.equal([...vector].map(plain), [6, 3, 4].map((a) => ({ a, b: a })))
  const closing = { get a() { vector.close(); return 1 }, b: 1 }
  assert.is(code(() => vector.set(0, closing)), 'RSTORE_CLOSED')
})

test('a batch that did not fit says how much of it did', () => {
  const vector = create(t.u8)
  let error: RStoreError | undefined
  try {
    vector.pushMany(new Uint8Array(vector.capacity + 1))
  } catch (thrown) {
    error = thrown as RStoreError
  }
  assert.is(error?.facts['pushed'], vector.size)
  assert.match(error?.message ?? '', new RegExp(`${vector.size} of the elements were appended`))
  assert.not.match(error?.message ?? '', /Nothing was changed/)
  vector.close()
})

test('`using` closes; opening finds what is there; handles of one thread share', () => {
  const path = fresh()
  const first = SharedVector.create(path, t.i32)
  const second = SharedVector.open(path, t.i32)
  first.push(-5)
  assert.is(second.pop(), -5)
  second.push(7)
  first[Symbol.dispose]()
  second.close()
  const third = SharedVector.open(path, t.i32)
  assert.equal([...third], [7])
  assert.is(third.recovery, null)
  third.close()
})

test('larger elements: refs into a packed region', () => {
  const City = t.struct('City', { name: t.string, population: t.u32 })
  const Root = t.struct('Root', { cities: t.map(t.string, City) })
  const pack = (people: number) => Region.pack(fresh(), { root: Root }, (_, root) => {
    root.cities.set('Oslo', { name: 'Oslo', population: people })
    root.cities.set('Bergen', { name: 'Bergen', population: 291_940 })
    return root
  })!
  using packed = pack(709_037)
  const path = fresh()
  const element = t.ref(() => City)
  using vector = SharedVector.create(path, element, { packed })
  vector.push(packed.root.cities.get('Oslo') as never)
  vector.pushBatch([packed.root.cities.get('Bergen') as never])
  assert.equal([...vector].map(({ name }) => name), ['Oslo', 'Bergen'])
  assert.is(vector.get(0)!.population, 709_037)
  assert.is(vector.pop()!.name, 'Bergen')
  assert.is(code(() => vector.push(5 as never)), 'RSTORE_DANGLING_REF')
  assert.is(code(() => SharedVector.open(path, element)), 'TypeError')
  using other = pack(1)
  assert.is(code(() => vector.push(other.root.cities.get('Oslo') as never)), 'RSTORE_FOREIGN_REF')
  assert.is(code(() => SharedVector.open(path, element, { packed: other })),
    'RSTORE_TYPE_MISMATCH')
  using again = SharedVector.open(path, element, { packed })
  assert.is(again.get(0)!.name, 'Oslo')
})

test('a record is a copy that stays', () => {
  const vector = create(Pair)
  vector.push({ a: 1, b: 2.5 })
  const record = vector.get(0)!
  vector.set(0, { a: 9, b: 9 })
  assert.equal(record.toObject(), { a: 1, b: 2.5 })
  assert.ok(record.equals({ a: 1, b: 2.5 }))
  assert.not(record.equals(vector.get(0)))
  vector.push(record)
  assert.is(vector.get(1)!.a, 1)
  vector.close()
})

test.run()
