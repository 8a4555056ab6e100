/**
 * Finds the cells of a damaged region without trusting anything that names them: cell after cell,
 * and where a header cannot be one, at the next place where several follow each other.
 *
 *  F1. A cell is live when its header can be one, its type is not that of free cells, and none of
 *      its bytes lie on a page that is known to be damaged.
 *  F2. Free cells are stepped over whole, so that what was freed is not found again.
 *  F3. A header on a damaged page leads nowhere: what it says may be anything. Behind such a page,
 *      and wherever a header cannot be one, the place to go on is where many cells follow each
 *      other. Before the next damaged page, where there may be few, it is where most do: no cell
 *      that leads over that page counts, nor what is behind it. A chain with a long cell, in which
 *      others follow each other, is none. A page that begins like a node of a tree, or like one
 *      with copies of descriptors, is one: keys and texts in it may look like cells. A place before
 *      it counts if the cells from there on lead to it.
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
/** Where so many cells follow each other a place is believed. */
const CHAIN = 16
/** So many will do before the end of the data. */
const LAST_CHAIN = 3
/** A cell as long as this may be none, but lead over others. */
const NEAR_UNITS = 2 * PAGE_UNITS
/** So far it is looked into. */
const LOOKED_AT_UNITS = 64 * PAGE_UNITS
const UNKNOWN_FLAGS = ~(C.CELL_SIZE_MASK | C.CELL_PREVIOUS_FREE | C.CELL_FREE)
const pageOf = (ref: number): number => Math.floor(ref / PAGE_UNITS)

/** Where cells may be: see Image. */
interface Extent { readonly firstPage: number; readonly endUnits: number }

export class FoundCells {
  /** Refs of live cells by type id, ascending. */
  readonly byType = new Map<number, Ref[]>()
  private readonly bits: Uint32Array
  /** For each page, the first damaged one from there on. */
  private readonly firstDamaged: Uint32Array
  private readonly endUnits: number
  private readonly usedUnits: number
  /** The number that the next type would get, or what is above all. */
  private readonly typeLimit: number
  /** The first long cell of the chain that was looked at last, if its end is not 0. */
  private longFrom = 0
  private longEnd = 0
  /** So many long cells are looked into, or it would take for ever. */
  private longLeft = 1000

  constructor(
    private readonly space: Space,
    { firstPage, endUnits }: Extent,
    private readonly isDamaged: (page: number) => boolean,
  ) {
    this.endUnits = endUnits
    this.usedUnits = this.findUsed()
    this.bits = new Uint32Array(Math.ceil(endUnits / 32))
    this.firstDamaged = this.findDamaged(pageOf(endUnits) + 1)
    this.typeLimit = this.knownTypeLimit() ?? TYPE_ID_LIMIT
    this.add(C.CATALOG_PAGE * PAGE_UNITS)
    this.add(C.TYPES_PAGE * PAGE_UNITS)
    for (let start = 0; start < endUnits; start += WINDOW_UNITS) {
      const first = start === 0 ? firstPage * PAGE_UNITS : start
      this.walk(space.windows[start >>> 28]!, first, Math.min(start + WINDOW_UNITS, endUnits))
    }
  }

  get count(): number {
    return [...this.byType.values()].reduce((sum, { length }) => sum + length, 0)
  }

  refsOf(typeId: number): readonly Ref[] {
    return this.byType.get(typeId) ?? []
  }

  has(ref: number): boolean {
    return ref < this.endUnits && (this.bits[ref >>> 5]! & (1 << (ref & 31))) !== 0
  }

  /** Whether nothing can be said of what was there, because of a damaged page. */
  isLost(ref: number): boolean {
    if (ref >= this.endUnits || this.has(ref)) return false
    const units = this.possibleUnits(this.space.windowOf(ref), ref, this.endUnits)
    for (let page = pageOf(ref); page <= pageOf(ref + Math.max(units, 1) - 1); page++) {
      if (this.isDamaged(page)) return true
    }
    return false
  }

  unitsOf(ref: number): number {
    return this.space.windowOf(ref).u32[(ref & 0x0fff_ffff) << 1]! & C.CELL_SIZE_MASK
  }

  /** As the allocation state says it, or the number of types; undefined when neither can be. */
  private knownTypeLimit(): number | undefined {
    const { u32 } = this.space.windows[0]!
    const entryCount = C.TYPES_PAGE * (C.PAGE_BYTES / 4) + 4
    const claims = [
      this.isDamaged(C.ALLOCATION_PAGE) ? 0 : u32[STATE.nextTypeId] ?? 0,
      this.isDamaged(C.TYPES_PAGE) ? 0 : C.FIRST_STORED_TYPE + (u32[entryCount] ?? 0),
    ]
    return claims.find((claim) => claim >= C.FIRST_STORED_TYPE && claim <= TYPE_ID_LIMIT)
  }

