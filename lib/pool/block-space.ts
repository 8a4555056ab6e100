/**
 * The space of a block region. Small cells are taken off the high end of a block downward, pages
 * for tree nodes off its low end upward; when they meet, the next block is taken. Objects of more
 * than half a block are runs of blocks of their own. What is freed before the whole region is may
 * be used again (free-cells.ts).
 *
 *  A1. `allocate` costs one subtraction and one comparison: everything that needs more (the end of
 *      the block, memory to be cleared, free cells, a savepoint) raises `limit`, at the most above
 *      every ref.
 *  A2. From `next` to the end of a span there are cells without gaps, each with its size in its
 *      header, so that a region can be walked. Pages lie without gaps from the first page of the
 *      span up to `low`.
 *  A3. Units from `cleared` to `next` are zero; what is below and was used before is cleared 4 KiB
 *      at a time, just before it is used.
 *  A4. Nothing has been changed yet when RSTORE_REGION_FULL is thrown.
 *  A5. A generation only grows while the region lives: cells never begin inside of what was another
 *      cell, other than in what is left of one that was cut. Large objects, whose memory goes back
 *      to the system, get generations from a counter of the pool.
 *
 * The slow path is TypeScript. Measured (Node 20, two busy cores): `allocate` of 32 bytes takes
 * 23 ns, with a trip through `allocateSlowly` 160 ns, and the trip is made once in 128 such cells
 * (A3) or, in blocks that were never used, once in 2,048: it costs about 1 ns a cell. A call of a
 * function of the addon that returns at once takes 175 ns. So a native slow path, however few
 * registers it saves, would be slower before it has done anything, and could gain 1 ns at most.
 */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import type { SavepointSpace } from '../region/open-session.js'
