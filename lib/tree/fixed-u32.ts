/** Trees with keys of 4 bytes, compared as unsigned numbers. */
import { C } from '../../formats/index.js'
import type { Ref } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { FixedTree } from './fixed.js'
import { ENTRIES, FIRST_CHILD, HEAD, throwCorrupt, wordOf } from './node.js'

const { NODE_ANCHOR, NODE_LEAF_FIXED } = C

/**
 * Index of the first of `count` sorted words from `base` on that is not below `key`, behind `base`.
 * Where keys are numbered through, the distance from the first says where a key is.
 */
function lowerBound(u32: Uint32Array, base: number, count: number, key: number): number {
  const distance = key - u32[base]!
  if (distance >= 0 && distance < count && u32[base + distance] === key) return distance
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (u32[base + middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The same for the first that is above `key`. */
function upperBound(u32: Uint32Array, base: number, count: number, key: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (u32[base + middle]! <= key) low = middle + 1
    else high = middle
  }
  return low
}

export class TreeU32 extends FixedTree<number> {
  constructor(space: Space, root: Ref, valueBytes: number, maximumEntries: number) {
    super(space, root, 4, valueBytes, maximumEntries)
  }

  override find(key: number): number {
    const wanted = key >>> 0
    this.descend(wanted)
    const { u32 } = this.window
    const at = this.leafAt
    const count = u32[at + HEAD]! >>> 16
    const index = lowerBound(u32, at + ENTRIES, count, wanted)
    if (index === count || u32[at + ENTRIES + index] !== wanted) return -1
    const values = this.leaf === this.root ? this.rootValues : this.leafValues
    return at + values + index * this.valueWords
  }

  override descend(key: number): void {
    const { windows } = this
    const wanted = key >>> 0
    let ref: number = this.root
    let window = this.rootWindow
    let at = this.rootAt
    let head = window.u32[at + HEAD]!
    if ((head & 0xff) === NODE_ANCHOR) {
      ref = window.u32[at + FIRST_CHILD]!
      window = windows[ref >>> 28]!
      at = wordOf(ref)
      head = window.u32[at + HEAD]!
    }
    for (let level = (head >>> 8) & 0xff; level > 0; level--) {
      const { u32 } = window
      const slot = upperBound(u32, at + ENTRIES, head >>> 16, wanted)
      ref = slot === 0 ? u32[at + FIRST_CHILD]! : u32[at + this.innerValues + slot - 1]!
      window = windows[ref >>> 28]!
      at = wordOf(ref)
      head = window.u32[at + HEAD]!
    }
    if ((head & 0xffff) !== NODE_LEAF_FIXED) throwCorrupt(this.space, this.root, ref)
    this.leaf = ref
    this.leafAt = at
    this.window = window
  }

  override indexIn(leaf: number, key: number): number {
    const { u32 } = this.windows[leaf >>> 28]!
    const at = wordOf(leaf)
    return lowerBound(u32, at + ENTRIES, u32[at + HEAD]! >>> 16, key >>> 0)
  }

  override isAt(leaf: number, index: number, key: number): boolean {
    const { u32 } = this.windows[leaf >>> 28]!
    const at = wordOf(leaf)
    return index < u32[at + HEAD]! >>> 16 && u32[at + ENTRIES + index] === key >>> 0
  }

  override slotOf(node: number, key: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordOf(node)
    return upperBound(u32, at + ENTRIES, u32[at + HEAD]! >>> 16, key >>> 0)
  }

  override keyAt(node: number, index: number): number {
    return this.windows[node >>> 28]!.u32[wordOf(node) + ENTRIES + index]!
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
