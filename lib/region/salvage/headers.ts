/**
 * What may be the header of a cell, or of a node, among bytes of which some were overwritten: what
 * it says is in the bounds of the region. Many bytes are by chance.
 */
import { C } from '../../../formats/index.js'
import { STATE } from '../../space/allocation-words.js'
import { PAGE_UNITS, pageOf, wordIndexOf } from '../../space/ref.js'
import type { Space } from '../../space/space.js'
import type { Window } from '../../space/window.js'
import { ENTRY_COUNT, HEAD, PAGE_WORDS, WIDTHS } from '../../tree/node.js'
import { isValueType } from '../../types/unowned.js'

/** Type ids are 16 bits of a cell header. */
const TYPE_ID_LIMIT = 0x1_0000
const TYPES_WORD = C.TYPES_PAGE * PAGE_WORDS
const ALLOCATION_END = (C.ALLOCATION_PAGE + 1) * PAGE_WORDS
/** More than a tree has. */
const MOST_LEVELS = 32

/** Whether a cell of this type may have these flags. */
function mayHave(header: number, typeId: number): boolean {
  const [isUnowned, hasMoved] =
    [(header & C.CELL_UNOWNED) !== 0, (header & C.CELL_HAS_MOVED) !== 0]
  return (!isUnowned || isValueType(typeId))
    && (!hasMoved || (typeId >= C.FIRST_STORED_TYPE && !isUnowned))
}

export class Headers {
  /** The number that the next type would get, or what is above all. */
  private readonly typeLimit: number

  constructor(private readonly space: Space, readonly isDamaged: (page: number) => boolean) {
    this.typeLimit = this.knownTypeLimit() ?? TYPE_ID_LIMIT
  }

  /** As the allocation state says it, or the number of types; undefined when neither can be. */
  private knownTypeLimit(): number | undefined {
    const { u32 } = this.space.windows[0]!
    const claims = [
      this.isAllocationState(u32) ? u32[STATE.nextTypeId]! : 0,
      this.isRootOfTypes(u32) ? C.FIRST_STORED_TYPE + u32[TYPES_WORD + ENTRY_COUNT]! : 0,
    ]
    return claims.find((claim) => claim >= C.FIRST_STORED_TYPE && claim <= TYPE_ID_LIMIT)
  }

  /** Whatever its page has, where checksums are lost. */
  private isAllocationState(u32: Uint32Array): boolean {
    const [frontier, used] = [u32[STATE.frontierUnits]!, u32[STATE.allocatedUnits]!]
    return !this.isDamaged(C.ALLOCATION_PAGE)
      && frontier > C.CHECKSUM_PAGE * PAGE_UNITS && used + u32[STATE.freeUnits]! <= frontier
      && u32.subarray(STATE.copiesHead + 1, ALLOCATION_END).every((word) => word === 0)
  }

  private isRootOfTypes(u32: Uint32Array): boolean {
    return !this.isDamaged(C.TYPES_PAGE) && u32[TYPES_WORD] === PAGE_UNITS
      && (u32[TYPES_WORD + 1]! & 0xffff) === C.TYPE_TYPES_ROOT
  }

  /** Size of a cell that leads on; 0 when there is none, or its header is on a damaged page. */
  unitsAt(window: Window, ref: number, end: number): number {
    return this.isDamaged(pageOf(ref)) ? 0 : this.possibleUnits(window, ref, end)
  }

  /** Size of what may be a cell; 0 when it cannot be one. */
  possibleUnits({ u32 }: Window, ref: number, end: number): number {
    const at = wordIndexOf(ref)
    const header = u32[at]!
    const units = header & C.CELL_SIZE_MASK
    const typeId = u32[at + 1]! & 0xffff
    const isOne = units >= C.MINIMUM_CELL_UNITS && ref + units <= end
    if (!isOne || !mayHave(header, typeId)) return 0
    if ((header & C.CELL_FREE) !== 0) {
      const footer = u32[at + (units << 1) - 2]
      const isFooter = footer === units || this.isDamaged(pageOf(ref + units - 1))
      return typeId === C.TYPE_FREE && isFooter ? units : 0
    }
    return typeId > C.TYPE_FREE && typeId < this.typeLimit ? units : 0
  }

  /** Whether a page begins like those that trees and copies of descriptors have to themselves. */
  isPageOfOneCell(window: Window, ref: number): boolean {
    if (ref % PAGE_UNITS !== 0) return false
    const { u32 } = window
    const at = wordIndexOf(ref)
    return (u32[at]! & ~(C.CELL_PREVIOUS_FREE | C.CELL_UNOWNED)) === PAGE_UNITS
      && ((u32[at + 1]! & 0xffff) === C.TYPE_DESCRIPTOR_COPIES || this.isNode(window, ref))
  }

  /** Whether a cell begins like the node of a tree. */
  isNode({ u32 }: Window, ref: number): boolean {
    const at = wordIndexOf(ref)
    const typeId = u32[at + 1]! & 0xffff
    const [head, widths] = [u32[at + HEAD]!, u32[at + WIDTHS]!]
    const [kind, level] = [head & 0xff, (head >>> 8) & 0xff]
    const valueBytes = (widths >>> 8) & 0xff
    const isTyped = typeId === C.TYPE_NODE
      || (typeId >= C.FIRST_STORED_TYPE && typeId < this.typeLimit)
    return isTyped && kind >= C.NODE_LEAF_FIXED && kind <= C.NODE_INNER_SLOTTED
      && level < MOST_LEVELS && (valueBytes === 0 || valueBytes === 4 || valueBytes === 8)
  }
}
