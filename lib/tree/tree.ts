/**
 * What every tree offers, whatever its keys are. Opened by `openTree`, made by `createTree`
 * (open.ts).
 */
import type { Ref } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import type { Cursor } from './cursor.js'
import type { KeyRange } from './keys.js'

/**
 * Told of a value that is about to go, so that what it owns can be freed: a word index as
 * `Tree.find` gives it.
 */
export type ReleaseValue = (window: Window, valueIndex: number) => void

/**
 * An ordered map from keys of one family to values of 0, 4 or 8 bytes, in nodes of a space. It is a
 * handle: what it keeps of the tree is the ref of the root, which never changes, so it stays good
 * through commits, rollbacks and refreshes; when the whole region was copied, `moveTo` follows.
 *
 * A value is named by its *value index*: the index of its first word in `tree.window.u32`. For
 * values of 8 bytes it is even, and `valueIndex >> 1` is the index in `window.f64`, `window.u64`. A
 * value index is good until the tree changes. First the index, then the window: in
 * `tree.window.u32[tree.find(key)]` the window would be read before it is set.
 */
export abstract class Tree<K> {
  /** The window of the value that `find` or `place` gave last. */
  window: Window
  /** Whether the last `place` made a new entry. */
  inserted = false
  /**
   * The value that the last successful `remove` took out: its first word, 0 when values have none.
   */
  removedLow = 0
  /** Its second word, 0 when values have none. */
  removedHigh = 0

  constructor(
    readonly space: Space,
    public root: Ref,
    readonly valueBytes: number,
  ) {
    this.window = space.windowOf(root)
  }

  /** Entries. */
  abstract get size(): number

  /** Value index of a key; −1 when it is absent. */
  abstract find(key: K): number

  /**
   * Value index of a key, which is added when it is absent: then `inserted` is true and the value
   * zero and marked. The value of an entry that was there is not: it may be of use to leave the
   * page as it is. Throws what Space.allocate throws.
   */
  abstract place(key: K): number

  /** Before the value at `index`, which the last `place` gave, is written. */
  abstract markValue(index: number): void

  /**
   * Takes an entry out; its value is then in `removedLow` and `removedHigh`. What the value owns is
   * the caller's to free.
   */
  abstract remove(key: K): boolean

  /** A new cursor, at no entry. Reuse it: a cursor may seek as often as one likes. */
  abstract cursor(): Cursor<K>

  /** Takes all entries out and gives every node back but the root. */
  abstract clear(release?: ReleaseValue): void

  /**
   * Takes the entries of a range out, whole leaves at a time; says how many. `release` must not
   * touch this tree.
   */
  abstract clearRange(range: KeyRange<K>, release?: ReleaseValue): number

  /** Entries in a range: reads the headers of the leaves between its ends, not their entries. */
  abstract count(range: KeyRange<K>): number

  /**
   * Appends in ascending order, with dense leaves. One loader at a time; until its `finish` nothing
   * else of the tree is used, `size` included, and no savepoint begins or ends.
   *
   * @param between called between some entries, and before a leaf is begun: all that was appended
   *   is finished, and what the loader goes on with is marked when this has returned
   */
  abstract loader(between?: () => void): Loader<K>

  /** `clear`, and the root is given back too: the handle is dead afterwards. */
  abstract drop(release?: ReleaseValue): void
}

/** Sorted input into an empty tree, or one all whose keys are lower. */
export interface Loader<K> {
  /**
   * Adds a key and gives the value index of its zero value, marked. `window` is set on the tree.
   * Throws RSTORE_UNSORTED when the key is not greater than the last, and an Error when somebody
   * else has changed the tree: the caller rolls back.
   */
  append(key: K): number
  /** Ends loading. Must be called, unless the transaction is rolled back. Throws as `append`. */
  finish(): void
  /** Lets go of the tree: after `finish`, or instead of it. */
  close(): void
}
