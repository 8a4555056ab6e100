/**
 * A child whose disk is full from one operation of a checkpoint on, for each of them in turn. Says
 * what verifying, compacting and, with room again, verifying gave.
 */
import { Region, t, type RStoreError, type VerifyReport } from '../../lib/index.js'
import { addon } from '../../lib/native/binding.js'
import { say } from '../harness/child.js'

const [, , path] = process.argv as [string, string, string]
const { testIo } = addon() as unknown as {
  testIo: { start(plan: string): void; state(): { changes: number }; stop(): void }
}

const region = Region.create(path, { capacity: '1MiB' })
const map = region.map('m', t.u32, t.string)

let changes = 0

/** Every page anew. */
function change(): void {
  changes++
  region.transact(() => {
    for (let i = 0; i < 10; i++) map.set(i, String.fromCharCode(64 + changes).repeat(2000))
  })
}

const found = ({ ok, problems }: VerifyReport): string => ok ? 'sound' : JSON.stringify(problems)
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'done', ({ code }: RStoreError) => code)
const verify = (): Promise<string> =>
  region.verify().then(found, ({ code }: RStoreError) => code)

change()
await region.checkpoint()
change()
testIo.start('count')
await region.checkpoint()
const { changes: operations } = testIo.state()
testIo.stop()
for (let at = 1; at <= operations; at++) {
  change()
  testIo.start(`fail:ENOSPC@${at}+`)
  const checkpoint = await outcome(region.checkpoint())
  const full = await verify()
  const compacted = await outcome(region.compact())
  testIo.stop()
  change()  // whoever writes sets right what a failed sync may have lost
  const withRoom = await verify()
  say({ checkpoint, full, compacted, withRoom })
  await outcome(region.checkpoint())
}
region.close()
