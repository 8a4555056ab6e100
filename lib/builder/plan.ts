/** What the caller wants of a builder. */
import type { Ref } from '../space/ref.js'
import { LARGEST_CELL_BYTES } from '../space/size-class.js'
import { ELEMENTS_OFFSET } from '../types/array/array.js'
import { checkOptionNames } from '../types/options.js'

export interface BuilderOptions {
  /** Elements at most; without it the builder grows. */
  capacity?: number
  /**
   * The array is placed so that its last element ends at a guard page: a native producer stops at
   * exactly that element, and no reading goes on behind it. Needs a capacity.
   */
  io?: boolean
}

/**
 * An array that is being built: written from front to back, never read, used up once. It must be
 * finished in a transaction; one whose memory is the region's own (large, or without a capacity,
 * and opened in a transaction) in the one that it was opened in. After `finish` or `discard` every
 * use throws RSTORE_BUILDER_CONSUMED, and so it does when its block region was sealed. One that is
 * neither finished nor discarded may keep its memory until the transaction ends or, of a block
 * region, until that is sealed or freed: discard it, or declare it with `using`.
 */
export interface ArrayBuilder<V = unknown, I = V> extends Disposable {
  /** Elements pushed: more than the capacity when there were too many. */
  readonly count: number
  /**
   * Throws a TypeError or RangeError on what the element type cannot hold. Does not say that the
   * capacity is exceeded.
   */
  push(element: I): void
  /** The same for many. What comes before a wrong one was pushed. */
  pushMany(elements: ArrayBufferView | ArrayLike<I>): void
  /**
   * Throws RSTORE_BUILDER_OVERFLOW when more was pushed than the capacity allows. Reading from
   * descriptors checks by itself.
   */
  checkpoint(): void
  /**
   * Reads numbers as they are in memory, at most `maxBytes` and possibly fewer, as read(2) does.
   * Gives the bytes read; 0 at the end. Throws RSTORE_BUILDER_OVERFLOW when the descriptor has more
   * than fits: what fits was read, the rest was not.
   */
  readFrom(fd: number, maxBytes: number): number
  /**
   * Decimal numbers out of text, separated by the delimiter (a comma) or the end of a line, to the
   * end of the bytes or the descriptor. Gives their number. On RSTORE_PARSE (facts: line, column,
   * offset, text) and on RSTORE_BUILDER_OVERFLOW a descriptor stands at the number that did not
   * fit; where it cannot be moved, `facts.rest` has what was read ahead.
   */
  parseNumbers(source: Uint8Array | number, options?: { delimiter?: string }): number
  /**
   * Lines of text, which end in \n or \r\n, as strings or bytes. Gives their number. Errors as
   * those of parseNumbers.
   */
  splitLines(source: Uint8Array | number): number
  /**
   * The array, owned by nobody yet. Throws RSTORE_BUILDER_OVERFLOW, RSTORE_REGION_FULL,
   * RSTORE_NOT_IN_TRANSACTION.
   */
  finish(): Ref<any>
  discard(): void
}

/** Options, checked. */
export interface Plan {
  /** −1: none. */
  readonly capacity: number
  readonly io: boolean
}

export function planOf(options: BuilderOptions | undefined, stride: number): Plan {
  if (options !== undefined) checkOptionNames(options, 'builder', ['capacity', 'io'])
  const { capacity, io = false } = options ?? {}
  if (typeof io !== 'boolean') throw new TypeError(`io: expected true or false, got ${String(io)}`)
  if (capacity === undefined) {
    if (io) throw new TypeError('io: true needs a capacity: the guard is behind the last element')
    return { capacity: -1, io }
  }
  if (typeof capacity !== 'number') {
    throw new TypeError(`capacity: expected a number of elements, got ${typeof capacity}`)
  }
  const most = Math.floor((LARGEST_CELL_BYTES - ELEMENTS_OFFSET) / stride)
  if (!Number.isInteger(capacity) || capacity < 0 || capacity > most) {
    throw new RangeError(`capacity: ${capacity} is not a whole number from 0 to ${most}`)
  }
  return { capacity, io }
}
