/**
 * Slotted nodes, changed in place and built anew: what N1 to N5 of slotted-reader.ts say is kept.
 */
import { C } from '../../formats/index.js'
import { type Ref, wordIndexOf } from '../space/ref.js'
import type { KeyBuffer } from './keys.js'
import { ENTRIES, FIRST_CHILD, HEAD, HEAP, PAGE_WORDS, PREFIX, WIDTHS } from './node.js'
import { headOf, widthsOf } from './node.js'
import { SlottedCheck } from './slotted-check.js'
import { HEADER_BYTES, HEAD_BYTES, INLINE_KEY_BYTES, SLOT_BYTES } from './slotted-reader.js'
import { SPILLED, headAt } from './slotted-reader.js'
import { COMPACTED, movedKey, prefixKey, scratch } from './slotted-scratch.js'

const { NODE_INNER_SLOTTED, NODE_LEAF_SLOTTED, TYPE_SPILL } = C

export abstract class SlottedNodes extends SlottedCheck {
  // ───────── changing ─────────

  protected override format(node: number, level: number, firstChild: number): void {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    this.space.mark(node, HEADER_BYTES)
    u32[at + HEAD] = headOf(level > 0 ? NODE_INNER_SLOTTED : NODE_LEAF_SLOTTED, level, 0)
    u32[at + WIDTHS] = widthsOf(0, level > 0 ? 4 : this.valueBytes)
    if (node !== this.root) u32[at + WIDTHS + 1] = 0
    u32[at + HEAP] = this.nodeBytes(node)
    u32[at + PREFIX] = 0
    u32[at + FIRST_CHILD] = firstChild
  }

  override insertAt(leaf: number, index: number, key: KeyBuffer): number {
    const spill = key.length > INLINE_KEY_BYTES ? this.spill(key) : 0
    const value = this.insertEntry(leaf, index, key, spill)
    const { u32 } = this.windows[leaf >>> 28]!
    for (let i = 0; i < this.valueBytes >>> 2; i++) u32[value + i] = 0
    return value
  }

  /** A cell with a long key. */
  protected spill(key: KeyBuffer): number {
    const ref = this.space.allocate(4 + key.length, TYPE_SPILL)
    const { u8, u32 } = this.space.windowOf(ref)
    const word = wordIndexOf(ref) + 2
    u32[word] = key.length
    u8.set(key.u8.subarray(0, key.length), (word + 1) << 2)
    return ref
  }

  /**
   * Adds an entry; there is room. Gives the word index of its value, which is still to be written.
   */
  protected insertEntry(node: number, index: number, key: KeyBuffer, spill: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    const count = u32[at + HEAD]! >>> 16
    const prefixBytes = u32[at + PREFIX]! & 0xffff
    const keyBytes = spill !== 0 ? SPILLED : key.length - prefixBytes
    const bytes = this.entryBytes(keyBytes, this.valueBytesAt(u32, at))
    const slotsEnd = HEADER_BYTES + (count + 1) * SLOT_BYTES
    if ((u32[at + HEAP]! & 0xffff) - bytes < slotsEnd) this.compact(node)
    if (index < count) this.shiftSlots(node, index, count, 1)
    this.setCount(node, count + 1)
    const offset = (u32[at + HEAP]! & 0xffff) - bytes
    this.space.mark(node + (HEAP >>> 1), 8)
    u32[at + HEAP]! -= bytes
    this.space.mark(node + (ENTRIES >>> 1) + index, SLOT_BYTES)
    this.space.mark(node + (offset >>> 3), bytes + (offset & 4))
    this.writeEntry(node, index, offset, key, spill)
    return at + (offset >>> 2)
  }

  /** Writes slot and key of an entry at an offset of the heap. Marked by the caller. */
  protected writeEntry(
    node: number, index: number, offset: number, key: KeyBuffer, spill: number,
  ): void {
    const { u8, u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    const prefixBytes = u32[at + PREFIX]! & 0xffff
    const keyBytes = spill !== 0 ? SPILLED : key.length - prefixBytes
    const slot = at + ENTRIES + index * 2
    const rest = offset + this.valueBytesAt(u32, at)
    u32[slot] = headAt(key, prefixBytes)
    u32[slot + 1] = offset | (keyBytes << 16)
    if (spill !== 0) {
      u32[at + (rest >>> 2)] = spill
      u32[at + (rest >>> 2) + 1] = key.length
      return
    }
    const source = key.u8
    const from = prefixBytes + HEAD_BYTES
    const bytes = keyBytes - HEAD_BYTES
    const to = (at << 2) + rest
    for (let i = 0; i < bytes; i++) u8[to + i] = source[from + i]!
    for (let i = bytes < 0 ? 0 : bytes; (i & 3) !== 0; i++) u8[to + i] = 0
  }

  private shiftSlots(node: number, from: number, to: number, by: number): void {
    const { u32 } = this.windows[node >>> 28]!
    const first = wordIndexOf(node) + ENTRIES + from * 2
    this.space.mark(node + (ENTRIES >>> 1) + from + by, (to - from) * SLOT_BYTES)
    u32.copyWithin(first + by * 2, first, first + (to - from) * 2)
  }

  override removeSpan(leaf: number, from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const spill = this.spillAt(leaf, index)
      if (spill !== 0) this.space.free(spill as Ref)
    }
    this.removeEntries(leaf, from, to)
  }

