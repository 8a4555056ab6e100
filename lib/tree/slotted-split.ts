/**
 * Trees with keys of any length: how their nodes split, merge and even out, by bytes and not by
 * entries.
 *
 *  T1. A separator is as short as it can be: of the first key to its right, as many bytes as it
 *      takes to be above the last key to its left. One that goes up from an inner node goes as it
 *      is, with the cell it may own.
 *  T2. A node gets its prefix when it is built: the bytes that both fences share, or what it had
 *      before where that takes less room. Fences of a node change only when it is built anew, so
 *      its prefix stays right (N1).
 *  T3. An inner node has room when the largest possible separator fits. So an insertion never finds
 *      its separator too long (B2). Evening out replaces a separator by another that may be longer,
 *      and is left undone where the parent has no room for that (B3).
 *  T4. What is built is measured before anything is written: with a shorter prefix entries grow,
 *      and might not fit.
 *  T5. While a loader runs, the last leaf of the tree may have a prefix though there is no fence on
 *      its right (against N1): it is *tight*, filled as densely as it will be kept. The loader sees
 *      to it that only keys with this prefix come into it, that the separator behind it has this
 *      prefix when the next leaf is begun, and that it is loose again in the end.
 */
import { C } from '../../formats/index.js'
import { wordIndexOf } from '../space/ref.js'
import type { KeyBuffer } from './keys.js'
import { ENTRIES, FIRST_CHILD, HEAD, HEAP, PREFIX } from './node.js'
import { SlottedNodes } from './slotted-nodes.js'
import { HEADER_BYTES, INLINE_KEY_BYTES, LARGEST_ENTRY_BYTES } from './slotted-reader.js'
import { LARGEST_PREFIX_BYTES, SLOT_BYTES, SPILLED, sharedBytes } from './slotted-reader.js'
import {
  type Fence, childHigh, childLow, keyAfter, keyBefore, middle, nodeHigh, nodeLow, prefixKey,
  scratch,
} from './slotted-scratch.js'

export const ROOM_BYTES = C.PAGE_BYTES - HEADER_BYTES

/** T2: how many bytes all keys between two fences share, as far as a prefix may be long. */
export const prefixBetween = (low: Fence, high: Fence): number =>
  low.open || high.open ? 0 : sharedBytes(low.key, high.key, LARGEST_PREFIX_BYTES)

/**
 * Why a loader splits the last leaf: it goes on in a new one, or ends and must not leave it tight.
 */
const CLOSING = 1
const LOOSENING = 2

export abstract class SlottedSplits extends SlottedNodes {
  private loading = 0

  protected override openFences(): void {
    nodeLow.open = true
    nodeHigh.open = true
  }

  protected override narrowFences(node: number, slot: number): void {
    this.fencesAround(node, slot, slot)
    nodeLow.become(childLow)
    nodeHigh.become(childHigh)
  }

  /** The fences around some children of a node whose own fences are known. */
  protected fencesAround(node: number, firstSlot: number, lastSlot: number): void {
    if (firstSlot === 0) childLow.become(nodeLow)
    else childLow.set(this.keyAt(node, firstSlot - 1, keyBefore))
    if (lastSlot === this.countOf(node)) childHigh.become(nodeHigh)
    else childHigh.set(this.keyAt(node, lastSlot, keyBefore))
  }

  // ───────── splitting ─────────

  protected override split(parent: number, slot: number, key: KeyBuffer): void {
    const left = this.childAt(parent, slot)
    this.fencesAround(parent, slot, slot)
    if (this.levelOf(left) > 0) this.splitInner(parent, slot, left, key)
    else this.splitLeaf(parent, slot, left, key)
  }

  /** B5, T1. */
  private splitLeaf(parent: number, slot: number, left: number, key: KeyBuffer): void {
    const count = this.countOf(left)
    const cut = this.cutOf(left, count, key)
    const before = this.keyAt(left, cut - 1, keyBefore)
    const after = cut === count ? key : this.keyAt(left, cut, keyAfter)
    this.separate(before, after, this.prefixBytesOf(left))
    const right = this.space.allocatePage(C.TYPE_NODE)
    const spill = this.spillSeparator()
    this.link(parent, slot, right, spill)
    const at = this.toScratch(left, 0)
    this.build(left, childLow, middle, at, 0, cut, cut === count ? left : 0)
    this.build(right, middle, childHigh, at, cut, count)
  }

