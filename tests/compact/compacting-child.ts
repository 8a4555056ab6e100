/** Compacts a region, maybe under a plan for the I/O seam, and says so when it is done. */
import { Region } from 'rstore'

const region = Region.open(process.argv[2]!)
await region.compact()
region.close()
process.stdout.write('{"compacted":true}\n')
