/**
 * Whole lives of regions: random types, changes and events, against a model in plain JavaScript.
 * More of them: `npm run life:long -- [SEED] [SECONDS] [STEPS]`.
 */
import { suite } from 'uvu'
import { withRegion } from '../harness/with-region.js'
import { printedSeed } from '../processes/random.js'
import { live } from './live.js'

const test = suite('life')
const seed = printedSeed()
const LIVES = 12
const STEPS = 20
/** None begins later than this. */
const MOST_MS = 10_000
const begun = Date.now()

for (let i = 0; i < LIVES; i++) {
  test(`a life (RSTORE_TEST_SEED=${seed + i})`, withRegion(async (place) => {
    if (i < 2 || Date.now() - begun < MOST_MS) await live(place, seed + i, STEPS)
  }))
}

test.run()
