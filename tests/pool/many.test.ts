/** Very many regions: what they cost, and that nothing is left of them. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type BlockRegion } from '../../lib/index.js'
import { churn, randomNumbers } from './churn.js'
import { withPool } from './with-pool.js'

const test = suite('pool: many')

test('100,000 alive at once, freed and made in random order', withPool((pool) => {
  const { grownBytes, stats, end } = churn(pool, 100_000, 100_000)
  assert.ok(grownBytes < 2 ** 30, `${(grownBytes / 2 ** 20).toFixed(0)} MiB`)
  assert.is(stats.blocksLive, 100_000 / 32)
  assert.is(stats.blocksShared, 100_000 / 32)
  assert.equal(end, stats, 'the pool afterwards')
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
