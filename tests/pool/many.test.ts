/** Very many regions: what they cost, and that nothing is left of them. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type BlockRegion } from '../../lib/index.js'
import { withPool } from './with-pool.js'

const test = suite('pool: many')
const Item = t.struct('Item', { id: t.u32, name: t.string })
const ALIVE = 100_000
const CHURNING = 10_000
const ROUNDS = 1_000_000

/** Reproducible: Park and Miller. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48_271) % 0x7fff_ffff
    return state % below
  }
}

test('100,000 alive at once, then a million rounds', withPool((pool) => {
  const random = randomNumbers(20_251_121)
  const before = process.memoryUsage()
  const make = (id: number): BlockRegion => {
    const region = pool.region({ bound: '2KiB' })
    region.alloc(Item, { id, name: 'a record' })
    region.alloc(Item, { id: id + 1, name: 'another' })
    return region
  }
  const regions = Array.from({ length: ALIVE }, (_, i) => make(i))
  const grown = process.memoryUsage.rss() - before.rss
  assert.ok(grown < 2 ** 30, `${(grown / 2 ** 20).toFixed(0)} MiB`)
  assert.is(pool.stats().blocksLive, ALIVE / 32)
  assert.is(pool.stats().blocksShared, ALIVE / 32)
  for (const region of regions.splice(CHURNING)) region.free()
  const { blocksLive } = pool.stats()
  assert.is(blocksLive, Math.ceil(CHURNING / 32))
  for (let round = 0; round < ROUNDS; round++) {
    const i = random(CHURNING)
    regions[i]!.free()
    regions[i] = make(round)
  }
  assert.is(pool.stats().blocksLive, blocksLive, 'blocks after a million rounds')
  assert.is(pool.stats().regionsLive, CHURNING)
  for (const region of regions) region.free()
}))

test('regions of all sizes in random order', withPool((pool) => {
  const random = randomNumbers(7)
  const alive: { region: BlockRegion; refs: number[] }[] = []
  let most = 0
  for (let round = 0; round < 20_000; round++) {
    if (alive.length < 200 && random(5) < 3) {
      const bounded = random(2) === 0
      const region = bounded ? pool.region({ bound: 300 << random(8) }) : pool.region()
      const refs: number[] = []
      const count = random(bounded ? 4 : 60)
      for (let i = 0; i < count; i++) {
        const large = !bounded && random(40) === 0
        refs.push(large ? region.alloc(t.bytes, new Uint8Array(1 + random(200_000)).fill(i))
          : region.alloc(t.string, 'x'.repeat(random(40))))
      }
      alive.push({ region, refs })
      if (!bounded && random(3) === 0) region.seal()
    } else if (alive.length > 0) {
      const [{ region, refs }] = alive.splice(random(alive.length), 1) as [typeof alive[0]]
      for (const ref of refs) assert.ok((region.deref(ref as never) as any).length >= 0)
      region.free()
    }
    most = Math.max(most, pool.stats().blocksLive!)
  }
  assert.ok(most < 260, `${most} blocks`)
  assert.is(pool.stats().regionsLive, alive.length)
  for (const { region } of alive) region.free()
}))

test.run()
