/**
 * What a large transaction adds is written to the file while it runs, and its memory used again:
 * native/src/core/tail.cc. Random lives of this over plain memory are in map/write-ahead.test.ts.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t, type ReadOnlyRegion } from '../../lib/index.js'
import { Random, printedSeed } from '../processes/random.js'
import { nextTurn, withRegion, type Place } from '../harness/with-region.js'

const test = suite('written ahead of the commit')
const seed = printedSeed()

const MIB = 2 ** 20
const BLOB = 65_536

const blobOf = (i: number): Uint8Array => new Uint8Array(BLOB).fill(i * 7 + 1)
const blobsOf = (region: Region) => region.map('blobs', t.u32, t.bytes)

/** All in one buffer: garbage is memory, too. */
function* blobs(from: number, count: number, between = (_i: number): void => {},
): Generator<[number, Uint8Array]> {
  const blob = new Uint8Array(BLOB)
  for (let i = from; i < from + count; i++) {
    between(i)
    yield [i, blob.fill(i * 7 + 1)]
  }
}

function checkBlobs(region: Region | ReadOnlyRegion, count: number): void {
  const map = (region as ReadOnlyRegion).map('blobs', t.u32, t.bytes)
  assert.is(map.size, count)
  for (let i = 0; i < count; i += 37) assert.equal(map.get(i), blobOf(i), `blob ${i}`)
}

/** Bytes of memory that are the process's alone. */
const anonymousBytes = (): number =>
  Number(/^Anonymous: +(\d+) kB/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))![1]) * 1024

/** Whether the file has anything in a stretch. */
function hasData(path: string, from: number, bytes: number): boolean {
  const fd = openSync(path, 'r')
  const buffer = new Uint8Array(bytes)
  readSync(fd, buffer, 0, bytes, from)
  closeSync(fd)
  return buffer.some((byte) => byte !== 0)
}

test('a load keeps little memory, and is in the file before the commit', withRegion(
  async (place) => {
    const region = place.create({ capacity: '1GiB' })
    await blobsOf(region).bulkLoad(blobs(0, 1))
    const reader = place.openReadOnly()
    const before = anonymousBytes()
    let most = 0
    const count = 160 * MIB / BLOB
    const loaded = await blobsOf(region).bulkLoad(blobs(1, count, (i) => {
      if (i % 64 === 0) most = Math.max(most, anonymousBytes())
      if (i === count) assert.ok(hasData(place.path(), 100 * MIB, MIB), 'written ahead')
      if (i === count) checkBlobs(reader, 1)
    }))
    assert.is(loaded, count)
    assert.ok(most - before < 80 * MIB, `${(most - before) / MIB} MiB more`)
    checkBlobs(region, count + 1)
    reader.read(() => checkBlobs(reader, count + 1))
    await region.checkpoint()
    assert.equal((await region.verify()).problems, [])
  }))

test('what is rolled back leaves zeros', withRegion(async (place) => {
  const region = place.create({ capacity: '256MiB' })
  const map = blobsOf(region)
  await map.bulkLoad(blobs(0, 5))
  const error = await map.bulkLoad(blobs(5, 500, (i) => {
    if (i === 480) throw new Error('enough')
  })).then(() => undefined, (reason: Error) => reason)
  assert.is(error?.message, 'enough')
  checkBlobs(region, 5)
  region.transact(() => map.set(5, blobOf(5)))
  assert.not.ok(hasData(place.path(), MIB, 40 * MIB), 'the next writer has cleared it')
  await map.bulkLoad(blobs(6, 300))
  checkBlobs(region, 306)
}))

