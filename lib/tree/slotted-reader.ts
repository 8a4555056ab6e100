/**
 * Nodes with keys of any length: what is in them and how it is found. How they are changed:
 * slotted-nodes.ts; how they split and merge: slotted.ts.
 *
 *   header | slots → | free | ← heap: entries and the prefix, in any order, with garbage between
 *   them |
 *
 *  N1. All keys of a node begin with its prefix, which is stored once. It is a prefix of both
 *      fences of the node, so every key that can ever come into the node begins with it too:
 *      searching need not look at it, and inserting never shortens it. A node without a fence on
 *      one side has no prefix.
 *  N2. A slot has the 4 bytes of the key behind the prefix, as a number that sorts as they do
 *      (zero-filled), and the length of the key behind the prefix. What is behind these 4 bytes,
 *      the *rest*, is in the heap: most comparisons never go there. Where heads are equal and no
 *      rest differs, the shorter key is lower.
 *  N3. An entry in the heap is its value (in an inner node, its child) and then the rest of its
 *      key; both value and entry are aligned to 4 bytes, in a leaf with values of 8 bytes to 8. An
 *      entry may be empty.
 *  N4. A key of more than INLINE_KEY_BYTES is in a cell of its own, which the entry owns; in place
 *      of the rest is a SpilledKey. So no entry takes more than LARGEST_ENTRY_BYTES with its slot.
 *  N5. heapGarbage is what is between heapStart and the end of the node and belongs neither to an
 *      entry nor to the prefix.
 */
import { C } from '../../formats/index.js'
import { type Ref, wordIndexOf } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { BranchingTree } from './branching.js'
import { KeyBuffer } from './keys.js'
import { ENTRIES, FIRST_CHILD, HEAD, HEAP, PREFIX, throwCorrupt } from './node.js'

const { NODE_ANCHOR, NODE_LEAF_SLOTTED } = C
/** Slot.keyBytes of a key that is in a cell of its own. */
export const SPILLED = 0xffff
export const INLINE_KEY_BYTES = 255
export const LARGEST_PREFIX_BYTES = 255
export const SLOT_BYTES = 8
export const HEAD_BYTES = 4
const SPILLED_KEY_BYTES = 8
export const HEADER_BYTES = ENTRIES * 4
/** N4: slot, value, rest. */
export const LARGEST_ENTRY_BYTES = SLOT_BYTES + 8 + 256

/** The 4 bytes of a key from `from` on: N2. */
export function headAt({ view, length }: KeyBuffer, from: number): number {
  const rest = length - from
  if (rest >= HEAD_BYTES) return view.getUint32(from)
  return rest <= 0 ? 0 : (view.getUint32(from) & (-1 << (32 - 8 * rest))) >>> 0
}

/** Length of the prefix that two keys share, at most `limit`. */
export function sharedBytes(a: KeyBuffer, b: KeyBuffer, limit: number): number {
  const shortest = a.length < b.length ? a.length : b.length
  const bytes = limit < shortest ? limit : shortest
  const first = a.view
  const second = b.view
  for (let i = 0; i < bytes; i += 4) {
    const differing = first.getUint32(i) ^ second.getUint32(i)
    if (differing !== 0) return Math.min(bytes, i + (Math.clz32(differing) >>> 3))
  }
  return bytes
}

export function compareKeys(a: KeyBuffer, b: KeyBuffer): number {
  const shared = sharedBytes(a, b, Infinity)
  if (shared < a.length && shared < b.length) return a.u8[shared]! - b.u8[shared]!
  return a.length - b.length
}

/** Whether there are thousands of leaves: then hardly any is in the processor's cache. */
const hasManyLeaves = (head: number): boolean => {
  const height = (head >>> 8) & 0xff
  return height > 2 || (height === 2 && head >>> 16 >= 16)
}

/**
 * Reads from each line in which a leaf of 4 KiB may have heads: before its first line is known, so
 * that all of these reads are under way at once, where a search makes each wait for the one before.
 */
