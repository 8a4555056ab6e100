/**
 * Calls that each would keep a thread of Node's pool for as long as it takes, which may be long:
 * until another process has ended what it does. So there is one run at a time, and the calls that
 * are made meanwhile share the next one. That begins after them, so it is of all that was done
 * before they were made.
 */
import type { PackedStatus } from './binding.js'

export class GatheredCalls {
  private running: Promise<PackedStatus> | null = null
  private next: Promise<PackedStatus> | null = null
  private early: Promise<PackedStatus> | null = null

  constructor(private readonly run: () => Promise<PackedStatus>) {}

  /** What came of the run that this call is answered by. */
  call(): Promise<PackedStatus> {
    if (this.next !== null) return this.next
    if (this.running === null) return this.begin()
    const goOn = (): Promise<PackedStatus> => {
      this.next = null
      return this.early ?? this.begin()
    }
    this.next = this.running.then(goOn, goOn)
    return this.next
  }

  /** The last run that somebody waits for begins at once, while there can be one: none follows. */
  end(): void {
    if (this.next !== null) this.early = this.run()
  }

  private begin(): Promise<PackedStatus> {
    this.running = this.toTheEnd()
    return this.running
  }

  private async toTheEnd(): Promise<PackedStatus> {
    try {
      return await this.run()
    } finally {
      this.running = null
    }
  }
}
