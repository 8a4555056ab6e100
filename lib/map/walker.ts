/**
 * A walk over part of a tree, one entry after the other. The tree may change between two steps,
 * also by a refresh: the cursor finds its place again by key, and goes on behind it.
 */
import type { BranchingTree } from '../tree/branching.js'
import type { Cursor } from '../tree/cursor.js'
import type { KeyForm } from '../types/keys.js'
import type { Bounds } from './ranges.js'

/** Entries that a walk looks ahead: as many reads of memory are under way at once. */
export const STRETCH = 32

export class Walker {
  readonly cursor: Cursor<KeyForm>
  private left: number
  private started = false
  private readonly end: KeyForm | undefined

  constructor(
    private readonly tree: BranchingTree<KeyForm>,
    private readonly bounds: Bounds,
  ) {
    this.cursor = tree.cursor()
    this.left = bounds.limit
    this.end = bounds.reverse ? bounds.low : bounds.high
  }

  /** To the next entry; false behind the last one, where the cursor is given up. */
  step(): boolean {
    const { cursor, end } = this
    this.left -= cursor.takeHops() + 1
    if (this.left < 0) return this.stop()
    const there = this.started
      ? (this.bounds.reverse ? cursor.previous() : cursor.next()) : this.start()
    if (there && (end === undefined || this.inside(cursor.key(), end))) return true
    return this.stop()
  }

  /**
   * Lets the cursor hop over at most so many entries next to its own, so far as they are in the
   * range; gives how many they are.
   */
  stretch(most: number): number {
    const { cursor, end, bounds: { reverse } } = this
    let entries = cursor.allow(Math.min(this.left, most), reverse)
    if (end === undefined) return entries
    while (entries > 0 && !this.inside(cursor.keyAhead(entries), end)) {
      entries = cursor.allow(entries >>> 1, reverse)
    }
    return entries
  }

  /** A step, after which the cursor may hop at most so often. */
  walk(most: number): boolean {
    const there = this.step()
    if (there) this.stretch(most)
    return there
  }

  private start(): boolean {
    this.started = true
    const { cursor, bounds } = this
    if (bounds.reverse) {
      return bounds.high === undefined ? cursor.last()
        : cursor.seek(bounds.high, bounds.highExcluded ? 'lt' : 'le')
    }
    return bounds.low === undefined ? cursor.first()
      : cursor.seek(bounds.low, bounds.lowExcluded ? 'gt' : 'ge')
  }

  private inside(key: KeyForm, end: KeyForm): boolean {
    const order = this.tree.compare(key, end)
    const { reverse, lowExcluded, highExcluded } = this.bounds
    return reverse
      ? order > 0 || (order === 0 && !lowExcluded)
      : order < 0 || (order === 0 && !highExcluded)
  }

  /** Ends the walk; gives false. */
  stop(): false {
    this.left = 0
    this.cursor.close()
    return false
  }
}
