/**
 * Packs an atlas, maybe under a plan for the I/O seam, and says so when it is done:
 * packing-child.js <path> <durability> [title], or with the folder of a store instead of a path.
 * With a title it replaces what is there.
 */
import { statSync } from 'node:fs'
import { Region, Store, type Durability } from '../../lib/index.js'
import { say } from '../harness/child.js'
import { Atlas, fill } from './shapes.js'

const [path, durability, title] = process.argv.slice(2)
const options = { root: Atlas, capacity: '1MiB', durability: durability as Durability } as const
if (statSync(path!, { throwIfNoEntry: false })?.isDirectory()) {
  const store = Store.open(path!)
  store.pack('atlas', options, fill(300))!
  say({ packed: true })
  store.close()
} else {
  const replace = title !== undefined
  Region.pack(path!, { ...options, replace }, fill(300, title))!.close()
  say({ packed: true })
}
