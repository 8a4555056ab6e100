/** Compaction in place: what is given back, what stays, who is disturbed. */
import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readWreckage } from '../../cli/read/wreckage.js'
import { t, type Region } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { SmallDisk } from '../harness/small-disk.js'
import { rejected, verifyFile, withRegion, type Place } from '../harness/with-region.js'
import { check, fill } from './shapes.js'

const test = suite('compact in place')
const IN_PLACE = { inPlace: true }
const BLOB_BYTES = 8_000
/** Pages that hold what is not free beside what is, or a link of a tree's free page. */
const ROUGHLY = 100_000

const onDisk = (place: Place): number => statSync(place.path()).blocks * 512
const blobOf = (i: number): Uint8Array => new Uint8Array(BLOB_BYTES).fill(i % 251 + 1)

function putBlobs(region: Region, from: number, to: number): void {
  const blobs = region.map('blobs', t.u32, t.bytes)
  region.transact(() => { for (let i = from; i < to; i++) blobs.set(i, blobOf(i)) })
}

function dropBlobs(region: Region, from: number, to: number): void {
  const blobs = region.map('blobs', t.u32, t.bytes)
  region.transact(() => { for (let i = from; i < to; i++) blobs.delete(i) })
}

/** All blobs in [from, to), and no others. */
function checkBlobs(region: unknown, from: number, to: number, gte = 0): void {
  let i = from
  for (const [key, blob] of (region as Region).map('blobs', t.u32, t.bytes).entries({ gte })) {
    assert.is(key, i)
    assert.is(Buffer.compare(blob, blobOf(i)), 0, `blob ${i}`)
    i++
  }
  assert.is(i, to)
}

test('gives back what 90 % took; the rest stays, refs too; a second run gives nothing', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    const Node = t.struct('Node', { name: t.string, next: t.optional(t.self) })
    putBlobs(region, 0, 1_000)
    const ref = region.transact(() => {
      const last = region.alloc(Node, { name: 'second' })
      const node = region.alloc(Node, { name: 'first', next: last })
      region.value('node', t.ref(() => Node)).set(node as never)
      return node
    })
    fill(region, 500)
    dropBlobs(region, 0, 900)
    await region.checkpoint()
    const [bytes, length] = [onDisk(place), statSync(place.path()).size]
    const told: [number, number][] = []
    const onProgress = (done: number, total: number): void => { told.push([done, total]) }
    const { before, after } = await region.compact(undefined, { inPlace: true, onProgress })
    assert.equal([before, after], [bytes, onDisk(place)])
    assert.ok(after < before - 900 * BLOB_BYTES + ROUGHLY, `${before} → ${after}`)
    assert.is(statSync(place.path()).size, length)
    assert.ok(told.every(([done, total]) => done <= total))
    assert.ok(told.at(-1)![0] > 3_000 && told.at(-1)![0] === told.at(-1)![1])
    checkBlobs(region, 900, 1_000)
    check(region, 500)
    region.read(() => assert.is((region.deref(ref).next as any).name, 'second'))
    assert.equal((await region.verify()).problems, [])
    const again = await region.compact(undefined, IN_PLACE)
    assert.equal(again, { before: after, after })
    putBlobs(region, 1_000, 1_880)
    await region.checkpoint()
    assert.is(statSync(place.path()).size, length, 'what was given back is used again')
    checkBlobs(region, 900, 1_880)
  }))

test('the end of the file is cut when the last handle is closed; then it grows again', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    fill(region, 500)
    putBlobs(region, 0, 1_000)
    dropBlobs(region, 5, 1_000)
    const other = place.openReadOnly()
    await region.checkpoint()
    const length = statSync(place.path()).size
    await region.compact(undefined, IN_PLACE)
    region.close()
    assert.is(statSync(place.path()).size, length, 'another handle has it open')
    checkBlobs(other, 0, 5)
    other.close()
    assert.is(statSync(place.path()).size, length, 'that one was not asked to')
    await verifyFile(place.path())
    const again = place.open()
    await again.compact(undefined, IN_PLACE)
    putBlobs(again, 5, 10)
    again.close()
    const cut = statSync(place.path()).size
    assert.ok(cut < length - 900 * BLOB_BYTES, `${length} → ${cut}`)
    await verifyFile(place.path())
    const grown = place.open()
    checkBlobs(grown, 0, 10)
    check(grown, 500)
    putBlobs(grown, 10, 900)
    checkBlobs(grown, 0, 900)
    grown.close()
    await verifyFile(place.path())
    assert.is(readWreckage(place.path()).image.damagedPages.size, 0)
  }))

