/**
 * Ordered maps, multimaps and indexes against models, under random commands, with rollback of
 * transactions and savepoints.
 */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type RMap, type Type } from '../../lib/types/index.js'
import { MemoryRegion } from '../harness/memory-region.js'
import { assertSound } from '../harness/types.js'
import { printedSeed } from '../processes/random.js'

const test = suite('map: model')
const seed = printedSeed()

type Plain = { name: string; size: number; tag: string | undefined }
const Item = t.struct('Item', { name: t.string, size: t.u16, tag: t.optional(t.string) })
const item: fc.Arbitrary<Plain> = fc.record(
  {
    name: fc.string({ maxLength: 30 }),
    size: fc.nat(30),
    tag: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
  },
  { noNullPrototype: true },
)

type Command<K> =
  | { do: 'set' | 'setIfAbsent' | 'update' | 'assign'; key: K; value: Plain }
  | { do: 'delete' | 'get'; key: K }
  | { do: 'clear' | 'range'; from: K; to: K; reverse: boolean; limit: number | undefined }
  | { do: 'commit' | 'rollback' | 'begin' | 'release' | 'undo' }

class Undone extends Error {}

/** A sorted array that does what the map ought to. */
class Model<K> {
  constructor(readonly compare: (a: K, b: K) => number, public entries: [K, Plain][] = []) {}

  copy(): Model<K> {
    return new Model(this.compare, this.entries.map(([key, value]) => [key, { ...value }]))
  }
  find(key: K): Plain | undefined {
    return this.entries.find(([own]) => this.compare(own, key) === 0)?.[1]
  }
  set(key: K, value: Plain): void {
    this.delete(key)
    this.entries.push([key, { ...value }])
    this.entries.sort(([a], [b]) => this.compare(a, b))
  }
  delete(key: K): boolean {
    const before = this.entries.length
    this.entries = this.entries.filter(([own]) => this.compare(own, key) !== 0)
    return this.entries.length !== before
  }
  range(from: K, to: K): [K, Plain][] {
    return this.entries.filter(([key]) => this.compare(key, from) >= 0 && this.compare(key, to) < 0)
  }
}

function apply<K>(map: RMap<K, any, any>, model: Model<K>, command: Command<K>): void {
  switch (command.do) {
    case 'set':
      map.set(command.key, command.value)
      return model.set(command.key, command.value)
    case 'setIfAbsent': {
      const absent = model.find(command.key) === undefined
      assert.is(map.setIfAbsent(command.key, command.value), absent)
      return absent ? model.set(command.key, command.value) : undefined
    }
    case 'update':
      map.update(command.key, (old) => ({
        ...command.value,
        size: Math.min(60, (old?.size ?? 0) + 1),
      }))
      return model.set(command.key, {
        ...command.value,
        size: Math.min(60, (model.find(command.key)?.size ?? 0) + 1),
      })
    case 'assign': {
      const view = map.get(command.key)
      const own = model.find(command.key)
      assert.is(view === undefined, own === undefined)
      if (own !== undefined) {
        Object.assign(own, command.value)
        for (const [name, value] of Object.entries(command.value)) view[name] = value
      }
      return
    }
    case 'delete': return void assert.is(map.delete(command.key), model.delete(command.key))
    case 'get': {
      assert.is(map.has(command.key), model.find(command.key) !== undefined)
      return void assert.equal(map.getObject(command.key), model.find(command.key))
    }
    case 'clear': {
      const gone = model.range(command.from, command.to)
      assert.is(map.clear({ gte: command.from, lt: command.to }), gone.length)
      return gone.forEach(([key]) => model.delete(key))
    }
    case 'range': {
      const { from, to, reverse, limit } = command
      const expected = model.range(from, to)
      if (reverse) expected.reverse()
      const options = { gte: from, lt: to, reverse, ...limit === undefined ? {} : { limit } }
      const cut = expected.slice(0, limit ?? Infinity)
      assert.equal([...map.entries(options)].map(([key, value]) => [key, value.toObject()]), cut)
      assert.equal([...map.keys(options)], cut.map(([key]) => key))
      return void assert.is(map.count(options), cut.length)
    }
    default: throw new Error(`unexpected ${command.do}`)
  }
}

