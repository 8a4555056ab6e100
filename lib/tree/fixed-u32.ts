/** Trees with keys of 4 bytes, compared as unsigned numbers. */
import { C } from '../../formats/index.js'
import { type Ref, wordIndexOf } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { FixedTree } from './fixed.js'
import { ENTRIES, FIRST_CHILD, HEAD, throwCorrupt } from './node.js'

const { NODE_ANCHOR, NODE_LEAF_FIXED } = C

/** Up to this many keys are searched without a guess. */
const FEW = 8
/** How far a guess may be off, where keys are about evenly spread over their range. */
const NEAR = 16

/**
 * Index of the first of `count` sorted words from `base` on that is above `key`, behind `base`.
 *
 * Where the key is between the first and the last says about where it is: in a node whose keys are
 * evenly spread the guess is right, and nothing has to be guessed by the processor; in others it is
 * one step of the search.
 */
function upperBound(u32: Uint32Array, base: number, count: number, key: number): number {
  let low = 0
  let high = count
  if (count > FEW) {
    const first = u32[base]!
    const last = u32[base + count - 1]!
    if (key < first) return 0
    if (key >= last) return count
    const guess = (((key - first) * (count - 1)) / (last - first)) | 0
    if (u32[base + guess]! <= key) {
      if (u32[base + guess + 1]! > key) return guess + 1
      low = guess + 2
      if (low + NEAR < count && u32[base + low + NEAR]! > key) high = low + NEAR
    } else {
      high = guess
      if (high > NEAR && u32[base + high - NEAR]! <= key) low = high - NEAR + 1
    }
  }
  while (low < high) {
    const middle = (low + high) >>> 1
    if (u32[base + middle]! <= key) low = middle + 1
    else high = middle
  }
  return low
}

/** The same for the first that is not below `key`. */
function lowerBound(u32: Uint32Array, base: number, count: number, key: number): number {
  return key === 0 ? 0 : upperBound(u32, base, count, key - 1)
}

export class TreeU32 extends FixedTree<number> {
  constructor(space: Space, root: Ref, valueBytes: number, maximumEntries: number) {
    super(space, root, 4, valueBytes, maximumEntries)
  }

  override find(key: number): number {
    const wanted = key >>> 0
    const distance = wanted - this.lowestBelow(wanted)
    const { u32 } = this.window
    const at = this.leafAt
    const count = u32[at + HEAD]! >>> 16
    const values = this.leaf === this.root ? this.rootValues : this.leafValues
    // Where keys are numbered through. What is read first does not have to wait for the header.
    if (distance < count && u32[at + ENTRIES + distance] === wanted) {
      return at + values + distance * this.valueWords
    }
    const index = lowerBound(u32, at + ENTRIES, count, wanted)
    if (index === count || u32[at + ENTRIES + index] !== wanted) return -1
    return at + values + index * this.valueWords
  }

  /** A key that is there already may be where it would be if keys were numbered through. */
  override place(key: number): number {
    const wanted = key >>> 0
    const distance = wanted - this.lowestBelow(wanted)
    const { u32 } = this.window
    const at = this.leafAt
    if (distance >= u32[at + HEAD]! >>> 16 || u32[at + ENTRIES + distance] !== wanted) {
      return this.placeInLeaf(key)
    }
    this.inserted = false
    const values = this.leaf === this.root ? this.rootValues : this.leafValues
    return at + values + distance * this.valueWords
  }

  override descend(key: number): void {
    this.lowestBelow(key >>> 0)
  }

  /** Goes to the leaf of a key. Gives the lowest key that may be in it, or 0. */
  private lowestBelow(wanted: number): number {
    const { windows } = this
    let ref: number = this.root
    let window = this.rootWindow
    let at = this.rootAt
    let lowest = 0
    let head = window.u32[at + HEAD]!
    if ((head & 0xff) === NODE_ANCHOR) {
      ref = window.u32[at + FIRST_CHILD]!
      window = windows[ref >>> 28]!
      at = wordIndexOf(ref)
      head = window.u32[at + HEAD]!
    }
    for (let level = (head >>> 8) & 0xff; level > 0; level--) {
      const { u32 } = window
      const slot = upperBound(u32, at + ENTRIES, head >>> 16, wanted)
      if (slot === 0) ref = u32[at + FIRST_CHILD]!
      else {
        lowest = u32[at + ENTRIES + slot - 1]!
        ref = u32[at + this.innerValues + slot - 1]!
      }
      window = windows[ref >>> 28]!
      at = wordIndexOf(ref)
      head = window.u32[at + HEAD]!
    }
    if ((head & 0xffff) !== NODE_LEAF_FIXED) throwCorrupt(this.space, this.root, ref)
    this.leaf = ref
    this.leafAt = at
    this.window = window
    return lowest
  }

  override indexIn(leaf: number, key: number): number {
    const { u32 } = this.windows[leaf >>> 28]!
    const at = wordIndexOf(leaf)
    const count = u32[at + HEAD]! >>> 16
    // Ascending keys come in behind the last.
    if (count === 0 || u32[at + ENTRIES + count - 1]! < key >>> 0) return count
    return lowerBound(u32, at + ENTRIES, count, key >>> 0)
  }

  override isAt(leaf: number, index: number, key: number): boolean {
    const { u32 } = this.windows[leaf >>> 28]!
    const at = wordIndexOf(leaf)
    return index < u32[at + HEAD]! >>> 16 && u32[at + ENTRIES + index] === key >>> 0
  }

  override slotOf(node: number, key: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    return upperBound(u32, at + ENTRIES, u32[at + HEAD]! >>> 16, key >>> 0)
  }

  override keyAt(node: number, index: number): number {
    return this.windows[node >>> 28]!.u32[wordIndexOf(node) + ENTRIES + index]!
  }

  override storeKey(window: Window, word: number, key: number): void {
    window.u32[word] = key
  }

  override compare(a: number, b: number): number {
    return a - b
  }

  override copyKey(key: number): number {
    return key
  }

  override newKey(): number {
    return 0
  }
}
