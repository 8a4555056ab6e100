/**
 * Takes what is free at the end of a contiguous space off it: the frontier comes down to the last
 * live cell. For whoever is alone with the region and lets go of it afterwards: elsewhere a view
 * may still show what was there, and a log may have a record that puts something there again.
 *
 *  N1. What ends at the frontier and is free is a free cell (AllocationState.lastFree), what is
 *      left of the page run, or a free page. It leaves its list, as if it had been allocated, and
 *      is then forgotten.
 *  N2. From the new frontier to the end of its page memory reads as zero afterwards (A4). Whole
 *      pages behind it stay as they are: the file loses them (native/src/core/handle.h, H9).
 */
import { C } from '../../formats/index.js'
import { CONTROL, STATE } from './allocation-words.js'
import type { ContiguousSpace } from './contiguous-space.js'
import { FreeLists } from './free-lists.js'
import { FreePages } from './free-pages.js'
import { PAGE_UNITS, wordIndexOf } from './ref.js'

const { CELL_PREVIOUS_FREE } = C

class Lowering {
  private readonly state: Uint32Array
  private readonly lists: FreeLists
  private readonly pages: FreePages
  /** Of each free page the one before it in the list; of the first 0. */
  private readonly before = new Map<number, number>()

  constructor(private readonly space: ContiguousSpace) {
    const { windows, marks, control, firstDataPage } = space
    this.state = windows[0]!.u32
    this.lists = new FreeLists(windows, marks, control)
    this.pages = new FreePages(windows, marks)
    const { length } = this.pages.sorted(firstDataPage * PAGE_UNITS, this.frontier)
    let page = 0
    for (let i = 0; i < length; i++) {
      const next = i === 0 ? this.pages.head : this.pages.behind(page)
      this.before.set(next, page)
      page = next
    }
  }

  private get frontier(): number {
    return this.space.control[CONTROL.frontierUnits]!
  }

  run(): void {
    const least = this.space.firstDataPage * PAGE_UNITS
    while (this.frontier > least && this.step()) {
      // one cell, run or page after the other
    }
  }

  /** N1. */
  private step(): boolean {
    const { state, frontier } = this
    const cell = state[STATE.lastFree]!
    const [next, end] = [state[STATE.pageRunNext]!, state[STATE.pageRunEnd]!]
    if (cell !== 0) {
      this.lists.remove(cell)
      this.endAt(cell)
    } else if (end === frontier && next < end) {
      this.setState(STATE.pageRunNext, 0)
      this.setState(STATE.pageRunEnd, 0)
      this.endAt(next)
    } else if (this.before.has(frontier - PAGE_UNITS)) {
      this.removePage(frontier - PAGE_UNITS)
      this.endAt(frontier - PAGE_UNITS)
    } else {
      return false
    }
    return true
  }

  private removePage(page: number): void {
    const previous = this.before.get(page)!
    const next = this.pages.behind(page)
    this.pages.removeBehind(previous, page)
    this.before.delete(page)
    if (next !== 0) this.before.set(next, previous)
  }

  /** N2. What is before `ref` may be free, too: the header there says so. */
  private endAt(ref: number): void {
    const { windows, marks, control } = this.space
    const { u32 } = windows[ref >>> 28]!
    const at = wordIndexOf(ref)
    const isFree = (u32[at]! & CELL_PREVIOUS_FREE) !== 0
    const lastFree = isFree ? ref - u32[at - 2]! : 0
    const pageEnd = Math.ceil(ref / PAGE_UNITS) * PAGE_UNITS
    const end = Math.min(pageEnd, this.frontier)
    if (end > ref) {
      marks.mark(ref, (end - ref) * C.UNIT_BYTES)
      u32.fill(0, at, at + (end - ref) * 2)
    }
    control[CONTROL.frontierUnits] = ref
    this.setState(STATE.lastFree, lastFree)
  }

  private setState(word: number, value: number): void {
    this.space.marks.mark(word >>> 1, 8)
    this.state[word] = value
  }
}

/**
 * Inside a transaction that the caller commits. Throws RSTORE_CORRUPT where the lists lead to what
 * is no free space; the transaction must be rolled back then.
 */
export function lowerFrontier(space: ContiguousSpace): void {
  new Lowering(space).run()
}
