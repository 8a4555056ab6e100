/**
 * Blocks of 64 KiB, and who uses them. Free blocks are on a stack: the block freed last is used
 * next, while it is still in the caches.
 *
 *  K1. A block is on the stack exactly when it has no users. Regions share a block when one begins
 *      in the rest that a sealed one left, or when both are small and bounded (slabs.ts).
 *  K2. Of each block it is known how many units at its end may be other than zero; what is below
 *      is zero. So a block that was never used needs no clearing.
 *  K3. The bottom of the stack, `cold` blocks, has been given back to the system. Whenever more
 *      than the watermark is idle above it, the coldest of those follow.
 */
import { hide } from '../space/hidden.js'
import { BLOCK_COUNT, BLOCK_UNITS } from './area.js'
import type { Area } from './area.js'
import type { PoolMemory } from './memory.js'

/** Given back at once: fewer are not worth the looking. */
const BATCH = 64

export class Blocks {
  private readonly stack: number[] = []
  private cold = 0
  declare private readonly users: Uint16Array
  /** K2. */
  declare private readonly dirtyUnits: Uint16Array
  /** Blocks that somebody uses. */
  live = 0

  constructor(
    private readonly memory: PoolMemory,
    private readonly area: Area,
    /** Idle blocks that are kept. */
    private readonly watermark: number,
  ) {
    hide(this, 'users', new Uint16Array(BLOCK_COUNT))
    hide(this, 'dirtyUnits', new Uint16Array(BLOCK_COUNT))
  }

  /** Blocks on the stack. */
  get free(): number {
    return this.stack.length
  }

  /** Of those, blocks that still have memory. */
  get idle(): number {
    return this.stack.length - this.cold
  }

  /** The number of a block with one user. Throws RSTORE_NO_MEMORY. */
  take(): number {
    const block = this.stack.pop() ?? this.area.takeBlock()
    if (this.stack.length < this.cold) this.cold = this.stack.length
    this.users[block] = 1
    this.live++
    return block
  }

  /** Another user. */
  share(block: number): void {
    this.users[block]!++
  }

  usersOf(block: number): number {
    return this.users[block]!
  }

  /** One user less: true when it was the last. */
  drop(block: number): boolean {
    if (--this.users[block]! > 0) return false
    this.live--
    this.stack.push(block)
    if (this.idle > this.watermark + BATCH) this.giveBack(this.idle - this.watermark)
    return true
  }

  /** K2: everything from this unit to the end of its block may have been written. */
  soil(from: number): void {
    const block = Math.floor(from / BLOCK_UNITS)
    const units = BLOCK_UNITS - from % BLOCK_UNITS
    if (units > this.dirtyUnits[block]!) this.dirtyUnits[block] = units
  }

  /** K2: the units of a block are zero up to this one. */
  cleanUpTo(block: number): number {
    return (block + 1) * BLOCK_UNITS - this.dirtyUnits[block]!
  }

  /** K3. */
  private giveBack(count: number): void {
    const to = this.cold + count
    const blocks = this.stack.slice(this.cold, to).sort((a, b) => a - b)
    for (let i = 0; i < blocks.length; ) {
      let end = i + 1
      while (end < blocks.length && blocks[end] === blocks[end - 1]! + 1) end++
      this.memory.giveBack(blocks[i]! * BLOCK_UNITS, (end - i) * BLOCK_UNITS)
      i = end
    }
    for (const block of blocks) this.dirtyUnits[block] = 0
    this.cold = to
  }

  /** Gives all idle memory back. */
  trim(): void {
    if (this.idle > 0) this.giveBack(this.idle)
  }
}
