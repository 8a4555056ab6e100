/** What a block region does for those who use it: sealing, holders, bounds, names, misuse. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Pool, t, type BlockRegion } from '../../lib/index.js'
import { rejected, thrown } from '../harness/with-region.js'
import { withPool } from './with-pool.js'

const test = suite('pool: regions')
const City = t.struct('City', {
  name: t.string, size: t.u32, twin: t.optional(t.self), tags: t.map(t.string, t.u32),
})

const Item = t.struct('Item', { name: t.string, size: t.u32 })

function fill(region: BlockRegion, count: number): void {
  const cities = region.map('cities', t.string, City)
  cities.index('size', 'size')
  for (let i = 0; i < count; i++) {
    cities.set(`city ${i}`, { name: `City ${i}`, size: i % 10, tags: [['a', i]] })
  }
}

test('the whole typed API, without transactions', withPool(async (pool) => {
  const region = pool.region()
  assert.equal(region.names(), [])
  fill(region, 300)
  const cities = region.map('cities', t.string, City)
  assert.is(cities.size, 300)
  const city = cities.get('city 7')!
  city.size = 1000
  city.twin = cities.get('city 8')!
  assert.is(cities.get('city 7')!.twin!.name, 'City 8')
  assert.is([...cities.index('size', 'size').values({ gte: 1000 })][0]!.name, 'City 7')
  city.tags.set('b', 5)
  assert.equal([...city.tags], [['a', 7], ['b', 5]])
  const pairs = region.multimap('pairs', t.string, t.u32)
  for (let i = 0; i < 500; i++) pairs.add(`k${i % 3}`, i)
  assert.is(pairs.countOf('k1'), 167)
  const value = region.value('settings', t.json)
  value.set({ a: [1, 2] })
  assert.equal(value.get(), { a: [1, 2] })
  assert.equal(region.names().map(({ name, size }) => [name, size]),
    [['cities', 300], ['pairs', 500], ['settings', 1]])
  assert.is(await cities.bulkLoad([['z1', { name: 'z', size: 1, tags: [] }]]), 1)
  assert.is(region.dropMap('pairs'), true)
  region.renameMap('cities', 'towns')
  assert.is(cities.size, 301)
  assert.ok((await region.verify()).ok)
  assert.is(region.path, null)
  region.free()
  thrown('RSTORE_CLOSED', () => cities.size)
  thrown('RSTORE_STALE_VIEW', () => city.name)
  thrown('RSTORE_CLOSED', () => region.names())
}))

test('a change that fails undoes what it did, also to indexes', withPool((pool) => {
  const region = pool.region()
  const cities = region.map('cities', t.string, City)
  cities.index('size', 'size', { unique: true })
  cities.set('a', { name: 'A', size: 1, tags: [] })
  thrown('RSTORE_UNIQUE', () => cities.set('b', { name: 'B', size: 1, tags: [['x', 1]] }))
  assert.is(cities.size, 1)
  assert.throws(() => cities.update('a', () => { throw new Error('no') }), /no/)
  assert.is(cities.get('a')!.name, 'A')
  cities.set('b', { name: 'B', size: 2, tags: [] })
  assert.equal([...cities.index('size', 'size', { unique: true }).keys()], ['a', 'b'])
  region.free()
}))

test('listeners are told', withPool(async (pool) => {
  const region = pool.region()
  const map = region.map('m', t.u32, t.u32)
  const told: unknown[] = []
  map.on('change', (change) => told.push(change))
  map.set(1, 2)
  assert.equal(told, [], 'not inside of the operation')
  await Promise.resolve()
  assert.equal(told, [{ key: 1, kind: 'set' }])
  region.free()
}))

test('sealing: nobody can write, everybody can read', withPool((pool) => {
  const region = pool.region()
  fill(region, 50)
  const map = region.map('cities', t.string, City)
  const ref = region.alloc(City, { name: 'x', size: 1, tags: [] })
  const view = region.deref(ref)
  const reader = region.seal()
  assert.is(view.name, 'x')
  thrown('RSTORE_READ_ONLY', () => { view.size = 2 })
  thrown('RSTORE_READ_ONLY', () => region.alloc(t.u32, 1))
  thrown('RSTORE_READ_ONLY', () => map.set('a', { name: '', size: 1, tags: [] }))
  thrown('RSTORE_READ_ONLY', () => region.seal())
  assert.is(reader.map('cities', t.string, City).get('city 3')!.tags.get('a'), 3)
  thrown('RSTORE_NOT_FOUND', () => reader.map('other', t.string, City))
  assert.is(reader.deref(reader.refOf(view)).name, 'x')
  reader.free()
  thrown('RSTORE_STALE_VIEW', () => view.name)
}))

test('builders, large and small, end with the writing', withPool((pool) => {
  const open = (region: BlockRegion) => [{}, { capacity: 10 }, { capacity: 100_000 }].map(
    (options) => region.arrayBuilder(t.f64, options))
  const region = pool.region()
  const builders = open(region)
  for (const builder of builders) builder.push(1)
  const reader = region.seal()
  for (const builder of builders) {
    for (const use of [() => builder.push(2), () => builder.count, () => builder.finish()]) {
      assert.match(thrown('RSTORE_BUILDER_CONSUMED', use).message, /block region was sealed/)
    }
  }
  reader.free()
  const freed = pool.region()
  const late = open(freed)
  for (const builder of late) builder.push(1)
  freed.free()
  for (const builder of late) {
    for (const use of [() => builder.push(2), () => builder.count, () => builder.finish()]) {
      thrown('RSTORE_CLOSED', use)
    }
  }
}))

test('a region without names has none when it is sealed', withPool((pool) => {
  const region = pool.region({ bound: 256 })
  region.alloc(t.u32, 1)
  const reader = region.seal()
  assert.equal(reader.names(), [])
  thrown('RSTORE_NOT_FOUND', () => reader.value('v', t.u32))
  reader.free()
}))

test('the last holder frees', withPool((pool) => {
  const region = pool.region()
  const ref = region.alloc(City, { name: 'x', size: 1, tags: [] })
  const reader = region.seal()
  region.close()
  reader.retain()
  reader.retain()
  reader.close()
  reader.close()
  assert.is(reader.deref(ref).name, 'x', 'closing twice gives up one hold')
  reader.free()
  assert.is(reader.deref(ref).name, 'x')
  region.free()
  thrown('RSTORE_CLOSED', () => reader.deref(ref))
  thrown('RSTORE_CLOSED', () => reader.retain())
}))

for (const bound of [200, '1KiB', '2KiB', '32KiB', '100KiB', '1MiB'] as const) {
  test(`a bound of ${bound}`, withPool(async (pool) => {
    const region = pool.region({ bound })
    const bytes = region.stats().capacity
    const refs: number[] = []
    const error = thrown('RSTORE_REGION_FULL', () => {
      for (let i = 0; ; i++) refs.push(region.alloc(Item, { name: `n${i}`, size: i }))
    })
    assert.is(error.facts['bound'], bytes)
    const { allocatedBytes } = region.stats()
    assert.ok(allocatedBytes <= bytes && allocatedBytes > bytes * 0.5, `${allocatedBytes}`)
    refs.forEach((ref, i) => assert.is((region.deref(ref as never) as any).name, `n${i}`))
    region.free(refs.pop() as never)
    refs.push(region.alloc(Item, { name: 'again', size: 1 }))
    thrown('RSTORE_REGION_FULL', () => region.alloc(t.bytes, new Uint8Array(bytes)))
    assert.is((region.deref(refs.pop() as never) as any).name, 'again')
    assert.ok((await region.verify()).ok)
    region.free()
  }))
}

const Nested = t.struct('Nested', {
  text: t.string, pairs: t.multimap(t.u32, t.string), map: t.map(t.string, t.string),
  list: t.array(t.string),
})
const nested = (size: number): any => ({
  text: 'x'.repeat(size % 7), pairs: [[1, 'a'], [2, 'b'], [size, 'c']],
  map: [['k', 'v'.repeat(size)], ['l', 'w']], list: ['some', 'text '.repeat(size)],
})

test('wherever in a record the bound is reached, nothing remains of it', withPool(async (pool) => {
  for (let bound = 64; bound < 1600; bound += 24) {
    const region = pool.region({ bound })
    const ref = region.alloc(t.u32, 7)
    const sound = async (what: string): Promise<void> => {
      const { problems, bytes } = await region.verify()
      assert.equal(problems, [], `bound ${bound}: ${what}`)
      assert.is(bytes.leaked, 0, `bound ${bound}: ${what}`)
    }
    const { allocatedBytes } = region.stats()
    const full = attempt(() => region.alloc(Nested, nested(3)))
    await sound('alloc')
    if (full) assert.is(region.stats().allocatedBytes, allocatedBytes, 'as before')
    const map = attempt(() => region.map('m', t.u32, Nested)) ? undefined
      : region.map('m', t.u32, Nested)
    for (let i = 0; map !== undefined && i < 4; i++) {
      if (!attempt(() => map.set(i, nested(i)))) attempt(() => { map.get(i)!.map = nested(60).map })
      await sound(`set ${i}`)
      const first = map.get(0)
      if (first !== undefined) attempt(() => { first.pairs = nested(9).pairs })
      await sound(`assign ${i}`)
    }
    region.free(ref)
    assert.is(region.deref(region.alloc(t.u32, 8)), 8, 'it can be written')
    region.free()
  }
}))

/** Whether it did not fit. Other errors are thrown. */
function attempt(fn: () => unknown): boolean {
  try {
    fn()
    return false
  } catch (error) {
    if ((error as { code?: string }).code === 'RSTORE_REGION_FULL') return true
    throw error
  }
}

