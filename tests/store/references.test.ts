/** What is counted when: commits that fail or overlap, handles that close early, records inside. */
import { copyFileSync, rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { exportLines, RStoreError, Store, t, type Region } from '../../lib/index.js'
import type { Collector } from '../../lib/store/collector.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { until } from '../harness/until.js'
import { rejected, thrown } from '../harness/with-region.js'
import { countsOf, gone, packedFiles, packedIds, packLink, slotsOf } from './shapes.js'

const test = suite('stores: references')

const inStore = (body: (store: Store, region: Region) => void | Promise<void>) =>
  async (): Promise<void> => {
    const store = Store.open(temporaryDirectory(), { create: true })
    await body(store, store.region('live', { durability: 'none' }))
    assert.equal((await store.verify()).problems, [])
    store.close()
  }

test('a handle may be closed before the transaction ends that names its region',
  inStore(async (store, region) => {
    region.transact(() => {
      const link = packLink(store, null, 'kept')
      slotsOf(region).set(0, { link })
      link.close()
    })
    assert.equal(countsOf(store), [1])
    assert.is(slotsOf(region).get(0)!.link!.title, 'kept')
    assert.throws(() => region.transact(() => {
      const link = packLink(store, null, 'given up')
      slotsOf(region).set(1, { link })
      link.close()
      throw new Error('on purpose')
    }), /on purpose/)
    assert.equal(countsOf(store), [1])
  }))

test('a transaction that fails while another commit is being synced takes back only its own',
  inStore(async (store, region) => {
    const [a, b] = [packLink(store, null, 'a'), packLink(store, null, 'b')]
    const written = region.write(() => slotsOf(region).set(0, { link: a }))
    await new Promise((resolve) => process.nextTick(resolve))  // its commit is under way
    assert.throws(() => region.transact(() => {
      slotsOf(region).set(1, { link: b })
      throw new Error('on purpose')
    }), /on purpose/)
    await written
    for (const packed of [a, b]) packed.close()
    await until('b is gone', () => packedIds(store).length === 1)
    assert.equal(countsOf(store), [1])
    assert.equal((await store.verify()).problems, [])
  }))

test('set, cleared and set again in one transaction', inStore((store, region) => {
  const a = packLink(store, null, 'a')
  const slots = slotsOf(region)
  region.transact(() => slots.set(0, { link: a }))
  region.transact(() => {
    slots.delete(0)
    slots.set(1, { link: a })
    slots.set(2, { link: a })
    slots.delete(1)
  })
  assert.equal(countsOf(store), [2])
  a.close()
  assert.equal(countsOf(store), [1])
}))

test('a field is copied to another by what it gives', inStore(async (store, region) => {
  const slots = slotsOf(region)
  region.transact(() => {
    slots.set(0, { link: packLink(store, null, 'moved') })
  })
  region.transact(() => {
    slots.set(1, { link: slots.get(0)!.link! })
    slots.delete(0)
  })
  assert.is(slots.get(1)!.link!.title, 'moved')
}))

const Note = t.struct('Note', { text: t.string, at: t.struct('Place', { line: t.u32 }) })
const Notes = t.struct('Notes', { byName: t.map(t.string, Note), list: t.array(t.ref(() => Note)) })
const Holder = t.struct('Holder', { note: t.optional(t.packed(Note)) })

test('many records of one packed region are named, and it stays while one is',
  inStore(async (store, region) => {
    const holders = region.map('holders', t.u32, Holder)
    const notes = store.pack(null, { root: Notes, capacity: '1MiB' }, (packing) => ({
      byName: [['x', { text: 'x', at: { line: 9 } }]] as never,
      list: [0, 1, 2].map((line) => packing.alloc(Note, { text: `note ${line}`, at: { line } })),
    }))!
    region.transact(() => {
      for (const [i, note] of Array.from(notes.root.list).entries()) holders.set(i, { note: note! })
      assert.throws(() => holders.set(9, { note: notes as never }), /Note|Notes/)
      const inline = notes.root.list.at(0)!.at
      assert.throws(() => holders.set(9, { note: inline as never }))
      const plain = { text: '', at: { line: 1 } }
      assert.throws(() => holders.set(9, { note: plain as never }), TypeError)
    })
    assert.equal(countsOf(store), [2], 'the region and the handle')
    notes.close()
    for (const i of [0, 2, 1]) {
      assert.is(holders.get(i)!.note!.text, `note ${i}`)
      assert.is(holders.get(i)!.note!.at.line, i)
      assert.equal(countsOf(store), [1])
      region.transact(() => holders.delete(i))
    }
    await gone(store)
  }))

test('fields are compared by the record they name, and JSON has what is in it',
  inStore((store, region) => {
    const holders = region.map('holders', t.u32, Holder)
    const named = region.map('named', t.u32, t.packed(Note))
    const List = t.array(t.u32)
    const lists = region.map('lists', t.u32, t.struct('Lists', { list: t.packed(List) }))
    const pack = (text: string) => store.pack(null, { root: Note, capacity: '1MiB' }, () =>
      ({ text, at: { line: 1 } }))!
    const [a, b] = [pack('a'), pack('a')]
    const list = store.pack(null, { root: List, capacity: '1MiB' }, () => [1, 2])!
    region.transact(() => {
      holders.set(1, { note: a })
      holders.set(2, { note: b })
      holders.set(3, { note: a })
      named.set(1, a)
      lists.set(1, { list: list as never })
      const [one, two] = [holders.get(1)!, holders.get(2)!]
      assert.ok(one.equals(one))
      assert.ok(one.equals(holders.get(3)))
      assert.ok(one.equals(one.toObject()))
      assert.ok(one.equals({ note: a }) && one.equals({ note: a.root }))
      assert.not(one.equals(two), 'equal, but another region')
      for (const note of [undefined, null, 1, 'a', one, { root: 1 }, a.root.at, Symbol('none')])
        assert.not(one.equals({ note }))
      assert.ok(lists.get(1)!.equals(lists.get(1)))
      assert.is(named.compareAndSet(1, b, a), false)
      assert.is(named.compareAndSet(1, a, b), true)
      assert.is(named.compareAndSet(1, named.get(1)!, a), true)
      assert.is(holders.compareAndSet(1, { note: b }, { note: b }), false)
      assert.is(holders.compareAndSet(1, { note: a }, { note: b }), true)
      assert.is(holders.compareAndSet(1, holders.get(1)!, { note: a }), true)
      holders.set(4, holders.getObject(1))
    })
    const json = '{"note":{"text":"a","at":{"line":1}}}'
    assert.is(JSON.stringify(holders.get(4)), json)
    assert.is(JSON.stringify(holders.getObject(1)), json)
    assert.is(JSON.stringify(named), '[[1,{"text":"a","at":{"line":1}}]]')
    assert.is(JSON.stringify(lists.get(1)), '{"list":[1,2]}')
    for (const packed of [a, b, list]) packed.close()
    assert.ok(holders.get(1)!.equals(holders.get(3)), 'without a handle, too')
  }))

test('a closed handle, and a dropped region', inStore(async (store, region) => {
  const a = packLink(store, 'a', 'a')
  a.close()
  thrown('RSTORE_CLOSED', () => region.transact(() => slotsOf(region).set(0, { link: a })))
  const b = packLink(store, 'b', 'b')
  const written = region.write(() => slotsOf(region).set(0, { link: b }))
  store.drop('live')
  await rejected('RSTORE_CLOSED', written)
  assert.equal(countsOf(store), [1, 2])
}))

test('a commit that is being synced when the store is closed is counted', async () => {
  const dir = temporaryDirectory()
  const store = Store.open(dir, { create: true })
  const region = store.region('live')
  const slots = slotsOf(region)
  for (const title of ['old', 'new']) packLink(store, title, title)
  region.transact(() => slots.set(0, { link: store.packed('old') }))
  for (const title of ['old', 'new']) store.release(title)
  const fresh = packLink(store, null, 'fresh')
  const written = region.write(() => slots.set(0, { link: fresh }))
  await new Promise((resolve) => process.nextTick(resolve))
  store.close()
  await written.catch(() => {})
  const again = Store.open(dir)
  assert.is(slotsOf(again.region('live')).get(0)!.link!.title, 'fresh')
  assert.equal((await again.verify()).problems, [])
  assert.equal(countsOf(again), [1])
  again.close()
})

test('a region closed inside its own transaction holds nothing', inStore((store, region) => {
  const a = packLink(store, null, 'a')
  thrown('RSTORE_CLOSED', () => region.transact(() => {
    slotsOf(region).set(0, { link: a })
    region.close()
  }))
  a.close()
  assert.equal(packedIds(store), [])
}))

test('more packed regions than are kept mapped are read in one turn', inStore((store, region) => {
  const count = 770
  const slots = slotsOf(region)
  region.transact(() => {
    for (let i = 0; i < count; i++) slots.set(i, { link: packLink(store, null, `link ${i}`) })
  })
  for (let i = 0; i < count; i++) assert.is(slots.get(i)!.link!.title, `link ${i}`)
  assert.is(packedIds(store).length, count)
  store.drop('live')
}))

test('a packed file that was replaced by another one', async () => {
  const dir = temporaryDirectory()
  const store = Store.open(dir, { create: true })
  packLink(store, 'a', 'a').close()
  packLink(store, 'b', 'b').close()
  const [a, b] = packedFiles(dir).map((id) => `${dir}/${id}.packed`)
  rmSync(a!)
  copyFileSync(b!, a!)
  thrown('RSTORE_CORRUPT', () => store.packed('a'))
  assert.equal((await store.verify()).problems.map(({ code }) => code), ['RSTORE_CORRUPT'])
  store.close()
})

test('a catalog that cannot be read after a commit: it is committed, and looked at later', () => {
  const store = Store.open(temporaryDirectory(), { create: true })
  const packed = packLink(store, null, 'one')
  const region = store.region('live')
  const slots = slotsOf(region)
  const { collector } = (store as unknown as { parts: { collector: Collector } }).parts
  const looks = collector as unknown as { isUnnamed(id: number): boolean }
  const { isUnnamed } = looks
  let failures = 0
  looks.isUnnamed = () => {
    failures++
    throw new RStoreError('RSTORE_IO', 'the catalog cannot be read')
  }
  region.transact(() => {
    slots.set(1, { link: packed })
    packed.close()
    slots.delete(1)
    slots.set(2, {})
  })
  assert.ok(failures > 0)
  assert.equal([...slots.keys()], [2])
  looks.isUnnamed = isUnnamed
  collector.collect()
  assert.equal(packedIds(store), [], 'it was not forgotten')
  store.close()
})

test('a field of a record that an older program wrote names what a later program packs', inStore(
  (store, region) => {
    const [[Early, EarlyNames], [Late, LateNames]] = [t.u8, t.u16].map((n) => {
      const Root = t.struct('Root', { n })
      return [Root, t.struct('Names', { packed: t.optional(t.packed(Root)) })] as const
    }) as [any, any]
    const early = store.pack(null, { root: Early }, () => ({ n: 1 }))!
    const late = store.pack(null, { root: Late }, () => ({ n: 300 }))!
    region.transact(() => {
      const names = region.map('names', t.u32, EarlyNames) as any
      for (const key of [1, 2]) names.set(key, { packed: early })
    })
    region.close()
    const again = store.region('live', { durability: 'none' })
    const names = again.map('names', t.u32, LateNames) as any
    again.transact(() => { names.get(2).packed = late })
    for (const packed of [early, late]) packed.close()
    assert.equal([1, 2].map((key) => names.get(key).packed.n), [1, 300])
    const [, ...lines] = JSON.parse(JSON.stringify([...exportLines(again)]))
    assert.equal(lines.map(({ value }: any) => Object.keys(value.packed)),
      [['$packed', 'ref'], ['$packed', 'ref']])
    again.transact(() => names.clear())
  }))

test.run()
