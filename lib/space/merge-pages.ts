/**
 * Makes free cells of those free pages of trees that thereby become whole pages without a header,
 * links or a size of their own: of `n` in a row, `n` − 2, and one more for each end where a free
 * cell is. The others stay for the trees.
 */
import { C } from '../../formats/index.js'
import { CONTROL } from './allocation-words.js'
import type { ContiguousSpace } from './contiguous-space.js'
import { FreeLists } from './free-lists.js'
import { FreePages } from './free-pages.js'
import { PAGE_UNITS, WINDOW_MASK, wordIndexOf } from './ref.js'

const { CELL_FREE, CELL_PREVIOUS_FREE } = C

/** In transactions that the caller begins and commits. */
export class PageMerger {
  /** Of each page of the file, whether it is to be merged. */
  private wanted = new Uint8Array(0)
  /** How many are. */
  private left = 0
  /** Those up to this one in the list stay. */
  private previous = 0

  private readonly pages: FreePages
  private readonly lists: FreeLists

  constructor(private readonly space: ContiguousSpace) {
    const { windows, marks, control } = space
    this.pages = new FreePages(windows, marks)
    this.lists = new FreeLists(windows, marks, control)
  }

  get isOver(): boolean {
    return this.left === 0
  }

  /** At first, and whenever somebody else has committed: finds out which. */
  look(): void {
    const { control, firstDataPage } = this.space
    const end = control[CONTROL.endUnits]!
    const refs = this.pages.sorted(firstDataPage * PAGE_UNITS, end)
    this.wanted = new Uint8Array(Math.ceil(end / PAGE_UNITS))
    this.left = 0
    this.previous = 0
    for (let first = 0; first < refs.length;) {
      let count = 1
      while (isNext(refs[first]!, count, refs[first + count])) count++
      if (this.isWorthIt(refs[first]!, count)) {
        this.wanted.fill(1, refs[first]! / PAGE_UNITS, refs[first]! / PAGE_UNITS + count)
        this.left += count
      }
      first += count
    }
  }

  private isWorthIt(page: number, count: number): boolean {
    const end = page + count * PAGE_UNITS
    const before = (this.wordAt(page, 0) & CELL_PREVIOUS_FREE) !== 0
    const isCell = (end & WINDOW_MASK) !== 0 && end !== this.space.frontierUnits
    const behind = isCell && (this.wordAt(end, 0) & CELL_FREE) !== 0
    return count - 2 + Number(before) + Number(behind) > 0
  }

  /** Merges at most `limit`, looking at no more than `seenLimit`; gives how many it did. */
  some(limit: number, seenLimit: number): number {
    let merged = 0
    let page = this.previous === 0 ? this.pages.head : this.pages.behind(this.previous)
    for (let seen = 0; this.left > 0 && merged < limit && seen < seenLimit; seen++) {
      const next = this.pages.behind(page)
      if (this.wanted[page / PAGE_UNITS] === 0) {
        this.previous = page
      } else {
        this.toCell(page)
        merged++
        this.left--
      }
      page = next
    }
    return merged
  }

  /** F3. */
  private toCell(page: number): void {
    const flag = this.wordAt(page, 0) & CELL_PREVIOUS_FREE
    const generation = this.wordAt(page, 1) >>> 16
    this.pages.removeBehind(this.previous, page)
    this.lists.put(page, PAGE_UNITS, flag, generation)
  }

  private wordAt(ref: number, word: number): number {
    return this.space.windows[ref >>> 28]!.u32[wordIndexOf(ref) + word]!
  }
}

/** Whether `ref` is `count` pages behind `first`, in the same window. */
const isNext = (first: number, count: number, ref: number | undefined): boolean =>
  ref === first + count * PAGE_UNITS && (ref & WINDOW_MASK) !== 0
