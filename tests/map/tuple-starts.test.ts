/** The first elements of tuples as ends of ranges, against a list that is filtered. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Range, type RMap, type TupleStart } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { sameType } from '../harness/types.js'

const test = suite('map: starts of tuples')

type Key = [string, number, bigint]
const KEY = t.tuple(t.string, t.u8, t.i64)
const Row = t.struct('Row', { a: t.string, b: t.u8, c: t.i64, n: t.u32 })

const TEXTS = ['', '\0', '\0\0', 'a', 'a\0', 'a\0b', 'ab', '\u007f', '\u00ff', '\u{10ffff}']
const keys = fc.tuple(
  fc.constantFrom(...TEXTS), fc.constantFrom(0, 1, 254, 255),
  fc.constantFrom(-(2n ** 63n), -1n, 0n, 1n, 2n ** 63n - 1n),
)
const starts = fc.tuple(keys, fc.integer({ min: 1, max: 3 }))
  .map(([key, length]) => key.slice(0, length) as unknown as TupleStart<Key>)
const ends = fc.record({
  low: fc.option(fc.tuple(fc.constantFrom('gt', 'gte'), starts)),
  high: fc.option(fc.tuple(fc.constantFrom('lt', 'lte'), starts)),
  reverse: fc.boolean(),
  limit: fc.constantFrom(0, 1, 3, Infinity),
})

const order = (a: unknown, b: unknown): number => {
  if (typeof a !== 'string') return (a as number) < (b as number) ? -1 : Number(a !== b)
  return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
}

/** Of a key and a start: only the elements that the start has count. */
function compare(key: readonly unknown[], start: readonly unknown[]): number {
  for (const [i, element] of start.entries()) {
    const found = order(key[i], element)
    if (found !== 0) return found
  }
  return 0
}

type Ends = typeof ends extends fc.Arbitrary<infer E> ? E : never

const rangeOf = ({ low, high, reverse, limit }: Ends): Range<Key> => ({
  ...(low === null ? {} : { [low[0]]: low[1] }),
  ...(high === null ? {} : { [high[0]]: high[1] }),
  reverse,
  limit,
})

function expected<T>(
  sorted: readonly T[], keyOf: (one: T) => Key, { low, high, reverse, limit }: Ends,
): T[] {
  const there = sorted.filter((one) => {
    const [above, below] = [low, high].map((end) => end && compare(keyOf(one), end[1]))
    return (above === null || (low![0] === 'gt' ? above! > 0 : above! >= 0))
      && (below === null || (high![0] === 'lt' ? below! < 0 : below! <= 0))
  })
  if (reverse) there.reverse()
  return there.slice(0, limit)
}

const distinct = fc.uniqueArray(keys, { minLength: 1, maxLength: 60, selector: String })
const sortedOf = (list: readonly Key[]): Key[] => [...list].sort(compare)

test('keys of maps and multimaps, values of multimaps', () => {
  fc.assert(fc.property(distinct, fc.array(ends, { minLength: 10 }), (list, ranges) => {
    const region = new MemoryRegion(2 ** 22)
    const map = region.map('map', KEY, t.u32) as unknown as RMap<Key, number>
    const byKey = region.multimap('byKey', KEY, t.u8)
    const values = region.multimap('values', t.u8, KEY)
    region.transact(() => {
      for (const [i, key] of list.entries()) {
        map.set(key, i)
        byKey.add(key, 1)
        byKey.add(key, 2)
        values.add(7, key)
      }
    })
    const sorted = sortedOf(list)
    for (const one of ranges) {
      const range = rangeOf(one)
      const there = expected(sorted, (key) => key, one)
      assert.equal([...map.keys(range)], there)
      assert.is(map.count(range), there.length)
      assert.equal([...byKey.keys(range)], there)
      assert.equal([...values.valuesOf(7, range)], there)
      const column = map.getColumn(range, '')
      assert.equal([...column.values], there.map((key) => map.get(key)))
    }
    const [first] = ranges
    const gone = new Set(expected(sorted, (key) => key, first!).map(String))
    region.transact(() => map.clear(rangeOf(first!)))
    assert.equal([...map.keys()], sorted.filter((key) => !gone.has(String(key))))
  }))
})

