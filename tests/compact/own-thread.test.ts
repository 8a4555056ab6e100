/**
 * What a compaction does under the write lock is done on its handles' own threads, whatever else
 * the process does: while Node's pool was busy, everybody's writers waited for it. And these
 * threads end with whoever began them.
 */
import { readdirSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Region } from '../../lib/index.js'
import { withBusyPool } from '../harness/busy-pool.js'
import { Child } from '../harness/child.js'
import { inRoot } from '../harness/paths.js'
import { nextTurn, wait } from '../harness/until.js'
import { rejected, withRegion } from '../harness/with-region.js'
import { check, fill } from './shapes.js'

const test = suite('compact: its threads')
const IN_PLACE = { inPlace: true }
const CHILD = 'dist/tests/compact/checking-child.js'
const BLOB_BYTES = 1 << 20

/** So much that comparing its pages with their checksums takes longer than a turn. */
async function fillMuch(region: Region): Promise<void> {
  fill(region, 500)
  const blobs = region.map('blobs', t.u32, t.bytes)
  for (let i = 0; i < 64; i++) {
    region.transact(() => blobs.set(i, new Uint8Array(BLOB_BYTES).fill(i + 1)))
  }
  await region.checkpoint()
}

const write = (region: Region, key: number): Promise<string> =>
  region.write(() => region.map('more', t.u32, t.u32).set(key, key)).then(() => 'written')

test('a copy is made while the pool of threads is busy with other work', withRegion((place) =>
  withBusyPool(place.path('pipe'), async () => {
    const region = place.create({ capacity: '64MiB' })
    fill(region, 500)
    const compacted = region.compact().then(() => 'compacted')
    assert.is(await Promise.race([compacted, wait(5_000)]), 'compacted')
    check(region, 500)
  })))

test('in place, the write lock is given back while it is busy', withRegion(async (place) => {
  const region = place.create({ capacity: '64MiB' })
  fill(region, 500)
  let compacting!: Promise<unknown>
  await withBusyPool(place.path('pipe'), async () => {
    compacting = region.compact(undefined, IN_PLACE)
    assert.is(await Promise.race([write(place.open(), 1), wait(5_000)]), 'written')
  })
  await compacting
  check(region, 500)
}))

test('closing the region ends checks of its pages', withRegion(async (place) => {
  const region = place.create({ capacity: '128MiB' })
  await fillMuch(region)
  const closed = rejected('RSTORE_CLOSED', region.verify())
  const behind = rejected('RSTORE_CLOSED', region.verify())
  await nextTurn()
  region.close()
  await closed
  await behind
}))

test('many that verify() at once have no threads of their own', withRegion(async (place) => {
  const threads = (): number => readdirSync('/proc/self/task').length
  const regions = Array.from({ length: 20 }, (_, i) => {
    const region = place.create({ capacity: '16MiB' }, `${i}.region`)
    fill(region, 20)
    return region
  })
  const before = threads()
  const reports = await Promise.all(regions.map((region) => region.verify()))
  assert.ok(reports.every(({ ok }) => ok))
  assert.ok(threads() <= before + 4, `${threads()} threads, ${before} before`)
}))

test('a signal that aborts, and an onProgress that throws, end the check', withRegion(
  async (place) => {
    const region = place.create({ capacity: '128MiB' })
    await fillMuch(region)
    const { native } = region.session.view
    const cancel = native.cancelPageCheck.bind(native)
    let cancelled = 0
    Object.defineProperty(native, 'cancelPageCheck', {
      value: () => {
        cancelled++
        cancel()
      },
    })
    for (const options of [{}, IN_PLACE]) {
      const aborter = new AbortController()
      const compacted = region.compact(undefined, { ...options, signal: aborter.signal })
      aborter.abort(new Error('enough'))
      await compacted.then(() => assert.unreachable(), ({ message }) =>
        assert.is(message, 'enough'))
    }
    cancelled = 0
    const verified = region.verify({ onProgress: () => { throw new Error('no more') } })
    await verified.then(() => assert.unreachable(), ({ message }) =>
      assert.is(message, 'no more'))
    assert.is(cancelled, 1)
    check(region, 500)
  },
))

test('a process that exits amid the check of pages holds nothing up', withRegion(async (place) => {
  const region = place.create({ capacity: '128MiB' })
  await fillMuch(region)
  for (const way of ['compact', 'in place', 'verify']) {
    const child = new Child(CHILD, [place.path(), way])
    assert.equal(await child.ended, { code: 7, signal: null }, child.errorOutput)
    region.transact(() => region.map('more', t.u32, t.u32).set(1, 1), { timeoutMs: 1_000 })
  }
  check(region, 500)
}))

test('neither does a worker that is terminated amid it', withRegion(async (place) => {
  const region = place.create({ capacity: '128MiB' })
  await fillMuch(region)
  for (const way of ['compact', 'in place', 'verify']) {
    for (let round = 0; round < 5; round++) {
      const workerData = { path: place.path(), way }
      const worker = new Worker(inRoot(CHILD), { workerData })
      await new Promise((resolve) => worker.once('message', resolve))
      await wait(2 * round)
      await worker.terminate()
      region.transact(() => region.map('more', t.u32, t.u32).set(1, 1), { timeoutMs: 1_000 })
    }
  }
  assert.is(region.readers().length, 1)
  check(region, 500)
}))

test.run()
