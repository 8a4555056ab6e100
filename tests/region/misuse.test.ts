/** Wrong values, wrong keys, wrong times: each is refused, and the store is as it was. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Pool, Region, RStoreError, Store, t, type RegionOptions } from '../../lib/index.js'
import { fingerprint } from '../harness/region-bytes.js'
import { nextTurn, rejected, thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('misuse')

const City = t.struct('City', { name: t.string, population: t.u32, tags: t.array(t.f64) })

function cityRegion(place: Place) {
  const region = place.create({ capacity: '8MiB' })
  const cities = region.map('cities', t.string, City)
  region.transact(() => {
    cities.set('NO/Oslo', { name: 'Oslo', population: 709_037, tags: [1, 2, 3] })
    cities.set('NO/Bergen', { name: 'Bergen', population: 291_940, tags: [] })
  })
  return { region, cities }
}

test(
  'values of the wrong type change nothing',
  withRegion((place) => {
    const { region, cities } = cityRegion(place)
    const { epoch } = region.stats()
    const wrong: any[] = [
      undefined,
      null,
      1,
      'x',
      {},
      { name: 'x' },
      { name: 1, population: 1, tags: [] },
      { name: 'x', population: -1, tags: [] },
      { name: 'x', population: 1.5, tags: [] },
      { name: 'x', population: 2 ** 32, tags: [] },
      { name: 'x', population: '1', tags: [] },
      { name: 'x', population: 1, tags: ['a'] },
      { name: 'x', population: 1, tags: true },
    ]
    for (const value of wrong) {
      assert.throws(
        () => region.transact(() => cities.set('NO/Oslo', value)),
        (error: unknown) => error instanceof TypeError || error instanceof RangeError,
        JSON.stringify(value),
      )
      assert.throws(() => region.transact(() => cities.set('new', value)))
    }
    assert.is(cities.size, 2)
    assert.is(region.stats().epoch, epoch, 'nothing was committed')
    assert.equal(cities.getObject('NO/Oslo'), {
      name: 'Oslo',
      population: 709_037,
      tags: Float64Array.of(1, 2, 3),
    })
  }),
)

test(
  'a wrong value that is caught leaves the transaction good',
  withRegion((place) => {
    const { region, cities } = cityRegion(place)
    region.transact(() => {
      assert.throws(() => cities.set('a', { name: 'a', population: -1, tags: [] }))
      cities.set('b', { name: 'b', population: 2, tags: [4] })
    })
    assert.equal([...cities.keys()], ['NO/Bergen', 'NO/Oslo', 'b'])
  }),
)

test(
  'wrong keys',
  withRegion((place) => {
    const { region, cities } = cityRegion(place)
    for (const key of [1, null, undefined, {}, 5n] as any[]) {
      assert.throws(() => cities.get(key), TypeError)
      assert.throws(() => region.transact(() => cities.delete(key)), TypeError)
    }
    const numbers = region.map('numbers', t.u32, t.u32)
    for (const key of [-1, 1.5, 2 ** 32, NaN, '1'] as any[]) {
      assert.throws(() => region.transact(() => numbers.set(key, 1)), /TypeError|RangeError|u32/)
    }
    const floats = region.map('floats', t.f64, t.u32)
    assert.throws(() => region.transact(() => floats.set(NaN, 1)))
    const big = region.map('big', t.u64, t.u32)
    for (const key of [1, -1n, 2n ** 64n] as any[]) {
      assert.throws(() => region.transact(() => big.set(key, 1)))
    }
    assert.equal([numbers.size, floats.size, big.size], [0, 0, 0])
  }),
)

test(
  'a key as long as a key may be, and one longer',
  withRegion((place) => {
    const { region } = cityRegion(place)
    const map = region.map('long', t.string, t.u32)
    const sizes = [1000, 4096, 65_535, 65_536, 1_000_000]
    let longest = 0
    for (const size of sizes) {
      try {
        region.transact(() => map.set('k'.repeat(size), size))
        longest = size
      } catch (error) {
        assert.is((error as RStoreError).code, 'RSTORE_KEY_TOO_LONG')
      }
    }
    assert.ok(longest >= 1000, 'no 511-byte limit')
    for (const size of sizes.filter((size) => size <= longest)) {
      assert.is(map.get('k'.repeat(size)), size)
    }
  }),
)

test(
  'another type, another kind, another name',
  withRegion((place) => {
    const { region } = cityRegion(place)
    const names = region.names()
    thrown('RSTORE_TYPE_MISMATCH', () => region.map('cities', t.u32, City))
    thrown('RSTORE_TYPE_MISMATCH', () => region.map('cities', t.string, t.u32))
    thrown('RSTORE_TYPE_MISMATCH', () => region.multimap('cities', t.string, t.string))
    thrown('RSTORE_TYPE_MISMATCH', () => region.value('cities', t.u32))
    thrown('RSTORE_TYPE_MISMATCH', () =>
      region.map(
        'cities',
        t.string,
        t.struct('City', { name: t.u32, population: t.u32, tags: t.array(t.f64) }),
      ),
    )
    assert.throws(() => region.map('', t.string, t.u32))
    assert.throws(() => region.map(5 as any, t.string, t.u32), TypeError)
    assert.throws(() => region.map('x', t.string, undefined as any), TypeError)
    assert.throws(() => region.map('x', t.bool as any, 7 as any), TypeError)
    assert.equal(region.names(), names)
  }),
)

test(
  'writing outside of a transaction',
  withRegion((place) => {
    const { region, cities } = cityRegion(place)
    thrown('RSTORE_NOT_IN_TRANSACTION', () =>
      cities.set('x', { name: 'x', population: 1, tags: [] }),
    )
    thrown('RSTORE_NOT_IN_TRANSACTION', () => cities.delete('NO/Oslo'))
    thrown('RSTORE_NOT_IN_TRANSACTION', () => cities.clear())
    thrown('RSTORE_NOT_IN_TRANSACTION', () => region.alloc(t.string, 'x'))
    thrown('RSTORE_NOT_IN_TRANSACTION', () => region.dropMap('cities'))
    thrown('RSTORE_NOT_IN_TRANSACTION', () => region.renameMap('cities', 'x'))
    thrown('RSTORE_NOT_IN_TRANSACTION', () => {
      cities.get('NO/Oslo')!.population = 5
    })
    thrown('RSTORE_NOT_IN_TRANSACTION', () =>
      region.read(() => cities.set('x', { name: 'x', population: 1, tags: [] })),
    )
    assert.is(cities.size, 2)
  }),
)

test(
  'writing through a handle that only reads',
  withRegion((place) => {
    cityRegion(place)
    const reader: any = place.openReadOnly()
    const cities = reader.map('cities', t.string, City)
    assert.is(cities.get('NO/Oslo').population, 709_037)
    thrown('RSTORE_READ_ONLY', () => {
      cities.get('NO/Oslo').population = 5
    })
    assert.throws(() => cities.set('x', { name: 'x', population: 1, tags: [] }))
    assert.throws(() => cities.delete('NO/Oslo'))
    assert.not(reader.transact, 'there is nothing to write with')
    thrown('RSTORE_NOT_FOUND', () => reader.map('none', t.string, t.u32))
    thrown('RSTORE_TYPE_MISMATCH', () => reader.map('cities', t.u32, City))
  }),
)

test(
  'after close everything throws RSTORE_CLOSED',
  withRegion(async (place) => {
    const { region, cities } = cityRegion(place)
    const snapshot = region.snapshot()
    const record = cities.get('NO/Oslo')!
    const iterator = cities.entries()
    iterator.next()
    region.close()
    region.close()
    const uses: (() => unknown)[] = [
      () => cities.get('NO/Oslo'),
      () => cities.size,
      () => [...cities.keys()],
      () => cities.has('x'),
      () => region.map('cities', t.string, City),
      () => region.names(),
      () => region.stats(),
      () => region.transact(() => 1),
      () => region.read(() => 1),
      () => region.snapshot(),
      () => region.readers(),
      () => region.dropMap('cities'),
      () => region.renameMap('cities', 'x'),
      () => region.alloc(t.u32, 1),
      () => region.value('v', t.u32),
      () => iterator.next(),
      () => snapshot.map('cities', t.string, City),
      () => region.epochs(),
    ]
    for (const use of uses) thrown('RSTORE_CLOSED', use)
    assert.throws(
      () => record.population,
      (error: any) => ['RSTORE_CLOSED', 'RSTORE_STALE_VIEW'].includes(error.code),
    )
    for (const use of [
      () => region.flush(),
      () => region.checkpoint(),
      () => region.verify(),
      () => region.backup(place.path('copy')),
      () => region.write(() => 1),
    ]) {
      await rejected('RSTORE_CLOSED', use())
    }
  }),
)

test(
  'closing inside of a transaction or a read',
  withRegion((place) => {
    const { region, cities } = cityRegion(place)
    assert.throws(
      () =>
        region.transact(() => {
          cities.delete('NO/Oslo')
          region.close()
          cities.size
        }),
      (error: any) => error.code === 'RSTORE_CLOSED',
    )
    const again = place.open()
    assert.is(again.map('cities', t.string, City).size, 2)
    assert.throws(() => again.transact(() => again.close()))
    const third = place.open()
    assert.throws(
      () =>
        third.read(() => {
          third.close()
          return third.map('cities', t.string, City).size
        }),
      (error: any) => error.code === 'RSTORE_CLOSED',
    )
  }),
)

test(
  'stale views throw and never lie',
  withRegion(async (place) => {
    const { region, cities } = cityRegion(place)
    const oslo = cities.get('NO/Oslo')!
    assert.is(oslo.population, 709_037)
    await nextTurn()
    thrown('RSTORE_STALE_VIEW', () => oslo.population)
    thrown('RSTORE_STALE_VIEW', () => oslo.toObject())
    const before = cities.get('NO/Oslo')!
    region.transact(() => {
      const inside = cities.get('NO/Oslo')!
      cities.set('NO/Stavanger', { name: 'Stavanger', population: 1, tags: [] })
      assert.is(inside.population, 709_037, 'survives other changes')
      cities.delete('NO/Oslo')
      thrown('RSTORE_STALE_VIEW', () => inside.population)
    })
    thrown('RSTORE_STALE_VIEW', () => before.population)
    let kept: any
    assert.throws(
      () =>
        region.transact(() => {
          kept = cities.get('NO/Bergen')
          kept.population = 5
          throw new Error('rolled back')
        }),
      /rolled back/,
    )
    thrown('RSTORE_STALE_VIEW', () => kept.population)
    assert.is(cities.get('NO/Bergen')!.population, 291_940)
  }),
)

test(
  'options that make no sense',
  withRegion((place) => {
    const path = place.path('x')
    const wrong: any[] = [
      { capacity: '5' },
      { capacity: 'MiB' },
      { capacity: -1 },
      { capacity: '64GiB' },
      { capacity: 10 },
      { capacity: NaN },
      { durability: 'maybe' },
      { mode: 'x' },
      { mode: 0o7777 },
      { timeoutMs: -1 },
      { timeoutMs: 'x' },
      { logBytes: 'x' },
      { privateBytes: {} },
      { unknown: 1 },
      null,
      5,
      { maxSnapshotAgeMs: 'x' },
      { maxSnapshotAgeMs: -5 },
      { onLongSnapshot: 5 },
      { onLongSnapshot: () => {} },
      { allowNetwork: 'x' },
      { readOnly: true },
      { readOnly: 1 },
    ]
    for (const options of wrong) {
      assert.throws(
        () => place.keep(Region.create(path, options)),
        (error: unknown) => error instanceof TypeError || error instanceof RangeError,
        JSON.stringify(options),
      )
    }
    for (const name of ['', 5, null, undefined, 'a\0b'] as any[]) {
      assert.throws(() => Region.create(name), TypeError)
      assert.throws(() => Region.open(name), TypeError)
      assert.throws(() => Region.openOrCreate(name), TypeError)
    }
  }),
)

test(
  'readOnly where nothing has it: neither unheard nor half obeyed',
  withRegion((place) => {
    const options = { readOnly: true } as RegionOptions
    const path = place.create().path!
    for (const [name, use] of Object.entries({
      'Region.create': () => Region.create(place.path('other'), options),
      'Region.openOrCreate': () => Region.openOrCreate(path, options),
    })) assert.throws(() => place.keep(use()), misuse(name))
    const store = place.keep(Store.open(place.path('store'), { create: true }))
    assert.throws(() => store.region('new', options), misuse('store.region'))
    assert.equal(store.list(), [])
    const region = store.region('new')
    assert.throws(() => store.region('new', options), misuse('store.region'))
    region.close()
    assert.throws(() => store.region('new', options), misuse('store.region'))
    for (const readOnly of [false, undefined]) {
      const known = { readOnly } as RegionOptions
      place.keep(Region.openOrCreate(path, known)).transact(() => {})
    }
  }),
)

/** A TypeError that names readOnly and the call. */
const misuse = (call: string) => (error: unknown): boolean =>
  error instanceof TypeError && error.message.includes(`readOnly is no option of ${call}.`)

