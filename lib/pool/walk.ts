/**
 * A walk over the cells of a region's spans and its large objects, which checks their allocation:
 * A1 and A2 of span-space.ts, and that its free lists hold exactly its free cells. Every unit that
 * the region has of its pool is counted once: as a live cell, as free (free cells, what is between
 * pages and cells, what a run is longer than its object), or as unknown, where the walk has lost
 * its way.
 */
import { C } from '../../formats/index.js'
import { PAGE_UNITS, wordIndexOf } from '../space/ref.js'
import type { Ref } from '../space/ref.js'
import type { SpaceProblem } from '../space/walk.js'
import type { Window } from '../space/window.js'
import { BLOCK_UNITS } from './area.js'
import type { FreeCells } from './free-cells.js'
import type { Holdings, Span } from './holdings.js'
import { LARGE_UNITS } from './span-space.js'

const { CELL_SIZE_MASK, CELL_FREE, MINIMUM_CELL_UNITS, TYPE_FREE, TYPE_FREE_PAGE } = C

export interface Cell {
  readonly ref: Ref
  /** With the header. */
  readonly units: number
  readonly typeId: number
  readonly free: boolean
}

export interface BlockWalk {
  readonly problems: SpaceProblem[]
  liveUnits: number
  freeUnits: number
  unknownUnits: number
}

/** Ends in a span where there is no cell that could be one. */
export function* cellsOf(windows: readonly Window[], holdings: Holdings): IterableIterator<Cell> {
  for (const span of holdings.spans) {
    yield* pagesOf(windows, span)
    for (let ref = span.next; ref < span.high; ) {
      const cell = cellAt(windows, ref)
      if (!fits(cell, span.high)) break
      yield cell
      ref += cell.units
    }
  }
  for (const start of holdings.runs?.keys() ?? []) yield cellAt(windows, start * BLOCK_UNITS)
}

function* pagesOf(windows: readonly Window[], { base, low }: Span): IterableIterator<Cell> {
  const first = Math.ceil(base / PAGE_UNITS) * PAGE_UNITS
  for (let ref = first; ref + PAGE_UNITS <= low; ref += PAGE_UNITS) yield cellAt(windows, ref)
}

const fits = ({ ref, units }: Cell, end: number): boolean =>
  units >= MINIMUM_CELL_UNITS && ref + units <= end

function cellAt(windows: readonly Window[], ref: number): Cell {
  const { u32 } = windows[ref >>> 28]!
  const at = wordIndexOf(ref)
  const typeId = u32[at + 1]! & 0xffff
  const free = (u32[at]! & CELL_FREE) !== 0 || typeId === TYPE_FREE_PAGE || typeId === TYPE_FREE
  return { ref: ref as Ref, units: u32[at]! & CELL_SIZE_MASK, typeId, free }
}

class Walker implements BlockWalk {
  readonly problems: SpaceProblem[] = []
  liveUnits = 0
  freeUnits = 0
  unknownUnits = 0
  /** Free cells and pages: their units by ref. */
  readonly freeCells = new Map<number, number>()

  constructor(
    private readonly windows: readonly Window[],
    private readonly visit: (cell: Cell) => void,
  ) {}

  span(span: Span): void {
    const { base, low, next, high, tailUnits } = span
    if (low < base || next < low || high < next) {
      const what = `Pages end at ${low}, cells begin at ${next}, in a part from ${base} to ${high}.`
      this.problem('SPAN', base, what)
      this.unknownUnits += high - base
      return
    }
    const pages = Math.floor((low - Math.ceil(base / PAGE_UNITS) * PAGE_UNITS) / PAGE_UNITS)
    this.freeUnits += next - base - Math.max(0, pages) * PAGE_UNITS - tailUnits
    for (const page of pagesOf(this.windows, span)) this.page(page)
    for (let ref = next; ref < high; ) {
      const cell = cellAt(this.windows, ref)
      if (!fits(cell, high) || cell.units > LARGE_UNITS) {
        this.problem('CELL_SIZE', ref, `The cell at ref ${ref} cannot have ${cell.units} units.`)
        this.unknownUnits += high - ref
        return
      }
      this.cell(cell)
      ref += cell.units
    }
  }

  private page(page: Cell): void {
    const { ref, units } = page
    if (units === PAGE_UNITS) return this.cell(page)
    this.problem('CELL_SIZE', ref, `The page at ref ${ref} cannot have ${units} units.`)
    this.unknownUnits += PAGE_UNITS
  }

  run(start: number, count: number): void {
    const cell = cellAt(this.windows, start * BLOCK_UNITS)
    if (fits(cell, (start + count) * BLOCK_UNITS) && !cell.free) {
      this.freeUnits += count * BLOCK_UNITS - cell.units
      return this.cell(cell)
    }
    const { ref, units } = cell
    this.problem('CELL_SIZE', ref, `The large object at ref ${ref} cannot have ${units} units.`)
    this.unknownUnits += count * BLOCK_UNITS
  }

  private cell(cell: Cell): void {
    const { ref, units, typeId, free } = cell
    if (free) {
      this.freeCells.set(ref, units)
      this.freeUnits += units
      return
    }
    if (typeId === 0) this.problem('CELL_TYPE', ref, `The cell at ref ${ref} has no type.`)
    this.liveUnits += units
    this.visit(cell)
  }

  /** Every list holds free cells of its sizes, and each free cell is in one. */
  lists(lists: FreeCells | null): void {
    const seen = new Set<number>()
    for (const { ref, fits } of lists?.listed() ?? []) {
      const units = this.freeCells.get(ref)
      if (units === undefined || seen.has(ref)) {
        this.problem('FREE_LINK', ref, `A list of free cells leads to ref ${ref}, no free cell.`)
        return
      }
      seen.add(ref)
      if (!fits) this.problem('FREE_CLASS', ref, `The free cell at ref ${ref} is in a wrong list.`)
    }
    const sum = [...this.freeCells.values()].reduce((total, units) => total + units, 0)
    const [count, units] = [lists?.count ?? 0, lists?.units ?? 0]
    const { size } = this.freeCells
    if (seen.size === size && count === size && units === sum) return
    this.problem('FREE_LISTS', 0,
      `${size} free cells of ${sum} units found, ${seen.size} in lists, `
      + `${count} of ${units} units counted.`)
  }

  private problem(code: string, ref: number, message: string): void {
    this.problems.push({ code, ref, message })
  }
}

/** See above. `lists` undefined: what was freed in a savepoint is in none yet. */
export function walkBlocks(
  windows: readonly Window[],
  { spans, runs }: Holdings,
  lists: FreeCells | null | undefined,
  visit: (cell: Cell) => void,
): BlockWalk {
  const walker = new Walker(windows, visit)
  for (const span of spans) walker.span(span)
  for (const [start, count] of runs ?? []) walker.run(start, count)
  if (lists !== undefined) walker.lists(lists)
  return walker
}
