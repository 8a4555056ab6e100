/**
 * Code of the user that runs inside of an operation (getters, iterables, the source of a bulk load)
 * and uses, changes or takes away what the operation is about to write.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Type } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf } from '../harness/types.js'

const test = suite('map: code of the user inside of operations')

const Tagged = t.struct('Tagged', {
  name: t.string, tags: t.array(t.string), by: t.map(t.string, t.json),
})
const tagged = (name: string) =>
  ({ name, tags: ['a', 'b'], by: [['x', 1]] as [string, unknown][] })

/** Strings, after something else was done. */
function* after(done: () => void): Generator<string> {
  done()
  yield 'x'
}

test('a bulk load whose source changes the same map is refused', async () => {
  const changes: ((map: { set(key: never, value: number): void; delete(key: never): boolean }) =>
    void)[] = [
    (map) => map.set(at(5), 5),
    (map) => void map.delete(at(1)),
    (map) => {
      map.delete(at(1))
      map.set(at(4), 4)
    },
  ]
  let isText = false
  const at = (n: number): never => (isText ? `some key ${String(n).padStart(5, '0')}` : n) as never
  for (isText of [false, true]) {
    for (const count of [20, 3000]) {
      for (const change of changes) {
        for (const isEarly of [false, true]) {
          const region = new MemoryRegion(2 ** 22)
          const map = region.map('map', (isText ? t.string : t.u32) as Type<never>, t.u32)
          region.transact(() => map.set(at(1), 1))
          const source = function* () {
            for (let i = 10; i < 10 + count; i++) {
              if (isEarly && i === 17) change(map as never)
              yield [at(i), i] as [never, number]
            }
            if (!isEarly) change(map as never)
          }
          const error = await map.bulkLoad(source()).then(() => undefined, (thrown) => thrown)
          assert.match(error?.message, /was changed while sorted input was loaded/)
          assert.equal([...map.entries()], [[at(1), 1]])
          assertSound(region)
          assert.is(await map.bulkLoad([[at(10), 10], [at(11), 11]]), 2, 'and again')
          region.transact(() => map.set(at(2), 2))
          assertSound(region)
        }
      }
    }
  }
})

test('t.json: a getter that stores another t.json does not get into the middle of it', () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('map', t.string, t.json)
  const inner = { long: 'x'.repeat(5000) }
  const outer = (note: () => unknown): unknown => ({ get noted() { return note() }, after: [1, 2] })
  const set = (key: string, value: unknown): void => region.transact(() => map.set(key, value))
  const store = (): void => set('inner', inner)
  assert.throws(() => set('outer', outer(store)), /a getter or toJSON in it stored or compared/)
  assert.throws(() => set('outer', { noted: new (class { toJSON = store })() }), /a getter or/)
  assert.not(map.has('outer'))
  store()
  set('outer', outer(() => map.get('inner')))
  assert.equal(map.get('outer'), { noted: inner, after: [1, 2] })
  assertSound(region)
})

test('a source may change other maps', async () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('map', t.u32, t.u32)
  const other = region.map('other', t.u32, t.u32)
  await map.bulkLoad((function* () {
    for (let i = 0; i < 5000; i++) {
      other.set(i, i)
      yield [i, i] as [number, number]
    }
    other.delete(7)
  })())
  assert.is(map.size, 5000)
  assert.is(other.size, 4999)
  assertSound(region)
})

test('a record that goes while its new field is read is stale, and no byte is written', () => {
  for (const again of [false, true]) {
    for (const isIndexed of [false, true]) {
      const region = new MemoryRegion(2 ** 22)
      const map = region.map('map', t.string, Tagged)
      if (isIndexed) region.transact(() => void map.index('byName', 'name'))
      region.transact(() => ['a', 'c'].forEach((key) => map.set(key, tagged(key))))
      region.transact(() => {
        const record = map.get('a')!
        const go = (): void => {
          map.delete('a')
          if (again) map.set('b', tagged('b'))
        }
        assert.is(codeOf(() => { record.tags = after(go) as never }), 'RSTORE_STALE_VIEW')
      })
      assert.equal([...map.keys()], again ? ['b', 'c'] : ['c'])
      if (again) assert.equal([...map.get('b')!.tags], ['a', 'b'])
      assertSound(region)
    }
  }
})

