/**
 * What ordered maps promise beside order: ranges, iteration through changes, bulk loads, columns,
 * steady size.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Range, type Type } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf } from '../harness/types.js'

const test = suite('map: ordered map')

const City = t.struct('City', {
  name: t.string,
  population: t.u32,
  at: t.struct('At', { lat: t.f64, lon: t.f32 }),
  level: t.optional(t.i8),
  on: t.bool,
})
const city = (i: number) => ({
  name: `city ${i}`,
  population: i * 10,
  at: { lat: i / 2, lon: -i },
  on: i % 2 === 0,
})

function filled(count: number, bytes = 2 ** 23) {
  const region = new MemoryRegion(bytes)
  const map = region.map('cities', t.u32, City)
  region.transact(() => { for (let i = 0; i < count; i++) map.set(i * 2, city(i)) })
  return { region, map }
}

test('ranges', () => {
  const { map } = filled(50)
  const keys = (range: Range<number>): number[] => [...map.keys(range)]
  assert.equal(keys({ gte: 10, lt: 16 }), [10, 12, 14])
  assert.equal(keys({ gt: 10, lte: 16 }), [12, 14, 16])
  assert.equal(keys({ gt: 9, lt: 11 }), [10])
  assert.equal(keys({ gt: 10, lt: 12 }), [])
  assert.equal(keys({ gte: 12, lt: 10 }), [])
  assert.equal(keys({ lt: 5, reverse: true }), [4, 2, 0])
  assert.equal(keys({ gt: 93, reverse: true, limit: 2 }), [98, 96])
  assert.equal(keys({ limit: 0 }), [])
  assert.equal(keys({ gte: 90, limit: 100 }), [90, 92, 94, 96, 98])
  assert.is(map.count({ gte: 10, lt: 20 }), 5)
  assert.is(map.count({ gte: 10, limit: 3 }), 3)
  assert.is(map.count(), 50)
  assert.equal(map.first()![0], 0)
  assert.equal(map.last()![1].name, 'city 49')
})

test('ranges that make no sense are refused', () => {
  const { map } = filled(1)
  const bad: [unknown, string][] = [
    [{ from: 1 }, 'TypeError'],
    [{ gt: 1, gte: 1 }, 'TypeError'],
    [{ lt: 1, lte: 1 }, 'TypeError'],
    [5, 'TypeError'],
    [null, 'TypeError'],
    [[1], 'TypeError'],
    [{ limit: -1 }, 'RangeError'],
    [{ limit: 1.5 }, 'RangeError'],
    [{ limit: NaN }, 'RangeError'],
    [{ limit: '1' }, 'TypeError'],
    [{ reverse: 1 }, 'TypeError'],
    [{ gte: 'x' }, 'TypeError'],
  ]
  for (const [range, error] of bad) {
    for (const use of ['entries', 'keys', 'values', 'count'] as const) {
      assert.is(codeOf(() => map[use](range as never)), error, `${use} ${JSON.stringify(range)}`)
    }
  }
})

test('an iteration goes on through changes, and gives a fresh view each time', () => {
  const { region, map } = filled(1000)
  const seen: number[] = []
  const views: unknown[] = []
  region.transact(() => {
    for (const [key, value] of map) {
      seen.push(key)
      views.push(value)
      map.delete(key)
      if (key % 100 === 0) map.set(key + 1, city(key))
      if (key > 400 && key < 500) map.clear({ gt: 900, lt: 1000 })
    }
  })
  const expected = Array.from({ length: 1000 }, (_, i) => i * 2)
    .filter((key) => key <= 900 || key >= 1000)
    .flatMap((key) => (key % 100 === 0 ? [key, key + 1] : [key]))
  assert.equal(seen, expected)
  assert.is(new Set(views).size, views.length)
  assertSound(region)
})

test('ranges with limits and ends, forward and back, while entries come and go', () => {
  let seed = 7
  const random = (limit: number): number => (seed = (seed * 48271) % 2147483647) % limit
  for (let round = 0; round < 60; round++) {
    const { region, map } = filled(200)
    const model = new Set(Array.from({ length: 200 }, (_, i) => i * 2))
    const change = (): void => region.transact(() => {
      for (const key of [random(400), random(400)]) {
        if (model.delete(key)) map.delete(key)
        else model.add(key) && map.set(key, city(key / 2))
      }
    })
    const [low, high] = [random(200), 200 + random(200)]
    const reverse = round % 2 === 0
    const limit = round % 3 === 0 ? random(150) : Infinity
    const steps = map.entries(round % 5 === 0 ? { reverse, limit }
      : { gte: low, lt: high, reverse, limit })
    const inside = (key: number): boolean => round % 5 === 0 || (key >= low && key < high)
    let last = reverse ? Infinity : -1
    for (let left = limit; ; left--) {
      const ahead = [...model].filter((key) => inside(key) && (reverse ? key < last : key > last))
      const expected = reverse ? Math.max(...ahead) : Math.min(...ahead)
      const next = steps.next()
      assert.is(next.done, left === 0 || ahead.length === 0)
      if (next.done) break
      assert.is(next.value[0], expected)
      assert.is(next.value[1].population, expected * 5)
      last = expected
      if (random(8) === 0) change()
      if (random(20) === 0) region.turn()
    }
  }
})

test('an iteration goes on in a later turn', () => {
  const { region, map } = filled(10)
  const steps = map.entries({ gte: 4 })
  const first = steps.next().value!
  region.turn()
  assert.is(codeOf(() => first[1].name), 'RSTORE_STALE_VIEW')
  region.transact(() => map.delete(6))
  const [key, value] = steps.next().value!
  assert.is(key, 8)
  assert.is(value.name, 'city 4')
  steps.return!()
  assert.is(steps.next().done, true)
})

test('getMany, getColumn', () => {
  const { region, map } = filled(100)
  assert.equal(map.getMany([4, 5, 6]).map((value) => value?.name), ['city 2', undefined, 'city 3'])
  assert.equal(map.getMany(Uint16Array.from([198])).map((value) => value!.population), [990])
  const keys = Uint32Array.from([0, 2, 7, 198])
  const population = map.getColumn(keys, 'population')
  assert.equal(population, { values: Uint32Array.from([0, 10, 0, 990]), missing: 1 })
  assert.equal([...map.getColumn(keys, 'at.lat').values].map(String), ['0', '0.5', 'NaN', '49.5'])
  assert.equal([...map.getColumn(keys, 'at.lon').values].map(String), ['0', '-1', 'NaN', '-99'])
  assert.equal(map.getColumn(keys, 'on').values, Uint32Array.from([1, 0, 0, 0]))
  region.transact(() => { map.get(2)!.level = -5 })
  assert.equal(map.getColumn(keys, 'level'), { values: Int32Array.from([0, -5, 0, 0]), missing: 3 })
  for (const field of ['name', 'nothing', 'at', '', 'at.x', 'population.x']) {
    assert.is(codeOf(() => map.getColumn(keys, field)), 'TypeError', field)
    assert.is(codeOf(() => map.getColumn({}, field)), 'TypeError', field)
  }
  for (const wrong of [[1], undefined, { from: 1 }, new DataView(new ArrayBuffer(8))]) {
    assert.is(codeOf(() => map.getColumn(wrong as never, 'population')), 'TypeError')
  }
  const direct = region.map('direct', t.u64, t.f64)
  region.transact(() => direct.set(5n, 1.5))
  assert.equal([...direct.getColumn(BigUint64Array.from([5n, 6n]), '').values].map(String), [
    '1.5',
    'NaN',
  ])
})

test('setIfAbsent, compareAndSet, update', () => {
  const { region, map } = filled(2)
  region.transact(() => {
    assert.not(map.setIfAbsent(0, city(5)))
    assert.ok(map.setIfAbsent(1, city(5)))
    assert.not(map.compareAndSet(0, city(5), city(6)))
    assert.ok(map.compareAndSet(0, city(0), city(6)))
    assert.ok(map.compareAndSet(0, map.get(0)!, city(7)))
    assert.not(map.compareAndSet(9, city(1), city(1)))
    assert.not(map.compareAndSet(0, undefined, city(1)))
    assert.ok(map.compareAndSet(9, undefined, city(9)))
    assert.ok(map.compareAndSet(9, city(9), undefined))
    assert.ok(map.compareAndSet(9, undefined, undefined))
    map.update(2, (old) => ({ ...city(1), population: old!.population + 1 }))
    map.update(3, (old) => city(old === undefined ? 3 : 4))
    map.update(3, (old) => { old!.name = 'assigned'; return old! })
    assert.is(codeOf(() => map.update(3, () => undefined as never)), 'TypeError')
  })
  assert.is(map.get(0)!.name, 'city 7')
  assert.not(map.has(9))
  assert.is(map.get(2)!.population, 11)
  assert.is(map.get(3)!.name, 'assigned')
  assertSound(region)
})

test('between two entries of a bulkLoad the map reads as it is', async () => {
  const keyKinds = [
    [t.u32, (i: number) => i], [t.f64, (i: number) => i / 2], [t.u64, (i: number) => BigInt(i)],
    [t.string, (i: number) => `key ${String(i).padStart(6, '0')}`],
  ] as const
  for (const [keyType, keyOf] of keyKinds) {
    const region = new MemoryRegion(2 ** 23)
    const map = region.map('map', keyType as typeof t.u32, t.u32)
    const key = keyOf as (i: number) => number
    region.transact(() => { for (let i = 0; i < 5; i++) map.set(key(i), i) })
    function* source(): Generator<[number, number]> {
      for (let i = 5; i < 3_000; i++) {
        if (i % 97 === 0 || i < 10) {
          assert.is(map.size, i)
          assert.is(map.get(key(i - 1)), i - 1)
          assert.is(map.has(key(i)), false)
          assert.equal(map.last(), [key(i - 1), i - 1])
          assert.is(map.count({ gte: key(3) }), i - 3)
        }
        yield [key(i), i]
      }
    }
    assert.is(await map.bulkLoad(source()), 2_995)
    assert.is(map.size, 3_000)
    assertSound(region)
  }
})

test('an iterator that the source of a bulkLoad began goes on over what comes', async () => {
  for (const keyType of [t.u32, t.f64, t.string] as Type<any>[]) {
    const region = new MemoryRegion(2 ** 22)
    const map = region.map('map', keyType, t.u32)
    const keyOf = (i: number): unknown => keyType === t.string ? String(i).padStart(4, '0') : i
    const seen: number[] = []
    function* source(): Generator<[unknown, number]> {
      yield [keyOf(0), 0]
      const iterator = map.values()
      for (let i = 1; i < 2_000; i++) {
        if (i % 7 < 3) seen.push(iterator.next().value as number)
        yield [keyOf(i), i]
      }
      seen.push(...iterator)
    }
    assert.is(await map.bulkLoad(source()), 2_000)
    assert.equal(seen, Array.from({ length: 2_000 }, (_, i) => i))
  }
})

test('bulkLoad', async () => {
  const region = new MemoryRegion(2 ** 25)
  const map = region.map('m', t.u32, City)
  const sorted = function* (from: number, to: number) {
    for (let i = from; i < to; i++) yield [i, city(i)] as const
  }
  const progress: number[] = []
  assert.is(
    await map.bulkLoad(sorted(10, 40_010), { onProgress: (entries) => progress.push(entries) }),
    40_000,
  )
  assert.equal(progress, [16_384, 32_768, 40_000])
  assert.is(map.size, 40_000)
  assertSound(region)
  const { allocatedUnits } = region.space
  const failing: [string, Iterable<any> | AsyncIterable<any>][] = [
    ['RSTORE_UNSORTED', [...sorted(50_000, 50_100), [50_050, city(1)]]],
    ['RSTORE_UNSORTED', [...sorted(0, 5), [4, city(1)]]],
    ['TypeError', [...sorted(50_000, 50_100), [50_100, { name: 5 }]]],
    ['TypeError', [...sorted(50_000, 50_100), ['x', city(1)]]],
    ['TypeError', [5]],
    ['TypeError', 5 as never],
    [
      'Error',
      (function* () {
        yield* sorted(60_000, 60_500)
        throw new Error('source')
      })(),
    ],
    [
      'RSTORE_UNSORTED',
      (async function* () {
        yield* sorted(60_000, 60_500)
        yield [1, city(1)]
      })(),
    ],
  ]
  for (const [code, source] of failing) {
    const error = await map.bulkLoad(source).then(() => undefined, (thrown) => thrown)
    assert.is(error?.code ?? error?.name, code)
    assert.is(map.size, 40_000)
    assert.is(region.space.allocatedUnits, allocatedUnits)
  }
  let closed = 0
  const same: [number, ReturnType<typeof city>] = [0, city(0)]
  const closing = function* (keys: number[]) {
    try {
      for (same[0] of keys) yield same
    } finally {
      closed++
    }
  }
  for (const keys of [[60_000, 60_001, 60_001], [1, 3, 2]]) {
    const error = await map.bulkLoad(closing(keys)).then(() => undefined, (thrown) => thrown)
    assert.is(error?.code, 'RSTORE_UNSORTED')
  }
  assert.is(closed, 2, 'the source is told that no more is read')
  assert.is(await map.bulkLoad([]), 0)
  assert.is(await map.bulkLoad(sorted(0, 10)), 10, 'between what is there')
  assert.is(await map.bulkLoad((async function* () { yield* sorted(50_000, 50_010) })()), 10)
  region.transact(() => void map.bulkLoad(sorted(70_000, 70_003)))
  assert.is(map.size, 40_023)
  const leaves = 40_000 * 8 / 4096
  assert.ok(
    allocatedUnits * 8 < 40_000 * (64 + 24) + leaves * 4096 * 1.1 + 65_536,
    'leaves are dense',
  )
  assertSound(region)
})

test('bulkLoad: a listener of progress that throws, or is none, leaves nothing', async () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('m', t.u32, t.u32)
  for (const onProgress of [() => { throw new Error('stop') }, 5 as never]) {
    const error = await map.bulkLoad([[1, 1]], { onProgress })
      .then(() => undefined, (thrown) => thrown)
    assert.instance(error, Error)
    assert.is(map.size, 0)
  }
  assertSound(region)
})

/** An endless asynchronous source, which counts what was pulled and whether it was closed. */
function endless(entryAt: (i: number) => unknown) {
  const seen = { pulled: 0, closed: 0 }
  const source = (async function* () {
    try {
      for (;;) yield entryAt(seen.pulled++) as [number, number]
    } finally {
      seen.closed++
    }
  })()
  return { seen, source }
}

