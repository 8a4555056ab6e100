/** Files of vectors: what bad ones get, full disks, what is left after a crash of the machine. */
import {
  closeSync, copyFileSync, existsSync, ftruncateSync, openSync, readFileSync, readSync, rmSync,
  truncateSync, writeFileSync, writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  C, Identity, VectorDescriptor, VectorHeader, VectorMarker, VectorWords,
} from '../../formats/index.js'
import { crc32c } from '../../formats/index.js'
import { Region, SharedVector, t, type RStoreError } from '../../lib/index.js'
import { addon, type Addon } from '../../lib/native/binding.js'
import { Child } from '../harness/child.js'
import { SmallDisk } from '../harness/small-disk.js'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('vector files')

const directory = temporaryDirectory()
let fileCount = 0
const fresh = (): string => join(directory, `${fileCount++}.region`)

function thrown(run: () => unknown): RStoreError {
  try {
    run()
  } catch (error) {
    return error as RStoreError
  }
  throw new Error('nothing was thrown')
}

/** A vector of f64 with these elements, closed. */
function made(...elements: number[]): string {
  const path = fresh()
  using vector = SharedVector.create(path, t.f64, { capacity: '1MiB' })
  for (const element of elements) vector.push(element)
  return path
}

/** Changes bytes of a page that ends in a checksum, and the checksum. */
function edit(path: string, page: number, change: (bytes: Buffer) => void, keep = false): void {
  const fd = openSync(path, 'r+')
  const bytes = Buffer.alloc(C.PAGE_BYTES)
  readSync(fd, bytes, 0, bytes.length, page * C.PAGE_BYTES)
  change(bytes)
  if (!keep) bytes.writeUInt32LE(crc32c(0, bytes.subarray(0, 4092)), 4092)
  writeSync(fd, bytes, 0, bytes.length, page * C.PAGE_BYTES)
  closeSync(fd)
}

const put = (field: { offset: number }, value: number) => (bytes: Buffer) => {
  bytes.writeUInt32LE(value, field.offset)
}

test('files that are no vector, or not whole, are told apart, and nothing is changed', () => {
  const region = fresh()
  Region.create(region).close()
  const text = fresh()
  writeFileSync(text, 'a letter to a friend '.repeat(500))
  const damaged = (change: (path: string) => void): string => {
    const path = made(1, 2)
    change(path)
    return path
  }
  const identity = Identity.fields
  const header = VectorHeader.fields
  const cases: [code: string, path: string][] = [
    ['RSTORE_NOT_FOUND', fresh()],
    ['RSTORE_WRONG_KIND', region],
    ['RSTORE_NOT_A_REGION', text],
    ['RSTORE_TOO_NEW', damaged((path) => edit(path, 0, put(identity.formatVersion, 99)))],
    ['RSTORE_CORRUPT', damaged((path) => edit(path, 0, put(identity.capacityBytes, 7), true))],
    ['RSTORE_CORRUPT', damaged((path) => edit(path, 1, put(header.elementBytes, 3)))],
    ['RSTORE_CORRUPT', damaged((path) => edit(path, 1, put(header.cellBytes, 8)))],
    ['RSTORE_CORRUPT', damaged((path) => edit(path, 1, put(header.type, 1), true))],
    ['RSTORE_CORRUPT', damaged((path) => truncateSync(path, 100_000))],
    ['RSTORE_CORRUPT', damaged((path) => truncateSync(path, 100))],
    ['RSTORE_NOT_A_REGION', damaged((path) => truncateSync(path, 0))],
  ]
  for (const [code, path] of cases) {
    const before = existsSync(path) ? readFileSync(path) : undefined
    const error = thrown(() => SharedVector.open(path, t.f64))
    assert.is(error.code, code, `${path}: ${error.message}`)
    if (before !== undefined) assert.ok(readFileSync(path).equals(before), 'unchanged')
  }
  assert.is(thrown(() => Region.open(made(1))).code, 'RSTORE_WRONG_KIND')
  assert.is(thrown(() => SharedVector.create(made(1), t.f64)).code, 'RSTORE_EXISTS')
})

