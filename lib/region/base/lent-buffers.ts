/**
 * Buffers over arrays in place, for sessions whose one lease is as long as they are: packed
 * regions, snapshots.
 *
 *  L1. There is one for each cell, however often it is read: the engine counts the bytes of every
 *      buffer as memory, and collects garbage when they seem to be many.
 *  L2. Whoever reads all arrays of a large file does not keep a buffer of each.
 *  L3. When the lease ends, those that can be in use are detached, or good for as long as they are.
 */
import { addon } from '../../native/binding.js'

/**
 * Of a snapshot, whose pin ends with it: all are known weakly, and detached. What is known weakly
 * is kept to the end of the turn in which it was made.
 */
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

/** A buffer takes some 900 bytes of memory. */
const RECENT = 1024

/**
 * Of a packed region, whose memory may stay: the latest are detached; where there were more, the
 * memory stays as long as anybody has one of them (`areAll`).
 */
export class RecentBuffers {
  private readonly byRef = new Map<number, ArrayBuffer>()
  /** Whether the latest are all that there were. */
  areAll = true

  /** The one for a cell; `make` where there is none. */
  take(ref: number, bytes: number, make: () => ArrayBuffer): ArrayBuffer {
    const known = this.byRef.get(ref)
    if (known !== undefined && known.byteLength === bytes) return known
    const buffer = make()
    if (this.byRef.size === RECENT) this.giveUpOldest()
    this.byRef.set(ref, buffer)
    return buffer
  }

  private giveUpOldest(): void {
    for (const ref of this.byRef.keys()) {
      this.byRef.delete(ref)
      this.areAll = false
      return
    }
  }

  end(): void {
    if (this.byRef.size > 0) addon().detach([...this.byRef.values()])
    this.byRef.clear()
  }
}
