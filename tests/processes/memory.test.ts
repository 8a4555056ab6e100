/** 256 MiB of what `npm run overwrite` does with 4 GiB. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withRegion } from '../harness/with-region.js'
import { overwrite } from './overwriting.js'

const test = suite('memory')

const MIB = 2 ** 20

test(
  'private memory is bounded, and opening takes milliseconds',
  withRegion(async (place) => {
    const result = await overwrite({ path: place.path(), totalBytes: 256 * MIB, transactions: 64 })
    console.log(result)
    assert.ok(result.rounds > 10)
    const { writerBytes, idleBytes, busyBytes } = result
    assert.ok(Math.max(writerBytes, idleBytes, busyBytes) < 300 * MIB)
    // The processor's time: on a busy machine the clock tells what others do.
    const sorted = [...result.openCpuMs].sort((a, b) => a - b)
    assert.ok(sorted[sorted.length >> 1]! < 100, `${sorted}`)
    assert.ok(result.logBytes <= 64 * MIB)
  }),
)

test.run()
