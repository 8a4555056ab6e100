/**
 * Nodes with keys of any length: what is in them, how it is found and changed. How they split and merge: slotted.ts.
 *
 *   header | slots → | free | ← heap: entries and the prefix, in any order, with garbage between them |
 *
 *  N1. All keys of a node begin with its prefix, which is stored once. It is a prefix of both fences of the node, so every key that
 *      can ever come into the node begins with it too: searching need not look at it, and inserting never shortens it. A node
 *      without a fence on one side has no prefix.
 *  N2. A slot has the 4 bytes of the key behind the prefix, as a number that sorts as they do (zero-filled), and the length of the key
 *      behind the prefix. What is behind these 4 bytes, the *rest*, is in the heap: most comparisons never go there. Where heads
 *      are equal and no rest differs, the shorter key is lower.
 *  N3. An entry in the heap is its value (in an inner node, its child) and then the rest of its key; both value and entry are
 *      aligned to 4 bytes, in a leaf with values of 8 bytes to 8. An entry may be empty.
 *  N4. A key of more than INLINE_KEY_BYTES is in a cell of its own, which the entry owns; in place of the rest is a SpilledKey.
 *      So no entry takes more than LARGEST_ENTRY_BYTES with its slot.
 *  N5. heapGarbage is what is between heapStart and the end of the node and belongs neither to an entry nor to the prefix.
 */
import { C } from '../../formats/index.js'
import type { Ref } from '../space/ref.js'
import type { Space } from '../space/space.js'
import { Window } from '../space/window.js'
import { BranchingTree } from './branching.js'
import { KeyBuffer } from './keys.js'
import { ENTRIES, FIRST_CHILD, HEAD, HEAP, PAGE_WORDS, PREFIX, WIDTHS } from './node.js'
import { corruptNode, headOf, widthsOf, wordOf } from './node.js'

const { NODE_ANCHOR, NODE_INNER_SLOTTED, NODE_LEAF_SLOTTED, TYPE_SPILL } = C
/** Slot.keyBytes of a key that is in a cell of its own. */
export const SPILLED = 0xffff
export const INLINE_KEY_BYTES = 255
export const LARGEST_PREFIX_BYTES = 255
const SLOT_BYTES = 8
const HEAD_BYTES = 4
const SPILLED_KEY_BYTES = 8
const HEADER_BYTES = ENTRIES * 4
/** N4: slot, value, rest. */
export const LARGEST_ENTRY_BYTES = SLOT_BYTES + 8 + 256

/**
 * Pages of plain memory, for what is rebuilt: two for siblings, one for a node that is made compact meanwhile. No tree keeps
 * anything there between two calls.
 */
export const scratch = new Window(new ArrayBuffer(3 * C.PAGE_BYTES))
const COMPACTED = 2

/** The 4 bytes of a key from `from` on. */
export function headAt({ u8, length }: KeyBuffer, from: number): number {
  const rest = length - from
  if (rest >= 4) {
    return ((u8[from]! << 24) | (u8[from + 1]! << 16) | (u8[from + 2]! << 8) | u8[from + 3]!) >>> 0
  }
  let head = 0
  for (let i = 0; i < rest; i++) head |= u8[from + i]! << (24 - 8 * i)
  return head >>> 0
}

/** Length of the prefix that two keys share, at most `limit`. */
export function sharedBytes(a: KeyBuffer, b: KeyBuffer, limit: number): number {
  const bytes = Math.min(a.length, b.length, limit)
  for (let i = 0; i < bytes; i++) if (a.u8[i] !== b.u8[i]) return i
  return bytes
}

export function compareKeys(a: KeyBuffer, b: KeyBuffer): number {
  const shared = sharedBytes(a, b, Infinity)
  if (shared < a.length && shared < b.length) return a.u8[shared]! - b.u8[shared]!
  return a.length - b.length
}

export abstract class SlottedNodes extends BranchingTree<KeyBuffer> {
  /** Whether the last `search` found the key itself. */
  private exact = false

  constructor(
    space: Space,
    root: Ref,
    valueBytes: number,
    protected readonly maximumEntries: number,
  ) {
    super(space, root, valueBytes)
  }

  // ───────── finding ─────────

