/** Builders in region files: what they make is adopted, committed, read by others. */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FixedBuilder } from '../../lib/builder/fixed.js'
import { Pool, Region, t, type ArrayBuilder, type WritableRegion } from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { codeOf } from '../harness/types.js'

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

test('structs without fields take no room, and are counted', async () => {
  const { region } = create()
  const Empty = t.struct('Empty', {})
  const lists = region.map('lists', t.u32, t.array(Empty))
  region.transact(() => {
    for (const [key, options] of [{}, { capacity: 700 }].entries()) {
      lists.set(key, region.buildArray(Empty, options, (b) => {
        for (let i = 0; i < 700; i++) b.push({})
      }))
      assert.is(lists.get(key)!.length, 700)
    }
  })
  await verified(region)
  region.close()
})

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

const Numbers = t.array(t.u32)
const Sharing = t.struct('Sharing', {
  ref: t.optional(t.ref(() => Numbers)), pair: t.optional(t.tuple(t.ref(() => Numbers), t.u8)),
  list: t.array(t.ref(() => Numbers)), own: t.optional(Numbers), count: t.u32,
})
const built = (region: WritableRegion, length: number) =>
  region.buildArray(t.u32, {}, (b) => { for (let i = 0; i < length; i++) b.push(i) })

test('an array that is stored through a t.ref lives on as if alloc had made it', async () => {
  const { region } = create()
  const records = region.map('records', t.u32, Sharing)
  const direct = region.map('direct', t.u32, t.ref(() => Numbers))
  const before = region.stats().allocatedBytes
  const refs = region.transact(() => {
    const made = [1, 2, 3, 4, 5, 6].map((length) => built(region, length)) as any[]
    const [field, tuple, element, value, assigned, both] = made
    records.set(1, { ref: field, pair: [tuple, 1], list: [element], count: 1 })
    direct.set(1, value)
    records.set(2, { list: [], count: 2 })
    records.get(2)!.ref = assigned
    records.set(3, { ref: both, own: both, list: [], count: 3 })
    assert.is(codeOf(() => records.set(4, { own: field, list: [], count: 4 })), 'RSTORE_REF_OWNED')
    return made
  })
  const lengthsOf = (): unknown[] => [records.get(1)!.ref, records.get(1)!.pair![0],
    records.get(1)!.list.at(0), direct.get(1), records.get(2)!.ref, records.get(3)!.ref]
    .map((array) => array!.length)
  assert.equal(lengthsOf(), [1, 2, 3, 4, 5, 6])
  assert.equal([...records.get(3)!.own!], [0, 1, 2, 3, 4, 5])
  await verified(region)
  region.transact(() => {
    records.clear()
    direct.clear()
    for (const ref of refs) region.free(ref)
  })
  assert.ok(region.stats().allocatedBytes - before < 4096)
  await verified(region)
  region.close()
})

test('a t.ref that is rolled back, or could not be stored, has not taken the array', async () => {
  const { region } = create()
  const records = region.map('records', t.u32, Sharing)
  const Wrong = t.struct('Wrong', { ref: t.ref(() => Numbers), count: t.u32 })
  const wrong = region.map('wrong', t.u32, Wrong)
  region.transact(() => wrong.set(0, { ref: region.alloc(Numbers, []), count: 1 }))
  region.transact(() => {
    const [undone, refused] = [built(region, 3), built(region, 4)] as any[]
    assert.throws(() => region.transact(() => {
      records.set(1, { ref: undone, list: [], count: 1 })
      throw new Error('on purpose')
    }), /on purpose/)
    assert.is(codeOf(() => wrong.set(1, { ref: refused, count: -1 })), 'RangeError')
    assert.is(codeOf(() => region.alloc(Wrong, { ref: refused } as never)), 'TypeError')
    records.set(2, { own: undone, list: [], count: 2 })
    assert.is(records.get(2)!.own!.length, 3)
  })
  await verified(region)
  region.close()
})

