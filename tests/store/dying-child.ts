/** Names packed regions in a live region and lets go of them, until it is killed. */
import { Store } from '../../lib/index.js'
import { say } from '../harness/child.js'
import { packLink, slotsOf } from './shapes.js'

const store = Store.open(process.argv[2]!)
const region = store.region('live', { durability: 'none' })
for (let i = 0; ; i++) {
  const inner = packLink(store, null, 'inner')
  const outer = packLink(store, i % 5 === 0 ? `name ${process.pid} ${i}` : null, 'outer', inner)
  inner.close()
  region.transact(() => slotsOf(region).set(i % 3, { link: outer }))
  if (i % 4 === 3) region.transact(() => { slotsOf(region).delete(i % 3) })
  outer.close()
  say(i)
  if (i % 2 === 0) await new Promise(setImmediate)
}
