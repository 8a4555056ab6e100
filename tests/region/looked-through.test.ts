/**
 * An assertion that fails prints what it was given with all that this is made of, however deep and
 * however long, and asks no object how it would be shown. `assert.deepEqual(map.get(1), { n: 2 })`
 * in a user's test ended the process for want of memory: a record is made of arrays over the whole
 * region, of 2 GiB each.
 */
import nodeAssert from 'node:assert'
import { inspect } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Packed, Pool, Region, SharedVector, Store, t } from '../../lib/index.js'
import { withRegion, type Place } from '../harness/with-region.js'

const test = suite('what is looked through')

const Item = t.struct('Item', { n: t.u32, list: t.array(t.string), map: t.map(t.u32, t.u32) })
const item = { n: 1, list: ['a'], map: [[1, 2]] as const }

/** As node:assert does it. */
const LOOKING = {
  compact: false, customInspect: false, depth: 1000, maxArrayLength: Infinity, sorted: true,
  getters: true,
} as const

const MOST_BYTES = 2 ** 21

/** The longest memory that can be come upon from an object, property by property. */
function longestIn(start: object): number {
  const seen = new Set<unknown>([start])
  let longest = 0
  for (const one of seen) {
    if (ArrayBuffer.isView(one) || one instanceof ArrayBuffer) {
      longest = Math.max(longest, one.byteLength)
    } else if (typeof one === 'object' && one !== null) {
      for (const each of one instanceof Map ? [...one].flat() : one instanceof Set ? one : [])
        seen.add(each)
      for (const { enumerable, value } of Object.values(Object.getOwnPropertyDescriptors(one)))
        if (enumerable === true) seen.add(value)
      for (const symbol of Object.getOwnPropertySymbols(one))
        if (Object.prototype.propertyIsEnumerable.call(one, symbol)) seen.add((one as any)[symbol])
    }
  }
  return longest
}

function everything(place: Place): Record<string, object> {
  const region = place.create({ capacity: '8GiB' })
  const map = region.map('m', t.u32, Item)
  map.index('by n', 'n')
  region.transact(() => map.set(1, item))
  const snapshot = place.keep(region.snapshot())
  const reader = place.openReadOnly()
  const block = Pool.default.region()
  place.keep({ close: () => block.free() })
  const blocks = block.map('m', t.u32, Item)
  blocks.set(1, item)
  const packed = place.keep(Region.pack(place.path('packed'), { root: Item }, () => item)!)
  const store = place.keep(Store.open(place.path('store'), { create: true }))
  place.keep(store.pack('one', { root: Item }, () => item)!)
  return {
    region, map, record: map.get(1)!, list: map.get(1)!.list, inner: map.get(1)!.map,
    index: map.index('by n', 'n'), value: region.value('v', Item),
    multimap: region.multimap('p', t.u32, t.u32), snapshot,
    shown: snapshot.map('m', t.u32, Item).get(1)!, read: reader.map('m', t.u32, Item).get(1)!,
    block, inBlock: blocks.get(1)!, pool: Pool.default, packed, root: packed.root, store,
    inStore: place.keep(store.packed('one', Item)).root,
    loaded: place.keep(Packed.load(place.path('packed'))),
    vector: place.keep(SharedVector.create(place.path('vector'), t.u32)),
  }
}

test('nothing that a user has leads to memory of a region', withRegion((place) => {
  for (const [name, object] of Object.entries(everything(place))) {
    const bytes = longestIn(object)
    assert.ok(bytes <= MOST_BYTES, `${name}: ${bytes} bytes`)
    assert.ok(inspect(object, LOOKING).length <= MOST_BYTES, name)
  }
}))

test('regions and maps cannot be posted to a worker: it would get nothing', withRegion((place) => {
  const { region, map, inner, multimap, snapshot, block, packed, store, pool } = everything(place)
  for (const object of [region, map, inner, multimap, snapshot, block, packed, store, pool])
    assert.throws(() => structuredClone(object), (error: Error) => error.name === 'DataCloneError')
}))

test('an assertion on a record fails, and that is all', withRegion((place) => {
  const region = place.create()
  const map = region.map('m', t.u32, Item)
  region.transact(() => {
    map.set(1, item)
    assert.ok(longestIn(map.get(1)!) <= MOST_BYTES, 'else it would be all for this process')
    assert.throws(() => nodeAssert.deepStrictEqual(map.get(1), { ...item, n: 2 }), /deep-equal/)
  })
}))

test.run()
