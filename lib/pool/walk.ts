/** A walk over the cells of a region's spans and its large objects. */
import { C } from '../../formats/index.js'
import type { Ref } from '../space/ref.js'
import type { Window } from '../space/window.js'
import { BLOCK_UNITS } from './area.js'
import type { Holdings } from './holdings.js'

const { CELL_SIZE_MASK, CELL_FREE, MINIMUM_CELL_UNITS, TYPE_FREE, TYPE_FREE_PAGE } = C
const PAGE_UNITS = 512

export interface Cell {
  readonly ref: Ref
  /** With the header. */
  readonly units: number
  readonly typeId: number
  readonly free: boolean
}

/** Ends in a span where there is no cell that could be one. */
export function* cellsOf(windows: readonly Window[], holdings: Holdings): IterableIterator<Cell> {
  for (const span of holdings.spans) {
    const firstPage = Math.ceil(span.base / PAGE_UNITS) * PAGE_UNITS
    for (let ref = firstPage; ref + PAGE_UNITS <= span.low; ref += PAGE_UNITS) {
      yield cellAt(windows, ref)
    }
    for (let ref = span.next; ref < span.high; ) {
      const cell = cellAt(windows, ref)
      if (cell.units < MINIMUM_CELL_UNITS) break
      yield cell
      ref += cell.units
    }
  }
  for (const start of holdings.runs?.keys() ?? []) yield cellAt(windows, start * BLOCK_UNITS)
}

function cellAt(windows: readonly Window[], ref: number): Cell {
  const { u32 } = windows[ref >>> 28]!
  const at = (ref & 0x0fff_ffff) << 1
  const typeId = u32[at + 1]! & 0xffff
  const free = (u32[at]! & CELL_FREE) !== 0 || typeId === TYPE_FREE_PAGE || typeId === TYPE_FREE
  return { ref: ref as Ref, units: u32[at]! & CELL_SIZE_MASK, typeId, free }
}
