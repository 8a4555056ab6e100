/**
 * Programs of two versions on one file: what the later one changes in what the earlier one has
 * made. After each test every byte of the file has to be accounted for.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Region, t, type RMap, type RMultimap, type RValue, type Type } from '../../lib/index.js'
import { codeOf } from '../harness/types.js'
import { withPool } from '../pool/with-pool.js'
import { nextTurn, withRegion, type Place } from '../harness/with-region.js'

const test = suite('map: later versions')

const struct = (fields: Record<string, Type<any>>): Type<any> => t.struct('T', fields)
const itemOf = (fields: Record<string, Type<any>>): Type<any> => t.struct('Item', fields)

/** A map of the earlier version with entries, closed. */
function made<K, V>(
  place: Place, key: Type<K>, value: Type<V>, fill: (map: RMap<K, any, any>) => void,
): void {
  const region = place.create({ capacity: '8MiB' })
  const map = region.map('m', key, value)
  region.transact(() => fill(map))
  region.close()
}

// ── indexes by fields that were widened ──

type Field = [earlier: Type<any>, later: Type<any>, valueOf: (n: number) => unknown]

const number = (n: number): number => n
const WIDENED: readonly Field[] = [
  [t.u8, t.u16, number], [t.u8, t.i16, number], [t.u8, t.i32, number], [t.u16, t.i32, number],
  [t.i8, t.i32, number], [t.u8, t.f32, number], [t.u16, t.f64, number], [t.f32, t.f64, number],
  [t.i32, t.i64, BigInt], [t.u32, t.u64, BigInt], [t.u8, t.i64, BigInt],
  [t.enum('a', 'b'), t.enum('a', 'b', 'c'), (n) => 'abc'[n % 3]],
]
interface Opened {
  map(): RMap<number, any, any>
  multimap(): RMultimap<any, any>
  value(): RValue<any, any>
}
const kindOf = (type: Type<any>): string => (type as unknown as { kind: string }).kind

for (const [earlier, later, valueOf] of WIDENED) {
  for (const by of [['n'], ['n', 'other']]) {
    const [was, is] = [kindOf(earlier), kindOf(later)]
    test(`an index by ${by.join()}, a field that was ${was} and is ${is}`, withRegion((place) => {
      const isEnum = kindOf(earlier) === 'enum'
      const first = isEnum ? (n: number) => 'ab'[n % 2] : number
      made(place, t.u32, struct({ n: earlier, other: t.u8 }), (map) => {
        map.index('byN', by)
        for (let i = 0; i < 100; i++) map.set(i, { n: first(i), other: 1 })
      })
      const region = place.open()
      const map = region.map('m', t.u32, struct({ n: later, other: t.u8 }))
      // it is kept right without being declared
      region.transact(() => {
        for (let i = 50; i < 150; i++) map.set(i, { n: valueOf(i), other: 1 })
        for (let i = 0; i < 10; i++) map.delete(i)
      })
      const index = map.index('byN', by)
      assert.is([...index.values()].length, 140)
      const least = isEnum ? 'c' : valueOf(149)
      const from = by.length === 1 ? least : [least, 0]
      const found = [...index.keys({ gte: from as never })]
      assert.ok(found.includes(isEnum ? 149 - 149 % 3 - 1 : 149), found.join())
      region.close()
      assert.is(codeOf(() => place.open().map('m', t.u32, struct({ n: earlier, other: t.u8 }))),
        'RSTORE_TYPE_MISMATCH')
    }))
  }
}

test('declaring the index of a widened field makes it anew, where that may be written', withRegion(
  (place) => {
    made(place, t.u32, struct({ n: t.u8 }), (map) => {
      map.index('byN', 'n', { unique: true })
      for (let i = 0; i < 20; i++) map.set(i, { n: 19 - i })
    })
    const Later = struct({ n: t.i16 })
    const reader = place.openReadOnly()
    const seen = reader.map('m', t.u32, Later) as unknown as RMap<number, any, any>
    assert.is(codeOf(() => seen.index('byN', 'n', { unique: true })), 'RSTORE_TYPE_MISMATCH')
    reader.close()
    const region = place.open()
    const map = region.map('m', t.u32, Later)
    assert.is(codeOf(() => map.index('byN', 'n')), 'RSTORE_TYPE_MISMATCH', 'it is unique')
    const index = map.index<number>('byN', 'n', { unique: true })
    assert.equal([...index.keys({ lt: 3 })], [19, 18, 17])
    region.transact(() => map.set(100, { n: -5 }))
    assert.equal([...index.keys({ lt: 1 })], [100, 19])
    assert.is(codeOf(() => region.transact(() => map.set(101, { n: -5 }))), 'RSTORE_UNIQUE')
  },
))

