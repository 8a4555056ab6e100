/**
 * Cells and pages of a block region that were freed and may be used again before the whole region
 * goes. Up to 63 units there is a list for each size; beyond, one for each power of two, whose
 * cells are at least that long. What is left of a cell becomes a free cell of its own. Neighbours
 * are not merged: block regions are short-lived, and so an address is the beginning of cells for
 * good, and its generation only grows.
 */
import { C } from '../../formats/index.js'
import { PAGE_UNITS } from '../space/ref.js'
import type { Window } from '../space/window.js'

const EXACT = 64
/** 2^6 … 2^12 units. */
const POWERS = 7
const PAGES = EXACT + POWERS
const { MINIMUM_CELL_UNITS, CELL_SIZE_MASK, CELL_FREE, TYPE_FREE, TYPE_FREE_PAGE } = C

const floorLog = (units: number): number => 31 - Math.clz32(units)

export class FreeCells {
  /** Refs of the first ones. */
  private readonly heads = new Uint32Array(PAGES + 1)
  /** Free cells and pages. */
  count = 0
  units = 0

  constructor(private readonly windows: readonly Window[]) {}

  /** Puts a cell in, whose header says how long it is and what generation it has. */
  put(ref: number): void {
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & 0x0fff_ffff) << 1
    const units = u32[at]! & CELL_SIZE_MASK
    const isPage = units === PAGE_UNITS && ref % PAGE_UNITS === 0
    const list = isPage ? PAGES : this.listOf(units)
    u32[at] = isPage ? units : units | CELL_FREE
    u32[at + 1] = (u32[at + 1]! & 0xffff_0000) | (isPage ? TYPE_FREE_PAGE : TYPE_FREE)
    u32[at + 2] = this.heads[list]!
    this.heads[list] = ref
    this.count++
    this.units += units
  }

  private listOf(units: number): number {
    return units < EXACT ? units : EXACT + Math.min(floorLog(units), 12) - 6
  }

  /** A cell of at least so many units, at most two longer; 0 when there is none. Not cleared. */
  take(units: number): number {
    if (units < EXACT && this.heads[units] !== 0) return this.pop(units)
    const power = units < EXACT ? 6 : floorLog(units - 1) + 1
    for (let list = EXACT + power - 6; list < PAGES; list++) {
      if (this.heads[list] !== 0) return this.cut(this.pop(list), units)
    }
    return 0
  }

  takePage(): number {
    return this.heads[PAGES] === 0 ? 0 : this.pop(PAGES)
  }

  /** What is in the lists, and whether it is of the sizes of its list; ends where a list does. */
  *listed(): IterableIterator<{ ref: number; fits: boolean }> {
    for (const [list, head] of this.heads.entries()) {
      for (let ref = head; ref !== 0; ) {
        const { u32 } = this.windows[ref >>> 28]!
        const at = (ref & 0x0fff_ffff) << 1
        const units = u32[at]! & CELL_SIZE_MASK
        const isPage = units === PAGE_UNITS && ref % PAGE_UNITS === 0
        yield { ref, fits: list === (isPage ? PAGES : this.listOf(units)) }
        ref = u32[at + 2]!
      }
    }
  }

  private pop(list: number): number {
    const ref = this.heads[list]!
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & 0x0fff_ffff) << 1
    this.heads[list] = u32[at + 2]!
    this.count--
    this.units -= u32[at]! & CELL_SIZE_MASK
    return ref
  }

  private cut(ref: number, units: number): number {
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & 0x0fff_ffff) << 1
    const whole = u32[at]! & CELL_SIZE_MASK
    if (whole - units < MINIMUM_CELL_UNITS) return ref
    u32[at] = units
    const rest = at + units * 2
    u32[rest] = whole - units
    u32[rest + 1] = 0
    this.put(ref + units)
    return ref
  }
}
