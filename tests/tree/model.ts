/**
 * A tree and a sorted array that ought to say the same, under the same commands: for the model
 * tests of every key family.
 */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import type { Ref } from '../../lib/space/ref.js'
import { walkSpace } from '../../lib/space/walk.js'
import type { BranchingTree } from '../../lib/tree/branching.js'
import type { SeekMode } from '../../lib/tree/cursor.js'
import type { KeyForms, KeyKind } from '../../lib/tree/keys.js'
import { KeyRange } from '../../lib/tree/keys.js'
import { createTree, openTree } from '../../lib/tree/open.js'
import { verifyTree } from '../../lib/tree/verify.js'
import { MemorySpace } from '../harness/memory-space.js'

/**
 * How a test writes keys of a family: plain values that can be compared, printed and turned into
 * keys.
 */
export interface Family<Kind extends KeyKind, Plain> {
  readonly kind: Kind
  readonly arbitrary: fc.Arbitrary<Plain>
  toKey(plain: Plain): KeyForms[Kind]
  toPlain(key: KeyForms[Kind]): Plain
  compare(a: Plain, b: Plain): number
}

type Entry<Plain> = { key: Plain; value: number }
type Level<Plain> = Entry<Plain>[]

export type Command<Plain> =
  | { do: 'place' | 'remove' | 'find'; key: Plain; value: number }
  | { do: 'seek'; key: Plain; mode: SeekMode; steps: number; value: number }
  | { do: 'clearRange' | 'count'; key: Plain; to: Plain; low: boolean; high: boolean }
  | { do: 'fill' | 'load'; keys: Plain[] }
  | { do: 'allow'; entries: number; reverse: boolean }
  | { do: 'clear' | 'begin' | 'release' | 'rollback' | 'commit' | 'abort' | 'next' | 'previous' }
  | { do: 'hop' }

export interface Setup {
  valueBytes: 0 | 4 | 8
  rootBytes: number
  maximumEntries: number
}

export const setups: fc.Arbitrary<Setup> = fc.record({
  valueBytes: fc.constantFrom(0 as const, 4 as const, 8 as const),
  rootBytes: fc.constantFrom(96, 256, C.PAGE_BYTES),
  maximumEntries: fc.constantFrom(4, 4, 5, 7, 1000),
})

const ROOT_TYPE = 40

export class TreeModel<Kind extends KeyKind, Plain> {
  readonly space = new MemorySpace({ capacityBytes: 8 * 2 ** 20 })
  readonly tree: BranchingTree<KeyForms[Kind]>
  readonly root: Ref
  deepest = 0
  private levels: Level<Plain>[] = [[], []]
  private readonly cursor
  /** How the cursor may hop, and how often it has since it was asked. */
  private reverse = false
  private hopsTaken = 0
  /** Where the cursor is, or undefined. */
  private at: Plain | undefined
  private readonly emptyUnits: number

  constructor(readonly family: Family<Kind, Plain>, readonly setup: Setup) {
    const { kind } = family
    this.root = this.space.transact(() => {
      this.space.allocate(40, C.TYPE_BYTES)
      return createTree(this.space, kind, { typeId: ROOT_TYPE, ...setup })
    })
    const { maximumEntries } = setup
    this.tree = openTree(this.space, kind, this.root, { maximumEntries })
    this.emptyUnits = this.space.allocatedUnits
    this.cursor = this.tree.cursor()
    this.space.beginTransaction()
  }

  private get model(): Level<Plain> {
    return this.levels[this.levels.length - 1]!
  }

  private set model(entries: Level<Plain>) {
    this.levels[this.levels.length - 1] = entries
  }

  private indexOf(key: Plain): number {
    const index = this.model.findIndex((entry) => this.family.compare(entry.key, key) >= 0)
    return index < 0 ? this.model.length : index
  }

  private has(index: number, key: Plain): boolean {
    const entry = this.model[index]
    return entry !== undefined && this.family.compare(entry.key, key) === 0
  }