test('what was brought to a later version and rolled back is as before', withRegion((place) => {
  const [Earlier, Later] = [struct({ n: t.u8 }), struct({ n: t.f64 })]
  made(place, t.u32, Earlier, (map) => {
    map.index('byN', 'n')
    for (let i = 0; i < 20; i++) map.set(i, { n: i })
  })
  const region = place.open()
  const later = region.map('m', t.u32, Later)
  for (let time = 0; time < 3; time++) {
    assert.throws(() => region.transact(() => {
      later.set(100, { n: 0.5 })
      assert.equal([...later.index<number>('byN', 'n').keys({ lt: 1 })], [0, 100])
      throw new Error('undo')
    }), /undo/)
  }
  const other = place.open()
  const earlier = other.map('m', t.u32, Earlier)
  other.transact(() => earlier.set(30, { n: 2 }))
  assert.equal([...earlier.index('byN', 'n').keys({ gte: 2, lte: 2 })], [2, 30])
  region.transact(() => later.set(31, { n: 2.5 }))
  assert.equal([...later.index<number>('byN', 'n').keys({ gte: 2, lt: 3 })], [2, 30, 31])
  assert.is(codeOf(() => other.transact(() => earlier.set(32, { n: 1 }))), 'RSTORE_TYPE_MISMATCH')
}))

test('of two later versions the latest stays, whichever changes first', withRegion((place) => {
  const versions = [t.u8, t.u16, t.u32].map((n) => struct({ n }))
  made(place, t.u32, versions[0]!, (map) => map.set(1, { n: 1 }))
  const region = place.open()
  const [, second, third] = versions.map((type) => region.map('m', t.u32, type))
  region.map('m', t.u32, versions[1]!)
  assert.is(codeOf(() => region.transact(() => second!.set(2, { n: 300 }))), 'RSTORE_TYPE_MISMATCH')
  region.transact(() => third!.set(3, { n: 70_000 }))
  assert.equal([...third!.values()].map(({ n }) => n), [1, 70_000])
}))

// ── orders of things ──

test('an older program that is locked out is told that a later one did it', withRegion((place) => {
  const region = place.create()
  const [earlier, later] = [E1, E2].map((label) => ({
    map: () => region.map('m', t.u32, struct({ label })),
    multimap: () => region.multimap('mm', label, label),
    value: () => region.value('v', struct({ label })),
  })) as [Opened, Opened]
  for (const open of Object.values(earlier)) open()
  region.transact(() => {
    later.map().set(1, { label: 'c' })
    later.multimap().add('c', 'c')
    later.value().set({ label: 'c' })
  })
  for (const open of Object.values(earlier)) {
    assert.is(codeOf(open), 'RSTORE_TYPE_MISMATCH')
    assert.throws(open, /It is of a later version of the program: use that one/)
  }
  const other = (): unknown => region.map('m', t.u32, struct({ label: t.u8 }))
  assert.throws(other, /Open it with the type it was stored with/)
}))

test('an index of a later version locks older programs out', withRegion((place) => {
  const [Earlier, Later] = [struct({ n: t.u8 }), struct({ n: t.u8, more: t.optional(t.u8) })]
  made(place, t.u32, Earlier, (map) => {
    map.index('byN', 'n')
    map.set(1, { n: 1 })
  })
  const region = place.open()
  region.map('m', t.u32, Later).index('byMore', 'more')
  assert.is(codeOf(() => place.open().map('m', t.u32, Earlier)), 'RSTORE_TYPE_MISMATCH')
}))

