/** Loads 64 MiB, most of which is in the file by then, and dies of SIGKILL in the middle. */
import { Region, t } from '../../lib/index.js'

const region = Region.open(process.argv[2]!, { durability: 'none' })
await region.map('blobs', t.u32, t.bytes).bulkLoad((function* () {
  for (let i = 0; i < 1024; i++) {
    if (i === 900) process.kill(process.pid, 'SIGKILL')
    yield [1000 + i, new Uint8Array(65_536).fill(i)] as const
  }
})())
