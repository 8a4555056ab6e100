/** What is free at the end of a space comes off it; all else stays. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { STATE } from '../../lib/space/allocation-words.js'
import { lowerFrontier } from '../../lib/space/lower-frontier.js'
import type { Ref } from '../../lib/space/ref.js'
import { walkSpace } from '../../lib/space/walk.js'
import { MemorySpace } from '../harness/memory-space.js'

const test = suite('space/lower-frontier')
const PAGE_UNITS = 512

interface Live { ref: number; units: number }

function place(space: MemorySpace, size: number): Live {
  const ref = size === 0 ? space.allocatePage(C.TYPE_NODE) : space.allocate(size, C.TYPE_BYTES)
  const words = space.windows[0]!.u32
  const units = words[ref * 2]! & C.CELL_SIZE_MASK
  const payload = words.subarray(ref * 2 + 2, (ref + units) * 2)
  if (size === 0) space.mark(ref, C.PAGE_BYTES)
  else assert.ok(payload.every((word) => word === 0), 'new cells are clear')
  payload.fill(ref)
  return { ref, units }
}

function check(space: MemorySpace, live: readonly Live[]): void {
  const seen: number[] = []
  const { problems } = walkSpace(space, space.frontierUnits, (ref) => void seen.push(ref))
  assert.equal(problems, [])
  assert.equal(seen, live.map(({ ref }) => ref).sort((a, b) => a - b))
  for (const { ref, units } of live) {
    const payload = space.windows[0]!.u32.subarray(ref * 2 + 2, (ref + units) * 2)
    assert.ok(payload.every((word) => word === ref))
  }
}

const size = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 3_000, max: 40_000 }) },
)
const cells = fc.array(fc.record({ size, freed: fc.integer({ min: 0, max: 9 }) }),
  { minLength: 1, maxLength: 120, size: 'max' })

test('the frontier is at the end of the last live cell; what is free before is in order', () => {
  fc.assert(fc.property(cells, fc.integer({ min: 0, max: 120 }), cells, (given, kept, more) => {
    const space = new MemorySpace({ capacityBytes: 16 * 2 ** 20 })
    let live: Live[] = []
    space.transact(() => { live = given.map(({ size: bytes }) => place(space, bytes)) })
    const isKept = (index: number): boolean => index < kept && given[index]!.freed < 5
    space.transact(() => {
      live.forEach(({ ref }, i) => { if (!isKept(i)) space.free(ref as Ref) })
    })
    live = live.filter((_cell, i) => isKept(i))
    space.transact(() => lowerFrontier(space))
    check(space, live)
    const { u32 } = space.windows[0]!
    const ends = live.map(({ ref, units }) => ref + units)
    const end = Math.max(space.firstDataPage * PAGE_UNITS, ...ends)
    assert.is(space.frontierUnits, end)
    assert.is(u32[STATE.lastFree], 0)
    const pageEnd = Math.ceil(end / PAGE_UNITS) * PAGE_UNITS
    assert.ok(u32.subarray(end * 2, pageEnd * 2).every((word) => word === 0), 'N2')
    u32.fill(0, pageEnd * 2) // as the file loses it
    space.transact(() => { for (const { size: bytes } of more) live.push(place(space, bytes)) })
    check(space, live)
  }), { numRuns: 200 })
})

test('taken back, everything is as it was', () => {
  const space = new MemorySpace({ capacityBytes: 2 ** 20 })
  let live: Live[] = []
  space.transact(() => { live = [100, 0, 0, 5_000, 0, 30].map((bytes) => place(space, bytes)) })
  space.transact(() => { for (const { ref } of live.slice(1)) space.free(ref as Ref) })
  const before = space.frontierUnits
  space.beginTransaction()
  lowerFrontier(space)
  assert.ok(space.frontierUnits < before)
  space.rollback()
  assert.is(space.frontierUnits, before)
  check(space, live.slice(0, 1))
})

test.run()