import type { Ref } from '../space/ref.js'
import { Room } from '../space/rooms.js'
import { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { BLOCK_UNITS } from './area.js'
import type { PoolCore } from './core.js'
import { FreeCells } from './free-cells.js'
import { Holdings } from './holdings.js'
import type { Span } from './holdings.js'
import { Savepoint } from './savepoints.js'
import { LARGEST_SLAB_UNITS } from './slabs.js'
import { cellsOf } from './walk.js'
import type { Cell } from './walk.js'

const { CELL_SIZE_MASK, MINIMUM_CELL_UNITS, TYPE_FREE } = C
const PAGE_UNITS = 512
/** 32 KiB: larger objects are runs of blocks. */
export const LARGE_UNITS = 4096
/** Cleared at a time. */
const CLEAR_UNITS = 512
/** Above every ref. */
const NEVER = 2 ** 33

const SPARE_LIMIT = 8

const pageFrom = (unit: number): number => Math.ceil(unit / PAGE_UNITS) * PAGE_UNITS

export class BlockSpace extends Space implements SavepointSpace {
  readonly holdings: Holdings
  /** Told of a cell that is about to be freed, when somebody has asked. */
  onFree: ((ref: number) => void) | null = null
  private next = 0
  /** A1. */
  private limit = NEVER
  /** A3. */
  private cleared = 0
  /** Below this unit of the span all was zero when it was taken. */
  private cleanUpTo = 0
  private window: Window
  private span: Span | null = null
  private freeCells: FreeCells | null = null
  private readonly savepoints: Savepoint[] = []
  /** Open ones. */
  private rooms: Set<Room> | null = null
  /** Units that may still be taken; only where there is a bound. */
  private budget: number

  /** @param boundUnits upper bound of what it holds; Infinity for none */
  constructor(readonly pool: PoolCore, readonly boundUnits: number, inBlock?: number) {
    super(pool.memory.windows)
    this.window = this.windows[0]!
    this.holdings = new Holdings(pool)
    this.budget = boundUnits
    if (boundUnits <= LARGEST_SLAB_UNITS) this.openSlab(inBlock)
  }

  get isBounded(): boolean {
    return this.boundUnits !== Infinity
  }

  // ── allocation ──

  override allocate(payloadBytes: number, typeId: number): Ref {
    const units = payloadBytes <= 16 ? MINIMUM_CELL_UNITS : (payloadBytes + 15) >>> 3
    const ref = this.next - units
    if (ref < this.limit) return this.allocateSlowly(units, typeId)
    this.next = ref
    const { u32 } = this.window
    const at = (ref & 0x0fff_ffff) << 1
    u32[at] = units
    u32[at + 1] = typeId
    return ref as Ref
  }

  private allocateSlowly(units: number, typeId: number): Ref {
    const ref = units > LARGE_UNITS ? this.takeLarge(units) : this.takeCell(units)
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & 0x0fff_ffff) << 1
    u32[at]! &= CELL_SIZE_MASK
    u32[at + 1] = (u32[at + 1]! & 0xffff_0000) | typeId
    this.savepoints[this.savepoints.length - 1]?.allocated.push(ref)
    return ref as Ref
  }

  /** A cell with its size and its generation in its header, zero behind it. */
  private takeCell(units: number): number {
    const freed = this.freeCells === null ? 0 : this.freeCells.take(units)
    if (freed !== 0) {
      const { u32 } = this.windows[freed >>> 28]!
      const at = (freed & 0x0fff_ffff) << 1
      u32.fill(0, at + 2, at + (u32[at]! & CELL_SIZE_MASK) * 2)
      this.setLimit()
      return freed
    }
    const fits = this.span !== null && this.next - units >= this.span.low
    const ref = fits ? this.bump(units) : this.beyond(units)
    this.windows[ref >>> 28]!.u32[(ref & 0x0fff_ffff) << 1] = units
    return ref
  }

  private bump(units: number): number {
    const ref = this.next - units
    if (ref < this.cleared) this.clearDownTo(ref)
    return (this.next = ref)
  }

  /** A3. */
  private clearDownTo(unit: number): void {
    const { low } = this.span!
    const to = Math.max(low, Math.min(unit, this.cleared - CLEAR_UNITS))
    this.pool.memory.clear(Math.max(to, this.cleanUpTo), this.cleared)
    this.cleared = to <= this.cleanUpTo ? low : to
    this.setLimit()
  }

  /** A1. */
  private setLimit(): void {
    const reuses = this.freeCells !== null && this.freeCells.count !== 0
    this.limit = reuses || this.savepoints.length !== 0 ? NEVER : this.cleared
  }

  /** A cell in another block: the one with more left of it is gone on with. */
  private beyond(units: number): number {
    const before = this.span
    const left = before === null ? -1 : this.next - before.low
    this.openBlock(units)
    const ref = this.bump(units)
    if (this.next - this.span!.low < left) this.goBackTo(before!)
    else if (before !== null) this.waste(left)
    return ref
  }

  private goBackTo(span: Span): void {
    this.waste(this.next - this.span!.low)
    this.close()
    this.enter(span, this.pool.blocks.cleanUpTo(Math.floor(span.base / BLOCK_UNITS)))
  }

  private waste(units: number): void {
    this.holdings.wastedUnits += units
    this.pool.wastedUnits += units
  }

  // ── spans ──

  private openSlab(inBlock: number | undefined): void {
    const slab = this.pool.slabs.take(this.boundUnits, inBlock)
    const high = slab.low + this.boundUnits
    const span = { base: slab.low, low: slab.low, next: high, high, isSlab: true }
    this.holdings.spans.push(span)
    this.enter(span, slab.cleanUpTo)
  }

  /** The next block, or what another region has left of one. A4. */
  private openBlock(units: number): void {
    if (this.boundUnits <= LARGEST_SLAB_UNITS || this.budget < units) throw this.full(units)
    const tail = this.span === null && !this.isBounded ? this.pool.tails.take(units) : undefined
    const block = tail === undefined ? this.pool.blocks.take() : Math.floor(tail.low / BLOCK_UNITS)
    if (tail !== undefined) this.pool.blocks.share(block)
    const high = tail?.high ?? (block + 1) * BLOCK_UNITS
    const low = Math.max(tail?.low ?? block * BLOCK_UNITS, high - this.budget)
    this.budget -= high - low
    const span = { base: low, low, next: high, high, isSlab: false }
    this.close()
    this.holdings.spans.push(span)
    this.enter(span, this.pool.blocks.cleanUpTo(block))
  }

  private full(units: number): RStoreError {
    return new RStoreError('RSTORE_REGION_FULL',
      `the block region was given a bound of ${this.boundUnits * 8} bytes, and ${units * 8} more `
      + 'do not fit. Nothing was changed; free something, or state a larger bound',
      { bound: this.boundUnits * 8, needed: units * 8 })
  }

  /** Writes back where the current span stands. */
  private close(): void {
    if (this.span !== null) this.span.next = this.next
  }

  private enter(span: Span, cleanUpTo: number): void {
    this.span = span
    this.next = span.next
    this.cleared = span.next <= cleanUpTo ? span.low : span.next
    this.cleanUpTo = cleanUpTo
    this.window = this.windows[Math.floor(span.base / 2 ** 28)]!
    this.setLimit()
  }

  // ── pages and large objects ──

  override allocatePage(typeId: number): Ref {
    const ref = this.takePage()
    const { u32 } = this.windows[ref >>> 28]!
    const at = (ref & 0x0fff_ffff) << 1
    u32[at + 1] = (u32[at] === PAGE_UNITS ? u32[at + 1]! & 0xffff_0000 : 0) | typeId
    u32[at] = PAGE_UNITS
    this.savepoints[this.savepoints.length - 1]?.allocated.push(ref)
    return ref as Ref
  }

  private takePage(): number {
    const freed = this.freeCells === null ? 0 : this.freeCells.takePage()
    if (freed !== 0) {
      this.setLimit()
      return freed
    }
    if (this.span === null || pageFrom(this.span.low) + PAGE_UNITS > this.next) this.openForPage()
    const span = this.span!
    const page = pageFrom(span.low)
    span.low = page + PAGE_UNITS
    if (this.cleared < span.low) {
      this.cleared = span.low
      this.setLimit()
    }
    const { u32 } = this.windows[page >>> 28]!
    u32[(page & 0x0fff_ffff) << 1] = 0
    return page
  }

  private openForPage(): void {
    const before = this.span
    const left = before === null ? 0 : this.next - before.low
    this.openBlock(Math.min(2 * PAGE_UNITS - 1, this.budget))
    if (pageFrom(this.span!.low) + PAGE_UNITS > this.next) throw this.full(PAGE_UNITS)
    if (left > 0) this.waste(left)
  }

  private takeLarge(units: number): number {
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

  // ── the whole region ──

  /** Nothing will be allocated any more: the rest of the last block is the next region's. */
  seal(): void {
    const { span } = this
    this.loseRooms()
    this.close()
    this.limit = NEVER
    this.span = null
    if (span === null || span.isSlab || this.isBounded) return
    if (span.next - span.low < MINIMUM_CELL_UNITS) return
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

  /** Units of cells that live, of free cells, and those that it has of the pool. */
  usage(): { live: number; free: number; held: number } {
    this.close()
    let [used, held] = [0, 0]
    for (const { base, low, next, high } of this.holdings.spans) {
      used += low - base + high - next
      held += high - base
    }
    for (const count of this.holdings.runs?.values() ?? []) {
      used += count * BLOCK_UNITS
      held += count * BLOCK_UNITS
    }
    const free = this.freeCells?.units ?? 0
    return { live: used - free, free, held }
  }
}
