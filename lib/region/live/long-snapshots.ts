/** Reports snapshots that hold the log back too long, and then revokes them. */
import type { ReaderInfo } from '../../native/binding.js'
import { callSafely } from '../../types/context.js'
import type { RegionSession } from './session.js'

/** How often to look, at most: the list of readers costs some microseconds. */
const LOOK_MS = 50

export class LongSnapshots {
  private lookedAt = 0
  /** Those that were reported and are still there: what gave out memory in place cannot go. */
  private told = new Set<string>()

  constructor(
    private readonly session: RegionSession,
    private readonly maxAgeMs: number,
    private readonly tell: ((reader: ReaderInfo) => void) | undefined,
  ) {}

  /**
   * After a commit: whoever writes is whom a long snapshot costs something. Those who are told of
   * it may close the region.
   */
  look(): void {
    const { session } = this
    if (this.maxAgeMs === Infinity || session.isClosed) return
    const { native } = session.view
    const now = performance.now()
    if (now - this.lookedAt < LOOK_MS) return
    this.lookedAt = now
    const there = new Set<string>()
    for (const reader of this.long()) {
      const name = `${reader.pid} ${reader.slot} ${reader.epoch}`
      there.add(name)
      if (!this.told.has(name)) callSafely(() => this.tell?.(reader))
      if (session.isClosed) return
      native.revoke(reader.slot, this.maxAgeMs)
    }
    this.told = there
  }

  /** Old ones, as far as there is a later commit: the last one holds nothing back. */
  private long(): ReaderInfo[] {
    const { native } = this.session.view
    const old = native.readers().filter(({ snapshot, epoch, ageMs }) =>
      snapshot && epoch !== 0 && ageMs > this.maxAgeMs)
    if (old.length === 0) return old
    const { publishedEpoch } = native.stats()
    return old.filter(({ epoch }) => epoch < publishedEpoch)
  }
}
