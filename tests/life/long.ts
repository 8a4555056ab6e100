/**
 * `npm run life:long -- [SEED] [SECONDS] [STEPS]`: lives for as long as is asked for, each
 * of so many events; says which seeds fail, and goes on.
 */
import { withRegion } from '../harness/with-region.js'
import { live } from './live.js'

const [first = Date.now() % 2 ** 31, seconds = 60, steps = 25] = process.argv.slice(2).map(Number)
const end = Date.now() + seconds * 1000
let seed = first
let failed = 0
for (; Date.now() < end; seed++) {
  await withRegion((place) => live(place, seed, steps))().catch((error: unknown) => {
    failed++
    console.log(`seed ${seed}: ${(error as Error).stack}`)
  })
}
console.log(`seeds ${first} to ${seed - 1}, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
