/** One life from a seed; of three, one is in a store. */
import { randomOf } from '../fuzz/damage.js'
import type { Place } from '../harness/with-region.js'
import { Life } from './life.js'
import { StoreLife } from './store-life.js'

/** What is thrown says what was done before. */
export async function live(place: Place, seed: number, steps: number): Promise<void> {
  const life = new (seed % 3 === 0 ? StoreLife : Life)(place, randomOf(seed))
  try {
    await life.run(steps)
  } catch (error) {
    console.log(`seed ${seed}: ${life.log.join(' ')}`)
    throw error
  }
}
