/** Secondary indexes and change notices. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Catalog } from '../../lib/map/catalog.js'
import { verifySession } from '../../lib/map/verify/verify.js'
import { t, type Index, type RMap } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf, sameType } from '../harness/types.js'

const test = suite('map: indexes and listeners')

const User = t.struct('User', {
  name: t.string,
  mail: t.optional(t.string),
  age: t.u8,
  at: t.struct('At', { x: t.i32 }),
  score: t.f64,
})
type User = Parameters<typeof users.set>[1]
const sample = new MemoryRegion(2 ** 21)
const users = sample.map('users', t.u32, User)
type Shown = ReturnType<typeof users.get> & {}
sameType<ReturnType<typeof users.index<string>>, Index<string, number, Shown>>(true)

/** What an index is by tells what its keys are. */
export const keyTypes = (any: RMap<number, any, any>): void => {
  const age = users.index('age', 'age')
  const mail = users.index('mail', 'mail', { unique: true })
  const both = users.index('both', ['age', 'mail'])
  const one = users.index('one', ['name'])
  const path = users.index('x', 'at.x')
  const paths = users.index('xs', ['at.x', 'age'])
  const told = users.index<number>('x', 'at.x')
  const toldBoth = users.index<[number, string]>('both', ['age', 'name'])
  const fn = users.index('fn', (user) => user.age)
  const some = users.index('some', (user, key) => (key > 1 ? user.mail : undefined))
  const withKey = users.index('key', (user) => user.age, { key: t.u8 })
  const anyField = any.index('any', 'field')
  sameType<typeof age, Index<number, number, Shown>>(true)
  sameType<typeof mail, Index<string, number, Shown>>(true)
  sameType<typeof both, Index<[number, string], number, Shown>>(true)
  sameType<typeof one, Index<string, number, Shown>>(true)
  sameType<typeof path, Index<unknown, number, Shown>>(true)
  sameType<typeof paths, Index<unknown, number, Shown>>(true)
  sameType<typeof told, Index<number, number, Shown>>(true)
  sameType<typeof toldBoth, Index<[number, string], number, Shown>>(true)
  sameType<typeof fn, Index<number, number, Shown>>(true)
  sameType<typeof some, Index<string, number, Shown>>(true)
  sameType<typeof withKey, Index<number, number, Shown>>(true)
  sameType<typeof anyField, Index<any, number, any>>(true)
  sameType<ReturnType<typeof age.range>, IterableIterator<Shown>>(true)
  sameType<ReturnType<typeof users.range>, IterableIterator<[number, Shown]>>(true)
  // @ts-expect-error: keys are numbers
  age.get('1')
  const method = users.index('method', 'toObject')
  sameType<typeof method, Index<unknown, number, Shown>>(true)
  const wider: RMap<number, { readonly name: string }, User> = users
  void wider
}

const user = (i: number): User => ({
  name: `u${i}`,
  age: i % 7,
  at: { x: -i },
  score: i / 4,
  ...(i % 2 === 0 ? {} : { mail: `${i}@x` }),
})

function filled(count = 20) {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('users', t.u32, User)
  region.transact(() => { for (let i = 0; i < count; i++) map.set(i, user(i)) })
  return { region, map }
}

