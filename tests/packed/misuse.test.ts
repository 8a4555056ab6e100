/** What makes no sense is told before anything is done; what looks like it is done. */
import {
  chmodSync, closeSync, openSync, readdirSync, truncateSync, writeFileSync, writeSync,
} from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Identity } from '../../formats/index.js'
import { Packed, Region, Store, t } from '../../lib/index.js'
import { patch } from '../harness/region-bytes.js'
import { inPlace, rejected, thrown } from '../harness/with-region.js'
import { Atlas, City, fill } from './shapes.js'

const test = suite('packed regions: misuse')
const OPTIONS = { root: Atlas, capacity: '1MiB' } as const

test('paths, options and tokens', inPlace(async (place) => {
  const path = place.path('x')
  Region.pack(path, OPTIONS, fill(3))!.close()
  for (const wrong of [undefined, '', 7, `${path}\0y`, new URL(`file://${path}`)] as never[]) {
    assert.throws(() => Packed.load(wrong), TypeError)
    assert.throws(() => Region.pack(wrong, OPTIONS, fill(1)), TypeError)
    assert.throws(() => Store.open(wrong, { create: true }), TypeError)
    const waiting = [Packed.verify(wrong), Packed.thaw(path, wrong), Packed.thaw(wrong, path)]
    for (const later of waiting) {
      await (later as Promise<unknown>).then(
        () => assert.unreachable(), (error) => assert.instance(error, TypeError))
    }
  }
  for (const options of [{ populate: 1 }, { lock: 'no' }, { verify: true }, { root: 'Atlas' }]) {
    assert.throws(() => Packed.load(path, options as never), TypeError)
  }
  const kind = 'rstore-packed'
  for (const token of [null, {}, { kind }, { kind, memory: '1' }] as never[]) {
    assert.throws(() => Packed.attach(token), /token\(\)/)
  }
  for (const options of [undefined, null, 'Atlas', {}] as never[]) {
    assert.throws(() => Region.pack(place.path('y'), options, fill(1)), TypeError)
  }
  assert.equal(readdirSync(place.folder), ['x'])
}))

test('stores that are files, and names that are none', inPlace(async (place) => {
  const file = place.path('file')
  writeFileSync(file, 'no folder')
  thrown('RSTORE_NOT_A_REGION', () => Store.open(file))
  thrown('RSTORE_NOT_A_REGION', () => Store.open(file, { create: true }))
  const store = place.keep(Store.open(place.path('store'), { create: true }))
  await rejected('RSTORE_NOT_A_REGION', (async () => store.backup(file))())
  for (const name of [undefined, '', 7] as never[]) {
    for (const use of [
      () => store.release(name), () => store.drop(name), () => store.packed(name),
      () => store.region(name), () => store.pack(name, OPTIONS, fill(1)),
    ]) assert.throws(use, /name of a region/)
  }
}))

test('a number as a root of JSON is a number, and no ref', inPlace((place) => {
  const pack = (name: string, type: any, init: (region: any) => unknown): unknown =>
    place.keep(Region.pack(place.path(name), { root: type, capacity: '1MiB' }, init) as Packed).root
  assert.is(pack('json', t.json, () => 7), 7)
  assert.is(pack('none', t.json, () => null), null)
  const named = pack('ref', t.ref(() => City), (region) =>
    region.alloc(City, { name: 'r', population: 1, shape: [] }))
  assert.is((named as { name: string }).name, 'r')
}))

test('whatever can be awaited is', inPlace(async (place) => {
  const thenable = { then: (done: (root: unknown) => void) => { done({ title: 'x', cities: [] }) } }
  const packed = Region.pack(place.path('x'), OPTIONS, () => thenable as never) as unknown
  assert.instance(packed, Promise)
  assert.is(place.keep(await packed as Packed<{ title: string }>).root.title, 'x')
}))

test('a file that was cut is a problem, and no page 0', inPlace(async (place) => {
  const path = place.path('x')
  Region.pack(path, OPTIONS, fill(300))!.close()
  const packed = place.keep(Packed.load(path))
  truncateSync(path, 12288)
  for (let i = 0; i < 2; i++) {
    const { ok, problems } = await packed.verify()
    assert.not(ok)
    assert.ok(problems.some(({ code }) => code === 'RSTORE_IO'))
    assert.not.ok(problems.some(({ page }) => page === 0))
  }
  packed.close()
  await rejected('RSTORE_CLOSED', packed.verify())
}))

test('a root that is damaged is a problem of the open region, too', inPlace(async (place) => {
  const path = place.path('x')
  const made = Region.pack(path, OPTIONS, fill(300))!
  const { rootRef } = made.session.opened
  made.close()
  chmodSync(path, 0o644)
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(8, 0xff), 0, 8, rootRef * 8)
  closeSync(file)
  const packed = place.keep(Packed.load(path))
  for (const { ok, problems } of [await packed.verify(), await Packed.verify(path)]) {
    assert.not(ok)
    assert.ok(problems.some(({ code }) => code === 'PAGE_CHECKSUM'))
    assert.ok(problems.length > 1, 'the page, and what is on it')
  }
}))

test('an end that is beyond all numbers is damage, though the checksum fits', inPlace((place) => {
  const path = place.path('x')
  Region.pack(path, OPTIONS, fill(300))!.close()
  chmodSync(path, 0o644)
  patch(path, 0, Identity, (bytes) => {
    const { offset } = Identity.fields.endUnits
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(offset) + 2n ** 61n, offset)
  })
  thrown('RSTORE_CORRUPT', () => Packed.load(path))
}))

test.run()