/** Runs commands up to the one that ends their transaction; gives the rest. */
function run<K>(
  region: MemoryRegion,
  map: RMap<K, any, any>,
  model: Model<K>,
  commands: Command<K>[],
  check: () => void,
): Command<K>[] {
  let rest = commands
  const saved = model.copy()
  try {
    region.transact(() => {
      while (rest.length > 0) {
        const [command, ...others] = rest as [Command<K>, ...Command<K>[]]
        rest = others
        if (command.do === 'commit' || command.do === 'release') return
        if (command.do === 'rollback' || command.do === 'undo') throw new Undone()
        if (command.do === 'begin') rest = run(region, map, model, rest, check)
        else apply(map, model, command)
      }
    })
  } catch (error) {
    if (!(error instanceof Undone)) throw error
    model.entries = saved.entries
  }
  check()
  return rest
}

interface Family<K> {
  name: string
  type: Type<K, any>
  key: fc.Arbitrary<K>
  compare: (a: K, b: K) => number
}
const order = <K>(a: K, b: K): number => (a < b ? -1 : a > b ? 1 : 0)
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const families: Family<any>[] = [
  { name: 'u32', type: t.u32, key: fc.nat(60), compare: order },
  { name: 'i16', type: t.i16, key: fc.integer({ min: -30, max: 30 }), compare: order },
  {
    name: 'f64',
    type: t.f64,
    key: fc.integer({ min: -30, max: 30 }).map((n) => n / 4 + 0),
    compare: order,
  },
  {
    name: 'u64',
    type: t.u64,
    key: fc.bigInt({ min: 0n, max: 60n }).map((n) => n << 30n),
    compare: order,
  },
  {
    name: 'string',
    type: t.string,
    key: fc.nat(60).map((n) => `${'key'.repeat(n % 5)}${n}`),
    compare: byBytes,
  },
  {
    name: 'tuple',
    type: t.tuple(t.string, t.i8),
    key: fc.tuple(fc.constantFrom('', 'a', 'a\0', 'b'), fc.integer({ min: -8, max: 8 })),
    compare: ([a, b]: [string, number], [c, d]: [string, number]) => byBytes(a, c) || b - d,
  },
]

const around = (low: number, high: number): fc.Arbitrary<number> => fc.oneof(
  fc.integer({ min: low, max: low + 15 }), fc.integer({ min: high - 15, max: high }),
  fc.integer({ min: low === 0 ? 100 : -8, max: low === 0 ? 110 : 8 }))
const date = (n: number): Date => new Date(n * 1e10)
const LABELS = ['z', 'y', 'a', 'mm', 'b', 'x'] as const

/** The kinds that are not in `families`: with indexes only. */
const others: Family<any>[] = [
  { name: 'u8', type: t.u8, key: fc.nat(255).map((n) => n & 0xcf), compare: order },
  { name: 'i8', type: t.i8, key: around(-128, 127), compare: order },
  { name: 'u16', type: t.u16, key: around(0, 0xffff), compare: order },
  { name: 'i32', type: t.i32, key: around(-(2 ** 31), 2 ** 31 - 1), compare: order },
  {
    name: 'i64',
    type: t.i64,
    key: around(-20, 20).map((n) => BigInt(n) << 58n),
    compare: order,
  },
  { name: 'f32', type: t.f32, key: fc.integer({ min: -30, max: 30 }).map((n) => n / 8 + 0),
    compare: order },
  { name: 'bool', type: t.bool, key: fc.boolean(), compare: order },
  { name: 'date', type: t.date, key: fc.integer({ min: -30, max: 30 }).map(date), compare: order },
  {
    name: 'enum',
    type: t.enum(...LABELS),
    key: fc.constantFrom(...LABELS),
    compare: (a, b) => LABELS.indexOf(a) - LABELS.indexOf(b),
  },
  {
    name: 'bytes',
    type: t.bytes,
    key: fc.array(fc.constantFrom(0, 1, 255), { maxLength: 4 })
      .map((list) => Uint8Array.from(list)),
    compare: (a, b) => Buffer.compare(a, b),
  },
]

function commandsOf<K>(key: fc.Arbitrary<K>): fc.Arbitrary<Command<K>[]> {
  return fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constantFrom('set', 'setIfAbsent', 'update', 'assign'),
          key,
          value: item,
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('delete', 'get'), key }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constantFrom('clear', 'range'),
          from: key,
          to: key,
          reverse: fc.boolean(),
          limit: fc.option(fc.nat(5), { nil: undefined }),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constantFrom('commit', 'rollback', 'begin', 'release', 'undo'),
        }),
      },
    ) as fc.Arbitrary<Command<K>>,
    { maxLength: 120, size: 'max' },
  )
}