test('a map in a record that goes while a value for it is read', () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('map', t.string, Tagged)
  region.transact(() => ['a', 'b'].forEach((key) => map.set(key, tagged(key))))
  region.transact(() => {
    const { by } = map.get('a')!
    const value = { toJSON: () => 1, get x() { map.delete('a'); return 1 } }
    assert.is(codeOf(() => by.set('y', value)), 'RSTORE_STALE_VIEW')
  })
  assert.equal([...map.keys()], ['b'])
  assertSound(region)
})

test('getters in the tuples of a multimap use the same multimap', () => {
  const region = new MemoryRegion(2 ** 22)
  const Pair = t.tuple(t.string, t.u32)
  const pairs = region.multimap('pairs', Pair, Pair)
  const tupleOf = (text: string, number: number, read: () => void): [string, number] => {
    const tuple: [string, number] = [text, number]
    return Object.defineProperty(tuple, 1, { get: () => (read(), number) })
  }
  const look = (): void => {
    pairs.has(['other', 9], ['value', 9])
    pairs.add(['other', 8], ['value', 8])
    pairs.remove(['other', 8])
  }
  region.transact(() => {
    assert.ok(pairs.add(tupleOf('key', 1, look), tupleOf('value', 2, look)))
    assert.ok(pairs.add(['key', 1], ['value', 3]))
    assert.is(pairs.remove(tupleOf('key', 1, look), tupleOf('value', 3, look)), 1)
  })
  assert.equal([...pairs.entries()], [[['key', 1], ['value', 2]]])
  assert.throws(() => region.transact(() => pairs.add(['key', 1], undefined as never)), TypeError)
  assertSound(region)
})

test('getters in a key and in its value use the same map', async () => {
  const Two = t.struct('Two', { name: t.string, size: t.u32 })
  const entry = (set: (key: [string, string], value: { name: string; size: number }) => void) => {
    const key: [string, string] = ['first', 'second']
    Object.defineProperty(key, 1, {
      get: () => (set(['by', 'key'], { name: 'key', size: 2 }), 'second'),
    })
    const value = {
      name: 'value',
      get size() {
        set(['by', 'value'], { name: 'other', size: 3 })
        return 1
      },
    }
    return [key, value] as const
  }
  for (const isLoad of [false, true]) {
    const region = new MemoryRegion(2 ** 22)
    const map = region.map('map', t.tuple(t.string, t.string), Two)
    const other = region.map('other', t.tuple(t.string, t.string), Two)
    if (isLoad) await map.bulkLoad([entry((key, value) => other.set(key, value))])
    else region.transact(() => map.set(...entry((key, value) => map.set(key, value))))
    assert.equal(map.getObject(['first', 'second']), { name: 'value', size: 1 })
    const written = isLoad ? other : map
    assert.equal(written.getObject(['by', 'key']), { name: 'key', size: 2 })
    assert.equal(written.getObject(['by', 'value']), { name: 'other', size: 3 })
    assert.is(map.size + other.size, 3)
    assertSound(region)
  }
})

test('a getter in a key uses the same map', () => {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('map', t.tuple(t.string, t.string), t.u32)
  const key: [string, string] = ['first', 'second']
  Object.defineProperty(key, 1, { get: () => (map.set(['other', 'one'], 2), 'second') })
  region.transact(() => map.set(key, 1))
  assert.equal([...map.entries()], [[['first', 'second'], 1], [['other', 'one'], 2]])
  assertSound(region)
})

test('a function of an index that changes its map while the index is made is refused', () => {
  const changes: ((map: any) => void)[] = [
    (map) => map.set(1, { a: 50 }), (map) => map.delete(2), (map) => map.clear(),
  ]
  for (const change of changes) {
    const region = new MemoryRegion(2 ** 21)
    const map = region.map('m', t.u32, t.struct('S', { a: t.u32 }))
    region.transact(() => { for (let i = 0; i < 10; i += 2) map.set(i, { a: i }) })
    const before = map.getMany([0, 2, 4, 6, 8]).map((record) => record!.a)
    assert.throws(() => region.transact(() => map.index('f', (record, key) => {
      if (key === 4) change(map)
      return record.a
    }, { key: t.u32 })), /the function of index "f" changed the map "m"/)
    assert.equal([...map.values()].map(({ a }) => a), before)
    assertSound(region)
  }
})

test.run()
