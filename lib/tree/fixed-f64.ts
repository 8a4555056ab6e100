/** Trees with keys of 8 bytes, compared as doubles: never NaN, never −0. */
import { C } from '../../formats/index.js'
import { type Ref, wordIndexOf } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { FixedTree } from './fixed.js'
import { ENTRIES, FIRST_CHILD, HEAD, throwCorrupt } from './node.js'

const { NODE_ANCHOR, NODE_LEAF_FIXED } = C

/**
 * Index of the first of `count` sorted doubles from `base` on that is not below `key`, behind
 * `base`.
 */
function lowerBound(f64: Float64Array, base: number, count: number, key: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (f64[base + middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The same for the first that is above `key`. */
function upperBound(f64: Float64Array, base: number, count: number, key: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (f64[base + middle]! <= key) low = middle + 1
    else high = middle
  }
  return low
}

export class TreeF64 extends FixedTree<number> {
  constructor(space: Space, root: Ref, valueBytes: number, maximumEntries: number) {
    super(space, root, 8, valueBytes, maximumEntries)
  }

  override find(key: number): number {
    this.descend(key)
    const { f64, u32 } = this.window
    const at = this.leafAt
    const keys = (at + ENTRIES) >>> 1
    const count = u32[at + HEAD]! >>> 16
    const index = lowerBound(f64, keys, count, key)
    if (index === count || f64[keys + index] !== key) return -1
    const values = this.leaf === this.root ? this.rootValues : this.leafValues
    return at + values + index * this.valueWords
  }

  override descend(key: number): void {
    const { windows } = this
    let ref: number = this.root
    let window = this.rootWindow
    let at = this.rootAt
    let head = window.u32[at + HEAD]!
    if ((head & 0xff) === NODE_ANCHOR) {
      ref = window.u32[at + FIRST_CHILD]!
      window = windows[ref >>> 28]!
      at = wordIndexOf(ref)
      head = window.u32[at + HEAD]!
    }
    for (let level = (head >>> 8) & 0xff; level > 0; level--) {
      const { u32 } = window
      const slot = upperBound(window.f64, (at + ENTRIES) >>> 1, head >>> 16, key)
      ref = slot === 0 ? u32[at + FIRST_CHILD]! : u32[at + this.innerValues + slot - 1]!
      window = windows[ref >>> 28]!
      at = wordIndexOf(ref)
      head = window.u32[at + HEAD]!
    }
    if ((head & 0xffff) !== NODE_LEAF_FIXED) throwCorrupt(this.space, this.root, ref)
    this.leaf = ref
    this.leafAt = at
    this.window = window
  }

  override indexIn(leaf: number, key: number): number {
    const { f64, u32 } = this.windows[leaf >>> 28]!
    const at = wordIndexOf(leaf)
    return lowerBound(f64, (at + ENTRIES) >>> 1, u32[at + HEAD]! >>> 16, key)
  }

  override isAt(leaf: number, index: number, key: number): boolean {
    const { f64, u32 } = this.windows[leaf >>> 28]!
    const at = wordIndexOf(leaf)
    return index < u32[at + HEAD]! >>> 16 && f64[((at + ENTRIES) >>> 1) + index] === key
  }

  override slotOf(node: number, key: number): number {
    const { f64, u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    return upperBound(f64, (at + ENTRIES) >>> 1, u32[at + HEAD]! >>> 16, key)
  }

  override keyAt(node: number, index: number): number {
    return this.windows[node >>> 28]!.f64[((wordIndexOf(node) + ENTRIES) >>> 1) + index]!
  }

  override storeKey(window: Window, word: number, key: number): void {
    window.f64[word >>> 1] = key
  }

  override compare(a: number, b: number): number {
    return a < b ? -1 : Number(a > b)
  }

  override copyKey(key: number): number {
    return key
  }

  override newKey(): number {
    return 0
  }
}
