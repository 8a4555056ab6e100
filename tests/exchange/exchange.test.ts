/** What goes out as lines of JSON and comes back in is what it was. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  exportLines, exportText, Importer, JsonMap, Packed, Region, RStoreError, schemasOf, Store, t,
  type DumpHead, type DumpLine, type ReadRegion, type Ref, type Type,
} from '../../lib/index.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { codeOf } from '../harness/types.js'
import { verifyWhole } from '../harness/verify.js'
import { keyShape, shape, type Shape } from './shapes.js'

const test = suite('lines of JSON')

const directory = temporaryDirectory()
let count = 0

const SMALL = { capacity: '16MiB', durability: 'none', logBytes: '1MiB' } as const

function withRegion<R>(use: (region: Region) => R): R {
  const path = join(directory, `${count++}.region`)
  const region = Region.create(path, SMALL)
  try {
    return use(region)
  } finally {
    region.close()
    rmSync(path)
  }
}

/** What a property throws shows what was wrong, which uvu does not say of a cause. */
async function holds<T>(
  cases: fc.Arbitrary<T>, numRuns: number, check: (one: T) => Promise<void>,
): Promise<void> {
  const result = await fc.check(fc.asyncProperty(cases, check), { numRuns })
  if (!result.failed) return
  const { seed, counterexample, errorInstance } = result
  throw new Error(`seed ${seed}: ${fc.stringify(counterexample)}\n`
    + `${(errorInstance as Error | null)?.stack}`)
}

/** What is made as text at once is what JSON.stringify makes of the objects. */
function checkTexts(region: ReadRegion, texts: readonly string[]): void {
  const parsed = (list: readonly string[]): unknown[] => list.map((text) => JSON.parse(text))
  const checkEqual = (given: readonly string[], wanted: readonly string[]): void =>
    assert.ok(isDeepStrictEqual(parsed(given), parsed(wanted)), `${given} instead of ${wanted}`)
  const lines = Array.from(exportLines(region), (line) => JSON.stringify(line))
  checkEqual(texts, lines)
  for (const { name } of schemasOf(region)) {
    const map = JsonMap.open(region, name)
    const entries = Array.from(map.entries(), (entry) => JSON.stringify(entry))
    const pairs = Array.from(map.texts(), ([key, text]) => `[${JSON.stringify(key)},${text}]`)
    checkEqual(pairs, entries)
  }
}

/** As they are in a file. */
function linesOf(region: Region | ReadRegion): string[] {
  const source = region instanceof Region ? region.snapshot() : region
  try {
    const texts = [...exportText(source)]
    checkTexts(source, texts)
    return texts
  } finally {
    if (source !== region) source.close()
  }
}

function load(region: Region, lines: readonly string[]) {
  return region.transact(() => {
    const [head, ...rest] = lines.map((line) => JSON.parse(line) as DumpLine)
    const importer = new Importer(region, head as DumpHead)
    for (const line of rest) importer.add(line)
    return importer.finish()
  })
}

/** Loads the lines into a new region, looks at it, verifies it, and takes its lines again. */
async function checkLoaded(lines: readonly string[], look: (region: Region) => void) {
  const path = join(directory, `${count++}.region`)
  const region = Region.create(path, SMALL)
  load(region, lines)
  region.read(() => look(region))
  assert.equal(linesOf(region), lines)
  await verifyWhole(region)
  region.close()
  rmSync(path)
}

const entriesOf = ({ value }: Shape, key: Shape) =>
  fc.array(fc.tuple(key.value, value), { maxLength: 8 })

