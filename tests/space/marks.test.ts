import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Marks } from '../../lib/space/marks.js'
import { Window } from '../../lib/space/window.js'

const test = suite('space/marks')
const LINES = 512
const END_LINE = 300

const make = () => {
  const window = new Window(new ArrayBuffer(LINES * 64))
  const bitmap = new Uint32Array(LINES / 32)
  return { window, bitmap, marks: new Marks([window], bitmap) }
}

const write = (from: { window: Window; marks: Marks }, line: number, value: number): void => {
  from.marks.mark(line * 8, 64)
  from.window.u32.fill(value, line * 16, line * 16 + 16)
}

const dirty = (marks: Marks): number[] =>
  [...marks.dirtyPages.subarray(0, marks.dirtyPageCount)].sort((a, b) => a - b)

test('one bit and one saved line for each line that is marked, however often', () => {
  const all = make()
  all.marks.open(END_LINE * 8)
  for (let i = 0; i < 3; i++) all.marks.mark(8 * 70 + 3, 8 * 12)
  assert.is(all.marks.savedLineCount, 2)
  assert.equal(dirty(all.marks), [1])
  assert.is(all.bitmap[2], 0b1100_0000)
  all.marks.mark(END_LINE * 8, 6400)
  assert.is(all.marks.savedLineCount, 2, 'past the committed end nothing is saved')
  all.marks.clear()
  assert.ok(all.bitmap.every((word) => word === 0))
  assert.is(all.marks.dirtyPageCount, 0)
})

test('a line with a part before the committed end is saved', () => {
  const all = make()
  all.marks.open(END_LINE * 8 + 1)
  all.marks.mark(END_LINE * 8 + 4, 8)
  assert.is(all.marks.savedLineCount, 1)
})

test('a NaN with a payload comes back as it was', () => {
  const { window, marks } = make()
  window.u32[0] = 0x1234_5678
  window.u32[1] = 0xfff0_0001
  marks.open(END_LINE * 8)
  marks.mark(0, 8)
  window.f64[0] = 1
  marks.rollbackAll()
  assert.is(window.u32[0], 0x1234_5678)
  assert.is(window.u32[1], 0xfff0_0001)
})

test('many lines, over several chunks of the undo log', () => {
  const lines = 102_400
  const window = new Window(new ArrayBuffer(lines * 64))
  const marks = new Marks([window], new Uint32Array(lines / 32))
  for (let round = 0; round < 2; round++) {
    marks.open(lines * 8)
    marks.mark(0, lines * 64)
    window.u32.fill(7)
    assert.is(marks.savedLineCount, lines)
    marks.rollbackAll()
    assert.ok(window.u32.every((word) => word === 0))
  }
})

/** Runs `fn` where no array of a kind can be had. */
function without(name: 'BigUint64Array' | 'Uint32Array', fn: () => void): void {
  const known = globalThis[name]
  globalThis[name] = class {
    constructor() {
      throw new RangeError('Array buffer allocation failed')
    }
  } as never
  try {
    assert.throws(fn, /allocation failed/)
  } finally {
    globalThis[name] = known as never
  }
}

test('a line counts as saved only when it is', () => {
  const all = make()
  all.marks.open(END_LINE * 8)
  without('BigUint64Array', () => write(all, 5, 1))
  assert.is(all.marks.savedLineCount, 0)
  write(all, 5, 2)
  without('Uint32Array', () => all.marks.begin(END_LINE * 8))
  assert.is(all.marks.depth, 0)
  all.marks.begin(END_LINE * 8)
  write(all, 6, 3)
  all.marks.rollback()
  all.marks.rollbackAll()
  assert.ok(all.window.u32.every((word) => word === 0))
})

type Step = { do: 'write'; line: number; value: number } | { do: 'begin' | 'release' | 'rollback' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({
    do: fc.constant('write' as const), line: fc.nat(END_LINE + 60), value: fc.integer({ min: 1 }),
  }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('begin', 'release', 'rollback')
      .map((name) => ({ do: name }) as Step),
  },
)

/**
 * Below the fresh line of a level its rollback restores; above it the lines are the space's to
 * clear.
 */
test('savepoints nest: every level comes back as it was (M1 to M4)', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const all = make()
      const { window, marks } = all
      const begin = window.u32.slice()
      const saved: { words: Uint32Array; frontier: number }[] = []
      let frontier = END_LINE
      marks.open(END_LINE * 8)
      for (const each of steps) {
        if (each.do === 'write') {
          frontier = Math.max(frontier, each.line + 1)
          write(all, each.line, each.value)
        } else if (each.do === 'begin') {
          saved.push({ words: window.u32.slice(), frontier })
          marks.begin(frontier * 8)
        } else if (saved.length > 0) {
          const { words, frontier: before } = saved.pop()!
          if (each.do === 'release') marks.release()
          else {
            marks.rollback()
            window.u32.fill(0, before * 16)
            frontier = before
            assert.equal(window.u32, words)
          }
        }
      }
      while (marks.depth > 0) marks.release()
      checkDirty(all, begin)
      marks.rollbackAll()
      assert.equal(window.u32.subarray(0, END_LINE * 16), begin.subarray(0, END_LINE * 16))
      assert.ok(all.bitmap.every((word) => word === 0))
    }),
    { numRuns: 500 },
  )
})

/** Every line below the committed end that differs from the beginning has its bit set. */
function checkDirty({ window, bitmap }: ReturnType<typeof make>, begin: Uint32Array): void {
  for (let line = 0; line < END_LINE; line++) {
    const differs = window.u32.subarray(line * 16, line * 16 + 16)
      .some((word, i) => word !== begin[line * 16 + i])
    if (differs) assert.ok((bitmap[line >>> 5]! & (1 << (line & 31))) !== 0, `line ${line}`)
  }
}

test.run()
