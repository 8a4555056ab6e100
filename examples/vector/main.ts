/** The README's program with a shared vector: two threads push, this one waits and adds up. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { SharedVector, t } from 'rstore'

const folder = mkdtempSync(join(tmpdir(), 'rstore-vector-'))
const path = join(folder, 'samples.vector')

// README: begin
const samples = SharedVector.create(path, t.f64)
const workers = [1, 2].map((value) =>          // each opens it for itself and pushes 1,000 numbers
  new Worker(new URL('worker.js', import.meta.url), { workerData: { path, value } }))
await samples.waitForSize(2_000)

let sum = 0
for (let i = 0; i < samples.size; i++) sum += samples.get(i)!
await samples.flush()                          // from here on it survives the machine, too
// README: end

assert.equal(sum, 3_000)
await Promise.all(workers.map((worker) => worker.terminate()))
samples.close()
rmSync(folder, { recursive: true })