test('another element type is refused, with both types in the message', () => {
  const path = made(1)
  const error = thrown(() => SharedVector.open(path, t.i64))
  assert.is(error.code, 'RSTORE_TYPE_MISMATCH')
  assert.equal([error.facts['expected'], error.facts['actual']], ['"i64"', '"f64"'])
  const Point = t.struct('Point', { x: t.i32, y: t.i32 })
  const points = fresh()
  SharedVector.create(points, Point).close()
  SharedVector.open(points, t.struct('Point', { x: t.i32, y: t.i32 })).close()
  const other = t.struct('Point', { x: t.i32, z: t.i32 })
  assert.is(thrown(() => SharedVector.open(points, other)).code, 'RSTORE_TYPE_MISMATCH')
})

test('words that no program of ours wrote end in RSTORE_CORRUPT, not in a wild access', () => {
  const words: [page: number, at: number, value: bigint][] = [
    [C.VECTOR_WORDS_PAGE, 0, 0xfffn],
    [C.VECTOR_FIRST_SLOT_PAGE, 0, 1n << 40n],
    [C.VECTOR_FIRST_SLOT_PAGE, 8, 9n],
    [C.VECTOR_FIRST_SLOT_PAGE, 8, (100n << 32n) + 1n],
  ]
  for (const [page, at, value] of words) {
    const path = fresh()
    SharedVector.create(path, t.u16).close()
    edit(path, page, (bytes) => { bytes.writeBigUInt64LE(value, at) }, true)
    using vector = SharedVector.open(path, t.u16)
    for (const run of [() => vector.size, () => vector.push(1), () => vector.pop()]) {
      assert.is(thrown(run).code, 'RSTORE_CORRUPT')
    }
    assert.is(vector.get(0), undefined)
  }
})

const CELLS_AT = C.VECTOR_FIRST_CELL_PAGE * C.PAGE_BYTES

test('a pop that no program of ours left pending ends in RSTORE_CORRUPT, not in a wait', () => {
  const path = made(7, 8, 9)
  const field = VectorDescriptor.fields
  const bytes = readFileSync(path)
  const words = C.VECTOR_WORDS_PAGE * C.PAGE_BYTES
  const word = bytes.readBigUInt64LE(words + VectorWords.fields.descriptor.offset)
  const index = Number(word & ((1n << BigInt(C.VECTOR_INDEX_BITS)) - 1n))
  const at = C.VECTOR_FIRST_SLOT_PAGE * C.PAGE_BYTES + index * VectorDescriptor.bytes
  bytes.writeBigUInt64LE(2n, at + field.size.offset)
  bytes.writeUInt32LE(C.VECTOR_POP, at + field.kind.offset)
  bytes.writeUInt32LE(0, at + field.count.offset)
  bytes.writeBigUInt64LE(1n, at + field.resultValue.offset)
  bytes.writeBigUInt64LE((word >> BigInt(C.VECTOR_INDEX_BITS)) * 2n, at + field.resultTag.offset)
  writeFileSync(path, bytes)
  using vector = SharedVector.open(path, t.f64)
  for (const run of [() => vector.size, () => vector.push(1), () => vector.pop()]) {
    assert.is(thrown(run).code, 'RSTORE_CORRUPT')
  }
  assert.is(vector.get(0), 7)
})

test('cells in a state that no program of ours left: RSTORE_CORRUPT, and the rest goes on', () => {
  const withTag = (index: number, tag: number): string => {
    const path = made(7, 8, 9)
    const bytes = readFileSync(path)
    bytes.writeUInt32LE(tag, CELLS_AT + index * 16 + 8)
    writeFileSync(path, bytes)
    return path
  }
  for (const tag of [4, 6]) {
    using vector = SharedVector.open(withTag(2, tag), t.f64)
    assert.is(thrown(() => vector.pop()).code, 'RSTORE_CORRUPT', `the last element has tag ${tag}`)
    assert.is(vector.size, 2)
    assert.is(vector.pop(), 8)
  }
  for (const tag of [5, 6, 7]) {
    using vector = SharedVector.open(withTag(3, tag), t.f64)
    assert.is(thrown(() => vector.push(1)).code, 'RSTORE_CORRUPT', `behind it is tag ${tag}`)
    assert.is(vector.size, 3)
    assert.is(vector.pop(), 9)
    assert.is(vector.push(10), 2)
    const rebooted = reboot(vector.path, readFileSync(vector.path))
    using found = SharedVector.open(rebooted, t.f64, { unflushed: 'accept' })
    const { size } = found
    assert.equal([found.push(1), found.push(2), found.size], [size, size + 1, size + 2])
  }
})