  /** From where data begin, or, when that is not known, from before. */
  private walk(window: Window, from: number, end: number): void {
    const isSure = from > C.CHECKSUM_PAGE * PAGE_UNITS
    for (let ref = isSure ? from : this.nextPlace(window, from, end); ref < end;) {
      const units = this.unitsAt(window, ref, end)
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
    const lastPage = pageOf(ref + units - 1)
    for (let page = pageOf(ref); page <= lastPage; page++) {
      if (this.isDamaged(page)) return
    }
    this.bits[ref >>> 5]! |= 1 << (ref & 31)
    const known = this.byType.get(typeId)
    if (known === undefined) this.byType.set(typeId, [ref as Ref])
    else known.push(ref as Ref)
  }

  /** F3. 0 when there is no cell that leads on. */
  private unitsAt(window: Window, ref: number, end: number): number {
    return this.isDamaged(pageOf(ref)) ? 0 : this.possibleUnits(window, ref, end)
  }

  /** Size of what may be a cell; 0 when it cannot be one. */
  private possibleUnits({ u32 }: Window, ref: number, end: number): number {
    const at = (ref & 0x0fff_ffff) << 1
    const header = u32[at]!
    const units = header & C.CELL_SIZE_MASK
    const typeId = u32[at + 1]! & 0xffff
    const isOne = units >= C.MINIMUM_CELL_UNITS && ref + units <= end
    if (!isOne || (header & UNKNOWN_FLAGS) !== 0) return 0
    if ((header & C.CELL_FREE) !== 0) {
      const footer = u32[at + (units << 1) - 2]
      const isFooter = footer === units || this.isDamaged(pageOf(ref + units - 1))
      return typeId === C.TYPE_FREE && isFooter ? units : 0
    }
    return typeId > C.TYPE_FREE && typeId < this.typeLimit ? units : 0
  }

  /** F3. */
  private nextPlace(window: Window, from: number, end: number): number {
    let best = { ref: end, count: 0 }
    for (let ref = from; ref < end; ref++) {
      if (this.isDamaged(pageOf(ref))) {
        if (best.count > 0) return best.ref
        ref = (pageOf(ref) + 1) * PAGE_UNITS - 1
      } else if (isPageOfOneCell(window, ref)) {
        return this.leadsTo(window, best.ref, ref) ? best.ref : ref
      } else if (window.u32[(ref & 0x0fff_ffff) << 1] !== 0) {
        const count = this.chainAt(window, ref, end)
        if (count < CHAIN && count > best.count) best = { ref, count }
        else if (count >= CHAIN && !this.skipsCells(window, end)) return ref
      }
    }
    return best.ref
  }

  /**
   * How many cells follow each other, up to CHAIN; 0 when one is followed by none. Notes the first
   * long one among them.
   */
  private chainAt(window: Window, from: number, end: number): number {
    let count = 0
    let ref = from
    this.longEnd = 0
    while (count < CHAIN && ref < end) {
      const units = this.unitsAt(window, ref, end)
      if (units === 0) break
      if (this.firstDamaged[pageOf(ref)]! < pageOf(ref + units)) return count
      if (units > NEAR_UNITS && this.longEnd === 0) {
        this.longFrom = ref
        this.longEnd = ref + units
      }
      ref += units
      count++
    }
    if (ref >= Math.min(end, this.usedUnits)) return count >= LAST_CHAIN ? CHAIN : 0
    return count >= CHAIN || this.isNextDamaged(from, ref) ? count : 0
  }

  /**
   * Whether the long cell of the chain that was looked at last is none: bytes that only look like
   * headers may lead far away, to cells that are some. Then there are others in between.
   */
  private skipsCells(window: Window, end: number): boolean {
    const { longFrom, longEnd } = this
    if (longEnd === 0 || this.longLeft === 0) return false
    this.longLeft--
    const last = Math.min(longEnd, longFrom + LOOKED_AT_UNITS)
    for (let ref = longFrom + 1; ref < last; ref++) {
      if (this.isDamaged(pageOf(ref))) ref = (pageOf(ref) + 1) * PAGE_UNITS - 1
      else if (this.chainAt(window, ref, end) >= CHAIN && this.longEnd === 0) return true
    }
    return false
  }

  /** Whether the cells from a place on lead to another one. */
  private leadsTo(window: Window, from: number, to: number): boolean {
    let ref = from
    for (let units = 1; ref < to && units > 0; ref += units) units = this.unitsAt(window, ref, to)
    return ref === to
  }

  /** Whether `to` is on the first damaged page behind `from`: few cells may not skip others. */
  private isNextDamaged(from: number, to: number): boolean {
    return this.firstDamaged[pageOf(from)] === pageOf(to)
  }

  private findDamaged(pageCount: number): Uint32Array {
    const first = new Uint32Array(pageCount)
    let next = 0xffff_ffff
    for (let page = pageCount - 1; page >= 0; page--) {
      if (this.isDamaged(page)) next = page
      first[page] = next
    }
    return first
  }

  /** Up to where there is anything. */
  private findUsed(): number {
    for (let ref = this.endUnits - 1; ref >= 0; ref--) {
      const { u32 } = this.space.windowOf(ref)
      const at = (ref & 0x0fff_ffff) << 1
      if (u32[at] !== 0 || u32[at + 1] !== 0) return ref + 1
    }
    return 0
  }
}

/** Whether a page begins like those that trees and copies of descriptors have to themselves. */
function isPageOfOneCell({ u32 }: Window, ref: number): boolean {
  if (ref % PAGE_UNITS !== 0) return false
  const at = (ref & 0x0fff_ffff) << 1
  if ((u32[at]! & ~C.CELL_PREVIOUS_FREE) !== PAGE_UNITS) return false
  const typeId = u32[at + 1]! & 0xffff
  const kind = u32[at + 2]! & 0xff
  return typeId === C.TYPE_DESCRIPTOR_COPIES
    || (typeId === C.TYPE_NODE && kind >= C.NODE_LEAF_FIXED && kind <= C.NODE_INNER_SLOTTED)
}
