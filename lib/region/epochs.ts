/**
 * `region.epochs()`: wakes within milliseconds of any process's commit. One native thread per
 * handle waits for all iterators of it. An iterator that is slow sees the newest epoch next, not
 * each: what it missed it can read.
 */
import type { NativeHandle } from '../native/binding.js'

type Listener = (epoch: number) => void

export class EpochFeed {
  private readonly listeners = new Set<Listener>()
  private readonly ends = new Set<() => void>()

  /** @param follow shows the file by which the region's was replaced */
  constructor(
    private readonly native: NativeHandle,
    private readonly follow: () => void,
  ) {}

  /** Ends when `signal` aborts, the iterator returns, or the region is closed. */
  async *epochs(signal?: AbortSignal): AsyncGenerator<number, void, void> {
    let newest = 0
    let given = 0
    let wake: () => void = () => {}
    let ended = signal?.aborted === true
    const listen = (epoch: number): void => {
      newest = epoch
      wake()
    }
    const end = (): void => {
      ended = true
      wake()
    }
    this.add(listen, end)
    signal?.addEventListener('abort', end)
    try {
      while (!ended) {
        if (newest === given) await new Promise<void>((resolve) => { wake = resolve })
        if (ended) return
        given = newest
        yield given
      }
    } finally {
      signal?.removeEventListener('abort', end)
      this.remove(listen, end)
    }
  }

  private add(listener: Listener, end: () => void): void {
    this.listeners.add(listener)
    this.ends.add(end)
    if (this.listeners.size === 1) {
      this.native.watchEpochs((epoch) => {
        if (epoch === 0) return this.follow()
        for (const tell of this.listeners) tell(epoch)
      })
    }
  }

  private remove(listener: Listener, end: () => void): void {
    this.ends.delete(end)
    if (this.listeners.delete(listener) && this.listeners.size === 0) this.native.watchEpochs()
  }

  /** Ends all iterators: the region is about to be closed. */
  close(): void {
    if (this.listeners.size > 0) this.native.watchEpochs()
    this.listeners.clear()
    for (const end of this.ends) end()
  }
}
