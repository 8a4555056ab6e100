import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { CONTROL, STATE } from '../../lib/space/allocation-words.js'
import { WINDOW_MASK, WINDOW_UNITS } from '../../lib/space/ref.js'
import { LARGEST_PAYLOAD_BYTES, sizeClassOf } from '../../lib/space/size-class.js'
import { walkSpace } from '../../lib/space/walk.js'
import { assertSound, MemorySpace } from '../harness/memory-space.js'

const { TYPE_BYTES, TYPE_NODE } = C
const test = suite('space/allocator')

/** What the test believes to be allocated: every cell is filled with a number of its own. */
class Model {
  cells = new Map<number, { units: number; fill: number }>()
  next = 1

  copy(): Model {
    const copy = new Model()
    copy.cells = new Map(this.cells)
    copy.next = this.next
    return copy
  }
}

const wordsOf = (space: MemorySpace, ref: number): Uint32Array => {
  const { u32 } = space.windowOf(ref)
  const at = (ref & 0x0fff_ffff) << 1
  return u32.subarray(at, at + (u32[at]! & C.CELL_SIZE_MASK) * 2)
}

function allocate(space: MemorySpace, model: Model, bytes: number): void {
  const isPage = bytes === 0
  const ref = isPage ? space.allocatePage(TYPE_NODE) : space.allocate(bytes, TYPE_BYTES)
  const words = wordsOf(space, ref)
  assert.ok(words.length * 4 >= bytes + 8)
  if (isPage) {
    assert.is(ref % 512, 0)
    assert.is(words.length, 1024)
    space.mark(ref, C.PAGE_BYTES)
  } else assert.ok(words.subarray(2).every((word) => word === 0), 'S2: zero behind the header')
  for (const cell of model.cells.keys()) assert.ok(cell !== ref)
  const fill = model.next++
  words.fill(fill, 2)
  model.cells.set(ref, { units: words.length / 2, fill })
}

function free(space: MemorySpace, model: Model, choice: number): void {
  const refs = [...model.cells.keys()]
  if (refs.length === 0) return
  const ref = refs[choice % refs.length]!
  space.free(ref as never)
  model.cells.delete(ref)
}

function checkModel(space: MemorySpace, model: Model): void {
  for (const [ref, { units, fill }] of model.cells) {
    const words = wordsOf(space, ref)
    assert.is(words.length, units * 2)
    assert.ok(words.subarray(2).every((word) => word === fill), `cell ${ref} has changed`)
  }
}

type Step =
  | { do: 'allocate'; bytes: number }
  | { do: 'free'; choice: number }
  | { do: 'begin' | 'release' | 'rollback' | 'commit' | 'abort' }

const bytes = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 300 }) },
  { weight: 2, arbitrary: fc.integer({ min: 300, max: 9000 }) },
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 80_000 }) },
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: bytes.map((size): Step => ({ do: 'allocate', bytes: size })) },
  { weight: 8, arbitrary: fc.nat().map((choice): Step => ({ do: 'free', choice })) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('begin', 'release', 'rollback', 'commit', 'abort')
      .map((name) => ({ do: name }) as Step),
  },
)

/** Runs steps, with a stack of models: one for the committed state, one more for each level. */
class Run {
  readonly space = new MemorySpace({ capacityBytes: 16 * 2 ** 20 })
  levels: Model[] = [new Model(), new Model()]

  constructor() {
    this.space.beginTransaction()
  }

  step(step: Step): void {
    const { space, levels } = this
    const top = levels[levels.length - 1]!
    if (step.do === 'allocate') allocate(space, top, step.bytes)
    else if (step.do === 'free') free(space, top, step.choice)
    else if (step.do === 'begin') {
      space.savepoint()
      levels.push(top.copy())
    } else if (step.do === 'commit') {
      while (space.marks.depth > 0) space.releaseSavepoint()
      space.commit()
      this.restart(top)
    } else if (step.do === 'abort') {
      space.rollback()
      this.restart(levels[0]!)
    } else if (levels.length > 2) this.leave(step.do === 'release')
  }

  private leave(keep: boolean): void {
    const top = this.levels.pop()!
    if (keep) {
      this.space.releaseSavepoint()
      this.levels[this.levels.length - 1] = top
    } else this.space.rollbackSavepoint()
  }

  private restart(committed: Model): void {
    this.levels = [committed, committed.copy()]
    this.space.beginTransaction()
  }

  check(): void {
    const { space } = this
    assertSound(space)
    checkModel(space, this.levels[this.levels.length - 1]!)
    const past = space.frontierUnits * 2
    const { u32 } = space.windows[0]!
    assert.ok(u32.subarray(past, past + 40_000).every((word) => word === 0), 'A4')
  }
}

test('units of windows are those of the format', () => {
  assert.is(WINDOW_UNITS, Number(C.WINDOW_BYTES) / C.UNIT_BYTES)
  assert.is(WINDOW_MASK, WINDOW_UNITS - 1)
})

