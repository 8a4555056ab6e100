/** Where block regions get their memory from, and that they give it back. By address. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { C } from '../../formats/index.js'
import { t, type BlockRegion, type Pool } from '../../lib/index.js'
import { BlockSpace } from '../../lib/pool/block-space.js'
import { LARGEST_PAYLOAD_BYTES } from '../../lib/space/size-class.js'
import { thrown } from '../harness/with-region.js'
import { withPool } from './with-pool.js'

const test = suite('pool: blocks')
const Item = t.struct('Item', { id: t.u32, name: t.string })
const BLOCK_UNITS = 8192

const add = (region: BlockRegion, name = ''): number =>
  region.alloc(Item, { id: 1, name })
const blockOf = (ref: number): number => Math.floor(ref / BLOCK_UNITS)

test('a block that was freed is the next one handed out', withPool((pool) => {
  const regions = Array.from({ length: 5 }, () => pool.region())
  const blocks = regions.map((region) => blockOf(add(region)))
  assert.is(new Set(blocks).size, 5)
  for (const i of [3, 0, 4]) {
    regions[i]!.free()
    regions[i] = pool.region()
    assert.is(blockOf(add(regions[i]!)), blocks[i], 'last in, first out')
  }
  regions[1]!.free()
  regions[2]!.free()
  const [next, after] = [pool.region(), pool.region()]
  assert.is(blockOf(add(next)), blocks[2])
  assert.is(blockOf(add(after)), blocks[1])
  for (const region of [regions[0]!, regions[3]!, regions[4]!, next, after]) region.free()
}))

test('cells lie downward, one right below the other', withPool((pool) => {
  const region = pool.region()
  const first = region.alloc(t.f64, 1)
  assert.is(region.alloc(t.f64, 2), first - 3)
  assert.is(region.alloc(t.f64, 3), first - 6)
  assert.is((first + 3) % BLOCK_UNITS, 0, 'from the end of the block')
  region.free()
}))

test('a payload beyond the limit is a RangeError, whatever 32 bits make of it', withPool((pool) => {
  const space = new BlockSpace(pool.sessions.core, Infinity)
  for (const bytes of [LARGEST_PAYLOAD_BYTES + 1, 2 ** 31, 2 ** 32 + 8]) {
    assert.throws(() => space.allocate(bytes, C.TYPE_BYTES), (error: unknown) =>
      error instanceof RangeError)
  }
  space.release()
}))

test('the rest of a sealed region’s block is the next region’s', withPool((pool) => {
  const first = pool.region()
  const last = first.alloc(t.f64, 1)
  const reader = first.seal()
  const second = pool.region()
  assert.is(second.alloc(t.f64, 2), last - 3)
  assert.is(pool.stats().blocksLive, 1)
  const third = pool.region()
  assert.is.not(blockOf(third.alloc(t.f64, 3)), blockOf(last))
  reader.free()
  assert.is(pool.stats().blocksLive, 2, 'the second one is in it still')
  second.free()
  assert.is(pool.stats().blocksLive, 1)
  third.free()
}))

test('a tail goes with its block when nobody is left in it', withPool((pool) => {
  const region = pool.region()
  add(region)
  const reader = region.seal()
  assert.ok(pool.stats().tailBytes! > 65_000)
  reader.free()
  assert.is(pool.stats().tailBytes, 0)
  const next = pool.region()
  assert.is((next.alloc(t.f64, 1) + 3) % BLOCK_UNITS, 0)
  next.free()
}))

test('reused memory reads as zero where nothing was written', withPool((pool) => {
  const Wide = t.struct('Wide', { a: t.array(t.u32), b: t.optional(t.u32), c: t.u64 })
  for (let round = 0; round < 3; round++) {
    const region = pool.region()
    for (let i = 0; i < 4000; i++) {
      const view = region.deref(region.alloc(Wide, { a: [], c: 0n })) as any
      assert.is(view.a.length, 0)
      assert.is(view.b, undefined)
      if (round < 2) region.alloc(t.bytes, new Uint8Array(1 + i % 90).fill(255))
    }
    region.free()
  }
}))

test('freed cells of a region are used again', withPool((pool) => {
  const region = pool.region()
  const refs = Array.from({ length: 100 }, (_, i) => add(region, 'x'.repeat(i)))
  const { allocatedBytes } = region.stats()
  for (let round = 0; round < 20; round++) {
    for (const [i, ref] of refs.entries()) {
      region.free(ref as never)
      refs[i] = add(region, 'x'.repeat(i))
    }
  }
  assert.is(region.stats().allocatedBytes, allocatedBytes)
  assert.is(region.stats().privateBytes, 65_536)
  region.free()
}))

test('a view of a freed cell is stale, also when another one is there', withPool((pool) => {
  const region = pool.region()
  const ref = region.alloc(Item, { id: 1, name: 'a' })
  const view = region.deref(ref)
  region.free(ref)
  thrown('RSTORE_STALE_VIEW', () => view.id)
  thrown('RSTORE_DANGLING_REF', () => region.deref(ref))
  assert.is(region.alloc(Item, { id: 2, name: 'b' }), ref)
  thrown('RSTORE_STALE_VIEW', () => view.id)
  region.free()
}))

test('large objects: best fit, neighbours merged, zero again', withPool((pool) => {
  const region = pool.region()
  const size = (blocks: number): Float64Array => new Float64Array(blocks * 8192 - 100).fill(7)
  const large = (blocks: number): number => region.alloc(t.array(t.f64), size(blocks))
  const [a, b, c, d, e] = [large(2), large(4), large(1), large(3), large(1)]
  assert.is(pool.stats().largeLiveBytes, 11 * 65_536)
  for (const ref of [b, d]) region.free(ref as never)
  assert.is(pool.stats().largeFreeBytes, 7 * 65_536)
  assert.is(large(3), d, 'the smaller one fits')
  region.free(d as never)
  region.free(c as never)
  assert.is(pool.stats().largestFreeRunBytes, 8 * 65_536, 'merged')
  assert.is(pool.stats().largeFragmentation, 0)
  const builder = region.arrayBuilder(t.f64, { capacity: 8 * 8192 - 10 })
  builder.push(1)
  const array = region.deref(builder.finish()) as unknown as ArrayLike<number>
  assert.equal([array.length, array[0]], [1, 1])
  for (const ref of [a, e]) assert.is((region.deref(ref as never) as any)[5], 7)
  region.free()
  assert.is(pool.stats().largeFreeBytes, 0, 'all merged with what was never used')
}))

test('a large array is built where it stays', withPool((pool) => {
  const region = pool.region()
  const ref = region.buildArray(t.u32, { capacity: 1_000_000 }, (builder) => {
    for (let i = 0; i < 500_000; i++) builder.push(i)
    assert.is((builder as any).firstAddress > 0, true)
  })
  const array = region.deref(ref) as unknown as Uint32Array
  assert.equal([array.length, array[499_999]], [500_000, 499_999])
  assert.is(pool.stats().largeLiveBytes, Math.ceil(2_000_016 / 65_536) * 65_536)
  const lost = region.arrayBuilder(t.u32, { capacity: 1_000_000 })
  region.free()
  thrown('RSTORE_CLOSED', () => lost.push(1))
}))

test('idle memory above the watermark goes back, and all of it with trim', withPool((pool) => {
  const regions = Array.from({ length: 300 }, () => pool.region())
  for (const region of regions) add(region)
  for (const region of regions) region.free()
  assert.is(pool.stats().blocksFree, 300)
  assert.ok(pool.stats().blocksIdle! <= 16 + 64, `${pool.stats().blocksIdle} idle`)
  pool.trim()
  assert.is(pool.stats().blocksIdle, 0)
  const region = pool.region()
  assert.is(region.deref(region.alloc(Item, { id: 5, name: '' })).id, 5)
  region.free()
  assert.is(pool.stats().blocksIdle, 1)
}, { idleBytes: '1MiB' }))

test('a region that was forgotten is reclaimed, and counted', withPool(async (pool) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const before = pool.stats().regionsLeaked!
  const forget = (from: Pool): void => {
    const region = from.region()
    add(region)
    region.alloc(t.array(t.u32), new Uint32Array(100_000))
    from.region({ bound: '1KiB' })
  }
  forget(pool)
  const kept = [((): { id: number } => {
    const region = pool.region()
    return region.deref(region.alloc(Item, { id: 77, name: 'kept' }))
  })()]
  const leaked = async (count: number): Promise<void> => {
    for (let i = 0; i < 50 && pool.stats().regionsLeaked! < before + count; i++) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.is(pool.stats().regionsLeaked, before + count)
  }
  await leaked(2)
  assert.is(kept.pop()!.id, 77, 'a view holds its region')
  await leaked(3)
}))

test.run()
