/**
 * Allocation in a contiguous space. Its whole state is the page AllocationState, which is part of
 * every transaction like any other page, but for the frontier: that is the control block's while a
 * transaction runs (the fault handler has to know it), and is written to the page when it commits.
 *
 * From the first data page to the frontier, the space is a sequence of cells without gaps, so that
 * it can be walked: live cells, free cells (free-lists.ts), free pages, and what is left of the
 * page run, the last two of TYPE_FREE_PAGE.
 *
 *  A1. A new cell comes off the free cells, else off a free page when there are many, else off the
 *      frontier.
 *  A2. A page comes off the list of free pages, else off the page run, else out of a large free
 *      cell; else a new run is begun at the frontier. What lies between the frontier and the run
 *      becomes a free cell.
 *  A3. No cell off the frontier ends one or two units before the end of a page: it is made longer
 *      instead. So the gap to the next page (A2) or window (S3) is nothing or at least a free cell.
 *      Cells out of free ones end anywhere, but so that a free cell of three units or none remains
 *      behind them: whoever carves a page looks at what would be left on both sides. (Lowering the
 *      frontier, too, may leave it close to the end of a page, but not of a window: what was free
 *      there had three units.)
 *  A4. Past the frontier memory reads as zero, after a rollback too. So a cell off the frontier
 *      need not be cleared.
 *  A5. frontier − first data unit = allocatedUnits + freeUnits + 512 · freePageCount + pageRunEnd −
 *      pageRunNext.
 *  A6. Within a page nothing can go wrong, so capacity, growth, windows and faults are looked at
 *      only where a cell reaches a new one.
 *  A7. Nothing has been changed yet when RSTORE_REGION_FULL is thrown. After another error (a
 *      fault) the transaction must be rolled back.
 */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { CONTROL, STATE } from './allocation-words.js'
import { faultError } from './fault-error.js'
import { FreeLists } from './free-lists.js'
import { FreePages } from './free-pages.js'
import type { Marks } from './marks.js'
import { PAGE_UNITS, WINDOW_MASK, WINDOW_UNITS } from './ref.js'
import type { Ref } from './ref.js'
import { LARGEST_PAYLOAD_BYTES, refusePayload } from './size-class.js'
import type { Window } from './window.js'

const { CELL_FREE, CELL_PREVIOUS_FREE, CELL_SIZE_MASK, MINIMUM_CELL_UNITS } = C
const { TYPE_FREE, TYPE_FREE_PAGE } = C
/**
 * A cell larger than this is announced to `grow` before it is touched, and one that begins a
 * window: 64 KiB.
 */
const CHUNK_UNITS = 0x2000
/**
 * A free cell of this size contains a page however it lies, with nothing or a whole cell before it
 * and a whole cell behind it: where it begins two units before a page, these, the page, the next
 * one, and three units.
 */
const UNITS_AROUND_PAGE = 2 * PAGE_UNITS + 2 + MINIMUM_CELL_UNITS
/** So much that is free is no reason to copy: 4 MiB. */
const NEGLIGIBLE_UNITS = 0x8_0000
/** Free pages that are left to the trees before cells are made of them. */
const RESERVED_PAGES = 8
const LONGEST_RUN_PAGES = 16

/** Makes the file and its windows reach a unit: throws RSTORE_NO_SPACE when it cannot. */
export type Grow = (endUnits: number) => void

export class Allocator {
  private readonly state: Uint32Array
  private readonly lists: FreeLists
  private readonly pages: FreePages

  constructor(
    private readonly windows: readonly Window[],
    private readonly marks: Marks,
    private readonly control: Uint32Array,
    private readonly firstDataPage: number,
    private readonly grow: Grow,
    /** For messages: of what has a file. */
    private readonly where: { readonly path?: string },
  ) {
    this.state = windows[0]!.u32
    this.lists = new FreeLists(windows, marks, control)
    this.pages = new FreePages(windows, marks)
  }

  /** See Space.allocate. A1. */
  allocate(payloadBytes: number, typeId: number): Ref {
    if (payloadBytes > LARGEST_PAYLOAD_BYTES) refusePayload(payloadBytes)
    const units = payloadBytes <= 16 ? MINIMUM_CELL_UNITS : (payloadBytes + 15) >>> 3
    if (!this.lists.empty || this.pages.count > RESERVED_PAGES) {
      const ref = this.reuse(units, typeId)
      if (ref !== 0) return ref as Ref
    }
    return this.bump(units, typeId)
  }

