/** How far work on other threads is: verify() said nothing while it compared pages. */
import { readdirSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Region, RStoreError, t } from '../../lib/index.js'
import { whileTelling } from '../../lib/region/base/telling.js'
import { wait } from '../harness/until.js'
import { withRegion, type Place } from '../harness/with-region.js'

const test = suite('telling how far it is')
const ENTRIES = 200_000

async function filled(place: Place): Promise<Region> {
  const region = place.create({ capacity: '64MiB' })
  const map = region.map('texts', t.u32, t.string)
  region.transact(() => {
    for (let i = 0; i < ENTRIES; i++) map.set(i, `a text of some length ${i}`)
  })
  await region.checkpoint()
  return region
}

test('verify() tells of pages in the first half, of cells in the second', withRegion(
  async (place) => {
    const region = await filled(place)
    const snapshot = place.keep(region.snapshot())
    for (const handle of [region, snapshot, place.openReadOnly()]) {
      const told: [number, number][] = []
      await handle.verify({ onProgress: (done, total) => { told.push([done, total]) } })
      const total = told[0]![1]
      assert.ok(told.every(([, all]) => all === total), 'one total')
      assert.ok(total > 2 * ENTRIES && total < 8 * ENTRIES, `${total} for ${ENTRIES} texts`)
      const done = told.map(([count]) => count)
      assert.equal(done, [...done].sort((a, b) => a - b))
      assert.ok(done.includes(total / 2), 'all pages')
      assert.ok(done.filter((count) => count > total / 2).length > 1)
      assert.is(done.at(-1), total)
    }
  }))

test('what is thrown from there ends it, and is no damage', withRegion(async (place) => {
  const region = await filled(place)
  for (const at of [0, 0.6]) {
    const reason = new RStoreError('RSTORE_IO', 'of whoever is told', {})
    let calls = 0
    const onProgress = (done: number, total: number): void => {
      if (done / total < at) return
      calls++
      throw reason
    }
    assert.is(await region.verify({ onProgress }).catch((error: unknown) => error), reason)
    assert.is(calls, 1)
  }
  assert.ok((await region.verify()).ok)
}))

test('what is thrown while a region is thawed leaves no file behind', withRegion(async (place) => {
  Region.pack(place.path('packed'), { root: t.string }, () => 'root')!.close()
  const reason = new Error('enough')
  const onProgress = (): never => { throw reason }
  const thawing = Packed.thaw(place.path('packed'), place.path('thawed'), { onProgress })
  assert.is(await thawing.catch((error: unknown) => error), reason)
  assert.equal(readdirSync(place.folder), ['packed'])
}))

test('it is told from time to time, and at the end', async () => {
  let calls = 0
  assert.is(await whileTelling(() => { calls++ }, wait(450).then(() => 'done')), 'done')
  assert.ok(calls >= 3 && calls <= 5, `${calls} calls`)
  await wait(250)
  assert.ok(calls <= 5, 'no more')
})

test('what it throws in between is thrown at once, where it ended the process', async () => {
  const reason = new Error('enough')
  let calls = 0
  const tell = (): never => {
    calls++
    throw reason
  }
  const work = wait(2_000).then(() => 'done')
  assert.is(await whileTelling(tell, work).catch((error: unknown) => error), reason)
  await wait(250)
  assert.is(calls, 1)
})

test.run()
