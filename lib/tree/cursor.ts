/** A place in a tree. */
import type { Window } from '../space/window.js'

/**
 * Which entry `seek` looks for: the first at or past the key, past it; the last at or before the
 * key, before it.
 */
export type SeekMode = 'ge' | 'gt' | 'le' | 'lt'

/**
 * A cursor is at one entry or at none. It may be kept while the tree changes: it remembers its key,
 * and when it is asked to move on it goes to the entry next to that key, whether or not the key is
 * still there. All moves say whether the cursor is at an entry.
 */
export abstract class Cursor<K> {
  /** Window of the entry's value. */
  abstract window: Window
  /** Index of the value's first word in `window.u32`. Good until the tree changes. */
  abstract valueIndex: number

  abstract first(): boolean
  abstract last(): boolean
  abstract seek(key: K, mode: SeekMode): boolean
  /** The entry behind this one; none when there is none. From none it stays at none. */
  abstract next(): boolean
  abstract previous(): boolean

  /**
   * Lets `hop` go on by at most so many entries, forward or back, but not out of the leaf; gives by
   * how many it may.
   */
  abstract allow(entries: number, reverse: boolean): number
  /**
   * To the next entry that `allow` has allowed: with nothing to look up. False, the cursor being
   * where it was, when there is none, or the cursor was detached.
   */
  abstract hop(): boolean
  /**
   * Hops as far as is allowed, and puts the values of the entry and of those it goes over into `to`
   * from `at` on, in their order, `words` words each. Gives where they end.
   */
  abstract takeValues(to: Uint32Array, at: number, words: number): number
  /** How often `hop` has moved since this was asked last. */
  abstract takeHops(): number
  /** Where `hop` will be after so many moves, all of them allowed: the key, as `key` gives it. */
  abstract keyAhead(hops: number): K
  /** The same, the value index. */
  abstract valueAhead(hops: number): number

  /**
   * The key of the entry: a number, or one object of the cursor's own that the next call fills
   * again. Also after the tree has changed: the key that the cursor is at.
   */
  abstract key(): K

  /**
   * At no entry any more; gives up what the space remembers of the cursor. Call it when an
   * iteration is left early.
   */
  abstract close(): void
}
