/**
 * Large arrays that are read in place, stored again: what was written before must not have changed
 * them. They were once written from where they lay, and read back as each other, or as zeros.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Pool, t, type WritableRegion } from '../../lib/index.js'
import { withRegion } from '../harness/with-region.js'

const test = suite('types: arrays read in place as values')

const Pages = t.struct('Pages', {
  a: t.bytes, b: t.bytes, x: t.array(t.u16), y: t.array(t.u16), deep: t.map(t.string, t.bytes),
})
const A = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251)
const B = Uint8Array.from({ length: 6000 }, (_, i) => 255 - i % 241)
const X = Uint16Array.from({ length: 9000 }, (_, i) => i * 7)
const Y = Uint16Array.from({ length: 9000 }, (_, i) => i * 5 + 1)
const pages = { a: A, b: B, x: X, y: Y, deep: [['a', A], ['b', B]] as [string, Uint8Array][] }

/** Each case changes the record of key 1; gives what it must be then. */
const cases: Record<string, (region: WritableRegion) => Record<string, unknown>> = {
  'two fields exchanged': (region) => {
    const map = region.map('pages', t.u32, Pages)
    const { a, b, x, y } = map.get(1)!
    map.set(1, { a: b, b: a, x: y, y: x, deep: [] })
    return { a: B, b: A, x: Y, y: X, deep: new Map() }
  },
  'parts of fields': (region) => {
    const record = region.map('pages', t.u32, Pages).get(1)!
    record.a = record.a.subarray(0, 20)
    record.b = Buffer.from(record.b.buffer, 1, 3000)
    record.x = (record.x as unknown as Uint16Array).subarray(0, 9) as never
    return { a: A.slice(0, 20), b: B.slice(1, 3001), x: X.slice(0, 9), y: Y, deep: pages.deep }
  },
  'a map given its own entries': (region) => {
    const record = region.map('pages', t.u32, Pages).get(1)!
    record.deep = record.deep
    return pages
  },
  'a map given its own entries under other keys': (region) => {
    const record = region.map('pages', t.u32, Pages).get(1)!
    const { deep } = record
    record.deep = [['a', deep.get('b')!], ['b', deep.get('a')!]] as never
    return { ...pages, deep: [['a', B], ['b', A]] }
  },
}

const asStored = (value: Record<string, unknown>): object => ({
  ...value, deep: [...value['deep'] as Iterable<[string, Uint8Array]>],
})

for (const [name, change] of Object.entries(cases)) {
  test(`in a file: ${name}`, withRegion((place) => {
    const region = place.create()
    const map = region.map('pages', t.u32, Pages)
    region.transact(() => map.set(1, pages))
    const expected = region.transact(() => change(region))
    assert.equal(asStored(map.getObject(1)), asStored(expected))
  }))

  test(`in blocks: ${name}`, () => {
    const region = Pool.default.region()
    const map = region.map('pages', t.u32, Pages)
    map.set(1, pages)
    const expected = change(region)
    assert.equal(asStored(map.getObject(1)), asStored(expected))
    region.free()
  })
}

test('a value of its own, and an element of a list', withRegion((place) => {
  const region = place.create()
  const map = region.map('bytes', t.string, t.bytes)
  const lists = region.map('lists', t.string, t.array(t.bytes))
  region.transact(() => {
    map.set('k', A)
    map.set('k', map.get('k')!.subarray(5, 30))
    lists.set('k', [A, B])
    lists.set('k', [lists.get('k')!.at(1)!, lists.get('k')!.at(0)!])
  })
  assert.equal(map.get('k'), A.slice(5, 30))
  assert.equal([...lists.get('k')!], [B, A])
}))

test('keys that a generator gives in one and the same Buffer', withRegion((place) => {
  const region = place.create()
  const Keyed = t.struct('Keyed', { by: t.map(t.bytes, t.u8), all: t.multimap(t.u8, t.bytes) })
  const map = region.map('keyed', t.u32, Keyed)
  const one = Buffer.alloc(1)
  const keys = function* (): IterableIterator<[Buffer, number]> {
    for (let i = 0; i < 3; i++) {
      one[0] = i
      yield [one, i]
    }
  }
  const values = function* (): IterableIterator<[number, Buffer]> {
    for (const [key, value] of keys()) yield [value, key]
  }
  region.transact(() => map.set(1, { by: keys(), all: values() }))
  const { by, all } = map.get(1)!
  assert.equal([...by], [0, 1, 2].map((i) => [Uint8Array.of(i), i]))
  assert.equal([...all], [0, 1, 2].map((i) => [i, Uint8Array.of(i)]))
}))

test('what was read in place of a record that is gone is empty, never another one', withRegion(
  (place) => {
    const region = place.create()
    const map = region.map('pages', t.u32, Pages)
    region.transact(() => {
      map.set(1, pages)
      const { a, x } = map.get(1)!
      const [again, kept] = [map.get(1)!.a, map.get(1)!.b]
      assert.is(again.buffer, a.buffer, 'one buffer for a cell')
      map.set(1, { ...pages, a: new Uint8Array(5), x: [1] })
      map.set(2, { ...pages, a: A.slice().fill(77), x: X.slice().fill(77) })
      assert.equal([a.length, x.length, again.length], [0, 0, 0])
      assert.equal(kept, B)
      map.delete(1)
      assert.is(kept.length, 0)
    })
  },
))

test('an array that is replaced while it is edited', withRegion((place) => {
  const region = place.create()
  const map = region.map('pages', t.u32, Pages)
  region.transact(() => map.set(1, pages))
  assert.throws(() => region.transact(() => {
    try {
      region.editArray(map.get(1)!.x, 0, 9, (elements: Uint16Array) => {
        map.get(1)!.x = [1] as never
        elements.fill(5)
      })
    } catch { /* nothing is committed none the less */ }
  }), /replaced while it was edited/)
  assert.equal(map.getObject(1).x, X)
}))

test.run()
