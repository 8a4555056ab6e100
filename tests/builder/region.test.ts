/** Builders in region files: what they make is adopted, committed, read by others. */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FixedBuilder } from '../../lib/builder/fixed.js'
import { Region, t } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'

const test = suite('builders: regions')

const folder = temporaryDirectory()
let files = 0
const create = (capacity = '1GiB'): { path: string; region: Region } => {
  const path = join(folder, `built-${files++}.region`)
  return { path, region: Region.create(path, { capacity: capacity as '1GiB', durability: 'none' }) }
}
async function verified(region: Region): Promise<void> {
  const { ok, problems, bytes } = await region.verify()
  assert.equal(problems, [])
  assert.ok(ok)
  assert.is(bytes.leaked, 0)
}
const codeOf = (work: () => unknown): unknown => {
  try {
    work()
  } catch (error: any) {
    return error.code ?? error.constructor.name
  }
  return 'nothing thrown'
}

const COUNT = 1_000_000

test('an array is linked where it was built, adopted, and read by another handle', async () => {
  const { path, region } = create()
  const series = region.map('series', t.string, t.array(t.f64))
  region.transact(() => {
    for (const options of [{}, { capacity: COUNT }, { capacity: COUNT, io: true }]) {
      const builder = region.arrayBuilder(t.f64, options) as unknown as FixedBuilder
      for (let i = 0; i < COUNT; i++) builder.push(i / 2)
      const address = builder.firstAddress
      const ref = builder.finish()
      const inPlace = !('io' in options)
      assert.is(address, inPlace ? ref * 8 + 16 : -1)
      assert.is(builder.bytesCopied, inPlace ? 0 : COUNT * 8)
      series.set(JSON.stringify(options), ref)
      assert.is(codeOf(() => series.set('again', ref)), 'RSTORE_REF_OWNED')
    }
  })
  using other = Region.open(path, { readOnly: true })
  other.read(() => {
    for (const [, values] of other.map('series', t.string, t.array(t.f64)).entries()) {
      assert.is(values.length, COUNT)
      for (let i = 0; i < COUNT; i += 9973) assert.is(values[i], i / 2)
    }
  })
  await verified(region)
  region.close()
})

test('what nobody adopts, what is discarded, rolled back or left open leaves nothing', async () => {
  const { region } = create()
  const names = region.map('names', t.u32, t.array(t.string))
  const size = (): number => region.stats().allocatedBytes
  region.transact(() => {
    names.set(1, region.buildArray(t.string, {}, (b) => b.pushMany(['a', '', 'bc'])))
    region.buildArray(t.u8, {}, (b) => b.push(1))
    region.buildArray(t.u64, {}, (b) => b.push(1n))
  })
  const before = size()
  let left: any
  region.transact(() => {
    region.buildArray(t.u8, {}, (b) => b.pushMany(new Uint8Array(100_000)))
    left = region.arrayBuilder(t.u64)
    left.push(1n)
    assert.throws(() => region.transact(() => {
      names.set(2, region.buildArray(t.string, {}, (b) => b.push('x')))
      throw new Error('undone')
    }), 'undone')
  })
  assert.is(codeOf(() => left.push(1n)), 'RSTORE_BUILDER_CONSUMED')
  assert.throws(() => region.transact(() => {
    left = region.arrayBuilder(t.u64)
    left.push(1n)
    throw new Error('undone')
  }), 'undone')
  assert.is(codeOf(() => left.push(1n)), 'RSTORE_BUILDER_CONSUMED')
  assert.is(size(), before)
  assert.equal([...names.get(1)!], ['a', '', 'bc'])
  assert.is(names.size, 1)
  await verified(region)
  region.close()
})

test('a large capacity costs no disk, and too large a one is told', async () => {
  const { path, region } = create()
  const values = region.value('values', t.array(t.u32))
  region.transact(() => {
    const builder = region.arrayBuilder(t.u32, { capacity: 200_000_000 })
    for (let i = 0; i < 1000; i++) builder.push(i)
    values.set(builder.finish())
  })
  assert.is(values.get()!.length, 1000)
  await region.checkpoint()
  assert.ok(statSync(path).blocks * 512 < 64 * 2 ** 20)
  region.transact(() => {
    const builder = region.arrayBuilder(t.f64, { capacity: 200_000_000 })
    builder.push(1)
    assert.is(builder.finish() > 0, true)
  })
  assert.is(codeOf(() => region.arrayBuilder(t.f64, { capacity: 300_000_000 })), 'RangeError')
  await verified(region)
  region.close()
})

test('an overflow in a transaction leaves what else it did', async () => {
  const { region } = create()
  const values = region.value('values', t.array(t.i16))
  region.transact(() => {
    values.set([1, 2, 3])
    assert.is(codeOf(() => region.buildArray(t.i16, { capacity: 2 }, (b) => {
      b.pushMany([1, 2, 3])
    })), 'RSTORE_BUILDER_OVERFLOW')
    assert.is(codeOf(() => region.buildArray(t.i16, { capacity: 2, io: true }, (b) => {
      b.parseNumbers(Buffer.from('1,2,3'))
    })), 'RSTORE_BUILDER_OVERFLOW')
  })
  assert.equal([...values.get()!], [1, 2, 3])
  await verified(region)
  region.close()
})

test('a full disk is told at the end, and nothing is lost', () => {
  const program = fileURLToPath(new URL('./full-disk.js', import.meta.url))
  const { status, stderr } = spawnSync('sh', ['-c', 'ulimit -f 32768 && exec "$0" "$1" "$2"',
    process.execPath, program, join(folder, 'full.region')], { encoding: 'utf8' })
  assert.is(status, 0, stderr)
})

test('eight threads overflow at once, each at its own element', async () => {
  const url = new URL('./overflow-thread.js', import.meta.url)
  const threads = Array.from({ length: 8 }, (_, i) => new Promise<number[]>((resolve, reject) => {
    const worker = new Worker(url, { workerData: 100 + i })
    worker.once('message', resolve)
    worker.once('error', reject)
  }))
  const found = await Promise.all(threads)
  found.forEach((counts, i) => {
    assert.is(counts.length, 200)
    counts.forEach((count, round) => assert.is(count, 100 + i + round + 1))
  })
})

test.run()