test('what is no longer needed is cut though nothing was written since', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    putBlobs(region, 0, 100)
    dropBlobs(region, 50, 100)
    region.close()
    const length = statSync(place.path()).size
    const again = place.open()
    await again.compact(undefined, IN_PLACE)
    again.close()
    const { size } = statSync(place.path())
    assert.ok(size < length - 40 * BLOB_BYTES, `${length} → ${size}`)
    const third = place.open()
    await third.compact(undefined, IN_PLACE)
    checkBlobs(third, 0, 50)
    third.close()
    assert.is(statSync(place.path()).size, size, 'nothing is left to be cut')
  }))

test('pages of trees, and what the file has behind the data', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  const map = region.map('numbers', t.u32, t.f64)
  region.transact(() => { for (let i = 0; i < 300_000; i++) map.set(i * 7919 % 300_000, i) })
  region.transact(() => { for (let i = 0; i < 270_000; i++) map.delete(i) })
  await region.checkpoint()
  const { before, after } = await region.compact(undefined, IN_PLACE)
  const { allocatedBytes } = region.stats()
  assert.ok(before > 3 * allocatedBytes, `${before}, ${allocatedBytes}`)
  assert.ok(after < allocatedBytes + 5 * ROUGHLY, `${after}, ${allocatedBytes}`)
  assert.is(map.size, 30_000)
  assert.is(map.get(299_999), [...map.entries({ gte: 299_999 })][0]![1])
  region.transact(() => { for (let i = 0; i < 200_000; i++) map.set(i, i) })
  assert.is(map.size, 230_000)
}))

test('a snapshot keeps what it reads, and the log stays short; then it is given back', withRegion(
  async (place) => {
    const region = place.create({ capacity: '256MiB' })
    putBlobs(region, 0, 5_000)
    await region.checkpoint()
    const other = place.openReadOnly()
    const snapshot = place.keep(other.snapshot())
    checkBlobs(snapshot, 0, 5_000)
    const unread = place.keep(other.snapshot())
    dropBlobs(region, 0, 4_500)
    const { logBytes } = region.stats()
    const pinned = await region.compact(undefined, IN_PLACE)
    assert.ok(pinned.after > 5_000 * BLOB_BYTES, `${pinned.after}`)
    assert.ok(region.stats().logBytes < logBytes + (24 << 20), `${logBytes} in the log before`)
    for (const reader of [snapshot, unread]) checkBlobs(reader, 0, 5_000)
    checkBlobs(other, 4_500, 5_000)
    snapshot.close()
    unread.close()
    const { after } = await region.compact(undefined, IN_PLACE)
    assert.ok(after < 500 * BLOB_BYTES + (2 << 20), `${after}`)
    checkBlobs(region, 4_500, 5_000)
  }))

test('a snapshot of the last commit goes on while pages are given back', withRegion(
  async (place) => {
    const region = place.create({ capacity: '64MiB' })
    putBlobs(region, 0, 500)
    dropBlobs(region, 0, 450)
    await region.checkpoint()
    const snapshot = place.keep(region.snapshot())
    await region.compact(undefined, IN_PLACE)
    checkBlobs(snapshot, 450, 500)
    putBlobs(region, 0, 450)
    await region.checkpoint()
    checkBlobs(snapshot, 450, 500)
    snapshot.close()
    await region.checkpoint()
    checkBlobs(region, 0, 500)
  }))

test('busy while somebody writes; with a path it makes no sense', withRegion(async (place) => {
  const region = place.create({ capacity: '8MiB' })
  fill(region, 200)
  const other = place.open({ timeoutMs: 50 })
  let refused: Promise<unknown> = Promise.resolve()
  other.transact(() => {
    refused = rejected('RSTORE_BUSY', region.compact(undefined, { inPlace: true, timeoutMs: 10 }))
  })
  await refused
  try {
    await region.compact(place.path('out'), IN_PLACE)
    assert.unreachable('it took a path')
  } catch (error) {
    assert.instance(error, TypeError)
  }
  check(region, 200)
}))

