/**
 * Trees with keys of any length: how siblings merge and even out. The argument is in
 * slotted-split.ts (T1 to T5).
 */
import { type Ref, wordIndexOf } from '../space/ref.js'
import { KeyBuffer } from './keys.js'
import { SlottedLoader } from './loader.js'
import { FIRST_CHILD, PAGE_WORDS, PREFIX } from './node.js'
import { HEADER_BYTES, INLINE_KEY_BYTES, LARGEST_ENTRY_BYTES } from './slotted-reader.js'
import { SLOT_BYTES, SPILLED } from './slotted-reader.js'
import { childHigh, childLow, keyAfter, keyBefore, middle, scratch } from './slotted-scratch.js'
import { ROOM_BYTES, SlottedSplits, prefixBetween, scratchChild } from './slotted-split.js'
import type { Loader } from './tree.js'

/** Merged nodes are at most this full, so that the next insertion does not split them again. */
const FULL_BYTES = ROOM_BYTES - (ROOM_BYTES >>> 3)

/**
 * Two siblings in scratch memory, as one sequence; between the keys of inner nodes stands the
 * separator.
 */
const pair = {
  level: 0, firstChild: 0, leftCount: 0, count: 0, spill: 0, separator: new KeyBuffer(),
}

export class TreeBytes extends SlottedSplits {
  override loader(between?: () => void): Loader<KeyBuffer> {
    return new SlottedLoader(this, between)
  }

  protected override moveLeaf(from: number, to: number): void {
    const count = this.countOf(from)
    const at = this.toScratch(from, 0)
    this.rebuild(to, 0, 0, middle.key, 0)
    for (let index = 0; index < count; index++) this.appendFrom(to, at, index)
  }

  protected override fitsRoot(leaf: number): boolean {
    const room = this.nodeBytes(this.root) - HEADER_BYTES
    const entries = this.maximumEntries
    return this.usedBytes(leaf) <= room / 2 && this.countOf(leaf) <= entries / 2
  }

  protected override join(parent: number, index: number): void {
    const left = this.childAt(parent, index)
    const right = this.childAt(parent, index + 1)
    const leftCount = this.countOf(left)
    const level = this.levelOf(left)
    this.fencesAround(parent, index, index + 1)
    middle.set(this.keyAt(parent, index, keyAfter))
    const limit = this.maximumEntries - (this.maximumEntries >>> 3)
    const count = leftCount + this.countOf(right) + Number(level > 0)
    const prefixBytes = prefixBetween(childLow, childHigh)
    const bytes = this.joinedBytes(left, right, level, prefixBytes)
    if (count <= limit && bytes <= FULL_BYTES) this.merge(parent, index, left, right, prefixBytes)
    else this.balance(parent, index, left, right)
  }

  private joinedBytes(left: number, right: number, level: number, prefixBytes: number): number {
    const valueBytes = level > 0 ? 4 : this.valueBytes
    let bytes = this.align(prefixBytes, valueBytes)
    for (const node of [left, right]) {
      const { u32 } = this.windows[node >>> 28]!
      bytes += this.measure(u32, wordIndexOf(node), 0, this.countOf(node), prefixBytes)
    }
    if (level === 0) return bytes
    const { length } = middle.key
    const keyBytes = length > INLINE_KEY_BYTES ? SPILLED : length - prefixBytes
    return bytes + SLOT_BYTES + this.entryBytes(keyBytes, 4)
  }

  /** Everything into the left child. */
  private merge(
    parent: number, index: number, left: number, right: number, prefixBytes: number,
  ): void {
    const spill = this.spillAt(parent, index)
    this.readBoth(left, right, spill)
    this.rebuild(left, pair.level, pair.firstChild, childLow.key, prefixBytes)
    this.appendPair(left, 0, pair.count)
    if (pair.level === 0 && spill !== 0) this.space.free(spill as Ref)
    this.removeEntries(parent, index, index + 1)
    this.space.free(right as Ref)
  }

  private readBoth(left: number, right: number, spill: number): void {
    this.toScratch(left, 0)
    this.toScratch(right, 1)
    pair.level = this.levelOf(left)
    pair.firstChild = scratch.u32[FIRST_CHILD]!
    pair.leftCount = this.countOf(left)
    pair.count = pair.leftCount + this.countOf(right) + Number(pair.level > 0)
    pair.spill = spill
    pair.separator.copyFrom(middle.key)
  }