for (const { name, type, key, compare } of [...families, ...others]) {
  for (const indexed of others.some((other) => other.name === name) ? [true] : [false, true]) {
    test(`map by ${name}${indexed ? ', with indexes' : ''}`, () => {
      fc.assert(fc.property(commandsOf(key), (commands) => {
        const region = new MemoryRegion(2 ** 22)
        const map = region.map('map', type, Item)
        const indexes = indexed
          ? [
              map.index('size', 'size'),
              map.index('tag', ['tag', 'size']),
              map.index(
                'long',
                (value: any) => (value.name.length > 9 ? value.name.length : undefined),
                { key: t.u8 },
              ),
            ]
          : []
        const model = new Model<any>(compare)
        const check = (): void => {
          assert.equal(
            [...map].map(([own, value]) => [own, (value as any).toObject()]),
            model.entries,
          )
          assert.is(map.size, model.entries.length)
          assert.is([...indexes[0]?.keys() ?? []].length, indexed ? model.entries.length : 0)
          const bySize = model.entries.map(([, value]) => value.size).sort((a, b) => a - b)
          if (indexed) assert.equal([...indexes[0]!.entries()].map(([size]) => size), bySize)
          assertSound(region)
        }
        for (let rest = commands; rest.length > 0;) rest = run(region, map, model, rest, check)
      }), { seed, numRuns: indexed ? 15 : 25 })
    })
  }
}

type Pair = {
  do: 'add' | 'remove' | 'removeKey' | 'commit' | 'rollback'
  key: string
  value: number
}

test('multimap', () => {
  const pairs = fc.array(fc.record({
    do: fc.constantFrom('add', 'add', 'add', 'add', 'remove', 'removeKey', 'commit', 'rollback'),
    key: fc.nat(6).map((n) => `${'k'.repeat(n)}${n}`), value: fc.nat(200),
  }) as fc.Arbitrary<Pair>, { maxLength: 400, size: 'max' })
  fc.assert(fc.property(pairs, (commands) => {
    const region = new MemoryRegion(2 ** 22)
    const map = region.multimap('pairs', t.string, t.u32)
    let model: [string, number][] = []
    const has = (key: string, value: number): boolean =>
      model.some(([k, v]) => k === key && v === value)
    const step = (command: Pair): void => {
      const { key, value } = command
      if (command.do === 'add') {
        assert.is(map.add(key, value), !has(key, value))
        if (!has(key, value)) model.push([key, value])
      } else {
        const gone = model.filter(
          ([k, v]) => k === key && (command.do === 'removeKey' || v === value),
        )
        assert.is(command.do === 'remove' ? map.remove(key, value) : map.remove(key), gone.length)
        model = model.filter((pair) => !gone.includes(pair))
      }
    }
    let rest = commands
    while (rest.length > 0) {
      const saved = [...model]
      const end = rest.findIndex((command) => command.do === 'commit' || command.do === 'rollback')
      const part = end < 0 ? rest : rest.slice(0, end)
      const rollback = end >= 0 && rest[end]!.do === 'rollback'
      rest = end < 0 ? [] : rest.slice(end + 1)
      try {
        region.transact(() => {
          part.forEach(step)
          if (rollback) throw new Undone()
        })
      } catch (error) {
        if (!(error instanceof Undone)) throw error
        model = saved
      }
      const sorted = [...model].sort(([a, x], [b, y]) => byBytes(a, b) || x - y)
      assert.equal([...map], sorted)
      assert.is(map.size, sorted.length)
      assert.equal([...map.entries({ reverse: true, limit: 7 })], [...sorted].reverse().slice(0, 7))
      assert.equal([...map.keys()], [...new Set(sorted.map(([key]) => key))])
      for (const key of map.keys()) {
        assert.equal([...map.valuesOf(key, { gt: 50, reverse: true })],
          sorted.filter(([k, v]) => k === key && v > 50).map(([, v]) => v).reverse())
        assert.is(map.countOf(key), sorted.filter(([k]) => k === key).length)
      }
      assertSound(region)
    }
  }), { seed, numRuns: 30 })
})

test.run()
