/**
 * How a block region allocates. Small cells are taken off the high end of a block downward, pages
 * for tree nodes off its low end upward; when they meet, the next block is taken. Large objects,
 * freeing and undoing are in block-space.ts.
 *
 *  A1. `allocate` costs one subtraction and one comparison: everything that needs more (the end of
 *      the block, memory to be cleared, free cells, a savepoint) raises `limit`, at the most above
 *      every ref. `limit` is never more than LARGE_UNITS below `next`: a larger object is always
 *      below it, so that no block has a cell of more than LARGE_UNITS, and what is freed is a run
 *      of blocks exactly if it is larger.
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
 * (A3) or, in blocks that were never used, once in 1,024 (A1): it costs about 1 ns a cell. A call
 * of a function of the addon that returns at once takes 175 ns. So a native slow path, however few
 * registers it saves, would be slower before it has done anything, and could gain 1 ns at most.
 */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { PAGE_UNITS, WINDOW_UNITS } from '../space/ref.js'
import type { Ref } from '../space/ref.js'
import { LARGEST_PAYLOAD_BYTES, refusePayload } from '../space/size-class.js'
import { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { BLOCK_UNITS } from './area.js'
import type { PoolCore } from './core.js'
import type { FreeCells } from './free-cells.js'
import { Holdings } from './holdings.js'
import type { Span } from './holdings.js'
import type { Savepoint } from './savepoints.js'
import { LARGEST_SLAB_UNITS } from './slabs.js'

const { CELL_SIZE_MASK, MINIMUM_CELL_UNITS } = C
/** 32 KiB: larger objects are runs of blocks. */
export const LARGE_UNITS = 4096
/** Cleared at a time. */
const CLEAR_UNITS = 512
/** Above every ref. */
export const NEVER = 2 ** 33

const pageFrom = (unit: number): number => Math.ceil(unit / PAGE_UNITS) * PAGE_UNITS

export abstract class SpanSpace extends Space {
  readonly holdings: Holdings
  protected next = 0
  /** A1. */
  protected limit = NEVER
  /** A3. */
  private cleared = 0
  /** Below this unit of the span all was zero when it was taken. */
  private cleanUpTo = 0
  private window: Window
  protected span: Span | null = null
  protected freeCells: FreeCells | null = null
  protected readonly savepoints: Savepoint[] = []
  /** Units that may still be taken; only where there is a bound. */
  protected budget: number

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
    if (payloadBytes > LARGEST_PAYLOAD_BYTES) refusePayload(payloadBytes)
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
    this.next -= units
    if (this.next < this.cleared) this.clearDownTo(this.next)
    this.setLimit()
    return this.next
  }

  /** A3. */
  private clearDownTo(unit: number): void {
    const { low } = this.span!
    const to = Math.max(low, Math.min(unit, this.cleared - CLEAR_UNITS))
    this.pool.memory.clear(Math.max(to, this.cleanUpTo), this.cleared)
    this.cleared = to <= this.cleanUpTo ? low : to
  }

  /** A1. */
  protected setLimit(): void {
    const reuses = this.freeCells !== null && this.freeCells.count !== 0
    const isHeld = reuses || this.savepoints.length !== 0
    this.limit = isHeld ? NEVER : Math.max(this.cleared, this.next - LARGE_UNITS)
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
    const span = { base: slab.low, low: slab.low, next: high, high, isSlab: true, tailUnits: 0 }
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
    const span = { base: low, low, next: high, high, isSlab: false, tailUnits: 0 }
    this.close()
    this.holdings.spans.push(span)
    this.enter(span, this.pool.blocks.cleanUpTo(block))
  }

  protected full(units: number): RStoreError {
    return new RStoreError('RSTORE_REGION_FULL',
      `the block region was given a bound of ${this.boundUnits * 8} bytes, and ${units * 8} more `
      + 'do not fit. Nothing was changed; free something, or state a larger bound',
      { bound: this.boundUnits * 8, needed: units * 8 })
  }

  /** Writes back where the current span stands. */
  protected close(): void {
    if (this.span !== null) this.span.next = this.next
  }

  private enter(span: Span, cleanUpTo: number): void {
    this.span = span
    this.next = span.next
    this.cleared = span.next <= cleanUpTo ? span.low : span.next
    this.cleanUpTo = cleanUpTo
    this.window = this.windows[Math.floor(span.base / WINDOW_UNITS)]!
    this.setLimit()
  }

  /** An object of more than LARGE_UNITS, its size and generation in its header. */
  protected abstract takeLarge(units: number): number

  // ── pages ──

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
}