test('bulkLoad: an asynchronous source is read up to what is refused, and closed', async () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('m', t.u32, t.u32)
  region.transact(() => map.set(7, 7))
  const stop = (entries: number): void => { if (entries >= 16_384) throw new Error('stop') }
  for (const [code, entryAt, offence, onProgress] of [
    ['RSTORE_UNSORTED', (i: number) => [i === 5 ? 4 : i, i], 6],
    ['RSTORE_UNSORTED', (i: number) => [i === 5 ? 3 : i, i], 6],
    ['TypeError', (i: number) => (i === 3 ? 'ab' : [i, i]), 4],
    ['TypeError', (i: number) => [i === 0 ? 'x' : i, i], 1],
    ['TypeError', (i: number) => [i === 9 ? 1.5 : i, i], 10],
    ['Error', (i: number) => [i, i], 16_384, stop],
  ] as const) {
    const { seen, source } = endless(entryAt)
    const error = await map.bulkLoad(source, onProgress === undefined ? {} : { onProgress })
      .then(() => undefined, (thrown) => thrown)
    assert.is(error?.code ?? error?.name, code)
    assert.equal(seen, { pulled: offence, closed: 1 })
    assert.equal([...map], [[7, 7]])
  }
  assertSound(region)
})

test('bulkLoad: options are looked at before the source is', async () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('m', t.u32, t.u32)
  let asked = 0
  const sources = () => [
    { [Symbol.asyncIterator]: () => { asked++; throw new Error('asked') } },
    { [Symbol.iterator]: () => { asked++; throw new Error('asked') } },
  ] as never[]
  for (const options of [{ onProgress: 5 }, null, 5] as never[]) {
    for (const source of sources()) {
      const error = await map.bulkLoad(source, options).then(() => undefined, (thrown) => thrown)
      assert.instance(error, TypeError)
    }
  }
  const error = await map.bulkLoad({} as never).then(() => undefined, (thrown) => thrown)
  assert.match(error.message, /expected an iterable of entries/)
  region.session.closed = true
  region.session.end('close')
  const late = await map.bulkLoad(sources()[0]!).then(() => undefined, (thrown) => thrown)
  assert.is(late.code, 'RSTORE_CLOSED')
  assert.is(asked, 0)
})

