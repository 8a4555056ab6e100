/** A disk that takes its time: whoever waits for it by a promise keeps nobody else waiting. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Child } from '../harness/child.js'
import { verifyFile, withRegion } from '../harness/with-region.js'

const test = suite('slow syncs')

interface Told {
  work: string
  ticks: number[]
}

test(
  'timers tick during each sync of a promise\'s work, and of a checkpoint that nobody asked for',
  withRegion(async (place) => {
    const child = new Child<Told>('dist/tests/region/slow-syncs-child.js', [place.path()],
      { RSTORE_TEST_ADDON: 'rstore_test.node' })
    const told = await child.finish()
    assert.is(told.length, 8)
    for (const { work, ticks } of told) {
      const text = `${work}: its syncs were seen by ${ticks.join(', ')} ticks`
      assert.ok(ticks.length > 0 && ticks.every((count) => count > 0), text)
    }
    await verifyFile(place.path())
    await verifyFile(place.path('test.region.backup'))
  }),
)

test.run()