  private readValue(index: number): number {
    if (this.setup.valueBytes === 0) return 0
    const { u32, f64 } = this.tree.window
    return this.setup.valueBytes === 4 ? u32[index]! : f64[index >> 1]!
  }

  private writeValue(index: number, value: number): void {
    if (this.setup.valueBytes === 4) this.tree.window.u32[index] = value
    if (this.setup.valueBytes === 8) this.tree.window.f64[index >> 1] = value
  }

  private valueOf(value: number): number {
    return this.setup.valueBytes === 0 ? 0 : value
  }

  run(command: Command<Plain>): void {
    switch (command.do) {
      case 'place': return this.place(command.key, command.value)
      case 'fill': return command.keys.forEach((key, i) => this.place(key, i))
      case 'load': return this.load(command.keys)
      case 'remove': return this.remove(command.key)
      case 'find': return this.find(command.key)
      case 'seek': return this.seek(command.key, command.mode, command.steps)
      case 'next': case 'previous': return this.step(command.do)
      case 'allow': return this.allow(command.entries, command.reverse)
      case 'hop': return this.hop()
      case 'count': case 'clearRange': return this.range(command)
      case 'clear': {
        this.tree.clear()
        this.model = []
        assert.is(this.space.allocatedUnits, this.emptyUnits, 'clear gives everything back')
        return
      }
      case 'begin':
        this.space.savepoint()
        this.levels.push([...this.model])
        return
      case 'release': case 'rollback': return this.leave(command.do === 'release')
      case 'commit': return this.commit()
      case 'abort':
        this.space.rollback()
        this.restart(this.levels[0]!)
    }
  }

  private place(key: Plain, value: number): void {
    const index = this.indexOf(key)
    const known = this.has(index, key)
    const at = this.tree.place(this.family.toKey(key))
    if (!this.tree.inserted) this.tree.markValue(at)
    assert.is(this.tree.inserted, !known)
    if (!known) assert.is(this.readValue(at), 0, 'a new value is zero')
    this.writeValue(at, value)
    this.model = this.model.toSpliced(index, Number(known), { key, value: this.valueOf(value) })
  }

  /** Those of the keys that are behind the last one, through a loader. */
  private load(keys: Plain[]): void {
    const { compare } = this.family
    const loader = this.tree.loader()
    let last = this.model.at(-1)
    let value = 0
    for (const key of keys.toSorted(compare)) {
      if (last !== undefined && compare(key, last.key) <= 0) continue
      const at = loader.append(this.family.toKey(key))
      assert.is(this.readValue(at), 0, 'a new value is zero')
      this.writeValue(at, ++value)
      last = { key, value: this.valueOf(value) }
      this.model = [...this.model, last]
    }
    loader.finish()
  }

  private remove(key: Plain): void {
    const index = this.indexOf(key)
    const known = this.has(index, key)
    assert.is(this.tree.remove(this.family.toKey(key)), known)
    if (!known) return
    if (this.setup.valueBytes === 4) assert.is(this.tree.removedLow, this.model[index]!.value)
    this.model = this.model.toSpliced(index, 1)
  }

  private find(key: Plain): void {
    const index = this.indexOf(key)
    const at = this.tree.find(this.family.toKey(key))
    assert.is(at >= 0, this.has(index, key))
    if (at >= 0) assert.is(this.readValue(at), this.model[index]!.value)
  }

  private seek(key: Plain, mode: SeekMode, steps: number): void {
    this.cursor.seek(this.family.toKey(key), mode)
    const index = this.indexOf(key)
    const exact = Number(this.has(index, key))
    const target = { ge: index, gt: index + exact, le: index + exact - 1, lt: index - 1 }[mode]
    this.at = this.model[target]?.key
    this.checkCursor()
    for (let i = 0; i < steps; i++) this.step(mode === 'ge' || mode === 'gt' ? 'next' : 'previous')
  }

