/** Records of an earlier version with later parts, or refs to later records: by refs, in dumps. */
import { rmSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { t, type RMap, type Type } from '../../lib/index.js'
import { dumpOf, loadInto } from '../harness/dump.js'
import { verifyWhole } from '../harness/verify.js'
import { withRegion, type Place } from '../harness/with-region.js'

const test = suite('map: later parts')

const struct = (fields: Record<string, Type<any>>): Type<any> => t.struct('T', fields)
const itemOf = (fields: Record<string, Type<any>>): Type<any> => t.struct('Item', fields)

const partsOf = (n: Type<any>): Record<string, Type<any>> => ({
  n, words: t.map(t.string, n), list: t.array(n), items: t.array(itemOf({ n })),
  next: t.optional(t.self),
})
const [EarlierParts, LaterParts] = [t.u8, t.i16].map((n) => struct(partsOf(n)))
const LATER_PARTS = { words: [['b', -300]], list: [-300, 5], items: [{ n: -300 }] }

/** Three records that a map owns and one that nothing does; others name them. */
function madeWithParts(place: Place): void {
  const region = place.create({ capacity: '8MiB' })
  const map = region.map('m', t.u32, EarlierParts!) as RMap<number, any, any>
  const refs = region.map('refs', t.u32, t.ref(() => EarlierParts!)) as RMap<number, any, any>
  region.transact(() => {
    const record = { n: 1, words: [['a', 1]], list: [1, 2], items: [{ n: 1 }] }
    for (const key of [1, 2]) map.set(key, record)
    map.get(1).next = map.get(2)
    refs.set(1, map.get(1))
    refs.set(2, region.alloc(EarlierParts!, record as never))
  })
  region.close()
}

function checkParts({ n, words, list, items }: any): void {
  assert.equal([n, [...words], [...list], [...items].map((item) => item.n)],
    [1, LATER_PARTS.words, LATER_PARTS.list, [-300]])
}

test('a record that is found by its ref alone may lead to later ones', withRegion((place) => {
  madeWithParts(place)
  const region = place.open()
  const map = region.map('m', t.u32, LaterParts!) as RMap<number, any, any>
  const next = { n: -5, ...LATER_PARTS }
  region.transact(() => map.set(2, next))
  const again = place.open()
  const ref = again.refOf(again.map('m', t.u32, LaterParts!).get(1)!)
  const snapshot = again.snapshot()
  for (const own of [region, again, snapshot, place.open()]) {
    const record = own.deref(ref) as any
    assert.equal([record.n, record.next.n, [...record.next.list]], [1, -5, LATER_PARTS.list])
    const { items, list } = record.next.toObject()
    assert.equal([items, [...list]], [LATER_PARTS.items, LATER_PARTS.list])
    assert.ok(record.next.equals(map.get(2)) && !record.next.equals({ ...next, n: -6 }))
    assert.is(record.toObject().next, region.refOf(map.get(2)))
  }
  for (const own of [region, again]) {
    own.transact(() => {
      const record = own.deref(ref) as any
      record.n = 1
      record.next.n = -7
    })
  }
  assert.is(map.get(2).n, -7)
  snapshot.close()
}))

test('a ref to a number of another type stays refused, whatever was read by a ref', withRegion(
  (place) => {
    const region = place.create()
    const refs = region.map('refs', t.u32, t.ref(() => t.u8))
    const Small = t.struct('Small', { n: t.u8 })
    region.transact(() => {
      const wide = region.alloc(t.u64, 300n)
      const set = (): void => refs.set(1, wide as never)
      assert.throws(set, ({ code }: any) => code === 'RSTORE_DANGLING_REF')
      const small = region.alloc(Small, { n: 1 })
      assert.is(region.deref(small).n, 1)
      assert.throws(set, ({ code }: any) => code === 'RSTORE_DANGLING_REF')
      region.free(small)
      region.free(wide)
    })
  }))

test('such records are dumped and loaded, whichever name they were changed by', withRegion(
  async (place) => {
    for (const name of ['refs', 'm']) {
      madeWithParts(place)
      const region = place.open()
      const map = name === 'm' ? region.map('m', t.u32, LaterParts!)
        : region.map('refs', t.u32, t.ref(() => LaterParts!))
      region.transact(() => Object.assign((map as RMap<number, any, any>).get(1), LATER_PARTS))
      if (name === 'refs') {
        region.transact(() => Object.assign((map as RMap<number, any, any>).get(2), LATER_PARTS))
      }
      const copy = place.create({ capacity: '8MiB' }, 'copy')
      loadInto(copy, dumpOf(region))
      checkParts(copy.map('m', t.u32, LaterParts!).get(1))
      const refs = copy.map('refs', t.u32, t.ref(() => LaterParts!)) as RMap<number, any, any>
      checkParts(refs.get(1))
      if (name === 'refs') checkParts(refs.get(2))
      await verifyWhole(copy)
      for (const one of [copy, region]) one.close()
      for (const file of [undefined, 'copy']) rmSync(place.path(file))
    }
  },
))

test.run()
