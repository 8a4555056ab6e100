/** A child that fills a vector while the seam says that the disk is full: how far did it get? */
import { SharedVector, t, type RStoreError } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { say } from '../harness/child.js'

const [path, plan, doing] = process.argv.slice(2) as [string, string, string]
const { testIo } = addon() as unknown as { testIo: { start(plan: string): void; stop(): void } }

const vector = SharedVector.create(path, t.f64)
vector.push(-1)
await vector.flush()
testIo.start(plan)
let code = ''
try {
  if (doing === 'set') {
    // What a failed flush leaves behind must not let a change pass that was not preceded by a sync.
    for (const change of [async () => vector.set(0, -1), () => vector.flush()]) {
      try {
        await change()
        throw new Error('a sync failed, and nobody said so')
      } catch (error) {
        if ((error as RStoreError).code !== 'RSTORE_IO') throw error
      }
    }
    vector.set(0, -1)
  } else if (doing === 'flush') {
    vector.push(0)
    await vector.flush()
  } else {
    for (let i = 0; i < 100_000; i++) vector.push(i)
  }
} catch (error) {
  code = (error as RStoreError).code
}
testIo.stop()
const { size } = vector
const last = vector.get(size - 1)
const pushed = vector.push(7)
await vector.flush()
say({ code, size, last, pushed })
vector.close()
