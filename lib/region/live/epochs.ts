/**
 * `region.epochs()`: wakes within milliseconds of any process's commit. One native thread per
 * handle waits for all iterators of it, from the first that is asked for something on.
 *
 *  E1. An iterator that is slow gets the newest epoch next, not each: what it missed it can read.
 *  E2. No commit is lost between what the handle showed when `epochs()` was called and the first
 *      waiting: the word in shared memory is looked at after the thread listens.
 *  E3. Nobody waits for an iterator that has ended: `return()`, the signal and `close()` answer
 *      whoever still waits for a next epoch. (A generator would answer `return()` behind it.)
 *  E4. Where the system has no thread, an iterator ends with RSTORE_NO_MEMORY: it does not wait for
 *      what nobody would tell it.
 */
import type { NativeHandle } from '../../native/binding.js'
import { check, errorOf } from '../../native/status.js'

type Result = IteratorResult<number, undefined>

const DOING = 'waiting for commits of'
const DONE: Result = { done: true, value: undefined }

class EpochIterator implements AsyncIterableIterator<number> {
  private newest: number
  private begun = false
  private ended = false
  /** What the next call is to reject with. */
  private failure: Error | undefined
  private readonly waiting: ((result: Result | Promise<Result>) => void)[] = []
  private readonly end = (): void => {
    if (this.ended) return
    this.ended = true
    this.signal?.removeEventListener('abort', this.end)
    this.feed.remove(this)
    for (const answer of this.waiting.splice(0)) answer(DONE)
  }

  /** @param given the epoch that needs not be told */
  constructor(
    private readonly feed: EpochFeed,
    private given: number,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.newest = given
  }

  async next(): Promise<Result> {
    if (!this.begun) this.begin()
    const { failure } = this
    this.failure = undefined
    if (failure !== undefined) throw failure
    if (this.ended) return DONE
    return new Promise((resolve) => {
      this.waiting.push(resolve)
      this.answer()
    })
  }

  async return(): Promise<Result> {
    this.end()
    return DONE
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  private begin(): void {
    this.begun = true
    if (this.signal?.aborted === true) return this.end()
    this.signal?.addEventListener('abort', this.end)
    try {
      this.tell(this.feed.add(this))
    } catch (error) {
      this.end()
      throw error
    }
  }

  /** E4 */
  fail(error: Error): void {
    if (this.ended) return
    const answer = this.waiting.shift()
    if (answer === undefined) this.failure = error
    else answer(Promise.reject(error))
    this.end()
  }

  /** Of a commit; `Infinity`: there are no more. */
  tell(epoch: number): void {
    if (epoch === Infinity) return this.end()
    this.newest = Math.max(this.newest, epoch)
    this.answer()
  }

  private answer(): void {
    if (this.newest === this.given || this.waiting.length === 0) return
    this.given = this.newest
    this.waiting.shift()!({ done: false, value: this.given })
  }
}

export class EpochFeed {
  private readonly iterators = new Set<EpochIterator>()
  private closed = false

  /** @param follow shows the file by which the region's was replaced */
  constructor(
    private readonly native: NativeHandle,
    private readonly path: string,
    private readonly follow: () => void,
  ) {}

  /**
   * Ends when `signal` aborts, the iterator returns, or the region is closed.
   * @param shown the commit that the caller knows already
   */
  epochs(shown: number, signal?: AbortSignal): AsyncIterableIterator<number> {
    return new EpochIterator(this, shown, signal)
  }

  /** Gives the last commit so far: E2. */
  add(iterator: EpochIterator): number {
    if (this.closed) return Infinity
    this.iterators.add(iterator)
    if (this.iterators.size === 1) {
      const status = this.native.watchEpochs((epoch) => this.told(epoch))
      check(status, this.path, DOING)
    }
    return this.native.stats().publishedEpoch
  }

  private told(epoch: number): void {
    if (epoch === 0) return this.follow()
    for (const one of [...this.iterators]) {
      if (epoch > 0) one.tell(epoch)
      else one.fail(errorOf(-epoch, this.path, DOING))
    }
  }

  remove(iterator: EpochIterator): void {
    if (this.iterators.delete(iterator) && this.iterators.size === 0) this.native.watchEpochs()
  }

  /** Ends all iterators: the region is about to be closed. */
  close(): void {
    this.closed = true
    for (const one of [...this.iterators]) one.tell(Infinity)
  }
}
