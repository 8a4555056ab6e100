/** What a user has of a secondary index. */
import { inspect } from 'node:util'
import { RStoreError } from '../errors.js'
import { TakingIterator, type Steps } from './iterate.js'
import type { OrderedMap } from './ordered-map.js'
import { boundsOf } from './ranges.js'
import { checkShape } from './index-shape.js'
import { fillIndex, type IndexShape, type SecondaryIndex } from './secondary-index.js'
import { Walker } from './walker.js'

/** A secondary index, as a user has it: see Index. */
export class IndexHandle {
  readonly #map: OrderedMap
  readonly #name: string
  readonly #shape: IndexShape
  /** The last one that was found to be of the shape. */
  #known: SecondaryIndex | undefined

  constructor(map: OrderedMap, name: string, shape: IndexShape) {
    this.#map = map
    this.#name = name
    this.#shape = shape
  }

  /** Its entries are the map's, in another order. */
  [inspect.custom](): string {
    return `Index ${JSON.stringify(this.#name)} of ${this.#map.label}`
  }

  /**
   * Enters the session; finds the index, which may have gone with a rollback or its map. With a map
   * that another process made in its place it may have come back as one by something else.
   */
  #enter(): SecondaryIndex {
    const { session } = this.#map
    this.#map.enter()
    // What goes through it may make changes on the way, with which it would be made anew.
    if (session.writable && session.upgradeExpected) {
      session.enterWrite()
      this.#map.enter()
    }
    const index = this.#map.observers!.indexes.get(this.#name)
    if (index !== undefined && index === this.#known) return index
    if (index !== undefined) {
      checkShape(this.#name, index.shape, this.#shape)
      return this.#known = index
    }
    throw new RStoreError(
      'RSTORE_NOT_FOUND',
      `index ${JSON.stringify(this.#name)} of ${this.#map.label} is not there any more: declare ` +
        `it again`,
      { index: this.#name },
    )
  }

  get(indexKey: unknown): unknown {
    const key = this.#enter().first(indexKey)
    return key === null ? undefined : this.#map.get(key)
  }

  keys(range?: unknown): IterableIterator<unknown> {
    return this.#iterate(range, (index, { cursor }) => index.codec.keyOf(cursor.key()))
  }
  values(range?: unknown): IterableIterator<unknown> {
    return this.#iterate(range, (index, { cursor }) =>
      this.#map.get(index.codec.keyOf(cursor.key())),
    )
  }
  range(range?: unknown): IterableIterator<unknown> {
    return this.values(range)
  }
  entries(range?: unknown): IterableIterator<[unknown, unknown, unknown]> {
    return this.#iterate(range, (index, { cursor }): [unknown, unknown, unknown] => {
      const form = cursor.key()
      const [indexKey, key] = [index.codec.indexKeyOf(form), index.codec.keyOf(form)]
      return [indexKey, key, this.#map.get(key)]
    })
  }

  count(range?: unknown): number {
    const { codec, tree } = this.#enter()
    const bounds = boundsOf(range, codec)
    const count = range === undefined ? tree.size : tree.count(bounds)
    this.#map.leave()
    return Math.min(count, bounds.limit)
  }

  #iterate<T>(
    range: unknown,
    take: (index: SecondaryIndex, walker: Walker) => T,
  ): IterableIterator<T> {
    const index = this.#enter()
    const walker = new Walker(index.tree, boundsOf(range, index.codec))
    return new TakingIterator(this.#stepsOf(index), walker, (at) => take(index, at))
  }

  /** An iteration cannot go on when the index was made anew with keys of another type. */
  #stepsOf(index: SecondaryIndex): Steps {
    const map = this.#map
    let { serial } = map.session
    return {
      enter: () => {
        map.enter()
        if (serial === map.session.serial) return
        const current = this.#enter()
        if (current !== index && !current.fits(index.shape, index.keyType)) {
          throw new RStoreError('RSTORE_STALE_VIEW',
            `index ${JSON.stringify(this.#name)} of ${map.label} was made anew for a later version `
            + 'of the records: begin the iteration again', { index: this.#name })
        }
        serial = map.session.serial
      },
      leave: () => map.leave(),
    }
  }

  rebuild(): void {
    const { session } = this.#map
    this.#enter()
    session.transactOrJoin(() =>
      session.atomically(() => {
        const index = this.#enter()
        index.tree.clear()
        fillIndex(this.#map, index)
      }),
    )
  }
}
