/**
 * What trees with keys of any length work in. It belongs to all trees of a thread: none keeps
 * anything here between two calls, and no call of one is inside of a call of another. So opening
 * a tree, which whoever reads a nested map does for each record, allocates none of it.
 */
import { C } from '../../formats/index.js'
import { Window } from '../space/window.js'
import { KeyBuffer } from './keys.js'
import { LARGEST_PREFIX_BYTES } from './slotted-reader.js'

/**
 * Pages of plain memory, for what is rebuilt: two for siblings, one for a node that is made compact
 * meanwhile.
 */
export const scratch = new Window(new ArrayBuffer(3 * C.PAGE_BYTES))
export const COMPACTED = 2

/** A fence: a key, or none at the edge of the tree. */
export class Fence {
  readonly key = new KeyBuffer()
  open = true

  set(key: KeyBuffer): void {
    this.key.copyFrom(key)
    this.open = false
  }

  become(other: Fence): void {
    this.open = other.open
    if (!other.open) this.key.copyFrom(other.key)
  }
}

/** Of the node that a descent has reached. */
export const nodeLow = new Fence()
export const nodeHigh = new Fence()
/** Of the child, or children, that are split or joined, and what stands between them. */
export const childLow = new Fence()
export const childHigh = new Fence()
export const middle = new Fence()
/** The keys on both sides of a separator. */
export const keyBefore = new KeyBuffer()
export const keyAfter = new KeyBuffer()
/** Of a node in scratch memory. */
export const prefixKey = new KeyBuffer(LARGEST_PREFIX_BYTES)
/** An entry that goes from one prefix to another. */
export const movedKey = new KeyBuffer()