test('by field, by several, by a function', () => {
  const { region, map } = filled()
  const byAge = map.index<number>('age', 'age')
  const byMail = map.index<string>('mail', 'mail', { unique: true })
  const byBoth = map.index<[number, string]>('both', ['age', 'name'])
  const byX = map.index<number>('x', 'at.x')
  const odd = map.index('odd', (value, key) => (key % 2 === 1 ? value.score : undefined), {
    key: t.f64,
  })
  assert.equal([...byAge.keys({ gte: 6 })], [6, 13])
  assert.equal([...byAge.keys({ gt: 5 })], [6, 13])
  assert.equal([...byAge.keys({ lt: 1 })], [0, 7, 14])
  assert.equal([...byAge.keys({ lte: 0, reverse: true })], [14, 7, 0])
  assert.equal(
    [...byAge.entries({ gte: 6, limit: 1 })].map(([age, key, value]) => [age, key, value.name]),
    [[6, 6, 'u6']],
  )
  assert.equal(
    [...byMail.values()].map((value) => value.mail),
    [11, 13, 15, 17, 19, 1, 3, 5, 7, 9].map((i) => `${i}@x`),
  )
  assert.is(byMail.get('7@x')!.name, 'u7')
  assert.is(byMail.get('8@x'), undefined)
  assert.equal([...byBoth.keys({ gte: [3, ''], lt: [4, ''] })], [10, 17, 3])
  assert.equal([...byX.keys({ limit: 3 })], [19, 18, 17])
  assert.equal([...odd.keys({ gt: 4 })], [17, 19])
  region.transact(() => {
    map.get(3)!.age = 200
    map.get(4)!.at.x = 1000
    map.get(5)!.mail = undefined
    map.get(6)!.mail = 'new@x'
    map.get(7)!.at = { x: 2000 } as never
    map.set(8, { ...user(8), age: 201 })
    map.delete(9)
    map.update(11, (old) => ({ ...old!.toObject() as User, score: 99 }))
  })
  assert.equal([...byAge.keys({ gte: 200 })], [3, 8])
  assert.equal([...byX.keys({ gte: 1000 })], [4, 7])
  assert.is(byMail.get('5@x'), undefined)
  assert.is(byMail.get('new@x')!.name, 'u6')
  assert.is(byMail.get('9@x'), undefined)
  assert.equal([...odd.keys({ gte: 99 })], [11])
  assertSound(region)
  region.transact(() => map.clear({ gte: 3 }))
  assert.equal([...byAge.keys()], [0, 1, 2])
  assertSound(region)
})

test('what an index refuses leaves everything as it was', () => {
  const { region, map } = filled(6)
  map.index('mail', 'mail', { unique: true })
  const fragile = map.index('fragile', (value) => {
    if (value.name === 'boom') throw new Error('in the function')
    return value.age
  }, { key: t.u8 })
  const before = [...map].map(([key, value]) => [key, value.toObject()])
  region.transact(() => {
    assert.is(codeOf(() => map.set(9, { ...user(9), mail: '1@x' })), 'RSTORE_UNIQUE')
    assert.is(codeOf(() => { map.get(3)!.mail = '1@x' }), 'RSTORE_UNIQUE')
    assert.is(codeOf(() => map.set(3, { ...user(3), mail: '5@x', age: 77 })), 'RSTORE_UNIQUE')
    assert.is(codeOf(() => map.set(4, { ...user(4), name: 'boom' })), 'Error')
    assert.is(codeOf(() => { map.get(4)!.name = 'boom' }), 'Error')
    map.set(1, user(1))
  })
  assert.equal([...map].map(([key, value]) => [key, value.toObject()]), before)
  assert.is([...fragile.keys()].length, 6)
  assert.is(codeOf(() => map.index('age', 'age', { unique: true })), 'nothing thrown')
  const { map: twins } = filled(20)
  assert.is(codeOf(() => twins.index('age', 'age', { unique: true })), 'RSTORE_UNIQUE')
  assert.is(codeOf(() => twins.index('age', 'age')), 'nothing thrown')
  assertSound(region)
})

/** The same memory, as another program would open it. */
function reopened(region: MemoryRegion): RMap<number, any, any> {
  region.turn()
  region.session.serial++
  return new Catalog(region.session, { create: true }).map('users', t.u32, User) as never
}

test('indexes are stored: by fields they keep themselves, by functions they ask for theirs', () => {
  const { region, map } = filled()
  map.index('age', 'age')
  const again = reopened(region)
  region.transact(() => again.set(100, { ...user(100), age: 250 }))
  assert.equal([...again.index('age', 'age').keys({ gte: 250 })], [100])
  assertSound(region)
  again.index('fn', (value: any) => value.age, { key: t.u8 })
  const third = reopened(region)
  region.transact(() => {
    assert.is(codeOf(() => third.set(101, user(101))), 'RSTORE_INDEX_NOT_DECLARED')
    assert.is(codeOf(() => third.delete(100)), 'RSTORE_INDEX_NOT_DECLARED')
    assert.is(codeOf(() => { third.get(1).age = 1 }), 'RSTORE_INDEX_NOT_DECLARED')
  })
  assert.is(third.get(100).age, 250)
  for (const wrong of [
    () => third.index('fn', 'age'),
    () => third.index('fn', () => 1, { key: t.u16 }),
    () => third.index('fn', () => 1, { key: t.u8, unique: true }),
    () => third.index('age', ['age', 'name']),
  ]) {
    assert.is(codeOf(wrong), 'RSTORE_TYPE_MISMATCH')
  }
  const changed = third.index<number>('fn', (value: any) => 255 - value.age, { key: t.u8 })
  assert.not(verifySession(region.session, (region.catalog)).problems.length)
  changed.rebuild()
  assert.equal([...changed.keys({ limit: 1 })], [100])
  region.transact(() => third.set(102, { ...user(102), age: 255 }))
  assert.equal([...changed.keys({ limit: 1 })], [102])
})

