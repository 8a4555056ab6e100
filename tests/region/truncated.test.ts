/**
 * A file that somebody cuts while it is mapped: an exception for every reader and writer, never a
 * dead process.
 */
import { statSync, truncateSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, RStoreError, t } from '../../lib/index.js'
import { nextTurn, rejected, thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('truncated')

const COUNT = 50_000

/** Not among Node's own types. */
const { WebAssembly } = globalThis as unknown as { WebAssembly: any }

function filled(place: Place): Region {
  const region = place.create({ capacity: '16MiB' })
  const map = region.map('numbers', t.u32, t.f64)
  region.transact(() => {
    for (let i = 0; i < COUNT; i++) map.set(i, i)
  })
  region.close()
  place.expectDamage()
  return region
}

const isFailure = (error: unknown): boolean =>
  error instanceof RStoreError && ['RSTORE_IO', 'RSTORE_CORRUPT'].includes(error.code)

function scan(region: { map: Region['map'] }): number {
  let sum = 0
  for (const value of region.map('numbers', t.u32, t.f64).values()) sum += value
  return sum
}

test(
  'under a reader: RSTORE_IO, for ever',
  withRegion(async (place) => {
    const { path } = filled(place)
    const region = place.openReadOnly()
    const map = region.map('numbers', t.u32, t.f64)
    truncateSync(path!, 16_384)
    thrown('RSTORE_IO', () => {
      for (let i = 0; i < COUNT; i++) map.get(i)
    })
    await nextTurn()
    thrown('RSTORE_IO', () => {
      for (let i = 0; i < COUNT; i++) map.get(i)
    })
    thrown('RSTORE_IO', () => [...map.entries()])
    thrown('RSTORE_IO', () => region.read(() => map.get(1)))
  }),
)

test(
  'under an array that is read in place: before read() returns what was made of it',
  withRegion((place) => {
    const region = place.create({ capacity: '16MiB' })
    region.transact(() => region.map('arrays', t.u32, t.array(t.f64))
      .set(1, new Float64Array(COUNT).fill(1)))
    region.close()
    place.expectDamage()
    const reader = place.openReadOnly()
    const arrays = reader.map('arrays', t.u32, t.array(t.f64))
    thrown('RSTORE_IO', () => reader.read(() => {
      const array = arrays.get(1) as unknown as Float64Array
      truncateSync(region.path!, 16_384)
      return array.reduce((sum, value) => sum + value, 0)
    }))
  }),
)

test(
  'under a snapshot',
  withRegion((place) => {
    const { path } = filled(place)
    const snapshot = place.keep(place.openReadOnly().snapshot())
    truncateSync(path!, 16_384)
    thrown('RSTORE_IO', () => scan(snapshot as unknown as Region))
  }),
)

test(
  'under a writer, before, inside of and after a transaction',
  withRegion(async (place) => {
    const { path } = filled(place)
    const region = place.open()
    const map = region.map('numbers', t.u32, t.f64)
    const { size } = statSync(path!)
    assert.throws(
      () =>
        region.transact(() => {
          map.set(1, 5)
          truncateSync(path!, 16_384)
          for (let i = 0; i < COUNT; i++) map.set(i, 7)
        }),
      isFailure,
    )
    assert.throws(
      () =>
        region.transact(() => {
          for (let i = 0; i < COUNT; i++) map.set(i, 7)
        }),
      isFailure,
    )
    assert.throws(() => scan(region), isFailure)
    assert.ok(statSync(path!).size < size, 'and the file does not come back as zeros')
    try {
      await region.write(() => map.set(2, 2))
      assert.unreachable()
    } catch (error) {
      assert.ok(isFailure(error), String(error))
    }
    for (const use of [() => region.checkpoint(), () => region.backup(place.path('copy'))]) {
      await use().then(
        () => undefined,
        (error) => assert.ok(isFailure(error), String(error)),
      )
    }
  }),
)

test(
  'between the last change of a transaction and its commit',
  withRegion((place) => {
    const { path } = filled(place)
    const region = place.open()
    const map = region.map('numbers', t.u32, t.f64)
    thrown('RSTORE_IO', () =>
      region.transact(() => {
        for (let i = 0; i < COUNT; i += 100) map.set(i, 7)
        truncateSync(path!, 16_384)
      }))
  }),
)

test(
  'before a checkpoint, which does not hide it',
  withRegion(async (place) => {
    const { path } = filled(place)
    const region = place.open()
    const map = region.map('numbers', t.u32, t.f64)
    region.transact(() => map.set(COUNT - 1, 7))
    await nextTurn()
    const { size } = statSync(path!)
    truncateSync(path!, size / 2)
    await rejected('RSTORE_IO', region.checkpoint())
    assert.is(statSync(path!).size, size / 2)
  }),
)

test(
  'to nothing',
  withRegion(async (place) => {
    const { path } = filled(place)
    const [reader, writer] = [place.openReadOnly(), place.open()]
    truncateSync(path!, 0)
    assert.throws(() => scan(reader as unknown as Region), isFailure)
    assert.throws(() => writer.transact(() => writer.map('numbers', t.u32, t.f64).set(1, 1)))
    assert.throws(() => scan(writer), isFailure)
    for (const region of [reader, writer]) {
      const report = await region.verify()
      assert.not(report.ok)
      assert.ok(report.problems.some(({ code }) => code === 'RSTORE_IO'), 'what ended it is told')
    }
  }),
)

test(
  'under verification, which reports it, before and after the pages were met',
  withRegion(async (place) => {
    const { path } = filled(place)
    const handles = [place.openReadOnly(), place.open()]
    const snapshot = place.keep(handles[0]!.snapshot())
    truncateSync(path!, 16_384)
    for (const region of [snapshot, ...handles, ...handles]) {
      const report = await region.verify()
      assert.not(report.ok)
      assert.ok(report.problems.some(({ code }) => code === 'RSTORE_IO'))
    }
    for (const region of [snapshot, ...handles]) {
      region.close()
      await rejected('RSTORE_CLOSED', region.verify())
    }
  }),
)

test(
  'the log, and the lock file',
  withRegion(async (place) => {
    const region = place.create({ capacity: '16MiB' })
    place.expectDamage()
    const map = region.map('numbers', t.u32, t.f64)
    const reader = place.openReadOnly()
    region.transact(() => map.set(1, 1))
    await nextTurn()
    assert.is(reader.map('numbers', t.u32, t.f64).get(1), 1)
    truncateSync(`${region.path}-wal`, 0)
    await nextTurn()
    for (const durability of ['none', 'sync'] as const) {
      try {
        region.transact(() => map.set(2, 2), { durability })
      } catch (error) {
        assert.ok(error instanceof RStoreError, String(error))
      }
      try {
        reader.read(() => reader.map('numbers', t.u32, t.f64).get(2))
      } catch (error) {
        assert.ok(error instanceof RStoreError, String(error))
      }
    }
    const other = place.create({ capacity: '16MiB' }, 'other.region')
    const values = other.map('numbers', t.u32, t.f64)
    other.transact(() => values.set(1, 1))
    truncateSync(`${other.path}-lock`, 0)
    place.expectDamage('other.region')
    for (let i = 0; i < 3; i++) {
      try {
        other.transact(() => values.set(i, i))
      } catch (error) {
        assert.ok(error instanceof RStoreError, String(error))
      }
    }
  }),
)

test(
  'the WebAssembly trap handler works in a process that has had faults',
  withRegion((place) => {
    const { path } = filled(place)
    const trap = (): void => {
      // (module (memory 1) (func (export "f") (drop (i32.load (i32.const -1)))))
      const bytes = Uint8Array.from([
        0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1,
        0x66, 0, 0, 0x0a, 0x0a, 1, 8, 0, 0x41, 0x7f, 0x28, 2, 0, 0x1a, 0x0b,
      ])
      const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports
      assert.throws(f, (error: unknown) => error instanceof WebAssembly.RuntimeError)
    }
    trap()
    const region = place.open()
    trap()
    truncateSync(path!, 16_384)
    assert.throws(() => scan(region), isFailure)
    trap()
    region.close()
    trap()
  }),
)

test.run()
