/**
 * Records of the log that were damaged after they were synced. Their commits must not go without a
 * word; what a crash leaves, a last record that is not whole, must not be taken for that. The files
 * are copied as a crash would leave them.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, RedoRecord } from '../../formats/index.js'
import { Region, t, type Durability } from '../../lib/index.js'
import { rstore } from '../cli/run.js'
import { thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('lost commits')
const COMMITS = 10

/** Where the records begin in the log file, by commit. */
function recordsOf(log: Buffer): Map<bigint, number> {
  const found = new Map<bigint, number>()
  for (let at = 0; at + RedoRecord.bytes <= log.length; at += 8) {
    if (log.readUInt32LE(at) !== C.RECORD_MAGIC) continue
    found.set(log.readBigUInt64LE(at + RedoRecord.fields.epoch.offset), at)
  }
  return found
}

/** A region of so many entries, a commit each; a copy whose log `damage` was done to. */
function damaged(
  place: Place, durabilities: readonly Durability[],
  damage: (log: Buffer, recordAt: (commit: number) => number) => void,
): string {
  const region = place.create({ durability: 'sync' })
  const map = region.map('map', t.u32, t.string)
  const first = region.stats().epoch
  durabilities.forEach((durability, i) => {
    region.transact(() => map.set(i, `entry ${i}`), { durability })
  })
  const [from, copy] = [place.path(), place.path('copy')]
  copyFileSync(from, copy)
  const log = readFileSync(`${from}-wal`)
  const records = recordsOf(log)
  damage(log, (commit) => records.get(BigInt(first + commit))!)
  writeFileSync(`${copy}-wal`, log)
  return copy
}

const synced = Array.from({ length: COMMITS }, (): Durability => 'sync')

function entriesOf(path: string): number {
  const region = Region.open(path)
  const { size } = region.map('map', t.u32, t.string)
  region.close()
  return size
}

const DAMAGES: Record<string, (log: Buffer, at: number) => void> = {
  'a bit of its content': (log, at) => { log[at + RedoRecord.bytes + 20]! ^= 4 },
  'its magic': (log, at) => { log.writeUInt32LE(0, at) },
  'its epoch': (log, at) => { log.writeBigUInt64LE(7777n, at + RedoRecord.fields.epoch.offset) },
  'its salt': (log, at) => { log.writeBigUInt64LE(1n, at + RedoRecord.fields.logSalt.offset) },
  'its header': (log, at) => { log.fill(0, at, at + RedoRecord.bytes) },
}

for (const [what, damage] of Object.entries(DAMAGES)) {
  test(`damaged: ${what}`, withRegion((place) => {
    const path = damaged(place, synced, (log, recordAt) => damage(log, recordAt(6)))
    const bytes = (): Buffer[] => [readFileSync(path), readFileSync(`${path}-wal`)]
    const before = bytes()
    thrown('RSTORE_CORRUPT', () => Region.open(path))
    assert.equal(bytes(), before, 'nothing was written')
    const verified = rstore(['verify', path])
    assert.is(verified.status, 1, verified.stdout)
    const saved = place.path('saved')
    assert.is(rstore(['repair', path, saved]).status, 1)
    assert.is(entriesOf(saved), 5)
  }))

  test(`the last one, which nothing speaks for: ${what}`, withRegion((place) => {
    const path = damaged(place, synced, (log, recordAt) => damage(log, recordAt(COMMITS)))
    assert.is(rstore(['verify', path]).status, 0)
    assert.is(entriesOf(path), COMMITS - 1)
  }))

  test(`not synced, and behind what was: ${what}`, withRegion((place) => {
    const durabilities = synced.map((_, i): Durability => i < 4 ? 'sync' : 'none')
    const path = damaged(place, durabilities, (log, recordAt) => damage(log, recordAt(6)))
    assert.is(rstore(['verify', path]).status, 0)
    assert.is(entriesOf(path), 5)
  }))
}

test('a synced commit under way may be whole where one before it, not synced, is not', withRegion(
  (place) => {
    const durabilities = synced.map((_, i): Durability => i === 7 || i === 8 ? 'none' : 'sync')
    const path = damaged(place, durabilities, (log, recordAt) => {
      log.fill(0, recordAt(9), recordAt(9) + RedoRecord.bytes)
    })
    assert.is(rstore(['verify', path]).status, 0)
    assert.is(entriesOf(path), 8)
  }))

test.run()
