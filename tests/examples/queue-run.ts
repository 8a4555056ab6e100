/**
 * The queue with several processes that put and take, some of which are killed: what was put is
 * taken once at most, and nothing is left.
 */
import { readdirSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { Store } from 'rstore'
import { Queue } from '../../examples/queue/queue.js'
import { Child } from '../harness/child.js'

const MEMBER = 'dist/tests/examples/queue-member.js'

export interface QueuePlan {
  readonly requests: number
  readonly producers: number
  readonly consumers: number
  readonly batch: number
  /** A producer dies when so many of its requests are put, and a consumer after it. */
  readonly killAfter: number
}

export interface QueueResult {
  readonly put: number
  readonly taken: number
  readonly overwritten: number
  readonly seconds: number
}

/** The folder is of a store. At the end it is as after a clean close. */
export async function runQueue(dir: string, plan: QueuePlan): Promise<QueueResult> {
  const seen = new Uint8Array(plan.requests)
  const started = performance.now()
  const newConsumer = (): Child<number[]> => new Child<number[]>(MEMBER, [dir, 'consumer'])
  const consumers = Array.from({ length: plan.consumers }, newConsumer)
  const noting = consumers.map((consumer) => note(consumer, seen))
  const each = Math.floor(plan.requests / plan.producers)
  await Promise.all(Array.from({ length: plan.producers }, async (_, i) => {
    const reached = await produce(dir, i * each, each, plan.batch, i === 0 ? plan.killAfter : 0)
    if (reached === each) return
    await consumers[0]!.kill()
    consumers[0] = newConsumer()
    noting.push(note(consumers[0], seen))
    await produce(dir, i * each + reached, each - reached, plan.batch, 0)
  }))
  for (const consumer of consumers) consumer.send('no more comes')
  for (const consumer of consumers) await consumer.finish()
  await Promise.all(noting)
  const seconds = (performance.now() - started) / 1000
  return { ...await assertEmpty(dir), seconds }
}

/** How many were put, as far as it said so: all, or as many as it lived for. */
async function produce(
  dir: string, first: number, count: number, batch: number, killAfter: number,
): Promise<number> {
  const numbers = [first, count, batch].map(String)
  const producer = new Child<number>(MEMBER, [dir, 'producer', ...numbers])
  let reached = 0
  for (;;) {
    const next = await producer.next()
    if (next === undefined) break
    reached = next - first
    if (killAfter > 0 && reached >= killAfter) {
      await producer.kill()
      for (const late of producer.takeAll()) reached = late - first
      return Math.min(count, reached + batch) // it may have put some and not said so
    }
  }
  await producer.finish()
  return reached
}

async function note(consumer: Child<number[]>, seen: Uint8Array): Promise<void> {
  for (;;) {
    const taken = await consumer.next()
    if (taken === undefined) return
    for (const number of taken) assert.is(seen[number]!++, 0, `${number} was taken twice`)
  }
}

/**
 * Nothing but the ring: in the folder, in the list, and by the counts. Its number is of whichever
 * process was the first to name it, of those that made one at the same moment.
 */
async function assertEmpty(dir: string): Promise<Omit<QueueResult, 'seconds'>> {
  const store = Store.open(dir)
  assert.equal(store.list().map(({ name }) => name), ['queue'])
  const { put, taken, overwritten } = new Queue(store as never).counts()
  assert.is(taken, put)
  assert.equal((await store.verify()).problems, [])
  store.close()
  const left = readdirSync(dir).filter((name) => !name.endsWith('-wal') && !name.endsWith('-lock'))
  const files = left.map((name) => name.replace(/^\d+\.region$/, 'the ring'))
  assert.equal(files.sort(), ['catalog.region', 'store.lock', 'the ring'])
  return { put, taken: taken - overwritten, overwritten }
}
