/** pool.compact(): what moves, what stays, and what goes on working. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type BlockRegion, type Ref } from '../../lib/index.js'
import { thrown } from '../harness/with-region.js'
import { withPool } from './with-pool.js'

const test = suite('pool: relocation')
const Item = t.struct('Item', {
  id: t.u32, name: t.string, next: t.optional(t.self), list: t.array(t.string),
  map: t.map(t.string, t.self), pairs: t.multimap(t.u32, t.u32),
})

function fill(region: BlockRegion, id: number): Ref<any> {
  const first = region.alloc(Item, {
    id, name: `n${id}`, list: ['a', 'b'], map: [], pairs: [[1, 2]],
  })
  const item = region.deref(first) as any
  item.next = region.alloc(Item, {
    id: id + 1, name: 'second', next: first, list: [], map: [['k', first as never]], pairs: [],
  } as never)
  return first
}

function check(view: any, id: number): void {
  assert.equal([view.id, view.name, view.next.name], [id, `n${id}`, 'second'])
  assert.is(view.next.next.id, id)
  assert.equal([...view.list], ['a', 'b'])
  assert.is(view.next.map.get('k').id, id)
  assert.equal([...view.pairs], [[1, 2]])
}

test('sealed regions move out of blocks that are hardly used', withPool((pool) => {
  const regions = Array.from({ length: 320 }, () => pool.region({ bound: '2KiB' }))
  const refs = regions.map((region, i) => fill(region, i))
  assert.is(pool.stats().blocksLive, 10)
  const kept = regions.filter((region, i) => i % 10 === 3 || void region.free())
  const ids = refs.map((_, i) => i).filter((i) => i % 10 === 3)
  const readers = kept.map((region) => region.seal())
  const views = readers.map((reader, i) => reader.deref(refs[ids[i]!]!) as any)
  pool.compact()
  assert.is(pool.stats().blocksLive, 1)
  readers.forEach((reader, i) => check(reader.deref(refs[ids[i]!]!), ids[i]!))
  const moved = views.filter((view) => {
    try {
      return view.id < 0
    } catch (error: any) {
      return error.code === 'RSTORE_STALE_VIEW'
    }
  })
  assert.ok(moved.length >= 28, `${moved.length} moved`)
  const refsNow = readers.map((reader, i) => reader.refOf(reader.deref(refs[ids[i]!]!)))
  pool.compact()
  readers.forEach((reader, i) => check(reader.deref(refsNow[i]!), ids[i]!))
  for (const reader of readers) reader.free()
}))

test('a small region moves out of a block of its own, and its names with it', withPool((pool) => {
  const regions = Array.from({ length: 20 }, () => pool.region())
  const refs = regions.map((region, i) => {
    region.value('v', t.string).set(`value ${i}`)
    return fill(region, i)
  })
  const values = regions.map((region) => region.value('v', t.string))
  const readers = regions.map((region) => region.seal())
  const before = pool.stats().blocksLive!
  assert.is(before, 20)
  pool.compact()
  assert.ok(pool.stats().blocksLive! <= 2, `${pool.stats().blocksLive}`)
  readers.forEach((reader, i) => {
    check(reader.deref(refs[i]!), i)
    assert.is(values[i]!.get(), `value ${i}`)
    assert.is(reader.value('v', t.string).get(), `value ${i}`)
  })
  for (const reader of readers) reader.free()
}))

test('what was freed moves along', withPool(async (pool) => {
  const regions = [pool.region(), pool.region()]
  for (const region of regions) {
    const refs = [1, 2, 3].map((id) => fill(region, id))
    region.free(refs[1]! as never)
  }
  const readers = regions.map((region) => region.seal())
  const before = readers.map((reader) => reader.stats().allocatedBytes)
  pool.compact()
  for (const [i, reader] of readers.entries()) {
    const { problems } = await reader.verify()
    assert.equal(problems.filter(({ code }) => code !== 'REF_DANGLING'), [])
    assert.is(reader.stats().allocatedBytes, before[i])
    reader.free()
  }
}))

test('named maps in pages move within slabs', withPool((pool) => {
  const regions = Array.from({ length: 8 }, () => pool.region({ bound: '32KiB' }))
  const maps = regions.map((region, i) => {
    const map = region.map('m', t.string, Item)
    for (let k = 0; k < 20; k++) {
      map.set(`key ${k}`, { id: k + i, name: 'x', list: [], map: [], pairs: [] })
    }
    return map
  })
  assert.is(pool.stats().blocksLive, 4)
  for (const i of [1, 3, 5, 7]) regions[i]!.free()
  const readers = [0, 2, 4, 6].map((i) => regions[i]!.seal())
  pool.compact()
  assert.is(pool.stats().blocksLive, 2)
  ;[0, 2, 4, 6].forEach((i) => assert.is(maps[i]!.get('key 7')!.id, i + 7))
  for (const reader of readers) reader.free()
}))

test('what is held twice, written, or large stays', withPool((pool) => {
  const open = pool.region()
  const first = fill(open, 1)
  const held = pool.region()
  const second = fill(held, 2)
  const reader = held.seal()
  reader.retain()
  const large = pool.region()
  const third = large.alloc(t.array(t.u32), new Uint32Array(50_000).fill(3))
  const largeReader = large.seal()
  const views = [open.deref(first) as any, reader.deref(second) as any]
  pool.compact()
  views.forEach((view, i) => check(view, i + 1))
  assert.is((largeReader.deref(third as never) as any)[49_999], 3)
  reader.free()
  pool.compact()
  thrown('RSTORE_STALE_VIEW', () => views[1].id)
  check(reader.deref(second), 2)
  open.free()
  reader.free()
  largeReader.free()
}))

test.run()