test('every type: a map, a multimap and a value', async () => {
  const cases = fc.tuple(shape, keyShape, keyShape).chain(([value, key, other]) => fc.record({
    value: fc.constant(value), key: fc.constant(key), other: fc.constant(other),
    entries: entriesOf(value, key), pairs: entriesOf(other, key), single: value.value,
  }))
  await holds(cases, 60, async ({ value, key, other, entries, pairs, single }) => {
    const open = (region: Region) => ({
      map: region.map('map', key.type, value.type),
      multimap: region.multimap('pairs', key.type, other.type),
      value: region.value('single', value.type),
    })
    const plain = (region: Region) => {
      const { map, multimap, value: one } = open(region)
      return [Array.from(map.keys(), (k) => [k, map.getObject(k)]), [...multimap],
        JSON.stringify(JsonMap.open(region, 'single').get()), one.get() === undefined]
    }
    const original = withRegion((region) => {
      const { map, multimap, value: one } = open(region)
      region.transact(() => {
        for (const [k, v] of entries) map.set(k, v)
        for (const [k, v] of pairs) multimap.add(k, v)
        one.set(single)
      })
      return { lines: linesOf(region), plain: region.read(() => plain(region)) }
    })
    await checkLoaded(original.lines, (region) =>
      assert.ok(isDeepStrictEqual(plain(region), original.plain), inspect(plain(region))))
  })
})

test('text made at once: numbers, strings and dates that JSON has its own ways with', () => {
  const Odd = t.struct('Odd', {
    '$name "quoted"': t.string, f32: t.f32, f64: t.optional(t.f64), big: t.i64, at: t.date,
    label: t.enum('a "b"', 'c\n'), none: t.optional(t.tuple(t.optional(t.u8), t.string)),
  })
  const texts = ['', '"', '\\', '\n\u0000\u007f', '\u2028\u2029', '東京 😀', 'å', 'x'.repeat(5000)]
  const numbers = [-0, NaN, Infinity, -Infinity, 1e21, 5e-324, 0.1, -1.5]
  withRegion((region) => {
    const map = region.map('odd "map"', t.string, Odd)
    region.transact(() => texts.forEach((text, i) => map.set(`${i} "`, {
      '$name "quoted"': text, f32: numbers[i]!, f64: numbers[i]!,
      big: -(2n ** 63n), at: new Date(i * 1e12), label: i % 2 === 0 ? 'a "b"' : 'c\n',
      none: i % 2 === 0 ? [undefined, text.slice(0, 1)] : undefined,
    } as never)))
    const lines = linesOf(region)
    assert.match(lines[1]!, /"f32":"-0","f64":"-0","big":"-9223372036854775808"/)
    assert.is(lines.length, 1 + texts.length)
  })
})

const Leaf = t.struct('Leaf', { text: t.string })
const Node = t.struct('Node', {
  name: t.string,
  next: t.optional(t.self),
  others: t.array(t.self),
  inner: t.map(t.string, t.self),
  leaf: t.optional(t.ref(() => Leaf)),
  text: t.optional(t.ref(() => t.string)),
  lists: t.optional(t.ref(() => t.array(t.ref(() => t.string)))),
  shared: t.optional(t.ref(() => t.map(t.u32, t.ref(() => Leaf)))),
})

interface Graph {
  /** Of each node: in the map or only named, and its edges as numbers of nodes. */
  nodes: { named: boolean; next: number | null; others: number[]; inner: number[] }[]
  extras: boolean
}

const graphs: fc.Arbitrary<Graph> = fc.record({
  nodes: fc.array(fc.record({
    named: fc.boolean(), next: fc.option(fc.nat(20)),
    others: fc.array(fc.nat(20), { maxLength: 3 }), inner: fc.array(fc.nat(20), { maxLength: 2 }),
  }), { maxLength: 12 }),
  extras: fc.boolean(),
})

