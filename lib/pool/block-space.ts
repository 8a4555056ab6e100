/**
 * The space of a block region: cells and pages in blocks (span-space.ts), large objects, and what
 * is freed or undone. Objects of more than half a block are runs of blocks of their own. What is
 * freed before the whole region is may be used again (free-cells.ts).
 *
 * A1 to A5 are in span-space.ts.
 */
import { C } from '../../formats/index.js'
import type { SavepointSpace } from '../region/base/open-session.js'
import type { OutboundHead } from '../space/outbound.js'
import type { Ref } from '../space/ref.js'
import { Room } from '../space/rooms.js'
import { BLOCK_UNITS } from './area.js'
import { FreeCells } from './free-cells.js'
import { Savepoint } from './savepoints.js'
import { LARGE_UNITS, NEVER, SpanSpace } from './span-space.js'
import { cellsOf, walkBlocks } from './walk.js'
import type { BlockWalk, Cell } from './walk.js'

const { CELL_SIZE_MASK, MINIMUM_CELL_UNITS, TYPE_FREE } = C
const SPARE_LIMIT = 8

/** The first cell is made once, and stays: no rollback takes it back. */
class KeptHead implements OutboundHead {
  constructor(private readonly space: BlockSpace) {}

  get(): Ref {
    return this.space.holdings.outboundHead
  }

  begin(create: () => Ref): void {
    this.space.holdings.outboundHead = this.space.apart(create)
  }

  end(): void {}
}

export class BlockSpace extends SpanSpace implements SavepointSpace {
  /** Open ones. */
  private rooms: Set<Room> | null = null

  // ── large objects ──

