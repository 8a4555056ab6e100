/**
 * What a handle shows, and how long: turns, read(), transact(), iterators, several handles of one
 * thread.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Region } from '../../lib/index.js'
import { nextTurn, thrown, withRegion, type Place } from '../harness/with-region.js'

const test = suite('turns')

const Item = t.struct('Item', { count: t.u32 })

function twoHandles(place: Place) {
  const writer = place.create({ capacity: '8MiB' })
  const items = writer.map('items', t.u32, Item)
  writer.transact(() => {
    for (let i = 0; i < 1000; i++) items.set(i, { count: 0 })
  })
  const reader = place.openReadOnly()
  const seen = reader.map('items', t.u32, Item)
  const set = (count: number): void => {
    writer.transact(() => {
      for (const [, item] of items.entries()) item.count = count
    })
  }
  return { writer, items, reader, seen, set }
}

test(
  'one epoch for one turn, the next turn the newest',
  withRegion(async (place) => {
    const { reader, seen, set } = twoHandles(place)
    await nextTurn()
    assert.is(seen.get(1)!.count, 0)
    set(1)
    assert.is(seen.get(1)!.count, 0, 'the same turn')
    await Promise.resolve()
    assert.is(seen.get(999)!.count, 0, 'microtasks belong to the turn')
    await nextTurn()
    assert.is(seen.get(1)!.count, 1)
    set(2)
    assert.is(seen.get(1)!.count, 1)
    assert.is(
      reader.read(() => seen.get(1)!.count),
      2,
      'read() refreshes',
    )
    assert.is(seen.get(1)!.count, 2)
  }),
)

test(
  'transact() refreshes',
  withRegion(async (place) => {
    const { items, set } = twoHandles(place)
    const other = place.open()
    const theirs = other.map('items', t.u32, Item)
    await nextTurn()
    assert.is(theirs.get(1)!.count, 0)
    set(5)
    assert.is(theirs.get(1)!.count, 0)
    other.transact(() => {
      assert.is(theirs.get(1)!.count, 5)
      theirs.get(1)!.count++
    })
    await nextTurn()
    assert.is(items.get(1)!.count, 6)
  }),
)

test(
  'a turn lets go of its pin',
  withRegion(async (place) => {
    const { writer, reader, seen } = twoHandles(place)
    assert.is(seen.get(1)!.count, 0)
    const pinned = (): number => writer.readers().filter(({ epoch }) => epoch !== 0).length
    assert.ok(pinned() >= 1)
    await nextTurn()
    assert.is(pinned(), 0)
    reader.read(() => {
      assert.is(pinned(), 1)
      assert.is(writer.readers().find(({ epoch }) => epoch !== 0)!.pid, process.pid)
    })
  }),
)

test(
  'views of another turn are stale, whether or not somebody committed',
  withRegion(async (place) => {
    const { reader, seen, set } = twoHandles(place)
    for (const commit of [false, true]) {
      const item = seen.get(1)!
      const inRead = reader.read(() => seen.get(2)!)
      if (commit) set(9)
      assert.type(item.count, 'number')
      await nextTurn()
      thrown('RSTORE_STALE_VIEW', () => item.count)
      thrown('RSTORE_STALE_VIEW', () => inRead.count)
    }
  }),
)

test(
  'views end with a refresh that moves, and not with one that does not',
  withRegion((place) => {
    const { reader, seen, set } = twoHandles(place)
    const item = reader.read(() => seen.get(1)!)
    reader.read(() => undefined)
    assert.is(item.count, 0, 'nothing has changed')
    set(1)
    reader.read(() => undefined)
    thrown('RSTORE_STALE_VIEW', () => item.count)
  }),
)

test(
  'read() shows one epoch throughout, also nested and with a snapshot in it',
  withRegion((place) => {
    const { reader, seen, set } = twoHandles(place)
    reader.read(() => {
      const item = seen.get(1)!
      set(3)
      assert.is(seen.get(2)!.count, 0)
      reader.read(() => assert.is(seen.get(3)!.count, 0))
      const snapshot = place.keep(reader.snapshot())
      assert.is(snapshot.map('items', t.u32, Item).get(4)!.count, 0, 'of the same epoch')
      assert.is(seen.get(4)!.count, 0)
      assert.is(item.count, 0)
      snapshot.close()
    })
    reader.read(() => assert.is(seen.get(1)!.count, 3))
  }),
)

test(
  'an iterator survives refreshes between two steps',
  withRegion(async (place) => {
    const { items, writer, seen } = twoHandles(place)
    const keys: number[] = []
    let turns = 0
    for (const [key, item] of seen.entries()) {
      keys.push(key)
      assert.ok(item.count >= 0)
      if (key >= 1000 || key % 50 !== 0) continue
      writer.transact(() => {
        items.delete(key)
        items.delete(key + 1)
        items.set(100_000 + key, { count: 1 })
        for (let i = 0; i < 200; i++) items.set(200_000 + key * 1000 + i, { count: 2 })
      })
      turns++
      await nextTurn()
    }
    assert.ok(turns >= 20)
    const old = keys.filter((key) => key < 1000)
    assert.equal(
      old,
      Array.from({ length: 1000 }, (_, i) => i).filter((i) => i % 50 !== 1),
    )
    assert.equal(
      keys,
      [...keys].sort((a, b) => a - b),
      'in order, each once',
    )
  }),
)

test(
  'entries of an iterator go stale like other views',
  withRegion(async (place) => {
    const { seen } = twoHandles(place)
    const [[, item]] = seen.entries({ limit: 1 }) as unknown as [[number, { count: number }]]
    await nextTurn()
    thrown('RSTORE_STALE_VIEW', () => item.count)
  }),
)

test(
  'many handles of one process',
  withRegion(async (place) => {
    const { set } = twoHandles(place)
    const readers = Array.from({ length: 20 }, () => place.openReadOnly())
    const writers = Array.from({ length: 5 }, () => place.open())
    for (let round = 1; round < 4; round++) {
      set(round * 10)
      for (const writer of writers) {
        writer.transact(() => writer.map('items', t.u32, Item).get(round)!.count++)
      }
      await nextTurn()
      const counts = readers.map((reader) => reader.map('items', t.u32, Item).get(round)!.count)
      assert.equal(
        counts,
        counts.map(() => round * 10 + 5),
      )
    }
  }),
)

test(
  'two handles of one thread do not wait for each other',
  withRegion((place) => {
    const { writer, items } = twoHandles(place)
    const other = place.open()
    const begun = performance.now()
    writer.transact(() => {
      items.get(1)!.count = 7
      const error = thrown('RSTORE_BUSY', () => other.transact(() => undefined))
      assert.is(error.facts['pid'], process.pid)
    })
    assert.ok(performance.now() - begun < 1000, 'at once')
    assert.is(items.get(1)!.count, 7)
    other.transact(() => other.map('items', t.u32, Item).delete(1))
    assert.is(
      writer.read(() => items.has(1)),
      false,
    )
  }),
)

test(
  'a write() under way: another handle of this thread waits for it, and no longer',
  withRegion(async (place) => {
    const { writer, items } = twoHandles(place)
    const other = place.open({ timeoutMs: 3000 })
    const theirs = other.map('items', t.u32, Item)
    const begun = performance.now()
    const promise = writer.write(() => {
      items.get(1)!.count = 1
    })
    other.transact(() => {
      theirs.get(2)!.count = 2
    })
    await new Promise((resolve) => process.nextTick(resolve))
    await nextTurn()
    other.transact(() => {
      assert.is(theirs.get(1)!.count, 1)
      theirs.get(3)!.count = 3
    })
    assert.is(writer.read(() => items.get(3)!.count), 3)
    await promise
    assert.ok(performance.now() - begun < 2500)
    other.read(() => assert.is(theirs.get(1)!.count, 1))
  }),
)

test(
  'write() through several handles in one turn',
  withRegion(async (place) => {
    const { writer, items } = twoHandles(place)
    const others = [place.open(), place.open()]
    for (let round = 1; round <= 20; round++) {
      const increment = (region: Region) => region.write(() => {
        region.map('items', t.u32, Item).get(7)!.count++
      })
      await Promise.all([writer, ...others, writer].map(increment))
      assert.is(writer.read(() => items.get(7)!.count), 4 * round)
      await nextTurn()
      assert.is(items.get(7)!.count, 4 * round)
    }
  }),
)

test(
  'a read() goes on at its epoch when a transaction in it is refused',
  withRegion((place) => {
    const { writer, items } = twoHandles(place)
    const other = place.open()
    const theirs = other.map('items', t.u32, Item)
    other.read(() => {
      const item = theirs.get(1)!
      writer.transact(() => {
        items.get(1)!.count = 5
      })
      writer.transact(() => {
        thrown('RSTORE_BUSY', () => other.transact(() => undefined))
      })
      assert.is(theirs.get(1)!.count, 0)
      assert.is(item.count, 0, 'and what was read in it is good')
    })
  }),
)

test(
  'a snapshot inside of a transaction shows the last commit',
  withRegion((place) => {
    const { writer, items } = twoHandles(place)
    writer.transact(() => {
      items.get(1)!.count = 99
      const snapshot = place.keep(writer.snapshot())
      assert.is(snapshot.map('items', t.u32, Item).get(1)!.count, 0)
      snapshot.close()
      assert.is(
        writer.read(() => items.get(1)!.count),
        99,
        'read() shows what the transaction made',
      )
    })
  }),
)

test(
  'zero-copy arrays end with their read, or are copies',
  withRegion(async (place) => {
    const writer: Region = place.create({ capacity: '8MiB' })
    const arrays = writer.map('arrays', t.u32, t.array(t.f64))
    writer.transact(() => {
      arrays.set(
        1,
        Float64Array.from({ length: 10_000 }, (_, i) => i),
      )
      arrays.set(2, [1, 2, 3])
    })
    await nextTurn()
    const copy = arrays.get(1) as unknown as Float64Array
    const small = arrays.get(2) as unknown as Float64Array
    const inside = writer.read(() => arrays.get(1) as unknown as Float64Array)
    assert.is(inside[9999], 9999)
    await nextTurn()
    writer.transact(() => {
      arrays.set(1, [5])
      arrays.set(2, [6])
    })
    assert.is(copy[9999], 9999, 'outside of read() it was a copy')
    assert.equal([...small], [1, 2, 3])
    assert.is(inside.length, 0, 'and inside it ended with the turn')
  }),
)

test(
  'a closed handle cannot reach one that was opened since',
  withRegion((place) => {
    const closed = place.create({ capacity: '8MiB' })
    const { view } = closed.session
    closed.close()
    const other = place.open()
    for (const use of [() => view.refresh(), () => view.unpin(), () => view.begin(10)]) {
      assert.throws(use, /a handle that is not open was used/)
    }
    other.transact(() => other.map('m', t.u8, t.u8).set(1, 1))
  }),
)

test.run()
