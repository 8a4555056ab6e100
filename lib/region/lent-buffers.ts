/**
 * Buffers over arrays in place, for sessions whose one lease is as long as they are: packed
 * regions, snapshots.
 *
 *  L1. There is one for each cell, however often it is read: the engine counts the bytes of every
 *      buffer as memory, and collects garbage when they seem to be many.
 *  L2. They are known weakly: whoever reads all arrays of a large file would otherwise keep a
 *      buffer of each until the file is closed.
 *  L3. Those that are still there when the lease ends are detached. The others nobody has.
 */
import { addon } from '../native/binding.js'

export class LentBuffers {
  private readonly byRef = new Map<number, WeakRef<ArrayBuffer>>()
  private readonly forgotten = new FinalizationRegistry<number>((ref) => {
    if (this.byRef.get(ref)?.deref() === undefined) this.byRef.delete(ref)
  })

  /** The one for a cell; `make` where there is none of this length. */
  take(ref: number, bytes: number, make: () => ArrayBuffer): ArrayBuffer {
    const known = this.byRef.get(ref)?.deref()
    if (known !== undefined && known.byteLength === bytes) return known
    const buffer = make()
    this.byRef.set(ref, new WeakRef(buffer))
    this.forgotten.register(buffer, ref)
    return buffer
  }

  /** L3. */
  end(): void {
    const left: ArrayBuffer[] = []
    for (const known of this.byRef.values()) {
      const buffer = known.deref()
      if (buffer !== undefined) left.push(buffer)
    }
    this.byRef.clear()
    if (left.length > 0) addon().detach(left)
  }
}
