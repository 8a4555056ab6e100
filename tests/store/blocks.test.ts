/** Block regions of a store: what they name stays as long as they live, and goes with the last. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Pool, Store, t, type BlockRegion, type Packed } from '../../lib/index.js'
import { Child } from '../harness/child.js'
import { temporaryDirectory } from '../harness/temporary.js'
import { until } from '../harness/until.js'
import { thrown } from '../harness/with-region.js'
import { assertAllBack } from '../pool/with-pool.js'
import { countsOf, gone, packedFiles, packedIds, packLink, Slot, slotsOf } from './shapes.js'

const test = suite('stores: block regions')

const inStore = (body: (store: Store, dir: string) => void | Promise<void>) =>
  async (): Promise<void> => {
    const dir = temporaryDirectory()
    const store = Store.open(dir, { create: true })
    await body(store, dir)
    assert.equal((await store.verify()).problems, [])
    store.close()
    assertAllBack(Pool.default)
  }

/** Time for whatever would delete what it must not. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60))

/** A packed region that only `name` holds. */
function named(store: Store, title: string, name: (link: Packed<any>) => void): void {
  const link = packLink(store, null, title)
  name(link)
  link.close()
}

for (const bound of [undefined, '2KiB'] as const) {
  const options = bound === undefined ? {} : { bound }

  test(`free() lets go of what the region names, bound ${bound}`, inStore(async (store, dir) => {
    const region = store.blockRegion(options)
    const refs: number[] = []
    named(store, 'a', (link) => {
      for (let i = 0; i < 3; i++) refs.push(region.alloc(Slot, { link }))
    })
    assert.equal(countsOf(store), [1])
    await pause()
    assert.equal(countsOf(store), [1], 'one region, however many fields')
    for (const ref of refs) assert.is((region.deref(ref as never) as any).link.title, 'a')
    region.free(refs.pop() as never)
    ;(region.deref(refs.pop() as never) as any).link = undefined
    await pause()
    assert.equal(countsOf(store), [1], 'one field has it')
    region.free()
    await gone(store)
    assert.equal(packedFiles(dir), [])
  }))

  test(`what fields name no more goes before the region, bound ${bound}`, inStore(async (store) => {
    const region = store.blockRegion(options)
    let slot: any
    named(store, 'a', (link) => (slot = region.deref(region.alloc(Slot, { link }))))
    named(store, 'b', (link) => (slot.link = link))
    await gone(store, 1)
    assert.is(slot.link.title, 'b')
    slot.link = undefined
    await gone(store)
    named(store, 'c', (link) => (slot.link = link))
    assert.is(slot.link.title, 'c')
    region.free()
    await gone(store)
  }))
}

test('the last holder lets go', inStore(async (store) => {
  const region = store.blockRegion()
  let ref!: number
  named(store, 'a', (link) => (ref = region.alloc(Slot, { link })))
  const reader = region.seal()
  reader.retain()
  reader.free()
  await pause()
  assert.is((reader.deref(ref as never) as any).link.title, 'a')
  reader.free()
  await gone(store)
}))

test('a region that was forgotten lets go when it is reclaimed', inStore(async (store) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const leaked = Pool.default.stats().regionsLeaked!
  ;(() => {
    const region = store.blockRegion()
    named(store, 'a', (link) => region.map('slots', t.u32, Slot).set(1, { link }))
    named(store, 'b', (link) => region.alloc(Slot, { link }))
  })()
  await pause()
  for (let i = 0; i < 50 && Pool.default.stats().regionsLeaked === leaked; i++) {
    collect()
    await pause()
  }
  await gone(store)
  assert.is(Pool.default.stats().regionsLeaked, leaked + 1)
}))

test('others cannot delete what a block region names', inStore(async (store, dir) => {
  const other = Store.open(dir)  // another descriptor, as another process has it
  const region = store.blockRegion()
  const slots = slotsOf(other.region('live'))
  packLink(other, 'a', 'a').close()
  region.map('slots', t.u32, Slot).set(0, { link: store.packed('a') } as never)
  other.region('live').transact(() => slots.set(0, { link: other.packed('a') } as never))
  other.region('live').transact(() => { slots.delete(0) })
  other.release('a')
  await other.region('live').checkpoint()
  other.close()
  await pause()
  assert.is(region.map('slots', t.u32, Slot).get(0)!.link!.title, 'a')
  assert.is(packedFiles(dir).length, 1)
  region.free()
}))

test('what a process that was killed named is reclaimed', inStore(async (store, dir) => {
  const child = new Child<number>('dist/tests/store/naming-child.js', [dir])
  await child.expect()
  store.release('by name')
  await pause()
  const other = Store.open(dir)
  assert.is(packedFiles(dir).length, 3, 'as long as it lives')
  other.close()
  await child.kill()
  await until('what was released is gone', () => packedFiles(dir).length <= 2)
  const next = Store.open(dir)
  assert.equal(packedFiles(dir), [], 'whoever opens the store looks')
  next.close()
}))

