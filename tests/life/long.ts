/** Lives for as long as is asked for: `node dist/tests/life/long.js [SEED] [SECONDS] [STEPS]`. */
import { randomOf } from '../fuzz/damage.js'
import { withRegion } from '../harness/with-region.js'
import { Life } from './life.js'

const [first = Date.now() % 2 ** 31, seconds = 60, steps = 25] = process.argv.slice(2).map(Number)
const end = Date.now() + seconds * 1000
let seed = first
for (; Date.now() < end; seed++) {
  await withRegion(async (place) => {
    const life = new Life(place, randomOf(seed))
    try {
      await life.run(steps)
    } catch (error) {
      console.log(`seed ${seed}: ${life.log.join(' ')}\n${(error as Error).stack}`)
      process.exitCode = 1
    }
  })().catch((error: unknown) => {
    console.log(`seed ${seed}, afterwards: ${(error as Error).stack}`)
    process.exitCode = 1
  })
}
console.log(`seeds ${first} to ${seed - 1}`)
