/**
 * What a block region of a store does about fields of type `t.packed`. Its list is kept as that of
 * every region (references.ts), but nothing is counted in the catalog: the region is in the memory
 * of this process and ends with it, as an open handle does.
 *
 *  B1. What the list names is held: a shared lock on the byte of its id, of which a process that
 *      dies lets go. So nothing is deleted while it is named, and nothing remains of a process that
 *      died: what only it named is deleted by whoever looks next (Collector.collectAll).
 *  B2. A hold is taken before the list is changed. What the list names no more is let go of when
 *      the code that runs now is through: until then a savepoint may bring the field back (K3).
 *  B3. The last `free` and the finalizer walk the list (Holdings.letGoOf).
 *  B4. When the store is closed, all holds end. Then fields cannot be read or written any more, and
 *      freeing lets go of nothing.
 */
import { References } from './references.js'
import type { StoreParts } from './parts.js'

export class BlockReferences extends References {
  private willSettle = false

  protected override hold(regionId: number): void {
    this.store.packed.holdForRegion(regionId)
  }

  protected override letGoOf(regionId: number): void {
    this.store.packed.letGoForRegion(regionId)
  }

  override retain(regionId: number): void {
    this.settleSoon()
    super.retain(regionId)
  }

  override release(regionId: number): void {
    this.settleSoon()
    super.release(regionId)
  }

  private settleSoon(): void {
    if (this.willSettle) return
    this.willSettle = true
    queueMicrotask(() => this.settle())
  }

  /** B2: no operation on the region is under way. */
  settle(): void {
    this.willSettle = false
    const { raised, gone } = this.changes()
    this.touched.clear()
    this.letGoOfAllBut(raised)
    for (const id of gone) this.letGoOf(id)
  }
}

/** For Holdings.letGoOf: holds on to the store, and to nothing of the region. */
export const lettingGoIn = (store: StoreParts) => (regionId: number): void =>
  store.packed.letGoForRegion(regionId)
