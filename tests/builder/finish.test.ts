/**
 * Where an array is when it is finished, what was copied, what remains of builders that are not.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { buildArray, createBuilder } from '../../lib/builder/builder.js'
import type { FixedBuilder } from '../../lib/builder/fixed.js'
import { threadArena } from '../../lib/builder/runs.js'
import { walkSpace } from '../../lib/space/walk.js'
import { ArrayType } from '../../lib/types/array/array.js'
import { simpleTypes as t } from '../../lib/types/descriptor.js'
import { StructType } from '../../lib/types/struct/struct.js'
import { codeOf } from '../harness/types.js'
import { TestSession } from './session.js'

const test = suite('builders: finish')

const f64s = new ArrayType(t.f64)
const open = (session: TestSession, options = {}): FixedBuilder =>
  createBuilder(session, t.f64, options) as FixedBuilder
const pushUpTo = (builder: FixedBuilder, count: number): void => {
  for (let i = builder.count; i < count; i++) builder.push(i)
}
const elementAddress = (ref: number): number => ref * 8 + 16
const isSound = (session: TestSession): void =>
  assert.equal(walkSpace(session.memory, session.memory.frontierUnits).problems, [])

for (const count of [0, 1, 500, 10_000, 1_000_000]) {
  test(`without a capacity: ${count} elements stay where they were pushed`, () => {
    const session = TestSession.over()
    session.transact(() => {
      const builder = open(session)
      pushUpTo(builder, Math.min(count, 1))
      const address = builder.firstAddress
      pushUpTo(builder, count)
      const frontier = session.memory.frontierUnits
      const ref = builder.finish()
      if (count > 0) assert.is(elementAddress(ref), address)
      assert.is(builder.bytesCopied, 0)
      assert.equal(Array.from(session.read(f64s, ref)), Array.from({ length: count }, (_, i) => i))
      const { frontierUnits } = session.memory
      assert.ok(frontierUnits <= Math.max(frontier, ref + count + 7))
      assert.ok(frontierUnits <= ref + count + 8, 'what was not needed is given back')
    })
    isSound(session)
  })
}

test('a large array with a capacity stays where it was pushed', () => {
  const session = TestSession.over()
  session.transact(() => {
    const builder = open(session, { capacity: 200_000 })
    const address = builder.firstAddress
    pushUpTo(builder, 150_000)
    const ref = builder.finish()
    assert.is(elementAddress(ref), address)
    assert.is(builder.bytesCopied, 0)
    assert.is(session.read(f64s, ref).length, 150_000)
    assert.is(session.memory.frontierUnits, ref + 150_002)
  })
  isSound(session)
})

test('a small array with a capacity is copied once', () => {
  const session = TestSession.over()
  session.transact(() => {
    for (const io of [false, true]) {
      const builder = open(session, { capacity: 100, io })
      pushUpTo(builder, 60)
      assert.is(session.read(f64s, builder.finish()).length, 60)
      assert.is(builder.bytesCopied, 480)
    }
  })
})

test('other allocations go on behind a builder, and what it does not need is free', () => {
  const session = TestSession.over()
  session.transact(() => {
    const builder = open(session)
    pushUpTo(builder, 10)
    const other = session.space.allocate(100, 40)
    const ref = builder.finish()
    assert.is(builder.bytesCopied, 0)
    assert.equal([...session.read(f64s, ref)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    const reused = session.space.allocate(100, 40)
    assert.ok(reused > ref && reused < other, 'the rest of the room is a free cell')
  })
  isSound(session)
})

test('several chunks are copied once', () => {
  const session = TestSession.over()
  session.transact(() => {
    const builder = open(session)
    pushUpTo(builder, 10)
    session.space.allocate(100, 40)
    pushUpTo(builder, 100_000)
    const ref = builder.finish()
    assert.is(builder.bytesCopied, 800_000)
    assert.equal(Array.from(session.read(f64s, ref)), Array.from({ length: 100_000 }, (_, i) => i))
  })
  isSound(session)
})

test('outside of a transaction a builder fills its own pages, and is finished in one', () => {
  const session = TestSession.over()
  const builder = open(session)
  pushUpTo(builder, 50_000)
  assert.throws(() => builder.finish(), /not in a transaction/)
  session.transact(() => {
    const ref = builder.finish()
    assert.is(builder.bytesCopied, 400_000)
    assert.is(session.read(f64s, ref).at(-1), 49_999)
  })
})

test('nested builders grow at the same time', () => {
  const session = TestSession.over()
  session.transact(() => {
    const [outer, inner] = [open(session), open(session)]
    for (let i = 0; i < 20_000; i++) {
      outer.push(i)
      inner.push(-i)
    }
    const [second, first] = [inner.finish(), outer.finish()]
    for (let i = 0; i < 20_000; i++) {
      if (session.read(f64s, first)[i] !== i) return assert.unreachable()
      if (session.read(f64s, second)[i] !== -i) return assert.unreachable()
      i += 997
    }
  })
  isSound(session)
})

test('after the end every use throws', () => {
  const session = TestSession.over()
  session.transact(() => {
    for (const type of [t.f64, t.u8, t.bool, t.string, new StructType('P', [['x', t.f64]])]) {
      for (const end of ['finish', 'discard'] as const) {
        for (const options of [{}, { capacity: 3 }, { capacity: 100_000 }]) {
          const builder = createBuilder(session, type, options)
          builder[end]()
          const uses = [
            () => builder.push(1), () => builder.pushMany([1]), () => builder.count,
            () => builder.checkpoint(), () => builder.readFrom(0, 8), () => builder.finish(),
            () => builder.parseNumbers(new Uint8Array(1)), () => builder.discard(),
            () => builder.splitLines(new Uint8Array(1)),
          ]
          for (const use of uses) assert.is(codeOf(use), 'RSTORE_BUILDER_CONSUMED', String(use))
          builder[Symbol.dispose]()
        }
      }
    }
  })
  isSound(session)
})

test('a builder in the region ends with its transaction', () => {
  const session = TestSession.over()
  const [a, b] = [{ builder: undefined as FixedBuilder | undefined }, open(session)]
  session.transact(() => {
    a.builder = open(session)
    pushUpTo(a.builder, 1000)
  })
  assert.is(codeOf(() => a.builder!.push(1)), 'RSTORE_BUILDER_CONSUMED')
  assert.is(session.memory.allocatedUnits, 0)
  assert.throws(() => session.transact(() => {
    a.builder = open(session)
    pushUpTo(a.builder, 1000)
    throw new Error('rolled back')
  }), 'rolled back')
  assert.is(codeOf(() => a.builder!.finish()), 'RSTORE_BUILDER_CONSUMED')
  b.push(1)
  b.discard()
  isSound(session)
})

test('savepoints: a builder of a younger one goes with it, of an older one goes on', () => {
  const session = TestSession.over()
  session.transact(() => {
    const outer = open(session)
    pushUpTo(outer, 100)
    let inner: FixedBuilder | undefined
    assert.throws(() => session.atomically(() => {
      inner = open(session)
      pushUpTo(inner, 100)
      pushUpTo(outer, 5000)
      throw new Error('undone')
    }), 'undone')
    assert.is(codeOf(() => inner!.push(1)), 'RSTORE_BUILDER_CONSUMED')
    session.space.allocate(5000, 40)
    pushUpTo(outer, 6000)
    const found = session.read(f64s, outer.finish())
    assert.equal(Array.from(found), Array.from({ length: 6000 }, (_, i) => i))
    const closed = open(session)
    pushUpTo(closed, 10)
    assert.throws(() => session.atomically(() => {
      closed.finish()
      throw new Error('undone')
    }), 'undone')
  })
  isSound(session)
  assert.is(session.memory.allocatedUnits, 6002 + 626, 'the array and the other cell, no room')
})

test('buildArray: only returning makes an array', () => {
  const session = TestSession.over()
  const { takenRuns } = threadArena().stats()
  session.transact(() => {
    const ref = buildArray(session, t.f64, {}, (b) => b.pushMany([1, 2, 3]))
    assert.equal([...session.read(f64s, ref)], [1, 2, 3])
    const units = session.memory.allocatedUnits
    for (const options of [{}, { capacity: 10 }, { capacity: 100_000 }]) {
      assert.throws(() => buildArray(session, t.f64, options, (b) => {
        b.push(1)
        throw new Error('mine')
      }), 'mine')
      assert.throws(() => buildArray(session, t.f64, options, (async () => {}) as any), /promise/)
    }
    assert.is(codeOf(() => buildArray(session, t.f64, { capacity: 1 }, (b) => {
      b.pushMany([1, 2])
    })), 'RSTORE_BUILDER_OVERFLOW')
    assert.is(session.memory.allocatedUnits, units)
    assert.equal([...session.unadopted], [ref])
  })
  assert.is(threadArena().stats().takenRuns, takenRuns)
})

test('a builder that is forgotten gives its pages back', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const session = TestSession.over()
  const { takenRuns } = threadArena().stats()
  const forget = (): void => {
    for (let i = 0; i < 20; i++) createBuilder(session, i % 2 === 0 ? t.f64 : t.string).push(
      (i % 2 === 0 ? 1 : 'text'))
  }
  forget()
  assert.is.not(threadArena().stats().takenRuns, takenRuns)
  for (let i = 0; i < 50 && threadArena().stats().takenRuns !== takenRuns; i++) {
    collect()
    await turn()
  }
  assert.is(threadArena().stats().takenRuns, takenRuns)
})

test('what is not an element is refused, and leaves nothing', () => {
  const session = TestSession.over()
  session.transact(() => {
    const wrong: [any, unknown, string][] = [
      [t.u8, 256, 'RangeError'], [t.u8, -1, 'RangeError'], [t.u8, 1.5, 'RangeError'],
      [t.u8, '1', 'TypeError'], [t.i8, 128, 'RangeError'], [t.u16, 65_536, 'RangeError'],
      [t.i16, 32_768, 'RangeError'], [t.u32, 2 ** 32, 'RangeError'], [t.u32, -1, 'RangeError'],
      [t.i32, 2 ** 31, 'RangeError'], [t.i32, null, 'TypeError'], [t.f32, 1n, 'TypeError'],
      [t.f64, '1', 'TypeError'], [t.f64, undefined, 'TypeError'], [t.u64, 1, 'TypeError'],
      [t.u64, -1n, 'RangeError'], [t.i64, 2n ** 63n, 'RangeError'], [t.bool, 1, 'TypeError'],
      [t.string, 1, 'TypeError'], [t.string, '\ud800', 'TypeError'], [t.bytes, 'x', 'TypeError'],
    ]
    for (const [type, value, expected] of wrong) {
      const builder = createBuilder(session, type)
      assert.is(codeOf(() => builder.push(value)), expected, `${type.kind} ${String(value)}`)
      assert.is(builder.count, 0)
      builder.discard()
    }
    const bad: [any, any, string][] = [
      [t.f64, { capacity: -1 }, 'RangeError'], [t.f64, { capacity: 1.5 }, 'RangeError'],
      [t.f64, { capacity: 2 ** 31 }, 'RangeError'], [t.f64, { capacity: '3' }, 'TypeError'],
      [t.f64, { io: true }, 'TypeError'], [t.f64, { io: 1 }, 'TypeError'],
      [new ArrayType(t.f64), {}, 'TypeError'], [t.json, {}, 'TypeError'],
    ]
    for (const [type, options, expected] of bad) {
      assert.is(codeOf(() => createBuilder(session, type, options)), expected)
    }
  })
})

test('strings and bytes', () => {
  const session = TestSession.over()
  session.transact(() => {
    const texts = Array.from({ length: 3000 }, (_, i) => 'é'.repeat(i % 41) + i)
    texts.push('', 'x'.repeat(100_000), '')
    for (const options of [{}, { capacity: 3003 }, { capacity: 5000 }]) {
      const builder = createBuilder(session, t.string, options)
      for (const text of texts) builder.push(text)
      assert.equal([...session.read(new ArrayType(t.string), builder.finish())], texts)
    }
    const tooMany = createBuilder(session, t.string, { capacity: 2 })
    tooMany.pushMany(['a', 'b', 'c', 'd'])
    assert.is(codeOf(() => tooMany.finish()), 'RSTORE_BUILDER_OVERFLOW')
    const bytes = createBuilder(session, t.bytes)
    bytes.pushMany([new Uint8Array([1, 2]), new Uint8Array(0), new Uint8Array(9000).fill(7)])
    const found = [...session.read(new ArrayType(t.bytes), bytes.finish())] as Uint8Array[]
    assert.equal(found.map(({ length }) => length), [2, 0, 9000])
    assert.equal([...found[0]!], [1, 2])
  })
  isSound(session)
})

test('a region without room: nothing is made, and the builder can be discarded', () => {
  const session = TestSession.over({ capacityBytes: 2 ** 20 })
  const builder = open(session)
  pushUpTo(builder, 200_000)
  session.transact(() => {
    assert.is(codeOf(() => builder.finish()), 'RSTORE_REGION_FULL')
    assert.is(session.memory.allocatedUnits, 0)
    const inside = open(session)
    pushUpTo(inside, 200_000)
    assert.is(codeOf(() => inside.finish()), 'RSTORE_REGION_FULL')
    inside.discard()
    builder.discard()
  })
  isSound(session)
})

test.run()