test('a map that was made anew in an earlier version, before the first change', withRegion(
  (place) => {
    const [Earlier, Later] = [struct({ n: t.u8 }), struct({ n: t.u16 })]
    made(place, t.u32, Later, (map) => map.index('byN', 'n'))
    const region = place.open()
    const later = region.map('m', t.u32, Later)
    const other = place.open()
    other.transact(() => other.dropMap('m'))
    other.map('m', t.u32, Earlier).index('byN', 'n')
    region.transact(() => later.set(2, { n: 300 }))
    assert.equal([...later.index<number>('byN', 'n').keys({ gte: 300 })], [2])
    assert.is(codeOf(() => place.open().map('m', t.u32, Earlier)), 'RSTORE_TYPE_MISMATCH')
  },
))

test('an index that was made anew by another field, or by a function', withRegion((place) => {
  const Both = struct({ n: t.u8, other: t.u8 })
  made(place, t.u32, Both, (map) => map.index('x', 'n'))
  const region = place.open()
  const map = region.map('m', t.u32, Both)
  map.index('x', 'n')
  const other = place.open()
  const anew = (by: any, options: object): any => {
    other.transact(() => other.dropMap('m'))
    return other.map('m', t.u32, Both).index('x', by, options)
  }
  anew('other', {})
  region.transact(() => map.set(1, { n: 2, other: 3 }))
  assert.equal([...map.index<number>('x', 'other').keys({ gte: 3 })], [1])
  anew((record: any) => record.other, { key: t.u16 })
  assert.is(codeOf(() => region.transact(() => map.set(1, { n: 2, other: 3 }))),
    'RSTORE_INDEX_NOT_DECLARED')
}))

test('an index by a field whose default is another', withRegion((place) => {
  const of = (value: number) => struct({ n: t.u8, more: t.default(t.f64, value) })
  made(place, t.u32, struct({ n: t.u8 }), (map) => {
    for (let i = 0; i < 5; i++) map.set(i, { n: i })
  })
  let region = place.open()
  region.map('m', t.u32, of(7)).index('byMore', 'more')
  region.close()
  region = place.open()
  const map = region.map('m', t.u32, of(8))
  region.transact(() => map.delete(1))
  assert.equal([...map.index<number>('byMore', 'more').keys({ gte: 8 })], [0, 2, 3, 4])
}))

test('an iteration over an index that is made anew', withRegion((place) => {
  const Later = struct({ n: t.f64 })
  made(place, t.u32, struct({ n: t.u8 }), (map) => {
    map.index('byN', 'n')
    for (let i = 0; i < 1000; i++) map.set(i, { n: i % 200 })
  })
  const region = place.open()
  const map = region.map('m', t.u32, Later)
  const rolledBack = (): any => {
    let index: any
    assert.throws(() => region.transact(() => {
      index = map.index('byN', 'n')
      throw new Error('undo')
    }), /undo/)
    return index
  }
  const index = rolledBack()
  const begun = index.keys()
  begun.next()
  region.transact(() => {
    assert.equal([...index.keys({ lt: 0.5 })], [0, 200, 400, 600, 800])
    for (const key of index.keys()) map.delete(key)
    assert.is(map.size, 0)
  })
  assert.is(codeOf(() => begun.next()), 'RSTORE_STALE_VIEW')
}))

test('a savepoint with the first change that is undone, and one with another', withRegion(
  (place) => {
    made(place, t.u32, struct({ n: t.u8 }), (map) => {
      map.index('byN', 'n')
      map.set(1, { n: 1 })
    })
    const region = place.open()
    const map = region.map('m', t.u32, struct({ n: t.f64 }))
    const undone = (): void => {
      assert.throws(() => region.transact(() => {
        map.set(2, { n: 0.5 })
        throw new Error('undo')
      }), /undo/)
    }
    region.transact(() => {
      undone()
      map.set(3, { n: 0.25 })
      undone()
    })
    assert.equal([...map.index<number>('byN', 'n').keys({ lt: 2 })], [3, 1])
  },
))

test('no room for indexes that are made anew: all is as before', withRegion((place) => {
  const region = place.create({ capacity: '1MiB' })
  const earlier = region.map('m', t.u32, struct({ n: t.u8 }))
  earlier.index('byN', 'n')
  const other = region.value('other', t.u32)
  region.transact(() => other.set(1))
  let size = 0
  const fill = (): void => region.transact(() => {
    for (let i = 0; i < 500; i++) earlier.set(size + i, { n: i % 200 })
  })
  assert.is(codeOf(() => { for (;; size += 500) fill() }), 'RSTORE_REGION_FULL')
  const later = region.map('m', t.u32, struct({ n: t.f64 }))
  region.transact(() => assert.is(codeOf(() => later.delete(0)), 'RSTORE_REGION_FULL'))
  assert.is(later.size, size)
  assert.is([...earlier.index('byN', 'n').keys()].length, size)
}))

