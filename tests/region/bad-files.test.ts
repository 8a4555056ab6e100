/** What is said of files that are no good regions, and that nothing is changed in them. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C, CheckpointSlot, Identity } from '../../formats/index.js'
import { Packed, Region, SharedVector, Store, t } from '../../lib/index.js'
import { fingerprint, patch, readBytes, slotOffsets, writeBytes } from '../harness/region-bytes.js'
import { thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('bad files')

/** A closed region with one entry. */
function madeRegion(place: Place): string {
  const region = place.create({ capacity: '1MiB' })
  const map = region.map('numbers', t.u32, t.u32)
  region.transact(() => map.set(1, 11))
  region.close()
  return region.path!
}

function isRefused(place: Place, code: string, path = place.path(), writing = code): void {
  const before = fingerprint(path)
  thrown(writing, () => Region.open(path))
  thrown(code, () => Region.open(path, { readOnly: true }))
  thrown(writing, () => Region.openOrCreate(path))
  const { [`${path}-lock`]: _, ...after } = fingerprint(path)
  const { [`${path}-lock`]: __, ...expected } = before
  assert.equal(after, expected, 'no byte of it changed')
}

const identityField =
  (offset: number, value: number) =>
  (bytes: Buffer): void =>
    void bytes.writeUInt32LE(value, offset)

test(
  'missing, and there already',
  withRegion((place) => {
    thrown('RSTORE_NOT_FOUND', () => Region.open(place.path('none')))
    thrown('RSTORE_NOT_FOUND', () => Region.open(place.path('none'), { readOnly: true }))
    thrown('RSTORE_NOT_FOUND', () => Region.create(place.path('none/deeper')))
    const path = madeRegion(place)
    const before = fingerprint(path)
    thrown('RSTORE_EXISTS', () => Region.create(path))
    assert.equal(fingerprint(path), before)
  }),
)

test(
  'a pipe that nobody writes to, which is not waited for',
  withRegion((place) => {
    const path = place.path('pipe')
    execFileSync('mkfifo', [path])
    for (const open of [
      () => Region.open(path), () => Region.open(path, { readOnly: true }),
      () => Packed.load(path), () => SharedVector.open(path, t.u32),
    ]) thrown('RSTORE_NOT_A_REGION', open)
  }),
)

test(
  'not a region: empty, short, text',
  withRegion((place) => {
    const path = place.path('other')
    for (const content of ['', 'x', 'not a region\n'.repeat(1000)]) {
      writeFileSync(path, content)
      isRefused(place, 'RSTORE_NOT_A_REGION', path)
    }
  }),
)

test(
  'a path that can be no file is not called a failure of the disk',
  withRegion((place) => {
    mkdirSync(place.path('folder'))
    symlinkSync('loop', place.path('loop'))
    for (const [name, words] of [
      ['folder', /this is a folder \(EISDIR\)/], ['loop', /lead in a circle/],
      ['x'.repeat(300), /the name is longer than the file system takes/],
    ] as const) {
      const path = place.path(name)
      for (const open of [
        () => Region.open(path), () => Region.open(path, { readOnly: true }),
        () => Packed.load(path), () => SharedVector.open(path, t.u8),
      ]) {
        assert.throws(open, words)
      }
      if (name !== 'folder') assert.throws(() => Store.open(path), words)
    }
  }),
)

test(
  'a symbolic link that leads to nothing is told',
  withRegion((place) => {
    const path = place.path('link')
    symlinkSync('absent', path)
    for (const [code, call] of [
      ['RSTORE_NOT_FOUND', () => Region.open(path)], ['RSTORE_EXISTS', () => Region.create(path)],
      ['RSTORE_NOT_FOUND', () => SharedVector.open(path, t.u8)],
      ['RSTORE_EXISTS', () => SharedVector.create(path, t.u8)],
      ['RSTORE_NOT_FOUND', () => Packed.load(path)],
      ['RSTORE_NOT_FOUND', () => Store.open(path, { create: true })],
    ] as const) assert.match(thrown(code, call).message, /symbolic link .* leads to nothing/)
  }),
)

test(
  'where a folder on the way is missing, or is a file, it is named',
  withRegion((place) => {
    writeFileSync(place.path('plain'), 'x')
    for (const [folder, words] of [
      ['plain', new RegExp(`: ${place.path('plain')} is a file, no folder \\(ENOTDIR\\)`)],
      ['absent', new RegExp(`: there is no folder ${place.path('absent')} \\(ENOENT\\)`)],
    ] as const) {
      const path = place.path(`${folder}/inside/file`)
      for (const call of [
        () => Region.open(path), () => Region.create(path), () => Region.openOrCreate(path),
        () => Packed.load(path), () => SharedVector.open(path, t.u8),
        () => SharedVector.create(path, t.u8),
      ]) {
        assert.match(thrown('RSTORE_NOT_FOUND', call).message, words)
      }
    }
    const inFile = thrown('RSTORE_NOT_FOUND', () => Store.open(place.path('plain/inside')))
    assert.match(inFile.message, /plain is a file, no folder/)
  }),
)

