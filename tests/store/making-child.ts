/** Makes live regions in a store, as others do at the same time, when it is told to. */
import { Store, t } from '../../lib/index.js'
import { heard, say } from '../harness/child.js'

const store = Store.open(process.argv[2]!)
say('ready')
for await (const _ of heard()) break
for (let i = 0; i < 20; i++) {
  const region = store.region(`made ${i}`, { durability: 'none' })
  const count = region.value('count', t.u32)
  region.transact(() => count.set((count.get() ?? 0) + 1))
}
store.close()
process.stdin.destroy()
