/**
 * A space: what every structure is written against. It has windows of memory, hands out and takes back cells, and is told which
 * bytes are about to change. A structure does not know whether its space is a region file or blocks of a pool, and nothing of
 * transactions, processes or crashes.
 *
 * The rules for whoever changes bytes:
 *  S1. `mark(ref, bytes)` is called before bytes change. Cells that were allocated since the transaction began may skip it only
 *      through `allocate`, which has marked what needs marking.
 *  S2. Memory handed out by `allocate` and `allocatePage` is zero behind the cell header.
 *  S3. A cell never straddles a window: one lookup of the window serves for the whole cell.
 *  S4. A cell that was freed in a transaction may be handed out again in the same one: nothing may be read from it any more.
 */
import type { Ref } from './ref.js'
import type { Window } from './window.js'

export abstract class Space {
  constructor(readonly windows: Window[]) {}

  /**
   * A cell with `payloadBytes` behind its 8-byte header; header written, payload zero.
   * Throws RSTORE_REGION_FULL or RSTORE_NO_SPACE; at most 2 GiB.
   */
  abstract allocate(payloadBytes: number, typeId: number): Ref

  /** A cell of exactly one page, page-aligned, header included: for tree nodes. */
  abstract allocatePage(typeId: number): Ref

  /** Gives a cell back, of either kind: its generation is raised, its type becomes free. */
  abstract free(ref: Ref): void

  /** Announces that `bytes` bytes from the start of the unit `ref` on are about to change. Units need not begin a cell. */
  abstract mark(ref: number, bytes: number): void

  windowOf(ref: number): Window {
    return this.windows[ref >>> 28]!
  }

  /** Type id and generation of a cell in one word: a view keeps it and so notices that its cell is gone. */
  stampOf(ref: number): number {
    return this.windows[ref >>> 28]!.u32[((ref & 0x0fff_ffff) << 1) + 1]!
  }

  typeIdOf(ref: number): number {
    return this.stampOf(ref) & 0xffff
  }
}