test(
  'callbacks that are none, and promises',
  withRegion(async (place) => {
    const { region, cities } = cityRegion(place)
    for (const fn of [undefined, null, 5, {}] as any[]) {
      assert.throws(() => region.transact(fn), TypeError)
      assert.throws(() => region.read(fn), TypeError)
      assert.throws(() => region.write(fn), TypeError)
    }
    const { epoch } = region.stats()
    assert.throws(
      () =>
        region.transact(async () => {
          cities.delete('NO/Oslo')
        }),
      TypeError,
    )
    assert.throws(
      () =>
        region.transact(() => {
          cities.delete('NO/Oslo')
          return { then() {} }
        }),
      TypeError,
    )
    region.transact(() => {
      assert.throws(
        () =>
          region.transact(async () => {
            cities.delete('NO/Oslo')
          }),
        TypeError,
      )
    })
    const promise = region.write(async () => {
      cities.delete('NO/Oslo')
    })
    try {
      await promise
      assert.unreachable()
    } catch (error) {
      assert.instance(error, TypeError)
    }
    assert.equal([cities.size, region.stats().epoch], [2, epoch])
    assert.throws(() => region.transact(() => 1, { durability: 'x' as any }), TypeError)
  }),
)

test(
  'what a callback does that goes on behind an await ends nobody\'s process',
  withRegion(async (place) => {
    const { region, cities } = cityRegion(place)
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    const goesOn = async (): Promise<void> => {
      cities.delete('NO/Oslo')
      await nextTurn()
      cities.delete('NO/Oslo')
    }
    process.on('unhandledRejection', note)
    try {
      assert.throws(() => region.transact(goesOn), TypeError)
      const written = await region.write(goesOn).catch((error: unknown) => error)
      assert.instance(written, TypeError)
      const build: () => any = async () => Promise.reject(new Error('nobody waits for it'))
      assert.throws(() => region.transact(() => region.buildArray(t.u8, {}, build)), TypeError)
      for (let turn = 0; turn < 5; turn++) await nextTurn()
    } finally {
      process.off('unhandledRejection', note)
    }
    assert.equal(unhandled, [])
    assert.is(cities.size, 2)
  }),
)

