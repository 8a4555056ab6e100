/** 256 MiB of what `npm run overwrite` does with 4 GiB, with limits that are as much smaller. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withRegion } from '../harness/with-region.js'
import { most, overwrite } from './overwriting.js'

const test = suite('memory')

const MIB = 2 ** 20
const TOTAL = 256 * MIB
const LOG = 16 * MIB
/** While a reader holds it back that the machine keeps waiting, the log may be longer. */
const LOG_HELD = 64 * MIB
/** Half of the data; a process of Node that does nothing has about 40 MiB of it. */
const LIMIT = 128 * MIB

test(
  'private memory is bounded, and opening takes milliseconds',
  withRegion(async (place) => {
    const result = await overwrite({
      path: place.path(),
      totalBytes: TOTAL,
      transactions: 256,
      privateBytes: 8 * MIB,
      logBytes: LOG,
    })
    console.log(result)
    assert.ok(result.rounds > 10)
    assert.ok(most(result, 'anonymousBytes') < LIMIT)
    assert.ok(most(result, 'dirtyBytes') < LIMIT + LOG_HELD)
    // The processor's time: on a busy machine the clock tells what others do.
    const sorted = [...result.openCpuMs].sort((a, b) => a - b)
    assert.ok(sorted[sorted.length >> 1]! < 20, `${sorted}`)
    assert.ok(result.logBytes <= LOG_HELD)
  }),
)

test.run()