test('a map that reaches the bound stays as it was', withPool(async (pool) => {
  const region = pool.region({ bound: '16KiB' })
  const map = region.map('m', t.u32, t.string)
  let count = 0
  thrown('RSTORE_REGION_FULL', () => {
    for (; ; count++) map.set(count, 'some text '.repeat(3))
  })
  assert.ok(count > 100)
  assert.is(map.size, count)
  assert.equal([...map].map(([key]) => key), Array.from({ length: count }, (_, i) => i))
  for (let i = 0; i < 50; i++) map.delete(i)
  for (let i = 0; i < 50; i++) map.set(i, 'some text '.repeat(3))
  assert.is(map.size, count)
  assert.ok((await region.verify()).ok)
  region.free()
}))

test('small regions share a block', withPool((pool) => {
  const regions = Array.from({ length: 32 }, () => pool.region({ bound: '2KiB' }))
  const refs = regions.map((region, i) => region.alloc(t.u32, i))
  assert.equal([pool.stats().blocksLive, pool.stats().blocksShared], [1, 1])
  refs.forEach((ref, i) => assert.is(regions[i]!.deref(ref), i))
  thrown('RSTORE_DANGLING_REF', () => regions[0]!.deref(refs[1]!))
  for (const region of regions) region.free()
}))

