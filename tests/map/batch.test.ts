/** Batches in native code say the same as loops, also of damaged trees. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addon } from '../../lib/native/binding.js'
import { t, type Range, type RMap, type Type } from '../../lib/types/index.js'
import type { Kernels } from '../../lib/types/context.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { codeOf } from '../harness/types.js'

const test = suite('map: batches')

const Row = t.struct('Row', {
  a: t.u8,
  b: t.i8,
  c: t.u16,
  d: t.i16,
  e: t.u32,
  f: t.i32,
  g: t.f32,
  h: t.f64,
  i: t.bool,
  j: t.date,
  in: t.struct('In', { x: t.f64, y: t.optional(t.u32) }),
  k: t.optional(t.i32),
  name: t.string,
})
const FIELDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'in.x', 'in.y', 'k']

const row = (n: number) => ({
  a: n & 255,
  b: (n & 127) - 64,
  c: n & 0xffff,
  d: (n & 0x7fff) - 9,
  e: n >>> 0,
  f: -n | 0,
  g: n / 4,
  h: n / 3,
  i: n % 2 === 0,
  j: new Date(n),
  name: `row ${n}`,
  in: { x: -n },
  ...(n % 3 === 0 ? { k: n | 0 } : {}),
})

function useKernels(region: MemoryRegion, kernels: Kernels | undefined): void {
  Object.assign(region.session, { kernels })
}

function bothWays<R>(region: MemoryRegion, fn: () => R): [R, R] {
  useKernels(region, undefined)
  const looped = fn()
  useKernels(region, addon())
  return [looped, fn()]
}

const text = (values: ArrayLike<unknown>): string => Array.from(values, String).join()

interface Case {
  name: string
  type: Type<any>
  key: fc.Arbitrary<any>
  list: (keys: any[]) => ArrayBufferView
}
const cases: Case[] = [
  { name: 'u32', type: t.u32, key: fc.nat(2 ** 31), list: (keys) => Uint32Array.from(keys) },
  { name: 'dense u32', type: t.u32, key: fc.nat(3000), list: (keys) => Uint32Array.from(keys) },
  { name: 'i32', type: t.i32, key: fc.integer(), list: (keys) => Int32Array.from(keys) },
  { name: 'u16', type: t.u16, key: fc.nat(65535), list: (keys) => Uint16Array.from(keys) },
  {
    name: 'f64',
    type: t.f64,
    key: fc.double({ noNaN: true }),
    list: (keys) => Float64Array.from(keys),
  },
  {
    name: 'u64',
    type: t.u64,
    key: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    list: (keys) => BigUint64Array.from(keys),
  },
  {
    name: 'i64',
    type: t.i64,
    key: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    list: (keys) => BigInt64Array.from(keys),
  },
]

/** All, from a key to another, and some of them from the end. */
const rangesOf = (keys: ArrayLike<unknown>): Range<any>[] => [
  {}, { limit: 0 }, ...keys.length < 2 ? []
    : [{ gte: keys[0], lt: keys[1] }, { lte: keys[0], reverse: true, limit: 70 }],
]

for (const { name, type, key, list } of cases) {
  test(`keys of type ${name}`, () => {
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 4000, size: 'max' }),
        fc.array(key, { maxLength: 50 }),
        (present, others) => {
          const region = new MemoryRegion(2 ** 23)
          const map: RMap<any, any, any> = region.map('rows', type, Row)
          const floats: RMap<any, any, any> = region.map('floats', type, t.f64)
          const small: RMap<any, any, any> = region.map('small', type, t.i8)
          region.transact(() =>
            present.forEach((own, n) => {
              map.set(own, row(n * 7919))
              floats.set(own, n / 8)
              small.set(own, (n % 100) - 50)
            }),
          )
          const keys = list([
            ...present.filter((_, i) => i % 2 === 0),
            ...others,
            ...present.slice(-3),
          ])
          for (const field of FIELDS) {
            const [looped, native] = bothWays(region, () => map.getColumn(keys, field))
            assert.is(text(native.values), text(looped.values), field)
            assert.is(native.missing, looped.missing)
            for (const range of rangesOf(keys as never)) {
              const given = [...map.keys(range)]
              const [looped, native] = bothWays(region, () => map.getColumn(range, field))
              assert.is(text(native.values), text(looped.values), field)
              assert.is(native.missing, looped.missing)
              const expected = map.getColumn(list(given), field)
              assert.is(text(native.values), text(expected.values), field)
            }
          }
          for (const direct of [floats, small]) {
            const [looped, native] = bothWays(region, () => direct.getColumn(keys, ''))
            assert.is(text(native.values), text(looped.values))
            const [some, same] = bothWays(region, () => direct.getMany(keys))
            assert.equal(some, same)
          }
          const [looped, native] = bothWays(region, () =>
            map.getMany(keys).map((value) => value?.name),
          )
          assert.equal(native, looped)
        },
      ),
      { numRuns: 8 },
    )
  })
}

