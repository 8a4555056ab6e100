/** Types that change between one run of a program and the next. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compare } from '../../lib/types/compatible.js'
import { typeFromText } from '../../lib/types/descriptor.js'
import { t, type Type } from '../../lib/types/index.js'
import type { AnyType } from '../../lib/types/type.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound, codeOf } from '../harness/types.js'

const test = suite('types: evolution')

const V1 = t.struct('City', {
  name: t.string,
  size: t.u8,
  level: t.enum('a', 'b'),
  at: t.struct('At', { x: t.u16 }),
  marks: t.array(t.u8),
  pair: t.tuple(t.i8, t.string),
  twin: t.optional(t.self),
  maybe: t.optional(t.i16),
})
const V2 = t.struct('City', {
  name: t.string, size: t.u64, level: t.enum('a', 'b', 'c'),
  at: t.struct('At', { x: t.u32, y: t.default(t.f64, 1.5) }), marks: t.array(t.f64),
  pair: t.tuple(t.i32, t.string), twin: t.optional(t.self), maybe: t.optional(t.f64),
  added: t.optional(t.string), rank: t.default(t.u32, 42), day: t.default(t.date, new Date(7)),
})

function oldRegion() {
  const region = new MemoryRegion(2 ** 21)
  const old = region.map('cities', t.string, V1)
  region.transact(() => {
    old.set('one', { name: 'One', size: 1, level: 'b', at: { x: 2 }, marks: [3], pair: [-4, 'p'] })
    old.set('two', {
      name: 'Two',
      size: 2,
      level: 'a',
      at: { x: 5 },
      marks: [],
      pair: [1, 'q'],
      twin: old.get('one')!,
      maybe: -6,
    })
  })
  return region
}

test('a default reads the same whether it was stored or not, and is the type\'s own', () => {
  const Old = t.struct('S', { a: t.u8 })
  const day = new Date(5)
  const New = t.struct('S', {
    a: t.u8, single: t.default(t.f32, 0.1), day: t.default(t.date, day),
    double: t.default(t.f64, 0.1), big: t.default(t.u64, 3n),
  })
  const region = new MemoryRegion(2 ** 21)
  const old = region.map('s', t.u32, Old)
  region.transact(() => old.set(1, { a: 1 }))
  const map = region.map('s', t.u32, New)
  day.setTime(77)
  region.transact(() => map.set(2, { a: 1 }))
  map.get(1)!.day.setTime(99)
  const expected = { a: 1, single: Math.fround(0.1), day: new Date(5), double: 0.1, big: 3n }
  for (const key of [1, 2]) assert.equal(map.getObject(key), expected, `record ${key}`)
  assert.ok(map.get(1)!.equals(map.get(2)))
  assert.ok(map.get(1)!.equals({ a: 1 }))
  assert.ok(map.get(2)!.equals({ a: 1 }))
  const bySingle = region.transact(() => map.index('single', 'single'))
  assert.equal([...bySingle.keys({ gte: map.get(1)!.single, lte: map.get(1)!.single })], [1, 2])
  assert.equal([...map.getColumn({}, 'single').values], [Math.fround(0.1), Math.fround(0.1)])
  assertSound(region)
})

test('old records are read as the new type, without being rewritten', () => {
  const region = oldRegion()
  const cities = region.map('cities', t.string, V2)
  const { allocatedUnits } = region.space
  assert.equal(cities.getObject('one'), {
    name: 'One',
    size: 1n,
    level: 'b',
    at: { x: 2, y: 1.5 },
    marks: Float64Array.from([3]),
    pair: [-4, 'p'],
    twin: undefined,
    maybe: undefined,
    added: undefined,
    rank: 42,
    day: new Date(7),
  })
  const two = cities.get('two')!
  assert.is(two.maybe, -6)
  assert.is(two.twin!.size, 1n)
  assert.is(two.twin!.rank, 42)
  assert.is(region.space.allocatedUnits, allocatedUnits)
  assertSound(region)
})

test('fields of an old record are assigned as far as it has room', () => {
  const region = oldRegion()
  const cities = region.map('cities', t.string, V2)
  region.transact(() => {
    const one = cities.get('one')!
    one.name = 'Another name'
    one.marks = [1.5, 2.5] as never
    one.level = 'a'
    assert.is(codeOf(() => { one.rank = 1 }), 'RSTORE_OLD_RECORD')
    assert.is(codeOf(() => { one.at = { x: 1, y: 2 } as never }), 'RSTORE_OLD_RECORD')
    one.twin = cities.get('two')!
  })
  assert.equal([...cities.get('one')!.marks], [1.5, 2.5])
  assert.is(cities.get('one')!.twin!.name, 'Two')
  region.transact(() =>
    cities.update('one', (old) => ({ ...(old!.toObject() as any), level: 'c', rank: 9 })),
  )
  region.transact(() => { cities.get('one')!.rank++ })
  assert.is(cities.get('one')!.rank, 10)
  region.transact(() => { cities.get('two')!.twin = cities.get('one')! })
  assert.is(cities.get('two')!.twin!.rank, 10, 'the old record is gone, with its ref')
  assertSound(region)
})

const Old = t.struct('Widened', {
  big: t.u32, deflt: t.default(t.u32, 1), opt: t.optional(t.i16), single: t.f32, small: t.u8,
  label: t.enum('a'), inside: t.struct('Inside', { x: t.f32 }),
})
const Wide = t.struct('Widened', {
  big: t.u64, deflt: t.default(t.i64, 1n), opt: t.optional(t.i64), single: t.f64, small: t.f64,
  label: t.enum('a', 'b'), inside: t.struct('Inside', { x: t.f64 }),
})

function widenedRegion() {
  const region = new MemoryRegion(2 ** 21)
  const old = region.map('m', t.u32, Old)
  region.transact(() => old.set(1, {
    big: 5, deflt: 6, opt: -7, single: 0.5, small: 3, label: 'a', inside: { x: 1.5 },
  }))
  return { region, map: region.map('m', t.u32, Wide) }
}

test('widened fields of an old record read as the type that is declared', () => {
  const { region, map } = widenedRegion()
  const expected = {
    big: 5n, deflt: 6n, opt: -7n, single: 0.5, small: 3, label: 'a', inside: { x: 1.5 },
  }
  assert.equal(map.getObject(1), expected)
  region.transact(() => {
    map.set(2, map.get(1)!)
    assert.ok(map.compareAndSet(1, expected as never, { ...expected, deflt: 60n } as never))
  })
  assert.is(map.get(1)!.deflt, 60n)
  assert.equal(map.getObject(2), expected)
  assertSound(region)
})

test('they are assigned what is declared, and nothing of it is lost', () => {
  const fits: [string, unknown][] = [
    ['big', 2n ** 32n - 1n], ['deflt', 7n], ['opt', -32768n], ['opt', undefined], ['single', 0.25],
    ['single', NaN], ['single', -0], ['small', 255], ['label', 'a'],
  ]
  const noRoom: [string, unknown][] = [
    ['big', 2n ** 32n], ['deflt', -1n], ['opt', 32768n], ['single', 0.1], ['single', 1e300],
    ['small', 1.5], ['small', -0], ['small', NaN], ['small', 256], ['label', 'b'],
  ]
  const wrong: [string, unknown][] = [
    ['big', 5], ['big', -1n], ['deflt', 1], ['opt', 1], ['single', '1'], ['label', 'c'],
  ]
  const { region, map } = widenedRegion()
  region.transact(() => {
    const one = map.get(1) as any
    for (const [field, value] of fits) {
      one[field] = value
      assert.ok(Object.is(one[field], value), `${field} = ${String(value)} reads ${one[field]}`)
    }
    one.inside.x = 2.5
    const before = map.getObject(1)
    for (const [field, value] of noRoom) {
      assert.is(codeOf(() => { one[field] = value }), 'RSTORE_OLD_RECORD', field)
    }
    assert.is(codeOf(() => { one.inside.x = 0.1 }), 'RSTORE_OLD_RECORD')
    for (const [field, value] of wrong) {
      assert.throws(() => { one[field] = value }, (error: unknown) =>
        error instanceof TypeError || error instanceof RangeError, field)
    }
    assert.equal(map.getObject(1), before)
    map.set(1, { ...before, small: 1.5, big: 2n ** 40n } as never)
    assert.is(map.get(1)!.small, 1.5)
  })
  assertSound(region)
})

test('an index by a widened field of an earlier program is kept right', () => {
  const region = new MemoryRegion(2 ** 21)
  const old = region.map('m', t.u32, Old)
  const record = {
    big: 5, deflt: 6, single: 0.5, small: 3, label: 'a', inside: { x: 1.5 },
  } as const
  region.transact(() => {
    old.index('by deflt', 'deflt')
    old.set(1, record)
  })
  const map = region.map('m', t.u32, Wide)
  region.transact(() => map.set(2, { ...record, big: 5n, deflt: 2n ** 40n } as never))
  const index = map.index('by deflt', 'deflt')
  assert.equal([...index.values()].map(({ deflt }) => deflt), [6n, 2n ** 40n])
  assertSound(region)
})

test('once written anew, the older program is told', () => {
  const region = oldRegion()
  const cities = region.map('cities', t.string, V2)
  region.map('cities', t.string, V1)
  region.transact(() =>
    cities.set('three', { ...cities.getObject('one'), size: 3n, pair: [1, 'x'] }),
  )
  assert.is(codeOf(() => region.map('cities', t.string, V1)), 'RSTORE_TYPE_MISMATCH')
  assertSound(region)
})

const struct = (fields: Record<string, Type<any>>): Type<any> => t.struct('S', fields)
const base = struct({ a: t.u16, b: t.string })

const incompatible: [string, Type<any>, Type<any>, RegExp][] = [
  [
    'narrowed',
    base,
    struct({ a: t.u8, b: t.string }),
    /S\.a is stored as u16, but declared as u8/,
  ],
  [
    'other kind',
    base,
    struct({ a: t.u16, b: t.bytes }),
    /S\.b is stored as string, but declared as bytes/,
  ],
  ['removed', base, struct({ a: t.u16 }), /S\.b is stored, but not declared/],
  [
    'renamed',
    base,
    struct({ a: t.u16, c: t.string }),
    /S\.b is stored as field 1, but c is declared there/,
  ],
  ['reordered', base, struct({ b: t.string, a: t.u16 }), /S\.a is stored as field 0, but b/],
  [
    'no default',
    base,
    struct({ a: t.u16, b: t.string, c: t.u8 }),
    /S\.c is new and has no default/,
  ],
  [
    'in the middle',
    base,
    struct({ a: t.u16, x: t.optional(t.u8), b: t.string }),
    /S\.b is stored as field 1/,
  ],
  [
    'another name',
    base,
    t.struct('Z', { a: t.u16, b: t.string }),
    /stored as struct S, but declared as struct Z/,
  ],
  ['signed', struct({ a: t.u16 }), struct({ a: t.i16 }), /as u16, but declared as i16/],
  ['rounded', struct({ a: t.u32 }), struct({ a: t.f32 }), /as u32, but declared as f32/],
  [
    'label',
    struct({ a: t.enum('x', 'y') }),
    struct({ a: t.enum('y', 'x') }),
    /"x" stored as label 0, but "y" declared/,
  ],
  [
    'label gone',
    struct({ a: t.enum('x', 'y') }),
    struct({ a: t.enum('x') }),
    /"y" stored as label 1, but nothing/,
  ],
  [
    'in an array',
    struct({ a: t.array(struct({ b: t.u16 })) }),
    struct({ a: t.array(struct({ b: t.u8 })) }),
    /S\.a\[\]\.b/,
  ],
  [
    'in a tuple',
    struct({ a: t.tuple(t.u8, t.u16) }),
    struct({ a: t.tuple(t.u8, t.u8) }),
    /S\.a\[1\]/,
  ],
  [
    'tuple grown',
    struct({ a: t.tuple(t.u8) }),
    struct({ a: t.tuple(t.u8, t.optional(t.u8)) }),
    /S\.a is stored/,
  ],
  ['optional', struct({ a: t.optional(t.u8) }), struct({ a: t.u8 }), /S\.a is stored/],
  [
    'key of a map',
    struct({ a: t.map(t.u8, t.u8) }),
    struct({ a: t.map(t.u16, t.u8) }),
    /S\.a\[key\]/,
  ],
  [
    'value of a map',
    struct({ a: t.map(t.u8, t.u32) }),
    struct({ a: t.map(t.u8, t.f64) }),
    /S\.a\[value\]/,
  ],
  [
    'behind a ref',
    struct({ a: t.ref(() => base) }),
    struct({ a: t.ref(() => struct({ a: t.u8 })) }),
    /S\.a\.a/,
  ],
]

for (const [what, stored, given, message] of incompatible) {
  test(`incompatible: ${what}`, () => {
    const region = new MemoryRegion(2 ** 21)
    region.map('m', t.u8, stored)
    assert.throws(() => region.map('m', t.u8, given), (error: Error & { code: string }) => {
      assert.is(error.code, 'RSTORE_TYPE_MISMATCH')
      assert.match(error.message, message)
      return true
    })
    region.map('m', t.u8, stored)
  })
}

test('keys and kinds of maps have to be equal', () => {
  const region = new MemoryRegion(2 ** 21)
  region.map('m', t.u8, base)
  region.value('v', t.u8)
  region.transact(() => region.value('v', t.u8).set(1))
  for (const wrong of [
    () => region.map('m', t.u16, base),
    () => region.multimap('m', t.u8, t.u8),
    () => region.value('m', t.u8),
    () => region.map('v', t.u8, t.u8),
    () => region.value('v', t.string),
  ]) {
    assert.is(codeOf(wrong), 'RSTORE_TYPE_MISMATCH')
  }
})

test('scalars that are values of a map widen within their four bytes', () => {
  const region = new MemoryRegion(2 ** 21)
  const narrow = region.map('m', t.u8, t.i8)
  region.transact(() => { for (let i = -128; i < 128; i++) narrow.set(i + 128, i) })
  const wide = region.map('m', t.u8, t.i32)
  assert.equal([...wide.values()], Array.from({ length: 256 }, (_, i) => i - 128))
  region.transact(() => wide.set(0, -2_000_000_000))
  assert.is(wide.get(0), -2_000_000_000)
  assert.is(codeOf(() => region.map('m', t.u8, t.i8)), 'RSTORE_TYPE_MISMATCH')
  assertSound(region)
})

const samples: Type<any>[] = [
  V1,
  V2,
  t.u8,
  t.map(t.tuple(t.string, t.i64), t.array(V1)),
  t.multimap(t.bytes, t.date),
  t.packed(V1),
  t.json,
  t.struct('A', { b: t.ref((): Type<any> => B), self: t.array(t.self) }),
  t.optional(t.ref(() => V1)),
]
const B: Type<any> = t.struct('B', {
  a: t.optional(t.ref(() => samples[7]!)),
  bs: t.map(t.u8, t.self),
})

test('a type is the same after it was stored', () => {
  for (const sample of [...samples, B] as unknown as AnyType[]) {
    const text = sample.descriptorText
    const again = typeFromText(text)
    assert.is(again.descriptorText, text)
    assert.is(compare(again, sample, ''), null)
    assert.is(compare(sample, again, ''), null)
    assert.is(again.slotBytes, sample.slotBytes)
  }
  for (const bad of [
    '"u7"',
    '{"ref":{"self":3}}',
    '{"what":1}',
    '5',
    'null',
    '["u8"]',
    '{"constructor":1}',
    '"toString"',
  ]) {
    assert.throws(() => typeFromText(bad), SyntaxError, bad)
  }
})

test('types that a rolled-back transaction stored are forgotten', () => {
  const region = new MemoryRegion(2 ** 21)
  const One = t.struct('One', { a: t.u8 })
  const Two = t.struct('Two', { b: t.string })
  region.value('keep', t.bool)
  assert.throws(() => region.transact(() => {
    region.map('one', t.u8, One)
    region.value('x', One).set({ a: 1 })
    throw new Error('back')
  }), /back/)
  region.transact(() => region.value('two', Two).set({ b: 'x' }))
  region.transact(() => region.value('one', One).set({ a: 3 }))
  assert.is(region.value('two', Two).get()!.b, 'x')
  assert.is(region.value('one', One).get()!.a, 3)
  region.transact(() => {
    assert.throws(() => region.transact(() => {
      region.alloc(t.struct('Three', { c: t.u8 }), { c: 1 })
      throw new Error('nested')
    }), /nested/)
    region.value('four', t.struct('Four', { d: t.u8 })).set({ d: 4 })
  })
  assertSound(region)
})

test.run()