test('a savepoint that is rolled back over it', withRegion(async (place) => {
  const region = place.create({ capacity: '256MiB' })
  const map = blobsOf(region)
  const counts = region.map('counts', t.u32, t.struct('Count', { n: t.f64, text: t.string }))
  region.transact(() => {
    for (let i = 0; i < 2000; i++) counts.set(i, { n: i, text: 'x'.repeat(i % 50) })
    void map.bulkLoad(blobs(0, 300))
    for (let i = 0; i < 2000; i += 3) counts.get(i)!.n = -i
    assert.throws(() => region.transact(() => {
      for (let i = 0; i < 2000; i += 5) counts.get(i)!.n = NaN
      void map.bulkLoad(blobs(300, 300))
      for (let i = 0; i < 2000; i += 5) counts.set(i, { n: 5, text: 'changed' })
      throw new Error('undone')
    }), 'undone')
    void map.bulkLoad(blobs(300, 100))
  })
  const reader = place.openReadOnly()
  checkBlobs(reader, 400)
  const read = reader.map('counts', t.u32, t.struct('Count', { n: t.f64, text: t.string }))
  for (let i = 0; i < 2000; i++) {
    const { n, text } = read.get(i)!
    assert.equal([n, text.length], [i % 3 === 0 ? -i : i, i % 50], `count ${i}`)
  }
}))

/** One map of large texts that are changed everywhere, and its model. */
class Life {
  region: Region
  model = new Map<number, string>()
  end = 0

  constructor(readonly place: Place, readonly random: Random) {
    this.region = place.create({ capacity: '1GiB', privateBytes: '8MiB' })
    this.region.transact(() => void this.map.clear())
  }

  get map() {
    return this.region.map('texts', t.u32, t.struct('Text', { text: t.string, n: t.u32 }))
  }

  private text(i: number): string {
    return String.fromCharCode(97 + i % 26).repeat(this.random.below(9000))
  }

  private load(): void {
    const first = this.end
    const texts = Array.from({ length: 500 + this.random.below(2500) }, (_, i) => this.text(i))
    this.end += texts.length
    void this.map.bulkLoad(texts.map((text, i) => [first + i, { text, n: 0 }] as const))
    texts.forEach((text, i) => this.model.set(first + i, text))
  }

  private change(): void {
    for (let n = this.random.below(300); n > 0; n--) {
      const i = this.random.below(this.end + 1)
      if (this.random.below(3) === 0) {
        this.map.delete(i)
        this.model.delete(i)
      } else if (i < this.end) {
        const text = this.text(i)
        this.map.set(i, { text, n })
        this.model.set(i, text)
      }
    }
  }

  transact(depth: number): void {
    const [model, end] = [new Map(this.model), this.end]
    const fails = this.random.below(3) === 0
    try {
      this.region.transact(() => {
        for (let n = 1 + this.random.below(3); n > 0; n--) {
          const kind = this.random.below(4)
          if (kind < 2) this.load()
          else if (kind === 2 || depth === 0) this.change()
          else this.transact(depth - 1)
        }
        if (fails) throw new RangeError('undone')
      })
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      this.model = model
      this.end = end
    }
  }

  async check(): Promise<void> {
    const other = this.place.openReadOnly()
    const map = other.map('texts', t.u32, t.struct('Text', { text: t.string, n: t.u32 }))
    assert.is(map.size, this.model.size)
    for (const [i, text] of this.model) assert.ok(map.get(i)?.text === text, `text ${i}`)
    other.close()
    if (this.random.below(3) === 0) await this.region.checkpoint()
    if (this.random.below(4) !== 0) return
    this.region.close()
    this.region = this.place.open({ privateBytes: '8MiB' })
  }
}

test('random loads, changes and savepoints, seen by another handle', withRegion(async (place) => {
  const life = new Life(place, new Random(seed))
  for (let step = 0; step < 14; step++) {
    life.transact(2)
    await life.check()
  }
}))

const Row = t.struct('Row', { numbers: t.array(t.f64) })
const NUMBERS = 200_000

/** Edits a new array, all of it, behind something else that the callback does. */
function editBehind(region: Region, row: number, first: () => void): void {
  const rows = region.map('rows', t.u32, Row)
  region.transact(() => {
    rows.set(row, { numbers: new Float64Array(NUMBERS) })
    region.editArray(rows.get(row)!.numbers, 0, NUMBERS, (elements) => {
      first()
      elements.fill(42)
    })
  })
}

