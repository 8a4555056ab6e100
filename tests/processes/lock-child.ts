/**
 * A child that waits for the write lock: lock-child.js PATH [worker], in its main thread or in a
 * worker. It says which thread waits, and when it got the lock.
 */
import { Worker, isMainThread, workerData } from 'node:worker_threads'
import { fileURLToPath } from 'node:url'
import { Region, t } from '../../lib/index.js'
import { say } from '../harness/child.js'
import { machineMs } from './clocks.js'
import { ownThread, sleepsOf } from './threads.js'

function waitForLock(path: string): void {
  const region = Region.open(path, { durability: 'none' })
  const numbers = region.map('numbers', t.u32, t.u32)
  const thread = ownThread()
  say({ thread })
  region.transact(() => {
    say({
      at: machineMs(), sleeps: sleepsOf(process.pid, thread), sees: numbers.has(1_000_000),
    })
  }, { timeoutMs: 20_000 })
  region.close()
}

if (!isMainThread) waitForLock((workerData as { path: string }).path)
else if (process.argv[3] === undefined) waitForLock(process.argv[2]!)
else new Worker(fileURLToPath(import.meta.url), { workerData: { path: process.argv[2] } })
