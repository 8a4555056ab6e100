/**
 * A child that fills a region until the seam says that the disk is full, and says how far it got.
 */
import { Region, t, type RStoreError } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { say } from '../harness/child.js'

const [, , path, plan] = process.argv as [string, string, string, string]
const { testIo } = addon() as unknown as { testIo: { start(plan: string): void; stop(): void } }
const Blob = t.struct('Blob', { data: t.bytes })
const data = new Uint8Array(100_000).fill(7)

const region = Region.create(path, { capacity: '64MiB', durability: 'none' })
const blobs = region.map('blobs', t.u32, Blob)
testIo.start(plan)
let count = 0
let code = ''
while (code === '' && count < 500) {
  try {
    region.transact(() => {
      for (let i = 0; i < 5; i++) blobs.set(count + i, { data })
    })
    count += 5
  } catch (error) {
    code = (error as RStoreError).code
  }
}
if (blobs.size !== count) throw new Error(`${blobs.size} blobs instead of ${count}`)
testIo.stop()
say({ count, code })
region.close()
