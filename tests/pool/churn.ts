/** Very many small regions, of which one after the other is freed and another made. */
import * as assert from 'uvu/assert'
import { t, type BlockRegion, type Pool } from '../../lib/index.js'

const Item = t.struct('Item', { id: t.u32, name: t.string })

/** Reproducible: Park and Miller. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48_271) % 0x7fff_ffff
    return state % below
  }
}

export interface Churned {
  /** Resident memory that all of them together took. */
  grownBytes: number
  /** Of the pool, with all regions alive, and after the rounds. */
  stats: Footprint
  end: Footprint
}
type Footprint = Record<'blocksLive' | 'blocksShared' | 'regionsLive', number>

function footprintOf(pool: Pool): Footprint {
  const { blocksLive, blocksShared, regionsLive } = pool.stats() as Footprint
  return { blocksLive, blocksShared, regionsLive }
}

/** `alive` regions of a few records each; `rounds` times a random one is freed and another made. */
export function churn(pool: Pool, alive: number, rounds: number): Churned {
  const random = randomNumbers(20_251_121)
  const before = process.memoryUsage.rss()
  const make = (id: number): { region: BlockRegion; first: any } => {
    const region = pool.region({ bound: '2KiB' })
    const first = region.alloc(Item, { id, name: 'a record' })
    region.alloc(Item, { id: id + 1, name: 'another' })
    return { region, first }
  }
  const regions = Array.from({ length: alive }, (_, i) => ({ id: i, ...make(i) }))
  const grownBytes = process.memoryUsage.rss() - before
  const stats = footprintOf(pool)
  for (let round = 0; round < rounds; round++) {
    const i = random(alive)
    const { id, region, first } = regions[i]!
    assert.is((region.deref(first) as { id: number }).id, id)
    region.free()
    regions[i] = { id: alive + round, ...make(alive + round) }
  }
  const end = footprintOf(pool)
  for (const { region } of regions) region.free()
  return { grownBytes, stats, end }
}