  /** How many entries stay in a leaf that is split. */
  private cutOf(left: number, count: number, key: KeyBuffer): number {
    if (this.loading === CLOSING) return count
    if (this.loading === LOOSENING) return this.looseCut(left, count)
    return this.indexIn(left, key) === count ? count : this.middleOf(left, 1, count - 1)
  }

  private splitInner(parent: number, slot: number, left: number, key: KeyBuffer): void {
    const count = this.countOf(left)
    const appended = this.slotOf(left, key) === count
    const cut = appended ? count - 2 : this.middleOf(left, 1, count - 2)
    middle.set(this.keyAt(left, cut, keyAfter))
    const right = this.space.allocatePage(C.TYPE_NODE)
    this.link(parent, slot, right, this.spillAt(left, cut))
    const at = this.toScratch(left, 0)
    this.build(left, childLow, middle, at, 0, cut)
    this.build(right, middle, childHigh, at, cut + 1, count)
    this.setFirstChild(right, scratchChild(at, cut))
  }

  /**
   * The index from `first` to `last` at which the entries before take about half of what all take.
   */
  private middleOf(node: number, first: number, last: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    const count = u32[at + HEAD]! >>> 16
    const bytes = this.measure(u32, at, 0, count, u32[at + PREFIX]! & 0xffff)
    let index = first
    let before = this.measure(u32, at, 0, first, u32[at + PREFIX]! & 0xffff)
    while (index < last && before * 2 < bytes) {
      before += this.measure(u32, at, index, index + 1, u32[at + PREFIX]! & 0xffff)
      index++
    }
    return index
  }

  /**
   * T1: the separator between two keys becomes `middle`. It has the first `leastBytes` of the first
   * key: where the second key has not (T5), it is the first key with a zero behind it.
   */
  protected separate(before: KeyBuffer, after: KeyBuffer, leastBytes: number): void {
    const shared = sharedBytes(before, after, Infinity)
    const { key } = middle
    middle.open = false
    if (shared >= leastBytes) key.assign(after.u8, 0, shared + 1)
    else {
      key.reserve(before.length + 1)
      key.copyFrom(before)
      key.u8[key.length++] = 0
    }
  }

  prefixBytesOf(node: number): number {
    return this.windows[node >>> 28]!.u32[wordIndexOf(node) + PREFIX]! & 0xffff
  }

  protected spillSeparator(): number {
    return middle.key.length > INLINE_KEY_BYTES ? this.spill(middle.key) : 0
  }

  /** Puts `middle` and the child behind it into a parent that has room. */
  protected link(parent: number, slot: number, child: number, spill: number): void {
    const word = this.insertEntry(parent, slot, middle.key, spill)
    this.windows[parent >>> 28]!.u32[word] = child
  }

  /** The page of `child` is all marked. */
  private setFirstChild(node: number, child: number): void {
    this.windows[node >>> 28]!.u32[wordIndexOf(node) + FIRST_CHILD] = child
  }

  // ───────── building ─────────

  /** Bytes of entries and their slots behind a prefix of `prefixBytes`. */
  protected measure(
    u32: Uint32Array, at: number, from: number, to: number, prefixBytes: number,
  ): number {
    const valueBytes = this.valueBytesAt(u32, at)
    const longer = (u32[at + PREFIX]! & 0xffff) - prefixBytes
    let bytes = (to - from) * SLOT_BYTES
    for (let index = from; index < to; index++) {
      const keyBytes = u32[at + ENTRIES + index * 2 + 1]! >>> 16
      bytes += this.entryBytes(keyBytes === SPILLED ? SPILLED : keyBytes + longer, valueBytes)
    }
    return bytes
  }

  /**
   * T2: makes a node of the entries [from, to) of one in scratch memory. They fit with the prefix
   * they had. `unmoved` is a node that has just these: where it keeps its prefix it stays as it is.
   */
  private build(
    node: number, low: Fence, high: Fence, source: number, from: number, to: number,
    unmoved = 0,
  ): void {
    const words = scratch.u32
    const valueBytes = this.valueBytesAt(words, source)
    const old = words[source + PREFIX]! & 0xffff
    const shared = prefixBetween(low, high)
    const bytesOf = (prefixBytes: number): number =>
      this.align(prefixBytes, valueBytes) + this.measure(words, source, from, to, prefixBytes)
    const isBetter = shared > old && bytesOf(shared) <= bytesOf(old)
    const prefixBytes = isBetter ? shared : Math.min(shared, old)
    if (prefixBytes === old && node === unmoved) return
    const key = isBetter ? low.key : this.readPrefix(scratch, source, prefixKey)
    const level = (words[source + HEAD]! >>> 8) & 0xff
    this.rebuild(node, level, words[source + FIRST_CHILD]!, key, prefixBytes)
    for (let index = from; index < to; index++) this.appendFrom(node, source, index)
  }

