/**
 * Each public method of maps, multimaps, indexes and values × each state in which it must fail:
 * closed, read-only, outside of a transaction, inside an iteration, stale or gone, wrong arguments.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t } from '../../lib/index.js'
import { IndexHandle } from '../../lib/map/index-handle.js'
import { OrderedMultimap } from '../../lib/map/multimap.js'
import { OrderedMap } from '../../lib/map/ordered-map.js'
import { StoredValue } from '../../lib/map/stored-value.js'
import { nextTurn, withRegion, type Place } from '../harness/with-region.js'

const test = suite('map: misuse')

const Item = t.struct('Item', { text: t.string, n: t.u32 })
const item = { text: 't', n: 1 }
const byText = (value: any): unknown => value.text

/** 'transacts': a change that makes a transaction of its own where there is none. */
type Kind = 'reads' | 'changes' | 'transacts' | 'declares'
interface Row {
  kind: Kind
  use(handle: any): unknown
  /** Uses with arguments that are refused with a TypeError, or RangeError, in every good state. */
  wrong?: ((handle: any) => unknown)[]
}
type Table = Record<string, Row>

const wrongRanges = (use: (handle: any, range: unknown) => unknown): Row['wrong'] => [
  (handle) => use(handle, 5), (handle) => use(handle, null), (handle) => use(handle, { from: 1 }),
  (handle) => use(handle, { gt: 1, gte: 1 }), (handle) => use(handle, { limit: -1 }),
  (handle) => use(handle, { gte: {} }), (handle) => use(handle, []),
  // no options of their own: they would be the whole range
  (handle) => use(handle, new Set([1])), (handle) => use(handle, new Map()),
  (handle) => use(handle, new Date()), (handle) => use(handle, new ArrayBuffer(4)),
]
const reads = (use: Row['use'], ...wrong: Row['use'][]): Row => ({ kind: 'reads', use, wrong })
const changes = (use: Row['use'], ...wrong: Row['use'][]): Row => ({ kind: 'changes', use, wrong })
const ranges = (use: (handle: any, range: unknown) => Iterable<unknown> | number): Row => {
  const all = (handle: any, range?: unknown): unknown => {
    const result = use(handle, range)
    return typeof result === 'number' ? result : [...result]
  }
  return { kind: 'reads', use: (handle) => all(handle), wrong: wrongRanges(all)! }
}

const ofMap: Table = {
  size: reads((map) => map.size),
  get: reads((map) => map.get(1), (map) => map.get('1'), (map) => map.get()),
  getObject: reads((map) => map.getObject(1), (map) => map.getObject(-1)),
  has: reads((map) => map.has(1), (map) => map.has(null)),
  getMany: reads((map) => map.getMany([1]), (map) => map.getMany(['x']), (map) => map.getMany(5),
    (map) => map.getMany(), (map) => map.getMany(new DataView(new ArrayBuffer(8)))),
  getColumn: reads((map) => map.getColumn(Uint8Array.of(1), 'n'),
    (map) => map.getColumn(Uint8Array.of(1), 'no'),
    ...wrongRanges((map, range) => map.getColumn(range, 'n'))!,
    (map) => map.getColumn(map.get(1), 'n'), (map) => map.getColumn(undefined, 'n')),
  first: reads((map) => map.first()),
  last: reads((map) => map.last()),
  entries: ranges((map, range) => map.entries(range)),
  range: ranges((map, range) => map.range(range)),
  keys: ranges((map, range) => map.keys(range)),
  values: ranges((map, range) => map.values(range)),
  count: ranges((map, range) => map.count(range)),
  forEach: reads((map) => map.forEach(() => {}), (map) => map.forEach(5)),
  toJSON: reads((map) => JSON.stringify(map)),
  [Symbol.iterator]: reads((map) => [...map]),
  set: changes((map) => map.set(1, item), (map) => map.set(1, { text: 1 }),
    (map) => map.set('x', item), (map) => map.set(1)),
  delete: changes((map) => map.delete(2), (map) => map.delete({})),
  update: changes((map) => map.update(1, () => item), (map) => map.update(1, 5),
    (map) => map.update(1, () => 5), (map) => map.update('x', () => item)),
  setIfAbsent: changes((map) => map.setIfAbsent(1, item), (map) => map.setIfAbsent('x', item),
    (map) => map.setIfAbsent(3, 5)),
  compareAndSet: changes((map) => map.compareAndSet(1, item, item),
    (map) => map.compareAndSet('x', item, item), (map) => map.compareAndSet(1, item, 5)),
  clear: {
    ...changes((map) => map.clear({ gte: 9 })),
    wrong: wrongRanges((map, range) => map.clear(range))!,
  },
  bulkLoad: {
    kind: 'transacts',
    use: (map) => map.bulkLoad([[200, item]]),
    wrong: [
      (map) => map.bulkLoad(5), (map) => map.bulkLoad({}), (map) => map.bulkLoad([5]),
      (map) => map.bulkLoad([[201, 5]]), (map) => map.bulkLoad([['x', item]]),
      (map) => map.bulkLoad([], { onProgress: 5 }), (map) => map.bulkLoad([], 5),
    ],
  },
  index: {
    kind: 'declares',
    use: (map) => map.index('made', 'text'),
    wrong: [
      (map) => map.index('', 'n'), (map) => map.index(5, 'n'), (map) => map.index('x', 'no'),
      (map) => map.index('x', []), (map) => map.index('x', 5), (map) => map.index('x', 'n', 5),
      (map) => map.index('x', 'n', { key: 5 }), (map) => map.index('x', () => 1n),
      (map) => map.index('x', byText, { key: t.u8 }), (map) => map.index('x', 'n', { uniq: true }),
    ],
  },
  on: {
    kind: 'declares',
    use: (map) => map.on('change', () => {})(),
    wrong: [(map) => map.on('changed', () => {}), (map) => map.on('change', 5)],
  },
}

