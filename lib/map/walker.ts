/**
 * A walk over part of a tree, one entry after the other. The tree may change between two steps,
 * also by a refresh: the cursor finds its place again by key, and goes on behind it.
 */
import type { BranchingTree } from '../tree/branching.js'
import type { Cursor } from '../tree/cursor.js'
import type { KeyForm } from '../types/keys.js'
import type { Bounds } from './ranges.js'

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

  /** Whether the walk, once begun, ends only with the tree: then the cursor alone may go on. */
  get isPlain(): boolean {
    return this.end === undefined && !this.bounds.reverse && this.bounds.limit === Infinity
  }

  /** To the next entry; false behind the last one, where the cursor is given up. */
  step(): boolean {
    if (this.left-- <= 0) return this.stop()
    const there = this.started
      ? (this.bounds.reverse ? this.cursor.previous() : this.cursor.next()) : this.start()
    if (there && (this.end === undefined || this.inside(this.end))) return true
    return this.stop()
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

  private inside(end: KeyForm): boolean {
    const order = this.tree.compare(this.cursor.key(), end)
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
