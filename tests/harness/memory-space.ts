/** A contiguous space over plain memory: for tests of structures that need no file. */
import * as assert from 'uvu/assert'
import { C } from '../../formats/index.js'
import { CONTROL, STATE } from '../../lib/space/allocation-words.js'
import { ContiguousSpace } from '../../lib/space/contiguous-space.js'
import { PAGE_UNITS } from '../../lib/space/ref.js'
import { walkSpace } from '../../lib/space/walk.js'
import { Window } from '../../lib/space/window.js'
import { AheadFile } from './ahead-file.js'

/** Written ahead of a commit at a time: 16 KiB, so that small tests have it, too. */
const AHEAD_UNITS = 4 * PAGE_UNITS
const FIRST_DATA_PAGE = C.CHECKSUM_PAGE + 1
const WINDOW_BYTES = Number(C.WINDOW_BYTES)

export interface MemorySpaceOptions {
  capacityBytes?: number
  /** Moves the frontier of the empty space, so that cells near a window's end can be had. */
  frontierUnits?: number
}

export class MemorySpace extends ContiguousSpace {
  /** What `grow` was told, newest last. */
  readonly grown: number[]
  readonly #file: AheadFile

  /** Memory is only touched where it is used: a large capacity costs nothing. */
  constructor({ capacityBytes = 64 * 2 ** 20, frontierUnits }: MemorySpaceOptions = {}) {
    const windows: Window[] = []
    for (let at = 0; at < capacityBytes; at += WINDOW_BYTES) {
      windows.push(new Window(new ArrayBuffer(Math.min(WINDOW_BYTES, capacityBytes - at))))
    }
    const control = new Uint32Array(64)
    const grown: number[] = []
    ContiguousSpace.format(windows[0]!, FIRST_DATA_PAGE)
    control[CONTROL.capacityUnits] = (capacityBytes - C.SINK_BYTES) / 8
    control[CONTROL.endUnits] = FIRST_DATA_PAGE * 512
    const file = new AheadFile(windows, control)
    super({
      windows,
      aheadUnits: AHEAD_UNITS,
      writeAhead: file.write,
      control,
      bitmap: new Uint32Array(capacityBytes / 64 / 32),
      firstDataPage: FIRST_DATA_PAGE,
      grow: (endUnits) => grown.push(endUnits),
    })
    this.grown = grown
    this.#file = file
    if (frontierUnits !== undefined) this.jump(frontierUnits)
  }

  get allocatedUnits(): number {
    return this.windows[0]!.u32[STATE.allocatedUnits]!
  }

  /** Large live cells up to `frontierUnits`, a multiple of a page. */
  private jump(frontierUnits: number): void {
    this.transact(() => {
      while (this.frontierUnits < frontierUnits) {
        const from = this.frontierUnits
        const windowEnd = (Math.floor(from / 2 ** 28) + 1) * 2 ** 28
        const end = Math.min(frontierUnits, windowEnd, from + 2 ** 27)
        this.frontierTake(end - from, C.TYPE_BYTES)
      }
    })
  }

  /** Runs a transaction: commits when `work` returns, rolls back when it throws. */
  transact<R>(work: () => R): R {
    this.beginTransaction()
    try {
      const result = work()
      this.commit()
      return result
    } catch (error) {
      this.rollback()
      throw error
    }
  }

  commit(): void {
    this.prepareCommit()
    this.#file.commit(this.marks)
    this.control[CONTROL.endUnits] = this.frontierUnits
    this.endTransaction()
  }

  rollback(): void {
    const frontier = this.frontierUnits
    this.#file.end()
    this.rollbackTransaction()
    this.clearFresh(this.frontierUnits, frontier)
  }

  override rollbackSavepoint(): void {
    this.#file.writeLate()
    super.rollbackSavepoint()
  }

  /** Runs a nested transaction. */
  nested<R>(work: () => R): R {
    this.savepoint()
    try {
      const result = work()
      this.releaseSavepoint()
      return result
    } catch (error) {
      this.rollbackSavepoint()
      throw error
    }
  }
}

/** Its cells and lists are as they must be. */
export const assertSound = (space: MemorySpace): void => {
  assert.equal(walkSpace(space, space.frontierUnits).problems, [])
}
