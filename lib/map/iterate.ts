/**
 * Iterators over maps. Each step is an operation of its own: it enters the session, so that an iteration goes on in a later turn of
 * the event loop, over what the map is then. Views are made under the lease of the step that made them.
 */
import type { Walker } from './walker.js'

/** What an iterator asks the map for. */
export interface Steps {
  /** Before a step. */
  enterStep(): void
  leaveStep(): void
}

const DONE: IteratorResult<never> = Object.freeze({ done: true, value: undefined })

/** An iterator that gives what `take` makes of the walker's place. */
export class MapIterator<T> implements IterableIterator<T> {
  constructor(
    private readonly map: Steps,
    private readonly walker: Walker,
    private readonly take: (walker: Walker) => T,
  ) {}

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<T> {
    this.map.enterStep()
    if (!this.walker.step()) {
      this.map.leaveStep()
      return DONE
    }
    const value = this.take(this.walker)
    this.map.leaveStep()
    return { done: false, value }
  }

  return(value?: unknown): IteratorResult<T> {
    this.walker.stop()
    return { done: true, value: value as T }
  }
}