function touchHeads({ u32 }: Window, at: number): number {
  return u32[at + 16]! ^ u32[at + 32]! ^ u32[at + 48]! ^ u32[at + 64]!
    ^ u32[at + 80]! ^ u32[at + 96]! ^ u32[at + 112]! ^ u32[at + 128]!
    ^ u32[at + 144]! ^ u32[at + 160]! ^ u32[at + 176]! ^ u32[at + 192]!
    ^ u32[at + 208]! ^ u32[at + 224]! ^ u32[at + 240]! ^ u32[at + 256]!
}

export abstract class SlottedReader extends BranchingTree<KeyBuffer> {
  /** So that the engine cannot leave the reads out. */
  protected touched = 0

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
    const found = this.search(window, leafAt, key, this.valueBytes)
    if ((found & 1) === 0) return -1
    const entry = window.u32[leafAt + ENTRIES + found]! & 0xffff
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
      at = wordIndexOf(ref)
      head = window.u32[at + HEAD]!
    }
    const manyLeaves = hasManyLeaves(head)
    for (let level = (head >>> 8) & 0xff; level > 0; level--) {
      const { u32 } = window
      const slot = (this.search(window, at, key, 4) + 1) >>> 1
      if (slot === 0) ref = u32[at + FIRST_CHILD]!
      else ref = u32[at + ((u32[at + ENTRIES + slot * 2 - 1]! & 0xffff) >>> 2)]!
      window = windows[ref >>> 28]!
      at = wordIndexOf(ref)
      if (level === 1 && manyLeaves) this.touched = touchHeads(window, at)
      head = window.u32[at + HEAD]!
    }
    if ((head & 0xffff) !== NODE_LEAF_SLOTTED) throwCorrupt(this.space, this.root, ref)
    this.leaf = ref
    this.leafAt = at
    this.window = window
  }

  /**
   * Twice the index of the first key in a node that is not below `key`, plus 1 if it is `key`. N1,
   * N2.
   */
  private search(window: Window, at: number, key: KeyBuffer, valueBytes: number): number {
    const { u32 } = window
    const prefixBytes = u32[at + PREFIX]! & 0xffff
    const head = headAt(key, prefixBytes)
    const slots = at + ENTRIES
    let low = 0
    let high = u32[at + HEAD]! >>> 16
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = u32[slots + middle * 2]!
      if (other < head) low = middle + 1
      else if (other > head) high = middle
      else {
        const order = this.compareRest(window, at, middle, key, prefixBytes, valueBytes)
        if (order < 0) low = middle + 1
        else if (order > 0) high = middle
        else return middle * 2 + 1
      }
    }
    return low * 2
  }

  /** How a key of the node compares with `key`, when their heads are equal. N2. */
  private compareRest(
    window: Window, at: number, index: number,
    key: KeyBuffer, prefixBytes: number, valueBytes: number,
  ): number {
    const slot = window.u32[at + ENTRIES + index * 2 + 1]!
    const keyBytes = slot >>> 16
    const wanted = key.length - prefixBytes
    if (keyBytes === SPILLED) return this.compareSpilled(window, at, slot, key, valueBytes)
    const { view } = window
    const other = key.view
    let bytes = (keyBytes < wanted ? keyBytes : wanted) - HEAD_BYTES
    let from = (at << 2) + (slot & 0xffff) + valueBytes
    let start = prefixBytes + HEAD_BYTES
    for (; bytes >= 4; bytes -= 4, from += 4, start += 4) {
      const a = view.getUint32(from)
      const b = other.getUint32(start)
      if (a !== b) return a < b ? -1 : 1
    }
    if (bytes > 0) {
      const a = view.getUint32(from) >>> (32 - 8 * bytes)
      const b = other.getUint32(start) >>> (32 - 8 * bytes)
      if (a !== b) return a - b
    }
    return keyBytes - wanted
  }

  private compareSpilled(
    window: Window, at: number, slot: number, key: KeyBuffer, valueBytes: number,
  ): number {
    const ref = window.u32[at + (((slot & 0xffff) + valueBytes) >>> 2)]!
    const { u8, u32 } = this.windows[ref >>> 28]!
    const word = wordIndexOf(ref) + 2
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
    return this.search(this.windows[leaf >>> 28]!, wordIndexOf(leaf), key, this.valueBytes) >>> 1
  }

  override isAt(leaf: number, index: number, key: KeyBuffer): boolean {
    const window = this.windows[leaf >>> 28]!
    const at = wordIndexOf(leaf)
    if (index >= window.u32[at + HEAD]! >>> 16) return false
    const prefixBytes = window.u32[at + PREFIX]! & 0xffff
    if (window.u32[at + ENTRIES + index * 2] !== headAt(key, prefixBytes)) return false
    return this.compareRest(window, at, index, key, prefixBytes, this.valueBytes) === 0
  }

  override slotOf(node: number, key: KeyBuffer): number {
    return (this.search(this.windows[node >>> 28]!, wordIndexOf(node), key, 4) + 1) >>> 1
  }

  override childAt(node: number, slot: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    return slot === 0 ? u32[at + FIRST_CHILD]! : u32[entryWord(u32, at, slot - 1)]!
  }

  override readonly valueStride = 0

  override valueAt(leaf: number, index: number): number {
    return entryWord(this.windows[leaf >>> 28]!.u32, wordIndexOf(leaf), index)
  }

  override keyAt(node: number, index: number, into: KeyBuffer): KeyBuffer {
    return this.readKey(this.windows[node >>> 28]!, wordIndexOf(node), index, into)
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

  protected readPrefix(window: Window, at: number, into: KeyBuffer): KeyBuffer {
    const prefix = window.u32[at + PREFIX]!
    const from = (at << 2) + (prefix >>> 16)
    into.assign(window.u8, from, from + (prefix & 0xffff))
    return into
  }

  private readSpilled(ref: number, into: KeyBuffer): KeyBuffer {
    const window = this.windows[ref >>> 28]
    const word = wordIndexOf(ref) + 2
    const bytes = window?.u32[word] ?? 0
    const roomBytes = ((window?.u32[word - 2] ?? 0) & C.CELL_SIZE_MASK) * C.UNIT_BYTES - 12
    const isSpill = ((window?.u32[word - 1] ?? 0) & 0xffff) === C.TYPE_SPILL
    if (!isSpill || bytes > roomBytes) throwCorrupt(this.space, this.root, ref)
    const from = (word + 1) << 2
    into.assign(window!.u8, from, from + bytes)
    return into
  }

  override spillAt(node: number, index: number): number {
    const { u32 } = this.windows[node >>> 28]!
    return this.spillIn(u32, wordIndexOf(node), index)
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
    return (this.windows[node >>> 28]!.u32[wordIndexOf(node)]! & C.CELL_SIZE_MASK) * 8
  }

  /** Bytes that an entry and its slot may take, garbage included. */
  protected freeBytes(node: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    const heap = u32[at + HEAP]!
    return (heap & 0xffff) + (heap >>> 16) - HEADER_BYTES - (u32[at + HEAD]! >>> 16) * SLOT_BYTES
  }

  protected usedBytes(node: number): number {
    return this.nodeBytes(node) - HEADER_BYTES - this.freeBytes(node)
  }

  override hasRoom(node: number, key: KeyBuffer): boolean {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    const head = u32[at + HEAD]!
    if (head >>> 16 >= this.maximumEntries) return false
    if (((head >>> 8) & 0xff) > 0) return this.freeBytes(node) >= LARGEST_ENTRY_BYTES
    const prefixBytes = u32[at + PREFIX]! & 0xffff
    const keyBytes = key.length > INLINE_KEY_BYTES ? SPILLED : key.length - prefixBytes
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
}

/** Word index of an entry in the heap. */
const entryWord = (u32: Uint32Array, at: number, index: number): number =>
  at + ((u32[at + ENTRIES + index * 2 + 1]! & 0xffff) >>> 2)
