/**
 * A child that fills a disk: full-disk-writer.js PATH PLAN. Asked to add, it commits a few times,
 * says how many blobs there are then, and what it was refused with. With a plan, it is the seam
 * that refuses.
 */
import { Region, type RStoreError } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { heard, say } from '../harness/child.js'
import { FIRST_BLOBS, blobsOf, contentOf, countOf } from './full-disk-blobs.js'

const [path, plan] = process.argv.slice(2) as [string, string]
const { testIo } = addon() as unknown as { testIo: { start(plan: string): void; stop(): void } }
const region = Region.create(path, { capacity: '64MiB', durability: 'none', logBytes: '1MiB' })
const blobs = blobsOf(region)
const count = countOf(region)

function add(howMany: number): void {
  region.transact(() => {
    const from = count.get() ?? 0
    for (let key = from; key < from + howMany; key++) blobs.set(key, contentOf(key))
    count.set(from + howMany)
  })
}

/** Its code, or ''. */
function refusal(work: () => void): string {
  try {
    work()
    return ''
  } catch (error) {
    return (error as RStoreError).code
  }
}

add(FIRST_BLOBS)
say({ open: true })
for await (const { transactions, isNew, exit } of heard()) {
  if (exit) break
  if (isNew && plan !== '') testIo.start(plan)
  let code = ''
  for (let i = 0; i < transactions && code === ''; i++) code = refusal(() => add(3))
  say({ count: count.get(), code })
}
if (plan !== '') testIo.stop()
region.close()
process.exit(0)