test('declarations that make no sense', () => {
  const { map, region } = filled(1)
  const nested = region.map('n', t.u8, t.struct('N', { m: t.map(t.u8, User) }))
  region.transact(() => nested.set(1, { m: [] }))
  const plain = region.map('plain', t.u8, t.u8)
  for (const wrong of [
    () => map.index('', 'age'),
    () => map.index('a\0b', 'age'),
    () => map.index('x', 'nothing'),
    () => map.index('x', 'at'),
    () => map.index('x', []),
    () => map.index('x', 5 as never),
    () => map.index('x', () => 1n),
    () => map.index('x', () => 1, { key: t.json }),
    () => map.index('x', 'age', { key: t.string as never }),
    () => nested.get(1)!.m.index('x', 'age'),
    () => plain.index('x', 'age'),
    () => nested.get(1)!.m.on('change', () => {}),
    () => map.on('changed' as never, () => {}),
    () => map.on('change', 5 as never),
  ]) {
    assert.is(codeOf(wrong), 'TypeError', String(wrong))
  }
  region.session.readOnly = true
  assert.is(codeOf(() => map.index('x', 'age')), 'RSTORE_READ_ONLY')
})

const Town = t.struct('Town', {
  name: t.string, population: t.u32, area: t.default(t.f32, 1), open: t.bool, since: t.date,
  code: t.bytes, at: t.tuple(t.f64, t.f64), rank: t.enum('town', 'city'), sum: t.u64,
  mayor: t.optional(t.struct('Mayor', { name: t.string, ended: t.optional(t.date) })),
  tags: t.array(t.string), heights: t.array(t.f32), raw: t.array(t.u8), more: t.json,
  streets: t.map(t.string, t.u32), next: t.optional(t.self),
})
type Towns = RMap<string, any, any>

function towns(count: number) {
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('towns', t.string, Town) as Towns
  region.transact(() => {
    for (let i = 0; i < count; i++) {
      map.set(`t${i}`, {
        name: `n${i}`, population: i, area: i / 2, open: i % 2 === 0, since: new Date(i),
        code: Uint8Array.of(i), at: [i, -i], rank: 'town', sum: 5n, tags: ['a'], heights: [1],
        raw: [i], more: { deep: i }, streets: [['s', i]],
        ...i === 0 ? {} : { mayor: { name: `m${i}` } },
      })
    }
  })
  return { region, map }
}

/** What a function gives, and what its keys are then, be there records or not. */
const tellable: [string, (town: any, key: string) => unknown][] = [
  ['"f64"', (town) => town.population],
  ['"f64"', (town) => -town.area],
  ['"f64"', (town) => (town.mayor === undefined ? 1 : undefined)],
  ['"f64"', (town) => town.tags.length / town.heights[0]],
  ['"f64"', (town) => town.streets.size],
  ['"string"', (town, key) => key.toUpperCase() + town.tags[0]],
  ['"string"', (town) => town.rank],
  ['"string"', (town) => town.mayor?.name],
  ['"string"', (town) => (town.mayor?.ended === undefined ? town.name : undefined)],
  ['"string"', (town) => JSON.stringify(town.toObject().name)],
  ['"bool"', (town) => town.open],
  ['"date"', (town) => town.since],
  ['"bytes"', (town) => town.code],
  ['"bytes"', (town) => town.raw],
  ['{"tuple":["f64","f64"]}', (town) => town.at],
  ['{"tuple":["bool",{"tuple":["string","date"]}]}',
    ({ open, name, since }) => [open, [name, since]]],
]

