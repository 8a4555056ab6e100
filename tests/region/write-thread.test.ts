/** The thread on which write() commits: a handle's own, whatever else the process does. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t } from '../../lib/index.js'
import { withBusyPool } from '../harness/busy-pool.js'
import { Child } from '../harness/child.js'
import { wait } from '../harness/until.js'
import { nextTurn, withRegion } from '../harness/with-region.js'

const test = suite('write: its thread')

test(
  'it commits, and lets go of the write lock, while the pool of threads is busy with other work',
  withRegion((place) => withBusyPool(place.path('pipe'), async () => {
    const region = place.create({ capacity: '8MiB' })
    const map = region.map('numbers', t.u32, t.u32)
    const written = region.write(() => map.set(1, 1)).then(() => 'written')
    assert.is(await Promise.race([written, wait(5000)]), 'written')
    const closed = region.write(() => map.set(2, 2)).then(() => 'written, and closed')
    await nextTurn()
    region.close()
    assert.is(await Promise.race([closed, wait(5000)]), 'written, and closed')
    const other = place.open()
    assert.equal([...other.map('numbers', t.u32, t.u32).entries()], [[1, 1], [2, 2]])
  })),
)

test(
  'what is being committed when the process exits is committed',
  withRegion(async (place) => {
    const region = place.create({ capacity: '256MiB' })
    const map = region.map('bytes', t.u32, t.bytes)
    for (let round = 0; round < 3; round++) {
      region.transact(() => map.clear())
      const child = new Child('dist/tests/region/exiting-write-child.js', [place.path()])
      assert.is((await child.ended).code, 7, child.errorOutput)
      assert.is(map.get(1)?.length, 20 << 20)
    }
  }),
)

test.run()