test('bulkLoad: progress of an asynchronous source is told while it is read', async () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('m', t.u32, t.u32)
  const told: [number, number][] = []
  let pulled = 0
  const source = async function* (): AsyncGenerator<[number, number]> {
    while (pulled < 40_000) yield [pulled, pulled++]
  }
  const onProgress = (entries: number): void => void told.push([entries, pulled])
  assert.is(await map.bulkLoad(source(), { onProgress }), 40_000)
  assert.equal(told, [[16_384, 16_384], [32_768, 32_768], [40_000, 40_000]])
  assert.is(map.size, 40_000)
  assertSound(region)
})

test('overwriting and deleting at a steady size keeps the space at a steady size', () => {
  const { region, map } = filled(500)
  let seed = 1
  const random = (limit: number): number => (seed = (seed * 48271) % 2147483647) % limit
  const round = (): void => region.transact(() => {
    for (let i = 0; i < 500; i++) {
      const key = random(1000)
      if (random(2) === 0) map.delete(key)
      else map.set(key, { ...city(key), name: 'n'.repeat(random(60)) })
    }
  })
  for (let i = 0; i < 40; i++) round()
  const { frontierUnits } = region.space
  for (let i = 0; i < 200; i++) round()
  assert.ok(
    region.space.frontierUnits < frontierUnits * 1.1,
    `${frontierUnits} units, then ${region.space.frontierUnits}`,
  )
  assertSound(region)
})

test('a change that finds no room cannot be committed by halves', () => {
  const region = new MemoryRegion(2 ** 20)
  const map = region.map('m', t.u32, t.struct('Big', { a: t.bytes, b: t.bytes }))
  region.transact(() => map.set(1, { a: new Uint8Array(1000), b: new Uint8Array(1000) }))
  assert.is(codeOf(() => region.transact(() => {
    try {
      map.set(1, { a: new Uint8Array(2000), b: new Uint8Array(2 ** 20) })
    } catch (error) {
      assert.is((error as { code: string }).code, 'RSTORE_REGION_FULL')
    }
  })), 'RSTORE_REGION_FULL')
  assert.is(map.get(1)!.b.length, 1000)
  region.transact(() => {
    assert.is(
      codeOf(() =>
        region.transact(() => map.set(2, { a: new Uint8Array(1), b: new Uint8Array(2 ** 20) })),
      ),
      'RSTORE_REGION_FULL',
    )
    map.set(3, { a: new Uint8Array(1), b: new Uint8Array(1) })
  })
  assert.equal([...map.keys()], [1, 3])
  assertSound(region)
})

test.run()
