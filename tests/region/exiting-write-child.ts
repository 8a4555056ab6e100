/** Exits while the commit of a write() is under way. */
import { Region, t } from 'rstore'

const region = Region.open(process.argv[2]!)
const map = region.map('bytes', t.u32, t.bytes)
void region.write(() => map.set(1, new Uint8Array(20 << 20).fill(1)))
setImmediate(() => process.exit(7))