  override find(key: KeyBuffer): number {
    this.descend(key)
    const { window, leafAt } = this
    const index = this.search(window, leafAt, key, this.valueBytes)
    if (!this.exact) return -1
    const entry = window.u32[leafAt + ENTRIES + index * 2 + 1]! & 0xffff
    return leafAt + (entry >>> 2)
  }

  override descend(key: KeyBuffer): void {
    const { windows } = this
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
      const index = this.search(window, at, key, 4)
      const slot = this.exact ? index + 1 : index
      if (slot === 0) ref = u32[at + FIRST_CHILD]!
      else ref = u32[at + ((u32[at + ENTRIES + slot * 2 - 1]! & 0xffff) >>> 2)]!
      window = windows[ref >>> 28]!
      at = wordOf(ref)
      head = window.u32[at + HEAD]!
    }
    if ((head & 0xffff) !== NODE_LEAF_SLOTTED) throw corruptNode(this.root, ref)
    this.leaf = ref
    this.leafAt = at
    this.window = window
  }

  /** Index of the first key in a node that is not below `key`; sets `exact`. N1, N2. */
  private search(window: Window, at: number, key: KeyBuffer, valueBytes: number): number {
    const { u32 } = window
    const prefixBytes = u32[at + PREFIX]! & 0xffff
    const head = headAt(key, prefixBytes)
    const slots = at + ENTRIES
    let low = 0
    let high = u32[at + HEAD]! >>> 16
    this.exact = false
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = u32[slots + middle * 2]!
      if (other < head) low = middle + 1
      else if (other > head) high = middle
      else {
        const order = this.compareRest(window, at, middle, key, prefixBytes, valueBytes)
        if (order < 0) low = middle + 1
        else if (order > 0) high = middle
        else {
          this.exact = true
          return middle
        }
      }
    }
    return low
  }

  /** How a key of the node compares with `key`, when their heads are equal. N2. */
  private compareRest(
    window: Window, at: number, index: number, key: KeyBuffer, prefixBytes: number, valueBytes: number,
  ): number {
    const slot = window.u32[at + ENTRIES + index * 2 + 1]!
    const keyBytes = slot >>> 16
    const wanted = key.length - prefixBytes
    if (keyBytes === SPILLED) return this.compareSpilled(window, at, slot, key, valueBytes)
    const bytes = (keyBytes < wanted ? keyBytes : wanted) - HEAD_BYTES
    if (bytes > 0) {
      const { u8 } = window
      const other = key.u8
      const from = (at << 2) + (slot & 0xffff) + valueBytes
      const start = prefixBytes + HEAD_BYTES
      for (let i = 0; i < bytes; i++) {
        const difference = u8[from + i]! - other[start + i]!
        if (difference !== 0) return difference
      }
    }
    return keyBytes - wanted
  }

  private compareSpilled(
    window: Window, at: number, slot: number, key: KeyBuffer, valueBytes: number,
  ): number {
    const ref = window.u32[at + (((slot & 0xffff) + valueBytes) >>> 2)]!
    const { u8, u32 } = this.windows[ref >>> 28]!
    const word = wordOf(ref) + 2
    const keyBytes = u32[word]!
    const from = (word + 1) << 2
    const bytes = Math.min(keyBytes, key.length)
    for (let i = 0; i < bytes; i++) {
      const difference = u8[from + i]! - key.u8[i]!
      if (difference !== 0) return difference
    }
    return keyBytes - key.length
  }

  override indexIn(leaf: number, key: KeyBuffer): number {
    return this.search(this.windows[leaf >>> 28]!, wordOf(leaf), key, this.valueBytes)
  }

  override isAt(leaf: number, index: number, key: KeyBuffer): boolean {
    const window = this.windows[leaf >>> 28]!
    const at = wordOf(leaf)
    if (index >= window.u32[at + HEAD]! >>> 16) return false
    const prefixBytes = window.u32[at + PREFIX]! & 0xffff
    if (window.u32[at + ENTRIES + index * 2] !== headAt(key, prefixBytes)) return false
    return this.compareRest(window, at, index, key, prefixBytes, this.valueBytes) === 0
  }

  override slotOf(node: number, key: KeyBuffer): number {
    const index = this.search(this.windows[node >>> 28]!, wordOf(node), key, 4)
    return this.exact ? index + 1 : index
  }

  override childAt(node: number, slot: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordOf(node)
    return slot === 0 ? u32[at + FIRST_CHILD]! : u32[entryWord(u32, at, slot - 1)]!
  }

  override valueAt(leaf: number, index: number): number {
    return entryWord(this.windows[leaf >>> 28]!.u32, wordOf(leaf), index)
  }

  override keyAt(node: number, index: number, into: KeyBuffer): KeyBuffer {
    return this.readKey(this.windows[node >>> 28]!, wordOf(node), index, into)
  }

  /** The whole key: prefix, head, rest. Also of a node in scratch memory. */
  protected readKey(window: Window, at: number, index: number, into: KeyBuffer): KeyBuffer {
    const { u8, u32 } = window
    const slot = u32[at + ENTRIES + index * 2 + 1]!
    const keyBytes = slot >>> 16
    const valueBytes = this.valueBytesAt(u32, at)
    if (keyBytes === SPILLED) {
      return this.readSpilled(u32[at + (((slot & 0xffff) + valueBytes) >>> 2)]!, into)
    }
    const prefix = u32[at + PREFIX]!
    const prefixBytes = prefix & 0xffff
    into.assign(u8, (at << 2) + (prefix >>> 16), (at << 2) + (prefix >>> 16) + prefixBytes)
    into.reserve(prefixBytes + keyBytes)
    const target = into.u8
    const head = u32[at + ENTRIES + index * 2]!
    const inHead = keyBytes < HEAD_BYTES ? keyBytes : HEAD_BYTES
    for (let i = 0; i < inHead; i++) target[prefixBytes + i] = (head >>> (24 - 8 * i)) & 0xff
    const from = (at << 2) + (slot & 0xffff) + valueBytes
    const to = prefixBytes + HEAD_BYTES
    for (let i = 0; i < keyBytes - HEAD_BYTES; i++) target[to + i] = u8[from + i]!
    into.length = prefixBytes + keyBytes
    return into
  }

  private readSpilled(ref: number, into: KeyBuffer): KeyBuffer {
    const { u8, u32 } = this.windows[ref >>> 28]!
    const word = wordOf(ref) + 2
    const from = (word + 1) << 2
    into.assign(u8, from, from + u32[word]!)
    return into
  }

  override spillAt(node: number, index: number): number {
    const { u32 } = this.windows[node >>> 28]!
    return this.spillIn(u32, wordOf(node), index)
  }

  protected spillIn(u32: Uint32Array, at: number, index: number): number {
    const slot = u32[at + ENTRIES + index * 2 + 1]!
    if (slot >>> 16 !== SPILLED) return 0
    return u32[at + (((slot & 0xffff) + this.valueBytesAt(u32, at)) >>> 2)]!
  }

  override compare(a: KeyBuffer, b: KeyBuffer): number {
    return compareKeys(a, b)
  }

  override copyKey(key: KeyBuffer, into: KeyBuffer): KeyBuffer {
    into.copyFrom(key)
    return into
  }

  override newKey(): KeyBuffer {
    return new KeyBuffer(32)
  }

  // ───────── room ─────────

  protected valueBytesAt(u32: Uint32Array, at: number): number {
    return ((u32[at + HEAD]! >>> 8) & 0xff) > 0 ? 4 : this.valueBytes
  }

  /** N3. */
  protected align(bytes: number, valueBytes: number): number {
    return valueBytes === 8 ? (bytes + 7) & ~7 : (bytes + 3) & ~3
  }

  /** Heap bytes of an entry whose key has `keyBytes` behind the prefix, or is SPILLED. */
  protected entryBytes(keyBytes: number, valueBytes: number): number {
    if (keyBytes === SPILLED) return this.align(valueBytes + SPILLED_KEY_BYTES, valueBytes)
    const rest = keyBytes > HEAD_BYTES ? keyBytes - HEAD_BYTES : 0
    return this.align(valueBytes + rest, valueBytes)
  }

  protected nodeBytes(node: number): number {
    return (this.windows[node >>> 28]!.u32[wordOf(node)]! & C.CELL_SIZE_MASK) * 8
  }

  /** Bytes that an entry and its slot may take, garbage included. */
  protected freeBytes(node: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordOf(node)
    const heap = u32[at + HEAP]!
    return (heap & 0xffff) + (heap >>> 16) - HEADER_BYTES - (u32[at + HEAD]! >>> 16) * SLOT_BYTES
  }

  protected usedBytes(node: number): number {
    return this.nodeBytes(node) - HEADER_BYTES - this.freeBytes(node)
  }

  override hasRoom(node: number, key: KeyBuffer): boolean {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordOf(node)
    const head = u32[at + HEAD]!
    if (head >>> 16 >= this.maximumEntries) return false
    if (((head >>> 8) & 0xff) > 0) return this.freeBytes(node) >= LARGEST_ENTRY_BYTES
    const keyBytes = key.length > INLINE_KEY_BYTES ? SPILLED : key.length - (u32[at + PREFIX]! & 0xffff)
    return this.freeBytes(node) >= SLOT_BYTES + this.entryBytes(keyBytes, this.valueBytes)
  }

  override isThin(node: number): boolean {
    const count = this.countOf(node)
    if (this.maximumEntries < C.PAGE_BYTES) return count < Math.max(2, this.maximumEntries >>> 2)
    return count < 2 || this.usedBytes(node) < C.PAGE_BYTES / 4
  }

  override staysFull(leaf: number): boolean {
    if (leaf === this.top()) return true
    if (this.maximumEntries < C.PAGE_BYTES) return this.countOf(leaf) > this.maximumEntries >>> 2
    return this.usedBytes(leaf) - LARGEST_ENTRY_BYTES >= C.PAGE_BYTES / 4
  }

  // ───────── changing ─────────

  protected override format(node: number, level: number, firstChild: number): void {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordOf(node)
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
    const word = wordOf(ref) + 2
    u32[word] = key.length
    u8.set(key.u8.subarray(0, key.length), (word + 1) << 2)
    return ref
  }

  /** Adds an entry; there is room. Gives the word index of its value, which is still to be written. */
  protected insertEntry(node: number, index: number, key: KeyBuffer, spill: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordOf(node)
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
    const at = wordOf(node)
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
    const first = wordOf(node) + ENTRIES + from * 2
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
    const at = wordOf(node)
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
  private compact(node: number): void {
    const count = this.countOf(node)
    const at = this.toScratch(node, COMPACTED)
    const prefix = this.readPrefix(scratch, at)
    this.rebuild(node, this.levelOf(node), scratch.u32[at + FIRST_CHILD]!, prefix, prefix.length)
    for (let index = 0; index < count; index++) this.appendFrom(node, at, index)
  }

  // ───────── rebuilding ─────────

  private readonly prefix = new KeyBuffer(LARGEST_PREFIX_BYTES)
  private readonly moved = new KeyBuffer()

  protected readPrefix(window: Window, at: number): KeyBuffer {
    const prefix = window.u32[at + PREFIX]!
    const from = (at << 2) + (prefix >>> 16)
    this.prefix.assign(window.u8, from, from + (prefix & 0xffff))
    return this.prefix
  }

  /** Copies a node to one of the pages of scratch memory; gives its word index there. */
  protected toScratch(node: number, page: 0 | 1 | 2): number {
    const words = this.nodeBytes(node) / 4
    const from = wordOf(node)
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
    const at = wordOf(node)
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
    const at = wordOf(node)
    const words = scratch.u32
    const slot = words[source + ENTRIES + index * 2 + 1]!
    const from = source + ((slot & 0xffff) >>> 2)
    const prefixBytes = u32[at + PREFIX]! & 0xffff
    const valueWords = this.valueBytesAt(u32, at) >>> 2
    if (prefixBytes !== (words[source + PREFIX]! & 0xffff)) {
      const key = this.readKey(scratch, source, index, this.moved)
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
    const at = wordOf(node)
    const count = u32[at + HEAD]! >>> 16
    const keyBytes = spill !== 0 ? SPILLED : key.length - (u32[at + PREFIX]! & 0xffff)
    const offset = (u32[at + HEAP]! & 0xffff) - this.entryBytes(keyBytes, this.valueBytesAt(u32, at))
    u32[at + HEAD]! += 0x1_0000
    u32[at + HEAP] = offset
    this.writeEntry(node, count, offset, key, spill)
    return at + (offset >>> 2)
  }
}

/** Word index of an entry in the heap. */
const entryWord = (u32: Uint32Array, at: number, index: number): number =>
  at + ((u32[at + ENTRIES + index * 2 + 1]! & 0xffff) >>> 2)