test('a file that somebody cuts ends in an error; the process lives', () => {
  const path = made()
  const vector = SharedVector.open(path, t.f64)
  vector.pushMany(new Float64Array(20_000).fill(1))
  truncateSync(path, C.VECTOR_FIRST_CELL_PAGE * C.PAGE_BYTES + 8192)
  assert.is(vector.get(0), 1)
  assert.is(thrown(() => {
    for (let i = 0; i < 20_000; i++) vector.get(i)
  }).code, 'RSTORE_IO')
  assert.is(thrown(() => vector.get(0)).code, 'RSTORE_IO', 'and stays so')
  assert.is(thrown(() => vector.push(1)).code, 'RSTORE_IO')
  vector.close()
  assert.is(thrown(() => SharedVector.open(path, t.f64)).code, 'RSTORE_CORRUPT')
})

test('a full disk: RSTORE_NO_SPACE, nothing lost, and on it goes when there is room', async () => {
  const disk = SmallDisk.mount(8)
  if (disk === null) return  // the next test does it through the seam
  const path = join(disk.folder, 'v.region')
  const vector = SharedVector.create(path, t.f64)
  const ballast = join(disk.folder, 'ballast')
  writeFileSync(ballast, Buffer.alloc(3 << 20))
  const error = thrown(() => {
    for (let i = 0; ; i++) vector.push(i)
  })
  assert.is(error.code, 'RSTORE_NO_SPACE')
  const { size } = vector
  assert.ok(size > 100_000)
  assert.is(thrown(() => vector.pushMany(new Float64Array(1e6))).code, 'RSTORE_NO_SPACE')
  assert.is(thrown(() => vector.reserve(1e6)).code, 'RSTORE_NO_SPACE')
  let i = 0
  for (const value of vector) assert.ok(value === i++ || i > size)
  rmSync(ballast)
  vector.push(5)
  vector.reserve(vector.size + 100_000)
  vector.close()
})

test('through the seam: growth that fails, syncs that fail', async () => {
  for (const [plan, doing, code, expected] of [
    ['fail:ENOSPC@1+', 'push', 'RSTORE_NO_SPACE', ''],
    ['fail:EDQUOT@3+', 'push', 'RSTORE_NO_SPACE', ''],
    ['fail:EIO@1+', 'push', 'RSTORE_IO', ''],
    ['fail:EIO@1', 'flush', 'RSTORE_IO', '1'],
    ['fail:EIO@2', 'flush', 'RSTORE_IO', '2'],
    ['fail:EIO@3', 'flush', 'RSTORE_IO', '2'],
    ['fail:EIO@1+', 'set', 'RSTORE_IO', '1'],
  ] as const) {
    const path = fresh()
    const child = new Child<any>('dist/tests/vector/filler.js', [path, plan, doing],
      { RSTORE_TEST_ADDON: 'rstore_test.node' })
    const [said] = await child.finish()
    assert.is(said.code, code, `${plan} ${doing}`)
    if (expected !== '') assert.is(String(said.size), expected, `${plan} ${doing}`)
    assert.is(said.last, said.size - 2, `${plan} ${doing}`)
    assert.is(said.pushed, said.size, 'goes on')
    using vector = SharedVector.open(path, t.f64)
    assert.is(vector.size, said.size + 1)
  }
})

// ── crashes of the machine: another boot id, and any mixture of old and new sectors ──

const SECTOR = 512
const sectorOf = (page: number): number => page * C.PAGE_BYTES / SECTOR

const EMPTY = Buffer.alloc(C.PAGE_BYTES)

/** Only pages that hold something: the others stay holes, as they were. */
function writeSparse(path: string, bytes: Buffer): void {
  const fd = openSync(path, 'w')
  ftruncateSync(fd, bytes.length)
  for (let at = 0; at < bytes.length; at += C.PAGE_BYTES) {
    if (bytes.compare(EMPTY, 0, C.PAGE_BYTES, at, at + C.PAGE_BYTES) === 0) continue
    writeSync(fd, bytes, at, C.PAGE_BYTES, at)
  }
  closeSync(fd)
}

