/**
 * A region that has a second name, or whose file or lock file was taken away while it was open: two
 * groups of handles that do not know of each other would destroy it. Either they meet, or the
 * second is refused.
 */
import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Region } from '../../lib/index.js'
import { thrown, withRegion } from '../harness/with-region.js'

const test = suite('other names')

const numbers = (region: Pick<Region, 'map'>) => region.map('numbers', t.u32, t.u32)

test('a symbolic link leads to the same log and the same lock', withRegion((place) => {
  const region = place.create()
  const map = numbers(region)
  mkdirSync(place.path('folder'))
  symlinkSync('../test.region', place.path('folder/link.region'))
  symlinkSync('folder', place.path('other'))
  for (const name of ['folder/link.region', 'other/link.region']) {
    region.transact(() => map.set(1, 1))
    const linked = place.open({}, name)
    assert.is(linked.path, region.path)
    assert.is(numbers(linked).get(1), 1)
    linked.transact(() => numbers(linked).set(1, 2))
    assert.is(region.read(() => map.get(1)), 2)
    linked.close()
  }
}))

test('a second hard link is refused while the first is open', withRegion((place) => {
  const region = place.create()
  linkSync(place.path(), place.path('link.region'))
  for (const options of [{ timeoutMs: 0 }, { timeoutMs: 0, readOnly: true as const }]) {
    const error = thrown('RSTORE_BUSY', () => place.open(options, 'link.region'))
    assert.match(error.message, /another name/)
  }
  region.transact(() => numbers(region).set(1, 1))
  region.close()
  const linked = place.open({}, 'link.region')
  assert.is(numbers(linked).get(1), 1)
  thrown('RSTORE_BUSY', () => place.open({ timeoutMs: 0 }))
}))

test('whoever finds the lock file removed is refused while others are open', withRegion((place) => {
  const region = place.create()
  region.transact(() => numbers(region).set(1, 1))
  rmSync(`${place.path()}-lock`)
  thrown('RSTORE_BUSY', () => place.open({ timeoutMs: 0 }))
  region.transact(() => numbers(region).set(2, 2))
  region.close()
  assert.equal([...numbers(place.open()).keys()], [1, 2])
}))

test('a copy that was moved over an open region is not taken for it', withRegion(async (place) => {
  const region = place.create({ durability: 'none' })
  region.transact(() => numbers(region).set(1, 1))
  await region.backup(place.path('copy.region'))
  region.transact(() => numbers(region).set(2, 2))
  renameSync(place.path(), place.path('moved.region'))
  renameSync(place.path('copy.region'), place.path())
  thrown('RSTORE_BUSY', () => place.open({ timeoutMs: 0 }))
  const error = await region.checkpoint().then(() => undefined, (thrown: unknown) => thrown)
  assert.match(String(error), /another name/)
  assert.is(numbers(region).get(2), 2)
  region.close()
  // The moved file with its log is the region that was open.
  renameSync(`${place.path()}-wal`, place.path('moved.region-wal'))
  assert.equal([...numbers(place.open({}, 'moved.region')).keys()], [1, 2])
  assert.equal([...numbers(place.open()).keys()], [1])
}))

test('a file that was copied with its log is another one', withRegion((place) => {
  const region = place.create()
  region.transact(() => numbers(region).set(1, 1))
  for (const end of ['', '-wal']) copyFileSync(place.path() + end, place.path(`copy.region${end}`))
  const copy = place.open({}, 'copy.region')
  copy.transact(() => numbers(copy).set(2, 2))
  assert.equal([...numbers(region).keys()], [1])
  assert.equal([...numbers(copy).keys()], [1, 2])
}))

test.run()