  private step(way: 'next' | 'previous'): void {
    const moved = this.cursor[way]()
    this.at = this.beside(1, way === 'previous')
    assert.is(moved, this.at !== undefined)
    this.checkCursor()
  }

  /** The key so many entries from where the cursor is, or was when its own entry was taken out. */
  private beside(entries: number, reverse: boolean): Plain | undefined {
    if (this.at === undefined) return undefined
    const index = this.indexOf(this.at)
    const before = index - 1 + Number(this.has(index, this.at))
    return this.model[reverse ? index - entries : before + entries]?.key
  }

  private allow(entries: number, reverse: boolean): void {
    const hops = this.cursor.allow(entries, reverse)
    this.reverse = reverse
    this.hopsTaken = 0
    assert.ok(hops <= entries && (hops === 0 || this.at !== undefined))
    for (let hop = 1; hop <= hops; hop++) {
      const key = this.beside(hop, reverse)
      assert.equal(this.family.toPlain(this.cursor.keyAhead(hop)), key)
      this.tree.window = this.cursor.window
      const { value } = this.model[this.indexOf(key!)]!
      assert.is(this.readValue(this.cursor.valueAhead(hop)), value)
    }
  }

  /** Whether a hop was allowed is the cursor's to know; it must be to the next entry. */
  private hop(): void {
    while (this.cursor.hop()) {
      this.hopsTaken++
      this.at = this.beside(1, this.reverse)
      assert.ok(this.at !== undefined)
      this.checkCursor()
      if (this.hopsTaken % 3 === 0) break
      if (this.hopsTaken % 3 === 2) this.take()
    }
    assert.is(this.cursor.takeHops(), this.hopsTaken)
    this.hopsTaken = 0
  }

  /** Everything that is still allowed, in one call. */
  private take(): void {
    const words = this.setup.valueBytes / 4
    if (words === 0) return
    const taken = new Float64Array(64)
    const to = new Uint32Array(taken.buffer)
    const count = (this.cursor.takeValues(to, words, words) - words) / words
    const first = this.indexOf(this.at!)
    for (let i = 0; i < count; i++) {
      const { value } = this.model[this.reverse ? first - i : first + i]!
      assert.is(words === 1 ? to[1 + i] : taken[1 + i], value)
    }
    this.hopsTaken += count - 1
    assert.not(this.cursor.hop())
    if (count > 1) this.at = this.beside(count - 1, this.reverse)
    this.checkCursor()
  }

  private checkCursor(): void {
    if (this.at === undefined) return
    assert.equal(this.family.toPlain(this.cursor.key()), this.at)
    this.tree.window = this.cursor.window
    assert.is(this.readValue(this.cursor.valueIndex), this.model[this.indexOf(this.at)]!.value)
  }

  private range(command: Extract<Command<Plain>, { to: Plain }>): void {
    const { key, to, low, high } = command
    const { compare } = this.family
    const range = new KeyRange<KeyForms[Kind]>()
    range.low = this.family.toKey(key)
    range.high = this.family.toKey(to)
    range.lowExcluded = low
    range.highExcluded = high
    const inside = this.model.filter((entry) => {
      const above = compare(entry.key, key)
      const below = compare(entry.key, to)
      return (low ? above > 0 : above >= 0) && (high ? below < 0 : below <= 0)
    })
    assert.is(this.tree.count(range), inside.length)
    if (command.do === 'count') return
    let released = 0
    assert.is(this.tree.clearRange(range, () => released++), inside.length)
    assert.is(released, inside.length)
    this.model = this.model.filter((entry) => !inside.includes(entry))
  }

  private leave(keep: boolean): void {
    if (this.levels.length <= 2) return
    const entries = this.levels.pop()!
    if (keep) {
      this.space.releaseSavepoint()
      this.model = entries
    } else this.space.rollbackSavepoint()
  }

