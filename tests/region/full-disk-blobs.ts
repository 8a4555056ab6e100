/** What is written to a disk until it is full, and how a reader knows that it is right. */
import * as assert from 'uvu/assert'
import { t, type ReadOnlyRegion, type Region, type Snapshot } from '../../lib/index.js'

const BLOB_BYTES = 10_000
export const FIRST_BLOBS = 20

export type AnyRegion = Region | ReadOnlyRegion | Snapshot

export const contentOf = (key: number): Buffer => Buffer.alloc(BLOB_BYTES, 1 + key % 250)

export const blobsOf = (region: Region) => region.map('blobs', t.u32, t.bytes)
/** How many there are, with keys from 0 on. */
export const countOf = (region: Region) => region.value('count', t.u32)

/** Looks at every byte; gives the number of blobs. */
export function checkBlobs(region: AnyRegion): number {
  const reading = region as Region
  let seen = 0
  for (const [key, blob] of blobsOf(reading).entries()) {
    assert.is(key, seen++)
    assert.ok(contentOf(key).equals(blob), `blob ${key} is not as it was written`)
  }
  assert.is(seen, countOf(reading).get(), 'of one commit')
  return seen
}
