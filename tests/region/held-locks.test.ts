/**
 * Locks of opening that somebody does not let go of, because its process was stopped: they were
 * waited for in the kernel, for ever.
 */
import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { Region, SharedVector, t } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('locks that are held for long')
const PATIENCE_MS = 200
/** kRetireByte of native/src/core/lock-file.h. */
const RETIRE_BYTE = 2 ** 40 - 1
const VECTOR_OPEN_BYTE = Number(C.VECTOR_LOCK_BYTE) + C.VECTOR_OPEN_LOCK

/** As another process does it. */
function hold(place: Place, path: string, byte: number): { close(): void } {
  const lock = place.keep(new (addon().ByteLock)())
  assert.is(lock.open(path, false), 0)
  assert.ok(lock.tryLock(byte, true))
  return lock
}

/** RSTORE_BUSY after the time that was given, and not much later. */
function refusedInTime(path: string, open: () => unknown): void {
  const begun = performance.now()
  const { facts, message } = thrown('RSTORE_BUSY', open)
  const ms = performance.now() - begun
  assert.ok(ms > PATIENCE_MS - 2 && ms < PATIENCE_MS + 2_000, `${ms} ms`)
  assert.equal(facts, { path, errno: 'EBUSY' })
  assert.match(message, /raise timeoutMs/)
}

test('of a vector that somebody is opening', withRegion((place) => {
  const path = place.path('vector')
  SharedVector.create(path, t.u32).close()
  const lock = hold(place, path, VECTOR_OPEN_BYTE)
  refusedInTime(path, () => SharedVector.open(path, t.u32, { timeoutMs: PATIENCE_MS }))
  for (const timeoutMs of [-1, NaN, '1' as never]) {
    assert.throws(() => SharedVector.open(path, t.u32, { timeoutMs }), RangeError)
  }
  lock.close()
  const vector = SharedVector.open(path, t.u32, { timeoutMs: 0 })
  vector.push(1)
  vector.close()
}))

test('of log and lock file of a replaced region, which somebody is removing', withRegion(
  async (place) => {
    const path = place.path()
    const options = { timeoutMs: PATIENCE_MS }
    const region = place.create({ capacity: '4MiB', ...options })
    region.transact(() => region.map('numbers', t.u32, t.u32).set(1, 2))
    const idle = place.open(options)
    const lock = hold(place, `${path}-lock`, RETIRE_BYTE)
    await region.compact()
    assert.ok(existsSync(`${path}-wal`), 'left to the next who opens it')
    refusedInTime(path, () => Region.open(path, options))
    refusedInTime(path, () => idle.map('numbers', t.u32, t.u32).get(1))
    lock.close()
    assert.is(idle.map('numbers', t.u32, t.u32).get(1), 2)
    assert.not(existsSync(`${path}-wal`))
    assert.is(place.open(options).map('numbers', t.u32, t.u32).get(1), 2)
  }))

test.run()
