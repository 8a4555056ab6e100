/**
 * Objects of all sizes, those on both sides of every bound of the allocation too, are allocated,
 * overwritten and freed in random order, by ref and in a map, in blocks that were never used.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Pool, t, type BlockRegion, type Ref } from '../../lib/index.js'
import { BLOCK_UNITS } from '../../lib/pool/area.js'
import { LARGE_UNITS } from '../../lib/pool/span-space.js'
import { printedSeed } from '../processes/random.js'
import { randomNumbers } from './churn.js'
import { assertAllBack } from './with-pool.js'

const test = suite('pool: sizes')
const seed = printedSeed()
const Item = t.struct('Item', { bytes: t.bytes, list: t.array(t.f64) })

/** Bytes of cells at which something else begins: lists of free cells, pages, large objects. */
const BOUNDS = [3, 63, 64, 512, LARGE_UNITS / 2, LARGE_UNITS, BLOCK_UNITS, 2 * BLOCK_UNITS]
  .map((units) => units * 8)

const bytesOf = (length: number, value: number): Uint8Array =>
  new Uint8Array(length).fill(value & 0xff)

/** What a region holds, and what it should hold. */
class Model {
  readonly refs: { ref: Ref<Uint8Array>; bytes: Uint8Array }[] = []
  readonly items = new Map<number, { bytes: Uint8Array; list: number[] }>()
  private readonly map

  constructor(readonly region: BlockRegion, private readonly random: (below: number) => number) {
    this.map = region.map('items', t.u32, Item)
  }

  private length(): number {
    const { random } = this
    if (random(3) === 0) return random(200)
    if (random(3) === 0) return random(3 * BLOCK_UNITS * 8)
    return Math.max(0, BOUNDS[random(BOUNDS.length)]! - 40 + random(60))
  }

  step(): void {
    const { map, random, refs, region } = this
    const value = random(256)
    const which = random(6)
    if (which < 2) {
      const bytes = bytesOf(this.length(), value)
      refs.push({ ref: region.alloc(t.bytes, bytes), bytes })
    } else if (which < 4) {
      if (refs.length === 0) return
      region.free(refs.splice(random(refs.length), 1)[0]!.ref)
    } else if (which === 4) {
      const list = Array.from({ length: Math.floor(this.length() / 8) }, () => value)
      const item = { bytes: bytesOf(this.length(), value), list }
      const key = random(8)
      map.set(key, item)
      this.items.set(key, item)
    } else {
      const key = random(8)
      assert.is(map.delete(key), this.items.delete(key))
    }
  }

  async check(): Promise<void> {
    const { region } = this
    for (const { ref, bytes } of this.refs) {
      assert.ok(Buffer.from(region.deref(ref)).equals(bytes), `ref ${ref}`)
    }
    for (const [key, { bytes, list }] of this.items) {
      const item = this.map.get(key)!
      assert.ok(Buffer.from(item.bytes).equals(bytes), `key ${key}`)
      assert.equal([...item.list], list)
    }
    const { problems, bytes } = await region.verify()
    assert.equal(problems, [])
    assert.equal([bytes.leaked, bytes.unknown], [0, 0])
  }
}

test('allocated, overwritten and freed in random order', async () => {
  for (let round = 0; round < 8; round++) {
    const random = randomNumbers(1 + (seed + round) % 1_000_000)
    const pool = new Pool()
    const model = new Model(pool.region(), random)
    for (let i = 1; i <= 120; i++) {
      model.step()
      if (i % 40 === 0) await model.check()
    }
    model.region.free()
    assertAllBack(pool)
  }
})

test('an object at the bound goes back to where it is from', () => {
  for (const units of [LARGE_UNITS, LARGE_UNITS + 1, BLOCK_UNITS - 100]) {
    const pool = new Pool()
    const region = pool.region()
    region.alloc(t.array(t.u8), [1])
    const ref = region.alloc(t.bytes, bytesOf(units * 8 - 16, 7))
    const isRun = units > LARGE_UNITS
    assert.is(pool.stats().largeLiveBytes, isRun ? BLOCK_UNITS * 8 : 0, `${units}`)
    region.free(ref)
    assert.is(pool.stats().largeLiveBytes, 0)
    region.free()
    assertAllBack(pool)
  }
})

test.run()