test(
  'a header that was cut',
  withRegion((place) => {
    const path = madeRegion(place)
    place.expectDamage()
    for (const length of [4096 * 4, 4096 * 2, 4096, 4095, 100, 7]) {
      const copy = place.path(`cut-${length}`)
      copyFileSync(path, copy)
      truncateSync(copy, length)
      const before = fingerprint(copy)
      assert.throws(
        () => Region.open(copy),
        (error: any) => ['RSTORE_NOT_A_REGION', 'RSTORE_CORRUPT', 'RSTORE_IO'].includes(error.code),
      )
      assert.is(fingerprint(copy)[copy], before[copy], `${length}: unchanged`)
    }
  }),
)

test(
  'a newer version, an older one, another kind',
  withRegion((place) => {
    const path = madeRegion(place)
    place.expectDamage()
    const original = readBytes(path, 0, Identity.bytes)
    const { formatVersion, kind } = Identity.fields
    const cases = [
      [formatVersion.offset, C.FORMAT_VERSION + 1, 'RSTORE_TOO_NEW'],
      [formatVersion.offset, 0, 'RSTORE_TOO_OLD'],
      [kind.offset, C.KIND_SHARED, 'RSTORE_WRONG_KIND'],
      [kind.offset, 77, 'RSTORE_WRONG_KIND'],
      [Identity.fields.pageBytes.offset, 8192, 'RSTORE_CORRUPT'],
      [Identity.fields.capacityBytes.offset, 12345, 'RSTORE_CORRUPT'],
      [Identity.fields.firstDataPage.offset, 3, 'RSTORE_CORRUPT'],
    ] as const
    for (const [offset, value, code] of cases) {
      patch(path, 0, Identity, identityField(offset, value))
      isRefused(place, code)
      writeBytes(path, 0, original)
    }
    patch(path, 0, Identity, identityField(kind.offset, C.KIND_PACKED))
    isRefused(place, 'RSTORE_WRONG_KIND', path, 'RSTORE_READ_ONLY')
    writeBytes(path, 0, original)
    assert.is(place.open().map('numbers', t.u32, t.u32).get(1), 11)
  }),
)

test(
  'a packed region is not opened as a live one',
  withRegion((place) => {
    const path = madeRegion(place)
    place.expectDamage()
    patch(path, 0, Identity, identityField(Identity.fields.kind.offset, C.KIND_PACKED))
    const before = fingerprint(path)
    for (const options of [{}, { readOnly: true }]) {
      assert.throws(
        () => Region.open(path, options as object),
        (error: any) => ['RSTORE_READ_ONLY', 'RSTORE_WRONG_KIND'].includes(error.code),
      )
    }
    assert.equal(fingerprint(path)[path], before[path])
  }),
)

test(
  'an identity whose checksum is wrong',
  withRegion((place) => {
    const path = madeRegion(place)
    place.expectDamage()
    writeBytes(path, Identity.fields.createdMs.offset, Buffer.from([1, 2, 3]))
    isRefused(place, 'RSTORE_CORRUPT')
  }),
)

test(
  'one checkpoint slot corrupt: the other one is used',
  withRegion((place) => {
    const path = madeRegion(place)
    for (const at of slotOffsets) {
      const whole = readBytes(path, at, CheckpointSlot.bytes)
      writeBytes(path, at + CheckpointSlot.fields.epoch.offset, Buffer.from([0xff, 0xff]))
      const region = Region.open(path, { readOnly: true })
      assert.is(region.map('numbers', t.u32, t.u32).get(1), 11)
      region.close()
      writeBytes(path, at, whole)
    }
  }),
)

test(
  'both checkpoint slots corrupt',
  withRegion((place) => {
    const path = madeRegion(place)
    place.expectDamage()
    for (const at of slotOffsets) writeBytes(path, at, Buffer.alloc(CheckpointSlot.bytes, 0xee))
    isRefused(place, 'RSTORE_CORRUPT')
  }),
)

test(
  'a file without its data',
  withRegion((place) => {
    const path = madeRegion(place)
    place.expectDamage()
    truncateSync(path, (C.CHECKSUM_PAGE + 1) * C.PAGE_BYTES)
    const before = fingerprint(path)
    assert.throws(
      () => {
        const region = place.keep(Region.open(path, { readOnly: true }))
        region.map('numbers', t.u32, t.u32).get(1)
      },
      (error: any) => ['RSTORE_IO', 'RSTORE_CORRUPT'].includes(error.code),
    )
    place.close()
    assert.is(fingerprint(path)[path], before[path])
  }),
)

test(
  'a lock file or a log that is no such thing',
  withRegion((place) => {
    const path = madeRegion(place)
    writeFileSync(`${path}-lock`, 'nonsense')
    writeFileSync(`${path}-wal`, 'nonsense')
    const region = place.open()
    const map = region.map('numbers', t.u32, t.u32)
    assert.is(map.get(1), 11)
    region.transact(() => map.set(2, 22))
    region.close()
    assert.is(place.open().map('numbers', t.u32, t.u32).get(2), 22)
  }),
)

test(
  'what is appended to a closed region does no harm',
  withRegion((place) => {
    const path = madeRegion(place)
    appendFileSync(path, Buffer.alloc(100_000, 0xaa))
    const region = place.open()
    const map = region.map('numbers', t.u32, t.u32)
    region.transact(() => {
      for (let i = 0; i < 20_000; i++) map.set(i, i)
    })
    assert.is(map.get(19_999), 19_999)
    region.close()
    rmSync(`${path}-wal`, { force: true })
  }),
)

test.run()
