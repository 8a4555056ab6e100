/** SharedVector: what `get` reads without a call, up to the edges of that. */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { SharedVector, t, type Type } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('reading shared vectors')

const directory = temporaryDirectory()
let fileCount = 0
const create = <V, I>(type: Type<V, I>, capacity: `${number}MiB`) =>
  SharedVector.create(join(directory, `${fileCount++}.region`), type, { capacity })

/** The code or name of what is thrown. */
function nameOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name
  }
  return 'nothing was thrown'
}

const VACANT_LOW = Number(C.VECTOR_VACANT & 0xffff_ffffn)
const Small = t.struct('Small', { level: t.i8 })

/** Arrays of `length` elements, each its index in the vector as far as that fits. */
const SERIES = {
  u8: (length: number, first: number) => Uint8Array.from({ length }, (_, i) => first + i),
  i8: (length: number, first: number) => Int8Array.from({ length }, (_, i) => first + i),
  u16: (length: number, first: number) => Uint16Array.from({ length }, (_, i) => first + i),
  i16: (length: number, first: number) => Int16Array.from({ length }, (_, i) => first + i),
  u32: (length: number, first: number) => Uint32Array.from({ length }, (_, i) => first + i),
  i32: (length: number, first: number) => Int32Array.from({ length }, (_, i) => -first - i),
  f32: (length: number, first: number) => Float32Array.from({ length }, (_, i) => first + i),
  f64: (length: number, first: number) => Float64Array.from({ length }, (_, i) => first + i + 0.5),
  u64: (length: number, first: number) =>
    BigUint64Array.from({ length }, (_, i) => BigInt(first + i)),
  i64: (length: number, first: number) =>
    BigInt64Array.from({ length }, (_, i) => BigInt(-first - i)),
}

for (const [kind, series] of Object.entries(SERIES)) {
  test(`${kind}: read while the vector outgrows what the engine sees of it`, () => {
    const vector = create<any, any>(t[kind as keyof typeof SERIES] as never, '16MiB')
    for (let first = 0; first < 700_000; first += 100_000) {
      const pushed = series(100_000, first)
      vector.pushMany(pushed)
      for (let i = 0; i < pushed.length; i += 999) assert.is(vector.get(first + i), pushed[i])
    }
    assert.is(vector.get(0), series(1, 0)[0])
    assert.is(vector.get(700_000), undefined)
    vector.close()
    assert.is(nameOf(() => vector.get(0)), 'RSTORE_CLOSED')
  })
}

/** Elements that look like what empty cells hold, and others beside them. */
const PECULIAR = {
  u8: [0, 0x61, 1], i8: [0, 0x61, -1], u16: [0, 0x6361, 1], i16: [0, 0x6361, -1],
  u32: [0, VACANT_LOW, 1], i32: [0, VACANT_LOW, -1],
  f32: [0, -0, NaN, 1, -1, Infinity, -Infinity], f64: [0, -0, NaN, 1, -1, Infinity, -Infinity],
  u64: [0n, C.VECTOR_VACANT, 1n], i64: [0n, C.VECTOR_VACANT, -1n], bool: [false, true],
} as const

for (const [kind, elements] of Object.entries(PECULIAR) as [string, readonly unknown[]][]) {
  test(`${kind}: an element is not taken for an empty cell, nor one for an element`, () => {
    using vector = create<any, any>(t[kind as keyof typeof PECULIAR] as never, '1MiB')
    const read = (index: number): unknown => vector.get(index)
    for (let turn = 0; turn < 300; turn++) {
      for (const [i, element] of elements.entries()) assert.is(vector.push(element), i)
      for (const [i, element] of elements.entries()) assert.ok(Object.is(read(i), element))
      assert.equal([...vector], elements)
      for (const element of elements.toReversed()) {
        vector.set(vector.size - 1, element)
        assert.ok(Object.is(vector.pop(), element))
        assert.is(read(vector.size), undefined)
      }
    }
  })
}

test('records whose bytes are those of empty cells', () => {
  const Pair = t.struct('Pair', { low: t.u32, high: t.u32 })
  const Word = t.struct('Word', { low: t.u32 })
  const high = Number(C.VECTOR_VACANT >> 32n)
  for (const [type, elements] of [
    [Pair, [{ low: 0, high: 0 }, { low: VACANT_LOW, high }, { low: VACANT_LOW, high: 1 }]],
    [Word, [{ low: 0 }, { low: VACANT_LOW }, { low: 1 }]],
  ] as const) {
    using vector = create<any, any>(type as never, '1MiB')
    for (let turn = 0; turn < 3; turn++) {
      for (const element of elements) vector.push(element)
      assert.equal(Array.from(vector, (record) => record.toObject()), elements)
      while (vector.pop() !== undefined) assert.is(vector.get(vector.size), undefined)
    }
  }
})

test('an index of more than 31 bits is not taken for a smaller one', () => {
  for (const [type, value] of [[t.u8, 1], [t.i32, 1], [t.f64, 1], [Small, { level: 1 }]] as const) {
    const vector = create<any, any>(type as never, '1MiB')
    vector.push(value)
    assert.ok(vector.get(0) !== undefined && vector.get(-0) !== undefined)
    for (const power of [27, 28, 29, 30, 31, 32, 33]) {
      assert.is(vector.get(2 ** power), undefined)
      assert.is(nameOf(() => vector.get(-(2 ** power))), 'RangeError')
      assert.is(nameOf(() => vector.get(2 ** -power)), 'RangeError')
    }
    vector.close()
  }
})

test.run()