const keyTypeIn = ({ session, catalog }: MemoryRegion, name: string): string =>
  session.registry.typeOf(catalog.directory.find(`towns\0${name}`)!.keyType).descriptorText

test('what the keys of a function are is told from what it gives', () => {
  for (const count of [0, 3]) {
    const { region, map } = towns(count)
    tellable.forEach(([type, fn], i) => {
      const index = map.index(`i${i}`, fn)
      assert.is(keyTypeIn(region, `i${i}`), type, `${fn} of ${count}`)
      const expected = [...map].filter(([key, town]) => fn(town, key) !== undefined).length
      assert.is([...index.keys()].length, expected, `${fn} of ${count}`)
    })
    const another = map.getObject('t1') ?? towns(2).map.getObject('t1')
    region.transact(() => map.set('new', another))
    assertSound(region)
  }
})

test('what cannot be told is asked for', () => {
  for (const [why, fn] of [
    [/gave a bigint.*u64 and t\.i64.*say it: \{ key: t/, (town: any) => town.sum],
    [/gave undefined/, () => undefined],
    [/gave null/, () => null],
    [/gave an object/, (town: any) => ({ ...town })],
    [/gave an array of 0/, () => []],
    [/gave undefined/, (town: any) => [town.name, undefined]],
    [/gave an array of 1/, (town: any) => town.tags],
    [/gave an array of 1/, (town: any) => town.tags.map((tag: string) => tag.length)],
    [/class Float32Array/, (town: any) => town.heights],
    [/Cannot read properties of null/, (town: any) => town.more.deep],
    [/in the function/, () => { throw new Error('in the function') }],
    [/thrown text/, () => { throw 'thrown text' }],
  ] as const) {
    const { map, region } = towns(0)
    assert.throws(() => map.index('x', fn), (error: unknown) => error instanceof TypeError
      && why.test(error.message) && /^map "towns": .*\{ key: t\.… \}$/.test(error.message),
    `${fn}`)
    assert.is(region.catalog.directory.find('towns\0x'), undefined)
  }
  const { map } = towns(2)
  assert.throws(() => map.index('x', () => { throw new RangeError('its own') }), /^its own$/)
  assert.throws(() => map.index('x', (town) => (town.open ? 1 : 'x')), /key must be a f64/)
  assert.equal([...map.index('x', (town) => town.more.deep, { unique: true }).keys()], ['t0', 't1'])
  const { map: none } = towns(0)
  assert.equal([...none.index('x', (town) => town.more.deep, { key: t.u8 }).keys()], [])
})

test('the keys of a function are of the type that is stored', () => {
  const { region, map } = filled(0)
  map.index('age', (value) => value.age, { key: t.u8 })
  map.index('told', (value) => value.age)
  const again = reopened(region)
  const age = again.index<number>('age', (value) => value.age)
  const told = again.index<number>('told', (value) => value.age)
  region.transact(() => again.set(1, user(1)))
  assert.equal([...age.keys({ gte: 1 })], [1])
  assert.equal([...told.keys({ gte: 0.5 })], [1])
  assert.throws(() => age.get(0.5), /key must be a u8/)
  assert.is(codeOf(() => again.index('told', (value) => value.age, { key: t.u8 })),
    'RSTORE_TYPE_MISMATCH')
  const third = reopened(region)
  const wrong = third.index<string>('told', (value) => value.name)
  third.index('age', (value) => value.age)
  region.transact(() => assert.throws(() => third.set(2, user(2)), /the key must be a f64/))
  assert.throws(() => wrong.get('x'), /the key must be a f64/)
  assert.is(codeOf(() => third.index('age', 'age')), 'RSTORE_TYPE_MISMATCH')
  assert.is(third.size, 1)
})

test('range: records of an index, entries of a map, pairs of a multimap', () => {
  const { region, map } = filled(10)
  const index = map.index('age', 'age')
  const range = { gte: 5, reverse: true, limit: 3 }
  assert.equal([...index.range(range)].map(({ name }) => name), ['u6', 'u5', 'u4'].slice(0, 2))
  assert.equal([...index.range()].map(({ name }) => name),
    [...index.values()].map(({ name }) => name))
  assert.equal([...map.range(range)].map(([key, { name }]) => [key, name]),
    [[9, 'u9'], [8, 'u8'], [7, 'u7']])
  assert.is([...map.range()].length, 10)
  const pairs = region.multimap('pairs', t.u8, t.string)
  region.transact(() => ['a', 'b', 'c'].forEach((value, i) => pairs.add(i >>> 1, value)))
  assert.equal([...pairs.range({ gte: 1 })], [[1, 'c']])
  assert.equal([...pairs.range()], [...pairs])
  for (const wrong of [() => map.range({ from: 1 } as never), () => index.range(5 as never)])
    assert.is(codeOf(wrong), 'TypeError')
})

test('an index that was rolled back is gone', () => {
  const { region, map } = filled()
  let index: Index<number, number, unknown> | undefined
  assert.is(codeOf(() => region.transact(() => {
    index = map.index<number>('age', 'age')
    assert.is([...index.keys()].length, 20)
    throw new Error('back')
  })), 'Error')
  assert.is(codeOf(() => index!.keys()), 'RSTORE_NOT_FOUND')
  region.transact(() => map.set(50, user(50)))
  assert.is([...map.index('age', 'age').keys()].length, 21)
  assertSound(region)
})

test('records of an indexed map are not changed behind its back', () => {
  const { region, map } = filled()
  map.index('age', 'age')
  region.transact(() => {
    const ref = region.refOf(map.get(1)!)
    assert.is(region.deref(ref).age, 1)
    assert.is(codeOf(() => { region.deref(ref).age = 5 }), 'RSTORE_INDEXED')
    map.get(1)!.age = 5
  })
  assertSound(region)
})

test('listeners hear of what was committed, and of nothing else', () => {
  const { region, map } = filled(3)
  const heard: string[] = []
  const stop = map.on('change', ({ key, kind }) => heard.push(`${kind} ${key}`))
  region.transact(() => {
    map.set(7, user(7))
    map.get(1)!.age = 3
    map.delete(0)
    map.delete(99)
    assert.is(codeOf(() => region.transact(() => {
      map.set(8, user(8))
      throw new Error('nested')
    })), 'Error')
    assert.equal(heard, [])
  })
  assert.equal(heard, ['set 7', 'set 1', 'delete 0'])
  assert.is(codeOf(() => region.transact(() => {
    map.set(9, user(9))
    throw new Error('back')
  })), 'Error')
  region.transact(() => map.clear())
  assert.equal(heard.slice(3), ['delete 1', 'delete 2', 'delete 7'])
  stop()
  region.transact(() => map.set(1, user(1)))
  assert.is(heard.length, 6)
})

test('by a field of an optional struct; a date in the way is told', () => {
  const Place = t.struct('Place', {
    at: t.optional(t.struct('Spot', { x: t.i32, since: t.optional(t.date) })),
  })
  const region = new MemoryRegion(2 ** 22)
  const map = region.map('places', t.u32, Place)
  const byX = map.index<number>('x', 'at.x')
  const bySince = map.index<Date>('since', 'at.since', { unique: true })
  region.transact(() => {
    map.set(1, { at: { x: 5, since: new Date(0) } })
    map.set(2, {})
    map.set(3, { at: { x: -5 } })
  })
  assert.equal([...byX.keys()], [3, 1])
  assert.equal([...bySince.keys()], [1])
  region.transact(() => { map.get(1)!.at = undefined as never })
  assert.equal([...byX.keys()], [3])
  assert.throws(() => region.transact(() => {
    map.set(4, { at: { x: 1, since: new Date(0) } })
    map.set(5, { at: { x: 1, since: new Date(0) } })
  }), /has 1970-01-01T00:00:00.000Z already/)
  assertSound(region)
})

const KEY_BYTES = 0x1_0000
const ENTRY_BYTES = 4 * KEY_BYTES
const Texts = t.struct('Texts', { a: t.string, b: t.string, c: t.string, d: t.string })

test('an index takes every string that may be a key, beside every key of the map', () => {
  const region = new MemoryRegion(2 ** 24)
  const map = region.map('texts', t.string, t.struct('Text', { text: t.string }))
  const byText = map.index('text', 'text')
  const some: [number, number, string][] = [
    [40_960, 30_720, 'x'], [KEY_BYTES, KEY_BYTES, 'x'], [KEY_BYTES, KEY_BYTES, '\0'],
    [1, KEY_BYTES, '\0'], [KEY_BYTES, 1, 'x'], [10, 254, 'x'], [10, 10, 'x'],
  ]
  const entries = some.map(([key, text, of], i) =>
    [`${i}`.padEnd(key, 'k'), of.repeat(text)] as const)
  region.transact(() => { for (const [key, text] of entries) map.set(key, { text }) })
  assertSound(region)
  assert.equal([...byText.keys()].sort(), entries.map(([key]) => key).sort())
  for (const [, text] of entries) assert.is(byText.get(text)!.text, text)
  assert.equal([...byText.keys({ gte: '\0'.repeat(KEY_BYTES), lt: 'x' })],
    [entries[2]![0], entries[3]![0]])
  byText.rebuild()
  assertSound(region)
  region.transact(() => {
    assert.is(codeOf(() => map.set('k', { text: 'x'.repeat(KEY_BYTES + 1) })),
      'RSTORE_KEY_TOO_LONG')
    for (const [key] of entries.slice(0, 5)) assert.ok(map.delete(key))
  })
  assert.equal([...byText.keys()].length, 2)
  assertSound(region)
})

test('an index key of several strings: up to the limit, and one byte more', () => {
  const region = new MemoryRegion(2 ** 24)
  const map = region.map('texts', t.u32, Texts)
  const index = map.index('all', ['a', 'b', 'c', 'd'])
  const long = 'x'.repeat(KEY_BYTES)
  // Each string ends with two bytes, and the key of the map has four.
  const room = ENTRY_BYTES - 3 * KEY_BYTES - 4 * 2 - 4
  const record = (length: number) => ({ a: long, b: long, c: long, d: 'x'.repeat(length) })
  region.transact(() => map.set(1, record(room)))
  assertSound(region)
  region.transact(() => {
    assert.throws(() => map.set(2, record(room + 1)), (error: any) =>
      error.code === 'RSTORE_KEY_TOO_LONG' && error.facts.maximum === ENTRY_BYTES
      && error.message.startsWith('index "all": an index key of 262141 bytes for a record whose '
        + 'key has 4; together at most 262144 are possible'))
    assert.is(codeOf(() => { map.get(1)!.d += 'x' }), 'RSTORE_KEY_TOO_LONG')
  })
  assert.equal([...index.keys()], [1])
  assert.is(index.get([long, long, long, 'x'.repeat(room)])!.d.length, room)
  assertSound(region)
})

test('a unique index of several fields says which values it has already', () => {
  const { region, map } = filled(6)
  map.index('both', ['name', 'age'], { unique: true })
  const taken = { name: map.get(2)!.name, age: map.get(2)!.age }
  const message = `has ["${taken.name}", ${taken.age}] already, for the record with key 2`
  region.transact(() => {
    assert.throws(() => map.set(9, { ...user(9), ...taken }), (error: Error) =>
      error.message.includes(message))
  })
})

test('options that an index does not have are refused', () => {
  const { map } = filled(1)
  for (const options of [{ uniq: true }, null, 5] as never[])
    assert.throws(() => map.index('age', 'age', options), /index option|options of an index/)
  assert.is(map.index('age', 'age', {}).get(7), undefined)
})

test('a listener that throws, or ends another one, is not in the way of the others', async () => {
  const { region, map } = filled(1)
  const thrown: string[] = []
  const take = (error: Error): void => void thrown.push(error.message)
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException').on('uncaughtException', take)
  const heard: string[] = []
  try {
    map.on('change', ({ key }) => { throw new Error(`first, of ${key}`) })
    map.on('change', ({ key }) => { if (key === 2) end() })
    const end = map.on('change', ({ key }) => heard.push(`ended ${key}`))
    map.on('change', ({ key }) => heard.push(`last ${key}`))
    region.transact(() => [1, 2, 3].forEach((key) => map.set(key, user(key))))
    await new Promise((resolve) => setImmediate(resolve))
  } finally {
    process.removeListener('uncaughtException', take)
    for (const listener of others) process.on('uncaughtException', listener)
  }
  assert.equal(heard, ['ended 1', 'last 1', 'last 2', 'last 3'])
  assert.equal(thrown, ['first, of 1', 'first, of 2', 'first, of 3'])
})

test.run()
