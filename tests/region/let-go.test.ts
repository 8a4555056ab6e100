/** A file that turns out to be damaged while it is opened is let go of: descriptors and locks. */
import {
  chmodSync, closeSync, copyFileSync, openSync, readdirSync, readlinkSync, rmSync, statSync,
  writeSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { Packed, Region, t } from '../../lib/index.js'
import { Place } from '../harness/with-region.js'

const test = suite('what cannot be opened')
const Item = t.struct('Item', { name: t.string, count: t.u32 })

/** Open files below the folder. */
const openFiles = (folder: string): string[] => readdirSync('/proc/self/fd').flatMap((fd) => {
  try {
    const file = readlinkSync(`/proc/self/fd/${fd}`)
    return file.startsWith(folder) ? [file] : []
  } catch {
    return [] // the descriptor of the listing itself
  }
})

function overwrite(path: string, page: number): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, new Uint8Array(C.PAGE_BYTES), 0, C.PAGE_BYTES, page * C.PAGE_BYTES)
  closeSync(fd)
}

/** With each page of the file at `original` zero in turn; gives how often `open` threw. */
function withEachPageGone(place: Place, open: (path: string) => void): number {
  const pages = Math.ceil(statSync(place.path('original')).size / C.PAGE_BYTES)
  let failures = 0
  for (let page = 0; page < pages; page++) {
    const path = place.path(`${page}`)
    copyFileSync(place.path('original'), path)
    chmodSync(path, 0o600)
    overwrite(path, page)
    try {
      open(path)
    } catch {
      failures++
    }
    assert.equal(openFiles(place.folder), [], `page ${page}`)
    rmSync(path)
  }
  return failures
}

for (const readOnly of [false, true]) {
  test(`a live region, ${readOnly ? 'read only' : 'for writing'}`, () => {
    const place = new Place()
    const region = Region.create(place.path('original'), { capacity: '1MiB' })
    region.transact(() => region.map('items', t.string, Item).set('a', { name: 'a', count: 1 }))
    region.close()
    const open = (path: string) =>
      readOnly ? Region.open(path, { readOnly: true }) : Region.open(path)
    const failures = withEachPageGone(place, (path) => open(path).close())
    assert.ok(failures > 1, `${failures}`)
  })
}

test('a packed region, and one whose root is of another type', () => {
  const place = new Place()
  Region.pack(place.path('original'), { root: Item, capacity: '1MiB' }, (_region, root) => {
    root.name = 'a'
    return root
  })!.close()
  const Other = t.struct('Other', { a: t.f64 })
  const failures = withEachPageGone(place, (path) => Packed.load(path, { root: Other }).close())
  assert.ok(failures > 1, `${failures}`)
})

test.run()
