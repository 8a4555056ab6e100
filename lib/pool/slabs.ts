/**
 * Slabs: parts of blocks, of one size in each block, for regions that said that they will be small.
 * Free slabs of a block are a list in the slabs' own first words.
 */
import { BLOCK_UNITS } from './area.js'
import type { Blocks } from './blocks.js'
import type { PoolMemory } from './memory.js'

/** 256 bytes. */
const SMALLEST_UNITS = 32
/** 32 KiB. */
export const LARGEST_SLAB_UNITS = 4096

const classOf = (units: number): number =>
  Math.max(0, 32 - Math.clz32(Math.ceil(units / SMALLEST_UNITS) - 1))

/** A block of slabs. */
class SlabBlock {
  used = 0
  /** Slabs from this one on were never given. */
  fresh = 0
  /** Ref of the first of those that came back; 0. */
  freeHead = 0

  constructor(readonly number: number, readonly units: number) {}

  get isFull(): boolean {
    return this.freeHead === 0 && (this.fresh + 1) * this.units > BLOCK_UNITS
  }
}

export interface Slab {
  readonly low: number
  readonly units: number
  /** Zero up to here. */
  readonly cleanUpTo: number
}

export class Slabs {
  private readonly byNumber = new Map<number, SlabBlock>()
  /** By size: those with a free slab. The one that got one last comes last. */
  private readonly partial: Set<SlabBlock>[] = Array.from({ length: 8 }, () => new Set())
  /** Units of slabs that are in use, and of those that are not. */
  liveUnits = 0

  constructor(private readonly memory: PoolMemory, private readonly blocks: Blocks) {}

  /** A slab of at least so many units, in this block if one is given. Throws RSTORE_NO_MEMORY. */
  take(units: number, number?: number): Slab {
    const size = classOf(units)
    const block = number === undefined ? this.blockFor(size) : this.byNumber.get(number)!
    const slab = block.freeHead === 0 ? this.takeFresh(block) : this.takeFreed(block)
    block.used++
    this.liveUnits += block.units
    if (block.isFull) this.partial[size]!.delete(block)
    return slab
  }

  private blockFor(size: number): SlabBlock {
    for (const block of this.partial[size]!) return block
    const number = this.blocks.take()
    const block = new SlabBlock(number, SMALLEST_UNITS << size)
    this.memory.clear(this.blocks.cleanUpTo(number), (number + 1) * BLOCK_UNITS)
    this.blocks.soil(number * BLOCK_UNITS)
    this.byNumber.set(number, block)
    this.partial[size]!.add(block)
    return block
  }

  private takeFresh(block: SlabBlock): Slab {
    const low = block.number * BLOCK_UNITS + block.fresh++ * block.units
    return { low, units: block.units, cleanUpTo: low + block.units }
  }

  private takeFreed(block: SlabBlock): Slab {
    const low = block.freeHead
    block.freeHead = this.memory.windows[low >>> 28]!.u32[(low & 0x0fff_ffff) << 1]!
    return { low, units: block.units, cleanUpTo: low }
  }

  give(low: number): void {
    const number = Math.floor(low / BLOCK_UNITS)
    const block = this.byNumber.get(number)!
    const partial = this.partial[classOf(block.units)]!
    this.liveUnits -= block.units
    if (--block.used === 0) {
      partial.delete(block)
      this.byNumber.delete(number)
      this.blocks.drop(number)
      return
    }
    this.memory.windows[low >>> 28]!.u32[(low & 0x0fff_ffff) << 1] = block.freeHead
    block.freeHead = low
    partial.add(block)
  }

  /** How many slabs of its block are in use. */
  usedIn(low: number): number {
    return this.byNumber.get(Math.floor(low / BLOCK_UNITS))!.used
  }

  /** Another block with a slab of this size to spare and no fewer in use than that of `low`. */
  fuller(units: number, low: number): number | undefined {
    let best: SlabBlock | undefined
    const used = this.usedIn(low)
    const own = Math.floor(low / BLOCK_UNITS)
    for (const block of this.partial[classOf(units)]!) {
      if (block.number === own || block.used < used) continue
      if (best === undefined || block.used > best.used) best = block
    }
    return best?.number
  }

  /** Blocks of slabs. */
  get count(): number {
    return this.byNumber.size
  }
}
