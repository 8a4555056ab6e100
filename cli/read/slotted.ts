/**
 * The entries of a slotted node: sorted slots behind the header, and a heap at the end. An entry in
 * the heap is its value, then the key without the node's prefix and without the 4 bytes that are in
 * the slot.
 */
import { NodeHeader, Slot, SpilledKey } from '../../formats/index.js'
import { FieldReader } from './fields.js'
import type { Node, NodeEntries } from './node.js'

const SPILLED = 0xffff
const HEAD_BYTES = 4

export class SlottedEntries implements NodeEntries {
  constructor(private readonly node: Node) {}

  private slot(index: number): FieldReader<typeof Slot.fields> {
    return new FieldReader(Slot, this.node.bytes, NodeHeader.bytes + index * Slot.bytes)
  }

  key(index: number): Uint8Array | { spill: number; bytes: number } {
    const slot = this.slot(index)
    const keyBytes = slot.u32('keyBytes')
    const { bytes, header, slotBytes } = this.node
    const rest = slot.u32('offset') + slotBytes
    if (keyBytes === SPILLED) {
      const spilled = new FieldReader(SpilledKey, bytes, rest)
      return { spill: spilled.u32('ref'), bytes: spilled.u32('keyBytes') }
    }
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt32BE(slot.u32('head'))
    const prefix = header.u32('prefixOffset')
    return Buffer.concat([
      bytes.subarray(prefix, prefix + header.u32('prefixBytes')),
      head.subarray(0, Math.min(keyBytes, HEAD_BYTES)),
      bytes.subarray(rest, rest + Math.max(0, keyBytes - HEAD_BYTES)),
    ])
  }

  value(index: number): Buffer {
    const start = this.slot(index).u32('offset')
    return this.node.bytes.subarray(start, start + this.node.slotBytes)
  }

  get usedBytes(): number {
    const { node } = this
    const heap = node.bytes.length - node.header.u32('heapStart') - node.header.u32('heapGarbage')
    return node.count * Slot.bytes + heap
  }

  get problem(): string {
    const { count, header, bytes } = this.node
    const slotsEnd = NodeHeader.bytes + count * Slot.bytes
    const heapStart = header.u32('heapStart')
    if (slotsEnd > heapStart || heapStart > bytes.length) {
      return `${count} slots and a heap from byte ${heapStart} on do not fit`
    }
    const prefixEnd = header.u32('prefixOffset') + header.u32('prefixBytes')
    if (prefixEnd > bytes.length) return 'the prefix reaches past the end'
    for (let i = 0; i < count; i++) {
      const offset = this.slot(i).u32('offset')
      const isInside = offset >= heapStart && this.endOf(i) <= bytes.length
      if (!isInside) return `entry ${i} is outside the heap`
    }
    return ''
  }

  private endOf(index: number): number {
    const slot = this.slot(index)
    const keyBytes = slot.u32('keyBytes')
    const rest = keyBytes === SPILLED ? SpilledKey.bytes : Math.max(0, keyBytes - HEAD_BYTES)
    return slot.u32('offset') + this.node.slotBytes + rest
  }
}