test('what is edited while a load runs in the callback is not lost', withRegion(async (place) => {
  const region = place.create({ capacity: '256MiB' })
  const undo = (): void => assert.throws(() => region.transact(() => {
    throw new Error('undone')
  }), 'undone')
  let count = 0
  for (const before of [() => {}, undo, () => region.transact(undo)]) {
    editBehind(region, count, () => {
      before()
      void blobsOf(region).bulkLoad(blobs(count, 300))
    })
    const reader = place.openReadOnly()
    const { numbers } = reader.map('rows', t.u32, Row).get(count)!
    count += 300
    assert.ok([...numbers as Iterable<number>].every((n) => n === 42))
    checkBlobs(reader, count)
    reader.close()
  }
}))

/** By how much a load of so many bytes makes the memory of the process grow, at most. */
function growthOfLoad(region: Region, first: number, mebibytes: number): number {
  const before = anonymousBytes()
  let most = before
  void blobsOf(region).bulkLoad(blobs(first, mebibytes * MIB / BLOB, (i) => {
    if (i % 64 === 0) most = Math.max(most, anonymousBytes())
  }))
  return most - before
}

test('memory is used again behind an array that was edited', withRegion(async (place) => {
  const region = place.create({ capacity: '1GiB' })
  const rows = region.map('rows', t.u32, Row)
  region.transact(() => {
    rows.set(1, { numbers: new Float64Array(2) })  // so few that reading copies them
    region.editArray(rows.get(1)!.numbers, 0, 2, (elements) => elements.fill(1))
  })
  await nextTurn()
  const growth = growthOfLoad(region, 0, 160)
  assert.ok(growth < 80 * MIB, `${growth / MIB} MiB more`)
}))

test('memory is used again behind what was changed all over', withRegion(async (place) => {
  const region = place.create({ capacity: '1GiB' })
  const numbers = region.map('numbers', t.u32, t.struct('Number', { n: t.f64 }))
  const texts = region.map('texts', t.u32, t.string)
  const count = 500_000
  region.transact(() => {
    void numbers.bulkLoad(Array.from({ length: count }, (_, i) => [i, { n: i }] as const))
    for (let i = 0; i < count; i++) numbers.get(i)!.n = -i
    const text = 'x'.repeat(30_000)
    const before = anonymousBytes()
    let most = before
    void texts.bulkLoad((function* () {
      for (let i = 0; i < 5000; i++) {
        if (i % 100 === 0) most = Math.max(most, anonymousBytes())
        yield [i, text] as const
      }
    })())
    assert.ok(most - before < 100 * MIB, `${(most - before) / MIB} MiB more`)
  })
  const reader = place.openReadOnly()
  const read = reader.map('numbers', t.u32, t.struct('Number', { n: t.f64 }))
  for (let i = 1; i < count; i += 11) assert.is(read.get(i)!.n, -i)
}))

test('a process that dies in the middle of it', withRegion(async (place) => {
  const path = place.path()
  const region = place.create({ capacity: '256MiB' })
  await blobsOf(region).bulkLoad(blobs(0, 20))
  for (const isOpen of [true, false]) {
    if (!isOpen) region.close()
    const child = spawn(process.execPath,
      [fileURLToPath(new URL('write-ahead-child.js', import.meta.url)), path])
    const [, signal] = await once(child, 'close')
    assert.is(signal, 'SIGKILL')
    assert.ok(hasData(path, 30 * MIB, MIB), 'something was written')
    const next = isOpen ? region : place.open()
    next.transact(() => blobsOf(next).set(0, blobOf(0)))
    assert.not.ok(hasData(path, 3 * MIB, 60 * MIB), 'it reads as zero again')
    checkBlobs(next, 20)
  }
}))

test.run()
