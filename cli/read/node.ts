/** A tree node as bytes: what both kinds of node have in common, and the fixed kind. */
import { C, NodeHeader } from '../../formats/index.js'
import type { Cell } from './cells.js'
import { FieldReader } from './fields.js'
import { SlottedEntries } from './slotted.js'

/** Keys and values of a node; indexes are those of keys. */
export interface NodeEntries {
  /** The key's bytes as they are in the node; of a slotted node the whole key, or where it is. */
  key(index: number): Uint8Array | { spill: number; bytes: number }
  /** The value's bytes, or the child's ref, which is 4 bytes too. */
  value(index: number): Buffer
  /** Bytes that keys and values take, of those behind the header. */
  readonly usedBytes: number
  /** A sentence about what cannot be so, or ''. */
  readonly problem: string
}

class FixedEntries implements NodeEntries {
  private readonly capacity: number
  private readonly values: number

  constructor(private readonly node: Node) {
    const { keyBytes, slotBytes } = node
    const room = node.bytes.length - NodeHeader.bytes
    const placed = (capacity: number): number => {
      const end = NodeHeader.bytes + capacity * keyBytes
      return slotBytes === 8 ? Math.ceil(end / 8) * 8 : end
    }
    let capacity = Math.floor(room / (keyBytes + slotBytes))
    while (placed(capacity) + capacity * slotBytes > node.bytes.length) capacity--
    this.capacity = capacity
    this.values = placed(capacity)
  }

  key(index: number): Uint8Array {
    const { bytes, keyBytes } = this.node
    const start = NodeHeader.bytes + index * keyBytes
    return bytes.subarray(start, start + keyBytes)
  }

  value(index: number): Buffer {
    const { bytes, slotBytes } = this.node
    const start = this.values + index * slotBytes
    return bytes.subarray(start, start + slotBytes)
  }

  get usedBytes(): number {
    return this.node.count * (this.node.keyBytes + this.node.slotBytes)
  }

  get problem(): string {
    const { count } = this.node
    return count > this.capacity ? `it says ${count} keys, and has room for ${this.capacity}` : ''
  }
}

const FIXED: readonly number[] = [C.NODE_LEAF_FIXED, C.NODE_INNER_FIXED]
const INNER: readonly number[] = [C.NODE_INNER_FIXED, C.NODE_INNER_SLOTTED]
const KINDS: readonly number[] = [
  C.NODE_LEAF_FIXED, C.NODE_INNER_FIXED, C.NODE_LEAF_SLOTTED, C.NODE_INNER_SLOTTED, C.NODE_ANCHOR,
]

export class Node {
  readonly kind: number
  readonly level: number
  readonly count: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly entryCount: number
  readonly firstChild: number
  readonly entries: NodeEntries
  readonly header: FieldReader<typeof NodeHeader.fields>

  /** @param bytes the whole cell */
  constructor(readonly cell: Cell, readonly bytes: Buffer) {
    const header = new FieldReader(NodeHeader, bytes)
    this.header = header
    this.kind = header.u32('kind')
    this.level = header.u32('level')
    this.count = header.u32('count')
    this.keyBytes = header.u32('keyBytes')
    this.valueBytes = header.u32('valueBytes')
    this.entryCount = header.u32('entryCount')
    this.firstChild = header.u32('firstChild')
    this.entries = FIXED.includes(this.kind) ? new FixedEntries(this) : new SlottedEntries(this)
  }

  get isAnchor(): boolean {
    return this.kind === C.NODE_ANCHOR
  }

  get isInner(): boolean {
    return INNER.includes(this.kind)
  }

  /** Bytes of what is beside each key: a value, or in an inner node a child. */
  get slotBytes(): number {
    return this.isInner ? 4 : this.valueBytes
  }

  /** Refs of the children, from left to right. */
  children(): number[] {
    if (this.isAnchor) return [this.firstChild]
    if (!this.isInner) return []
    const childAt = (_: unknown, i: number) => this.entries.value(i).readUInt32LE()
    return [this.firstChild, ...Array.from({ length: this.count }, childAt)]
  }

  /** What cannot be so, in a sentence; '' when nothing was found. */
  problem(): string {
    const { kind, level, keyBytes, valueBytes } = this
    if (!KINDS.includes(kind)) return `it is of an unknown kind, ${kind}`
    if (this.isInner !== level > 0 && !this.isAnchor) return `its kind does not fit level ${level}`
    const isFixed = FIXED.includes(kind)
    if (isFixed ? ![4, 8].includes(keyBytes) : keyBytes !== 0 && !this.isAnchor) {
      return `keys of ${keyBytes} bytes are not possible`
    }
    if (![0, 4, 8].includes(valueBytes)) return `values of ${valueBytes} bytes are not possible`
    return this.isAnchor ? '' : this.entries.problem
  }
}
