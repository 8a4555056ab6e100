/**
 * Has a snapshot of a region of a store, and does with it what it is told:
 * snapshot-child.js <folder>
 */
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type RStoreError, Store, t, type Snapshot } from '../../lib/index.js'
import { heard, say } from '../harness/child.js'
import { Slot } from './shapes.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const store = Store.open(process.argv[2]!)
const region = store.region('live')
let snapshot: Snapshot | undefined = region.snapshot()
say('taken')

async function answer(what: string): Promise<unknown> {
  switch (what) {
    case 'read': return snapshot!.map('slots', t.u32, Slot).get(1)!.link!.title
    case 'retake':
      snapshot!.close()
      return (snapshot = region.snapshot()).epoch
    case 'verify': return (await store.verify()).problems
    case 'close': return snapshot!.close()
    case 'forget': snapshot = undefined
  }
  return null
}

for await (const what of heard()) {
  try {
    say({ answer: await answer(what) ?? null })
  } catch (error) {
    say({ code: (error as RStoreError).code, message: (error as Error).message })
  }
  while (snapshot === undefined) {
    collectGarbage()
    await pause(20)
  }
}
