/**
 * Builders against a model: random sequences of opening, pushing, native producers, other cells,
 * savepoints that are kept or undone, finishing, discarding and overflowing, nested in any way.
 */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createBuilder, type ArrayBuilder } from '../../lib/builder/builder.js'
import { threadArena } from '../../lib/builder/runs.js'
import type { Ref } from '../../lib/space/ref.js'
import { ArrayType } from '../../lib/types/array/array.js'
import { KINDS, type Kind } from './kinds.js'
import { TestSession } from './session.js'

const test = suite('builders: model')

/** A builder and what it should have. */
interface Pair { builder: ArrayBuilder; kind: Kind; capacity: number; count: number; depth: number }
/** A finished array, or some other cell (kind null). */
interface Made { ref: Ref; kind: Kind | null; count: number }

type Step =
  | { do: 'open'; kind: number; capacity: number; io: boolean }
  | { do: 'push' | 'parse'; which: number; count: number }
  | { do: 'finish' | 'discard' | 'release'; which: number }
  | { do: 'cell'; bytes: number }
  | { do: 'savepoint' }
  | { do: 'end'; keep: boolean }

const count = fc.oneof(fc.nat(5), fc.nat(700), fc.nat(6000))
const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(
  { weight: 3, arbitrary: fc.record({
    do: fc.constant('open' as const), kind: fc.nat(KINDS.length - 1),
    capacity: fc.oneof(fc.constant(-1), fc.nat(20), fc.nat(2000), fc.nat(20_000)), io: fc.boolean(),
  }) },
  { weight: 6, arbitrary: fc.record({
    do: fc.constantFrom('push' as const, 'parse' as const), which: fc.nat(9), count,
  }) },
  { weight: 3, arbitrary: fc.record({
    do: fc.constantFrom('finish' as const, 'discard' as const, 'release' as const),
    which: fc.nat(9),
  }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cell' as const), bytes: fc.nat(9000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('savepoint' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end' as const), keep: fc.boolean() }) },
), { maxLength: 60 })

class Undone extends Error {}

class Model {
  private pairs: Pair[] = []
  private made: Made[] = []
  private depth = 0

  constructor(private readonly session: TestSession, private readonly script: Step[]) {}

  /** Runs the steps up to the end of the savepoint. */
  run(): void {
    for (let step = this.script.shift(); step !== undefined; step = this.script.shift()) {
      if (step.do === 'end') {
        if (this.depth > 0 && !step.keep) throw new Undone()
        if (this.depth > 0) return
      } else if (step.do === 'savepoint') {
        this.nest()
      } else {
        this.take(step)
      }
    }
  }

  /**
   * What was opened or made in a savepoint that is undone is gone; pushes to older builders stay.
   */
  private nest(): void {
    const { made } = this
    this.made = [...made]
    this.depth++
    try {
      this.session.atomically(() => this.run())
      for (const pair of this.pairs) pair.depth = Math.min(pair.depth, this.depth - 1)
    } catch (error) {
      if (!(error instanceof Undone)) throw error
      this.made = made
      this.pairs = this.pairs.filter((pair) => this.survives(pair))
    }
    this.depth--
  }

  private survives({ builder, capacity, depth }: Pair): boolean {
    if (depth < this.depth) return true
    const inRuns = capacity >= 0 && capacity * 8 < 65_536 / 3
    if (inRuns) builder.discard()
    else assert.ok(this.isGone(builder))
    return false
  }

  private isGone(builder: ArrayBuilder): boolean {
    try {
      builder.discard()
      return true
    } catch (error: any) {
      return error.code === 'RSTORE_BUILDER_CONSUMED'
    }
  }

  private take(step: Exclude<Step, { do: 'savepoint' | 'end' }>): void {
    if (step.do === 'open') return this.open(step)
    if (step.do === 'cell') {
      const ref = this.session.space.allocate(step.bytes, 2)
      this.made.push({ ref, kind: null, count: step.bytes })
      return
    }
    if (step.do === 'release') return this.release(step.which)
    if (this.pairs.length === 0) return
    const pair = this.pairs[step.which % this.pairs.length]!
    if (step.do === 'push') this.push(pair, step.count)
    else if (step.do === 'parse') this.parse(pair, step.count)
    else this.end(pair, step.do)
  }

  private open({ kind: index, capacity, io }: Extract<Step, { do: 'open' }>): void {
    const kind = KINDS[index]!
    const options = capacity < 0 ? {} : { capacity, io }
    const builder = createBuilder(this.session, kind.type, options)
    this.pairs.push({ builder, kind, capacity, count: 0, depth: this.depth })
  }

  private push(pair: Pair, more: number): void {
    for (let i = 0; i < more; i++) pair.builder.push(pair.kind.element(pair.count++))
    assert.is(pair.builder.count, pair.count)
  }

  private parse(pair: Pair, more: number): void {
    const { builder, kind, capacity } = pair
    if (KINDS.indexOf(kind) >= 10 || (capacity >= 0 && pair.count > capacity)) return
    const elements = Array.from({ length: more }, (_, i) => kind.element(pair.count + i))
    const fits = capacity < 0 ? more : Math.min(more, capacity - pair.count)
    const text = Buffer.from(elements.join('\n'))
    if (fits === more) assert.is(builder.parseNumbers(text), more)
    else assert.throws(() => builder.parseNumbers(text), /were pushed/)
    pair.count += fits === more ? more : fits + 1
    assert.is(builder.count, pair.count)
  }

  private end(pair: Pair, how: 'finish' | 'discard'): void {
    this.pairs.splice(this.pairs.indexOf(pair), 1)
    const { builder, kind, capacity, count: pushed } = pair
    if (how === 'discard') return builder.discard()
    if (capacity >= 0 && pushed > capacity) {
      assert.throws(() => builder.finish(), /were pushed/)
      return builder.discard()
    }
    this.made.push({ ref: builder.finish(), kind, count: pushed })
  }

  private release(which: number): void {
    const [made] = this.made.splice(which % Math.max(1, this.made.length), 1)
    if (made !== undefined) this.session.space.free(made.ref)
  }

  check(): void {
    for (const { ref, kind, count: length } of this.made) {
      if (kind === null) continue
      const found = [...this.session.read(new ArrayType(kind.type), ref)]
      assert.is(found.length, length)
      found.forEach((value, i) => {
        const [is, should] = [kind.plain(value), kind.element(i)]
        if (is !== should) assert.equal(is, should)
      })
    }
  }

  close(): void {
    for (const { builder } of this.pairs) builder[Symbol.dispose]()
  }
}

test('random sequences', () => {
  const { takenRuns } = threadArena().stats()
  fc.assert(fc.property(steps, fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    (script, commits) => {
      const session = TestSession.over({ capacityBytes: 16 * 2 ** 20 })
      for (const commit of commits) {
        const model = new Model(session, script.splice(0, Math.ceil(script.length / 2)))
        try {
          session.transact(() => {
            model.run()
            model.check()
            if (!commit) throw new Undone()
          })
        } catch (error) {
          if (!(error instanceof Undone)) throw error
        }
        if (commit) model.check()
        model.close()
        assert.equal(session.problems(), [])
      }
      assert.is(threadArena().stats().takenRuns, takenRuns)
    }), { numRuns: 300 })
})

test.run()
