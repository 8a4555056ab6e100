/** What a worker has packed into memory goes with the worker. */
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const test = suite('packed: a terminated worker')

function memories(): number {
  const linkOf = (fd: string): string => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  }
  return readdirSync('/proc/self/fd').map(linkOf).filter((link) => link.includes('memfd')).length
}

test('memory that nobody has loaded yet', async () => {
  const before = memories()
  const worker = new Worker(new URL('terminated-worker.js', import.meta.url))
  const [message] = await once(worker, 'message')
  assert.is(message, 'packed')
  assert.is(memories(), before + 1)
  await worker.terminate()
  assert.is(memories(), before)
})

test.run()
