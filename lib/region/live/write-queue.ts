/**
 * `region.write(fn)`: the calls of one turn become one commit, in their order, each all or nothing
 * by itself, synced off the JavaScript thread.
 *
 *  W1. A call's promise resolves when the commit that holds it is durable, and not before.
 *  W2. A call that throws rejects its own promise and undoes its own changes: it runs in a
 *      savepoint.
 *  W3. While one commit is being synced the next calls gather; nobody else of this handle reads or
 *      writes without waiting for it (RegionSession, N3).
 *  W4. A transaction of another handle of this thread that lets other JavaScript run (compaction)
 *      is waited for, as one of another process is: as long as timeoutMs says.
 */
import { RStoreError } from '../../errors.js'
import type { RegionSession } from './session.js'
import type { PendingCommit } from './view.js'

interface Call {
  readonly fn: () => unknown
  resolve(value: unknown): void
  reject(error: unknown): void
}

/** Node takes more for no time at all. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export class WriteQueue {
  private calls: Call[] = []
  private scheduled = false

  constructor(
    private readonly session: RegionSession,
    private readonly timeoutMs: number,
  ) {}

  /** Rejects when the region was closed. */
  async add<R>(fn: () => R): Promise<R> {
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
    const until = performance.now() + this.timeoutMs
    if (view.longEnds !== undefined) await this.longEnd(until)
    session.begin(Math.max(0, until - performance.now()))
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
    const notices = session.endEarly()
    await pending.ended
    session.settle()
    if (pending.error !== null) throw pending.error
    for (const { call, value } of done) call.resolve(value)
    session.tell(notices)
    session.onCommit()
  }

  /** W4. When the time is over first, whoever begins is told who holds the lock. */
  private async longEnd(until: number): Promise<void> {
    const { view } = this.session
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        isOver = true
        resolve()
      }, Math.min(until - performance.now(), LONGEST_TIMER_MS))
    })
    for (let ends = view.longEnds; ends !== undefined && !isOver; ends = view.longEnds) {
      await Promise.race([ends, over])
    }
    clearTimeout(timer)
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

/** A disk that is full or fails, and damage: not only of the call that met it first. */
function isFatal(error: unknown): boolean {
  return error instanceof RStoreError
    && ['RSTORE_NO_SPACE', 'RSTORE_IO', 'RSTORE_CORRUPT'].includes(error.code)
}