test('cells keep their content and the space its order, through savepoints and rollbacks', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), (steps) => {
      const run = new Run()
      for (const each of steps) {
        run.step(each)
        run.check()
      }
    }),
    { numRuns: 120 },
  )
})

/** The smallest size in a class, in units. */
const leastUnitsOf = (sizeClass: number): number => {
  if (sizeClass < 8) return sizeClass
  return (8 + (sizeClass & 7)) * 2 ** ((sizeClass >>> 3) - 1)
}

test('a size class begins where it says', () => {
  for (let units = 1; units < 100_000; units++) {
    const sizeClass = sizeClassOf(units)
    assert.ok(leastUnitsOf(sizeClass) <= units && units < leastUnitsOf(sizeClass + 1))
  }
  assert.ok(sizeClassOf(C.CELL_SIZE_MASK) < C.SIZE_CLASS_COUNT)
})

test('everything freed is one free cell, and the pages', () => {
  const space = new MemorySpace()
  const refs: number[] = []
  space.transact(() => {
    for (let i = 0; i < 2000; i++) refs.push(space.allocate(1 + ((i * 37) % 500), TYPE_BYTES))
    for (let i = 0; i < 100; i++) refs.push(space.allocatePage(TYPE_NODE))
    refs.sort((a, b) => ((a * 7919) % 1009) - ((b * 7919) % 1009))
    for (const ref of refs) space.free(ref as never)
    const { freePageUnits, freeCells, liveUnits, problems } = walkSpace(space, space.frontierUnits)
    assert.equal(problems, [])
    assert.is(liveUnits, 0)
    assert.is(freePageUnits, 100 * 512)
    assert.ok(freeCells <= 101)
  })
})

test('steady churn does not move the frontier', () => {
  const space = new MemorySpace()
  const live: number[] = []
  let seed = 1
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const size = (i: number): number => 20 + (i % 97) * 9
  const churn = (count: number): void => space.transact(() => {
    for (let i = 0; i < count; i++) {
      const at = random(live.length)
      space.free(live[at]! as never)
      live[at] = space.allocate(size(at), TYPE_BYTES)
    }
  })
  space.transact(() => {
    for (let i = 0; i < 5000; i++) live.push(space.allocate(size(i), TYPE_BYTES))
  })
  churn(50_000)
  const settled = space.frontierUnits
  for (let i = 0; i < 5; i++) churn(20_000)
  assert.ok(space.frontierUnits <= settled * 1.02, `${settled} → ${space.frontierUnits}`)
  assertSound(space)
})

test('no cell straddles a window', () => {
  const boundary = 2 ** 28
  const space = new MemorySpace({ capacityBytes: 2 ** 31 + 2 ** 20, frontierUnits: boundary - 512 })
  space.transact(() => {
    const before = space.allocate(400, TYPE_BYTES)
    const large = space.allocate(100_000, TYPE_BYTES)
    const small = space.allocate(2000, TYPE_BYTES)
    assert.ok(before < boundary)
    assert.is(large, boundary)
    assert.ok(small < boundary, 'the gap is used')
    assertSound(space)
    for (const ref of [large, before, small]) space.free(ref)
    assertSound(space)
    assert.is(space.allocate(4000, TYPE_BYTES) >= boundary, true)
    assertSound(space)
  })
  const capacityBytes = 2 ** 31 + 2 ** 22
  const pages = new MemorySpace({ capacityBytes, frontierUnits: boundary - 1536 })
  pages.transact(() => {
    for (let i = 0; i < 40; i++) pages.allocatePage(TYPE_NODE)
    assertSound(pages)
  })
})

test('the capacity is reached with an error, and nothing has changed by it', () => {
  const space = new MemorySpace({ capacityBytes: 2 ** 20 })
  const refs: number[] = []
  const fill = (allocateOne: () => number): void => {
    try {
      for (;;) refs.push(allocateOne())
    } catch (error) {
      assert.is((error as { code: string }).code, 'RSTORE_REGION_FULL')
    }
    assertSound(space)
  }
  space.transact(() => {
    fill(() => space.allocate(100_000, TYPE_BYTES))
    fill(() => space.allocatePage(TYPE_NODE))
    fill(() => space.allocate(500, TYPE_BYTES))
    fill(() => space.allocate(8, TYPE_BYTES))
    assert.ok(space.frontierUnits <= space.control[CONTROL.capacityUnits]!)
    for (const ref of refs) space.free(ref as never)
    assert.is(space.allocatedUnits, 0)
    assertSound(space)
  })
})

test('what is larger than a chunk is announced', () => {
  const space = new MemorySpace()
  space.transact(() => {
    space.allocate(65_000, TYPE_BYTES)
    assert.is(space.grown.length, 0)
    const ref = space.allocate(1_000_000, TYPE_BYTES)
    assert.equal(space.grown, [ref + 125_001])
  })
})

