/**
 * One compaction after another, as fast as they go, beside processes that open, read and write
 * without a pause: each may find that the name has gone on to the next file, or to the one after
 * that, between any two of its steps. None may see an error, and no commit may be lost.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RStoreError, Region, t } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { Place } from '../harness/with-region.js'

const test = suite('compaction after compaction')
const ROUNDS = 150

test('beside processes that open, read and write', async () => {
  const place = new Place()
  const region = place.keep(Region.create(place.path(), { capacity: '2MiB', durability: 'none' }))
  region.transact(() => region.value('round', t.u32).set(0))
  const jobs = ['open', 'open', 'read', 'write']
  const children = jobs.map((job) => new Child<{ times: number }>(
    'dist/tests/compact/again-child.js', [place.path(), job]))
  for (const child of children) await child.expect()
  for (let round = 1; round <= ROUNDS; round++) {
    await compactWhenFree(region)
    region.transact(() => region.value('round', t.u32).set(round))
  }
  for (const child of children) child.send({ end: true })
  for (const [i, child] of children.entries()) {
    const { times } = await child.expect()
    assert.ok(times > 0, jobs[i])
    assert.is((await child.ended).code, 0, child.errorOutput)
    if (jobs[i] === 'write') {
      assert.is(region.value(`times ${child.pid}`, t.u32).get(), times)
    }
  }
  assert.is(region.value('round', t.u32).get(), ROUNDS)
  await place.verify()
})

/** Writers that come back at once may keep it waiting. */
async function compactWhenFree(region: Region): Promise<void> {
  for (;;) {
    try {
      return void await region.compact()
    } catch (error) {
      if (!(error instanceof RStoreError) || error.code !== 'RSTORE_BUSY') throw error
    }
  }
}

test.run()
