/**
 * A child that reads pages of which the file is the first to ask the disk for room: holes in a file
 * system in memory. full-disk-holes.js FOLDER. The region's blobs are zeros, and whoever copied it
 * left those out.
 */
import {
  closeSync, ftruncateSync, openSync, readFileSync, rmSync, statSync, writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { C } from '../../formats/index.js'
import { Region, t, type RStoreError } from '../../lib/index.js'
import { say } from '../harness/child.js'

const [folder] = process.argv.slice(2) as [string]
const path = join(folder, 'holes.region')
const ballast = join(folder, 'ballast')
const COUNT = 20
const BLOB_BYTES = 100_000

function makeRegion(): void {
  const made = Region.create(`${path}.made`, { capacity: '8MiB', durability: 'none' })
  const blobs = made.map('blobs', t.u32, t.bytes)
  made.transact(() => {
    for (let key = 0; key < COUNT; key++) blobs.set(key, new Uint8Array(BLOB_BYTES))
  })
  made.close()
}

function copyWithHoles(): void {
  const bytes = readFileSync(`${path}.made`)
  const empty = Buffer.alloc(C.PAGE_BYTES)
  const fd = openSync(path, 'w')
  ftruncateSync(fd, bytes.length)
  for (let at = 0; at < bytes.length; at += C.PAGE_BYTES) {
    const page = bytes.subarray(at, at + C.PAGE_BYTES)
    if (!page.equals(empty.subarray(0, page.length))) writeSync(fd, page, 0, page.length, at)
  }
  closeSync(fd)
  rmSync(`${path}.made`)
}

function fillDisk(): void {
  const fd = openSync(ballast, 'w')
  try {
    for (const chunk = Buffer.alloc(C.PAGE_BYTES);;) writeSync(fd, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(fd)
  }
}

makeRegion()
copyWithHoles()
const { blocks, size } = statSync(path)
const region = Region.open(path, { readOnly: true })
const blobs = region.map('blobs', t.u32, t.bytes)

/** How many blobs are wrong, or the code of what it was refused with. */
function look(): string {
  try {
    const wrong = region.read(() => [...blobs.values()].filter((blob) =>
      blob.length !== BLOB_BYTES || blob.some((byte) => byte !== 0)))
    return `${wrong.length} wrong`
  } catch (error) {
    return (error as RStoreError).code
  }
}

if (process.argv[3] === 'fill') fillDisk()
const full = [look(), look()]
rmSync(ballast, { force: true })
say({ hasHoles: blocks * 512 < size / 2, full, withRoom: [look(), look()] })
region.close()