test(
  'mode of the files',
  withRegion(async (place) => {
    const { statSync } = await import('node:fs')
    const region = place.create({ mode: 0o600 })
    region.transact(() => region.value('v', t.u32).set(1))
    for (const name of Object.keys(fingerprint(region.path!))) {
      assert.is(statSync(name).mode & 0o777, 0o600, name)
    }
    await region.backup(place.path('copy.region'))
    assert.is(statSync(place.path('copy.region')).mode & 0o777, 0o600, 'the backup')
    region.close()
    const again = place.open()
    again.transact(() => again.value('v', t.u32).set(2))
    for (const name of Object.keys(fingerprint(again.path!))) {
      assert.is(statSync(name).mode & 0o777, 0o600, `${name}, opened without a mode`)
    }
  }),
)

test(
  'names, renameMap, dropMap',
  withRegion((place) => {
    const { region, cities } = cityRegion(place)
    const pairs = region.multimap('pairs', t.string, t.u32)
    const value = region.value('value', t.string)
    region.transact(() => {
      pairs.add('a', 1)
      pairs.add('a', 2)
      value.set('v')
    })
    assert.equal(
      region.names().map(({ name, kind, size }) => [name, kind, size]),
      [
        ['cities', 'map', 2],
        ['pairs', 'multimap', 2],
        ['value', 'value', 1],
      ],
    )
    thrown('RSTORE_NOT_FOUND', () => region.transact(() => region.renameMap('none', 'x')))
    thrown('RSTORE_EXISTS', () => region.transact(() => region.renameMap('cities', 'pairs')))
    region.transact(() => region.renameMap('cities', 'towns'))
    assert.is(cities.get('NO/Oslo')!.name, 'Oslo', 'handles follow')
    assert.is(region.map('towns', t.string, City).size, 2)
    assert.is(
      region.transact(() => region.dropMap('cities')),
      false,
    )
    assert.throws(() =>
      region.transact(() => {
        region.dropMap('towns')
        throw new Error('no')
      }),
    )
    assert.is(cities.size, 2)
    assert.is(
      region.transact(() => region.dropMap('towns')),
      true,
    )
    assert.throws(
      () => cities.size,
      (error: any) => error instanceof RStoreError,
    )
    assert.equal(
      region.names().map(({ name }) => name),
      ['pairs', 'value'],
    )
    const fresh = region.map('towns', t.u32, t.u32)
    assert.is(fresh.size, 0)
  }),
)

