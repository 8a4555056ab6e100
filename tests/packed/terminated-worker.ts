/** Packs into memory, and is terminated before it has loaded that. */
import { parentPort } from 'node:worker_threads'
import { Packed, Region, t } from '../../lib/index.js'

Packed.attach = () => {
  parentPort!.postMessage('packed')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  throw new Error('terminated')
}
Region.pack(null, { root: t.string }, () => 'text')
