/**
 * A child that stays inside of one read() until it is told to go on, without letting its turn end.
 */
import { readSync } from 'node:fs'
import { Region, t } from '../../lib/index.js'
import { say } from '../harness/child.js'

const Item = t.struct('Item', { count: t.u32, data: t.bytes, numbers: t.array(t.f64) })
const region = Region.open(process.argv[2]!, { readOnly: true })
const items = region.map('items', t.u32, Item)
region.read(() => {
  say({ reading: true })
  readSync(0, Buffer.alloc(1))
  let sum = 0
  for (const item of items.values()) sum += item.count
  say({ sum })
})
region.close()
process.exit(0)
