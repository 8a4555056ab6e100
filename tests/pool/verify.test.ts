/** Verification of block regions: every byte is accounted for, and what is damaged is found. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  t, type BlockRegion, type Pool, type SealedRegion, type VerifyReport,
} from '../../lib/index.js'
import { withPool } from './with-pool.js'

const test = suite('pool: verification')
const Item = t.struct('Item', {
  id: t.u32, name: t.string, next: t.optional(t.self), list: t.array(t.string),
  map: t.map(t.string, t.self), pairs: t.multimap(t.u32, t.string), json: t.json,
})
const Indexed = t.struct('Indexed', { id: t.u32, name: t.string })

const item = (id: number): any => ({
  id, name: `name ${id}`, list: ['a', 'long '.repeat(id % 20)], map: [],
  pairs: [[id, 'x'], [1, 'y']], json: { id },
})

/** Reached from names, from other records, and by nothing. */
function fill(region: BlockRegion, count: number): number[] {
  const named = region.map('items', t.string, Item)
  const indexed = region.map('indexed', t.u32, Indexed)
  indexed.index('id', 'id')
  for (let i = 0; i < count; i++) indexed.set(i, { id: i % 7, name: 'x' })
  const refs = Array.from({ length: count }, (_, i) => region.alloc(Item, item(i)) as number)
  for (const [i, ref] of refs.entries()) {
    const view = region.deref(ref as never) as any
    view.next = refs[(i * 7) % count]
    view.map.set(`k${i}`, refs[(i * 3) % count])
    if (i % 3 === 0) named.set(`key ${'long '.repeat(i % 300)}${i}`, item(i))
  }
  region.value('v', t.bytes).set(new Uint8Array(70_000))
  return refs
}

async function account(region: BlockRegion | SealedRegion): Promise<VerifyReport['bytes']> {
  const { problems, bytes } = await region.verify()
  assert.equal(problems, [])
  const { live, free, leaked, unknown } = bytes
  assert.equal({ leaked, unknown }, { leaked: 0, unknown: 0 })
  assert.is(live + free, region.stats().privateBytes, 'every byte')
  return bytes
}

test('every byte is accounted for', withPool(async (pool: Pool) => {
  const region = pool.region()
  assert.equal(await account(region), { live: 0, free: 0, leaked: 0, unknown: 0 })
  const refs = fill(region, 300)
  region.alloc(t.array(t.f64), new Float64Array(20_000))
  region.alloc(t.string, 'of nobody')
  const { live } = await account(region)
  assert.ok(live > 300_000, `${live}`)
  for (let i = 0; i < 100; i++) {
    const view = region.deref(refs[i] as never) as any
    view.next = undefined
    view.list = []
  }
  assert.ok((await account(region)).live < live)
  region.dropMap('items')
  await account(region)
  const before = region.stats().privateBytes
  const reader = region.seal()
  assert.ok(reader.stats().privateBytes < before, 'the tail is the next region’s')
  await account(reader)
  const next = pool.region()
  next.alloc(t.u32, 1)
  await account(next)
  await account(reader)
  next.free()
  reader.free()
}))

for (const bound of [200, '2KiB', '100KiB'] as const) {
  test(`under a bound of ${bound}, and after moving`, withPool(async (pool) => {
    const regions = [pool.region({ bound }), pool.region({ bound })]
    for (const region of regions) {
      for (let i = 0; i < 3; i++) {
        try {
          region.alloc(Item, item(i))
        } catch {
          // as much as there is room for
        }
        region.alloc(t.u32, i)
      }
      await account(region)
    }
    regions[0]!.free()
    const reader = regions[1]!.seal()
    await account(reader)
    pool.compact()
    await account(reader)
    reader.free()
  }))
}

test('it tells how far it is', withPool(async (pool) => {
  const region = pool.region()
  for (let i = 0; i < 70_000; i++) region.alloc(t.u32, i)
  const told: number[][] = []
  await region.verify({ onProgress: (done, total) => told.push([done, total]) })
  assert.equal(told, [[65_536, 70_000], [70_000, 70_000]])
  region.free()
}))