const ofMultimap: Table = {
  size: reads((map) => map.size),
  has: reads((map) => map.has(1, 'a'), (map) => map.has('x'), (map) => map.has(1, 5)),
  countOf: reads((map) => map.countOf(1), (map) => map.countOf('x')),
  valuesOf: reads((map) => [...map.valuesOf(1)], (map) => map.valuesOf('x'),
    (map) => map.valuesOf(1, 5), (map) => map.valuesOf(1, { gte: 5 })),
  entries: ranges((map, range) => map.entries(range)),
  range: ranges((map, range) => map.range(range)),
  keys: ranges((map, range) => map.keys(range)),
  toJSON: reads((map) => JSON.stringify(map)),
  [Symbol.iterator]: reads((map) => [...map]),
  add: changes((map) => map.add(2, 'c'), (map) => map.add('x', 'c'), (map) => map.add(2, 5),
    (map) => map.add(2)),
  remove: changes((map) => map.remove(2, 'c'), (map) => map.remove('x'),
    (map) => map.remove(2, 5)),
}

const ofIndex: Table = {
  get: reads((index) => index.get(1), (index) => index.get('x')),
  keys: ranges((index, range) => index.keys(range)),
  values: ranges((index, range) => index.values(range)),
  range: ranges((index, range) => index.range(range)),
  entries: ranges((index, range) => index.entries(range)),
  count: ranges((index, range) => index.count(range)),
  rebuild: { kind: 'transacts', use: (index) => index.rebuild() },
}

const ofValue: Table = {
  get: reads((value) => value.get()),
  set: changes((value) => value.set(item), (value) => value.set(5), (value) => value.set()),
  delete: changes((value) => value.delete()),
  toJSON: reads((value) => value.toJSON()),
}

/** What the classes have for the rest of lib. */
const inside = new Set<string | symbol>([
  'constructor', Symbol.for('nodejs.util.inspect.custom'),
  'open', 'attach', 'treeRootOf', 'enter', 'enterWrite', 'leave', 'renew', 'follow', 'rootRef',
  'readMany', 'edge', 'walkerOf', 'keysIn', 'watched', 'ownerOf',
  'setObserved', 'putValue', 'putPrepared', 'putWatched', 'dropPart', 'putForm', 'fill',
  'takeObserved', 'takeUnobserved', 'releaser', 'observed', 'appendSorted', 'appender',
  'isBehind', 'rising', 'valuesAt', 'valueRootOf', 'addPart', 'clearPart',
])

function namesOf(start: object): Set<string | symbol> {
  const names = new Set<string | symbol>()
  for (let own = start; own !== Object.prototype; own = Object.getPrototypeOf(own))
    for (const name of Reflect.ownKeys(own)) names.add(name)
  return names
}