function makeGraph(region: Region, { nodes, extras }: Graph): void {
  const map = region.map('nodes', t.u32, Node)
  const leaves = region.map('the leaves', t.string, Leaf)
  region.value('start', t.optional(t.ref(() => Node)))
  region.transact(() => {
    const text = region.alloc(t.string, 'shared text')
    const list = region.alloc(t.array(t.ref(() => t.string)), [text, text])
    const leaf = region.alloc(Leaf, { text: 'alone' })
    leaves.set('one', { text: 'one' })
    const shared = region.alloc(t.map(t.u32, t.ref(() => Leaf)),
      [[1, leaf], [2, region.refOf(leaves.get('one')!)]])
    const refs = nodes.map(({ named }, i): Ref<any> => {
      const input = {
        name: `node ${i}`, others: [], inner: [],
        ...extras ? { text, lists: list, shared: shared as never, leaf } : {},
      }
      if (!named) return region.alloc(Node, input as never)
      map.set(i, input as never)
      return region.refOf(map.get(i)!)
    })
    if (refs.length === 0) return
    nodes.forEach(({ next, others, inner }, i) => {
      const node = region.deref(refs[i]!) as any
      if (next !== null) node.next = refs[next % refs.length]
      node.others = others.map((other) => refs[other % refs.length])
      inner.forEach((other, k) => node.inner.set(`${k}`, refs[other % refs.length]))
    })
    region.value('start', t.optional(t.ref(() => Node))).set(refs[0] as never)
  })
}

/** The graph behind the names, as text in which the same record is the same number. */
function shapeOfGraph(region: Region): string {
  const seen = new Map<number, number>()
  const out: unknown[] = []
  const visit = (node: any): number | null => {
    if (node === undefined) return null
    const ref = region.refOf(node) as number
    const known = seen.get(ref)
    if (known !== undefined) return known
    const own = seen.size
    seen.set(ref, own)
    const leaf = node.leaf === undefined ? null : [region.refOf(node.leaf) > 0, node.leaf.text]
    const shown: unknown[] = [own, node.name, leaf, node.text,
      node.lists === undefined ? null : [...node.lists],
      node.shared === undefined ? null : Array.from(node.shared, ([k, v]: any) => [k, v.text])]
    out.push(shown)
    shown.push(visit(node.next), Array.from(node.others, visit),
      Array.from(node.inner, ([k, other]: any) => [k, visit(other)]))
    return own
  }
  const roots = [
    ...Array.from(region.map('nodes', t.u32, Node), ([key, node]) => [key, visit(node)]),
    visit(region.value('start', t.optional(t.ref(() => Node))).get()),
    Array.from(region.map('the leaves', t.string, Leaf).values(), ({ text }) => text),
  ]
  return JSON.stringify([roots, out])
}

test('refs: shared, cyclic, to records of maps and to those that only refs name', async () => {
  await holds(graphs, 30, async (graph) => {
    const original = withRegion((region) => {
      makeGraph(region, graph)
      return { lines: linesOf(region), shape: region.read(() => shapeOfGraph(region)) }
    })
    await checkLoaded(original.lines, (region) =>
      assert.is(shapeOfGraph(region), original.shape))
  })
})

test('loading twice replaces records, and refs lead to the new ones', async () => {
  const lines = withRegion((region) => {
    makeGraph(region, { extras: false, nodes: [
      { named: true, next: 1, others: [0], inner: [1] },
      { named: true, next: 0, others: [], inner: [] },
    ] })
    return linesOf(region)
  })
  const path = join(directory, `${count++}.region`)
  const region = Region.create(path, { durability: 'none' })
  load(region, lines)
  load(region, lines)
  assert.is(linesOf(region).join('\n'), lines.join('\n'))
  const nodes = region.map('nodes', t.u32, Node)
  assert.is(nodes.get(0)!.next!.next!.name, 'node 0')
  const { ok } = await region.verify()
  assert.ok(ok)
  region.close()
})

