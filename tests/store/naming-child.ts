/** Names packed regions in a block region and waits to be killed: naming-child.js <folder> */
import { Store } from '../../lib/index.js'
import { say } from '../harness/child.js'
import { packLink, Slot } from './shapes.js'

const store = Store.open(process.argv[2]!)
const region = store.blockRegion()
const inner = packLink(store, null, 'inner')
const outer = packLink(store, null, 'outer', inner)
const byName = packLink(store, 'by name', 'third')
for (const link of [outer, byName]) region.alloc(Slot, { link })
for (const link of [inner, outer, byName]) link.close()
say(1)
setInterval(() => region.stats(), 1000)