  /** Takes entries out; what their keys own is cared for. N5. */
  protected removeEntries(node: number, from: number, to: number): void {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    const count = u32[at + HEAD]! >>> 16
    const valueBytes = this.valueBytesAt(u32, at)
    let garbage = u32[at + HEAP]! >>> 16
    for (let index = from; index < to; index++) {
      garbage += this.entryBytes(u32[at + ENTRIES + index * 2 + 1]! >>> 16, valueBytes)
    }
    this.space.mark(node + (HEAP >>> 1), 8)
    u32[at + HEAP] = (u32[at + HEAP]! & 0xffff) | (garbage << 16)
    if (to < count) this.shiftSlots(node, to, count, from - to)
    this.setCount(node, count - to + from)
  }

  protected override dropKeys(node: number): void {
    const count = this.countOf(node)
    for (let index = 0; index < count; index++) {
      const spill = this.spillAt(node, index)
      if (spill !== 0) this.space.free(spill as Ref)
    }
  }

  /** Moves the entries together, so that all free bytes are in one piece. */
  protected compact(node: number): void {
    const count = this.countOf(node)
    const at = this.toScratch(node, COMPACTED)
    const prefix = this.readPrefix(scratch, at, prefixKey)
    this.rebuild(node, this.levelOf(node), scratch.u32[at + FIRST_CHILD]!, prefix, prefix.length)
    for (let index = 0; index < count; index++) this.appendFrom(node, at, index)
  }

  // ───────── rebuilding ─────────

  /** Copies a node to one of the pages of scratch memory; gives its word index there. */
  protected toScratch(node: number, page: 0 | 1 | 2): number {
    const words = this.nodeBytes(node) / 4
    const from = wordIndexOf(node)
    const at = page * PAGE_WORDS
    scratch.u32.set(this.windows[node >>> 28]!.u32.subarray(from, from + words), at)
    return at
  }

  /** Makes a node empty, with a prefix that the first bytes of `key` are. All of it is marked. */
  protected rebuild(
    node: number, level: number, firstChild: number, key: KeyBuffer, prefixBytes: number,
  ): void {
    const bytes = this.nodeBytes(node)
    this.space.mark(node, bytes)
    this.format(node, level, firstChild)
    if (prefixBytes === 0) return
    const { u8, u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    const offset = bytes - this.align(prefixBytes, level > 0 ? 4 : this.valueBytes)
    const to = (at << 2) + offset
    for (let i = 0; i < prefixBytes; i++) u8[to + i] = key.u8[i]!
    u8.fill(0, to + prefixBytes, (at << 2) + bytes)
    u32[at + HEAP] = offset
    u32[at + PREFIX] = prefixBytes | (offset << 16)
  }

  /** Appends an entry of a node in scratch memory to a node that is being rebuilt. */
  protected appendFrom(node: number, source: number, index: number): void {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    const words = scratch.u32
    const slot = words[source + ENTRIES + index * 2 + 1]!
    const from = source + ((slot & 0xffff) >>> 2)
    const prefixBytes = u32[at + PREFIX]! & 0xffff
    const valueWords = this.valueBytesAt(u32, at) >>> 2
    if (prefixBytes !== (words[source + PREFIX]! & 0xffff)) {
      const key = this.readKey(scratch, source, index, movedKey)
      const value = this.appendKey(node, key, this.spillIn(words, source, index))
      for (let i = 0; i < valueWords; i++) u32[value + i] = words[from + i]!
      return
    }
    const count = u32[at + HEAD]! >>> 16
    const bytes = this.entryBytes(slot >>> 16, valueWords * 4)
    const offset = (u32[at + HEAP]! & 0xffff) - bytes
    const to = at + (offset >>> 2)
    u32[at + HEAD]! += 0x1_0000
    u32[at + HEAP] = offset
    u32[at + ENTRIES + count * 2] = words[source + ENTRIES + index * 2]!
    u32[at + ENTRIES + count * 2 + 1] = offset | (slot & 0xffff_0000)
    for (let i = 0; i < bytes >>> 2; i++) u32[to + i] = words[from + i]!
  }

  /** Appends an entry to a node that is being rebuilt. Gives the word index of its value. */
  protected appendKey(node: number, key: KeyBuffer, spill: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    const count = u32[at + HEAD]! >>> 16
    const keyBytes = spill !== 0 ? SPILLED : key.length - (u32[at + PREFIX]! & 0xffff)
    const bytes = this.entryBytes(keyBytes, this.valueBytesAt(u32, at))
    const offset = (u32[at + HEAP]! & 0xffff) - bytes
    u32[at + HEAD]! += 0x1_0000
    u32[at + HEAP] = offset
    this.writeEntry(node, count, offset, key, spill)
    return at + (offset >>> 2)
  }
}
