/** Iterators over multimaps: P2 of multimap.ts. Each step is an operation of its own. */
import { inspect } from 'node:util'
import type { KeyForm } from '../types/keys.js'
import { shownIterator } from '../types/shown.js'
import type { AnyTree } from './handle.js'
import type { OrderedMultimap } from './multimap.js'
import { Bounds } from './ranges.js'
import { Walker } from './walker.js'

/** The values of one key, one after the other. */
export class ValueSteps {
  value: unknown
  private root = 0
  private values: AnyTree | undefined
  private walker: Walker | undefined
  private last: KeyForm | undefined
  private left: number

  constructor(
    private readonly map: OrderedMultimap,
    private readonly key: KeyForm,
    private readonly bounds: Bounds,
  ) {
    this.left = bounds.limit
  }

  /** To the next value; false behind the last one, for good. */
  step(): boolean {
    if (this.left <= 0) return false
    this.left--
    const root = this.map.valueRootOf(this.key)
    if (root !== 0 && root !== this.root) this.start(root)
    if (root === 0 || !this.walker!.step()) return this.stop()
    const form = this.walker!.cursor.key()
    this.value = this.map.valueCodec.decode(form)
    this.last = this.values!.copyKey(form, this.last ?? this.values!.newKey())
    return true
  }

  /** Where another tree has taken the place of one, it goes on behind the last value. */
  private start(root: number): void {
    this.walker?.stop()
    const { last } = this
    const bounds = this.bounds.copy()
    bounds.limit = Infinity
    if (last !== undefined) bounds.goOnBehind(last)
    this.last = undefined
    this.root = root
    this.values = this.map.valuesAt(root)
    this.walker = new Walker(this.values, bounds)
  }

  /** Ends the steps; gives false. */
  stop(): false {
    this.left = 0
    this.walker?.stop()
    return false
  }
}

export class ValueIterator implements IterableIterator<unknown> {
  constructor(
    private readonly map: OrderedMultimap,
    private readonly steps: ValueSteps,
  ) {}

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<unknown> {
    this.map.enter()
    const there = this.steps.step()
    const value = there ? this.steps.value : undefined
    this.map.leave()
    return { done: !there, value }
  }

  return(value?: unknown): IteratorResult<unknown> {
    this.steps.stop()
    return { done: true, value }
  }

  [inspect.custom](): string {
    return shownIterator()
  }
}

export class PairIterator implements IterableIterator<[unknown, unknown]> {
  private readonly walker: Walker
  private readonly reverse: boolean
  private left: number
  private key: unknown
  private steps: ValueSteps | undefined

  /** @param bounds of keys; its limit is of pairs */
  constructor(
    private readonly map: OrderedMultimap,
    private readonly tree: AnyTree,
    bounds: Bounds,
  ) {
    this.left = bounds.limit
    this.reverse = bounds.reverse
    const keys = bounds.copy()
    keys.limit = Infinity
    this.walker = new Walker(tree, keys)
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<[unknown, unknown]> {
    this.map.enter()
    const there = this.step()
    const value = there ? [this.key, this.steps!.value] : undefined
    this.map.leave()
    return { done: !there, value } as IteratorResult<[unknown, unknown]>
  }

  /** To the next pair; false behind the last one, for good. */
  private step(): boolean {
    if (this.left <= 0) return this.stop()
    this.left--
    while (this.steps === undefined || !this.steps.step()) {
      if (!this.walker.step()) return this.stop()
      this.steps = this.stepsHere()
    }
    return true
  }

  /** The values of the key that the walker is at. */
  private stepsHere(): ValueSteps {
    const { map, tree, walker } = this
    const form = tree.copyKey(walker.cursor.key(), tree.newKey())
    this.key = map.codec.decode(form)
    const bounds = new Bounds()
    bounds.reverse = this.reverse
    return new ValueSteps(map, form, bounds)
  }

  private stop(): false {
    this.left = 0
    this.steps?.stop()
    return this.walker.stop()
  }

  return(value?: unknown): IteratorResult<[unknown, unknown]> {
    this.stop()
    return { done: true, value: value as [unknown, unknown] }
  }

  [inspect.custom](): string {
    return shownIterator()
  }
}
