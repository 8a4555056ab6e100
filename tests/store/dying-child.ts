/**
 * Names packed regions in a live region and lets go of them, until it is killed:
 * dying-child.js <folder> [durability]
 */
import { Store, type Durability } from '../../lib/index.js'
import { say } from '../harness/child.js'
import { packLink, slotsOf } from './shapes.js'

const durability = (process.argv[3] ?? 'none') as Durability
const store = Store.open(process.argv[2]!)
const region = store.region('live', { durability })
for (let i = 0; ; i++) {
  const inner = packLink(store, null, 'inner', undefined, durability)
  const name = i % 5 === 0 ? `name ${process.pid} ${i}` : null
  const outer = packLink(store, name, 'outer', inner, durability)
  inner.close()
  region.transact(() => slotsOf(region).set(i % 3, { link: outer }))
  if (i % 4 === 3) region.transact(() => { slotsOf(region).delete(i % 3) })
  outer.close()
  say(i)
  if (i % 2 === 0) await new Promise(setImmediate)
  if (i % 7 === 6) await region.checkpoint()
}