  protected override takeLarge(units: number): number {
    if (this.budget < units) throw this.full(units)
    const count = Math.ceil(units / BLOCK_UNITS)
    const start = this.pool.area.takeRun(count)
    this.budget -= units
    this.holdings.noteRun(start, count)
    const ref = start * BLOCK_UNITS
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & 0x0fff_ffff) << 1
    u32[at] = units
    u32[at + 1] = this.pool.nextGeneration() << 16
    return ref
  }

  // ── rooms ──

  /** Only a large one, and not in a savepoint: it is a run of blocks, filled from low to high. */
  override openRoom(units: number, typeId: number, onLost: () => void): Room | null {
    if (units <= LARGE_UNITS || this.savepoints.length !== 0 || this.budget < units) return null
    const ref = this.takeLarge(units)
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & 0x0fff_ffff) << 1
    u32[at + 1] = u32[at + 1]! | typeId
    const room = new Room(ref as Ref, units, 0, onLost)
    this.rooms ??= new Set()
    this.rooms.add(room)
    this.fit(room, units)
    return room
  }

  override extendRoom(room: Room, units: number): boolean {
    if (this.savepoints.length !== 0 || this.budget < units - room.units) return false
    const start = room.ref / BLOCK_UNITS
    const count = this.holdings.runs!.get(start)!
    const more = Math.ceil(units / BLOCK_UNITS) - count
    if (more > 0 && !this.pool.area.extendRun(start, count, more)) return false
    this.holdings.noteRun(start, Math.max(count, count + more))
    this.fit(room, units)
    return true
  }

  /** O1: as long as its blocks are. */
  private fit(room: Room, units: number): void {
    const most = this.holdings.runs!.get(room.ref / BLOCK_UNITS)! * BLOCK_UNITS
    const whole = this.isBounded ? units : Math.min(most, CELL_SIZE_MASK)
    this.budget -= whole - room.units
    room.units = whole
    this.windows[room.ref >>> 28]!.u32[(room.ref & 0x0fff_ffff) << 1] = whole
  }

  /** What remains is a large object still, however small. */
  override closeRoom(room: Room, units: number): void {
    this.rooms?.delete(room)
    if (units === 0) return this.free(room.ref)
    const start = room.ref / BLOCK_UNITS
    const count = this.holdings.runs!.get(start)!
    const kept = Math.max(units, LARGE_UNITS + 1)
    const blocks = Math.ceil(kept / BLOCK_UNITS)
    if (blocks < count) this.pool.area.giveRun(start + blocks, count - blocks)
    this.holdings.noteRun(start, blocks)
    this.budget += room.units - kept
    this.windows[room.ref >>> 28]!.u32[(room.ref & 0x0fff_ffff) << 1] = kept
  }

  /** Their builders must not write any more. */
  private loseRooms(): void {
    if (this.rooms === null) return
    for (const room of [...this.rooms]) {
      room.onLost()
      this.closeRoom(room, 0)
    }
  }

  // ── freeing and undoing ──

  override free(ref: Ref): void {
    this.onFree?.(ref)
    const savepoint = this.savepoints[this.savepoints.length - 1]
    const window = this.windows[ref >>> 28]!
    const at = ((ref & 0x0fff_ffff) << 1) + 1
    if (savepoint !== undefined) {
      savepoint.save(window, ref, 8)
      savepoint.freed.push(ref)
    }
    const stamp = window.u32[at]!
    window.u32[at] = ((stamp & 0xffff_0000) + 0x1_0000) | TYPE_FREE
    if (savepoint === undefined) this.reclaim(ref)
  }

  /** A large one is known by its size. */
  override trim(ref: Ref, units: number): void {
    const whole = this.windows[ref >>> 28]!.u32[(ref & 0x0fff_ffff) << 1]! & CELL_SIZE_MASK
    if (whole <= LARGE_UNITS) super.trim(ref, units)
  }

  /** Of a cell whose header says that it is free: another may have it. */
  private reclaim(ref: number): void {
    const units = this.windows[ref >>> 28]!.u32[(ref & 0x0fff_ffff) << 1]! & CELL_SIZE_MASK
    if (units > LARGE_UNITS) {
      const start = ref / BLOCK_UNITS
      this.pool.area.giveRun(start, this.holdings.runs!.get(start)!)
      this.holdings.runs!.delete(start)
      this.budget += units
    } else {
      this.freeCells ??= new FreeCells(this.windows)
      this.freeCells.put(ref)
      this.setLimit()
    }
  }

  override mark(ref: number, bytes: number): void {
    if (this.savepoints.length !== 0) {
      this.savepoints[this.savepoints.length - 1]!.save(this.windows[ref >>> 28]!, ref, bytes)
    }
  }

  savepoint(): void {
    this.savepoints.push(this.pool.spare.pop() ?? new Savepoint())
    this.limit = NEVER
  }

  releaseSavepoint(): void {
    const savepoint = this.savepoints.pop()!
    const outer = this.savepoints[this.savepoints.length - 1]
    if (outer !== undefined) savepoint.joinInto(outer)
    else for (const ref of savepoint.freed) this.reclaim(ref)
    this.setLimit()
    this.putAside(savepoint)
  }

  rollbackSavepoint(): void {
    this.detachAll()
    const savepoint = this.savepoints.pop()!
    savepoint.putBack()
    const outer = this.savepoints[this.savepoints.length - 1]
    for (const ref of savepoint.allocated) {
      outer?.allocated.push(ref)  // should that be rolled back too, the cell lives again
      this.free(ref as Ref)
    }
    this.setLimit()
    this.putAside(savepoint)
  }

  /** Under a bound there is one for each operation: they are used again. */
  private putAside(savepoint: Savepoint): void {
    savepoint.clear()
    if (this.pool.spare.length < SPARE_LIMIT) this.pool.spare.push(savepoint)
  }

  /** Of savepoints. */
  get depth(): number {
    return this.savepoints.length
  }

  /** Runs what no rollback takes back. */
  apart<R>(fn: () => R): R {
    const open = this.savepoints.splice(0)
    this.setLimit()
    try {
      return fn()
    } finally {
      this.savepoints.push(...open)
      this.setLimit()
    }
  }

  /** Of the list of packed regions that the region names. */
  get outboundHead(): OutboundHead {
    return new KeptHead(this)
  }

  /** The region was moved, and its free cells with it. */
  relistFree(): void {
    if (this.freeCells === null) return
    const cells = [...this.cells()]
    this.freeCells = new FreeCells(this.windows)
    for (const { ref, free } of cells) if (free) this.freeCells.put(ref)
  }

  // ── the whole region ──

  /** Nothing will be allocated any more: the rest of the last block is the next region's. */
  seal(): void {
    const { span } = this
    this.loseRooms()
    this.close()
    this.limit = NEVER
    this.span = null
    if (span === null || span.isSlab || this.isBounded) return
    const units = span.next - span.low
    if (units < MINIMUM_CELL_UNITS) return
    span.tailUnits = units
    this.pool.tails.add({ low: span.low, high: span.next })
  }

  release(): void {
    this.loseRooms()
    this.close()
    this.limit = NEVER
    this.span = null
    this.holdings.release()
  }

  /** Whether a ref is in this region's memory. */
  holds(ref: number): boolean {
    const { runs, spans } = this.holdings
    if (ref % BLOCK_UNITS === 0 && runs?.has(ref / BLOCK_UNITS)) return true
    this.close()
    for (const { base, low, next, high } of spans) {
      if (ref >= base && ref < high) return ref >= next || ref < low
    }
    return false
  }

  /** Every cell and page of its blocks, free ones too. A2. */
  cells(): IterableIterator<Cell> {
    this.close()
    return cellsOf(this.windows, this.holdings)
  }

  /** Checks its cells and free lists, and tells of every live cell. */
  walk(visit: (cell: Cell) => void): BlockWalk {
    this.close()
    const lists = this.depth === 0 ? this.freeCells : undefined
    return walkBlocks(this.windows, this.holdings, lists, visit)
  }

  /** Units of cells that live, of free cells, and those that it has of the pool. */
  usage(): { live: number; free: number; held: number } {
    this.close()
    let [used, held] = [0, 0]
    for (const { base, low, next, high, tailUnits } of this.holdings.spans) {
      used += low - base + high - next
      held += high - base - tailUnits
    }
    for (const count of this.holdings.runs?.values() ?? []) {
      used += count * BLOCK_UNITS
      held += count * BLOCK_UNITS
    }
    const free = this.freeCells?.units ?? 0
    return { live: used - free, free, held }
  }
}