test('indexes by fields come back, unique ones and all; of functions it is said', () => {
  const City = t.struct('City', { name: t.string, country: t.string })
  const lines = withRegion((region) => {
    const cities = region.map('cities', t.u32, City)
    cities.index('by country', ['country', 'name'])
    cities.index('by name', 'name', { unique: true })
    cities.index('by length', (city) => city.name.length, { key: t.u32 })
    region.transact(() => {
      cities.set(1, { name: 'Oslo', country: 'NO' })
      cities.set(2, { name: 'Lund', country: 'SE' })
    })
    return linesOf(region)
  })
  withRegion((region) => {
    assert.equal(load(region, lines), { missingIndexes: [{ map: 'cities', index: 'by length' }] })
    const cities = region.map('cities', t.u32, City)
    assert.equal([...cities.index('by country', ['country', 'name']).keys()], [1, 2])
    assert.throws(() => region.transact(() => cities.set(3, { name: 'Oslo', country: 'US' })),
      (error: RStoreError) => error.code === 'RSTORE_UNIQUE')
  })
})

test('records of older versions, and a packed region with its root', async () => {
  const Old = t.struct('City', { name: t.string })
  const New = t.struct('City', { name: t.string, population: t.default(t.u32, 7) })
  const lines = withRegion((region) => {
    region.transact(() => region.map('cities', t.u32, Old).set(1, { name: 'Oslo' }))
    region.transact(() => region.map('cities', t.u32, New).set(2, { name: 'Lund', population: 9 }))
    return linesOf(region)
  })
  assert.equal(lines.slice(1).map((line) => JSON.parse(line).value),
    [{ name: 'Oslo', population: 7 }, { name: 'Lund', population: 9 }])
  await checkLoaded(lines, (region) =>
    assert.is(region.map('cities', t.u32, New).get(1)!.population, 7))

  const path = join(directory, 'some.packed')
  Region.pack(path, { root: Old }, (region) => {
    region.map('more', t.u32, t.u32).set(1, 2)
    return { name: 'root city' }
  })!.close()
  const packed = Packed.load(path)
  const packedLines = linesOf(packed)
  packed.close()
  await checkLoaded(packedLines, (region) => {
    assert.is(region.value('root', Old).get()!.name, 'root city')
    assert.is(region.map('more', t.u32, t.u32).get(1), 2)
  })
})

test('records of types that name each other, by several fields', async () => {
  const Person: Type<any> = t.struct('Person', {
    name: t.string,
    parents: t.optional(t.ref((): Type<any> => Family)),
    own: t.optional(t.ref((): Type<any> => Family)),
  })
  const Family: Type<any> = t.struct('Family', {
    mother: t.optional(t.ref(() => Person)), father: t.optional(t.ref(() => Person)),
  })
  const lines = withRegion((region) => {
    const people = region.map('people', t.u32, Person)
    region.transact(() => {
      const family = region.alloc(Family, { mother: undefined, father: undefined })
      people.set(1, { name: 'Ann', own: family })
      people.set(2, { name: 'Ben', parents: family })
      region.deref<any>(family).mother = people.get(1)
    })
    return linesOf(region)
  })
  await checkLoaded(lines, (region) =>
    assert.is(region.map('people', t.u32, Person).get(2).parents.mother.name, 'Ann'))
})

test('refs lead to records of older and of later versions', async () => {
  const First: Type<any> = t.struct('Node', { x: t.u32, next: t.optional(t.self) })
  const Later: Type<any> = t.struct('Node', {
    x: t.u32, next: t.optional(t.self), y: t.default(t.u32, 7), z: t.optional(t.string),
  })
  const lines = withRegion((region) => {
    region.transact(() => {
      const map = region.map('nodes', t.u32, First)
      map.set(1, { x: 1, next: region.alloc(First, { x: 2 }) })
      map.set(2, { x: 3 })
    })
    region.transact(() => {
      const map = region.map('nodes', t.u32, Later)
      const last = region.alloc(Later, { x: 5, y: 5, z: 'last' })
      map.get(1).next.next = region.alloc(Later, { x: 4, next: last })
      map.get(2).next = last
    })
    return linesOf(region)
  })
  await checkLoaded(lines, (region) => {
    const map = region.map('nodes', t.u32, Later)
    const chain = [map.get(1)]
    while (chain.at(-1).next !== undefined) chain.push(chain.at(-1).next)
    assert.equal(chain.map(({ x, y, z }) => [x, y, z]),
      [[1, 7, undefined], [2, 7, undefined], [4, 7, undefined], [5, 5, 'last']])
    assert.is(region.refOf(map.get(2).next), region.refOf(chain[3]))
  })
})