test('no room for it in a block region: the change before stays', withPool(async (pool) => {
  const region = pool.region({ bound: '16KiB' })
  const earlier = region.map('m', t.u32, struct({ n: t.u8 }))
  earlier.index('byN', 'n')
  let size = 0
  assert.is(codeOf(() => {
    for (;; size++) earlier.set(size, { n: size % 200 })
  }), 'RSTORE_REGION_FULL')
  assert.ok(earlier.delete(0))
  const later = region.map('m', t.u32, struct({ n: t.f64 }))
  for (let time = 0; time < 2; time++) {
    assert.is(codeOf(() => later.set(1, { n: 0.5 })), 'RSTORE_REGION_FULL')
    assert.is(region.names()[0]!.size, size - 1)
  }
  assert.ok((await region.verify()).ok)
  region.seal().free()
}))

// ── keys ──

for (const kind of ['map', 'multimap'] as const) {
  test(`a ${kind} whose keys are labels of an enum that has grown`, withRegion(async (place) => {
    const open = (region: Region, ...labels: [string, ...string[]]): any =>
      (region as any)[kind]('m', t.tuple(t.enum(...labels), t.u8), t.enum(...labels))
    const put = (map: any, label: string): void =>
      kind === 'map' ? map.set([label, 1], label) : map.add([label, 1], label)
    const region = place.create()
    const old = open(region, 'a', 'b')
    region.transact(() => put(old, 'b'))
    const idle = place.open()
    const left = open(idle, 'a', 'b')
    const map = open(region, 'a', 'b', 'c')
    assert.is(left.size, 1)
    region.transact(() => put(map, 'c'))
    await nextTurn()
    assert.is(codeOf(() => left.size), 'RSTORE_TYPE_MISMATCH')
    assert.equal([...map.entries()], [[['b', 1], 'b'], [['c', 1], 'c']])
    assert.match(region.names()[0]!.type, '"c"')
    await region.compact()
    assert.equal([...map.keys()].length, 2)
  }))
}

// ── what is inside of earlier records ──

const [E1, E2] = [t.enum('a', 'b'), t.enum('a', 'b', 'c')]
const [I1, I2] = [
  itemOf({ n: t.u8, text: t.string }),
  itemOf({ n: t.u16, text: t.string, more: t.default(t.f64, 7.5) }),
]
const EARLIER = struct({
  label: E1, size: t.u8, items: t.array(I1), labels: t.array(E1),
  byLabel: t.map(E1, t.u32), sizes: t.map(t.u32, t.u8), byNumber: t.map(t.u32, I1),
  pairs: t.multimap(t.u32, E1),
})
const LATER = struct({
  label: E2, size: t.u16, items: t.array(I2), labels: t.array(E2),
  byLabel: t.map(E2, t.u32), sizes: t.map(t.u32, t.u16), byNumber: t.map(t.u32, I2),
  pairs: t.multimap(t.u32, E2), added: t.optional(t.string),
})
const earlierRecord = () => ({
  label: 'a', size: 1, items: [{ n: 1, text: 'one' }], labels: ['b'],
  byLabel: [['a', 1]], sizes: [[1, 1]], byNumber: [[1, { n: 1, text: 'one' }]], pairs: [[1, 'a']],
})
const many = Array.from({ length: 9 }, (_, i) => ({ n: 300 + i, text: `text ${i}`, more: i }))

