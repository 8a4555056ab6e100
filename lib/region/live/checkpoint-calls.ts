/**
 * The calls of `checkpoint()` on one handle. Each run keeps a thread of Node's pool for as long as
 * it takes, which may be all of timeoutMs: it waits for a checkpoint of another handle. So there is
 * one at a time, and the calls that are made meanwhile share the next one. That begins after them,
 * so it takes to the file all that was committed before they were made.
 */
import type { PackedStatus } from '../../native/binding.js'

export class CheckpointCalls {
  private running: Promise<PackedStatus> | null = null
  private next: Promise<PackedStatus> | null = null

  constructor(private readonly run: () => Promise<PackedStatus>) {}

  /** What came of the run that this call is answered by. */
  call(): Promise<PackedStatus> {
    if (this.next !== null) return this.next
    if (this.running === null) return this.begin()
    this.next = this.running.then(() => {
      this.next = null
      return this.begin()
    })
    return this.next
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