  /**
   * A cell off the frontier, whatever is free: for arrays that are built in place. `units` counts
   * the header; the cell may be up to two units longer (A3). Payload zero.
   */
  bump(units: number, typeId: number): Ref {
    const frontier = this.control[CONTROL.frontierUnits]!
    const inPage = frontier & (PAGE_UNITS - 1)
    if (inPage === 0 || inPage + units > PAGE_UNITS - MINIMUM_CELL_UNITS) {
      return this.bumpAcross(frontier, units, typeId)
    }
    return this.placeAt(frontier, units, typeId)
  }

  /** Whether `bump` of so many units would fit, and into what is left of the window. */
  hasRoom(units: number): boolean {
    const frontier = this.control[CONTROL.frontierUnits]!
    const end = frontier + units + MINIMUM_CELL_UNITS
    const inWindow = frontier >>> 28 === Math.floor(end / WINDOW_UNITS)
    return inWindow && end <= this.control[CONTROL.capacityUnits]!
  }

  /**
   * Whether a cell of `units` should come out of what is free, though one at the frontier, of
   * `spareUnits` up to now, could stay without a copy. That holds where more is free than is in
   * use: so a file whose arrays are built anew again and again has a bound, twice what is live and
   * the largest of them.
   */
  prefersFree(units: number, spareUnits: number): boolean {
    const { state } = this
    const used = state[STATE.allocatedUnits]! - spareUnits
    return state[STATE.freeUnits]! > used && this.lists.find(units) !== 0
  }

  /** The same of one that is not there yet: whether it should not be begun at the frontier. */
  avoidsFrontier(units: number): boolean {
    return this.state[STATE.freeUnits]! > NEGLIGIBLE_UNITS && this.prefersFree(units, 0)
  }

  /** Whether nothing lies between a cell and the frontier. */
  isLast(ref: Ref): boolean {
    return ref + this.sizeAt(ref) === this.control[CONTROL.frontierUnits]!
  }

  /**
   * Makes the last cell before the frontier at least `units` long. False when it is not the last,
   * or cannot be so long. A3, A4. The file grows when the memory is touched: below the frontier the
   * fault handler sees to it.
   */
  extend(ref: Ref, units: number): boolean {
    const frontier = this.control[CONTROL.frontierUnits]!
    const end = ref + units + shortGap(ref + units)
    if (!this.isLast(ref)) return false
    if (end > this.control[CONTROL.capacityUnits]! || end - ref > CELL_SIZE_MASK) return false
    if (ref >>> 28 !== Math.floor((end - 1) / WINDOW_UNITS) || end <= frontier) return false
    if (frontier >>> 3 < this.marks.freshLine) this.marks.mark(frontier, (end - frontier) * 8)
    this.control[CONTROL.frontierUnits] = end
    this.resize(ref, end - ref)
    return true
  }

  /**
   * Cuts a cell to `units`, a little more where A3 wants it. What is cut off reads as zero where it
   * is given back to the frontier: A4.
   */
  shrink(ref: Ref, units: number): void {
    const before = this.sizeAt(ref)
    const size = Math.max(units, MINIMUM_CELL_UNITS)
    const end = ref + size + shortGap(ref + size)
    if (ref + before - end < MINIMUM_CELL_UNITS) return
    this.resize(ref, end - ref)
    if (ref + before !== this.control[CONTROL.frontierUnits]) {
      this.lists.put(end, ref + before - end, 0, 0)
    } else {
      this.lowerTo(end)
    }
  }

  /**
   * The frontier comes down; whoever commits learns how far memory was written (View, V6), and that
   * nothing behind it is ahead of the commit any more. What comes there next is marked for nothing.
   */
  lowerTo(units: number): void {
    const frontier = this.control[CONTROL.frontierUnits]!
    if (units < this.control[CONTROL.aheadUnits]!) {
      this.control[CONTROL.aheadUnits] = units - units % PAGE_UNITS
    }
    this.control[CONTROL.highUnits] = Math.max(this.control[CONTROL.highUnits]!, frontier)
    this.control[CONTROL.frontierUnits] = units
  }