/** The words of the window that all of a small pool is in. */
const wordsOf = (region: BlockRegion): Uint32Array => region.session.space.windows[0]!.u32

/** Words at which cells begin: of a type, or all. */
const cellsOf = (region: BlockRegion, wanted?: number): number[] =>
  [...region.session.space.cells()]
    .filter(({ typeId }) => wanted === undefined || typeId === wanted)
    .map(({ ref }) => ref * 2)

/** Calls `damage` on a region; what it changes in memory is put back. */
async function codesAfter(
  region: BlockRegion, damage: (u32: Uint32Array) => void,
): Promise<string[]> {
  const { spans } = region.session.space.holdings
  const u32 = wordsOf(region)
  const saved = spans.map(({ base, high }) => u32.slice(base * 2, high * 2))
  damage(u32)
  const { problems } = await region.verify()
  spans.forEach(({ base }, i) => u32.set(saved[i]!, base * 2))
  assert.equal((await region.verify()).problems, [])
  return [...new Set(problems.map(({ code }) => code))].sort()
}

test('damage is found', withPool(async (pool) => {
  const Name = t.struct('Name', { id: t.u32, text: t.string, next: t.optional(t.self) })
  const region = pool.region()
  const first = region.alloc(Name, { id: 1, text: 'some text', next: undefined } as never)
  const second = region.alloc(Name, { id: 2, text: 'other', next: first } as never)
  const free = [40, 40, 80].map((length) => region.alloc(t.bytes, new Uint8Array(length)))
  for (const ref of free) region.free(ref as never)
  const [text, other] = cellsOf(region, 3) as [number, number]
  const owner = second * 2
  const slot = (u32: Uint32Array, holds: number): number =>
    [2, 3, 4].map((word) => owner + word).find((word) => u32[word] === holds)!
  const [spare, last] = free.map((ref) => ref * 2) as [number, number]
  for (const [expected, damage] of [
    [['CELL_CONTENT'], (u32) => { u32[text + 2] = 10_000 }],
    [['CELL_TYPE'], (u32) => { u32[text + 1] = 4 }],
    [['CELL_SIZE'], (u32) => { u32[cellsOf(region).at(-1)!] = 100_000 }],
    [['CELL_REF'], (u32) => { u32[slot(u32, first)] = 77 }],
    [['REF_DANGLING'], (u32) => { u32[slot(u32, first)] = spare / 2 }],
    [['CELL_REF'], (u32) => { u32[slot(u32, first)] = first + 1 }],
    [['CELL_SHARED'], (u32) => { u32[slot(u32, text / 2)] = other / 2 }],
    [['FREE_LISTS'], (u32) => { u32[last + 2] = 0 }],
    [['FREE_LINK'], (u32) => { u32[spare + 2] = 77 }],
  ] as [string[], (u32: Uint32Array) => void][]) {
    const codes = await codesAfter(region, damage)
    assert.ok(expected.every((code) => codes.includes(code)), `${expected}: ${codes}`)
  }
  region.free()
}))

test('whatever the damage, it ends and does not throw', withPool(async (pool) => {
  const region = pool.region()
  const named = region.map('items', t.string, Item)
  for (let i = 0; i < 120; i++) named.set(`key ${i}`, item(i))
  const refs = Array.from({ length: 50 }, (_, i) => region.alloc(Item, item(i)))
  for (const ref of refs.splice(0, 20)) region.free(ref)
  const cells = cellsOf(region)
  const word = fc.tuple(fc.nat(cells.length - 1), fc.nat(12),
    fc.oneof(fc.nat(20), fc.nat(2 ** 32 - 1), fc.nat(2 ** 16)))
  const some = fc.array(word, { minLength: 1, maxLength: 4 })
  await fc.assert(fc.asyncProperty(some, async (words) => {
    await codesAfter(region, (u32) => {
      for (const [cell, at, value] of words) u32[cells[cell]! + at] = value
    })
  }), { numRuns: 150 })
  region.free()
}))

test.run()
