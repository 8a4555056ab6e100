/** The parts of a pool that its regions need, without the public face. */
import { Area, BLOCK_UNITS } from './area.js'
import { Blocks } from './blocks.js'
import { PoolMemory } from './memory.js'
import type { Savepoint } from './savepoints.js'
import { Slabs } from './slabs.js'
import { Tails } from './tails.js'

export class PoolCore {
  readonly memory = new PoolMemory()
  readonly area = new Area(this.memory)
  readonly blocks: Blocks
  readonly slabs: Slabs
  readonly tails = new Tails()
  /** At the ends of blocks, where nobody can use them before their region is freed. */
  wastedUnits = 0
  /** Savepoints to be used again. */
  readonly spare: Savepoint[] = []
  /** Counts large objects: their memory is zero when it is reused, their generation is not. */
  private largeGeneration = 0

  constructor(watermarkBytes: number) {
    this.blocks = new Blocks(this.memory, this.area, Math.ceil(watermarkBytes / BLOCK_UNITS / 8))
    this.slabs = new Slabs(this.memory, this.blocks)
  }

  nextGeneration(): number {
    return (this.largeGeneration = (this.largeGeneration + 1) & 0xffff)
  }
}
