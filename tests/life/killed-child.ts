/** Opens a region, begins to drop everything in it, says so, and waits to be killed. */
import { Region } from '../../lib/index.js'
import { say } from '../harness/child.js'

const region = Region.open(process.argv[2]!, { durability: 'none' })
region.transact(() => {
  for (const { name } of region.names()) region.dropMap(name)
  say('dropped')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})
