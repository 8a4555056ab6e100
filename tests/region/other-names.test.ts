/**
 * A region that has a second name, or whose file or lock file was taken away while it was open: two
 * groups of handles that do not know of each other would destroy it. Either they meet, or the
 * second is refused.
 */
import {
  copyFileSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync,
  writeFileSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Region } from '../../lib/index.js'
import { nextTurn, rejected, thrown, withRegion, type Place } from '../harness/with-region.js'

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

/** A handle that committed nothing yet, of a region that was closed well before. */
function idle(place: Place, name?: string): Region {
  const made = place.create({}, name)
  numbers(made)
  made.close()
  return place.open({ durability: 'sync' }, name)
}

/** Of the region that has the name now. */
function committed(region: Region): Region {
  for (let i = 0; i < 5; i++) region.transact(() => numbers(region).set(i, i))
  return region
}

/** The first commit of a handle whose names are another region's now: that one's log stays. */
function firstCommitIsRefused(place: Place, old: Region, current: Region): void {
  const log = readFileSync(`${current.path}-wal`)
  const error = thrown('RSTORE_BUSY', () => old.transact(() => numbers(old).set(9, 9)))
  assert.match(error.message, /moved, replaced or removed/)
  assert.ok(readFileSync(`${current.path}-wal`).equals(log), 'the log was written to')
  current.transact(() => numbers(current).set(5, 5))
  for (const region of [old, current]) region.close()
  assert.equal([...numbers(place.open({}, 'folder/test.region')).keys()], [0, 1, 2, 3, 4, 5])
}

test('a region was made anew under the name of one that is open', withRegion((place) => {
  mkdirSync(place.path('folder'))
  const old = idle(place, 'folder/test.region')
  for (const end of ['', '-lock']) rmSync(old.path + end)
  firstCommitIsRefused(place, old,
    committed(place.create({ durability: 'sync' }, 'folder/test.region')))
}))

/** Another region gets the path of an open one, with its whole folder, and is committed to. */
function putNextInItsPlace(place: Place, old: Region): void {
  idle(place, 'next/test.region').close()
  renameSync(place.path('folder'), place.path('former'))
  renameSync(place.path('next'), place.path('folder'))
  firstCommitIsRefused(place, old,
    committed(place.open({ durability: 'sync' }, 'folder/test.region')))
}

test('a folder took the place of the one that an open region is in', withRegion((place) => {
  for (const folder of ['folder', 'next']) mkdirSync(place.path(folder))
  const old = idle(place, 'folder/test.region')
  putNextInItsPlace(place, old)
}))

test('who has not opened the log does not take that of another region', withRegion((place) => {
  for (const folder of ['folder', 'next']) mkdirSync(place.path(folder))
  const old = idle(place, 'folder/test.region')
  committed(place.open({ durability: 'sync' }, 'folder/test.region'))
  putNextInItsPlace(place, old)
}))

test('moved with its lock file: the first commit is made by its new name', withRegion((place) => {
  const old = idle(place)
  const rest = ['', '-lock']
  for (const end of rest) renameSync(old.path + end, place.path(`moved.region${end}`))
  const moved = place.open({ durability: 'sync' }, 'moved.region')
  thrown('RSTORE_NOT_FOUND', () => old.transact(() => numbers(old).set(9, 9)))
  committed(moved)
  thrown('RSTORE_NOT_FOUND', () => old.transact(() => numbers(old).set(9, 9)))
  for (const region of [old, moved]) region.close()
  assert.is(numbers(place.open({}, 'moved.region')).size, 5)
}))

test('moved with log and lock file: commits go on, and are found there', withRegion((place) => {
  const region = committed(idle(place))
  for (const end of ['', '-lock', '-wal']) {
    renameSync(region.path + end, place.path(`moved.region${end}`))
  }
  region.transact(() => numbers(region).set(5, 5))
  const moved = place.open({}, 'moved.region')
  assert.is(numbers(moved).size, 6)
  for (const handle of [moved, region]) handle.close()
  assert.is(numbers(place.open({}, 'moved.region')).size, 6)
}))

test('the log was removed: nothing is lost', withRegion(async (place) => {
  const region = committed(idle(place))
  rmSync(`${region.path}-wal`)
  region.transact(() => numbers(region).set(5, 5))
  const error = thrown('RSTORE_BUSY', () => place.open())
  assert.match(error.message, /log or lock file was moved, replaced or removed/)
  await rejected('RSTORE_BUSY', region.backup(place.path('copy.region')))
  await region.checkpoint()
  assert.is(region.stats().checkpointEpoch, region.stats().epoch)
  await nextTurn()
  region.transact(() => numbers(region).set(6, 6))
  region.close()
  assert.equal([...numbers(place.open()).keys()], [0, 1, 2, 3, 4, 5, 6])
}))

test('the log was removed and nobody made a checkpoint: closing brings all of it', withRegion(
  (place) => {
    const region = committed(idle(place))
    rmSync(`${region.path}-wal`)
    region.transact(() => numbers(region).set(5, 5))
    region.close()
    assert.is(numbers(place.open()).size, 6)
  },
))

for (const [what, put] of [
  ['an empty file', (path: string) => writeFileSync(path, '')],
  ['half a header', (path: string) => writeFileSync(path, Buffer.alloc(20, 1))],
  ['a folder', (path: string) => mkdirSync(path)],
  ['another region', (path: string, place: Place) => {
    place.create({}, 'other.region').close()
    renameSync(place.path('other.region'), path)
    place.expectDamage('other.region')  // it has another name now
  }],
] as const) {
  test(`${what} where the log was: nothing is lost, and it stays`, withRegion(async (place) => {
    const region = committed(idle(place))
    const log = `${region.path}-wal`
    rmSync(log)
    put(log, place)
    const before = statSync(log)
    region.transact(() => numbers(region).set(5, 5))
    await region.checkpoint()
    await nextTurn()
    region.transact(() => numbers(region).set(6, 6))
    region.close()
    assert.equal([statSync(log).ino, statSync(log).size], [before.ino, before.size])
    rmSync(log, { recursive: true })
    assert.equal([...numbers(place.open()).keys()], [0, 1, 2, 3, 4, 5, 6])
  }))
}

test('all names were moved before the first checkpoint', withRegion(async (place) => {
  const region = committed(idle(place))
  for (const end of ['', '-lock', '-wal']) {
    renameSync(region.path + end, place.path(`moved.region${end}`))
  }
  await region.checkpoint()
  assert.is(region.stats().checkpointEpoch, region.stats().epoch)
  region.close()
  assert.is(numbers(place.open({}, 'moved.region')).size, 5)
}))

test.run()
