/** The queue of packed requests, with small counts; `npm run queue:long` is a million. */
import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Store } from 'rstore'
import { Queue } from '../../examples/queue/queue.js'
import { inRoot } from '../harness/paths.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { until } from '../harness/until.js'
import { runQueue } from './queue-run.js'

const test = suite('example: queue')

test('producers in other processes, and nothing is left', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath,
    [inRoot('dist/examples/queue/main.js'), '120', '2', '7'], { encoding: 'utf8' })
  assert.is(status, 0, stderr)
  assert.match(stdout, /^120 requests in /)
})

for (const batch of [1, 20]) {
  test(`processes put and take ${batch} at once, two are killed, and nothing is left`, async () => {
    const dir = temporaryDirectory()
    Store.open(dir, { create: true }).close()
    const requests = batch * 200
    const plan = { requests, producers: 2, consumers: 2, batch, killAfter: requests / 5 }
    const { put, taken, overwritten } = await runQueue(dir, plan)
    assert.ok(put > requests - batch - 1 && put <= requests, `${put} were put`)
    assert.is(taken + overwritten, put)
  })
}

test('overwriting a slot frees what it named', async () => {
  const slotCount = 30
  const store = Store.open(temporaryDirectory(), { create: true })
  const queue = new Queue(store as never, slotCount)
  const count = slotCount + 20
  for (let number = 0; number < count; number++) {
    queue.put({ number, path: `/request/${number}`, body: [number, 1, 2] })
    if (number % 64 === 0) await new Promise(setImmediate)
  }
  assert.is(queue.counts().overwritten, 20)
  await until('what was overwritten is gone', () =>
    store.list().filter(({ kind }) => kind === 'packed').length === slotCount)
  assert.is(queue.take()!.number, 20)
  store.close()
})

test.run()
