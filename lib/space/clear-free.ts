/**
 * Pages that lie in free cells as a whole, and their clearing. What is between the links of a free
 * cell and its size is garbage, and whoever takes the cell clears it (free-lists.ts): so to fill it
 * with zeros is a change like any other, that nobody can notice.
 */
import { C } from '../../formats/index.js'
import { CONTROL } from './allocation-words.js'
import type { ContiguousSpace } from './contiguous-space.js'
import { FreeLists } from './free-lists.js'
import { PAGE_UNITS, wordIndexOf } from './ref.js'

const PAGE_WORDS = C.PAGE_BYTES / 4
/** A free cell has its header and its links at its front, and its size in its last unit. */
const FRONT_UNITS = 2
const BACK_UNITS = 1

export interface PageRun { readonly first: number; readonly count: number }

/** Throws RSTORE_CORRUPT where the lists lead to what is no free cell; nothing was changed then. */
export function freeRuns({ windows, marks, control, firstDataPage }: ContiguousSpace): PageRun[] {
  const lists = new FreeLists(windows, marks, control)
  const runs: PageRun[] = []
  const cells = lists.cellsOf(PAGE_UNITS, firstDataPage * PAGE_UNITS, control[CONTROL.endUnits]!)
  for (const { ref, units } of cells) {
    const first = Math.ceil((ref + FRONT_UNITS) / PAGE_UNITS)
    const count = Math.floor((ref + units - BACK_UNITS) / PAGE_UNITS) - first
    if (count > 0) runs.push({ first, count })
  }
  return runs
}

/** Clears such pages in transactions that the caller begins and commits. */
export class FreeClearing {
  private runs: PageRun[] = []
  /** Index of the run that is next; in it, pages before `page` are done. */
  private next = 0
  private page = 0
  /** Pages looked at. */
  done = 0
  /** About how many there are. */
  total = 0

  constructor(private readonly space: ContiguousSpace) {}

  get isOver(): boolean {
    return this.next >= this.runs.length
  }

  /** At first, and whenever somebody else has committed: goes on from the page where it was. */
  look(): void {
    this.runs = freeRuns(this.space)
    const next = this.runs.findIndex(({ first, count }) => first + count > this.page)
    this.next = next < 0 ? this.runs.length : next
    this.total = this.runs.reduce((sum, { count }) => sum + count, 0)
  }

  /** Clears at most `limit` pages, looking at no more than `seenLimit`; gives how many it did. */
  some(limit: number, seenLimit: number): number {
    let changed = 0
    let seen = 0
    for (; !this.isOver && changed < limit && seen < seenLimit; seen++) {
      const { first, count } = this.runs[this.next]!
      this.page = Math.max(this.page, first)
      if (this.clearPage(this.page)) changed++
      if (++this.page >= first + count) this.next++
    }
    this.done += seen
    return changed
  }

  /** False when it was clear. */
  private clearPage(page: number): boolean {
    const ref = page * PAGE_UNITS
    const { u32 } = this.space.windows[ref >>> 28]!
    const from = wordIndexOf(ref)
    let at = from
    while (at < from + PAGE_WORDS && u32[at] === 0) at++
    if (at === from + PAGE_WORDS) return false
    this.space.mark(ref, C.PAGE_BYTES)
    u32.fill(0, from, from + PAGE_WORDS)
    return true
  }
}
