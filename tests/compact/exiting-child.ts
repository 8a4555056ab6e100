/** Exits amid a compaction, into the file of argument 3 where there is one. */
import { Region } from 'rstore'

const [, , path, to] = process.argv
await Region.open(path!).compact(to, { onProgress: () => process.exit(7) })
