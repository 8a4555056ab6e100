/** A packed region of more than 2 GiB: what loading it costs. */
import { chmodSync, closeSync, openSync, readSync, truncateSync, writeSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, crc32c, Identity } from '../../formats/index.js'
import { Packed, Region } from '../../lib/index.js'
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

test.run()
