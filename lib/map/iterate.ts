/**
 * Iterators over maps. Each step is an operation of its own, so that an iteration goes on in a
 * later turn of the event loop, over what the map is then. Views are made under the lease of the
 * step that made them.
 *
 * There is a class for each thing that is iterated over, with `next` in one piece, so that the
 * engine can take it into the loop that calls it: an entry then costs about as much as the memory
 * that is read. Most steps are hops of the cursor inside a leaf.
 *
 *  I1. A cursor that may hop is placed. Whatever ends the lease, or makes the handle look its map
 *      up again, detaches it before (Space S5): so a hop need not enter the session.
 */
import { inspect } from 'node:util'
import type { Cursor } from '../tree/cursor.js'
import type { KeyForm } from '../types/keys.js'
import { shownIterator } from '../types/shown.js'
import type { MapReader } from './read-map.js'
import { STRETCH, type Walker } from './walker.js'

/** What an iterator asks its map for. */
export interface Steps {
  enter(): void
  leave(): void
}

abstract class HoppingIterator<T> implements IterableIterator<T> {
  protected readonly cursor: Cursor<KeyForm>

  constructor(
    protected readonly map: MapReader,
    private readonly walker: Walker,
  ) {
    this.cursor = walker.cursor
  }

  [Symbol.iterator](): this {
    return this
  }

  abstract next(): IteratorResult<T>

  /** A step that is no hop; the next ones may be. */
  protected walk(): boolean {
    const { map, walker } = this
    map.enter()
    const there = walker.step()
    if (there) this.lookAhead(walker.stretch(STRETCH))
    map.leave()
    return there
  }

  /** The values of so many more entries will be read. */
  protected lookAhead(hops: number): void {
    this.map.stored.readAhead(this.cursor, hops)
  }

  return(value?: unknown): IteratorResult<T> {
    this.walker.stop()
    return { done: true, value: value as T }
  }

  [inspect.custom](): string {
    return shownIterator()
  }
}

// Each `next` makes its result in one place, so that a loop which takes it apart at once need not
// allocate it.

export class EntryIterator extends HoppingIterator<[unknown, unknown]> {
  next(): IteratorResult<[unknown, unknown]> {
    const { map, cursor } = this
    let value: [unknown, unknown] | undefined
    let done = false
    if (!cursor.hop()) done = !this.walk()
    if (!done) {
      const key = map.codec.decode(cursor.key())
      value = [key, map.stored.read(cursor.window, cursor.valueIndex, map.ownerOf(key))]
      map.leave()
    }
    return { done, value } as IteratorResult<[unknown, unknown]>
  }
}

export class KeyIterator extends HoppingIterator<unknown> {
  next(): IteratorResult<unknown> {
    const { map, cursor } = this
    let value: unknown
    let done = false
    if (!cursor.hop()) done = !this.walk()
    if (!done) {
      value = map.codec.decode(cursor.key())
      map.leave()
    }
    return { done, value }
  }

  protected override lookAhead(): void {}
}

export class ValueIterator extends HoppingIterator<unknown> {
  next(): IteratorResult<unknown> {
    const { map, cursor } = this
    let value: unknown
    let done = false
    if (!cursor.hop()) done = !this.walk()
    if (!done) {
      const owner = map.ownerOf(map.watched ? map.codec.decode(cursor.key()) : undefined)
      value = map.stored.read(cursor.window, cursor.valueIndex, owner)
    }
    return { done, value }
  }
}

/** An iterator that gives what `take` makes of the walker's place. */
export class TakingIterator<T> implements IterableIterator<T> {
  constructor(
    private readonly map: Steps,
    private readonly walker: Walker,
    private readonly take: (walker: Walker) => T,
  ) {}

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<T> {
    this.map.enter()
    const there = this.walker.step()
    const result: IteratorResult<T> = there ? { done: false, value: this.take(this.walker) }
      : { done: true, value: undefined }
    this.map.leave()
    return result
  }

  return(value?: unknown): IteratorResult<T> {
    this.walker.stop()
    return { done: true, value: value as T }
  }

  [inspect.custom](): string {
    return shownIterator()
  }
}