test('large arrays are read in place, and emptied when they go', withPool((pool) => {
  const region = pool.region()
  const Holder = t.struct('Holder', { values: t.array(t.f64) })
  const holder = region.deref(region.alloc(Holder, { values: new Float64Array(5000).fill(2) }))
  const values = holder.values as unknown as Float64Array
  assert.is(values.length, 5000)
  region.editArray(holder.values, 10, 20, (part: any) => part.fill(9))
  assert.equal([values[9], values[10], values[20]], [2, 9, 2])
  const again = holder.values as unknown as Float64Array
  assert.is(again.buffer, values.buffer, 'one buffer, however often it is read')
  region.free(region.refOf(holder))
  assert.is(values.length, 0)
  region.free()
}))

test('misuse', withPool(async (pool) => {
  for (const bound of [0, 63, 2 ** 36, NaN]) assert.throws(() => pool.region({ bound }), RangeError)
  assert.throws(() => pool.region({ bound: 'much' as never }), TypeError)
  const [region, other] = [pool.region(), pool.region()]
  assert.throws(() => region.evacuate({} as never), TypeError)
  assert.throws(() => region.evacuate(region), TypeError)
  assert.throws(() => region.deref(1.5 as never), TypeError)
  const theirs = other.deref(other.alloc(City, { name: 'b', size: 1, tags: [] }))
  const mine = region.deref(region.alloc(City, { name: 'a', size: 1, tags: [] }))
  thrown('RSTORE_FOREIGN_REF', () => { mine.twin = theirs })
  await rejected('RSTORE_NOT_CONTIGUOUS', region.backup('anywhere'))
  thrown('RSTORE_NOT_CONTIGUOUS', () => JSON.stringify(region))
  region.free()
  region.free()
  other[Symbol.dispose]()
  assert.is(Pool.default, Pool.default)
}))

test.run()
