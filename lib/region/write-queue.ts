/**
 * `region.write(fn)`: the calls of one turn become one commit, in their order, each all or nothing
 * by itself, synced off the JavaScript thread.
 *
 *  W1. A call's promise resolves when the commit that holds it is durable, and not before.
 *  W2. A call that throws rejects its own promise and undoes its own changes: it runs in a
 *      savepoint.
 *  W3. While one commit is being synced the next calls gather; nobody else of this handle reads or
 *      writes without waiting for it (RegionSession, N3).
 */
import { RStoreError } from '../errors.js'
import type { RegionSession } from './session.js'
import type { PendingCommit } from './view.js'

interface Call {
  readonly fn: () => unknown
  resolve(value: unknown): void
  reject(error: unknown): void
}

export class WriteQueue {
  private calls: Call[] = []
  private scheduled = false

  constructor(
    private readonly session: RegionSession,
    private readonly timeoutMs: number,
  ) {}

  add<R>(fn: () => R): Promise<R> {
    this.session.assertOpen()
    return new Promise<R>((resolve, reject) => {
      this.calls.push({ fn, resolve: resolve as (value: unknown) => void, reject })
      this.schedule()
    })
  }

  /** After the microtasks of this turn: whatever they add comes along. */
  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    queueMicrotask(() => process.nextTick(() => void this.run()))
  }

  private async run(): Promise<void> {
    const calls = this.calls.splice(0)
    try {
      await this.commit(calls)
    } catch (error) {
      for (const call of calls) call.reject(error)
    } finally {
      this.scheduled = false
      if (this.calls.length > 0) this.schedule()
    }
  }

  /** A throw rejects every call that has not been settled. */
  private async commit(calls: readonly Call[]): Promise<void> {
    const { session } = this
    const { view } = session
    session.begin(this.timeoutMs)
    let done: { call: Call; value: unknown }[]
    let pending: PendingCommit
    try {
      done = this.runAll(calls)
      session.prepareCommit(true)
      pending = view.commitLater()
    } catch (error) {
      if (session.writable) session.abort()
      throw error
    }
    const notices = session.takeNotices()
    session.endEarly()
    await pending.ended
    session.settle()
    if (pending.error !== null) throw pending.error
    for (const { call, value } of done) call.resolve(value)
    session.tell(notices)
    session.onCommit()
  }

  private runAll(calls: readonly Call[]): { call: Call; value: unknown }[] {
    const done: { call: Call; value: unknown }[] = []
    for (const call of calls) {
      this.session.assertOpen()
      try {
        done.push({ call, value: this.session.atomically(call.fn) })
      } catch (error) {
        call.reject(error)
        if (isFatal(error)) throw error
      }
    }
    return done
  }
}

/** A full disk or region concerns the whole transaction, not the call that met it first. */
function isFatal(error: unknown): boolean {
  return error instanceof RStoreError
    && ['RSTORE_NO_SPACE', 'RSTORE_IO', 'RSTORE_CORRUPT'].includes(error.code)
}