const Page = t.struct('Page', {
  title: t.string, words: t.map(t.string, t.u64), other: t.optional(t.packed(Leaf)),
  next: t.optional(t.self),
})

/** A store whose region names a packed one that names another; gives the ids of these. */
function makeShelves(folder: string): { store: Store; ids: number[]; refs: number[] } {
  const store = Store.open(folder, { create: true })
  const leaf = store.pack('leaf', { root: Leaf }, () => ({ text: 'seven' }))!
  const page: any = store.pack('page', { root: Page }, (_region, root: any) => {
    root.title = 'Oslo'
    root.words.set('fjord', 3n)
    root.other = leaf
    root.next = root
    return root
  })
  const shelves = store.region('shelves')
  const map = shelves.map('shelves', t.string, t.struct('Shelf', {
    page: t.optional(t.packed(Page)), room: t.u8,
  }))
  shelves.transact(() => {
    map.set('empty', { room: 1 })
    map.set('full', { page, room: 2 })
    shelves.map('bare', t.u32, t.packed(Leaf)).set(1, leaf)
  })
  const ids = store.list().filter(({ kind }) => kind === 'packed').map(({ id }) => id)
  const refs = [leaf, page].map(({ session }) => session.opened.rootRef)
  for (const one of [leaf, page]) one.close()
  return { store, ids, refs }
}

test('what fields of type t.packed name is shown where the store has it, one level deep', () => {
  const folder = join(directory, 'store')
  const { store, ids: [leaf, page], refs: [leafRef, pageRef] } = makeShelves(folder)
  const content = {
    title: 'Oslo', words: [['fjord', '3']], other: { $packed: leaf, ref: leafRef },
    next: { $ref: pageRef },
  }
  const shelves = store.region('shelves')
  const map = JsonMap.open(shelves, 'shelves')
  assert.equal(map.get('full'), { page: { $packed: page, ref: pageRef, value: content }, room: 2 })
  assert.equal(map.get('empty'), { room: 1 })
  assert.equal(JsonMap.open(shelves.snapshot(), 'bare').get(1),
    { $packed: leaf, ref: leafRef, value: { text: 'seven' } })
  assert.equal(JsonMap.open(store.packed('page'), 'root').get(), {
    ...content, other: { $packed: leaf, ref: leafRef, value: { text: 'seven' } },
  })
  shelves.transact(() => map.set('empty', { page: null, room: 3 }))
  assert.throws(() => shelves.transact(() => map.set('empty', map.get('full'))),
    /what is in a packed region cannot be given as JSON/)
  assert.equal([...map.entries()].map(([key, { room }]: any) => [key, room]),
    [['empty', 3], ['full', 2]])
  const path = shelves.path!
  store.close()
  const alone = Region.open(path, { readOnly: true })
  assert.equal(JsonMap.open(alone.snapshot(), 'shelves').get('full'),
    { page: { $packed: page, ref: pageRef }, room: 2 }, 'no store: nothing to read it from')
  alone.close()
})

test('dumps have what fields of type t.packed name as it is; such lines cannot be loaded', () => {
  const { store, ids: [leaf, page], refs: [leafRef, pageRef] }
    = makeShelves(join(directory, 'dumped store'))
  const lines = [...exportLines(store.region('shelves').snapshot())]
  const [head, ...entries] = lines
  assert.equal(entries, [
    { map: 'bare', key: 1, value: { $packed: leaf, ref: leafRef } },
    { map: 'shelves', key: 'empty', value: { room: 1 } },
    { map: 'shelves', key: 'full', value: { page: { $packed: page, ref: pageRef }, room: 2 } },
  ])
  assert.is(codeOf(() => exportLines(store.region('shelves').snapshot(), { names: ['none'] })
    .next()), 'RSTORE_NOT_FOUND')
  withRegion((region) => {
    const loaded = region.transact(() => {
      const importer = new Importer(region, JSON.parse(JSON.stringify(head)))
      const added = entries.map((line) => {
        try {
          return importer.add(line)
        } catch (error) {
          return (error as Error).message.slice(0, 30)
        }
      })
      importer.finish()
      return added
    })
    const refused = 'what is in a packed region can'
    assert.equal(loaded, [refused, true, refused])
    assert.equal(JsonMap.open(region, 'shelves').get('empty'), { room: 1 })
    assert.is(JsonMap.open(region, 'bare').size, 0)
  })
  store.close()
})