test('through a t.ref in block and packed regions, too', async () => {
  const block = Pool.default.region()
  block.map('records', t.u32, Sharing).set(1, { ref: built(block, 3) as any, list: [], count: 1 })
  const sealed = block.seal()
  assert.is(sealed.map('records', t.u32, Sharing).get(1)!.ref!.length, 3)
  assert.equal((await sealed.verify()).problems, [])
  sealed.close()
  const path = join(folder, `built-${files++}.packed`)
  const packed = Region.pack(path, { root: Sharing }, (region, root) => {
    root.ref = built(region, 4) as any
    return root
  })!
  assert.is(packed.root.ref!.length, 4)
  assert.equal((await packed.verify()).problems, [])
  packed.close()
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

/** Frontier and file of a region in which the same is done again and again. */
function lengthsOf(region: Region, work: (round: number) => void): number[] {
  return Array.from({ length: 40 }, (_, round) => {
    region.transact(() => work(round))
    return region.stats().fileBytes
  })
}

for (const options of [{}, { capacity: 250_000 }, { capacity: 200_000 }]) {
  const what = JSON.stringify(options)

  test(`an array that is built anew again and again has a bound: ${what}`, async () => {
    const { region } = create()
    const value = region.value('numbers', t.array(t.f64))
    const lengths = lengthsOf(region, (round) => {
      value.set(region.buildArray(t.f64, options, (b) => {
        for (let i = 0; i < 200_000; i++) b.push(i + round)
      }))
    })
    assert.is(lengths.at(-1), lengths[8], 'eight arrays')
    region.read(() => assert.ok([...value.get()!].every((element, i) => element === i + 39)))
    await verified(region)
    region.close()
  })

  test(`what was discarded is used again, and reads as zero: ${what}`, async () => {
    const { region } = create()
    const Item = t.struct('Item', { some: t.array(t.optional(t.u32)) })
    const items = region.map('items', t.u32, Item)
    const none = { some: Array.from({ length: 50_000 }, () => undefined) }
    const lengths = lengthsOf(region, (round) => {
      using builder = region.arrayBuilder(t.f64, options)
      const push = (): void => { for (let i = 0; i < 150_000; i++) builder.push(-1) }
      if (round % 2 === 0) {
        push()
        builder.discard()
      } else {
        assert.throws(() => region.transact(() => {
          push()
          builder.discard()
          items.set(2, none)
          throw new Error('the savepoint')
        }), /the savepoint/)
      }
      items.set(1, none)
      assert.ok([...items.get(1)!.some].every((element) => element === undefined))
    })
    assert.is(lengths.at(-1), lengths[8])
    await verified(region)
    region.close()
  })
}

type Builder = ArrayBuilder<any, any>

const BUILDER_ENDS: Readonly<Record<string, (builder: Builder) => void>> = {
  'are adopted': () => {},
  'are discarded': (builder) => builder.discard(),
  'are adopted by nobody': (builder) => void builder.finish(),
  'are left open': () => {},
}

for (const [what, end] of Object.entries(BUILDER_ENDS)) {
  test(`several at once that ${what}: the file has a bound`, async () => {
    const { region } = create()
    const arrays = region.map('arrays', t.u32, t.array(t.f64))
    const lengths = lengthsOf(region, () => {
      const capacities = [undefined, 100_000, undefined]
      const builders = capacities.map((capacity) =>
        region.arrayBuilder(t.f64, capacity === undefined ? {} : { capacity }))
      for (let i = 0; i < 20_000; i++) for (const builder of builders) builder.push(i)
      builders.forEach((builder, i) => {
        if (what === 'are adopted') arrays.set(i, builder.finish())
        else end(builder)
      })
    })
    assert.is(lengths.at(-1), lengths[16])
    assert.ok(lengths.at(-1)! < 24 << 20, `${lengths.at(-1)} bytes`)
    await verified(region)
    region.close()
  })
}

test.run()
