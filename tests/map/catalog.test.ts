/** Names, values, and each public method in each state in which it must fail. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type RMap } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf } from '../harness/types.js'

const test = suite('map: catalog and misuse')

const Item = t.struct('Item', { text: t.string, n: t.u32 })

test('names: opened, listed, renamed, dropped', () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('items', t.u32, Item)
  const pairs = region.multimap('pairs', t.string, t.u8)
  const value = region.value('value', Item)
  assert.is(value.get(), undefined)
  region.transact(() => {
    for (let i = 0; i < 300; i++) map.set(i, { text: `${i}`, n: i })
    pairs.add('a', 1)
    pairs.add('a', 2)
    value.set({ text: 'v', n: 1 })
  })
  map.index('n', 'n')
  assert.equal(region.catalog.names().map(({ name, kind, size }) => [name, kind, size]),
    [['items', 'map', 300], ['pairs', 'multimap', 2], ['value', 'value', 1]])
  assert.match(region.catalog.names()[0]!.type, /^u32 → struct Item$/)
  region.transact(() => {
    region.catalog.rename('items', 'things')
    assert.is(map.size, 300)
    map.set(300, { text: 'x', n: 300 })
    assert.is(codeOf(() => region.catalog.rename('nothing', 'x')), 'RSTORE_NOT_FOUND')
    assert.is(codeOf(() => region.catalog.rename('things', 'pairs')), 'RSTORE_EXISTS')
    assert.is(codeOf(() => region.catalog.rename('things', 'a\0b')), 'TypeError')
  })
  assert.is([...region.map('things', t.u32, Item).index('n', 'n').keys({ gte: 300 })].length, 1)
  assertSound(region)
  region.transact(() => {
    for (const name of ['things', 'pairs', 'value']) assert.ok(region.catalog.drop(name))
    assert.not(region.catalog.drop('things'))
    assert.is(codeOf(() => map.get(1)), 'RSTORE_NOT_FOUND')
    assert.is(codeOf(() => pairs.has('a')), 'RSTORE_NOT_FOUND')
    assert.is(value.get(), undefined)
  })
  assert.equal(region.catalog.names(), [])
  assertSound(region)
  const again = region.map('things', t.u32, Item)
  region.transact(() => again.set(1, { text: 'again', n: 1 }))
  assert.is(map.get(1)!.text, 'again', 'a handle follows a map that was made anew')
})

test('names that cannot be', () => {
  const region = new MemoryRegion(2 ** 21)
  for (const name of ['', 'a\0b', 5, null, undefined]) {
    for (const open of [
      () => region.map(name as never, t.u8, t.u8),
      () => region.multimap(name as never, t.u8, t.u8),
      () => region.value(name as never, t.u8),
    ])
      assert.is(codeOf(open), 'TypeError', String(name))
  }
  assert.is(codeOf(() => region.map('m', t.json as never, t.u8)), 'TypeError')
  assert.is(codeOf(() => region.map('m', t.u8, undefined as never)), 'TypeError')
  assert.equal(region.catalog.names(), [])
})

test('a renaming or a dropping that is rolled back did not happen', () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('m', t.u8, Item)
  region.transact(() => map.set(1, { text: 'x', n: 1 }))
  for (const change of [
    () => region.catalog.rename('m', 'z'),
    () => void region.catalog.drop('m'),
  ]) {
    assert.is(
      codeOf(() =>
        region.transact(() => {
          change()
          throw new Error('back')
        }),
      ),
      'Error',
    )
    assert.is(map.get(1)!.text, 'x')
    region.transact(() => map.set(2, { text: 'y', n: 2 }))
    assert.equal(
      region.catalog.names().map(({ name }) => name),
      ['m'],
    )
  }
  assertSound(region)
})

test('opened again with the same types it is the same handle, as long as that is right', () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('m', t.u32, Item)
  const pairs = region.multimap('p', t.string, t.u8)
  assert.is(region.map('m', t.u32, Item), map)
  assert.is(region.multimap('p', t.string, t.u8), pairs)
  assert.is(codeOf(() => region.map('m', t.u32, t.u8)), 'RSTORE_TYPE_MISMATCH')
  assert.is(codeOf(() => region.multimap('m', t.u32, Item as never)), 'TypeError')
  assert.is(codeOf(() => region.multimap('m', t.u32, t.u8)), 'RSTORE_TYPE_MISMATCH')
  assert.is(region.map('m', t.u32, Item), map)

  region.transact(() => {
    map.set(1, { text: 'one', n: 1 })
    region.catalog.rename('m', 'other')
  })
  const fresh = region.map('m', t.u32, Item)
  assert.is(fresh.size, 0, 'what has another name now is another map')
  assert.is(region.map('other', t.u32, Item).size, 1)

  region.transact(() => assert.ok(region.catalog.drop('m')))
  assert.is(region.map('m', t.u32, t.u8).size, 0, 'with other types, since the old one is gone')
  assert.throws(() => region.transact(() => {
    region.map('undone', t.u32, t.u8).set(1, 1)
    throw new Error('undo')
  }), /undo/)
  assert.is(codeOf(() => region.map('undone', t.u32, t.u8).set(1, 1)), 'RSTORE_NOT_IN_TRANSACTION')
  assert.is(region.map('undone', t.u32, t.u8).size, 0)
  assertSound(region)
})

test('values', () => {
  const region = new MemoryRegion(2 ** 21)
  const text = region.value('text', t.string)
  const deep = region.value('deep', t.map(t.string, Item))
  region.transact(() => {
    text.set('one')
    text.set('a longer text than the one before')
    deep.set([['a', { text: 'x', n: 1 }]])
    deep.get()!.set('b', { text: 'y', n: 2 })
    assert.is(codeOf(() => text.set(5 as never)), 'TypeError')
  })
  assert.is(text.get(), 'a longer text than the one before')
  assert.is(deep.get()!.size, 2)
  assertSound(region)
  region.transact(() => {
    assert.ok(text.delete())
    assert.not(text.delete())
  })
  assert.is(text.get(), undefined)
  assert.is(codeOf(() => text.set('x')), 'RSTORE_NOT_IN_TRANSACTION')
  assert.is(codeOf(() => text.delete()), 'RSTORE_NOT_IN_TRANSACTION')
  assertSound(region)
})

type Use = (map: RMap<number, any, any>) => unknown
const item = { text: 't', n: 1 }
const readers: [string, Use][] = [
  ['get', (map) => map.get(1)],
  ['getObject', (map) => map.getObject(1)],
  ['has', (map) => map.has(1)],
  ['size', (map) => map.size],
  ['first', (map) => map.first()],
  ['last', (map) => map.last()],
  ['entries', (map) => [...map.entries()]],
  ['keys', (map) => [...map.keys()]],
  ['values', (map) => [...map.values()]],
  ['count', (map) => map.count({ gt: 0 })],
  ['forEach', (map) => map.forEach(() => {})],
  ['getMany', (map) => map.getMany([1])],
  ['getColumn', (map) => map.getColumn(Uint8Array.of(1), 'n')],
  ['iterator', (map) => [...map]],
]
const writers: [string, Use][] = [
  ['set', (map) => map.set(1, item)],
  ['delete', (map) => map.delete(1)],
  ['update', (map) => map.update(1, () => item)],
  ['setIfAbsent', (map) => map.setIfAbsent(1, item)],
  ['compareAndSet', (map) => map.compareAndSet(1, undefined, item)],
  ['clear', (map) => map.clear()],
]

test('every method in every state in which it must fail', () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('m', t.u8, Item)
  const holder = region.map('h', t.u8, t.struct('Holder', { inner: t.map(t.u8, Item) }))
  region.transact(() => {
    map.set(1, item)
    holder.set(1, { inner: [[1, item]] })
  })
  for (const [name, use] of readers) assert.is(codeOf(() => use(map)), 'nothing thrown', name)
  for (const [name, use] of writers)
    assert.is(
      codeOf(() => use(map)),
      'RSTORE_NOT_IN_TRANSACTION',
      name,
    )

  const steps = map.keys()
  steps.next()
  for (const [name, use] of writers)
    assert.is(
      codeOf(() => use(map)),
      'RSTORE_NOT_IN_TRANSACTION',
      `${name} in an iteration`,
    )
  steps.return!()

  const { inner } = holder.get(1)!
  region.turn()
  for (const [name, use] of [...readers, ...writers]) {
    const code = codeOf(() => use(inner))
    assert.ok(
      code === 'RSTORE_STALE_VIEW' || code === 'RSTORE_NOT_IN_TRANSACTION',
      `${name} of a stale map: ${code}`,
    )
  }
  region.transact(() => {
    for (const [name, use] of [...readers, ...writers]) {
      assert.is(
        codeOf(() => use(inner)),
        'RSTORE_STALE_VIEW',
        `${name} of a stale map in a transaction`,
      )
    }
    for (const [name, use] of writers.slice(0, 5)) {
      if (name !== 'delete')
        assert.is(
          codeOf(() => use(region.map('m', t.u8, Item))),
          'nothing thrown',
          name,
        )
    }
    assert.is(codeOf(() => map.set(1, { text: 1 } as never)), 'TypeError')
    assert.is(codeOf(() => map.set('x' as never, item)), 'TypeError')
    assert.is(codeOf(() => map.update(1, 5 as never)), 'TypeError')
  })
  region.session.readOnly = true
  for (const [name, use] of writers) assert.is(codeOf(() => use(map)), 'RSTORE_READ_ONLY', name)
  for (const [name, use] of readers) assert.is(codeOf(() => use(map)), 'nothing thrown', name)
  region.session.closed = true
  region.session.end('close')
  for (const [name, use] of [...readers, ...writers])
    assert.is(
      codeOf(() => use(map)),
      'RSTORE_CLOSED',
      name,
    )
})

test('every method looks at faults before it returns', () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('m', t.u8, Item)
  region.transact(() => map.set(1, item))
  const view = map.get(1)!
  region.session.faults[0] = 8
  for (const [name, use] of readers) {
    if (!['entries', 'values', 'iterator'].includes(name))
      assert.is(
        codeOf(() => use(map)),
        'RSTORE_CORRUPT',
        name,
      )
  }
  assert.is(codeOf(() => view.n), 'RSTORE_CORRUPT')
  assert.is(codeOf(() => view.text), 'RSTORE_CORRUPT')
  assert.is(codeOf(() => [...map.values()].map(({ n }) => n)), 'RSTORE_CORRUPT')
  region.session.faults[0] = 0
  assert.is(view.n, 1)
})

test.run()
