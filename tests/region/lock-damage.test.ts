/**
 * A lock file that somebody cut or wrote to while it was open: what is said to be committed is
 * there when the region is opened again, and nothing ends or stops the process.
 */
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, SharedWords } from '../../formats/index.js'
import { t, type Region } from '../../lib/index.js'
import { nextTurn, rejected, thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('lock damage')

const numbers = (region: Region) => region.map('numbers', t.u32, t.u32)

function committed(place: Place): Region {
  const region = place.create({ durability: 'sync' })
  region.transact(() => numbers(region).set(1, 1))
  return region
}

function overwrite(place: Place, word: keyof typeof SharedWords.fields): void {
  const fd = openSync(`${place.path()}-lock`, 'r+')
  const { offset, bytes } = SharedWords.fields[word]
  writeSync(fd, Buffer.alloc(bytes, 0x5a), 0, bytes, C.PAGE_BYTES + offset)
  closeSync(fd)
}

for (const durability of ['sync', 'none'] as const) {
  test(`cut: nobody commits, durability ${durability}`, withRegion(async (place) => {
    const region = committed(place)
    const other = place.open()
    truncateSync(`${place.path()}-lock`, 0)
    for (const writer of [region, other, region]) {
      thrown('RSTORE_IO', () =>
        writer.transact(() => numbers(writer).set(2, 2), { durability }))
    }
    await nextTurn()
    for (const reader of [region, other]) thrown('RSTORE_IO', () => numbers(reader).get(1))
    await rejected('RSTORE_IO', region.checkpoint())
    await rejected('RSTORE_IO', region.flush())
    for (const handle of [region, other]) handle.close()
    assert.equal([...numbers(place.open()).entries()], [[1, 1]])
  }))
}

test('cut within a transaction: it fails, and is not found', withRegion((place) => {
  const region = committed(place)
  thrown('RSTORE_IO', () => region.transact(() => {
    numbers(region).set(2, 2)
    truncateSync(`${place.path()}-lock`, 0)
  }))
  region.close()
  assert.equal([...numbers(place.open()).keys()], [1])
}))

test('cut under a reader that has not read since: what it reads is not shared', withRegion(
  async (place) => {
    const region = committed(place)
    const reader = place.open()
    assert.is(numbers(reader).get(1), 1)
    await nextTurn()
    truncateSync(`${place.path()}-lock`, 0)
    thrown('RSTORE_IO', () => numbers(reader).get(1))
    region.close()
  },
))

for (const word of ['writeLock', 'checkpointTarget', 'logSegmentCount', 'tailHighBytes'] as const) {
  test(`garbage in ${word}: told as damage of the lock file`, withRegion(async (place) => {
    const region = committed(place)
    await nextTurn()
    overwrite(place, word)
    const error = thrown('RSTORE_CORRUPT', () =>
      region.transact(() => numbers(region).set(2, 2), { timeoutMs: 100 }))
    assert.match(error.message, /-lock\) beside it is damaged.*delete the -lock file/)
    region.close()
    assert.equal([...numbers(place.open()).entries()], [[1, 1]])
  }))
}

test('garbage in checkpointLock: a checkpoint says so', withRegion(async (place) => {
  const region = committed(place)
  overwrite(place, 'checkpointLock')
  const error = await rejected('RSTORE_CORRUPT', region.checkpoint())
  assert.match(error.message, /lock file/)
}))

test.run()
