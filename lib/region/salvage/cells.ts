/**
 * Finds the cells of a damaged region without trusting anything that names them: cell after cell,
 * and where a header cannot be one, at the next place where several follow each other.
 *
 *  F1. A cell is live when its header can be one, its type is not that of free cells, and none of
 *      its bytes lie on a page that is known to be damaged.
 *  F2. Free cells are stepped over whole, so that what was freed is not found again.
 */
import { C } from '../../../formats/index.js'
import { STATE } from '../../space/allocation-words.js'
import type { Ref } from '../../space/ref.js'
import type { Space } from '../../space/space.js'
import type { Window } from '../../space/window.js'

const PAGE_UNITS = C.PAGE_BYTES / C.UNIT_BYTES
const WINDOW_UNITS = 2 ** 28
/** Type ids are 16 bits of a cell header. */
const TYPE_ID_LIMIT = 0x1_0000
/** So many cells must follow each other before a place is believed. */
const CHAIN = 3

export class FoundCells {
  /** Refs of live cells by type id, ascending. */
  readonly byType = new Map<number, Ref[]>()
  private readonly bits: Uint32Array
  private readonly typeLimit: number

  constructor(
    private readonly space: Space,
    private readonly endUnits: number,
    private readonly isDamaged: (page: number) => boolean,
  ) {
    this.bits = new Uint32Array(Math.ceil(endUnits / 32))
    const next = endUnits > STATE.nextTypeId ? space.windows[0]!.u32[STATE.nextTypeId]! : 0
    const possible = next >= C.FIRST_STORED_TYPE && next <= TYPE_ID_LIMIT
    this.typeLimit = possible ? next : TYPE_ID_LIMIT
    this.add(C.CATALOG_PAGE * PAGE_UNITS)
    this.add(C.TYPES_PAGE * PAGE_UNITS)
    for (let start = 0; start < endUnits; start += WINDOW_UNITS) {
      const first = start === 0 ? C.CHECKSUM_PAGE * PAGE_UNITS : start
      this.walk(space.windows[start >>> 28]!, first, Math.min(start + WINDOW_UNITS, endUnits))
    }
  }

  has(ref: number): boolean {
    return ref < this.endUnits && (this.bits[ref >>> 5]! & (1 << (ref & 31))) !== 0
  }

  unitsOf(ref: number): number {
    return this.space.windowOf(ref).u32[(ref & 0x0fff_ffff) << 1]! & C.CELL_SIZE_MASK
  }

  private walk(window: Window, from: number, end: number): void {
    for (let ref = from; ref < end;) {
      const units = this.possibleUnits(window, ref, end)
      if (units === 0) {
        ref = this.nextPlace(window, ref + 1, end)
        continue
      }
      this.add(ref)
      ref += units
    }
  }

  private add(ref: number): void {
    const { u32 } = this.space.windowOf(ref)
    const at = (ref & 0x0fff_ffff) << 1
    const units = u32[at]! & C.CELL_SIZE_MASK
    const typeId = u32[at + 1]! & 0xffff
    if ((u32[at]! & C.CELL_FREE) !== 0 || typeId === C.TYPE_FREE_PAGE || units === 0) return
    const lastPage = Math.floor((ref + units - 1) / PAGE_UNITS)
    for (let page = Math.floor(ref / PAGE_UNITS); page <= lastPage; page++) {
      if (this.isDamaged(page)) return
    }
    this.bits[ref >>> 5]! |= 1 << (ref & 31)
    const known = this.byType.get(typeId)
    if (known === undefined) this.byType.set(typeId, [ref as Ref])
    else known.push(ref as Ref)
  }

  /** Size of what may be a cell; 0 when it cannot be one. */
  private possibleUnits({ u32 }: Window, ref: number, end: number): number {
    const at = (ref & 0x0fff_ffff) << 1
    const header = u32[at]!
    const units = header & C.CELL_SIZE_MASK
    const typeId = u32[at + 1]! & 0xffff
    if (units < C.MINIMUM_CELL_UNITS || ref + units > end) return 0
    if ((header & C.CELL_FREE) !== 0) {
      const footer = u32[at + (units << 1) - 2]
      return typeId === C.TYPE_FREE && footer === units ? units : 0
    }
    return typeId > C.TYPE_FREE && typeId < this.typeLimit ? units : 0
  }

  private nextPlace(window: Window, from: number, end: number): number {
    for (let ref = from; ref < end; ref++) {
      if (window.u32[(ref & 0x0fff_ffff) << 1] !== 0 && this.chains(window, ref, end)) return ref
    }
    return end
  }

  private chains(window: Window, from: number, end: number): boolean {
    let ref = from
    for (let count = 0; count < CHAIN && ref < end; count++) {
      const units = this.possibleUnits(window, ref, end)
      if (units === 0) return false
      ref += units
    }
    return true
  }
}
