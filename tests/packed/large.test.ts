/** A packed region of more than 2 GiB: what loading it costs, and how its content is hashed. */
import { chmodSync, closeSync, openSync, readSync, truncateSync, writeSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, crc32c, Identity } from '../../formats/index.js'
import { Packed, Region } from '../../lib/index.js'
import { contentPieces } from '../../lib/region/packed/content-pieces.js'
import { inPlace } from '../harness/with-region.js'
import { Atlas, fill } from './shapes.js'

const test = suite('packed regions: large')

/** Makes a packed file longer, with a hole behind its data: what it says of itself is right. */
function lengthen(path: string, bytes: number): void {
  chmodSync(path, 0o644)
  const fd = openSync(path, 'r+')
  const identity = Buffer.alloc(Identity.bytes)
  readSync(fd, identity, 0, identity.length, 0)
  const { checksum, endUnits } = Identity.fields
  identity.writeBigUInt64LE(BigInt(bytes / C.UNIT_BYTES), endUnits.offset)
  identity.writeUInt32LE(crc32c(0, identity.subarray(0, checksum.offset)), checksum.offset)
  writeSync(fd, identity, 0, identity.length, 0)
  closeSync(fd)
  truncateSync(path, bytes)
}

// A new buffer of gigabytes makes the engine collect garbage, for 20 ms and more.
test('loading it makes no further memory known to the engine', inPlace((place) => {
  const path = place.path('atlas')
  Region.pack(path, { root: Atlas, capacity: '4GiB' }, fill(100))!.close()
  lengthen(path, 3 * 2 ** 30)
  const before = process.memoryUsage().external
  const packed = place.keep(Packed.load(path, { root: Atlas }))
  assert.is(packed.root.cities.get('city 7')!.name, 'name 7')
  assert.is(packed.stats().fileBytes, 3 * 2 ** 30)
  const more = process.memoryUsage().external - before
  assert.ok(more < 2 ** 20, `${more} bytes`)
}))

/** Windows that say what is taken of them: gigabytes of memory are not wanted here. */
const recordingWindows = (count: number) => Array.from({ length: count }, (_, index) => {
  const subarray = (from: number, to: number) => ({ index, from, to }) as unknown as Uint8Array
  return { u8: { subarray } as unknown as Uint8Array }
})

test('content of many windows is hashed in order, in pieces that a hash takes', () => {
  const most = 2 ** 31 - 1
  const windowBytes = Number(C.WINDOW_BYTES)
  for (const [start, end] of [
    [12_288, 16_384], [4_210_688, 7 * 2 ** 30 + 8], [4_210_688, 2 ** 31], [33_566_720, 2 ** 35],
  ] as const) {
    const pieces = [...contentPieces(recordingWindows(16), start, end)] as unknown as
      { index: number; from: number; to: number }[]
    let at: number = start
    for (const { index, from, to } of pieces) {
      assert.is(index * windowBytes + from, at)
      assert.ok(from < to && to <= windowBytes && to - from <= most, `${from} to ${to}`)
      at = index * windowBytes + to
    }
    assert.is(at, end)
  }
})

test.run()