test('what cannot be stored is refused, and the next line goes on', () => {
  withRegion((region) => {
    const head: DumpHead = { rstore: 'dump', version: 1, names: [
      { name: 'm', kind: 'map', key: 'u32',
        value: { struct: 'P', fields: [['x', 'u8'], ['s', { optional: 'string' }]] } },
    ] }
    region.transact(() => {
      const importer = new Importer(region, head)
      const bad: [unknown, RegExp][] = [
        ['text', /expected an object/],
        [{ map: 'other', key: 1, value: 1 }, /names no map "other"/],
        [{ map: 'm', key: 1, value: { x: 256 } }, /P\.x: 256 is not a u8/],
        [{ map: 'm', key: 1, value: { x: 1, y: 2 } }, /P has no field "y"; it has "x", "s"/],
        [{ map: 'm', key: -1, value: { x: 1 } }, /key must be a u32/],
        [{ map: 'm', key: 1, value: {} }, /P\.x/],
        [{ map: 'm', key: 1, value: null }, /expected an object/],
      ]
      importer.add({ map: 'm', key: 5, value: { x: 5 } })
      for (const [line, message] of bad) assert.throws(() => importer.add(line), message)
      importer.add({ map: 'm', key: 3, value: { x: 3, s: 'three' } })
      importer.add({ map: 'm', key: 9, value: { x: 9, s: null } })
      importer.finish()
    })
    const m = region.map('m', t.u32, t.struct('P', { x: t.u8, s: t.optional(t.string) }))
    assert.equal([...m.keys()], [3, 5, 9])
    assert.is(m.get(9)!.s, undefined)
  })
  withRegion((region) => {
    const bad = (names: unknown, version = 1) => () => region.transact(() =>
      new Importer(region, { rstore: 'dump', version, names } as DumpHead))
    assert.throws(bad([], 2), /version 2/)
    assert.throws(bad(undefined), /expected/)
    assert.throws(bad([{ name: 'x', kind: 'map', key: 'u32', value: { nonsense: 1 } }]), /unknown/)
    const Self = { struct: 'S', fields: [['next', { optional: { ref: { self: 1 } } }]] }
    const names = [{ name: 'm', kind: 'map', key: 'u32', value: Self }]
    assert.is(codeOf(() => region.transact(() => {
      const importer = new Importer(region, { rstore: 'dump', version: 1, names } as DumpHead)
      assert.throws(() => importer.add({ map: 'm', key: 1, value: { next: 7 } }),
        /a ref is {"\$ref":n}, not 7/)
      importer.add({ map: 'm', key: 1, value: { next: { $ref: 7 } } })
      importer.finish()
    })), 'RSTORE_DANGLING_REF')
    assert.equal(region.names(), [])
  })
})

