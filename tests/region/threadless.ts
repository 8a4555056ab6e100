/**
 * A child that gets no threads of its own: it writes more than makes a checkpoint due, waits for
 * commits, its own among them, and for the size of a vector; then it gets threads again.
 */
import { Region, SharedVector, t, type RStoreError } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { say } from '../harness/child.js'

const [path] = process.argv.slice(2) as [string]
const { testIo } = addon() as unknown as { testIo: { start(plan: string): void; stop(): void } }
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(() => 'done', (error: RStoreError) => error.code)

const region = Region.create(path, { durability: 'none', logBytes: '1MiB' })
const numbers = region.map('numbers', t.u32, t.u32)
const vector = SharedVector.create(`${path}.vector`, t.u32)
const next = (): Promise<unknown> => region.epochs()[Symbol.asyncIterator]().next()

testIo.start('fail:EAGAIN@t1+')
const watched = region.epochs()[Symbol.asyncIterator]()
const epochs = await codeOf(watched.next())
const again = await watched.next()
const wait = await codeOf(vector.waitForSize(1))
for (let i = 0; i < 20_000; i++) region.transact(() => numbers.set(i % 5000, i))
const { logBytes } = region.stats()
const { ok: sound } = await region.verify()
const written = await codeOf(region.write(() => numbers.set(2, 2)))

testIo.start('fail:EAGAIN@t2+')  // the second is that which begins anew behind a compaction
const moved = next()
await region.compact()
const moving = await codeOf(moved)
testIo.stop()
const later = next()
region.transact(() => numbers.set(1, 1))
say({
  epochs, ended: again.done, wait, logBytes, sound, written, moving, later: await codeOf(later),
})
region.close()
vector.close()
