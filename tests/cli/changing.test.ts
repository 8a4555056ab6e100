/** Reading a region that others change in the middle of it. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RecordReader } from '../../cli/read/records.js'
import { readRegion, type RegionImage } from '../../cli/read/region.js'
import { Region, t } from '../../lib/index.js'
import { inPlace, type Place } from '../harness/with-region.js'

const test = suite('reading what changes')

const epochOf = ({ epoch }: RegionImage): bigint => epoch

/** A region whose last commits are in the log. */
function withLog(place: Place): Region {
  const region = place.create({ capacity: '1MiB' })
  const map = region.map('m', t.u32, t.string)
  for (let i = 0; i < 20; i++) region.transact(() => map.set(i, 'x'.repeat(500)))
  return region
}

test('records that are written over between the look at them and their use', inPlace((place) => {
  const region = withLog(place)
  const epoch = BigInt(region.stats().epoch)
  const log = openSync(`${region.path}-wal`, 'r+')
  const { scan } = RecordReader.prototype
  let scans = 0
  RecordReader.prototype.scan = function (this: RecordReader): void {
    scans++
    scan.call(this)
    region.close()
    for (const { position, recordBytes } of this.records) {
      writeSync(log, Buffer.alloc(recordBytes, 0xff), 0, recordBytes, position)
    }
  }
  try {
    assert.is(readRegion(place.path(), epochOf), epoch)
    assert.is(scans, 1, 'then there was no log any more')
  } finally {
    RecordReader.prototype.scan = scan
    closeSync(log)
  }
}))

test('what fails though nobody disturbed it is told', inPlace((place) => {
  withLog(place)
  let looks = 0
  const fail = (): never => {
    looks++
    throw new RangeError('of its own')
  }
  assert.throws(() => readRegion(place.path(), fail), /of its own/)
  assert.is(looks, 1)
}))

test('a region that is disturbed each time is said to be', inPlace((place) => {
  let region = withLog(place)
  const fail = (): never => {
    region.close()
    region = place.open()
    region.transact(() => region.map('m', t.u32, t.string).set(1, ''))
    throw new RangeError('of bytes of something else')
  }
  assert.throws(() => readRegion(place.path(), fail), /changes faster than it can be read/)
}))

test.run()