test('records of an older version are read as well', () => {
  const region = new MemoryRegion(2 ** 22)
  const Old = t.struct('Version', { n: t.u16 })
  const New = t.struct('Version', { n: t.u32, m: t.default(t.f64, 2.5) })
  const old = region.map('m', t.u32, Old)
  region.transact(() => { for (let i = 0; i < 100; i++) old.set(i, { n: i }) })
  const map = region.map('m', t.u32, New)
  const keys = Uint32Array.from({ length: 101 }, (_, i) => i)
  region.transact(() => { for (let i = 0; i < 100; i += 2) map.set(i, { n: i + 70_000, m: i }) })
  useKernels(region, addon())
  const expected = Array.from(keys, (i) => i === 100 ? 0 : i % 2 === 0 ? i + 70_000 : i)
  assert.equal([...map.getColumn(keys, 'n').values], expected)
  const m = map.getColumn(keys, 'm')
  assert.is(m.missing, 1)
  assert.equal([...m.values].slice(0, 4), [0, 2.5, 2, 2.5])
})

test('a column of a struct that may not be there, and keys that are dates', () => {
  const region = new MemoryRegion(2 ** 22)
  const Sight = t.struct('Sight', { at: t.optional(t.struct('Spot', { x: t.f64, n: t.u8 })) })
  const map = region.map('sights', t.date, Sight)
  region.transact(() => {
    for (let i = 0; i < 20; i++) map.set(new Date(i), i % 2 === 0 ? {} : { at: { x: i, n: i } })
  })
  const keys = Float64Array.of(3, 4, 99, 5)
  for (const found of bothWays(region, () => map.getColumn(keys, 'at.x'))) {
    assert.is(text(found.values), '3,NaN,NaN,5')
    assert.is(found.missing, 2)
  }
  for (const found of bothWays(region, () => map.getColumn({ lt: new Date(4) }, 'at.n')))
    assert.equal([text(found.values), found.missing], ['0,1,0,3', 2])
  for (const found of bothWays(region, () => map.getMany(keys)))
    assert.equal(found.map((sight) => sight?.at?.n), [3, undefined, undefined, 5])
  assert.is(codeOf(() => map.getColumn(Float64Array.of(NaN), 'at.x')), 'TypeError')
  assert.throws(() => map.getColumn(keys, undefined as never), /undefined is no field/)
  const view = new DataView(new ArrayBuffer(8))
  for (const read of [() => map.getColumn(view, 'at.x'), () => map.getMany(view)])
    assert.throws(read, /a DataView has no elements/)
})

test('what is no key is refused, and damage is found', () => {
  const region = new MemoryRegion(2 ** 22)
  const map: RMap<number, any, any> = region.map('m', t.f64, Row)
  region.transact(() => { for (let i = 0; i < 2000; i++) map.set(i / 2, row(i)) })
  useKernels(region, addon())
  assert.is(codeOf(() => map.getColumn(Float64Array.of(1, NaN), 'a')), 'TypeError')
  assert.is(codeOf(() => map.getMany([1, 'x' as never])), 'TypeError')
  assert.equal(map.getMany([]), [])
  const keys = Float64Array.from({ length: 500 }, (_, i) => i * 2)
  const { u32 } = region.space.windows[0]!
  const saved = u32.slice(0, region.space.frontierUnits * 2)
  let seed = 3
  const random = (limit: number): number => (seed = (seed * 48271) % 2147483647) % limit
  const outcomes = new Set<string>()
  for (let round = 0; round < 300; round++) {
    for (let i = 0; i < 30; i++)
      u32[6 * 1024 + random(saved.length - 6 * 1024)] = random(2) * random(2 ** 31)
    outcomes.add(codeOf(() => map.getColumn(keys, 'h')))
    u32.set(saved)
  }
  assert.ok(outcomes.has('RSTORE_CORRUPT') || outcomes.has('nothing thrown'))
  assert.is(map.getColumn(keys, 'a').missing, 0)
})

test.run()
