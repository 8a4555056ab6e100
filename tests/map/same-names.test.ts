/** Structs of one name in different maps, which one could take for versions of each other. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Region, type Type, t } from '../../lib/index.js'
import { dumpOf, loadInto } from '../harness/dump.js'
import { verifyWhole } from '../harness/verify.js'
import { withRegion } from '../harness/with-region.js'

const test = suite('structs of one name')

const Narrow = t.struct('Node', { v: t.u8, tags: t.array(t.struct('Tag', { n: t.u8 })) })
const Wide = t.struct('Node', {
  v: t.u64, tags: t.array(t.struct('Tag', { n: t.u32 })), label: t.optional(t.string),
})
const Holder = t.struct('Holder', { node: t.ref(() => Narrow) })

function fill(region: Region): void {
  region.transact(() => {
    const node = region.alloc(Narrow, { v: 1, tags: [{ n: 2 }] })
    region.map('holders', t.u32, Holder).set(1, { node })
    region.map('narrow', t.u32, Narrow).set(1, { v: 3, tags: [{ n: 4 }] })
    region.map('wide', t.u32, Wide).set(1, { v: 70_000n, tags: [{ n: 5_000 }], label: 'x' })
  })
}

const plain = (region: Region, name: string, type: Type<any>): unknown =>
  region.map(name, t.u32, type).getObject(1)

test('each is read by a ref, changed, dumped and loaded as what it is', withRegion(
  async (place) => {
    const region = place.create()
    fill(region)
    const copy = place.create({}, 'copy')
    loadInto(copy, dumpOf(region))
    for (const own of [region, copy]) {
      const { node } = own.map('holders', t.u32, Holder).get(1)!
      const narrow = own.map('narrow', t.u32, Narrow)
      assert.equal(node.toObject(), { v: 1, tags: [{ n: 2 }] })
      own.transact(() => {
        const record = own.deref(own.refOf(narrow.get(1)!))
        assert.is(record.v + 1, 4)
        assert.throws(() => { record.v = 300 }, RangeError)
        record.tags = [{ n: 6 }] as never
      })
      assert.equal(plain(own, 'narrow', Narrow), { v: 3, tags: [{ n: 6 }] })
      assert.equal(plain(own, 'wide', Wide), { v: 70_000n, tags: [{ n: 5_000 }], label: 'x' })
      await verifyWhole(own)
    }
    const again = place.open()
    assert.equal(plain(again, 'narrow', Narrow), { v: 3, tags: [{ n: 6 }] })
  }))

test('a dump of one of them has nothing of the others, nor has a load where it is', withRegion(
  (place) => {
    const region = place.create()
    fill(region)
    const lines = dumpOf(region, { names: ['narrow'] })
    assert.not.match(JSON.stringify(lines), /u64|u32","n"|label/)
    const live = place.create({}, 'live')
    const narrow = live.map('narrow', t.u32, Narrow)
    live.transact(() => narrow.set(2, { v: 9, tags: [] }))
    loadInto(live, dumpOf(region))
    assert.equal([narrow.get(1)!.v, narrow.get(2)!.v], [3, 9])
  }))

test('a default that only a version has is the dump\'s, not that of another struct', withRegion(
  (place) => {
    const region = place.create()
    region.transact(() =>
      region.map('one', t.u32, t.struct('S', { id: t.u32 })).set(1, { id: 1 }))
    const again = place.open()
    const [one, other] = [1, 2].map((n) => t.struct('S', { id: t.u32, n: t.default(t.u8, n) }))
    again.transact(() => {
      again.map('one', t.u32, one!).set(2, { id: 2, n: 7 })
      again.map('other', t.u32, other!).set(1, { id: 9 })
    })
    const copy = place.create({}, 'copy')
    loadInto(copy, dumpOf(again))
    const loaded = copy.map('one', t.u32, one!)
    assert.equal([loaded.get(1)!.n, loaded.get(2)!.n], [1, 7])
    assert.is(copy.map('other', t.u32, other!).get(1)!.n, 2)
  }))

test.run()
