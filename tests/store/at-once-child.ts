/**
 * Uses a store without a pause until it is told to end: at-once-child.js <folder> make|name|look.
 * Opens and closes it each time, so that the first and the last are always others.
 */
import { rmSync } from 'node:fs'
import { RStoreError, Store, t } from '../../lib/index.js'
import { heard, say } from '../harness/child.js'
import { packLink, slotsOf } from './shapes.js'

const [dir, job] = process.argv.slice(2) as [string, 'make' | 'name' | 'look']
const live = { capacity: '1MiB', durability: 'none' } as const
let times = 0
let over = false

/** What others may have done in between is no failure. */
function unless(code: string, fn: () => void): void {
  try {
    fn()
  } catch (error) {
    if (!(error instanceof RStoreError) || error.code !== code) throw error
  }
}

const jobs: Record<typeof job, (store: Store) => void | Promise<void>> = {
  /** Regions and names that others make and drop, too. */
  make(store) {
    const region = store.region(`shared ${times % 3}`, live)
    unless('RSTORE_NOT_FOUND', () =>  // dropped since
      region.transact(() => region.value('x', t.u32).set(times)))
    if (times % 2 === 0) store.drop(`shared ${times % 3}`)
    const name = `packed ${times % 3}`
    unless('RSTORE_EXISTS', () => packLink(store, name, 'p').close())
    store.release(name)
  },
  name(store) {
    const slots = slotsOf(store.region('live', live))
    const link = packLink(store, null, 'named')
    store.region('live').transact(() => {
      slots.set(times % 5, { link })
      slots.delete((times + 1) % 5)
    })
    link.close()
  },
  async look(store) {
    const { problems } = await store.verify()
    if (problems.length > 0) throw new Error(JSON.stringify(problems))
    const copy = `${dir} copy`
    await store.backup(copy)
    rmSync(copy, { recursive: true })
  },
}

void (async () => {
  for await (const _ of heard()) over = true
})()
say('begun')
for (; !over; times++) {
  const store = Store.open(dir)
  await jobs[job](store)
  store.close()
  await new Promise(setImmediate)
}
say(times)
process.exit(0)