  // ───────── loading (T5) ─────────

  override hasRoom(node: number, key: KeyBuffer): boolean {
    if (this.loading !== 0 && this.levelOf(node) === 0) return false
    return super.hasRoom(node, key)
  }

  /**
   * Gives the last leaf the prefix that its keys and `key` share; false when this makes no room.
   */
  tighten(leaf: number, key: KeyBuffer): boolean {
    this.openFences()
    for (let node = this.top(); this.levelOf(node) > 0; ) {
      const slot = this.countOf(node)
      this.narrowFences(node, slot)
      node = this.childAt(node, slot)
    }
    if (nodeLow.open) return false
    const prefixBytes = sharedBytes(nodeLow.key, key, LARGEST_PREFIX_BYTES)
    if (prefixBytes <= this.prefixBytesOf(leaf)) return false
    const count = this.countOf(leaf)
    const at = this.toScratch(leaf, 0)
    const bytes = this.align(prefixBytes, this.valueBytes) +
      this.measure(scratch.u32, at, 0, count, prefixBytes)
    if (bytes + LARGEST_ENTRY_BYTES > ROOM_BYTES) return false
    this.rebuild(leaf, 0, 0, nodeLow.key, prefixBytes)
    for (let index = 0; index < count; index++) this.appendFrom(leaf, at, index)
    return true
  }

  /** Adds a key behind the last entry of the last leaf, which has room and is all marked. */
  appendTo(leaf: number, key: KeyBuffer): number {
    const spill = key.length > INLINE_KEY_BYTES ? this.spill(key) : 0
    const { u32 } = this.window = this.windows[leaf >>> 28]!
    if (u32[wordIndexOf(leaf) + HEAP]! >>> 16 !== 0) this.compact(leaf)
    const value = this.appendKey(leaf, key, spill)
    for (let i = 0; i < this.valueBytes >>> 2; i++) u32[value + i] = 0
    this.addEntries(1)
    return value
  }

  /** Begins a new last leaf, for `key`. */
  closeLeaf(key: KeyBuffer): number {
    this.splitLast(CLOSING, key)
    return this.leaf
  }

  /** Where there is no space for it, the tree must not go on splitting as a loader wants it. */
  private splitLast(why: number, key: KeyBuffer): void {
    this.loading = why
    try {
      this.makeRoom(key)
    } finally {
      this.loading = 0
    }
  }

  /**
   * Takes the prefix off the last leaf, whose last key is `last`; in two, if it is too much for
   * one.
   */
  loosen(leaf: number, last: KeyBuffer): void {
    if (this.prefixBytesOf(leaf) === 0) return
    const count = this.countOf(leaf)
    const at = this.toScratch(leaf, 0)
    if (this.measure(scratch.u32, at, 0, count, 0) <= ROOM_BYTES) {
      this.rebuild(leaf, 0, 0, last, 0)
      for (let index = 0; index < count; index++) this.appendFrom(leaf, at, index)
      return
    }
    this.splitLast(LOOSENING, last)
  }

  /** As many entries go on as fill half a page without a prefix, one at least. */
  private looseCut(leaf: number, count: number): number {
    const { u32 } = this.windows[leaf >>> 28]!
    const at = wordIndexOf(leaf)
    let cut = count - 1
    let bytes = this.measure(u32, at, cut, count, 0)
    while (cut > 1 && bytes < ROOM_BYTES / 2) {
      cut--
      bytes += this.measure(u32, at, cut, cut + 1, 0)
    }
    return cut
  }
}

/** The child behind a key of an inner node in scratch memory. */
export const scratchChild = (at: number, index: number): number =>
  scratch.u32[at + ((scratch.u32[at + ENTRIES + index * 2 + 1]! & 0xffff) >>> 2)]!
