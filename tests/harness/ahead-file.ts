/**
 * The file of a space in plain memory, as far as it is written ahead of a commit: some pages as
 * they are when a stretch is begun, others as they are later, before a savepoint is rolled back or
 * when the next stretch comes. What is shown from the file then, and is committed, must be what
 * memory had: a line that was changed without a mark is found.
 */
import * as assert from 'uvu/assert'
import { CONTROL } from '../../lib/space/allocation-words.js'
import type { Marks } from '../../lib/space/marks.js'
import { PAGE_UNITS, WINDOW_UNITS } from '../../lib/space/ref.js'
import type { Window } from '../../lib/space/window.js'

const PAGE_BYTES = PAGE_UNITS * 8

export class AheadFile {
  private readonly pages = new Map<number, Uint8Array>()
  private readonly late = new Set<number>()
  private stretch: readonly [from: number, end: number] = [0, 0]

  constructor(
    private readonly windows: readonly Window[],
    private readonly control: Uint32Array,
  ) {}

  /** As View does it, in units; see ContiguousMemory. */
  readonly write = (endUnits: number, changed: Uint32Array): void => {
    const { control } = this
    this.writeLate()
    this.show(changed)
    const written = Math.max(control[CONTROL.aheadUnits]!, control[CONTROL.endUnits]!)
    const [from, end] = [Math.ceil(written / PAGE_UNITS), Math.floor(endUnits / PAGE_UNITS)]
    for (let page = from; page < end; page++) {
      if (page % 3 === 0) this.copy(page)
      else this.late.add(page)
    }
    this.stretch = [from, end]
    control[CONTROL.aheadUnits] = end * PAGE_UNITS
  }

  /** The thread that writes comes to what was left. */
  writeLate(): void {
    for (const page of this.late) this.copy(page)
    this.late.clear()
  }

  private show(changed: Uint32Array): void {
    const [from, end] = this.stretch
    const shown = Math.min(end, this.control[CONTROL.aheadUnits]! / PAGE_UNITS)
    for (let page = from; page < shown; page++) {
      if (!changed.includes(page)) this.contentOf(page).set(this.pages.get(page)!)
    }
  }

  /** Before the marks of a commit are forgotten. */
  commit(marks: Marks): void {
    this.writeLate()
    const dirty = new Set(marks.dirtyPages.subarray(0, marks.dirtyPageCount))
    const first = Math.ceil(this.control[CONTROL.endUnits]! / PAGE_UNITS)
    for (let page = first; page < this.control[CONTROL.aheadUnits]! / PAGE_UNITS; page++) {
      if (dirty.has(page)) continue
      assert.equal(this.contentOf(page), this.pages.get(page), `page ${page} of the file`)
    }
    this.end()
  }

  end(): void {
    this.pages.clear()
    this.late.clear()
    this.stretch = [0, 0]
    this.control[CONTROL.aheadUnits] = 0
  }

  private copy(page: number): void {
    this.pages.set(page, this.contentOf(page).slice())
  }

  private contentOf(page: number): Uint8Array {
    const { u8 } = this.windows[Math.floor(page * PAGE_UNITS / WINDOW_UNITS)]!
    const at = page * PAGE_UNITS % WINDOW_UNITS * 8
    return u8.subarray(at, at + PAGE_BYTES)
  }
}
