/** SharedVector: what `get` reads without a call, up to the edges of that. */
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
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
