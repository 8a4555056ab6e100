/**
 * Trees with keys of 8 bytes, compared as unsigned integers: the low half first, as the machine
 * stores them.
 */
import { C } from '../../formats/index.js'
import { type Ref, wordIndexOf } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { FixedTree } from './fixed.js'
import { PairKey } from './keys.js'
import { ENTRIES, FIRST_CHILD, HEAD, throwCorrupt } from './node.js'

const { NODE_ANCHOR, NODE_LEAF_FIXED } = C

/** Index of the first of `count` sorted pairs from word `base` on that is not below the key. */
function lowerBound(u32: Uint32Array, base: number, count: number, key: PairKey): number {
  const wantedHigh = key.high >>> 0
  const wantedLow = key.low >>> 0
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    const half = u32[base + middle * 2 + 1]!
    if (half < wantedHigh || (half === wantedHigh && u32[base + middle * 2]! < wantedLow)) {
      low = middle + 1
    } else high = middle
  }
  return low
}

/** The same for the first that is above the key. */
function upperBound(u32: Uint32Array, base: number, count: number, key: PairKey): number {
  const wantedHigh = key.high >>> 0
  const wantedLow = key.low >>> 0
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    const half = u32[base + middle * 2 + 1]!
    if (half < wantedHigh || (half === wantedHigh && u32[base + middle * 2]! <= wantedLow)) {
      low = middle + 1
    } else high = middle
  }
  return low
}

export class TreeU64 extends FixedTree<PairKey> {
  constructor(space: Space, root: Ref, valueBytes: number, maximumEntries: number) {
    super(space, root, 8, valueBytes, maximumEntries)
  }

  override find(key: PairKey): number {
    this.descend(key)
    const { u32 } = this.window
    const at = this.leafAt
    const count = u32[at + HEAD]! >>> 16
    const index = lowerBound(u32, at + ENTRIES, count, key)
    const word = at + ENTRIES + index * 2
    if (index === count) return -1
    if (u32[word] !== key.low >>> 0 || u32[word + 1] !== key.high >>> 0) return -1
    const values = this.leaf === this.root ? this.rootValues : this.leafValues
    return at + values + index * this.valueWords
  }

  override descend(key: PairKey): void {
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
      const slot = upperBound(u32, at + ENTRIES, head >>> 16, key)
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

  override indexIn(leaf: number, key: PairKey): number {
    const { u32 } = this.windows[leaf >>> 28]!
    const at = wordIndexOf(leaf)
    return lowerBound(u32, at + ENTRIES, u32[at + HEAD]! >>> 16, key)
  }

  override isAt(leaf: number, index: number, key: PairKey): boolean {
    const { u32 } = this.windows[leaf >>> 28]!
    const at = wordIndexOf(leaf)
    if (index >= u32[at + HEAD]! >>> 16) return false
    const word = at + ENTRIES + index * 2
    return u32[word] === key.low >>> 0 && u32[word + 1] === key.high >>> 0
  }

  override slotOf(node: number, key: PairKey): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    return upperBound(u32, at + ENTRIES, u32[at + HEAD]! >>> 16, key)
  }

  override keyAt(node: number, index: number, into: PairKey): PairKey {
    const { u32 } = this.windows[node >>> 28]!
    const word = wordIndexOf(node) + ENTRIES + index * 2
    into.low = u32[word]!
    into.high = u32[word + 1]!
    return into
  }

  override storeKey(window: Window, word: number, key: PairKey): void {
    window.u32[word] = key.low
    window.u32[word + 1] = key.high
  }

  override compare(a: PairKey, b: PairKey): number {
    const order = (a.high >>> 0) - (b.high >>> 0)
    return order !== 0 ? order : (a.low >>> 0) - (b.low >>> 0)
  }

  override copyKey(key: PairKey, into: PairKey): PairKey {
    into.high = key.high
    into.low = key.low
    return into
  }

  override newKey(): PairKey {
    return new PairKey()
  }
}
