/**
 * Opens, reads, writes or compacts without a pause; ends when it is told to, and says how often it
 * did.
 */
import { RStoreError, Region, t } from '../../lib/index.js'
import { heard, say } from '../harness/child.js'

const [path, what] = [process.argv[2]!, process.argv[3]!]
const turn = () => new Promise(setImmediate)
let times = 0
let over = false
const open = (): Region => Region.open(path, { durability: 'none' })

const jobs: Record<string, () => Promise<void>> = {
  async open() {
    for (; !over; times++) {
      const region = open()
      region.value('round', t.u32).get()
      region.close()
      await turn()
    }
  },
  async read() {
    const region = open()
    for (; !over; times++) {
      const snapshot = region.snapshot()
      region.value('round', t.u32).get()
      await turn()
      snapshot.value('round', t.u32).get()
      snapshot.close()
    }
    region.close()
  },
  async compact() {
    const region = open()
    for (; !over; times++) {
      try {
        await region.compact()
      } catch (error) {
        if (!(error instanceof RStoreError) || error.code !== 'RSTORE_BUSY') throw error
      }
      await turn()
    }
    region.close()
  },
  async write() {
    const region = open()
    for (; !over; times++) {
      region.transact(() => region.value(`times ${process.pid}`, t.u32).set(times + 1))
      await turn()
    }
    region.close()
  },
}

void (async () => {
  for await (const _ of heard()) over = true
})()
say({ begun: true })
await jobs[what]!()
say({ times })
process.exit(0)
