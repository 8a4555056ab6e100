/** Holds the lock of whoever deletes in a store, for as many milliseconds as it is told. */
import { parentPort, workerData } from 'node:worker_threads'
import { StoreFiles } from '../../lib/store/files.js'
import { DELETE_BYTE, StoreLocks } from '../../lib/store/locks.js'

const { dir, ms } = workerData as { dir: string; ms: number }
const locks = new StoreLocks(new StoreFiles(dir), false)
if (!locks.tryExclusive(DELETE_BYTE)) throw new Error('somebody else holds it')
parentPort!.postMessage('locked')
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
locks.close()
