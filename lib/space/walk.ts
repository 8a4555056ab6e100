/**
 * Checks the allocation of a contiguous space: walks its cells from the first data page to the
 * frontier, and its free lists. Damage is reported, never thrown: every ref is checked before it is
 * followed, and a walk that has lost its way ends. What it checks is A3, A5 (allocator.ts) and L1
 * to L5 (free-lists.ts).
 */
import { C } from '../../formats/index.js'
import { STATE } from './allocation-words.js'
import type { ContiguousSpace } from './contiguous-space.js'
import { PAGE_UNITS, WINDOW_UNITS, wordIndexOf } from './ref.js'
import { sizeClassOf } from './size-class.js'

const { CELL_FREE, CELL_PREVIOUS_FREE, CELL_SIZE_MASK, TYPE_FREE, TYPE_FREE_PAGE } = C
/** Problems of one kind that are worth telling: a damaged region has as many as one likes. */
const PROBLEM_LIMIT = 100

export interface SpaceProblem {
  readonly code: string
  readonly ref: number
  readonly message: string
}

export interface SpaceWalk {
  readonly problems: SpaceProblem[]
  /** In units. */
  readonly liveUnits: number
  readonly freeUnits: number
  readonly freePageUnits: number
  readonly runUnits: number
  /** What the walk could not make sense of. */
  readonly unknownUnits: number
  readonly liveCells: number
  readonly freeCells: number
}

/** Told of every live cell. */
export type VisitCell = (ref: number, units: number, typeId: number) => void

class Walker {
  readonly problems: SpaceProblem[] = []
  liveUnits = 0
  freeUnits = 0
  freePageUnits = 0
  runUnits = 0
  liveCells = 0
  freeCells = 0
  private readonly free = new Map<number, number>()
  private readonly pages = new Set<number>()
  private readonly state: Uint32Array
  /** Ref of the cell before, when it is free. */
  private lastFree = 0

  constructor(
    private readonly space: ContiguousSpace,
    private readonly frontier: number,
    private readonly visit: VisitCell,
  ) {
    this.state = space.windows[0]!.u32
  }

  run(): number {
    const reached = this.cells()
    this.lists()
    this.pageList()
    this.sums(reached)
    return reached
  }

  problem(code: string, ref: number, message: string): void {
    if (this.problems.length < PROBLEM_LIMIT) this.problems.push({ code, ref, message })
  }

  private word(ref: number, index: number): number {
    return this.space.windows[ref >>> 28]!.u32[wordIndexOf(ref) + index]!
  }

  /** A cell after the other; gives the unit where it ends or loses its way. */
  private cells(): number {
    let ref = this.space.firstDataPage * PAGE_UNITS
    while (ref < this.frontier) {
      const header = this.word(ref, 0)
      const units = header & CELL_SIZE_MASK
      if (units < C.MINIMUM_CELL_UNITS || ref + units > this.frontier || straddles(ref, units)) {
        this.problem('CELL_SIZE', ref, `The cell at ref ${ref} cannot have ${units} units.`)
        return ref
      }
      this.previousFlag(ref, header)
      this.lastFree = 0
      this.cell(ref, units, header)
      ref += units
    }
    const { lastFree } = STATE
    if (this.state[lastFree] !== this.lastFree && this.frontier % WINDOW_UNITS !== 0) {
      this.problem('LAST_FREE', this.state[lastFree]!, 'AllocationState.lastFree is wrong.')
    }
    return ref
  }

  /** L2. */
  private previousFlag(ref: number, header: number): void {
    const flagged = (header & CELL_PREVIOUS_FREE) !== 0
    const expected = this.lastFree !== 0 && (ref & 0x0fff_ffff) !== 0
    if (flagged !== expected) {
      this.problem('CELL_FLAG', ref, `CELL_PREVIOUS_FREE of the cell at ref ${ref} is wrong.`)
    }
  }

  private cell(ref: number, units: number, header: number): void {
    const typeId = this.word(ref, 1) & 0xffff
    if ((header & CELL_FREE) !== 0) this.freeCell(ref, units, typeId)
    else if (typeId === TYPE_FREE_PAGE) this.freePage(ref, units)
    else if (typeId <= TYPE_FREE) {
      this.problem('CELL_TYPE', ref, `The live cell at ref ${ref} has type ${typeId}.`)
    } else {
      this.liveUnits += units
      this.liveCells++
      this.visit(ref, units, typeId)
    }
  }

  /** L1, L3. */
  private freeCell(ref: number, units: number, typeId: number): void {
    if (typeId !== TYPE_FREE) this.problem('FREE_TYPE', ref, `Free cell ${ref} has type ${typeId}.`)
    if (this.word(ref + units - 1, 0) !== units) {
      this.problem('FREE_FOOTER', ref, `The footer of the free cell at ref ${ref} is wrong.`)
    }
    const header = this.word(ref, 0)
    if ((header & CELL_PREVIOUS_FREE) !== 0) {
      const before = this.word(ref - 1, 0)
      if (before + units <= CELL_SIZE_MASK) {
        const both = `Free cells ${ref - before} and ${ref}`
        this.problem('FREE_NEIGHBOURS', ref, `${both} were not merged.`)
      }
    }
    this.free.set(ref, units)
    this.freeUnits += units
    this.freeCells++
    this.lastFree = ref
  }

