/**
 * Runs the queue: main.js [requests] [producers]. Producers are processes of their own; this one
 * takes the requests. At the end nothing is left in the store but the ring.
 */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Store } from 'rstore'
import { Queue } from './queue.js'

const requests = Number(process.argv[2] ?? 300)
const producers = Number(process.argv[3] ?? 2)
const dir = mkdtempSync(join(tmpdir(), 'rstore-queue-'))
const store = Store.open(dir, { create: true })
const queue = new Queue(store)
const started = performance.now()

const each = Math.floor(requests / producers)
const script = fileURLToPath(new URL('producer.js', import.meta.url))
const ends = Array.from({ length: producers }, (_, i) =>
  once(fork(script, [dir, String(i * each), String(each)]), 'exit'))
let running = true
const ended = Promise.all(ends).then((codes) => {
  running = false
  return codes
})

const seen = new Set<number>()
for (let idle = false; running || !idle; ) {
  const taken = queue.take()
  idle = taken === undefined
  if (taken === undefined) {
    await setTimeout(1)
    continue
  }
  assert.equal(taken.path, `/request/${taken.number}`)
  assert.equal(taken.sum, taken.number + 3)
  assert.ok(!seen.has(taken.number))
  seen.add(taken.number)
  if (seen.size % 16 === 0) await new Promise(setImmediate)
}
for (const [code] of await ended) assert.equal(code, 0)
const seconds = (performance.now() - started) / 1000
const { put, overwritten } = queue.counts()
assert.equal(put, each * producers)
assert.equal(seen.size + overwritten, put)

for (let tries = 0; store.list().length > 1 && tries < 1000; tries++) await setTimeout(10)
assert.deepEqual(store.list().map(({ kind }) => kind), ['live'], 'nothing leaks')
assert.deepEqual((await store.verify()).problems, [])
store.close()
assert.deepEqual(readdirSync(dir).filter((name) => name.includes('.packed')), [])
rmSync(dir, { recursive: true })
console.log(`${put} requests in ${seconds.toFixed(1)} s: ${Math.round(put / seconds)} a second, `
  + `${overwritten} overwritten`)
