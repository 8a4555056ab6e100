/**
 * A pool: 32 GiB of addresses of one thread, in blocks of 64 KiB, from which short-lived regions
 * are made. A region costs next to nothing, thousands may be alive at once, and what they hold is
 * no business of the garbage collector: it is given back at once when they are freed.
 *
 * A pool lives as long as its thread. What is in it cannot be passed to other threads.
 */
import { bytesOf } from '../region/base/options.js'
import type { Size } from '../region/base/options.js'
import { checkOptionNames } from '../types/options.js'
import { BLOCK_UNITS } from './area.js'
import { BlockRegion } from './block-region.js'
import { BlockSession } from './block-session.js'
import { BlockSpace } from './block-space.js'
import { PoolCore } from './core.js'
import { relocate } from './relocate.js'
import { PoolSessions } from './sessions.js'

const BLOCK_BYTES = BLOCK_UNITS * 8
const LEAST_BOUND = 64
const MOST_BOUND = 2 ** 35

export interface PoolOptions {
  /** Free memory beyond this is given back to the system. Default 64 MiB. */
  idleBytes?: Size
}

export interface BlockRegionOptions {
  /**
   * An upper bound of what the region will hold, at least 64 bytes. Small ones share blocks. Going
   * over it throws RSTORE_REGION_FULL and changes nothing.
   */
  bound?: Size
}

/** Never collected, as arrays over their memory may still be about. */
const pools = new Set<Pool>()

export class Pool {
  private static shared: Pool | undefined

  /** The pool of this thread, made at first use. */
  static get default(): Pool {
    return (Pool.shared ??= new Pool())
  }

  /** @internal */
  readonly sessions: PoolSessions
  private readonly core: PoolCore

  constructor(options: PoolOptions = {}) {
    checkOptionNames(options, 'Pool', ['idleBytes'])
    const { idleBytes = '64MiB' } = options
    this.core = new PoolCore(bytesOf(idleBytes, 'idleBytes'))
    this.sessions = new PoolSessions(this.core)
    pools.add(this)
  }

  /** A new region. Throws RSTORE_NO_MEMORY. See also Store.blockRegion. */
  region(options: BlockRegionOptions = {}): BlockRegion {
    checkOptionNames(options, 'pool.region', ['bound'])
    return this.regionWith(options, (space) => new BlockSession(this.sessions, space))
  }

  /** @internal One whose session knows more. */
  regionWith(
    { bound }: BlockRegionOptions, sessionOver: (space: BlockSpace) => BlockSession,
  ): BlockRegion {
    const units = bound === undefined ? Infinity : boundUnits(bound)
    const session = sessionOver(new BlockSpace(this.core, units))
    this.sessions.add(session)
    return new BlockRegion(session)
  }

  /**
   * Moves small sealed regions that have exactly one holder out of blocks that are hardly used, so
   * that those become free. Views of records that were moved are stale, as are maps in records;
   * readers, named maps and refs go on working.
   */
  compact(): void {
    relocate(this.core, this.sessions.sealed())
  }

  /** Gives all idle memory back to the system. */
  trim(): void {
    this.core.blocks.trim()
  }

  /**
   * Blocks (64 KiB each): `blocksLive`, `blocksFree`, of the free ones `blocksIdle` have memory,
   * `blocksShared` of the live ones are shared by small regions, `blocksOfTypes` hold the types.
   * Regions: `regionsLive`, `regionsLeaked` were forgotten without `free` and reclaimed. Bytes:
   * `wastedBytes` at the ends of blocks, `tailBytes` there for the next region, `reservedBytes` of
   * usable addresses, `largeLiveBytes` in large objects, `largeFreeBytes` between them,
   * `largestFreeRunBytes` of those in one piece; `largeFragmentation` is the share of the free
   * bytes that is not in it.
   */
  stats(): Record<string, number> {
    const { area, blocks, slabs, tails, memory } = this.core
    const ofTypes = this.sessions.types.space.holdings.spans.length
    const free = area.freeRunBlocks
    return {
      blocksLive: blocks.live - ofTypes,
      blocksFree: blocks.free,
      blocksIdle: blocks.idle,
      blocksShared: slabs.count,
      blocksOfTypes: ofTypes,
      regionsLive: this.sessions.live,
      regionsLeaked: this.sessions.leaked,
      wastedBytes: this.core.wastedUnits * 8,
      tailBytes: tails.units * 8,
      largeLiveBytes: area.liveRunBlocks * BLOCK_BYTES,
      largeFreeBytes: free * BLOCK_BYTES,
      largestFreeRunBytes: area.longestFreeRun * BLOCK_BYTES,
      largeFragmentation: free === 0 ? 0 : 1 - area.longestFreeRun / free,
      reservedBytes: memory.count * 2 ** 31,
    }
  }
}

function boundUnits(bound: Size): number {
  const bytes = bytesOf(bound, 'bound')
  if (bytes < LEAST_BOUND || bytes > MOST_BOUND) {
    throw new RangeError(`bound must be between 64 bytes and 32GiB, not ${String(bound)}`)
  }
  return Math.floor(bytes / 8)
}
