/**
 * Those who wait for sizes of one vector. However many they are, one native thread sleeps, for the
 * smallest of the sizes; time limits and signals are JavaScript's own.
 *
 * The thread is started, or started anew for a smaller size, when the calls of a turn are all made.
 * As long as somebody waits it keeps the program alive.
 */
import { closedError, vectorError } from './errors.js'
import type { NativeVector } from './native.js'

interface Waiter {
  readonly size: number
  settle(outcome: boolean | Error): void
}

/** The longest that a timer can be set for. */
const LONGEST_MS = 2 ** 31 - 1

export class SizeWaits {
  private readonly path: string
  private readonly native: NativeVector
  /** The size now. */
  private readonly sizeNow: () => number
  private readonly waiters = new Set<Waiter>()
  /** What the thread sleeps for; 0 when there is none. */
  private awaited = 0
  private thread = 0
  private isDue = false
  private closed = false

  constructor(path: string, native: NativeVector, sizeNow: () => number) {
    this.path = path
    this.native = native
    this.sizeNow = sizeNow
  }

  /** See SharedVector.waitForSize. */
  async wait(
    size: number, timeoutMs: number | undefined, signal: AbortSignal | undefined,
  ): Promise<boolean> {
    if (this.sizeNow() >= size) return true
    let waiter: Waiter
    let timer: NodeJS.Timeout | undefined
    let abort: (() => void) | undefined
    try {
      return await new Promise<boolean>((resolve, reject) => {
        waiter = {
          size,
          settle: (outcome) => {
            if (typeof outcome === 'boolean') resolve(outcome)
            else reject(outcome)
          },
        }
        this.waiters.add(waiter)
        if (timeoutMs !== undefined && timeoutMs <= LONGEST_MS) {
          timer = setTimeout(() => waiter.settle(this.isReached(size)), timeoutMs)
        }
        abort = () => reject(signal!.reason)
        signal?.addEventListener('abort', abort, { once: true })
        this.sleepSoon()
      })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort!)
      this.waiters.delete(waiter!)
      this.sleepSoon()
    }
  }

  /** An error where the file can be read no more: in a timer nobody would catch it. */
  private isReached(size: number): boolean | Error {
    try {
      return this.sizeNow() >= size
    } catch (error) {
      return error as Error
    }
  }

  private sleepSoon(): void {
    if (this.isDue || this.closed) return
    this.isDue = true
    queueMicrotask(() => {
      this.isDue = false
      if (!this.closed) this.sleep()
    })
  }

  /** A thread that sleeps for less than is wanted is left alone: it wakes and is asked again. */
  private sleep(): void {
    let smallest = Infinity
    for (const { size } of this.waiters) smallest = Math.min(smallest, size)
    if (this.awaited !== 0 && this.awaited <= smallest && smallest !== Infinity) return
    if (this.awaited !== 0) this.native.cancelWait(this.thread)
    this.awaited = 0
    if (smallest === Infinity) return
    const thread = this.native.wait(smallest, (status, reached) => {
      if (thread === this.thread && !this.closed) this.woken(status, reached)
    })
    if (thread < 0) return this.fail(vectorError(-thread, this.path, 'waiting for'))
    this.thread = thread
    this.awaited = smallest
  }

  private woken(status: number, isReached: boolean): void {
    const reached = this.awaited
    this.native.cancelWait(this.thread)
    this.awaited = 0
    if (status !== 0) return this.fail(vectorError(status, this.path, 'waiting for'))
    if (!isReached) return
    let size = reached
    try {
      size = Math.max(reached, this.sizeNow())
    } catch (error) {
      return this.fail(error as Error)
    }
    for (const waiter of this.waiters) {
      if (waiter.size <= size) waiter.settle(true)
    }
    this.sleepSoon()
  }

  private fail(error: Error): void {
    for (const waiter of this.waiters) waiter.settle(error)
  }

  /** The native part ends the thread. */
  close(): void {
    this.closed = true
    this.fail(closedError(this.path))
  }
}