  private freePage(ref: number, units: number): void {
    if (ref === this.state[STATE.pageRunNext] && units > 0 && this.isRun(ref, units)) {
      this.runUnits += units
    } else if (units === PAGE_UNITS && ref % PAGE_UNITS === 0) {
      this.pages.add(ref)
      this.freePageUnits += units
    } else {
      this.problem('FREE_PAGE', ref, `What calls itself a free page at ref ${ref} is none.`)
    }
  }

  private isRun(ref: number, units: number): boolean {
    return ref + units === this.state[STATE.pageRunEnd]
  }

  /** L1, L4: every list holds exactly the free cells of its class. */
  private lists(): void {
    const { u8 } = this.space.windows[0]!
    let listed = 0
    for (let sizeClass = 0; sizeClass < C.SIZE_CLASS_COUNT; sizeClass++) {
      const head = this.state[STATE.freeHeads + sizeClass]!
      const byte = u8[STATE.secondLevelBitmaps + (sizeClass >>> 3)]!
      const first = (this.state[STATE.firstLevelBitmap]! >>> (sizeClass >>> 3)) & 1
      if (((byte >>> (sizeClass & 7)) & 1) !== Number(head !== 0) || first !== Number(byte !== 0)) {
        this.problem('FREE_BITMAP', head, `The bit of size class ${sizeClass} is wrong.`)
      }
      listed += this.list(sizeClass, head)
    }
    if (listed !== this.free.size) {
      this.problem('FREE_LISTS', 0, `${this.free.size} free cells, but ${listed} in lists.`)
    }
  }

  private list(sizeClass: number, head: number): number {
    const seen = new Set<number>()
    let previous = 0
    for (let ref = head; ref !== 0; ref = this.word(ref, 2)) {
      const units = this.free.get(ref)
      if (units === undefined || seen.has(ref)) {
        this.problem('FREE_LINK', ref, `List ${sizeClass} leads to ref ${ref}, no free cell.`)
        return seen.size
      }
      seen.add(ref)
      if (sizeClassOf(units) !== sizeClass) {
        this.problem('FREE_CLASS', ref, `The free cell at ref ${ref} is in list ${sizeClass}.`)
      }
      if (this.word(ref, 3) !== previous) {
        this.problem('FREE_LINK', ref, `The back link of the free cell at ref ${ref} is wrong.`)
      }
      previous = ref
    }
    return seen.size
  }

  private pageList(): void {
    const seen = new Set<number>()
    for (let ref = this.state[STATE.freePageHead]!; ref !== 0; ref = this.word(ref, 2)) {
      if (!this.pages.has(ref) || seen.has(ref)) {
        this.problem('FREE_PAGE', ref, `The list of free pages leads to ref ${ref}, no free page.`)
        break
      }
      seen.add(ref)
    }
    const count = this.state[STATE.freePageCount]!
    if (seen.size !== count || this.pages.size !== count) {
      const found = `${this.pages.size} free pages, ${seen.size} listed, ${count} counted.`
      this.problem('FREE_PAGE_COUNT', 0, found)
    }
  }

  /** A5, L5. */
  private sums(reached: number): void {
    const run = this.state[STATE.pageRunEnd]! - this.state[STATE.pageRunNext]!
    const pairs: [string, number, number][] = [
      ['allocatedUnits', this.state[STATE.allocatedUnits]!, this.liveUnits],
      ['freeUnits', this.state[STATE.freeUnits]!, this.freeUnits],
      ['the page run', run, this.runUnits],
    ]
    if (reached < this.frontier) return
    for (const [name, stored, found] of pairs) {
      if (stored === found) continue
      this.problem('ALLOCATION_SUM', 0, `${name}: ${stored} units stored, ${found} found.`)
    }
  }
}

const straddles = (ref: number, units: number): boolean =>
  ref >>> 28 !== (ref + units - 1) >>> 28

/**
 * Walks a space up to `frontierUnits`: the committed frontier, or inside a transaction the control
 * block's. A cell that no tree and no record reaches is not known here: the caller compares with
 * what `visit` told.
 */
export function walkSpace(
  space: ContiguousSpace,
  frontierUnits: number,
  visit: VisitCell = () => {},
): SpaceWalk {
  const units = space.windows.reduce((sum, { u8 }) => sum + u8.length / 8, 0)
  const walker = new Walker(space, Math.min(frontierUnits, units), visit)
  if (frontierUnits > units) walker.problem('FRONTIER', 0, 'The frontier is beyond the capacity.')
  const reached = walker.run()
  const { problems, liveUnits, freeUnits, freePageUnits, runUnits, liveCells, freeCells } = walker
  const unknownUnits = frontierUnits - reached
  return {
    problems, liveUnits, freeUnits, freePageUnits, runUnits, unknownUnits, liveCells, freeCells,
  }
}
