/**
 * The free pages of a contiguous space, which trees gave back and trees take: a list through the
 * pages themselves, TYPE_FREE_PAGE. They are not merged with what is beside them, until somebody
 * wants whole stretches of free space (merge-pages.ts).
 *
 *  F1. A free page begins on a page and is one page long; its link is its third word.
 *  F2. AllocationState.freePageCount of them are in the list, each once.
 *  F3. To make a free cell of one is right at any time (allocator.ts does it for cells, one by
 *      one): the cell is merged with its neighbours, and trees carve pages out of free cells.
 * Everything is marked before it changes.
 */
import { C } from '../../formats/index.js'
import { STATE } from './allocation-words.js'
import { damagedAt } from './free-lists.js'
import type { Marks } from './marks.js'
import { PAGE_UNITS, WINDOW_MASK } from './ref.js'
import type { Window } from './window.js'

const { CELL_FREE, CELL_SIZE_MASK, TYPE_FREE_PAGE } = C

export class FreePages {
  private readonly state: Uint32Array

  constructor(
    private readonly windows: readonly Window[],
    private readonly marks: Marks,
  ) {
    this.state = windows[0]!.u32
  }

  get count(): number {
    return this.state[STATE.freePageCount]!
  }

  /** Ref of the first one, 0 when there is none. */
  get head(): number {
    return this.state[STATE.freePageHead]!
  }

  /** Ref of the one behind `page` in the list, 0 behind the last. */
  behind(page: number): number {
    return this.windows[page >>> 28]!.u32[((page & WINDOW_MASK) << 1) + 2]!
  }

  push(page: number, previousFree: number, generation: number): void {
    const { u32 } = this.windows[page >>> 28]!
    const at = (page & WINDOW_MASK) << 1
    this.marks.mark(page, 16)
    u32[at] = PAGE_UNITS | previousFree
    u32[at + 1] = TYPE_FREE_PAGE | (generation << 16)
    u32[at + 2] = this.head
    u32[at + 3] = 0
    this.setState(STATE.freePageHead, page)
    this.setState(STATE.freePageCount, this.count + 1)
  }

  /** Takes the first one, of which there must be one. Its header stays as it is. */
  pop(): number {
    const page = this.head
    this.removeBehind(0, page)
    return page
  }

  /** Takes `page` out, which is behind `previous` in the list; 0: it is the first. */
  removeBehind(previous: number, page: number): void {
    const next = this.behind(page)
    if (previous === 0) {
      this.setState(STATE.freePageHead, next)
    } else {
      this.marks.mark(previous + 1, 8)
      this.windows[previous >>> 28]!.u32[((previous & WINDOW_MASK) << 1) + 2] = next
    }
    this.setState(STATE.freePageCount, this.count - 1)
  }

  /**
   * All of them, ascending. Throws RSTORE_CORRUPT where the list leads to anything else; pages lie
   * in [from, end).
   */
  sorted(from: number, end: number): Uint32Array {
    const refs = new Uint32Array(Math.min(this.count, Math.ceil((end - from) / PAGE_UNITS)))
    let page = this.head
    for (let i = 0; i < refs.length; i++) {
      this.check(page, from, end)
      refs[i] = page
      page = this.behind(page)
    }
    if (page !== 0) throw damagedAt(page)
    return refs.sort()
  }

  /** F1. */
  private check(page: number, from: number, end: number): void {
    if (page < from || page + PAGE_UNITS > end || page % PAGE_UNITS !== 0) throw damagedAt(page)
    const { u32 } = this.windows[page >>> 28]!
    const at = (page & WINDOW_MASK) << 1
    const fits = (u32[at]! & CELL_SIZE_MASK) === PAGE_UNITS && (u32[at]! & CELL_FREE) === 0
      && (u32[at + 1]! & 0xffff) === TYPE_FREE_PAGE
    if (!fits) throw damagedAt(page)
  }

  private setState(word: number, value: number): void {
    this.marks.mark(word >>> 1, 8)
    this.state[word] = value
  }
}
