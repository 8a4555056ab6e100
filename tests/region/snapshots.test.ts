/** Snapshots: held through everything, and revoked when writers say so. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type ReaderInfo, type Snapshot } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { rejected, thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('snapshots')

const Item = t.struct('Item', { count: t.u32, data: t.bytes, numbers: t.array(t.f64) })
const LOG_BYTES = 1 << 20
/** Entries of a map of many pages. */
const COUNT = 5000

const itemOf = (n: number) => ({ count: n, data: new Uint8Array(100).fill(n), numbers: [n, n] })

function filled(place: Place, options = {}) {
  const region = place.create({ capacity: '64MiB', logBytes: LOG_BYTES, ...options })
  const items = region.map('items', t.u32, Item)
  region.transact(() => {
    for (let i = 0; i < 500; i++) items.set(i, itemOf(0))
  })
  const change = (n: number): void =>
    region.transact(() => {
      for (let i = 0; i < 20; i++) items.set((n * 20 + i) % 500, itemOf(n))
    })
  return { region, items, change }
}

function thrownCode(use: () => unknown): string {
  try {
    use()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'none'
}

test(
  '100,000 commits beside a held snapshot',
  withRegion(async (place) => {
    const region = place.create({ capacity: '16MiB', logBytes: LOG_BYTES })
    const numbers = region.map('numbers', t.u32, t.u32)
    region.transact(() => {
      for (let i = 0; i < COUNT; i++) numbers.set(i, i)
    })
    const snapshot = place.keep(region.snapshot())
    const { epoch } = snapshot
    const before = snapshot.map('numbers', t.u32, t.u32)
    const isWhole = (): void => {
      assert.is(snapshot.epoch, epoch)
      let next = 0
      for (const [key, value] of before.entries()) {
        if (key !== next || value !== next) assert.unreachable(`${key}: ${value}, not ${next}`)
        next++
      }
      assert.is(next, COUNT)
    }
    // Every page of the map is changed again and again, and all along the snapshot is looked at.
    for (let i = 0; i < 100_000; i++) {
      const key = (i * 7919) % COUNT
      region.transact(() => numbers.set(key, i + COUNT))
      if (i % 97 === 0) assert.is(before.get(key), key)
      if (i % 5000 === 0) isWhole()
    }
    isWhole()
    assert.ok(region.stats().logBytes > LOG_BYTES, 'it did hold the log back')
    snapshot.close()
    await region.checkpoint()
    for (let i = 0; i < 20_000; i++) region.transact(() => numbers.set(i % 100, i))
    assert.is(numbers.get(99), 19_999)
    assert.ok(region.stats().epoch >= epoch + 120_000)
  }),
)

test(
  'without pins the log stays below its limit, while JavaScript never yields',
  withRegion((place) => {
    const { region, change } = filled(place)
    const highest = { logBytes: 0 }
    for (let n = 0; n < 3000; n++) {
      change(n)
      highest.logBytes = Math.max(highest.logBytes, region.stats().logBytes)
    }
    assert.ok(highest.logBytes <= LOG_BYTES, `${highest.logBytes}`)
    assert.ok(region.stats().checkpointEpoch > 100)
  }),
)

test(
  'and under a stream of overlapping short readers',
  withRegion((place) => {
    const { region, change } = filled(place)
    const reader = place.openReadOnly()
    let held = reader.snapshot()
    let highest = 0
    for (let n = 0; n < 1500; n++) {
      change(n)
      if (n % 5 === 0) {
        const next = reader.snapshot()
        held.close()
        held = next
      }
      highest = Math.max(highest, region.stats().logBytes)
    }
    held.close()
    assert.ok(highest <= LOG_BYTES, `${highest}`)
  }),
)

test(
  'a reader of another process that holds a turn',
  withRegion(async (place) => {
    const { region, change } = filled(place)
    const child = new Child<{ reading?: true; sum?: number }>('dist/tests/region/holder.js', [
      region.path!,
    ])
    await child.expect()
    for (let n = 0; n < 500; n++) change(n)
    const readers = region.readers().filter(({ pid, epoch }) => pid === child.pid && epoch !== 0)
    assert.is(readers.length, 1)
    assert.ok(readers[0]!.ageMs >= 0 && readers[0]!.epoch < region.stats().epoch)
    child.send('go')
    assert.equal(await child.expect(), { sum: 0 })
    await child.finish()
  }),
)

test(
  'a long snapshot is reported and revoked',
  withRegion(async (place) => {
    const told: ReaderInfo[] = []
    const { region, change } = filled(place, {
      maxSnapshotAgeMs: 500,
      onLongSnapshot: (reader: ReaderInfo) => told.push(reader),
    })
    const reader = place.openReadOnly()
    const snapshot = place.keep(reader.snapshot())
    const items = snapshot.map('items', t.u32, Item)
    const [item, iterator] = [items.get(1)!, items.entries()]
    const inner = item.numbers
    iterator.next()
    change(1)
    assert.is(item.count, 0, 'not yet')
    await new Promise((resolve) => setTimeout(resolve, 700))
    for (let n = 0; n < 200; n++) change(n)
    await region.checkpoint()
    assert.is(told.length, 1)
    assert.equal([told[0]!.pid, told[0]!.epoch], [process.pid, snapshot.epoch])
    for (const use of [
      () => item.count,
      () => items.get(1),
      () => iterator.next(),
      () => items.size,
      () => [...items.keys()],
      () => snapshot.map('other', t.u32, t.u32),
      () => snapshot.names(),
      () => item.data,
      () => item.toObject(),
      () => items.getObject(5),
      () => snapshot.stats(),
    ]) {
      assert.equal([String(use), thrownCode(use)], [String(use), 'RSTORE_SNAPSHOT_REVOKED'])
    }
    await rejected(
      'RSTORE_SNAPSHOT_REVOKED',
      snapshot.verify().then(({ ok }) => assert.not(ok)),
    )
    assert.equal([...inner], [0, 0], 'a small array is a copy')
    snapshot.close()
    const again = place.keep(reader.snapshot())
    assert.is((again.map('items', t.u32, Item).get(0) as any).count >= 0, true)
  }),
)

test(
  'one that is closed when it is reported is not taken for the next',
  withRegion(async (place) => {
    let snapshot: Snapshot
    const onLongSnapshot = (): void => {
      snapshot.close()
      snapshot = region.snapshot()
    }
    const { region, change } = filled(place, { maxSnapshotAgeMs: 50, onLongSnapshot })
    const first = (snapshot = region.snapshot())
    await new Promise((resolve) => setTimeout(resolve, 100))
    change(1)
    assert.is.not(snapshot, first)
    change(2)
    assert.is(snapshot.map('items', t.u32, Item).size, 500)
    snapshot.close()
  }),
)

test(
  'whoever is told of a long snapshot may close the region',
  withRegion(async (place) => {
    const onLongSnapshot = (): void => region.close()
    const { region, items } = filled(place, { maxSnapshotAgeMs: 50, onLongSnapshot })
    const reader = place.openReadOnly()
    const snapshot = place.keep(reader.snapshot())
    await new Promise((resolve) => setTimeout(resolve, 100))
    region.transact(() => items.set(1, itemOf(7)))
    thrown('RSTORE_CLOSED', () => region.stats())
    assert.is(snapshot.map('items', t.u32, Item).get(1)!.count, 0)
    assert.is(reader.read(() => reader.map('items', t.u32, Item).get(1)!.count), 7)
  }),
)

test(
  'write() looks for long snapshots too',
  withRegion(async (place) => {
    let told = 0
    const { region, items } = filled(place, { maxSnapshotAgeMs: 50, onLongSnapshot: () => told++ })
    const snapshot = place.keep(region.snapshot())
    await new Promise((resolve) => setTimeout(resolve, 150))
    await region.write(() => items.set(1, itemOf(1)))
    await region.write(() => items.set(1, itemOf(2)))
    assert.is(told, 1)
    thrown('RSTORE_SNAPSHOT_REVOKED', () => snapshot.map('items', t.u32, Item).get(1)!.count)
  }),
)

test(
  'a snapshot of the last commit holds nothing back: however old, it is left alone',
  withRegion(async (place) => {
    let told = 0
    const { region, items } = filled(place, { maxSnapshotAgeMs: 50, onLongSnapshot: () => told++ })
    const snapshot = place.keep(region.snapshot())
    const countOf = (): number => snapshot.map('items', t.u32, Item).get(1)!.count
    await new Promise((resolve) => setTimeout(resolve, 150))
    region.transact(() => {})
    assert.is(told, 0)
    assert.is(countOf(), 0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    region.transact(() => items.set(1, itemOf(1)))
    assert.is(told, 1)
    thrown('RSTORE_SNAPSHOT_REVOKED', countOf)
  }),
)

test(
  'so do transactions that the library begins by itself, and none inside of another',
  withRegion(async (place) => {
    let told = 0
    const onLongSnapshot = (): void => {
      told++
      assert.not(region.session.writable)
    }
    const { region } = filled(place, { maxSnapshotAgeMs: 50, onLongSnapshot })
    const loaded = region.map('loaded', t.u32, t.u32)
    const snapshot = place.keep(region.snapshot())
    await new Promise((resolve) => setTimeout(resolve, 150))
    await loaded.bulkLoad([[1, 1]])
    assert.is(told, 1)
    thrown('RSTORE_SNAPSHOT_REVOKED', () => snapshot.names())
    place.keep(region.snapshot())
    region.transact(() => loaded.set(2, 2))
    await new Promise((resolve) => setTimeout(resolve, 150))
    region.transact(() => {
      loaded.set(3, 3)
      region.transact(() => {})
    })
    assert.is(told, 2)
  }),
)

test(
  'a snapshot that has given out memory in place is not revoked, and never wrong',
  withRegion(async (place) => {
    let told = 0
    const { region, change } = filled(place, { maxSnapshotAgeMs: 50, onLongSnapshot: () => told++ })
    const big = region.map('big', t.u32, t.array(t.f64))
    region.transact(() => big.set(1, new Float64Array(10_000).fill(7)))
    const snapshot = place.keep(region.snapshot())
    const array = snapshot.map('big', t.u32, t.array(t.f64)).get(1) as unknown as Float64Array
    region.transact(() => big.set(1, new Float64Array(10_000).fill(8)))
    await new Promise((resolve) => setTimeout(resolve, 150))
    for (let n = 0; n < 300; n++) change(n)
    await region.checkpoint()
    await new Promise((resolve) => setTimeout(resolve, 100))
    change(301)
    assert.is(told, 1, 'it is reported, and not again and again')
    assert.ok(array.every((x) => x === 7))
    assert.is(snapshot.map('items', t.u32, Item).get(1)!.count, 0)
    snapshot.close()
    assert.is(array.length, 0)
  }),
)

test(
  'a handle that only reads now and then is no long snapshot',
  withRegion(async (place) => {
    let told = 0
    const { change } = filled(place, { maxSnapshotAgeMs: 20, onLongSnapshot: () => told++ })
    const reader = place.openReadOnly()
    for (let n = 0; n < 5; n++) {
      reader.read(() => reader.map('items', t.u32, Item).get(1))
      change(n)
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
    assert.is(told, 0)
  }),
)

test(
  'snapshots and their regions are closed in any order',
  withRegion((place) => {
    const { region } = filled(place)
    const snapshot = region.snapshot()
    using another = region.snapshot()
    assert.is(another.epoch, snapshot.epoch)
    snapshot.close()
    snapshot.close()
    thrown('RSTORE_CLOSED', () => snapshot.map('items', t.u32, Item))
    const left = region.snapshot()
    region.close()
    thrown('RSTORE_CLOSED', () => left.names())
  }),
)

test(
  'a closed snapshot says which commit it showed, whoever has its view by now',
  withRegion((place) => {
    const { region, change } = filled(place)
    const first = region.snapshot()
    const { epoch } = first
    first.close()
    change(1)
    const second = region.snapshot()
    assert.equal([first.epoch, second.epoch], [epoch, epoch + 1])
    region.close()
    assert.equal([first.epoch, second.epoch], [epoch, epoch + 1])
  }),
)

/** What a snapshot shows of a filled region, all of it. */
const countsOf = (snapshot: Snapshot): number[] =>
  Array.from(snapshot.map('items', t.u32, Item).values(), ({ count }) => count)

test(
  'the view of a closed snapshot serves the next one, which shows its own commit',
  withRegion(async (place) => {
    const { region, items, change } = filled(place)
    const first = region.snapshot()
    const { view } = first.session
    const record = first.map('items', t.u32, Item).get(1)!
    const iterator = first.map('items', t.u32, Item).values()
    iterator.next()
    first.close()
    assert.is(region.readers().length, 1, 'nobody has the kept view open')
    for (let n = 1; n < 40; n++) {
      change(n)
      if (n % 13 === 0) await region.checkpoint()
      using next = region.snapshot()
      assert.is(next.session.view, view)
      assert.is(next.epoch, region.stats().epoch)
      assert.equal(countsOf(next), Array.from(items.values(), ({ count }) => count))
      assert.is(region.readers().length, 2)
      change(n + 100)
      assert.ok(countsOf(next).every((count) => count < 100))
      for (const use of [() => record.count, () => iterator.next(), () => first.names()]) {
        assert.ok(['RSTORE_CLOSED', 'RSTORE_STALE_VIEW'].includes(thrownCode(use)), thrownCode(use))
      }
      region.transact(() => {
        for (let i = 0; i < 500; i++) items.set(i, itemOf(0))
      })
    }
    using one = region.snapshot()
    using two = region.snapshot()
    assert.is(one.session.view, view)
    assert.is.not(two.session.view, view)
  }),
)

test(
  'a view that is kept holds no log back',
  withRegion(async (place) => {
    const { region, change } = filled(place)
    region.snapshot().close()
    for (let n = 0; n < 3000; n++) change(n)
    await region.checkpoint()
    assert.ok(region.stats().logBytes <= LOG_BYTES, `${region.stats().logBytes} bytes of log`)
    const last = Array.from(region.map('items', t.u32, Item).values(), ({ count }) => count)
    using late = region.snapshot()
    assert.equal(countsOf(late), last)
  }),
)

test(
  'views are not kept that were revoked, gave out memory or are being checked, nor old files',
  withRegion(async (place) => {
    const { region, items } = filled(place)
    const strict = place.open({ maxSnapshotAgeMs: 30 })
    const big = region.map('big', t.u32, t.array(t.f64))
    region.transact(() => big.set(1, new Float64Array(10_000).fill(7)))
    const isKept = (snapshot: Snapshot): boolean => {
      const { view } = snapshot.session
      snapshot.close()
      using next = region.snapshot()
      return next.session.view === view
    }
    assert.ok(isKept(region.snapshot()))

    const lending = region.snapshot()
    const array = lending.map('big', t.u32, t.array(t.f64)).get(1) as unknown as Float64Array
    assert.is(array[0], 7)
    assert.not(isKept(lending))

    const checking = region.snapshot()
    const report = checking.verify()
    assert.not(isKept(checking))
    await report.catch(() => {})

    const revoked = region.snapshot()
    await new Promise((resolve) => setTimeout(resolve, 60))
    for (let n = 0; n < 300; n++) strict.transact(() => strict.map('items', t.u32, Item).delete(n))
    assert.is(thrownCode(() => countsOf(revoked)), 'RSTORE_SNAPSHOT_REVOKED')
    assert.not(isKept(revoked))

    region.snapshot().close()
    await region.compact()
    using after = region.snapshot()
    assert.equal(countsOf(after).length, 200)
    region.transact(() => items.delete(400))
    assert.ok(isKept(after))
  }),
)

async function collectUntil(done: () => boolean): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 100 && !done(); i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test(
  'forgotten ones let their slots go, but not as long as something of them is in use',
  withRegion(async (place) => {
    const region = place.create({ capacity: '16MiB' })
    const items = region.map('items', t.u32, Item)
    const numbers = Float64Array.from({ length: 5000 }, (_, i) => i)
    region.transact(() => items.set(1, { count: 1, data: new Uint8Array(5000).fill(7), numbers }))
    const ofSnapshot = () => region.snapshot().map('items', t.u32, Item)
    const forget = (): void => {
      for (let i = 0; i < 100; i++) assert.is(ofSnapshot().get(1)!.count, 1)
    }
    const kept = ofSnapshot()
    const { data } = ofSnapshot().get(1)!
    forget()
    assert.ok(region.readers().length > 50)
    await collectUntil(() => region.readers().length === 3)
    assert.is(region.readers().length, 3)
    region.transact(() => { items.get(1)!.count = 2 })
    assert.equal([kept.get(1)!.count, data[4999]], [1, 7])
    region.close()
    thrown('RSTORE_CLOSED', () => kept.size)
    assert.is(data.length, 0)
  }),
)

test.run()
