/**
 * Memory of builders: runs of this thread's arena. A run ends at a guard page; see
 * native/src/core/arena/arena.h.
 *
 * The arena's buffers never leave the library, and typed arrays over a run are given up by its
 * builder before the run goes back.
 */
import { Window } from '../space/window.js'
import { errorOf } from '../native/status.js'
import { builderAddon, type NativeArena } from './native.js'

let arena: NativeArena | undefined
const segments: Window[] = []

/** The arena of this thread, made at first use. */
export const threadArena = (): NativeArena => (arena ??= new (builderAddon().Arena)())

const windowOf = (segment: number): Window =>
  (segments[segment] ??= new Window(threadArena().segment(segment)))

/** A stretch of memory that a builder fills. */
export class Run {
  constructor(
    readonly window: Window,
    /** Index of its first byte. */
    readonly first: number,
    /** That can be written; the guard page is behind them. */
    readonly bytes: number,
    readonly place: number,
  ) {}

  get guard(): number {
    return this.first + this.bytes
  }
}

/** Writable bytes of the run that one gets who asks for so many: 2^n − 1 pages. */
export function runBytesFor(bytes: number): number {
  const page = builderAddon().systemPageBytes
  const pages = Math.max(1, Math.ceil(bytes / page))
  return (2 ** Math.ceil(Math.log2(pages + 1)) - 1) * page
}

/** The runs of one builder. Known to the garbage collector apart from it: see `watch`. */
export class RunSet {
  private readonly runs: Run[] = []

  /** Throws RSTORE_NO_MEMORY. */
  take(bytes: number): Run {
    const whole = runBytesFor(bytes)
    const place = threadArena().take(whole)
    if (place < 0) throw errorOf(-place, 'memory', 'Taking pages for an array builder from')
    const run = new Run(windowOf(Math.floor(place / 2 ** 32)), place % 2 ** 32, whole, place)
    this.runs.push(run)
    return run
  }

  release(): void {
    for (let run = this.runs.pop(); run !== undefined; run = this.runs.pop()) {
      threadArena().give(run.place, run.bytes)
    }
  }
}

const forgotten = new FinalizationRegistry<RunSet>((runs) => runs.release())

/** When `builder` is forgotten, its runs go back. */
export function watch(builder: object, runs: RunSet): void {
  forgotten.register(builder, runs, runs)
}

export function unwatch(runs: RunSet): void {
  forgotten.unregister(runs)
}
