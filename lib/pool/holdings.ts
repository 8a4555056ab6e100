/**
 * What a region has of its pool. Apart from the region itself, so that a finalizer can give it back
 * when the region was forgotten.
 */
import { outboundFrom } from '../space/outbound.js'
import type { Ref } from '../space/ref.js'
import { BLOCK_UNITS } from './area.js'
import type { PoolCore } from './core.js'

/**
 * A stretch of a block, or a slab: pages from `base` up to `low`, free units from there to `next`,
 * cells from there to `high`, without gaps.
 */
export interface Span {
  readonly base: number
  low: number
  next: number
  readonly high: number
  readonly isSlab: boolean
  /** Of the free units, the sealed region has left so many to the next one. */
  tailUnits: number
}

export class Holdings {
  readonly spans: Span[] = []
  /** Runs of blocks with a large object each: how many by the first one. */
  runs: Map<number, number> | null = null
  released = false
  /** At the ends of its spans, where nothing fitted. */
  wastedUnits = 0
  /** Of a region of a store: where the list of what it names begins; 0. */
  outboundHead = 0 as Ref
  /** Of a region of a store: told of each packed region that it named. Leads to no session. */
  letGoOf: ((id: number) => void) | null = null

  constructor(readonly pool: PoolCore) {}

  noteRun(start: number, count: number): void {
    this.runs ??= new Map()
    this.runs.set(start, count)
  }

  /** Of a region with one span, which was moved to another place. */
  replace(span: Span): void {
    const before = this.spans.pop()!
    this.spans.push(span)
    this.releaseSpan(before, false)
  }

  /** Gives everything back; `forgotten`: the spans do not say how far they are used. */
  release(forgotten = false): void {
    if (this.released) return
    this.released = true
    const { pool } = this
    this.letGoOfNamed()
    pool.wastedUnits -= this.wastedUnits
    for (const span of this.spans) this.releaseSpan(span, forgotten)
    if (this.runs !== null) for (const [start, count] of this.runs) pool.area.giveRun(start, count)
  }

  private letGoOfNamed(): void {
    const { outboundHead, letGoOf } = this
    if (letGoOf === null || outboundHead === 0) return
    const named = outboundFrom(this.pool.memory.windows, outboundHead)
    for (const { regionId } of named) letGoOf(regionId)
  }

  private releaseSpan(span: Span, forgotten: boolean): void {
    const { blocks, slabs, tails } = this.pool
    if (span.isSlab) return slabs.give(span.base)
    // Pages lie at the low end: then everything may be dirty.
    blocks.soil(forgotten || span.low > span.base ? span.base : span.next)
    const block = Math.floor(span.base / BLOCK_UNITS)
    if (blocks.usersOf(block) === 1) tails.forget(block)
    blocks.drop(block)
  }
}
