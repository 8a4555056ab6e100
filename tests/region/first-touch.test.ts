/**
 * A handle that opens far behind the file takes over only the pages that it looks at: judged by the
 * faults of the process, of which each page that is copied costs one.
 */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type ReadOnlyRegion, type Region } from '../../lib/index.js'
import { nextTurn, withRegion, type Place } from '../harness/with-region.js'

const test = suite('first touch')

const VALUES = 8_000
const VALUE_BYTES = 4_000
const ELEMENTS = 200_000

const valuesOf = (region: Region | ReadOnlyRegion) => (region as Region).map('v', t.u32, t.bytes)
const numbersOf = (region: Region | ReadOnlyRegion) =>
  (region as Region).map('n', t.u32, t.array(t.u32))

function overwrite(region: Region, by: number): void {
  const value = new Uint8Array(VALUE_BYTES)
  region.transact(() => {
    const values = valuesOf(region)
    for (let key = 0; key < VALUES; key++) values.set(key, value.fill(key * by))
    const numbers = numbersOf(region)
    numbers.set(1, Uint32Array.from({ length: ELEMENTS }, (_, i) => i * by))
  })
}

/** A reader holds every checkpoint back: the log has 32 MiB that the file has not. */
async function farBehind(place: Place): Promise<Region> {
  const region = place.create({ capacity: '256MiB' })
  overwrite(region, 1)
  await region.checkpoint()
  place.keep(region.snapshot())
  overwrite(region, 3)
  await nextTurn()
  return region
}

const faults = (): number => process.resourceUsage().minorPageFault

function isThird(value: Uint8Array | undefined, key: number): boolean {
  const expected = (key * 3) & 255
  return value?.length === VALUE_BYTES && value.every((byte) => byte === expected)
}

test('opening copies no page of a large log', withRegion(async (place) => {
  await farBehind(place)
  place.openReadOnly().close()  // what is done once is not counted
  const before = faults()
  const reader = place.openReadOnly()
  assert.ok(isThird(valuesOf(reader).get(4_321), 4_321))
  const took = faults() - before
  assert.ok(took < VALUES / 4, `${took} faults`)
  const values = valuesOf(reader)
  for (let key = 0; key < VALUES; key++) assert.ok(isThird(values.get(key), key), `${key}`)
  assert.ok(faults() - before > VALUES / 2, 'faults do not tell what is copied')
}))

test('a writer that was overtaken goes on', withRegion(async (place) => {
  const region = await farBehind(place)
  const other = place.open()
  other.transact(() => valuesOf(other).set(100, new Uint8Array(VALUE_BYTES).fill(9)))
  assert.throws(() => other.transact(() => {
    valuesOf(other).set(200, new Uint8Array(VALUE_BYTES))
    throw new Error('given up')
  }), /given up/)
  for (const each of [region, other, place.openReadOnly()]) {
    assert.is(valuesOf(each).get(100)![0], 9)
    assert.ok(isThird(valuesOf(each).get(200), 200))
    await nextTurn()
  }
}))

test('the system, and other threads, get arrays that are whole', withRegion(async (place) => {
  await farBehind(place)
  const path = place.path('copy')
  const [reader, other] = [place.openReadOnly(), place.openReadOnly()]
  reader.read(() => {
    const fd = openSync(path, 'w')
    writeSync(fd, numbersOf(reader).get(1)! as Uint32Array)
    assert.is(fstatSync(fd).size, ELEMENTS * 4)
    closeSync(fd)
  })
  const zipped = other.read(() => deflateSync(numbersOf(other).get(1)! as Uint32Array))
  assert.equal(zipped, deflateSync(Uint32Array.from({ length: ELEMENTS }, (_, i) => i * 3)))
}))

test.run()