test('no public method is missing here', () => {
  const unknown = new Set(inside)
  for (const [{ prototype }, table] of [
    [OrderedMap, ofMap], [OrderedMultimap, ofMultimap], [IndexHandle, ofIndex],
    [StoredValue, ofValue],
  ] as const) {
    const names = namesOf(prototype)
    for (const name of names) unknown.delete(name)
    assert.equal([...names].filter((name) => !inside.has(name)).map(String).sort(),
      Reflect.ownKeys(table).map(String).sort(), prototype.constructor.name)
  }
  assert.equal([...unknown], [], 'there is no such method any more')
})

test('a method that other stores have is not there by chance, for the rest of lib', () => {
  const habits = ['put', 'drop', 'take', 'remove', 'add', 'del', 'insert', 'push', 'append', 'find']
  for (const { prototype } of [OrderedMap, OrderedMultimap, IndexHandle, StoredValue])
    for (const name of habits) assert.not(inside.has(name) && name in prototype, name)
})

test('what is said of a pair tells its value from its key', withRegion((place) => {
  const region = place.create()
  const pairs: any = region.multimap('pairs', t.string, t.u32)
  const refusal = 'multimap "pairs", value: the key must be a u32: a whole number from 0 to '
    + '4294967295, got "x"'
  region.transact(() => {
    pairs.add('a', 1)
    for (const use of [() => pairs.add('a', 'x'), () => pairs.has('a', 'x'),
      () => pairs.remove('a', 'x')]) assert.throws(use, (error: Error) => error.message === refusal)
    assert.throws(() => pairs.add(1, 2), /^multimap "pairs": the key must be a string, got 1$/)
  })
}))

async function codeOf(use: () => unknown): Promise<string> {
  try {
    await use()
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name
  }
  return 'nothing thrown'
}

/** The same where nothing may wait. */
function codeNow(use: () => unknown): string | Promise<string> {
  try {
    const result = use()
    return result instanceof Promise ? codeOf(() => result) : 'nothing thrown'
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name
  }
}

type Handles = Record<'map' | 'multimap' | 'index' | 'value', any>
const tables: Record<keyof Handles, Table> = {
  map: ofMap, multimap: ofMultimap, index: ofIndex, value: ofValue,
}
const rows = (Object.keys(tables) as (keyof Handles)[]).flatMap((of) =>
  Reflect.ownKeys(tables[of]).map((name) =>
    ({ of, label: `${of}.${String(name)}`, row: (tables[of] as any)[name] as Row })))

const handlesOf = (region: any): Handles => {
  const map = region.map('m', t.u8, Item)
  return {
    map, multimap: region.multimap('p', t.u8, t.string), index: map.index('n', 'n'),
    value: region.value('v', Item),
  }
}

function filled(place: Place) {
  const region = place.create({ capacity: '8MiB' })
  const handles = handlesOf(region)
  region.transact(() => {
    handles.map.set(1, item)
    handles.map.set(2, { text: 'u', n: 2 })
    handles.multimap.add(1, 'a')
    handles.multimap.add(2, 'b')
    handles.value.set(item)
  })
  return { region, handles }
}

/** Uses everything in one state. */
async function useAll(handles: Handles, expected: (row: Row, of: string) => string): Promise<void> {
  for (const { of, label, row } of rows)
    assert.is(await codeOf(() => row.use(handles[of])), expected(row, of), label)
}

/** The contents, to compare. */
const all = ({ map, multimap, value }: Handles): string =>
  JSON.stringify([map, multimap, value.get()])

const outside = ({ kind }: Row): string =>
  kind === 'changes' ? 'RSTORE_NOT_IN_TRANSACTION' : 'nothing thrown'

test('outside of a transaction', withRegion(async (place) => {
  const { handles } = filled(place)
  await useAll(handles, outside)
}))

test('inside an iteration: outside of a transaction as ever, in one it goes on',
  withRegion(async (place) => {
    const { region, handles } = filled(place)
    const { map, multimap, index } = handles
    for (const walk of [
      () => map.keys(), () => map.entries(), () => map.values(), () => multimap.entries(),
      () => multimap.valuesOf(1), () => multimap.keys(), () => index.keys(), () => index.values(),
    ]) {
      let steps = walk()
      steps.next()
      for (const { of, label, row } of rows)
        if (row.kind === 'changes')
          assert.is(codeNow(() => row.use(handles[of])), 'RSTORE_NOT_IN_TRANSACTION', label)
      for (const { of, label, row } of rows) {
        region.transact(() => {
          steps = walk()
          steps.next()
          const code = row.kind === 'transacts' && of === 'map' ? 'nothing thrown'
            : codeNow(() => row.use(handles[of]))
          assert.is(code, 'nothing thrown', label)
          assert.is(codeNow(() => [...steps]), 'nothing thrown', `${walk} beside ${label}`)
        })
      }
    }
  }))