test('an aborted one has done a part, and the next does the rest', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  putBlobs(region, 0, 2_000)
  dropBlobs(region, 0, 1_800)
  const abort = new AbortController()
  const onProgress = (done: number): void => { if (done > 0) abort.abort(new Error('enough')) }
  try {
    await region.compact(undefined, { inPlace: true, signal: abort.signal, onProgress })
    assert.unreachable('it was not aborted')
  } catch (error) {
    assert.is((error as Error).message, 'enough')
  }
  checkBlobs(region, 1_800, 2_000)
  region.transact(() => region.map('more', t.u32, t.u32).set(1, 1))
  const { after } = await region.compact(undefined, IN_PLACE)
  assert.ok(after < 200 * BLOB_BYTES + (1 << 20), `${after}`)
  checkBlobs(region, 1_800, 2_000)
}))

test('others write and read meanwhile', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 100)
  const child = new Child<{ rounds?: number }>(
    'dist/tests/compact/reading-child.js', [place.path(), '100'])
  await child.expect()
  putBlobs(region, 0, 3_000)
  const writer = place.open()
  for (let round = 0; round < 3; round++) {
    dropBlobs(region, round * 1_000, round * 1_000 + 900)
    let writes = 0
    await region.compact(undefined, {
      inPlace: true,
      onProgress: (done) => {
        // The first time it takes more than what was cleared by then.
        const many = done > 0 && writes++ === 0 ? 800 : 10
        putBlobs(writer, 10_000, 10_000 + many)
      },
    })
    assert.ok(writes > 0)
    checkBlobs(region, 10_000, 10_800, 10_000)
    dropBlobs(writer, 10_000, 10_800)
    putBlobs(region, round * 1_000, round * 1_000 + 900)
  }
  checkBlobs(region, 0, 3_000)
  child.send({ end: true })
  assert.ok((await child.expect()).rounds! > 0)
  assert.is((await child.ended).code, 0, child.errorOutput)
}))

const disk = SmallDisk.mount(32)
test('a disk that is full when the space is wanted again: nothing is lost', withRegion(
  async (place) => {
    if (disk === null) return
    const region = place.create({ capacity: '64MiB', durability: 'sync' })
    putBlobs(region, 0, 1_000)
    dropBlobs(region, 100, 1_000)
    const { before, after } = await region.compact(undefined, IN_PLACE)
    assert.ok(after < before / 3, `${before} → ${after}`)
    const ballast = place.path('ballast')
    let kept = 0
    for (let bytes = 16 << 20; bytes >= 4096; bytes >>= 1) {
      try {
        writeFileSync(ballast, Buffer.alloc(bytes), { flag: 'a' })
        bytes <<= 1
      } catch { /* so much does not fit any more */ }
    }
    try {
      for (; kept < 900; kept += 5) putBlobs(region, 100 + kept, 105 + kept)
      assert.unreachable('the disk was not full')
    } catch (error) {
      assert.is((error as { code?: string }).code, 'RSTORE_NO_SPACE', String(error))
    }
    checkBlobs(region, 0, 100 + kept)
    rmSync(ballast)
    putBlobs(region, 100 + kept, 1_000)
    await region.checkpoint()
    checkBlobs(region, 0, 1_000)
    region.close()
    await verifyFile(place.path())
  }, () => disk?.folder ?? ''))

test('what was given back takes no room in a backup either; a file that was cut has none',
  withRegion(async (place) => {
    const region = place.create({ capacity: '64MiB' })
    putBlobs(region, 0, 1_000)
    dropBlobs(region, 50, 950)
    await region.compact(undefined, IN_PLACE)
    const copy = place.path('backup')
    const told: [number, number][] = []
    await region.backup(copy, { onProgress: (done, total) => told.push([done, total]) })
    assert.is(told.at(-1)![0], told.at(-1)![1])
    assert.ok(statSync(copy).blocks * 512 < onDisk(place) + ROUGHLY, `${statSync(copy).blocks}`)
    await verifyFile(copy)
    const backup = place.open({}, 'backup')
    checkBlobs(backup, 950, 1_000, 950)
    putBlobs(backup, 50, 950)
    checkBlobs(backup, 0, 1_000)
    const { size } = statSync(place.path())
    place.expectDamage()
    truncateSync(place.path(), size - 3_000_000)
    await rejected('RSTORE_IO', region.backup(place.path('second')))
    truncateSync(place.path(), size)
  }))

test.run()