  private commit(): void {
    const entries = this.model
    while (this.space.marks.depth > 0) this.space.releaseSavepoint()
    this.space.commit()
    this.restart(entries)
  }

  private restart(committed: Level<Plain>): void {
    this.levels = [committed, [...committed]]
    this.space.beginTransaction()
  }

  /** The whole tree against the whole model, and every cell against what the tree uses. */
  check(): void {
    const { tree, space } = this
    const used = new Set<number>()
    const problems = verifyTree(tree, space.frontierUnits, {
      node: (ref, level) => {
        used.add(ref)
        this.deepest = Math.max(this.deepest, level)
      },
      spill: (ref) => used.add(ref),
    })
    assert.equal(problems, [])
    const walk = walkSpace(space, space.frontierUnits, (ref, _units, typeId) => {
      if (typeId !== C.TYPE_BYTES) assert.ok(used.delete(ref), `cell ${ref} leaked`)
    })
    assert.equal(walk.problems, [])
    assert.is(used.size, 0, 'every node is a live cell')
    assert.is(tree.size, this.model.length)
    assert.equal(this.entries(), this.model)
  }

  private entries(): Entry<Plain>[] {
    const entries: Entry<Plain>[] = []
    const cursor = this.tree.cursor()
    for (let more = cursor.first(); more; more = cursor.next()) {
      this.tree.window = cursor.window
      const key = this.family.toPlain(cursor.key())
      entries.push({ key, value: this.readValue(cursor.valueIndex) })
    }
    cursor.close()
    return entries
  }
}

export function commands<Plain>(key: fc.Arbitrary<Plain>): fc.Arbitrary<Command<Plain>> {
  const value = fc.integer({ min: 0, max: 2 ** 31 - 1 })
  const mode = fc.constantFrom<SeekMode>('ge', 'gt', 'le', 'lt')
  const plain = (name: string) => fc.constant({ do: name }) as fc.Arbitrary<Command<Plain>>
  return fc.oneof(
    { weight: 40, arbitrary: fc.record({ do: fc.constant('place' as const), key, value }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('fill' as const, 'load' as const),
        keys: fc.array(key, { maxLength: 60, size: 'max' }),
      }),
    },
    { weight: 25, arbitrary: fc.record({ do: fc.constant('remove' as const), key, value }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('find' as const), key, value }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('seek' as const), key, mode, steps: fc.nat(4), value,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('allow' as const), entries: fc.nat(20), reverse: fc.boolean(),
      }),
    },
    { weight: 6, arbitrary: plain('hop') },
    { weight: 4, arbitrary: plain('next') },
    { weight: 4, arbitrary: plain('previous') },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('count' as const, 'clearRange' as const),
        key, to: key, low: fc.boolean(), high: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: plain('clear') },
    { weight: 3, arbitrary: plain('begin') },
    { weight: 2, arbitrary: plain('release') },
    { weight: 2, arbitrary: plain('rollback') },
    { weight: 2, arbitrary: plain('commit') },
    { weight: 1, arbitrary: plain('abort') },
  )
}

/** The property that every family is tested with. Gives the deepest tree that was met. */
export function checkFamily<Kind extends KeyKind, Plain>(
  family: Family<Kind, Plain>,
  runs: number,
  sabotage?: (tree: BranchingTree<KeyForms[Kind]>) => void,
): number {
  let deepest = 0
  const script = fc.array(commands(family.arbitrary), {
    minLength: 1, maxLength: 250, size: 'max',
  })
  const property = fc.property(setups, script, (setup, steps) => {
    const model = new TreeModel(family, setup)
    sabotage?.(model.tree)
    steps.forEach((step, i) => {
      model.run(step)
      if (i % 8 === 7) model.check()
    })
    model.check()
    deepest = Math.max(deepest, model.deepest)
  })
  const endOnFailure = sabotage !== undefined
  fc.assert(property, { numRuns: runs, includeErrorInReport: true, endOnFailure })
  return deepest
}
