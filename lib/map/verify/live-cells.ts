/** The live cells, and which of them were reached: Y1, Y5. */
import { C } from '../../../formats/index.js'
import { wordIndexOf } from '../../space/ref.js'
import type { Space } from '../../space/space.js'
import { CellBits } from './cell-bits.js'
import type { Ground, GroundWalk } from './ground.js'
import type { Findings } from './report.js'

const PROGRESS_CELLS = 65_536

export class LiveCells {
  private readonly space: Space
  private readonly ground: Ground
  private readonly findings: Findings
  /** Live cells, and of those the ones that were not reached yet. */
  private readonly live = new CellBits()
  private readonly leftCells = new CellBits()
  private cellCount = 0
  private taken = 0
  private unitsTaken = 0

  constructor(space: Space, ground: Ground, findings: Findings) {
    this.space = space
    this.ground = ground
    this.findings = findings
  }

  get count(): number { return this.cellCount }

  /** Of the cells that were reached. */
  get takenUnits(): number { return this.unitsTaken }

  /** Gives each live cell its bit. */
  find(): GroundWalk {
    const walk = this.ground.walk((ref) => {
      this.live.add(ref)
      this.leftCells.add(ref)
      this.cellCount++
    })
    for (const { code, ref, message } of walk.problems) this.findings.add(code, ref, '', message)
    return walk
  }

  isLive(ref: number): boolean { return this.live.has(ref) }

  isLeft(ref: number): boolean { return this.leftCells.has(ref) }

  /** Those that nothing has reached, rising; they may be taken meanwhile. */
  left(): IterableIterator<number> { return this.leftCells.refs() }

  /** Takes the bit of an owned cell: Y1. False when there is nothing to look at below it. */
  take(ref: number, path: string): boolean {
    if (!this.leftCells.delete(ref)) {
      const inside = this.ground.isInside(ref)
      this.findings.add(
        inside ? 'CELL_SHARED' : 'CELL_REF',
        ref,
        path,
        inside
          ? `${path}: the cell at ref ${ref} is free, or owned a second time.`
          : `${path}: ref ${ref} is outside of the region's data.`,
      )
      return false
    }
    this.unitsTaken += this.space.windowOf(ref).u32[wordIndexOf(ref)]! & C.CELL_SIZE_MASK
    if (++this.taken % PROGRESS_CELLS === 0) this.findings.tell(this.taken, this.cellCount)
    return true
  }
}
