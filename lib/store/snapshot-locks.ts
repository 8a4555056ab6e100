/**
 * Who has snapshots of a file that has lost its name: that of a live region which was compacted or
 * dropped since. Nobody finds such a snapshot among the region's readers, and what it names must
 * stay (store.ts, D1).
 *
 * So each store that is open holds a shared lock on one byte of `store.lock` for each file that it
 * has snapshots of: from before it looks whether the file still has its name until the last of them
 * ends. Nobody ever locks these bytes exclusively. Files of a region are told apart by their
 * generation, which each compaction raises: the low 16 bits of it, so that one snapshot would have
 * to outlive 65,536 compactions to be taken for one of the file that has the name.
 */
import type { StoreLocks } from './locks.js'

/** Behind the bytes of all ids. */
const FIRST_BYTE = 2 ** 33
const GENERATIONS = 2 ** 16

const firstByteOf = (id: number): number => FIRST_BYTE + id * GENERATIONS

export class SnapshotLocks {
  /** Snapshots of this store object, by byte: its own locks cannot be asked for. */
  private readonly counts = new Map<number, number>()

  constructor(private readonly locks: StoreLocks) {}

  /**
   * There is a snapshot of this file, until what is returned is called, which gives whether it was
   * the last one. Throws as `StoreLocks.share`.
   */
  hold(id: number, generation: number): () => boolean {
    const { counts, locks } = this
    const byte = firstByteOf(id) + generation % GENERATIONS
    const count = counts.get(byte) ?? 0
    if (count === 0) locks.share(byte, `no lock was to be had for a snapshot of region ${id}`)
    counts.set(byte, count + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return false
      isHeld = false
      const left = counts.get(byte)! - 1
      if (left > 0) {
        counts.set(byte, left)
        return false
      }
      counts.delete(byte)
      locks.unlock(byte)
      return true
    }
  }

  /** Whether anybody has snapshots of a file that the region had before that of `generation`. */
  hasEarlier(id: number, generation: number): boolean {
    const first = firstByteOf(id)
    const own = generation % GENERATIONS
    return this.has(first, own) || this.has(first + own + 1, GENERATIONS - own - 1)
  }

  /** Whether anybody has snapshots of any file that the region had. */
  hasAny(id: number): boolean {
    return this.has(firstByteOf(id), GENERATIONS)
  }

  private has(first: number, count: number): boolean {
    for (const byte of this.counts.keys()) if (byte >= first && byte < first + count) return true
    return this.locks.isHeldElsewhere(first, count)
  }
}