test('a record is the same whatever form its line has', () => {
  const fields = [
    ['n', 'u64'], ['b', 'bytes'], ['$d', 'date'], ['f', 'f32'], ['j', 'json'],
    ['in', { struct: 'In', fields: [['on', { optional: 'bool' }], ['u', 'i64']] }],
    ['list', { array: 'u64' }], ['maybe', { optional: 'bytes' }], ['e', { optional: 'i8' }],
  ]
  const value = { struct: 'All', fields }
  const names = [{ name: 'm', kind: 'map', key: 'u32', value }]
  const usual = {
    n: '7', b: { $bytes: 'AAEC' }, $$d: '1970-01-01T00:00:01.000Z', f: 'NaN', j: { $bigint: '5' },
    in: { u: '-3' }, list: ['1', '2'],
  }
  const reversed = Object.fromEntries(Object.entries(usual).reverse())
  const others = [
    reversed, { ...usual, n: 7, $$d: 1000 }, { ...usual, maybe: null, e: null },
    { ...usual, in: { on: null, u: -3 } }, { ...usual, in: { u: '-3', on: null }, list: [1, 2] },
  ]
  withRegion((region) => {
    const head = { rstore: 'dump', version: 1, names } as DumpHead
    region.transact(() => {
      const importer = new Importer(region, head)
      const add = (key: number, one: object) => importer.add({ map: 'm', key, value: one })
      for (const [key, one] of [usual, ...others].entries()) add(key, one)
      const noBase64 = [
        'A', 'A===', 'AA-_', 'AA A', 'AA=A', 'A=A=', 'AAAA=', '\u0141AAA', '====', 'AA\u0101A',
      ]
      for (const bad of noBase64) {
        assert.throws(() => add(99, { ...usual, b: { $bytes: bad } }), /must be base64/)
      }
      assert.throws(() => add(99, { ...usual, b: null }), /All\.b: expected a Uint8Array/)
      assert.throws(() => add(99, { ...usual, n: '-1' }), /All\.n: -1n is not a u64/)
      assert.throws(() => add(99, { ...usual, in: { u: '1', v: 1 } }), /In has no field "v"/)
      assert.throws(() => add(99, { ...usual, $id: 0 }), /whole number from 1/)
      assert.throws(() => add(99, { ...usual, j: { $b: 1 } }), /means nothing here/)
      importer.finish()
    })
    const [, ...lines] = linesOf(region).map((line) => JSON.parse(line))
    assert.equal(lines.map(({ key }) => key), [0, 1, 2, 3, 4, 5])
    for (const line of lines) assert.equal(line.value, usual)
  })
})

test('a map without types of its own: JsonMap', () => {
  withRegion((region) => {
    const City = t.struct('City', { name: t.string, area: t.u64 })
    const cities = region.map('cities', t.string, City)
    cities.index('by name', 'name')
    const tags = region.multimap('tags', t.u32, t.string)
    region.transact(() => {
      const json = JsonMap.open(region, 'cities')
      json.set('b', { name: 'Bergen', area: '445' })
      json.set('a', { name: 'Oslo', area: 454 })
      assert.throws(() => json.set('c', { name: 'x' }), /City\.area/)
      tags.add(1, 'x')
      JsonMap.open(region, 'tags').set(1, 'y')
      region.value('one', t.date).set(new Date(0))
    })
    const json = JsonMap.open(region, 'cities')
    assert.equal(json.get('a'), { name: 'Oslo', area: '454' })
    assert.is(json.get('z'), undefined)
    assert.equal([...json.entries({ gt: 'a' })], [['b', { name: 'Bergen', area: '445' }]])
    assert.equal([json.size, json.count({ lte: 'a' })], [2, 1])
    assert.equal([...cities.index('by name', 'name').keys()], ['b', 'a'])
    const pairs = JsonMap.open(region, 'tags')
    assert.equal([pairs.get(1), pairs.get(2), pairs.count()], [['x', 'y'], undefined, 2])
    const one = JsonMap.open(region, 'one')
    assert.equal([one.get(), one.size, [...one.entries()]], ['1970-01-01T00:00:00.000Z', 1, []])
    region.transact(() => {
      assert.equal([json.delete('a'), json.delete('a'), pairs.delete(1), one.delete()],
        [1, 0, 2, 1])
    })
    assert.is(codeOf(() => JsonMap.open(region, 'none')), 'RSTORE_NOT_FOUND')
  })
})

test.run()
