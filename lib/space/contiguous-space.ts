/**
 * A contiguous space: memory that is one stretch of addresses, page 0 first, with marks, undo and
 * allocation state. Region files are such spaces over a private mapping; tests use one over plain
 * memory. It knows when a transaction and its savepoints begin and end, but not what that means:
 * locks, logs and epochs are its owner's.
 *
 * What the owner does, in order:
 *   beginTransaction → (savepoint → releaseSavepoint | rollbackSavepoint)* → prepareCommit →
 *   [dirtyPages, bitmap and everything from `endUnits` to the frontier goes to the log;
 *   control.endUnits = frontier] → endTransaction or, instead of the last three:
 *   rollbackTransaction → [memory from `endUnits` on reads as zero again]
 *
 *  V1. While no transaction runs, nobody changes bytes, and control.frontierUnits is not looked at.
 *  V2. `detachAll` (Space S5) has run before bytes are put back.
 *  V3. Past the frontier memory reads as zero: what a savepoint allocated is cleared here when it
 *      is rolled back, and what the whole transaction allocated by the owner, who can do it
 *      cheaply, or by `clearFresh`.
 *  V4. What is new may go to the file ahead of the commit (`writeAhead`; native/src/core/tail.cc):
 *      between two operations, when all cells before the frontier are filled, and who changes one
 *      marks it (Marks, M6): as it must be when a savepoint begins. So not while a room is open, a
 *      buffer over a cell is lent, or one structure is being filled while another is.
 */
import { C } from '../../formats/index.js'
import { CONTROL, STATE } from './allocation-words.js'
import { Allocator } from './allocator.js'
import type { Grow } from './allocator.js'
import { hide } from './hidden.js'
import { Marks } from './marks.js'
import { refOfPage, WINDOW_UNITS, wordIndexOf } from './ref.js'
import type { Ref } from './ref.js'
import { Room, Rooms } from './rooms.js'
import { Space } from './space.js'
import type { Window } from './window.js'

/** 4 MiB: large pages of the system, whose memory can be used again (native/src/core/fault). */
const AHEAD_UNITS = 0x8_0000

export interface ContiguousMemory {
  readonly windows: Window[]
  /** A ControlBlock. */
  readonly control: Uint32Array
  /** Zero, one bit for each line of the capacity. */
  readonly bitmap: Uint32Array
  /** Identity.firstDataPage. */
  readonly firstDataPage: number
  readonly grow: Grow
  /**
   * Begins to write what is new before a unit to its file; `changed` are the pages of the last
   * stretch that were marked since. Throws when it cannot.
   */
  readonly writeAhead?: (endUnits: number, changed: Uint32Array) => void
  /** The least that is written ahead, and of what its ends are multiples. */
  readonly aheadUnits?: number
  /**
   * Told of pages that a savepoint wrote to which was rolled back: their content is what it was,
   * but whoever keeps count of memory wants to know.
   */
  readonly touched?: (pages: Uint32Array) => void
  /** Of its file, for messages. */
  readonly path?: string
}

export class ContiguousSpace extends Space {
  declare readonly marks: Marks
  readonly control: Uint32Array
  readonly firstDataPage: number
  declare private readonly allocator: Allocator
  /** Frontier at the beginning of each open savepoint. */
  private readonly frontiers: number[] = []
  private readonly rooms = new Rooms()
  private readonly touched: ContiguousMemory['touched']
  private readonly write: ContiguousMemory['writeAhead']
  private readonly aheadUnits: number
  /** Of the stretch that was written ahead last. */
  private aheadFrom = 0
  private running = false

  constructor(memory: ContiguousMemory) {
    const {
      windows, control, bitmap, firstDataPage, grow, touched, writeAhead, aheadUnits = AHEAD_UNITS,
      path,
    } = memory
    super(windows)
    this.touched = touched
    this.write = writeAhead
    this.aheadUnits = aheadUnits
    this.control = control
    this.firstDataPage = firstDataPage
    const marks = new Marks(windows, bitmap)
    const where = path === undefined ? {} : { path }
    const allocator = new Allocator(windows, marks, control, firstDataPage, grow, where)
    hide(this, 'marks', marks)
    hide(this, 'allocator', allocator)
  }

  /** The allocation state of a new region, on a page of zeros. */
  static format(window: Window, firstDataPage: number): void {
    window.u32[STATE.frontierUnits] = refOfPage(firstDataPage)
    window.u32[STATE.nextTypeId] = C.FIRST_STORED_TYPE
  }

  override allocate(payloadBytes: number, typeId: number): Ref {
    return this.allocator.allocate(payloadBytes, typeId)
  }

  override allocatePage(typeId: number): Ref {
    return this.allocator.allocatePage(typeId)
  }

  override free(ref: Ref): void {
    this.onFree?.(ref)
    this.allocator.free(ref)
  }

  override mark(ref: number, bytes: number): void {
    this.marks.mark(ref, bytes)
  }

  override openRoom(units: number, typeId: number, onLost: () => void): Room | null {
    const { allocator } = this
    if (!this.running || !allocator.hasRoom(units) || allocator.avoidsFrontier(units)) return null
    const ref = this.allocator.bump(C.MINIMUM_CELL_UNITS, typeId)
    this.allocator.extend(ref, units)
    const room = new Room(ref, this.allocator.sizeOf(ref), this.frontiers.length, onLost)
    this.rooms.add(room)
    return room
  }