  /**
   * Where an element of the pair is: word index of its node in scratch memory, or −1 for the
   * separator.
   */
  private sourceOf(element: number): number {
    if (element < pair.leftCount) return 0
    return pair.level > 0 && element === pair.leftCount ? -1 : PAGE_WORDS
  }

  private indexOf(element: number): number {
    const { leftCount, level } = pair
    return element < leftCount ? element : element - leftCount - Number(level > 0)
  }

  private appendPair(node: number, from: number, to: number): void {
    for (let element = from; element < to; element++) {
      const source = this.sourceOf(element)
      if (source >= 0) this.appendFrom(node, source, this.indexOf(element))
      else {
        const word = this.appendKey(node, pair.separator, pair.spill)
        this.windows[node >>> 28]!.u32[word] = scratch.u32[PAGE_WORDS + FIRST_CHILD]!
      }
    }
  }

  private pairKey(element: number, into: KeyBuffer): KeyBuffer {
    const source = this.sourceOf(element)
    if (source >= 0) return this.readKey(scratch, source, this.indexOf(element), into)
    into.copyFrom(pair.separator)
    return into
  }

  private measurePair(from: number, to: number, prefixBytes: number): number {
    let bytes = this.align(prefixBytes, pair.level > 0 ? 4 : this.valueBytes)
    for (let element = from; element < to; element++) {
      bytes += this.elementBytes(element, prefixBytes)
    }
    return bytes
  }

  private elementBytes(element: number, prefixBytes: number): number {
    const source = this.sourceOf(element)
    const index = this.indexOf(element)
    if (source < 0) return LARGEST_ENTRY_BYTES
    return this.measure(scratch.u32, source, index, index + 1, prefixBytes)
  }

  /**
   * B3, T3, T4: about as many bytes into one child as into the other; nothing, where that would not
   * fit.
   */
  private balance(parent: number, index: number, left: number, right: number): void {
    if (this.freeBytes(parent) < LARGEST_ENTRY_BYTES) return
    const oldSpill = this.spillAt(parent, index)
    this.readBoth(left, right, oldSpill)
    const { level, count } = pair
    const inner = Number(level > 0)
    const cut = this.cutPair()
    if (level > 0) middle.set(this.pairKey(cut, keyAfter))
    else {
      const before = this.pairKey(cut - 1, keyBefore)
      this.separate(before, this.pairKey(cut, keyAfter), 0)
    }
    const leftPrefix = prefixBetween(childLow, middle)
    const rightPrefix = prefixBetween(middle, childHigh)
    if (this.measurePair(0, cut, leftPrefix) > ROOM_BYTES) return
    if (this.measurePair(cut + inner, count, rightPrefix) > ROOM_BYTES) return
    const spill = level > 0 ? this.pairSpill(cut) : this.spillSeparator()
    const rightFirst = level > 0 ? this.pairChild(cut) : 0
    if (level === 0 && oldSpill !== 0) this.space.free(oldSpill as Ref)
    this.removeEntries(parent, index, index + 1)
    this.link(parent, index, right, spill)
    this.rebuild(left, level, pair.firstChild, childLow.key, leftPrefix)
    this.appendPair(left, 0, cut)
    this.rebuild(right, level, rightFirst, middle.key, rightPrefix)
    this.appendPair(right, cut + inner, count)
  }

  /**
   * The element of the pair that half of the bytes are before; at least one element stays on either
   * side.
   */
  private cutPair(): number {
    const { count, level } = pair
    const prefixBytes = Math.min(...[0, PAGE_WORDS].map((at) => scratch.u32[at + PREFIX]! & 0xffff))
    const bytes = this.measurePair(0, count, prefixBytes)
    const last = count - 1 - Number(level > 0)
    let cut = 1
    let before = this.elementBytes(0, prefixBytes)
    while (cut < last && before * 2 < bytes) {
      before += this.elementBytes(cut, prefixBytes)
      cut++
    }
    return cut
  }

  private pairSpill(element: number): number {
    const source = this.sourceOf(element)
    if (source < 0) return pair.spill
    return this.spillIn(scratch.u32, source, this.indexOf(element))
  }

  /** The child behind an element of a pair of inner nodes. */
  private pairChild(element: number): number {
    const source = this.sourceOf(element)
    return source < 0
      ? scratch.u32[PAGE_WORDS + FIRST_CHILD]!
      : scratchChild(source, this.indexOf(element))
  }
}