test('a fault is told when a page is crossed', () => {
  const codes: [number, string][] = [
    [C.FAULT_NO_SPACE, 'RSTORE_NO_SPACE'],
    [C.FAULT_REGION_FULL, 'RSTORE_REGION_FULL'],
    [C.FAULT_IO, 'RSTORE_IO'],
    [C.FAULT_CORRUPT, 'RSTORE_CORRUPT'],
  ]
  for (const [fault, code] of codes) {
    const space = new MemorySpace()
    space.beginTransaction()
    space.control[CONTROL.fault] = fault
    try {
      for (let i = 0; i < 600; i++) space.allocate(8, TYPE_BYTES)
      assert.unreachable()
    } catch (error) {
      assert.is((error as { code: string }).code, code)
    }
  }
})

test('a generation changes when a cell is freed, and a second free is refused', () => {
  const space = new MemorySpace()
  space.transact(() => {
    const ref = space.allocate(100, TYPE_BYTES)
    space.allocate(100, TYPE_BYTES)
    const stamp = space.stampOf(ref)
    space.free(ref)
    assert.is.not(space.stampOf(ref), stamp)
    assert.throws(() => space.free(ref), /freed twice/)
    assert.is(space.allocate(100, TYPE_BYTES), ref)
    assert.is.not(space.stampOf(ref), stamp)
  })
})

/** A free cell of so many units, so many units behind the beginning of a page. */
function freeCell(space: MemorySpace, behind: number, units: number): void {
  const before = space.frontierUnits % 512
  const gap = 512 * 8 + behind - before
  const hole = space.frontierTake(gap + units, TYPE_BYTES)
  space.frontierTake(3, TYPE_BYTES)
  space.free(hole)
  assert.is(space.allocate(gap * 8 - 8, TYPE_BYTES), hole)
}

test('a page is carved out of a free cell wherever that lies', () => {
  for (let behind = 0; behind < 512; behind += behind > 4 && behind < 500 ? 31 : 1) {
    for (let units = 1020; units < 1036; units++) {
      const space = new MemorySpace({ capacityBytes: 2 ** 20 })
      space.transact(() => {
        freeCell(space, behind, units)
        assertSound(space)
        const identity = space.windows[0]!.u32.slice(0, 512)
        const page = space.allocatePage(TYPE_NODE)
        assertSound(space)
        space.free(page)
        space.allocatePage(TYPE_NODE)
        const refs: number[] = []
        walkSpace(space, space.frontierUnits, (ref) => refs.push(ref))
        for (const ref of refs) space.free(ref as never)
        assertSound(space)
        assert.equal(space.windows[0]!.u32.slice(0, 512), identity)
      })
    }
  }
})

test('a payload beyond the limit is a RangeError, one at it has a size', () => {
  const isRangeError = (error: unknown) => error instanceof RangeError
  const space = new MemorySpace({ capacityBytes: 3 * 2 ** 31, frontierUnits: 2 ** 28 - 512 })
  space.transact(() => {
    for (let bytes = LARGEST_PAYLOAD_BYTES + 1; bytes < 2 ** 31 + 9; bytes++) {
      assert.throws(() => space.allocate(bytes, TYPE_BYTES), isRangeError)
    }
    assert.throws(() => space.allocate(2 ** 32 + 8, TYPE_BYTES), isRangeError)
    for (const bytes of [LARGEST_PAYLOAD_BYTES, LARGEST_PAYLOAD_BYTES - 24]) {
      const ref = space.allocate(bytes, TYPE_BYTES)
      assert.ok(space.windowOf(ref).u32[(ref & 0x0fff_ffff) * 2]! * 8 > bytes)
      assertSound(space)
      space.free(ref)
    }
  })
})

test('damage to the allocation state is reported', () => {
  const damages: ((space: MemorySpace, ref: number) => void)[] = [
    (space) => (space.windows[0]!.u32[STATE.freeUnits]! += 1),
    (space) => (space.windows[0]!.u32[STATE.allocatedUnits]! -= 1),
    (space) => (space.windows[0]!.u32[STATE.firstLevelBitmap] = 0),
    (space) => (space.windows[0]!.u32[STATE.freePageCount]! += 1),
    (space, ref) => (space.windows[0]!.u32[ref * 2]! += 1),
    (space, ref) => (space.windows[0]!.u32[ref * 2 + 1] = 77),
    (space, ref) => (space.windows[0]!.u32[ref * 2 + 2] = 123_456_789),
    (space, ref) => (space.windows[0]!.u32[ref * 2 + 3] = 99),
  ]
  for (const damage of damages) {
    const space = new MemorySpace()
    space.transact(() => {
      const ref = space.allocate(100, TYPE_BYTES)
      space.allocate(100, TYPE_BYTES)
      space.free(ref)
      assertSound(space)
      damage(space, ref)
      assert.ok(walkSpace(space, space.frontierUnits).problems.length > 0, String(damage))
    })
  }
})

test.run()