  override extendRoom(room: Room, units: number): boolean {
    if (this.frontiers.length > room.depth || !this.allocator.extend(room.ref, units)) return false
    room.units = this.allocator.sizeOf(room.ref)
    return true
  }

  override reusesInsteadOf(room: Room, units: number): boolean {
    return this.allocator.prefersFree(units, room.units)
  }

  override closeRoom(room: Room, units: number, written = room.units): void {
    room.written = units === 0 ? Math.min(written, room.units) : units
    if (units === 0) this.freeRoom(room)
    else this.allocator.shrink(room.ref, units)
    this.rooms.close(room, this.frontiers.length)
  }

  /** A4, V3: what goes back behind the frontier is cleared first. */
  private freeRoom({ ref, written }: Room): void {
    if (written >= 0 && this.allocator.isLast(ref)) {
      this.clearFresh(ref + C.MINIMUM_CELL_UNITS, ref + written)
      this.allocator.shrink(ref, 0)
    }
    this.allocator.free(ref)
  }

  /** A cell off the frontier, whatever is free: see Allocator.bump. */
  frontierTake(units: number, typeId: number): Ref {
    return this.allocator.bump(units, typeId)
  }

  override checkFault(): void {
    this.allocator.checkFault()
  }

  /** The frontier as the running transaction sees it. */
  get frontierUnits(): number {
    return this.control[CONTROL.frontierUnits]!
  }

  /** @param endUnits what lies before it can be rolled back */
  beginTransaction(endUnits = this.control[CONTROL.endUnits]!): void {
    this.running = true
    this.control[CONTROL.highUnits] = 0
    this.control[CONTROL.frontierUnits] = this.windows[0]!.u32[STATE.frontierUnits]!
    this.marks.open(endUnits)
  }

  /** V4. The caller says that no cell is being filled. */
  override writeAhead(own: number): void {
    const { control, write, aheadUnits } = this
    const end = this.frontierUnits - this.frontierUnits % aheadUnits
    const written = Math.max(control[CONTROL.aheadUnits]!, control[CONTROL.endUnits]!)
    if (end - written < aheadUnits || write === undefined || !this.running) return
    if (this.rooms.anyOpen || this.onFree !== null || this.watcherCount > own) return
    const changed = this.marks.changedIn(this.aheadFrom, control[CONTROL.aheadUnits]!)
    this.marks.advance(end)  // throws where there is no memory for it
    this.aheadFrom = written
    write(end, changed)
  }

  /** Writes the frontier to where it is committed. The last change of a transaction. */
  prepareCommit(): void {
    for (const room of this.rooms.takeOpen()) this.freeRoom(room)
    const { u32 } = this.windows[0]!
    const frontier = this.frontierUnits
    if (u32[STATE.frontierUnits] === frontier) return
    this.marks.mark(STATE.frontierUnits >>> 1, 8)
    u32[STATE.frontierUnits] = frontier
  }

  /** Forgets the marks of a committed transaction. */
  endTransaction(): void {
    this.running = false
    this.unwatchAll()
    this.marks.clear()
  }

  /** All of it is another's, or nobody's, from now on: O2 of rooms.ts. */
  abandon(): void {
    this.detachAll()
    this.unwatchAll()
    this.rooms.takeOpen()
    this.running = false
  }

  /** Puts back everything below the committed end. V2, V3. */
  rollbackTransaction(): void {
    this.detachAll()
    this.unwatchAll()
    this.rooms.takeOpen()
    this.running = false
    this.frontiers.length = 0
    this.marks.rollbackAll()
    this.control[CONTROL.frontierUnits] = this.windows[0]!.u32[STATE.frontierUnits]!
  }

  savepoint(): void {
    this.marks.begin(this.frontierUnits)
    this.frontiers.push(this.frontierUnits)
  }

  releaseSavepoint(): void {
    this.rooms.release(this.frontiers.length)
    this.frontiers.pop()
    this.marks.release()
  }

  /** V2, V3. */
  rollbackSavepoint(): void {
    this.detachAll()
    const putBack = this.rooms.keepEdges(this.frontiers.length, this.windows)
    this.rooms.rollback(this.frontiers.length)
    const frontier = this.frontiers.pop()!
    const touched = this.marks.rollback()
    this.clearFresh(frontier, this.frontierUnits)
    putBack()
    this.allocator.lowerTo(frontier)
    if (touched.length !== 0) this.touched?.(touched)
  }

  /**
   * Clears units that nothing will name any more; nothing past the capacity, where no cell can ever
   * be.
   */
  clearFresh(fromUnits: number, toUnits: number): void {
    const end = Math.min(toUnits, this.control[CONTROL.capacityUnits]!)
    for (let from = fromUnits; from < end; ) {
      const to = Math.min(end, (Math.floor(from / WINDOW_UNITS) + 1) * WINDOW_UNITS)
      const first = wordIndexOf(from)
      this.windows[from >>> 28]!.u32.fill(0, first, first + (to - from) * 2)
      from = to
    }
  }
}