/** The file as another start of the system finds it. */
function reboot(path: string, bytes: Buffer): string {
  const marker = C.VECTOR_MARKER_PAGE * C.PAGE_BYTES + VectorMarker.fields.bootId.offset
  bytes.fill(0xee, marker, marker + 16)
  const copy = `${path}.rebooted`
  writeSparse(copy, bytes)
  return copy
}

/** A random choice of sectors from two states of a file; the marker's is the later one. */
function mixture(old: Buffer, now: Buffer): Buffer {
  const mixed = Buffer.from(now)
  for (let sector = 0; sector * SECTOR < old.length; sector++) {
    if (Math.random() < 0.5 || sector === sectorOf(C.VECTOR_MARKER_PAGE)) continue
    old.copy(mixed, sector * SECTOR, sector * SECTOR, (sector + 1) * SECTOR)
  }
  return mixed
}

test('what was flushed and not changed since is found exactly as it was', async () => {
  for (const elements of [[], [1], Array.from({ length: 3000 }, (_, i) => i)]) {
    const path = made(...elements)
    using vector = SharedVector.open(path, t.f64)
    if (elements.length > 0) await vector.flush()
    using found = SharedVector.open(reboot(path, readFileSync(path)), t.f64)
    assert.equal([...found], elements)
    assert.equal(found.recovery,
      { flushedSize: elements.length, size: elements.length, flushed: true })
    assert.is(found.push(5), elements.length)
    using again = SharedVector.open(found.path, t.f64)
    assert.is(again.recovery, null)
  }
})

test('a flush beside pops: what is called flushed is there after a crash', async () => {
  const path = made()
  using vector = SharedVector.open(path, t.f64)
  let clean = 0
  // On a busy machine the pops come late nearly every time.
  for (let turn = 0; turn < 200 || (clean === 0 && turn < 3000); turn++) {
    vector.pushMany(new Float64Array(3000).fill(turn))
    await vector.flush()
    await vector.flush()
    const flushed = vector.flush()
    for (let i = 0; i < 2900; i++) vector.pop()
    await flushed
    const bytes = readFileSync(path)
    const marker = bytes.subarray(C.VECTOR_MARKER_PAGE * C.PAGE_BYTES)
    if ((marker[0]! & 3) !== C.MARK_CLEAN) continue
    clean++
    const size = Number(marker.readBigUInt64LE(VectorMarker.fields.flushedSize.offset))
    // One operation of each handle may have been under way.
    assert.ok(Math.abs(size - vector.size) <= 1, `flushed ${size}, there are ${vector.size}`)
  }
  assert.ok(clean > 0)
})

test('changes after the last flush: said so, kept, never a torn element', async () => {
  const path = made(...Array.from({ length: 2000 }, (_, i) => i))
  using vector = SharedVector.open(path, t.f64)
  await vector.flush()
  const flushed = readFileSync(path)
  for (let i = 0; i < 2000; i += 7) vector.set(i, i + 0.5)
  for (let i = 2000; i < 3000; i++) vector.push(i)
  const now = readFileSync(path)
  for (let turn = 0; turn < 10; turn++) {
    const copy = reboot(path, mixture(flushed, now))
    const bytes = readFileSync(copy)
    const error = thrown(() => SharedVector.open(copy, t.f64))
    assert.is(error.code, 'RSTORE_UNFLUSHED')
    assert.is(error.facts['flushedSize'], 2000)
    assert.ok(readFileSync(copy).equals(bytes), 'looking changes nothing')
    using found = SharedVector.open(copy, t.f64, { unflushed: 'accept' })
    const { size } = found
    assert.is(size, error.facts['foundSize'])
    assert.equal(found.recovery, { flushedSize: 2000, size, flushed: false })
    assert.ok(size >= 2000 && size <= 3000)
    const values = [...found]
    assert.is(values.length, size)
    values.forEach((value, i) => assert.ok(value === i || (i % 7 === 0 && value === i + 0.5)))
    assert.is(found.get(size), undefined)
    assert.is(found.push(-1), size)
    assert.is(found.get(size + 1), undefined)
    assert.is(found.pop(), -1)
    // It was taken as it is, and is flushed now.
    using again = SharedVector.open(reboot(copy, readFileSync(copy)), t.f64,
      { unflushed: 'accept' })
    assert.is(again.size, size)
  }
})

