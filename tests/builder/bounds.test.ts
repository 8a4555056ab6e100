/**
 * Exactly `capacity` elements are accepted, for every element size, every capacity up to three
 * pages, both placements, from JavaScript and from native producers; and whatever is pushed beyond,
 * the memory of the neighbours stays as it was.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createBuilder, type ArrayBuilder } from '../../lib/builder/builder.js'
import { builderAddon } from '../../lib/builder/native.js'
import { RunSet, threadArena, type Run } from '../../lib/builder/runs.js'
import { ArrayType } from '../../lib/types/array/array.js'
import { walkSpace } from '../../lib/space/walk.js'
import { KINDS, NUMBERS, type Kind } from './kinds.js'
import { TestSession } from './session.js'

const test = suite('builders: bounds')

const PAGE = builderAddon().systemPageBytes
const PATTERN = 0xa5

/** 0 to 5 elements, and around each page's end up to three. */
function capacitiesOf(bytes: number): number[] {
  const found = new Set([0, 1, 2, 3, 5])
  for (const page of [1, 2, 3]) {
    for (const near of [-1, 0, 1]) {
      const capacity = Math.floor((page * PAGE) / bytes) + near
      if (capacity >= 0 && capacity * bytes <= 3 * PAGE) found.add(capacity)
    }
  }
  return [...found]
}

const bytesOf = (run: Run): Uint8Array =>
  run.window.u8.subarray(run.first, run.first + run.bytes)

/** Runs on either side of the one that the next builder of that size gets. */
function withNeighbours(bytes: number, work: () => void): void {
  const [outer, inner] = [new RunSet(), new RunSet()]
  const before = outer.take(bytes)
  inner.take(bytes)
  const behind = outer.take(bytes)
  for (const run of [before, behind]) bytesOf(run).fill(PATTERN)
  inner.release()
  work()
  for (const run of [before, behind]) assert.ok(bytesOf(run).every((byte) => byte === PATTERN))
  outer.release()
}

function isOverflow(error: any, capacity: number, count: number): boolean {
  assert.is(error.code, 'RSTORE_BUILDER_OVERFLOW')
  assert.is(error.facts.capacity, capacity)
  assert.is(error.facts.count, count)
  return true
}

function accepts(session: TestSession, kind: Kind, capacity: number, io: boolean): void {
  const builder = createBuilder(session, kind.type, { capacity, io })
  for (let i = 0; i < capacity; i++) builder.push(kind.element(i))
  builder.checkpoint()
  assert.is(builder.count, capacity)
  const found = [...session.read(new ArrayType(kind.type), builder.finish())]
  assert.equal(found.map(kind.plain), Array.from({ length: capacity }, (_, i) => kind.element(i)))
}

function refuses(
  session: TestSession, kind: Kind, capacity: number, io: boolean, beyond: number,
): void {
  const builder = createBuilder(session, kind.type, { capacity, io })
  for (let i = 0; i < capacity + beyond; i++) builder.push(kind.element(i))
  const count = capacity + beyond
  assert.throws(() => builder.checkpoint(), (error: any) => isOverflow(error, capacity, count))
  assert.throws(() => builder.finish(), (error: any) => isOverflow(error, capacity, count))
  assert.is(builder.count, count)
  builder.discard()
}

for (const kind of KINDS) {
  const bytes = kind.type.slotBytes
  test(`${kind.name}: pushes`, () => {
    const session = TestSession.over()
    const { takenRuns } = threadArena().stats()
    session.transact(() => {
      for (const capacity of capacitiesOf(bytes)) {
        for (const io of [false, true]) {
          withNeighbours(capacity * bytes, () => {
            const { allocatedUnits } = session.memory
            refuses(session, kind, capacity, io, 1)
            refuses(session, kind, capacity, io, Math.ceil(PAGE / bytes) + 3)
            assert.is(session.memory.allocatedUnits, allocatedUnits)
            accepts(session, kind, capacity, io)
          })
        }
      }
    })
    assert.is(threadArena().stats().takenRuns, takenRuns)
    const { problems } = walkSpace(session.memory, session.memory.frontierUnits)
    assert.equal(problems, [])
  })
}

test('in the region itself: cells before and behind stay as they were', () => {
  for (const kind of KINDS) {
    const session = TestSession.over({ capacityBytes: 2 ** 21 })
    const capacity = Math.ceil(session.space.roomBytes / kind.type.slotBytes)
    session.transact(() => {
      const filled = (): Uint8Array => {
        const ref = session.space.allocate(500, 2)
        const at = (ref & 0x0fff_ffff) * 8 + 8
        return session.space.windowOf(ref).u8.subarray(at, at + 500).fill(PATTERN)
      }
      const before = filled()
      const builder = createBuilder(session, kind.type, { capacity })
      const behind = filled()
      for (let i = 0; i < capacity + 100; i++) builder.push(kind.element(i))
      assert.throws(() => builder.finish(), (error: any) =>
        isOverflow(error, capacity, capacity + 100))
      for (const cell of [before, behind]) assert.ok(cell.every((byte) => byte === PATTERN))
      builder.discard()
      accepts(session, kind, capacity, false)
    })
    assert.equal(walkSpace(session.memory, session.memory.frontierUnits).problems, [])
  }
})

const textOf = (kind: Kind, count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, (_, i) => kind.element(i)).join(','))

const overflowOf = (work: () => void): { line: number; column: number; count: number } => {
  try {
    work()
  } catch (error: any) {
    assert.is(error.code, 'RSTORE_BUILDER_OVERFLOW')
    return error.facts
  }
  throw new Error('nothing was thrown')
}

for (const kind of NUMBERS) {
  const bytes = kind.type.slotBytes
  test(`${kind.name}: native producers`, () => {
    const session = TestSession.over()
    session.transact(() => {
      for (const capacity of capacitiesOf(bytes)) {
        const text = textOf(kind, capacity + 40)
        const open = (io: boolean): ArrayBuilder =>
          createBuilder(session, kind.type, { capacity, io })
        withNeighbours(capacity * bytes, () => {
          const facts = [false, true, false, true].map((io) => {
            const builder = open(io)
            const found = overflowOf(() => builder.parseNumbers(text))
            overflowOf(() => builder.finish())
            builder.discard()
            return found
          })
          assert.is(facts[0]!.count, capacity + 1)
          for (const other of facts) assert.equal(other, facts[0])
        })
        for (const io of [false, true]) {
          const builder = open(io)
          assert.is(builder.parseNumbers(textOf(kind, capacity)), capacity)
          const found = session.read(new ArrayType(kind.type), builder.finish())
          assert.equal([...found], Array.from({ length: capacity }, (_, i) => kind.element(i)))
        }
      }
    })
  })
}

test.run()