test('wrong arguments: refused, and nothing is changed', withRegion(async (place) => {
  const { region, handles } = filled(place)
  const before = all(handles)
  const names = JSON.stringify(region.names())
  for (const { of, label, row } of rows) {
    for (const wrong of row.wrong ?? []) {
      const what = `${label}: ${wrong}`
      const code = await new Promise<string>((resolve) => region.transact(() => {
        resolve(codeNow(() => wrong(handles[of])))
      }))
      assert.match(code, /^(TypeError|RangeError)$/, what)
      assert.is(all(handles), before, what)
    }
  }
  assert.is(JSON.stringify(region.names()), names)
}))

test('a range that was left out where there must be one is called so', withRegion((place) => {
  const { map } = filled(place).handles as any
  assert.throws(() => map.getColumn(undefined as never, 'n'), /a range must be .*, got undefined/)
  const plain = (): unknown => map.getColumn([1, 2], 'n')
  assert.throws(plain, /keys must be a typed array, or else a range, got an array of 2/)
}))

test('read-only', withRegion(async (place) => {
  const { region } = filled(place)
  region.close()
  const reader = place.openReadOnly()
  const handles = handlesOf(reader)
  for (const { of, label, row } of rows) {
    const mayNot = row.kind === 'changes' || row.kind === 'transacts' || label === 'map.index'
    const code = await codeOf(() => row.use(handles[of]))
    assert.is(code, mayNot ? 'RSTORE_READ_ONLY' : 'nothing thrown', label)
    if (mayNot) continue
    for (const wrong of row.wrong ?? [])
      assert.match(await codeOf(() => wrong(handles[of])), /^(TypeError|RangeError)$/, label)
  }
}))

test('closed', withRegion(async (place) => {
  const { region, handles } = filled(place)
  region.close()
  await useAll(handles, () => 'RSTORE_CLOSED')
}))

test('gone: maps and indexes after a drop; a value is made anew', withRegion(async (place) => {
  const { region, handles } = filled(place)
  region.transact(() => ['m', 'p', 'v'].forEach((name) => assert.ok(region.dropMap(name))))
  region.transact(() => {
    for (const { of, label, row } of rows) {
      if (label === 'map.bulkLoad') continue
      const code = of === 'value' ? 'nothing thrown' : 'RSTORE_NOT_FOUND'
      assert.is(codeNow(() => row.use(handles[of])), code, label)
    }
  })
  assert.is(await codeOf(() => handles.map.bulkLoad([[1, item]])), 'RSTORE_NOT_FOUND')
}))

const Holder = t.struct('Holder', { map: t.map(t.u8, Item), multimap: t.multimap(t.u8, t.string) })

test('stale: maps in records', withRegion(async (place) => {
  const { region } = filled(place)
  const holders = region.map('h', t.u8, Holder)
  region.transact(() => holders.set(1, { map: [[1, item]], multimap: [[1, 'a']] }))
  const nested = rows.filter(({ of }) => of === 'map' || of === 'multimap')
  const isNamed = (label: string): boolean => label === 'map.index' || label === 'map.on'
  const stale: any = holders.get(1)!
  const handles = { map: stale.map, multimap: stale.multimap } as Handles
  for (const { of, label, row } of nested.filter((one) => one.row.kind === 'reads'))
    assert.is(codeNow(() => row.use(handles[of])), 'nothing thrown', label)
  await nextTurn()
  for (const { of, label, row } of nested) {
    const code = isNamed(label) ? 'TypeError'
      : row.kind === 'changes' ? 'RSTORE_NOT_IN_TRANSACTION' : 'RSTORE_STALE_VIEW'
    assert.is(await codeOf(() => row.use(handles[of])), code, label)
  }
  region.transact(() => {
    for (const { of, label, row } of nested) {
      if (label === 'map.bulkLoad') continue
      const code = isNamed(label) ? 'TypeError' : 'RSTORE_STALE_VIEW'
      assert.is(codeNow(() => row.use(handles[of])), code, label)
    }
  })
}))

test.run()
