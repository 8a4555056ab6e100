/** Where the system has no threads left, what needs one of its own says so; all else goes on. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { verifyFile, withRegion } from '../harness/with-region.js'

const test = suite('own threads')

interface Outcome {
  epochs: string
  ended: boolean
  wait: string
  logBytes: number
  sound: boolean
  written: string
  moving: string
  later: string
}

test(
  'without threads there are checkpoints all the same, and errors where somebody waits',
  withRegion(async (place) => {
    const child = new Child<Outcome>('dist/tests/region/threadless.js', [place.path()],
      { RSTORE_TEST_ADDON: 'rstore_test.node' })
    const [found] = (await child.finish()) as [Outcome]
    assert.is(found.epochs, 'RSTORE_NO_MEMORY')
    assert.ok(found.ended, 'the iterator has ended with its error')
    assert.is(found.wait, 'RSTORE_NO_MEMORY')
    assert.ok(found.logBytes <= 2 * 1024 ** 2, `the log has ${found.logBytes} bytes`)
    assert.ok(found.sound, 'the pool checks the pages')
    assert.is(found.written, 'done')
    assert.is(found.moving, 'RSTORE_NO_MEMORY')
    assert.is(found.later, 'done')
    await verifyFile(place.path())
    const region = place.keep(Region.open(place.path(), { readOnly: true }))
    assert.is(region.map('numbers', t.u32, t.u32).size, 5000)
  }),
)

test.run()
