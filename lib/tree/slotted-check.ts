/**
 * Slotted nodes, checked: whether N1 to N5 of slotted-reader.ts hold, without trusting any byte.
 */
import { C } from '../../formats/index.js'
import { wordIndexOf } from '../space/ref.js'
import { KeyBuffer } from './keys.js'
import { ENTRIES, HEAP, PREFIX, WIDTHS, widthsOf } from './node.js'
import { HEADER_BYTES, SLOT_BYTES, SPILLED, SlottedReader } from './slotted-reader.js'
import { headAt, sharedBytes } from './slotted-reader.js'

const { NODE_INNER_SLOTTED, NODE_LEAF_SLOTTED, TYPE_SPILL } = C

const checked = new KeyBuffer()

export abstract class SlottedCheck extends SlottedReader {
  override damageOf(node: number, low: KeyBuffer | undefined, high: KeyBuffer | undefined): string {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
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
    const prefix = window.u32[wordIndexOf(node) + PREFIX]!
    const bytes = prefix & 0xffff
    if (bytes === 0) return ''
    if ((prefix >>> 16) + bytes > this.nodeBytes(node)) return 'the prefix is outside of the node'
    if (low === undefined || high === undefined) return 'a prefix without a fence'
    const key = this.readPrefix(window, wordIndexOf(node), checked)
    const shared = Math.min(sharedBytes(key, low, bytes), sharedBytes(key, high, bytes))
    return shared === bytes ? '' : 'the prefix is not that of the fences'
  }

  /** N2 to N5. */
  private damageOfEntries(node: number, heapStart: number, nodeBytes: number): string {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
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
      const key = this.keyAt(node, index, checked)
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
    const word = wordIndexOf(ref)
    if (ref === 0 || window === undefined || word + 3 > window.u32.length) return false
    const { u32 } = window
    const room = (u32[word]! & C.CELL_SIZE_MASK) * 8 - 12
    return (u32[word + 1]! & 0xffff) === TYPE_SPILL && u32[word + 2]! <= room
  }
}