  private resize(ref: number, units: number): void {
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & WINDOW_MASK) << 1
    const before = u32[at]! & CELL_SIZE_MASK
    this.marks.mark(ref, 8)
    u32[at] = u32[at]! - before + units
    this.addAllocated(units - before)
  }

  /** Units of a cell. */
  sizeOf(ref: Ref): number {
    return this.sizeAt(ref)
  }

  /** A6: within one page. */
  private placeAt(ref: number, units: number, typeId: number): Ref {
    if (ref >>> 3 < this.marks.freshLine) this.marks.mark(ref, units * 8)
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & WINDOW_MASK) << 1
    this.control[CONTROL.frontierUnits] = ref + units
    u32[at] = units | this.takeLastFree()
    u32[at + 1] = typeId
    this.addAllocated(units)
    return ref as Ref
  }

  /** A6: a cell that begins or reaches a page. A3, A7. */
  private bumpAcross(frontier: number, wanted: number, typeId: number): Ref {
    const straddles = frontier >>> 28 !== Math.floor((frontier + wanted - 1) / WINDOW_UNITS)
    const start = straddles ? ((frontier >>> 28) + 1) * WINDOW_UNITS : frontier
    const units = wanted + shortGap(start + wanted)
    const end = start + units
    if (end > this.control[CONTROL.capacityUnits]!) throw this.fullError(units)
    if (units > CHUNK_UNITS || (start & WINDOW_MASK) === 0) this.grow(end)
    if (start !== frontier) this.fillTo(start)
    const ref = this.placeAt(start, units, typeId)
    this.checkFault()
    return ref
  }

  /**
   * Moves the frontier on; what lies between becomes a free cell. A3: it is large enough to be one.
   */
  private fillTo(start: number): void {
    const frontier = this.control[CONTROL.frontierUnits]!
    const flag = this.takeLastFree()
    this.control[CONTROL.frontierUnits] = start
    this.lists.put(frontier, start - frontier, flag, 0)
  }

  /** L2: what the header at the frontier gets. */
  private takeLastFree(): number {
    if (this.state[STATE.lastFree] === 0) return 0
    this.setState(STATE.lastFree, 0)
    return CELL_PREVIOUS_FREE
  }

  /** A cell out of free cells or free pages, cleared; 0 when there is none. */
  private reuse(units: number, typeId: number): number {
    let ref = this.lists.find(units)
    if (ref === 0 && units <= PAGE_UNITS && this.pages.count > RESERVED_PAGES) {
      ref = this.breakPage()
      if (this.sizeAt(ref) < units) return 0
    }
    if (ref === 0) return 0
    const taken = this.lists.take(ref, units)
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & WINDOW_MASK) << 1
    this.marks.mark(ref, taken * 8)
    u32[at] = taken | (u32[at]! & CELL_PREVIOUS_FREE)
    u32[at + 1] = typeId | (u32[at + 1]! & 0xffff_0000)
    u32.fill(0, at + 2, at + (taken << 1))
    this.addAllocated(taken)
    return ref
  }

  /** Makes a free cell of a free page. Gives the ref of the cell that came of it. */
  private breakPage(): number {
    const page = this.pages.pop()
    const header = this.headerAt(page)
    const generation = this.windows[page >>> 28]!.u32[((page & WINDOW_MASK) << 1) + 1]! >>> 16
    return this.lists.put(page, PAGE_UNITS, header & CELL_PREVIOUS_FREE, generation)
  }

  /** See Space.allocatePage. A2. */
  allocatePage(typeId: number): Ref {
    let page = this.pages.head !== 0 ? this.pages.pop() : this.nextOfRun()
    if (page === 0) page = this.carvePage()
    if (page === 0) {
      this.beginRun()
      page = this.nextOfRun()
    }
    const { u32 } = this.windows[page >>> 28]!
    const at = (page & WINDOW_MASK) << 1
    this.marks.mark(page, C.LINE_BYTES)
    u32[at] = PAGE_UNITS | (u32[at]! & CELL_PREVIOUS_FREE)
    u32[at + 1] = typeId | (u32[at + 1]! & 0xffff_0000)
    this.addAllocated(PAGE_UNITS)
    return page as Ref
  }

  /**
   * The next page of the run, 0 when it is used up. What is left of the run gets its header anew.
   */
  private nextOfRun(): number {
    const page = this.state[STATE.pageRunNext]!
    const end = this.state[STATE.pageRunEnd]!
    if (page === end) return 0
    const next = page + PAGE_UNITS
    this.setState(STATE.pageRunNext, next)
    if (next !== end) this.writeRunHeader(next, end - next, 0)
    return page
  }

  private writeRunHeader(ref: number, units: number, previousFree: number): void {
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & WINDOW_MASK) << 1
    this.marks.mark(ref, 8)
    u32[at] = units | previousFree
    u32[at + 1] = TYPE_FREE_PAGE
  }

  /**
   * A page out of the middle of a free cell; what is before and behind it stays free. 0 when no
   * free cell is large enough.
   */
  private carvePage(): number {
    const cell = this.lists.find(UNITS_AROUND_PAGE)
    if (cell === 0) return 0
    const flag = this.headerAt(cell) & CELL_PREVIOUS_FREE
    const end = cell + this.lists.remove(cell)
    const page = pageFrom(cell)
    const { u32 } = this.windows[page >>> 28]!
    const at = (page & WINDOW_MASK) << 1
    this.marks.mark(page, 8)
    u32[at] = PAGE_UNITS | (page === cell ? flag : 0)
    if (page !== cell) {
      u32[at + 1] = 0
      this.lists.put(cell, page - cell, flag, 0)
    }
    this.lists.put(page + PAGE_UNITS, end - page - PAGE_UNITS, 0, 0)
    return page
  }

  /** A7. The run ends at a window's end at the latest, so that it is one cell. */
  private beginRun(): void {
    const frontier = this.control[CONTROL.frontierUnits]!
    const start = pageFrom(frontier)
    const windowEnd = (Math.floor(start / WINDOW_UNITS) + 1) * WINDOW_UNITS
    const limit = Math.min(windowEnd, this.control[CONTROL.capacityUnits]!)
    const inUse = Math.floor(frontier / PAGE_UNITS) - this.firstDataPage
    const wanted = Math.min(Math.max(1, inUse >>> 6), LONGEST_RUN_PAGES)
    const pages = Math.min(wanted, Math.floor((limit - start) / PAGE_UNITS))
    if (pages < 1) throw this.fullError(PAGE_UNITS)
    const units = pages * PAGE_UNITS
    if ((start & WINDOW_MASK) === 0) this.grow(start + units)
    if (start !== frontier) this.fillTo(start)
    const flag = this.takeLastFree()
    this.control[CONTROL.frontierUnits] = start + units
    this.writeRunHeader(start, units, flag)
    this.setState(STATE.pageRunNext, start)
    this.setState(STATE.pageRunEnd, start + units)
    this.checkFault()
  }

  /** See Space.free. */
  free(ref: Ref): void {
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & WINDOW_MASK) << 1
    const header = u32[at]!
    const stamp = u32[at + 1]!
    const units = header & CELL_SIZE_MASK
    const type = stamp & 0xffff
    if ((header & CELL_FREE) !== 0 || type <= TYPE_FREE || type === TYPE_FREE_PAGE || units === 0) {
      this.checkFault()
      throw new Error(`There is no cell at ref ${ref}: freed twice, or never allocated.`)
    }
    const flag = header & CELL_PREVIOUS_FREE
    const generation = ((stamp >>> 16) + 1) & 0xffff
    this.addAllocated(-units)
    if (isPage(ref, units)) this.pages.push(ref, flag, generation)
    else this.freeCell(ref, units, flag, generation)
  }

  /** A cell that has grown to be exactly one page again goes to the pages. */
  private freeCell(ref: number, units: number, flag: number, generation: number): void {
    const cell = this.lists.put(ref, units, flag, generation)
    if (!isPage(cell, this.sizeAt(cell))) return
    const { u32 } = this.windows[cell >>> 28]!
    const at = (cell & WINDOW_MASK) << 1
    this.lists.remove(cell)
    this.pages.push(cell, u32[at]! & CELL_PREVIOUS_FREE, u32[at + 1]! >>> 16)
  }

  private headerAt(ref: number): number {
    return this.windows[ref >>> 28]!.u32[(ref & WINDOW_MASK) << 1]!
  }

  private sizeAt(ref: number): number {
    return this.headerAt(ref) & CELL_SIZE_MASK
  }

  private setState(word: number, value: number): void {
    this.marks.mark(word >>> 1, 8)
    this.state[word] = value
  }

  private addAllocated(units: number): void {
    this.marks.mark(STATE.allocatedUnits >>> 1, 8)
    this.state[STATE.allocatedUnits]! += units
  }

  /** A6. */
  checkFault(): void {
    const fault = this.control[CONTROL.fault]!
    if (fault === 0) return
    throw faultError(fault, { ...this.where, page: this.control[CONTROL.faultPage]! })
  }

  private fullError(units: number): RStoreError {
    const capacityUnits = this.control[CONTROL.capacityUnits]!
    const { path } = this.where
    return new RStoreError(
      'RSTORE_REGION_FULL',
      `${path ?? 'The region'} is full: ${units * 8} bytes more do not fit into its capacity of ` +
        `${capacityUnits * 8} bytes. Delete something, or evacuate it into one of a larger ` +
        'capacity.',
      { ...this.where, bytes: units * 8, capacityBytes: capacityUnits * 8 },
    )
  }
}

/** A3: how much longer a cell that ends at `end` has to be. */
const shortGap = (end: number): number => {
  const gap = (PAGE_UNITS - (end % PAGE_UNITS)) % PAGE_UNITS
  return gap < MINIMUM_CELL_UNITS ? gap : 0
}

/** The first page boundary from `ref` on with nothing or a whole cell before it. */
const pageFrom = (ref: number): number => {
  const page = Math.ceil(ref / PAGE_UNITS) * PAGE_UNITS
  return page === ref || page - ref >= MINIMUM_CELL_UNITS ? page : page + PAGE_UNITS
}

const isPage = (ref: number, units: number): boolean =>
  units === PAGE_UNITS && (ref & (PAGE_UNITS - 1)) === 0
