/** A checkpoint of another handle that does not end: its process was stopped. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, ReaderSlot, SharedWords } from '../../formats/index.js'
import { t } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { rejected, withRegion, type Place } from '../harness/with-region.js'

const test = suite('stuck checkpoint')

/** Gives the checkpoint lock to a slot whose handle is open, or to nobody. */
function lendCheckpointLock(place: Place, slot: number | undefined): void {
  const fd = openSync(`${place.path()}-lock`, 'r+')
  const word = Buffer.alloc(8)
  if (slot !== undefined) {
    const at = 2 * C.PAGE_BYTES + slot * ReaderSlot.bytes + ReaderSlot.fields.generation.offset
    readSync(fd, word, 4, 4, at)
    word.writeUInt32LE(slot + 1, 0)
  }
  writeSync(fd, word, 0, 8, C.PAGE_BYTES + SharedWords.fields.checkpointLock.offset)
  closeSync(fd)
}

test(
  'checkpoint() gives up in time and names the process; close() does not wait for it',
  withRegion(async (place) => {
    const region = place.create({ timeoutMs: 100 })
    const patient = place.open({ timeoutMs: 60_000 })
    const numbers = region.map('numbers', t.u32, t.u32)
    region.transact(() => numbers.set(1, 1))
    const holder = place.open()
    const [other] = holder.readers().slice(-1)
    lendCheckpointLock(place, other!.slot)
    const error = await rejected('RSTORE_BUSY', region.checkpoint())
    assert.is(error.facts['pid'], process.pid)
    const waiting = rejected('RSTORE_CLOSED', patient.checkpoint())
    await new Promise((resolve) => setTimeout(resolve, 50))
    const begun = performance.now()
    patient.close()
    assert.ok(performance.now() - begun < 5000, 'closed at once')
    await waiting
    lendCheckpointLock(place, undefined)
    region.transact(() => numbers.set(2, 2))
    await region.checkpoint()
    assert.is(region.stats().checkpointEpoch, region.stats().epoch)
  }),
)

test(
  'calls that wait for it share two waits, and leave threads of the pool to others',
  withRegion(async (place) => {
    const timeoutMs = 500
    const region = place.create({ timeoutMs })
    region.transact(() => region.map('numbers', t.u32, t.u32).set(1, 1))
    const holder = place.open()
    lendCheckpointLock(place, holder.readers().at(-1)!.slot)
    const begun = performance.now()
    const done: string[] = []
    const calls = Array.from({ length: 8 }, () =>
      rejected('RSTORE_BUSY', region.checkpoint()).then(() => done.push('busy')))
    await Promise.all([...calls, readFile(region.path!).then(() => done.push('read'))])
    assert.is(done[0], 'read')
    const tookMs = performance.now() - begun
    assert.ok(tookMs < 6 * timeoutMs, `8 calls of at most ${timeoutMs} ms took ${tookMs} ms`)
    const first = rejected('RSTORE_CLOSED', region.checkpoint())
    const second = rejected('RSTORE_CLOSED', region.checkpoint())
    region.close()
    await Promise.all([first, second])
    lendCheckpointLock(place, undefined)
  }),
)

test(
  'flush() does not wait for it, whoever of the handle does',
  withRegion(async (place) => {
    const region = place.create({ timeoutMs: 2000, durability: 'none' })
    const numbers = region.map('numbers', t.u32, t.u32)
    region.transact(() => numbers.set(1, 1))
    lendCheckpointLock(place, place.open().readers().at(-1)!.slot)
    let isWaiting = true
    const waiting = rejected('RSTORE_BUSY', region.checkpoint()).then(() => { isWaiting = false })
    await new Promise((resolve) => setTimeout(resolve, 50))
    region.transact(() => numbers.set(1, 2))
    await region.flush()
    assert.ok(isWaiting, 'it has waited as long as the checkpoint')
    await waiting
    lendCheckpointLock(place, undefined)
  }),
)

test(
  'a handle that was opened for reading does not begin, whatever asks it to',
  withRegion((place) => {
    const region = place.create()
    const numbers = region.map('numbers', t.u32, t.u32)
    region.transact(() => numbers.set(1, 1))
    const native = new (addon().Handle)()
    const options = {
      readOnly: true, timeoutMs: 100, privatePages: 256, segmentLimit: 4,
    }
    const opened = native.open(place.path(), options, 0)
    if (typeof opened === 'number') throw new Error(`status ${opened}`)
    assert.is(addon().statusNames[addon().begin(opened.number, 0) % 256], 'readOnly')
    native.close()
    region.transact(() => numbers.set(1, 2))
  }),
)

test.run()