test('pops after the last flush, too: a run of elements, each old or new', async () => {
  const path = made(...Array.from({ length: 1000 }, (_, i) => i))
  using vector = SharedVector.open(path, t.f64)
  await vector.flush()
  const flushed = readFileSync(path)
  for (let i = 0; i < 600; i++) vector.pop()
  for (let i = 400; i < 700; i++) vector.push(i + 0.25)
  const now = readFileSync(path)
  for (let turn = 0; turn < 10; turn++) {
    const copy = reboot(path, mixture(flushed, now))
    using found = SharedVector.open(copy, t.f64, { unflushed: 'accept' })
    assert.ok(found.size >= 400 && found.size <= 1000)
    const values = [...found]
    assert.is(values.length, found.size)
    values.forEach((value, i) => assert.ok(value === i || value === i + 0.25))
    for (let i = 0; i < 700; i++) found.push(i)
    assert.is(found.size, values.length + 700)
  }
})

test('an element that was about to be popped when the machine stopped is like others', () => {
  const path = made(...Array.from({ length: 300 }, (_, i) => i))
  const bytes = readFileSync(path)
  const tagAt = (index: number): number => CELLS_AT + index * 16 + 8
  for (const index of [0, 150, 299]) bytes.writeUInt32LE(bytes[tagAt(index)]! + 2, tagAt(index))
  const copy = reboot(path, bytes)
  using found = SharedVector.open(copy, t.f64, { unflushed: 'accept' })
  assert.equal([...found], Array.from({ length: 300 }, (_, i) => i))
  for (const index of [0, 150, 299]) {
    found.set(index, -1)
    assert.ok(found.compareAndSet(index, -1, -2))
    assert.is(found.get(index), -2)
  }
  assert.is(found.pop(), -2)
  assert.is(found.push(5), 299)
})

test('the first change after a flush says DIRTY, a flush says CLEAN again', async () => {
  const path = made(1)
  const state = (): number => {
    const bytes = readFileSync(path)
    return bytes[C.VECTOR_MARKER_PAGE * C.PAGE_BYTES]! & 3
  }
  using vector = SharedVector.open(path, t.f64)
  assert.is(state(), C.MARK_DIRTY)
  await vector.flush()
  assert.is(state(), C.MARK_CLEAN)
  await vector.flush()
  assert.is(vector.get(0), 1)
  assert.is(state(), C.MARK_CLEAN, 'reading changes nothing')
  vector.set(0, 2)
  assert.is(state(), C.MARK_DIRTY)
  await Promise.all([vector.flush(), vector.flush()])
  assert.is(state(), C.MARK_CLEAN)
  const copy = fresh()
  copyFileSync(path, copy)
  using other = SharedVector.open(copy, t.f64)
  assert.equal([...other], [2])
})

test('a wait that ends when the file can be read no more is rejected, in no timer', async () => {
  const path = fresh()
  const vector = SharedVector.create(path, t.u32)
  vector.push(1)
  const wait = vector.waitForSize(2, { timeoutMs: 30 })
  truncateSync(path, C.PAGE_BYTES)
  const error: RStoreError = await wait.then(() => assert.unreachable(), (reason) => reason)
  assert.is(error.code, 'RSTORE_IO')
  vector.close()
})

test('a network file system is refused before anything is made', () => {
  const native = addon()
  const original = native.networkFileSystem
  const path = fresh()
  const answer = (value: Addon['networkFileSystem']): void => {
    native.networkFileSystem = value
  }
  SharedVector.create(path, t.u32).close()
  const folders: string[] = []
  answer((folder) => {
    folders.push(folder)
    return 'NFS'
  })
  try {
    const other = fresh()
    assert.is(thrown(() => SharedVector.create(other, t.u32)).code, 'RSTORE_NETWORK')
    assert.not(existsSync(other))
    const refused = thrown(() => SharedVector.open(path, t.u32))
    assert.is(refused.code, 'RSTORE_NETWORK')
    assert.match(refused.message, /NFS/)
    assert.equal(folders, [directory, path])
  } finally {
    answer(original)
  }
})

test.run()
