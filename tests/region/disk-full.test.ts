/**
 * A disk that is full while a region grows: an error, a rollback, and all as it was; then, with
 * room, on it goes.
 */
import {
  closeSync,
  existsSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t, type RStoreError } from '../../lib/index.js'
import { SmallDisk } from '../harness/small-disk.js'
import { Child } from '../harness/child.js'
import { rejected, thrown, withRegion, Place } from '../harness/with-region.js'

const test = suite('disk full')

const Blob = t.struct('Blob', { data: t.bytes })
const data = new Uint8Array(100_000).fill(7)

/**
 * On a disk of its own; where mounting is denied, a child with the seam does the same work
 * (below).
 */
const disk = SmallDisk.mount(8)
const onDisk = (body: (place: Place) => void | Promise<void>) =>
  withRegion(
    (place) => (disk === null ? undefined : body(place)),
    () => disk?.folder ?? '',
  )

const nameOf = (plan: string): string => `${plan.replace(/\W/g, '-')}.region`

/** Leaves no room on the disk, or but little. */
function takeRoom(file: string, leaveBytes = 0): void {
  const chunk = Buffer.alloc(4096)
  const fd = openSync(file, 'w')
  let length = 0
  try {
    for (; ; length += chunk.length) writeSync(fd, chunk)
  } catch (error) {
    assert.is((error as NodeJS.ErrnoException).code, 'ENOSPC')
  } finally {
    closeSync(fd)
  }
  truncateSync(file, Math.max(0, length - leaveBytes))
}

/** Adds blobs, a few to each transaction, until there is no room. Gives how many are there. */
function fill(region: Region): number {
  const blobs = region.map('blobs', t.u32, Blob)
  for (let count = blobs.size; ; count += 5) {
    try {
      region.transact(() => {
        for (let i = 0; i < 5; i++) blobs.set(count + i, { data })
      })
    } catch (error) {
      assert.is((error as RStoreError).code, 'RSTORE_NO_SPACE', String(error))
      assert.is(blobs.size, count, 'rolled back')
      return count
    }
  }
}

function isWhole(region: Pick<Region, 'map'>, count: number): void {
  const blobs = region.map('blobs', t.u32, Blob)
  assert.is(blobs.size, count)
  let total = 0
  for (const [, blob] of blobs.entries()) total += blob.data.reduce((sum, byte) => sum + byte, 0)
  assert.is(total, count * data.length * 7)
}

for (const durability of ['none', 'sync'] as const) {
  test(
    `in transactions, durability ${durability}`,
    onDisk(async (place) => {
      const name = `full-${durability}.region`
      const ballast = place.path('ballast')
      writeFileSync(ballast, Buffer.alloc(1 << 20))
      const region = place.create({ capacity: '64MiB', durability }, name)
      const count = fill(region)
      assert.ok(count > 0)
      isWhole(region, count)
      assert.is(fill(region), count, 'once more, the same')
      rmSync(ballast)
      const more = fill(region)
      assert.ok(more > count, 'on it goes when there is room')
      isWhole(region, more)
      region.close()
      isWhole(place.open({}, name), more)
      await place.verify()
      rmSync(place.path(name))
    }),
  )
}

test(
  'in one large transaction, and in a savepoint',
  onDisk(async (place) => {
    const region = place.create({ capacity: '64MiB' }, 'large.region')
    const map = region.map('numbers', t.u32, t.f64)
    region.transact(() => map.set(1, 1))
    thrown('RSTORE_NO_SPACE', () =>
      region.transact(() => {
        for (let i = 2; i < 3_000_000; i++) map.set(i, i)
      }),
    )
    assert.equal([...map.entries()], [[1, 1]])
    thrown('RSTORE_NO_SPACE', () =>
      region.transact(() => {
        map.set(2, 2)
        try {
          region.transact(() => {
            for (let i = 3; i < 3_000_000; i++) map.set(i, i)
          })
        } catch {
          map.set(3, 3) // too late: the transaction is spoiled
        }
      }),
    )
    region.transact(() => map.set(4, 4))
    assert.equal(
      [...map.entries()],
      [
        [1, 1],
        [4, 4],
      ],
    )
    await place.verify()
    rmSync(place.path('large.region'))
  }),
)

test(
  'write() is rejected, flush and checkpoint do not lie, close leaves a good file',
  onDisk(async (place) => {
    const region = place.create({ capacity: '64MiB' }, 'write.region')
    const blobs = region.map('blobs', t.u32, Blob)
    const count = fill(region)
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) => region.write(() => blobs.set(count + i, { data }))),
    )
    assert.ok(results.some(({ status }) => status === 'rejected'))
    for (const result of results) {
      if (result.status === 'rejected') assert.is(result.reason.code, 'RSTORE_NO_SPACE')
    }
    const kept = count + results.filter(({ status }) => status === 'fulfilled').length
    isWhole(region, kept)
    await region.flush()
    await region.checkpoint()
    region.close()
    isWhole(place.open({}, 'write.region'), kept)
    await place.verify()
    rmSync(place.path('write.region'))
  }),
)

test(
  'creating, opening and backing up on a full disk',
  onDisk(async (place) => {
    const region = place.create({ capacity: '1MiB' }, 'small.region')
    region.transact(() => region.value('v', t.u32).set(5))
    region.close()
    const ballast = place.path('ballast')
    takeRoom(ballast)
    const path = place.path('new.region')
    thrown('RSTORE_NO_SPACE', () => Region.create(path))
    assert.not(existsSync(path), 'nothing is left behind')
    let opened: Region | undefined
    try {
      opened = place.open({}, 'small.region')
      assert.is(opened.value('v', t.u32).get(), 5)
      thrown('RSTORE_NO_SPACE', () => opened!.transact(() => opened!.value('v', t.u32).set(6)))
      assert.is(opened.value('v', t.u32).get(), 5)
    } catch (error) {
      assert.is((error as RStoreError).code, 'RSTORE_NO_SPACE')
    }
    rmSync(ballast)
    opened ??= place.open({}, 'small.region')
    opened.transact(() => opened!.value('v', t.u32).set(7))
    const copy = place.path('copy.region')
    takeRoom(ballast, 4_096)
    await rejected('RSTORE_EXISTS', opened.backup(ballast))  // told before anything is copied
    rmSync(ballast)
    takeRoom(ballast, 20_000)
    await opened.backup(copy).then(
      () => undefined,
      (error) => assert.is(error.code, 'RSTORE_NO_SPACE'),
    )
    rmSync(ballast)
    if (existsSync(copy)) assert.ok(statSync(copy).size > 0)
    rmSync(copy, { force: true })
  }),
)

test(
  'through the seam, wherever mounting is denied and everywhere else',
  withRegion(async (place) => {
    for (const plan of ['fail:ENOSPC@1+', 'fail:ENOSPC@30+', 'fail:EDQUOT@25+', 'fail:ENOSPC@40']) {
      const child = new Child<{ count: number; code: string }>(
        'dist/tests/region/filler.js',
        [place.path(nameOf(plan)), plan],
        { RSTORE_TEST_ADDON: 'rstore_test.node' },
      )
      const [{ count, code }] = (await child.finish()) as [{ count: number; code: string }]
      assert.is(code, 'RSTORE_NO_SPACE', plan)
      const region = place.open({}, nameOf(plan))
      isWhole(region, count)
      region.close()
    }
  }),
)

test.run()
