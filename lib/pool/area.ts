/**
 * The address space of a pool, cut into blocks of 64 KiB. In each window blocks for small cells are
 * taken from the low end upward, and runs of blocks for large objects from the high end downward,
 * until they meet; then the next window is begun.
 *
 *  G1. Block 0 is never given: its first unit would be ref 0, which is no ref.
 *  G2. A run never straddles a window (Space S3).
 *  G3. Free runs do not touch one another, nor the gap between the two ends: what would is merged.
 *  G4. What is free has been given back to the system, or was never touched: it reads as zero.
 */
import { RStoreError } from '../errors.js'
import { WINDOW_UNITS } from '../space/ref.js'
import type { PoolMemory } from './memory.js'

/** 64 KiB. */
export const BLOCK_UNITS = 0x2000
const WINDOW_BLOCKS = WINDOW_UNITS / BLOCK_UNITS
export const BLOCK_COUNT = 16 * WINDOW_BLOCKS
/** More than there are blocks: sizes and starts of runs in one sortable number. */
const START_LIMIT = 2 ** 20

/** The first of those in a sorted list that is not below `value`. */
function firstFrom(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}

export class Area {
  /** Of each window: the blocks from here on up to `highs` have not been taken. */
  private readonly lows: number[] = []
  private readonly highs: number[] = []
  /** Free runs: blocks by start, starts by end, and both in order of size. */
  private readonly byStart = new Map<number, number>()
  private readonly byEnd = new Map<number, number>()
  private readonly bySize: number[] = []
  /** Blocks in runs of large objects that live, and in free runs. */
  liveRunBlocks = 0
  freeRunBlocks = 0

  constructor(private readonly memory: PoolMemory) {}

  /** A block that nobody has had. Throws RSTORE_NO_MEMORY. */
  takeBlock(): number {
    const last = this.memory.count - 1
    if (last >= 0 && this.lows[last]! < this.highs[last]!) return this.lows[last]!++
    const older = this.windowWithRoom(1)
    return this.lows[older]!++
  }

  /** A run of blocks, all zero: the smallest that is large enough. Throws RSTORE_NO_MEMORY. */
  takeRun(count: number): number {
    if (count > WINDOW_BLOCKS) {
      throw new RStoreError('RSTORE_NO_MEMORY', 'an object of a block region has at most 2 GiB')
    }
    this.liveRunBlocks += count
    const index = firstFrom(this.bySize, count * START_LIMIT)
    if (index < this.bySize.length) return this.takeFree(this.bySize[index]! % START_LIMIT, count)
    const window = this.windowWithRoom(count)
    return (this.highs[window]! -= count)
  }

  /** The window with a gap of so many blocks; a new one when there is none. */
  private windowWithRoom(count: number): number {
    const { memory, lows, highs } = this
    for (let window = 0; window < memory.count; window++) {
      if (highs[window]! - lows[window]! >= count) return window
    }
    while (true) {
      const window = memory.count
      memory.addWindow()
      lows[window] = window * WINDOW_BLOCKS + (window === 0 ? 1 : 0)  // G1
      highs[window] = (window + 1) * WINDOW_BLOCKS
      if (highs[window]! - lows[window]! >= count) return window
    }
  }

  private takeFree(start: number, count: number): number {
    const found = this.forget(start)
    if (found > count) this.remember(start + count, found - count)
    return start
  }

  /** Takes back what `takeRun` gave, or a part of it. Its pages go to the system. G3, G4. */
  giveRun(start: number, count: number): void {
    this.liveRunBlocks -= count
    this.memory.giveBack(start * BLOCK_UNITS, count * BLOCK_UNITS)
    const window = Math.floor(start / WINDOW_BLOCKS)
    const windowEnd = (window + 1) * WINDOW_BLOCKS
    const before = this.byEnd.get(start)
    if (before !== undefined) {
      count += this.forget(before)
      start = before
    }
    const end = start + count
    if (end < windowEnd && this.byStart.has(end)) count += this.forget(end)
    if (start === this.highs[window]) this.highs[window]! += count
    else this.remember(start, count)
  }

  /** Makes a run longer at its end, when what is behind it is free. */
  extendRun(start: number, count: number, by: number): boolean {
    const behind = start + count
    const free = this.byStart.get(behind)
    if (free === undefined || free < by || behind % WINDOW_BLOCKS === 0) return false
    this.takeFree(behind, by)
    this.liveRunBlocks += by
    return true
  }

  private remember(start: number, count: number): void {
    this.byStart.set(start, count)
    this.byEnd.set(start + count, start)
    const size = count * START_LIMIT + start
    this.bySize.splice(firstFrom(this.bySize, size), 0, size)
    this.freeRunBlocks += count
  }

  private forget(start: number): number {
    const count = this.byStart.get(start)!
    this.byStart.delete(start)
    this.byEnd.delete(start + count)
    this.bySize.splice(firstFrom(this.bySize, count * START_LIMIT + start), 1)
    this.freeRunBlocks -= count
    return count
  }

  /** Blocks of the longest free run. */
  get longestFreeRun(): number {
    const { length } = this.bySize
    return length === 0 ? 0 : Math.floor(this.bySize[length - 1]! / START_LIMIT)
  }
}
