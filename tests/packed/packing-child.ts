/** Packs an atlas, maybe under a plan for the I/O seam, and says so when it is done. */
import { Region } from '../../lib/index.js'
import { Atlas, fill } from './shapes.js'

const [path] = process.argv.slice(2)
Region.pack(path!, { root: Atlas, capacity: '1MiB' }, fill(300))!.close()
process.stdout.write('{"packed":true}\n')
