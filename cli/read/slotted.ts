/** The entries of a slotted node: sorted slots behind the header, keys and values in a heap. */
import { NodeHeader, Slot, SpilledKey } from '../../formats/index.js'
import { FieldReader } from './fields.js'
import type { Node, NodeEntries } from './node.js'

const SPILLED = 0xffff

export class SlottedEntries implements NodeEntries {
  constructor(private readonly node: Node) {}

  private slot(index: number): FieldReader<typeof Slot.fields> {
    return new FieldReader(Slot, this.node.bytes, NodeHeader.bytes + index * Slot.bytes)
  }

  key(index: number): Uint8Array | { spill: number; bytes: number } {
    const slot = this.slot(index)
    const offset = slot.u32('offset')
    const { bytes, header } = this.node
    if (slot.u32('keyBytes') === SPILLED) {
      const spilled = new FieldReader(SpilledKey, bytes, offset)
      return { spill: spilled.u32('ref'), bytes: spilled.u32('keyBytes') }
    }
    const prefix = header.u32('prefixOffset')
    return Buffer.concat([
      bytes.subarray(prefix, prefix + header.u32('prefixBytes')),
      bytes.subarray(offset, offset + slot.u32('keyBytes')),
    ])
  }

  value(index: number): Buffer {
    const slot = this.slot(index)
    const { bytes, slotBytes } = this.node
    const keyBytes = slot.u32('keyBytes') === SPILLED ? SpilledKey.bytes : slot.u32('keyBytes')
    const align = Math.max(slotBytes, 1)
    const start = Math.ceil((slot.u32('offset') + keyBytes) / align) * align
    return bytes.subarray(start, start + slotBytes)
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
      if (offset < heapStart || this.endOf(i) > bytes.length) return `entry ${i} is outside the heap`
    }
    return ''
  }

  private endOf(index: number): number {
    const slot = this.slot(index)
    const keyBytes = slot.u32('keyBytes') === SPILLED ? SpilledKey.bytes : slot.u32('keyBytes')
    return slot.u32('offset') + keyBytes + this.node.slotBytes
  }
}