/** A change of a record, and what it reads as then; a string: the message of what refuses it. */
const CHANGES: readonly [string, (record: any) => void, string | ((record: any) => unknown)][] = [
  ['a label', (r) => { r.label = 'c' }, 'an older version of the type, whose enum has no room'],
  ['a number', (r) => { r.size = 1000 }, 'an older version of the type, whose u8 has no room'],
  ['a new field', (r) => { r.added = 'x' }, 'written by an older version'],
  ['an array of structs', (r) => { r.items = many }, (r) => r.items.length === 9
    && r.items.at(8).n === 308 && r.items.at(8).more === 8],
  ['an array of labels', (r) => { r.labels = ['c'] }, (r) => r.labels.at(0) === 'c'],
  ['a key of a map', (r) => r.byLabel.set('c', 1), 'must be one of "a", "b"'],
  ['a number in a map', (r) => r.sizes.set(2, 1000), '1000 is not a u8'],
  ['a number in a map that fits', (r) => r.sizes.set(2, 200), (r) => r.sizes.get(2) === 200],
  ['a record in a map', (r) => r.byNumber.set(2, many[1]), (r) => r.byNumber.get(2).n === 301
    && r.byNumber.get(1).more === 7.5],
  ['a value of a multimap', (r) => r.pairs.add(1, 'c'), 'must be one of "a", "b"'],
  ['a map as a whole', (r) => { r.byLabel = [['c', 3]] }, (r) => r.byLabel.get('c') === 3
    && r.byLabel.size === 1],
  ['a map of numbers as a whole', (r) => { r.sizes = [[2, 1000]] }, (r) => r.sizes.get(2) === 1000],
  ['a multimap as a whole', (r) => { r.pairs = [[5, 'c']] }, (r) => r.pairs.has(5, 'c')
    && r.pairs.size === 1],
]

for (const [name, change, outcome] of CHANGES) {
  test(`changed in an earlier record: ${name}`, withRegion(async (place) => {
    made(place, t.u32, EARLIER, (map) => {
      for (const key of [1, 2, 3]) map.set(key, earlierRecord())
    })
    const region = place.open()
    const map = region.map('m', t.u32, LATER)
    const isRefused = typeof outcome === 'string'
    if (isRefused) {
      assert.throws(() => region.transact(() => change(map.get(1))),
        (error: Error) => error.message.includes(outcome))
    } else {
      region.transact(() => change(map.get(1)))
      assert.ok(outcome(map.get(1)))
    }
    assert.is(codeOf(() => region.map('m', t.u32, EARLIER)),
      isRefused ? 'nothing thrown' : 'RSTORE_TYPE_MISMATCH')
    await region.compact()
    if (!isRefused) assert.ok(outcome(map.get(1)), 'compacted')
    const stored = region.names()[0]!
    assert.is(stored.size, 3)
    region.transact(() => {
      map.delete(1)
      map.set(2, { ...map.getObject(2), label: 'c', items: many })
    })
    assert.equal([map.size, map.get(2)!.label, map.get(3)!.label], [2, 'c', 'a'])
    region.close()
    const again = place.open()
    again.transact(() => again.map('m', t.u32, LATER).clear())
  }))
}

test('a value with an earlier record', withRegion(async (place) => {
  const region = place.create()
  const value = region.value('v', EARLIER)
  region.transact(() => value.set(earlierRecord()))
  const later = region.value('v', LATER)
  region.transact(() => { later.get()!.items = many })
  assert.is(later.get()!.items.length, 9)
  assert.is(codeOf(() => value.get()), 'RSTORE_TYPE_MISMATCH')
  await region.compact()
  assert.is(later.get()!.items.at(3)!.more, 3)
}))

test('earlier records that are reached by another name', withRegion((place) => {
  const region = place.create()
  const map = region.map('m', t.u32, EARLIER)
  const first = region.value('first', struct({ to: t.ref(() => EARLIER) }))
  region.transact(() => {
    map.set(1, earlierRecord())
    first.set({ to: map.get(1)! })
  })
  const later = region.map('m', t.u32, LATER)
  region.transact(() => {
    later.get(1)!.items = many
    later.get(1)!.byNumber.set(2, many[2])
  })
  const record = first.get()!.to
  assert.is(record.size, 1)
  assert.is(codeOf(() => record.items), 'RSTORE_TYPE_MISMATCH')
  assert.is(codeOf(() => record.byNumber.get(2)), 'RSTORE_TYPE_MISMATCH')
}))

// ── earlier records that refs name ──

