/**
 * What is undone when an operation on a block region fails half way. Block regions offer no
 * transactions, but maps with indexes change several trees or none, and a region with a bound stays
 * as it was when something did not fit.
 *
 *  U1. Bytes are put back in the opposite order in which they were saved: the oldest content of
 *      each comes last.
 *  U2. A cell freed in a savepoint becomes another's only when the outermost one is released: so
 *      its content is there when it lives again.
 *  U3. A cell allocated in a savepoint that is rolled back becomes a free cell. The region does not
 *      become smaller.
 */
import { wordIndexOf } from '../space/ref.js'
import type { Window } from '../space/window.js'

export class Savepoint {
  private readonly saved: { u32: Uint32Array; at: number; words: Uint32Array }[] = []
  /** U3. */
  readonly allocated: number[] = []
  /** U2. */
  readonly freed: number[] = []

  save({ u32 }: Window, ref: number, bytes: number): void {
    const at = wordIndexOf(ref)
    this.saved.push({ u32, at, words: u32.slice(at, at + ((bytes + 7) >>> 3) * 2) })
  }

  /** U1. */
  putBack(): void {
    for (let i = this.saved.length - 1; i >= 0; i--) {
      const { u32, at, words } = this.saved[i]!
      u32.set(words, at)
    }
  }

  clear(): void {
    this.saved.length = 0
    this.allocated.length = 0
    this.freed.length = 0
  }

  /** What was done in it belongs to the savepoint around it. */
  joinInto(outer: Savepoint): void {
    for (const save of this.saved) outer.saved.push(save)
    for (const ref of this.allocated) outer.allocated.push(ref)
    for (const ref of this.freed) outer.freed.push(ref)
  }
}