test('indexes by several fields, and by functions', () => {
  fc.assert(fc.property(fc.array(keys, { maxLength: 40 }), fc.array(ends, { minLength: 10 }),
    (list, ranges) => {
      const region = new MemoryRegion(2 ** 22)
      const map = region.map('map', t.u32, Row)
      region.transact(() => {
        for (const [n, [a, b, c]] of list.entries()) map.set(n, { a, b, c, n })
      })
      const byFields = region.transact(() => map.index('abc', ['a', 'b', 'c']))
      const byFunction = region.transact(() =>
        map.index('fn', ({ a, b, c }) => [a, b, c] as Key, { key: KEY }))
      const sorted = list.map((key, n) => ({ key, n }))
        .sort((x, y) => compare(x.key, y.key) || x.n - y.n)
      for (const one of ranges) {
        const there = expected(sorted, ({ key }) => key, one).map(({ n }) => n)
        assert.equal([...byFields.keys(rangeOf(one))], there)
        assert.is(byFields.count(rangeOf(one)), there.length)
        assert.equal([...byFunction.values(rangeOf(one))].map(({ n }) => n), there)
      }
    }))
})

test('only as ends, at least one element, and no part of an inner tuple', () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('map', t.tuple(t.tuple(t.string, t.u8), t.u8), t.u32)
  const rows = region.map('rows', t.u32, Row)
  region.transact(() => {
    map.set([['a', 1], 1], 1)
    map.set([['a', 1], 2], 2)
    map.set([['b', 1], 1], 3)
    rows.set(1, { a: 'a', b: 1, c: 1n, n: 1 })
  })
  const index = region.transact(() => rows.index('ab', ['a', 'b']))
  assert.equal([...map.values({ gte: [['a', 1]], lte: [['a', 1]] })], [1, 2])
  assert.equal([...map.values({ gt: [['a', 1]] })], [3])
  for (const wrong of [[], [['a']], [['a', 1, 2]], [['a', 1], 1, 1], ['a'], [1], [['a', -1]]]) {
    assert.throws(() => [...map.keys({ gte: wrong as never })], TypeError)
    assert.throws(() => [...map.keys({ lte: wrong as never })], TypeError)
  }
  assert.throws(() => map.get([['a', 1]] as never), /array of 2 elements/)
  assert.throws(() => map.has([['a', 1]] as never), /array of 2 elements/)
  assert.throws(() => index.get(['a'] as never), /array of 2 elements/)
})

test('what is no end is told how many elements one may have', () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('map', KEY, t.u32)
  const rows = region.map('rows', t.u32, Row)
  const sets = region.multimap('sets', t.u32, t.tuple(t.string, t.u8))
  const names = region.map('names', t.tuple(t.string), t.u32)
  const index = region.transact(() => rows.index('ab', ['a', 'b']))
  for (const wrong of [[], ['a', 1, 1n, 1], 'a', null, 7] as never[]) {
    const told = /: an end must be an array of 1 to 3 elements, of a key or of its start, got /
    assert.throws(() => [...map.keys({ gte: wrong })], told)
    assert.throws(() => [...map.keys({ lt: wrong })], told)
    assert.throws(() => map.count({ lte: wrong }), told)
    assert.throws(() => [...sets.valuesOf(1, { gt: wrong })], /of 1 to 2 elements/)
    assert.throws(() => [...index.keys({ gt: wrong })], /of 1 to 2 elements/)
    assert.throws(() => [...index.keys({ lte: wrong })], /of 1 to 2 elements/)
    assert.throws(() => [...names.keys({ gte: wrong })], /must be an array of 1 elements/)
  }
  assert.throws(() => [...map.keys({ gte: ['a', 'b'] as never })], /range: the key must be a u8/)
  assert.throws(() => [...map.keys({ gte: ['a', 1, 2] as never })], /range: the key must be a/)
  assert.throws(() => index.get([] as never), /the key must be an array of 2 elements/)
})

test('types', () => {
  sameType<TupleStart<[string, number, bigint]>,
    readonly [string] | readonly [string, number]>(true)
  sameType<TupleStart<readonly [string, number]>, readonly [string]>(true)
  sameType<TupleStart<[string]>, never>(true)
  sameType<TupleStart<string>, never>(true)
})

test.run()
