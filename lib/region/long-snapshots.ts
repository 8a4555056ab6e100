/** Reports snapshots that hold the log back too long, and then revokes them. */
import type { NativeHandle, ReaderInfo } from '../native/binding.js'
import { callSafely } from '../types/context.js'

/** How often to look, at most: the list of readers costs some microseconds. */
const LOOK_MS = 50

export class LongSnapshots {
  private lookedAt = 0

  constructor(
    private readonly native: NativeHandle,
    private readonly maxAgeMs: number,
    private readonly tell: ((reader: ReaderInfo) => void) | undefined,
  ) {}

  /** After a commit: whoever writes is whom a long snapshot costs something. */
  look(): void {
    if (this.maxAgeMs === Infinity) return
    const now = performance.now()
    if (now - this.lookedAt < LOOK_MS) return
    this.lookedAt = now
    for (const reader of this.native.readers()) {
      if (!reader.snapshot || reader.epoch === 0 || reader.ageMs <= this.maxAgeMs) continue
      callSafely(() => this.tell?.(reader))
      this.native.revoke(reader.slot, this.maxAgeMs)
    }
  }
}
