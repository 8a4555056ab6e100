/**
 * Keys that are objects (bytes, tuples, dates) are the caller's: who changes one, uses it for the
 * next key or has getters in it changes no entry, index or notice of an earlier one.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type Type } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound } from '../harness/types.js'

const test = suite('map: keys that the caller changes')

const Record = t.struct('Record', { a: t.u32 })

/** A key that is always the same object, and is made to be the key `n`. */
const KINDS: Record<string, [Type<any>, () => { key: any; become(n: number): void }]> = {
  bytes: [t.bytes, () => {
    const key = Buffer.alloc(1)
    return { key, become: (n) => { key[0] = n } }
  }],
  tuple: [t.tuple(t.u32, t.string), () => {
    const key: [number, string] = [0, 'x']
    return { key, become: (n) => { key[0] = n } }
  }],
  'bytes in a tuple': [t.tuple(t.bytes, t.u8), () => {
    const key: [Buffer, number] = [Buffer.alloc(1), 7]
    return { key, become: (n) => { key[0][0] = n } }
  }],
  date: [t.date, () => {
    const key = new Date(0)
    return { key, become: (n) => { key.setTime(n) } }
  }],
}

for (const [kind, [type, makeKey]] of Object.entries(KINDS)) {
  const watched = () => {
    const region = new MemoryRegion(2 ** 21)
    const map = region.map('m', type, Record)
    const index = region.transact(() => map.index('by a', 'a'))
    const told: unknown[] = []
    map.on('change', (change) => told.push(change.key))
    const { key, become } = makeKey()
    const keyOf = (n: number): any => {
      const own = makeKey()
      own.become(n)
      return type === t.bytes ? new Uint8Array(own.key) : structuredClone(own.key)
    }
    const plainOf = (keys: unknown[]) => keys.map((one) => JSON.stringify(one))
    const keysTold = (): string[] => plainOf(told.splice(0))
    const isRight = (as: number[]): void => {
      assert.equal([...index.values()].map(({ a }: any) => a), [...as].sort((x, y) => x - y))
      assert.equal([...map.values()].map(({ a }: any) => a), as)
      assertSound(region)
    }
    return { region, map, key, become, keyOf, keysTold, isRight, plainOf }
  }

  test(`${kind}: set, and views that are assigned to later`, () => {
    const { region, map, key, become, keyOf, keysTold, isRight, plainOf } = watched()
    region.transact(() => {
      for (const n of [1, 2, 3]) {
        become(n)
        map.set(key, { a: n })
      }
    })
    const all = plainOf([1, 2, 3].map(keyOf))
    assert.equal(keysTold().map((one) => JSON.parse(one)), all.map((one) => JSON.parse(one)))
    region.transact(() => {
      const views = [1, 2, 3].map((n) => {
        become(n)
        return map.get(key)!
      })
      become(9)
      for (const [i, view] of views.entries()) (view as any).a = 10 + i
    })
    assert.is(keysTold().length, 3)
    isRight([10, 11, 12])
  })

  test(`${kind}: getMany, entries, update and bulkLoad`, async () => {
    const { region, map, key, become, isRight } = watched()
    await map.bulkLoad((function* () {
      for (const n of [1, 2, 3]) {
        become(n)
        yield [key, { a: n }] as [any, any]
      }
    })())
    const many = function* () {
      for (const n of [1, 2, 3]) {
        become(n)
        yield key
      }
    }
    region.transact(() => {
      const views = map.getMany(many() as any) as any[]
      assert.equal(views.map(({ a }) => a), [1, 2, 3])
      become(3)
      for (const view of views) view.a += 20
    })
    isRight([21, 22, 23])
    region.transact(() => {
      become(1)
      map.update(key, (old: any) => {
        become(2)
        return { a: old.a + 100 }
      })
      for (const [given, view] of map.entries() as Iterable<[any, any]>) {
        if (given instanceof Date) given.setTime(99)
        else if (ArrayBuffer.isView(given)) (given as Uint8Array)[0] = 99
        else given.length = 0
        view.a++
      }
    })
    isRight([122, 23, 24])
    region.transact(() => {
      become(2)
      map.delete(key)
    })
    isRight([122, 24])
  })
}

test('a tuple whose getter gives another key each time is one key', () => {
  const region = new MemoryRegion(2 ** 21)
  const map = region.map('m', t.tuple(t.u32), Record)
  const index = region.transact(() => map.index('by a', 'a'))
  let n = 0
  const key = Object.defineProperty([0], 0, { get: () => n++ }) as [number]
  region.transact(() => {
    map.set(key, { a: 1 })
    map.set(key, { a: 2 })
    assert.is(map.setIfAbsent(key, { a: 3 }), true)
  })
  assert.equal([...map.keys()], [[0], [1], [2]])
  assert.is([...index.values()].length, 3)
  region.transact(() => {
    n = 1
    map.delete(key)
  })
  assert.equal([...map.keys()], [[0], [2]])
  assertSound(region)
})

test.run()