const plainOf = (label: Type<any>, size: Type<any>) => ({
  text: t.string, label, size, next: t.optional(t.self),
})
const deepOf = (label: Type<any>, size: Type<any>) => ({
  ...plainOf(label, size), words: t.array(t.string), byNumber: t.map(t.u32, t.string),
})
const CIRCLE = 50
const inCircle = (n: number, more: object = {}): Record<string, unknown> =>
  ({ text: `text ${n}`, label: 'a', size: n, words: [`w${n}`], byNumber: [[n, `n${n}`]], ...more })

/** Records each of which names the next one, and which lie between free cells. */
function fillCircle(map: RMap<number, any, any>): void {
  for (let n = 0; n < CIRCLE; n++) {
    map.set(n + CIRCLE, inCircle(n))
    map.set(n, inCircle(n))
  }
  for (let n = 0; n < CIRCLE; n++) {
    map.get(n).next = map.get((n + 1) % CIRCLE)
    map.delete(n + CIRCLE)
  }
}

/** Writes each record whole, and fills what cells became free. */
function rewriteCircle(map: RMap<number, any, any>): void {
  for (let n = 0; n < CIRCLE; n++) {
    const label = n % 2 === 0 ? 'c' : 'b'
    map.update(n, (old) => ({ ...old.toObject(), label, size: 1000 + n }))
    map.set(n + 2 * CIRCLE, inCircle(n))
  }
}

function checkCircle(map: RMap<number, any, any>, first: number, labels: string): void {
  for (let n = 0; n < CIRCLE; n++) {
    const { next } = map.get(n)
    const after = (n + 1) % CIRCLE
    assert.is(next.text, `text ${after}`)
    assert.is(next.size, first + after)
    assert.is(next.label, labels[after % 2])
    if (next.words !== undefined) assert.is(next.words.at(0), `w${after}`)
    if (next.byNumber !== undefined) assert.is(next.byNumber.get(after), `n${after}`)
  }
}

for (const [name, fieldsOf] of [['plain', plainOf], ['deep', deepOf]] as const) {
  const [earlierType, laterType] = [struct(fieldsOf(E1, t.u8)), struct(fieldsOf(E2, t.u16))]

  test(`written whole where it has the room, it stays where refs name it: ${name}`, withRegion(
    (place) => {
      made(place, t.u32, earlierType, fillCircle)
      const region = place.open()
      const map = region.map('m', t.u32, laterType)
      const refs = Array.from({ length: CIRCLE }, (_, n) => region.refOf(map.get(n)))
      assert.throws(() => region.transact(() => {
        rewriteCircle(map)
        checkCircle(map, 1000, 'cb')
        throw new Error('undo')
      }), /undo/)
      checkCircle(map, 0, 'aa')
      region.transact(() => {
        const view = map.get(1)
        rewriteCircle(map)
        assert.is(codeOf(() => view.text), 'RSTORE_STALE_VIEW')
      })
      checkCircle(map, 1000, 'cb')
      assert.equal(refs, Array.from({ length: CIRCLE }, (_, n) => region.refOf(map.get(n))))
    },
  ))

  test(`the same in a block region: ${name}`, withPool(async (pool) => {
    const region = pool.region()
    fillCircle(region.map('m', t.u32, earlierType))
    const map = region.map('m', t.u32, laterType)
    rewriteCircle(map)
    checkCircle(map, 1000, 'cb')
    assert.ok((await region.verify()).ok)
    region.seal().free()
  }))
}

test('a rollback in a block region gives the earlier version back', withPool(async (pool) => {
  const fields = { text: t.string, a: t.u8, b: t.u8, c: t.u8 }
  const earlier = struct({ n: t.u8, ...fields })
  const later = struct({ n: t.u16, ...fields })
  const record = (n: number): object => ({ n, text: `text ${n}`, a: 1, b: 2, c: 3 })
  const region = pool.region()
  const before = region.map('m', t.u32, earlier)
  for (const n of [1, 2]) before.set(n, record(n))
  const map = region.map('m', t.u32, later)
  map.index('unique', ['n'], { unique: true })
  assert.is(codeOf(() => map.set(2, record(1))), 'RSTORE_UNIQUE')
  assert.equal(map.get(2)!.toObject(), record(2))
  map.set(2, record(1000))
  assert.equal(map.get(2)!.toObject(), record(1000))
  assert.ok((await region.verify()).ok)
  region.free()
}))

test.run()
