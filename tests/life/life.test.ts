/**
 * Whole lives of regions: random types, changes and events, against a model in plain JavaScript.
 * What is long or repeated is done with `node dist/tests/life/long.js [SEED] [SECONDS]`.
 */
import { suite } from 'uvu'
import { randomOf } from '../fuzz/damage.js'
import { withRegion } from '../harness/with-region.js'
import { printedSeed } from '../processes/random.js'
import { Life } from './life.js'

const test = suite('life')
const seed = printedSeed()

for (let i = 0; i < 10; i++) {
  test(`a life (seed ${seed + i})`, withRegion(async (place) => {
    const life = new Life(place, randomOf(seed + i))
    try {
      await life.run(25)
    } catch (error) {
      console.log(`seed ${seed + i}: ${life.log.join(' ')}`)
      throw error
    }
  }))
}

test.run()
