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
 */
import { C } from '../../formats/index.js'
import type { Ref } from '../space/ref.js'
import { KeyBuffer } from './keys.js'
import { ENTRIES, FIRST_CHILD, HEAD, HEAP, PAGE_WORDS, PREFIX } from './node.js'
import { WIDTHS, widthsOf, wordOf } from './node.js'
import { SlottedNodes, scratch } from './slotted-nodes.js'
import { HEADER_BYTES, INLINE_KEY_BYTES, LARGEST_ENTRY_BYTES } from './slotted-reader.js'
import { LARGEST_PREFIX_BYTES, SLOT_BYTES, SPILLED, headAt, sharedBytes } from './slotted-reader.js'

const { NODE_INNER_SLOTTED, NODE_LEAF_SLOTTED, TYPE_SPILL } = C
const ROOM_BYTES = C.PAGE_BYTES - HEADER_BYTES
/**
 * Merged and evened out nodes are at most this full, so that the next insertion does not split them
 * again.
 */
const FULL_BYTES = ROOM_BYTES - (ROOM_BYTES >>> 3)

/** A fence: a key, or none at the edge of the tree. */
class Fence {
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

/** T2: how many bytes all keys between two fences share, as far as a prefix may be long. */
const prefixBetween = (low: Fence, high: Fence): number =>
  low.open || high.open ? 0 : sharedBytes(low.key, high.key, LARGEST_PREFIX_BYTES)

export class TreeBytes extends SlottedNodes {
  /** Of the node that a descent has reached. */
  private readonly low = new Fence()
  private readonly high = new Fence()
  /** Of the child, or children, that are split or joined, and what stands between them. */
  private readonly childLow = new Fence()
  private readonly childHigh = new Fence()
  private readonly middle = new Fence()
  private readonly keyBefore = new KeyBuffer()
  private readonly keyAfter = new KeyBuffer()

  protected override openFences(): void {
    this.low.open = true
    this.high.open = true
  }

  protected override narrowFences(node: number, slot: number): void {
    this.fencesAround(node, slot, slot)
    this.low.become(this.childLow)
    this.high.become(this.childHigh)
  }

  /** The fences around some children of a node whose own fences are known. */
  private fencesAround(node: number, firstSlot: number, lastSlot: number): void {
    if (firstSlot === 0) this.childLow.become(this.low)
    else this.childLow.set(this.keyAt(node, firstSlot - 1, this.keyBefore))
    if (lastSlot === this.countOf(node)) this.childHigh.become(this.high)
    else this.childHigh.set(this.keyAt(node, lastSlot, this.keyBefore))
  }

  protected override moveLeaf(from: number, to: number): void {
    const count = this.countOf(from)
    const at = this.toScratch(from, 0)
    this.rebuild(to, 0, 0, this.middle.key, 0)
    for (let index = 0; index < count; index++) this.appendFrom(to, at, index)
  }

  protected override fitsRoot(leaf: number): boolean {
    const room = this.nodeBytes(this.root) - HEADER_BYTES
    const entries = this.maximumEntries
    return this.usedBytes(leaf) <= room / 2 && this.countOf(leaf) <= entries / 2
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
    const appended = this.indexIn(left, key) === count
    const cut = appended ? count : this.middleOf(left, 1, count - 1)
    const before = this.keyAt(left, cut - 1, this.keyBefore)
    this.separate(before, appended ? key : this.keyAt(left, cut, this.keyAfter))
    const right = this.space.allocatePage(C.TYPE_NODE)
    const spill = this.spillSeparator()
    this.link(parent, slot, right, spill)
    const at = this.toScratch(left, 0)
    this.build(left, this.childLow, this.middle, at, 0, cut)
    this.build(right, this.middle, this.childHigh, at, cut, count)
  }

