/**
 * Runs the queue: main.js [requests] [producers] [batch]. Producers are processes of their own,
 * which put `batch` requests at once; this one takes them. At the end nothing is left in the store
 * but the ring.
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

const [requests = 300, producers = 2, batch = 50] = process.argv.slice(2).map(Number)
const dir = mkdtempSync(join(tmpdir(), 'rstore-queue-'))
const store = Store.open(dir, { create: true })
const queue = new Queue(store)
const started = performance.now()

const each = Math.floor(requests / producers)
const script = fileURLToPath(new URL('producer.js', import.meta.url))
const ends = Array.from({ length: producers }, (_, i) =>
  once(fork(script, [dir, String(i * each), String(each), String(batch)]), 'exit'))
const producing = new AbortController()
const ended = Promise.all(ends).finally(() => producing.abort())

const seen = new Uint8Array(each * producers)
let taken = 0
async function takeWhatIsThere(): Promise<void> {
  for (let some = queue.takeAll(batch); some.length > 0; some = queue.takeAll(batch)) {
    for (const { number, path, sum } of some) {
      assert.equal(path, `/request/${number}`)
      assert.equal(sum, number + 3)
      assert.equal(seen[number]!++, 0)
      taken++
    }
    await new Promise(setImmediate)  // the store tidies up between turns
  }
}
for await (const _ of queue.changes(producing.signal)) await takeWhatIsThere()
await takeWhatIsThere()              // what came before anybody was told, or with the end
for (const [code] of await ended) assert.equal(code, 0)
const seconds = (performance.now() - started) / 1000
const { put, overwritten } = queue.counts()
assert.equal(put, each * producers)
assert.equal(taken + overwritten, put)

for (let tries = 0; store.list().length > 1 && tries < 1000; tries++) await setTimeout(10)
assert.deepEqual(store.list().map(({ kind }) => kind), ['live'], 'nothing leaks')
assert.deepEqual((await store.verify()).problems, [])
store.close()
assert.deepEqual(readdirSync(dir).filter((name) => name.includes('.packed')), [])
rmSync(dir, { recursive: true })
console.log(`${put} requests in ${seconds.toFixed(1)} s: ${Math.round(put / seconds)} a second, `
  + `${overwritten} overwritten`)