test(
  'a notice that throws after a commit keeps neither the next one nor the caller',
  withRegion(async (place) => {
    const { region, cities } = cityRegion(place)
    const thrown: unknown[] = []
    const take = (error: unknown): void => void thrown.push(error)
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException').on('uncaughtException', take)
    try {
      const told: string[] = []
      const change = (): number => {
        region.session.noteChange(() => { throw new Error('its own') })
        region.session.noteChange(() => told.push('the next one'))
        cities.delete('NO/Bergen')
        return 7
      }
      assert.is(region.transact(change), 7)
      assert.is(await region.write(change), 7)
      await nextTurn()
      assert.is(told.length, 2)
      assert.equal(thrown.map(String), ['Error: its own', 'Error: its own'])
      assert.not(cities.has('NO/Bergen'))
    } finally {
      process.removeListener('uncaughtException', take)
      for (const listener of others) process.on('uncaughtException', listener)
    }
  }),
)

test('a region has no JSON form, and says what has', withRegion((place) => {
  const { region } = cityRegion(place)
  const block = Pool.default.region()
  const sealed = block.seal()
  const packed = Region.pack(null, { root: City }, () => ({ name: '', population: 1, tags: [] }))!
  for (const one of [region, region.snapshot(), place.openReadOnly(), packed, sealed]) {
    assert.throws(() => JSON.stringify({ one }), /Take its maps, plain copies .* exportLines/)
  }
  thrown('RSTORE_NOT_CONTIGUOUS', () => JSON.stringify(block))
  packed.close()
  sealed.close()
}))

test.run()