test('closing the store ends it', inStore(async (store, dir) => {
  const second = Store.open(dir)
  const region = second.blockRegion()
  let slot: any
  named(second, 'a', (link) => (slot = region.deref(region.alloc(Slot, { link }))))
  assert.is(slot.link.title, 'a')
  second.close()
  assert.equal(packedFiles(dir), [], 'nobody names it')
  thrown('RSTORE_CLOSED', () => slot.link)
  thrown('RSTORE_CLOSED', () => second.blockRegion())
  const mine = packLink(store, null, 'b')
  thrown('RSTORE_FOREIGN_REF', () => (slot.link = mine))
  mine.close()
  slot.link = undefined
  region.free()
}))

test('a change that is undone names nothing, and lets go of nothing', inStore(async (store) => {
  const Unique = t.struct('Unique', { id: t.u32, link: t.optional(t.packed(t.json)) })
  const region = store.blockRegion()
  const map = region.map('m', t.u32, Unique)
  map.index('id', 'id', { unique: true })
  const pack = (value: string) => store.pack(null, { root: t.json, capacity: '1MiB' }, () => value)!
  const [a, b] = [pack('a'), pack('b')]
  map.set(1, { id: 1, link: a } as never)
  map.set(2, { id: 2 })
  thrown('RSTORE_UNIQUE', () => map.set(2, { id: 1, link: b } as never))
  thrown('RSTORE_UNIQUE', () => map.set(1, { id: 2 }))
  for (const packed of [a, b]) packed.close()
  await gone(store, 1)
  assert.is(map.get(1)!.link, 'a')
  region.free()
  await gone(store)
}))

test('what did not fit names nothing', inStore(async (store) => {
  const Large = t.struct('Large', { link: t.optional(t.packed(t.json)), data: t.bytes })
  const none = store.blockRegion({ bound: 96 })
  const some = store.blockRegion({ bound: 512 })
  const pack = (value: string) => store.pack(null, { root: t.json, capacity: '1MiB' }, () => value)!
  const [a, b] = [pack('a'), pack('b')]
  const data = new Uint8Array(500)
  const one = new Uint8Array(1)
  thrown('RSTORE_REGION_FULL', () => none.alloc(Large, { link: a, data: one } as never))
  thrown('RSTORE_REGION_FULL', () => some.alloc(Large, { link: a, data } as never))
  const ref = some.alloc(Large, { link: b, data: data.slice(0, 9) } as never)
  thrown('RSTORE_REGION_FULL', () => some.alloc(Large, { link: a, data } as never))
  for (const packed of [a, b]) packed.close()
  await gone(store, 1)
  assert.is((some.deref(ref) as any).link, 'b')
  none.free()
  some.free()
  await gone(store)
}))

test('regions that are moved take their list along', inStore(async (store) => {
  const regions = Array.from({ length: 40 }, () => store.blockRegion())
  const refs = regions.map((region, i) => {
    let ref!: number
    named(store, `n${i}`, (link) => (ref = region.alloc(Slot, { link })))
    return ref
  })
  const readers = regions.map((region) => region.seal())
  Pool.default.compact()
  assert.ok(Pool.default.stats().blocksLive! < 5)
  readers.forEach((reader, i) =>
    assert.is((reader.deref(refs[i] as never) as any).link.title, `n${i}`))
  readers.splice(0, 20).forEach((reader) => reader.free())
  await gone(store, 20)
  for (const reader of readers) reader.free()
  await gone(store)
}))

test('only with a store', () => {
  const region = Pool.default.region()
  thrown('RSTORE_NO_STORE', () => region.alloc(Slot, { link: {} as never }))
  region.free()
})

/** Slot `field` of block region `region` is given packed region `value`; 0 is none. */
interface Step { region: number; field: number; value: number; free: boolean }
const steps = fc.array(fc.record({
  region: fc.nat(2), field: fc.nat(3), value: fc.nat(4), free: fc.nat(9).map((n) => n === 0),
}), { maxLength: 60 })

test('random programs: what is named is there, what is not is gone', inStore(async (store) => {
  await fc.assert(fc.asyncProperty(steps, async (program: Step[]) => {
    const links = [1, 2, 3, 4].map((i) => packLink(store, null, `link ${i}`))
    const ids = links.map((link) => store.idOf(link))
    const regions: BlockRegion[] = []
    const model: number[][] = []
    const regionOf = (i: number): BlockRegion => {
      model[i] ??= [0, 0, 0, 0]
      return (regions[i] ??= store.blockRegion(i === 0 ? { bound: '8KiB' } : {}))
    }
    for (const { region, field, value, free } of program) {
      const slots = regionOf(region).map('slots', t.u32, Slot)
      if (free) {
        regions[region]!.free()
        delete regions[region]
        delete model[region]
      } else {
        model[region]![field] = value
        if (value === 0) slots.delete(field)
        else slots.set(field, { link: links[value - 1] } as never)
      }
    }
    for (const link of links) link.close()
    const expected = ids.filter((_, i) => model.flat().includes(i + 1))
    await until('the rest is gone', () => packedIds(store).length === expected.length)
    assert.equal(packedIds(store), expected)
    model.forEach((fields, i) => fields.forEach((value, field) => {
      const link = regions[i]!.map('slots', t.u32, Slot).get(field)?.link
      assert.is(link?.title, value === 0 ? undefined : `link ${value}`)
    }))
    for (const region of regions) region?.free()
    await gone(store)
  }), { numRuns: 15 })
}))

test.run()
