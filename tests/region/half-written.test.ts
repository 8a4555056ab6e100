/** Checkpoints that a full disk ends half way: what they leave is no damage. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Child } from '../harness/child.js'
import { withRegion } from '../harness/with-region.js'

const test = suite('half-written checkpoints')

interface Outcome { checkpoint: string; full: string; compacted: string; withRoom: string }

test('pages without their checksums are not called damaged', withRegion(async (place) => {
  const child = new Child<Outcome>('dist/tests/region/half-written-child.js', [place.path()],
    { RSTORE_TEST_ADDON: 'rstore_test.node' })
  const outcomes = await child.finish()
  assert.ok(outcomes.length > 3)
  let doubtful = 0
  for (const { checkpoint, full, compacted, withRoom } of outcomes) {
    assert.is(checkpoint, 'RSTORE_NO_SPACE')
    assert.not.match(full, /PAGE_CHECKSUM/)
    assert.is.not(compacted, 'RSTORE_CORRUPT')
    assert.is(withRoom, 'sound')
    if (full === 'RSTORE_NO_SPACE') doubtful++
  }
  assert.ok(doubtful > 0, 'some were left half way')
}))

test.run()
