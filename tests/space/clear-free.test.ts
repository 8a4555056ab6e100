/** What compaction in place does to a space: pages become cells, free cells are cleared. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { STATE } from '../../lib/space/allocation-words.js'
import { FreeClearing, freeRuns } from '../../lib/space/clear-free.js'
import { PageMerger } from '../../lib/space/merge-pages.js'
import { thrown } from '../harness/with-region.js'
import { assertSound, MemorySpace } from '../harness/memory-space.js'

const test = suite('space/clear-free')
const { TYPE_BYTES, TYPE_NODE } = C

interface Work { isOver: boolean; look(): void; some(limit: number, seenLimit: number): number }

const wordsOf = (space: MemorySpace, ref: number, units: number): Uint32Array => {
  const at = (ref & 0x0fff_ffff) << 1
  return space.windows[ref >>> 28]!.u32.subarray(at, at + units * 2)
}

/** Taken back once, then to its end, a transaction for each step. */
function through(space: MemorySpace, make: () => Work, limit: number, seenLimit: number): void {
  const before = wordsOf(space, 0, space.frontierUnits).slice()
  space.beginTransaction()
  const tried = make()
  tried.look()
  tried.some(limit, seenLimit)
  space.rollback()
  assert.equal(wordsOf(space, 0, space.frontierUnits), before)
  onTheWay(space, make(), limit, seenLimit)
}

function onTheWay(space: MemorySpace, work: Work, limit: number, seenLimit: number): void {
  for (let first = true; first || !work.isOver; first = false) {
    space.transact(() => {
      if (first) work.look()
      assert.ok(work.some(limit, seenLimit) <= limit)
    })
    assertSound(space)
  }
}

const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.integer({ min: 3_000, max: 40_000 }) },
)
const cell = fc.record({ bytes, freed: fc.integer({ min: 0, max: 9 }).map((n) => n < 7) })

test('live cells stay, free space is in order, and whole pages of it are zeros', () => {
  fc.assert(fc.property(
    fc.array(cell, { minLength: 1, maxLength: 150, size: 'max' }), fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 50 }),
    (cells, limit, seenLimit) => {
      const space = new MemorySpace({ capacityBytes: 16 * 2 ** 20 })
      const live = fillAndFree(space, cells)
      through(space, () => new PageMerger(space), limit, seenLimit)
      through(space, () => new FreeClearing(space), limit, seenLimit)
      for (const run of freeRuns(space)) {
        const words = wordsOf(space, run.first * 512, run.count * 512)
        assert.ok(words.every((word) => word === 0))
      }
      for (const [ref, { units, fill }] of live) {
        assert.ok(wordsOf(space, ref, units).subarray(2).every((word) => word === fill))
      }
      space.transact(() => {
        for (const { bytes: size } of cells) place(space, size, 1)
      })
      assertSound(space)
    }), { numRuns: 150 })
})

function place(space: MemorySpace, size: number, fill: number): [number, number] {
  const ref = size === 0 ? space.allocatePage(TYPE_NODE) : space.allocate(size, TYPE_BYTES)
  const units = wordsOf(space, ref, 1)[0]! & C.CELL_SIZE_MASK
  const words = wordsOf(space, ref, units)
  if (size === 0) space.mark(ref, C.PAGE_BYTES)
  else assert.ok(words.subarray(2).every((word) => word === 0))
  words.fill(fill, 2)
  return [ref, units]
}

function fillAndFree(space: MemorySpace, cells: { bytes: number; freed: boolean }[]) {
  const live = new Map<number, { units: number; fill: number }>()
  const freed: number[] = []
  space.transact(() => {
    cells.forEach((each, i) => {
      const [ref, units] = place(space, each.bytes, i + 1)
      if (each.freed) freed.push(ref)
      else live.set(ref, { units, fill: i + 1 })
    })
  })
  space.transact(() => {
    freed.sort((a, b) => a * 7919 % 1009 - b * 7919 % 1009)
    for (const ref of freed) space.free(ref as never)
  })
  return live
}

test('pages become cells where that gives a whole page, and else stay pages', () => {
  const space = new MemorySpace()
  const pages: number[] = []
  space.transact(() => { for (let i = 0; i < 20; i++) pages.push(space.allocatePage(TYPE_NODE)) })
  pages.sort((a, b) => a - b)
  const free = (...indexes: number[]): void => space.transact(() => {
    for (const i of indexes) space.free(pages[i]! as never)
  })
  free(1, 3, 4, 6, 7, 8, 10, 11, 12, 13)
  onTheWay(space, new PageMerger(space), 2, 3)
  const { u32 } = space.windows[0]!
  assert.is(u32[STATE.freePageCount], 3, '1, 3 and 4 stay')
  const first = (i: number): number => pages[i]! / 512
  assert.equal(freeRuns(space),
    [{ first: first(7), count: 1 }, { first: first(11), count: 2 }])
  free(9)
  free(5)
  onTheWay(space, new PageMerger(space), 100, 100)
  assert.is(u32[STATE.freePageCount], 1)
  assert.equal(freeRuns(space), [{ first: first(4), count: 9 }])
})

test('lists that lead elsewhere are damage, and nothing is changed', () => {
  const damage = (change: (words: Uint32Array, cell: number, page: number) => void): void => {
    const space = new MemorySpace()
    const refs = [0, 1, 2].map(() => space.transact(() => space.allocate(20_000, TYPE_BYTES)))
    const page = space.transact(() => space.allocatePage(TYPE_NODE))
    space.transact(() => {
      space.allocate(20_000, TYPE_BYTES)
      space.free(refs[1]!)
      space.free(page)
    })
    const { u32 } = space.windows[0]!
    change(u32, refs[1]! * 2, page * 2)
    const before = u32.slice(0, space.frontierUnits * 2)
    thrown('RSTORE_CORRUPT', () => space.transact(() => {
      new PageMerger(space).look()
      new FreeClearing(space).look()
    }))
    assert.equal(u32.subarray(0, space.frontierUnits * 2), before)
  }
  damage((words, at) => { words[at]! &= C.CELL_SIZE_MASK })
  damage((words, at) => { words[at]! += 8 })
  damage((words, at) => { words[at + 1] = TYPE_BYTES })
  damage((words, at) => { words[at + 2] = at / 2 })
  damage((words, at) => { words[at + 2] = 512 })
  damage((words, at) => { words[at + 2] = 0xffff_fff0 })
  damage((words, _at, page) => { words[page + 1] = TYPE_BYTES })
  damage((words, _at, page) => { words[page + 2] = page / 2 })
  damage((words, _at, page) => { words[page + 2] = 0xffff_fe00 })
  damage((words) => { words[STATE.freePageCount]! += 1 })
  damage((words) => { words[STATE.freePageCount] = 0 })
})

test.run()
