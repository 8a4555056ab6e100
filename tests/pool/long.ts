/**
 * 100,000 regions alive at once, each with a few records; a million times a random one is freed and
 * another made: `npm run pool:long`. The tests do the same with fewer rounds.
 */
import * as assert from 'uvu/assert'
import { Pool } from '../../lib/index.js'
import { churn } from './churn.js'

const start = performance.now()
const pool = Pool.default
const { grownBytes, stats, end } = churn(pool, 100_000, 1_000_000)
const seconds = (performance.now() - start) / 1000
const grownMiB = (grownBytes / 2 ** 20).toFixed(0)
console.log(`100,000 regions: ${grownMiB} MiB, ${stats.blocksLive} blocks; `
  + `after a million rounds ${end.blocksLive} (${seconds.toFixed(0)} s)`)
assert.ok(grownBytes < 2 ** 30)
assert.equal(end, stats)
assert.is(pool.stats().regionsLive, 0)
assert.is(pool.stats().blocksLive, 0)