  private splitInner(parent: number, slot: number, left: number, key: KeyBuffer): void {
    const count = this.countOf(left)
    const appended = this.slotOf(left, key) === count
    const cut = appended ? count - 2 : this.middleOf(left, 1, count - 2)
    this.middle.set(this.keyAt(left, cut, this.keyAfter))
    const right = this.space.allocatePage(C.TYPE_NODE)
    this.link(parent, slot, right, this.spillAt(left, cut))
    const at = this.toScratch(left, 0)
    this.build(left, this.childLow, this.middle, at, 0, cut)
    this.build(right, this.middle, this.childHigh, at, cut + 1, count)
    this.setFirstChild(right, scratchChild(at, cut))
  }

  /**
   * The index from `first` to `last` at which the entries before take about half of what all take.
   */
  private middleOf(node: number, first: number, last: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordOf(node)
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

  /** T1: the separator between two keys becomes `middle`. */
  private separate(before: KeyBuffer, after: KeyBuffer): void {
    const shared = sharedBytes(before, after, Infinity)
    this.middle.key.assign(after.u8, 0, shared + 1)
    this.middle.open = false
  }

  private spillSeparator(): number {
    return this.middle.key.length > INLINE_KEY_BYTES ? this.spill(this.middle.key) : 0
  }

  /** Puts `middle` and the child behind it into a parent that has room. */
  private link(parent: number, slot: number, child: number, spill: number): void {
    const word = this.insertEntry(parent, slot, this.middle.key, spill)
    this.windows[parent >>> 28]!.u32[word] = child
  }

  /** The page of `child` is all marked. */
  private setFirstChild(node: number, child: number): void {
    this.windows[node >>> 28]!.u32[wordOf(node) + FIRST_CHILD] = child
  }

  // ───────── building ─────────

  /** Bytes of entries and their slots behind a prefix of `prefixBytes`. */
  private measure(
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
   * they had.
   */
  private build(
    node: number, low: Fence, high: Fence, source: number, from: number, to: number,
  ): void {
    const words = scratch.u32
    const valueBytes = this.valueBytesAt(words, source)
    const old = words[source + PREFIX]! & 0xffff
    const shared = prefixBetween(low, high)
    const bytesOf = (prefixBytes: number): number =>
      this.align(prefixBytes, valueBytes) + this.measure(words, source, from, to, prefixBytes)
    const prefixBytes = shared > old && bytesOf(shared) <= bytesOf(old) ? shared : old
    const key = prefixBytes === old ? this.readPrefix(scratch, source) : low.key
    const level = (words[source + HEAD]! >>> 8) & 0xff
    this.rebuild(node, level, words[source + FIRST_CHILD]!, key, prefixBytes)
    for (let index = from; index < to; index++) this.appendFrom(node, source, index)
  }

  // ───────── joining ─────────

  protected override join(parent: number, index: number): void {
    const left = this.childAt(parent, index)
    const right = this.childAt(parent, index + 1)
    const leftCount = this.countOf(left)
    const level = this.levelOf(left)
    this.fencesAround(parent, index, index + 1)
    this.middle.set(this.keyAt(parent, index, this.keyAfter))
    const limit = this.maximumEntries - (this.maximumEntries >>> 3)
    const count = leftCount + this.countOf(right) + Number(level > 0)
    const prefixBytes = prefixBetween(this.childLow, this.childHigh)
    const bytes = this.joinedBytes(left, right, level, prefixBytes)
    if (count <= limit && bytes <= FULL_BYTES) this.merge(parent, index, left, right, prefixBytes)
    else this.balance(parent, index, left, right)
  }

  private joinedBytes(left: number, right: number, level: number, prefixBytes: number): number {
    const valueBytes = level > 0 ? 4 : this.valueBytes
    let bytes = this.align(prefixBytes, valueBytes)
    for (const node of [left, right]) {
      const { u32 } = this.windows[node >>> 28]!
      bytes += this.measure(u32, wordOf(node), 0, this.countOf(node), prefixBytes)
    }
    if (level === 0) return bytes
    const { length } = this.middle.key
    const keyBytes = length > INLINE_KEY_BYTES ? SPILLED : length - prefixBytes
    return bytes + SLOT_BYTES + this.entryBytes(keyBytes, 4)
  }

  /** Everything into the left child. */
  private merge(
    parent: number, index: number, left: number, right: number, prefixBytes: number,
  ): void {
    const spill = this.spillAt(parent, index)
    this.readBoth(left, right, spill)
    const pair = this.pair
    this.rebuild(left, pair.level, pair.firstChild, this.childLow.key, prefixBytes)
    this.appendPair(left, 0, pair.count)
    if (pair.level === 0 && spill !== 0) this.space.free(spill as Ref)
    this.removeEntries(parent, index, index + 1)
    this.space.free(right as Ref)
  }

  /**
   * Two siblings in scratch memory, as one sequence; between the keys of inner nodes stands the
   * separator.
   */
  private readonly pair = {
    level: 0, firstChild: 0, leftCount: 0, count: 0, spill: 0, separator: new KeyBuffer(),
  }

  private readBoth(left: number, right: number, spill: number): void {
    const { pair } = this
    this.toScratch(left, 0)
    this.toScratch(right, 1)
    pair.level = this.levelOf(left)
    pair.firstChild = scratch.u32[FIRST_CHILD]!
    pair.leftCount = this.countOf(left)
    pair.count = pair.leftCount + this.countOf(right) + Number(pair.level > 0)
    pair.spill = spill
    pair.separator.copyFrom(this.middle.key)
  }

  /**
   * Where an element of the pair is: word index of its node in scratch memory, or −1 for the
   * separator.
   */
  private sourceOf(element: number): number {
    if (element < this.pair.leftCount) return 0
    return this.pair.level > 0 && element === this.pair.leftCount ? -1 : PAGE_WORDS
  }

  private indexOf(element: number): number {
    const { leftCount, level } = this.pair
    return element < leftCount ? element : element - leftCount - Number(level > 0)
  }

  private appendPair(node: number, from: number, to: number): void {
    for (let element = from; element < to; element++) {
      const source = this.sourceOf(element)
      if (source >= 0) this.appendFrom(node, source, this.indexOf(element))
      else {
        const word = this.appendKey(node, this.pair.separator, this.pair.spill)
        this.windows[node >>> 28]!.u32[word] = scratch.u32[PAGE_WORDS + FIRST_CHILD]!
      }
    }
  }

  private pairKey(element: number, into: KeyBuffer): KeyBuffer {
    const source = this.sourceOf(element)
    if (source >= 0) return this.readKey(scratch, source, this.indexOf(element), into)
    into.copyFrom(this.pair.separator)
    return into
  }

  private measurePair(from: number, to: number, prefixBytes: number): number {
    let bytes = this.align(prefixBytes, this.pair.level > 0 ? 4 : this.valueBytes)
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
    const { level, count } = this.pair
    const inner = Number(level > 0)
    const cut = this.cutPair()
    if (level > 0) this.middle.set(this.pairKey(cut, this.keyAfter))
    else this.separate(this.pairKey(cut - 1, this.keyBefore), this.pairKey(cut, this.keyAfter))
    const leftPrefix = prefixBetween(this.childLow, this.middle)
    const rightPrefix = prefixBetween(this.middle, this.childHigh)
    if (this.measurePair(0, cut, leftPrefix) > ROOM_BYTES) return
    if (this.measurePair(cut + inner, count, rightPrefix) > ROOM_BYTES) return
    const spill = level > 0 ? this.pairSpill(cut) : this.spillSeparator()
    const rightFirst = level > 0 ? this.pairChild(cut) : 0
    if (level === 0 && oldSpill !== 0) this.space.free(oldSpill as Ref)
    this.removeEntries(parent, index, index + 1)
    this.link(parent, index, right, spill)
    this.rebuild(left, level, this.pair.firstChild, this.childLow.key, leftPrefix)
    this.appendPair(left, 0, cut)
    this.rebuild(right, level, rightFirst, this.middle.key, rightPrefix)
    this.appendPair(right, cut + inner, count)
  }

  /**
   * The element of the pair that half of the bytes are before; at least one element stays on either
   * side.
   */
  private cutPair(): number {
    const { count, level } = this.pair
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
    if (source < 0) return this.pair.spill
    return this.spillIn(scratch.u32, source, this.indexOf(element))
  }

  /** The child behind an element of a pair of inner nodes. */
  private pairChild(element: number): number {
    const source = this.sourceOf(element)
    return source < 0
      ? scratch.u32[PAGE_WORDS + FIRST_CHILD]!
      : scratchChild(source, this.indexOf(element))
  }

  // ───────── checking ─────────

  override damageOf(node: number, low: KeyBuffer | undefined, high: KeyBuffer | undefined): string {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordOf(node)
    const level = this.levelOf(node)
    const kind = level > 0 ? NODE_INNER_SLOTTED : NODE_LEAF_SLOTTED
    const widths = widthsOf(0, level > 0 ? 4 : this.valueBytes)
    if (this.kindOf(node) !== kind) return `kind ${this.kindOf(node)} where ${kind} is expected`
    if (u32[at + WIDTHS] !== widths) return 'values of another width'
    const heapStart = u32[at + HEAP]! & 0xffff
    const slotsEnd = HEADER_BYTES + this.countOf(node) * SLOT_BYTES
    const bytes = this.nodeBytes(node)
    if (slotsEnd > heapStart || heapStart > bytes) return 'slots and heap overlap'
    if (this.countOf(node) > this.maximumEntries) return 'too many entries'
    return this.damageOfPrefix(node, low, high) || this.damageOfEntries(node, heapStart, bytes)
  }

  /** N1. */
  private damageOfPrefix(
    node: number, low: KeyBuffer | undefined, high: KeyBuffer | undefined,
  ): string {
    const window = this.windows[node >>> 28]!
    const prefix = window.u32[wordOf(node) + PREFIX]!
    const bytes = prefix & 0xffff
    if (bytes === 0) return ''
    if ((prefix >>> 16) + bytes > this.nodeBytes(node)) return 'the prefix is outside of the node'
    if (low === undefined || high === undefined) return 'a prefix without a fence'
    const key = this.readPrefix(window, wordOf(node))
    const shared = Math.min(sharedBytes(key, low, bytes), sharedBytes(key, high, bytes))
    return shared === bytes ? '' : 'the prefix is not that of the fences'
  }

  /** N2 to N5. */
  private damageOfEntries(node: number, heapStart: number, nodeBytes: number): string {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordOf(node)
    const valueBytes = this.valueBytesAt(u32, at)
    const prefixBytes = u32[at + PREFIX]! & 0xffff
    const misaligned = valueBytes === 8 ? 7 : 3
    let used = this.align(prefixBytes, valueBytes)
    for (let index = 0; index < this.countOf(node); index++) {
      const slot = u32[at + ENTRIES + index * 2 + 1]!
      const bytes = this.entryBytes(slot >>> 16, valueBytes)
      const offset = slot & 0xffff
      if (offset < heapStart || offset + bytes > nodeBytes || (offset & misaligned) !== 0) {
        return `entry ${index} is outside of the heap`
      }
      if (slot >>> 16 === SPILLED && !this.isSpill(this.spillAt(node, index))) {
        return `entry ${index} has no cell with its key`
      }
      const key = this.keyAt(node, index, this.keyBefore)
      if (u32[at + ENTRIES + index * 2] !== headAt(key, prefixBytes)) {
        return `the head of key ${index} is wrong`
      }
      used += bytes
    }
    const garbage = u32[at + HEAP]! >>> 16
    return used + garbage === nodeBytes - heapStart ? '' : 'the heap does not add up'
  }

  private isSpill(ref: number): boolean {
    const window = this.windows[ref >>> 28]
    const word = wordOf(ref)
    if (ref === 0 || window === undefined || word + 3 > window.u32.length) return false
    const { u32 } = window
    const room = (u32[word]! & C.CELL_SIZE_MASK) * 8 - 12
    return (u32[word + 1]! & 0xffff) === TYPE_SPILL && u32[word + 2]! <= room
  }
}

/** The child behind a key of an inner node in scratch memory. */
const scratchChild = (at: number, index: number): number =>
  scratch.u32[at + ((scratch.u32[at + ENTRIES + index * 2 + 1]! & 0xffff) >>> 2)]!
