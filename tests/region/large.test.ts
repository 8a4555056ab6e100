/**
 * A region of 32 GiB: data below 4 GiB, across every boundary of a window, and at its very end;
 * and a million entries.
 */
import { closeSync, openSync, statSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { Region, t, type ArrayBuilder } from '../../lib/index.js'
import { jumpFrontier } from '../harness/jump-frontier.js'
import { writeBytes } from '../harness/region-bytes.js'
import { nextTurn, thrown, withRegion } from '../harness/with-region.js'

const test = suite('large')

const GIB = 2 ** 30
const WINDOW = Number(C.WINDOW_BYTES)
const Item = t.struct('Item', {
  n: t.u32,
  name: t.string,
  at: t.struct('At', { x: t.f64, y: t.f64 }),
  data: t.bytes,
  numbers: t.array(t.f64),
})
const COUNT = 60

const itemOf = (n: number) => ({
  n,
  name: `item ${n}`,
  at: { x: n, y: -n },
  data: new Uint8Array(1000 + (n % 7) * 900).fill(n),
  numbers: Float64Array.from({ length: (n % 5) * 300 }, (_, i) => n + i),
})

type AnyRegion = Pick<Region, 'map'>

const itemsOf = (region: AnyRegion) => region.map('items', t.string, Item)

/** Key of item i of step s. */
const keyOf = (step: number, i: number): string => `step ${String(step).padStart(2, '0')} item ${i}`

function checkStep(region: AnyRegion, step: number): void {
  const items = itemsOf(region)
  for (let i = 0; i < COUNT; i++) {
    const n = step * 1000 + i
    const found = items.get(keyOf(step, i))!
    assert.ok(found, `${keyOf(step, i)} is missing`)
    assert.equal([found.n, found.name, found.at.x, found.at.y], [n, `item ${n}`, n, -n])
    assert.ok(
      found.data.length === 1000 + (n % 7) * 900 && found.data.every((byte) => byte === (n & 255)),
    )
    assert.equal([...(found.numbers as Iterable<number>)], [...itemOf(n).numbers])
  }
}

function addStep(region: Region, step: number): void {
  const items = itemsOf(region)
  for (let i = 0; i < COUNT; i++) items.set(keyOf(step, i), itemOf(step * 1000 + i))
}

test(
  '32 GiB: across each boundary',
  withRegion(async (place) => {
    const first = place.create({ capacity: '32GiB' })
    place.expectDamage() // the cells that were jumped over belong to nobody
    first.transact(() => addStep(first, 0))
    const lowest = first.transact(() => first.alloc(Item, itemOf(7)))
    first.close()
    for (let step = 1; step < 16; step++) {
      jumpFrontier(place.path(), step * WINDOW - 32 * 1024)
      const region = place.open({ durability: step % 2 === 0 ? 'sync' : 'none' })
      const before = region.snapshot()
      const [reader, writer] = [place.openReadOnly(), place.open()]
      assert.throws(
        () =>
          region.transact(() => {
            addStep(region, step)
            throw new Error('rolled back')
          }),
        /rolled back/,
      )
      assert.not(itemsOf(region).has(keyOf(step, 0)))
      region.transact(() => addStep(region, step))
      checkStep(region, step)
      // the boundary was crossed behind their back
      reader.read(() => checkStep(reader as unknown as Region, step))
      writer.transact(() => itemsOf(writer).get(keyOf(step, COUNT - 1))!.at.x++)
      const changed = region.read(() => itemsOf(region).get(keyOf(step, COUNT - 1))!.at.x)
      assert.is(changed, step * 1000 + COUNT)
      writer.transact(() => itemsOf(writer).get(keyOf(step, COUNT - 1))!.at.x--)
      reader.close()
      writer.close()
      assert.is(itemsOf(before as unknown as Region).size, step * COUNT)
      before.close()
      const ref = region.transact(() => region.alloc(Item, itemOf(step)))
      assert.ok(ref * 8 > step * WINDOW - 64 * 1024)
      await nextTurn()
      assert.is(region.deref(ref).name, `item ${step}`)
      assert.is(region.deref(lowest).n, 7)
      if (step % 4 === 0) await region.checkpoint()
      region.close()
      const again = place.open()
      checkStep(again, step)
      checkStep(again, step - 1)
      again.close()
    }
    const { size, blocks } = statSync(place.path())
    assert.ok(size > 30 * GIB && blocks * 512 < 400 * 2 ** 20, `${size} bytes, ${blocks} blocks`)
  }),
)

test(
  '32 GiB: near the end, and full',
  withRegion(async (place) => {
    const first = place.create({ capacity: '32GiB' })
    place.expectDamage()
    first.transact(() => addStep(first, 0))
    first.close()
    jumpFrontier(place.path(), 32 * GIB - C.SINK_BYTES - 600_000)
    const region = place.open()
    region.transact(() => addStep(region, 1))
    checkStep(region, 1)
    const items = itemsOf(region)
    thrown('RSTORE_REGION_FULL', () =>
      region.transact(() => {
        for (let step = 2; step < 10; step++) addStep(region, step)
      }),
    )
    assert.is(items.size, 2 * COUNT)
    checkStep(region, 0)
    checkStep(region, 1)
    region.transact(() => {
      for (let i = 0; i < COUNT; i++) items.delete(keyOf(0, i))
    })
    region.transact(() => addStep(region, 3))
    checkStep(region, 3)
    region.close()
    const again = place.open()
    checkStep(again, 1)
    checkStep(again, 3)
    assert.equal((await again.verify()).problems, [])
    writeBytes(place.path(), 20 * GIB + 12_345, Uint8Array.of(1))
    const { problems } = await again.verify()
    assert.is(problems.length, 1)
    assert.match(problems[0]!.message, new RegExp(`page ${(20 * GIB) / C.PAGE_BYTES + 3}`))
  }),
)

/** An array that is built where it is to lie: see roomBytes. */
const LONG = 300_000

/** Long arrays of numbers, by each way into a builder, and of words. */
function buildArrays(region: Region, step: number, fd: number): void {
  const arrays = region.map('arrays', t.string, t.array(t.f64))
  const of = (fill: (b: ArrayBuilder<number, number>) => void) => {
    const ref = region.buildArray(t.f64, { capacity: LONG }, fill)
    assert.ok(ref * 8 > step * WINDOW, `${ref * 8} is before the window`)
    return ref
  }
  arrays.set(`${step} pushed`, of((b) => {
    for (let i = 0; i < LONG; i++) b.push(step + i)
  }))
  arrays.set(`${step} parsed`, of((b) =>
    b.parseNumbers(Buffer.from(Array.from({ length: LONG }, (_, i) => step + i).join(',')))))
  arrays.set(`${step} read`, of((b) => b.readFrom(fd, LONG * 8)))
  const words = region.map('words', t.u32, t.array(t.string))
  words.set(step, region.buildArray(t.string, {}, (b) => b.splitLines(Buffer.from(`${step}\nb`))))
}

test(
  '32 GiB: builders in each window, also where they write in place',
  withRegion((place) => {
    const first = place.create({ capacity: '32GiB' })
    place.expectDamage()
    first.transact(() => addStep(first, 0))
    first.close()
    const source = place.path('numbers')
    for (let step = 1; step < 16; step++) {
      jumpFrontier(place.path(), step * WINDOW + 32 * 1024)
      writeFileSync(source, Float64Array.from({ length: LONG }, (_, i) => step + i))
      const region = place.open({ durability: 'none' })
      const fd = openSync(source, 'r')
      region.transact(() => buildArrays(region, step, fd))
      closeSync(fd)
      const arrays = region.map('arrays', t.string, t.array(t.f64))
      region.read(() => {
        for (const way of ['pushed', 'parsed', 'read']) {
          const array = arrays.get(`${step} ${way}`) as Float64Array
          assert.is(array.length, LONG)
          assert.is(array.findIndex((x, i) => x !== step + i), -1, `${way}, window ${step}`)
        }
        const word = region.map('words', t.u32, t.array(t.string)).get(step)!
        assert.equal([...word], [String(step), 'b'])
      })
      checkStep(region, 0)
      region.close()
    }
  }),
)

test(
  'the root stays where it is, through a million inserts and deletes',
  withRegion((place) => {
    const region = place.create({ capacity: '1GiB' })
    const map = region.map('numbers', t.u32, t.u32)
    const rootOf = (): number => region.session.read(() => rootIn(region))
    const before = rootOf()
    const million = 1_000_000
    region.transact(() => {
      for (let i = 0; i < million; i++) map.set(Math.imul(i, 2_654_435_761) >>> 0, i)
    })
    assert.is(map.size, million)
    assert.is(rootOf(), before)
    for (let i = 0; i < million; i += 997) assert.is(map.get(Math.imul(i, 2_654_435_761) >>> 0), i)
    region.transact(() => {
      for (let i = 0; i < million; i++) map.delete(Math.imul(i, 2_654_435_761) >>> 0)
    })
    assert.is(map.size, 0)
    assert.is(rootOf(), before)
    region.transact(() => map.set(1, 2))
    assert.equal([...map.entries()], [[1, 2]])
  }),
)

/** Ref of the root of 'numbers', as the catalog has it. */
function rootIn(region: Region): number {
  const { directory } = (
    region as unknown as {
      catalog: { directory: { find(name: string): { root: number } | undefined } }
    }
  ).catalog
  return directory.find('numbers')!.root
}

test.run()
