/**
 * Finds the cells of a damaged region without trusting anything that names them: cell after cell,
 * and where a header cannot be one, at the next place where several follow each other (places.ts).
 *
 *  F1. A cell is live when its header can be one, its type is not that of free cells, and none of
 *      its bytes lie on a page that is known to be damaged.
 *  F2. Free cells are stepped over whole, so that what was freed is not found again.
 *  F3. A header on a page that is known to be damaged leads nowhere. Where checksums are lost none
 *      is known: a long cell in which others follow each other counts, but does not lead on.
 */
import { C } from '../../../formats/index.js'
import { PAGE_UNITS, pageOf, WINDOW_UNITS, wordIndexOf } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import type { Space } from '../../space/space.js'
import type { Window } from '../../space/window.js'
import { Headers } from './headers.js'
import { Places } from './places.js'

/** Where cells may be: see Image. */
interface Extent { readonly firstPage: number; readonly endUnits: number }

export class FoundCells {
  /** Refs of live cells by type id, ascending. */
  readonly byType = new Map<number, Ref[]>()
  private readonly bits: Uint32Array
  private readonly endUnits: number
  private readonly headers: Headers
  private readonly places: Places

  constructor(
    private readonly space: Space,
    { firstPage, endUnits }: Extent,
    private readonly isDamaged: (page: number) => boolean,
  ) {
    this.endUnits = endUnits
    this.bits = new Uint32Array(Math.ceil(endUnits / 32))
    this.headers = new Headers(space, isDamaged)
    this.places = new Places(this.headers, pageOf(endUnits) + 1, this.findUsed())
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
    const units = this.headers.possibleUnits(this.space.windowOf(ref), ref, this.endUnits)
    for (let page = pageOf(ref); page <= pageOf(ref + Math.max(units, 1) - 1); page++) {
      if (this.isDamaged(page)) return true
    }
    return false
  }

  unitsOf(ref: number): number {
    return this.space.windowOf(ref).u32[wordIndexOf(ref)]! & C.CELL_SIZE_MASK
  }

  /** From where data begin, or, when that is not known, from before. */
  private walk(window: Window, from: number, end: number): void {
    const isSure = from > C.CHECKSUM_PAGE * PAGE_UNITS
    for (let ref = isSure ? from : this.places.nextPlace(window, from, end); ref < end;) {
      const units = this.headers.unitsAt(window, ref, end)
      if (units === 0) {
        ref = this.places.nextPlace(window, ref + 1, end)
        continue
      }
      this.add(ref)
      const next = ref + units
      ref = this.places.leadsOver(window, ref, next, end)
        ? this.places.nextPlace(window, ref + 1, end) : next
    }
  }

  private add(ref: number): void {
    const { u32 } = this.space.windowOf(ref)
    const at = wordIndexOf(ref)
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

  /** Up to where there is anything. */
  private findUsed(): number {
    for (let ref = this.endUnits - 1; ref >= 0; ref--) {
      const { u32 } = this.space.windowOf(ref)
      const at = wordIndexOf(ref)
      if (u32[at] !== 0 || u32[at + 1] !== 0) return ref + 1
    }
    return 0
  }
}
