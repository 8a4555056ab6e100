/**
 * An ordered map: the facade of `RMap`. Reading is in read-map.ts.
 *
 *  W1. A value is prepared before anything changes: what cannot be stored is a TypeError or
 *      RangeError, and the map is as it was.
 *  W2. A change of a map with indexes or listeners runs in a savepoint: what an index refuses, or
 *      its function throws, undoes all of it.
 *  W3. An entry that was placed is taken out again when there is no room for its value; whatever
 *      else fails half way spoils the transaction (Session.spoiled).
 *  W4. Code of the user (getters of a key, or of a value) may use this map, or make another image
 *      of a record: so all of it has run, first the key's (`settle`), then the value's, before the
 *      key is encoded, which runs no more of it and changes nothing that was prepared.
 *  W5. What is used again later (by an index, a listener, a view that is assigned to) is a key that
 *      was kept: the user may use the same bytes or array for the next one.
 */
import type { ReleaseValue } from '../tree/tree.js'
import type { Change } from '../types/infer.js'
import { bulkLoad, type BulkOptions, type Entries, type Entry } from './bulk.js'
import { releaseTold, type DropOptions } from './dropping.js'
import type { IndexOptions } from './index-declaration.js'
import type { IndexHandle } from './index-handle.js'
import { declareIndex } from './stored-index.js'
import { boundsOf } from './ranges.js'
import { MapReader } from './read-map.js'
import type { Listener } from './observers.js'
import type { IndexFunction } from './secondary-index.js'
import type { KeyForm } from '../types/keys.js'

export interface Appender {
  /**
   * Throws RSTORE_UNSORTED for a key that is not above all others, and what the key's codec throws:
   * then nothing has changed.
   */
  append(key: unknown, prepared: unknown): void
  finish(): void
}

export class OrderedMap extends MapReader {
  /** As `attach`: for whoever opens the map. */
  open(root: Parameters<MapReader['attach']>[0]): this {
    this.attach(root)
    return this
  }

  set(key: unknown, value: unknown): void {
    this.enterWrite()
    if (this.watched) this.setObserved(key, value)
    else this.putValue(key, value)
    this.leave()
  }

  /** An index may be by a function of the user: the value is prepared so that it stays. */
  private setObserved(key: unknown, value: unknown): void {
    const own = this.codec.keep(key, this.label)
    const prepared = this.valueType.prepare(value, this.label, this.session)
    this.observed(own, 'set', () => this.putPrepared(own, prepared))
  }

  /** W1, W4. */
  private putValue(key: unknown, value: unknown): void {
    const own = this.codec.settle(key)
    this.putPrepared(own, this.stored.prepare(value, this.label))
  }

  /** As `set`, with a value that was prepared, of a map that nobody watches. */
  putPrepared(key: unknown, prepared: unknown): void {
    this.putForm(this.codec.encode(key, this.form, this.label), prepared)
  }

  /** The same of one with indexes or listeners. */
  putWatched(key: unknown, prepared: unknown): void {
    const own = this.codec.keep(key, this.label)
    this.observed(own, 'set', () => this.putPrepared(own, prepared))
  }

  /**
   * Removes everything, and the map itself, for whoever takes away what names it: the handle is
   * dead afterwards.
   */
  dropPart(options: DropOptions = {}): void {
    this.enter()
    const release: ReleaseValue = (window, at) => this.stored.release(window, at)
    this.session.change(() => this.tree.drop(releaseTold(release, this.tree.size, options)))
  }

  /**
   * W3. Preparing and encoding may have run code of the user, which may have taken the map away: so
   * it is looked for again.
   */
  private putForm(form: KeyForm, prepared: unknown): void {
    this.enter()
    const { tree, stored } = this
    try {
      const at = tree.place(form)
      if (tree.inserted) this.fill(form, at, prepared)
      else stored.assign(tree, at, prepared)
    } catch (error) {
      this.session.spoiled ??= error
      throw error
    }
  }

  private fill(form: KeyForm, at: number, prepared: unknown): void {
    try {
      this.stored.create(this.tree.window, at, prepared)
    } catch (error) {
      this.tree.remove(form)
      throw error
    }
  }

  delete(key: unknown): boolean {
    this.enterWrite()
    const there = this.watched ? this.takeObserved(key) : this.takeUnobserved(key)
    this.leave()
    return there
  }

  private takeObserved(key: unknown): boolean {
    const own = this.codec.keep(key, this.label)
    const form = this.codec.encode(own, this.form, this.label)
    this.enter()
    if (this.tree.find(form) < 0) return false
    this.observed(own, 'delete', () => this.takeUnobserved(own))
    return true
  }

  /** Whether it was there. */
  private takeUnobserved(key: unknown): boolean {
    const form = this.codec.encode(key, this.form, this.label)
    this.enter()
    const { tree, stored } = this
    try {
      if (!stored.inLeaf) {
        const there = tree.remove(form)
        if (there) stored.free(tree.removedLow)
        return there
      }
      const at = tree.find(form)
      if (at < 0) return false
      stored.release(tree.window, at)
      return tree.remove(form)
    } catch (error) {
      this.session.spoiled ??= error
      throw error
    }
  }

  update(key: unknown, fn: (old: unknown) => unknown): void {
    this.enterWrite()
    const own = this.codec.keep(key, this.label)
    this.set(own, fn(this.get(own)))
  }

  setIfAbsent(key: unknown, value: unknown): boolean {
    this.enterWrite()
    const own = this.codec.keep(key, this.label)
    if (this.has(own)) return false
    this.set(own, value)
    return true
  }

  compareAndSet(key: unknown, expected: unknown, next: unknown): boolean {
    this.enterWrite()
    const own = this.codec.keep(key, this.label)
    const current = this.get(own)
    const same =
      expected === undefined || current === undefined
        ? expected === current
        : this.valueType.same(current, expected, this.session)
    if (!same) return false
    if (next !== undefined) this.set(own, next)
    else if (current !== undefined) this.delete(own)
    return true
  }

  clear(range?: unknown): number {
    const bounds = boundsOf(range, this.ends)
    this.enterWrite()
    if (this.watched || bounds.limit !== Infinity) {
      const keys = this.keysIn(bounds)
      const clear = (): void => keys.forEach((key) => this.delete(key))
      if (this.watched) this.session.atomically(clear)
      else clear()
      return keys.length
    }
    const { size } = this.tree
    const count = this.session.change(() => {
      if (range !== undefined) return this.tree.clearRange(bounds, this.releaser())
      this.clearPart()
      return size
    })
    this.leave()
    return count
  }

  /** Removes everything, in an operation that is under way, of a map that nobody watches. */
  clearPart(): void {
    this.enter()
    this.tree.clear(this.releaser())
  }

  /** Frees what an entry owns; undefined when they own nothing. */
  private releaser(): Parameters<typeof this.tree.clear>[0] {
    return this.stored.inLeaf && !this.valueType.owns
      ? undefined
      : (window, at) => this.stored.release(window, at)
  }

  /** W2, W5. */
  observed(key: unknown, kind: Change<unknown>['kind'], change: () => void): void {
    const { observers, session } = this
    observers!.checkDeclared()
    session.atomically(() => {
      const before = observers!.formsOf(this.get(key), key)
      change()
      const after = observers!.formsOf(kind === 'delete' ? undefined : this.get(key), key)
      observers!.move(before, after)
      if (observers!.listeners.size === 0) return
      const told = this.codec.keep(key, this.label)
      session.noteChange(() => observers!.tell({ key: told, kind }))
    })
  }

  bulkLoad(
    sorted: Iterable<readonly [unknown, unknown]> | AsyncIterable<readonly [unknown, unknown]>,
    options: BulkOptions = {},
  ): Promise<number> {
    return bulkLoad(this, sorted, options)
  }

  /**
   * Appends sorted entries, the first of which is behind all that are there. RSTORE_UNSORTED.
   */
  appendSorted(first: Entry, rest: Entries, onEntry: () => void): void {
    this.enterWrite()
    const { tree, stored, session } = this
    session.change(() => {
      const loader = tree.loader(() => session.writeAhead(1))
      try {
        for (let entry: Entry | undefined = first; entry !== undefined; entry = rest.next()) {
          const own = this.codec.settle(entry[0])
          const prepared = stored.prepare(entry[1], this.label)
          const form = this.codec.encode(own, this.form, this.label)
          this.enter()
          const at = loader.append(form)
          stored.create(tree.window, at, prepared)
          onEntry()
        }
        loader.finish()
      } finally {
        loader.close()
      }
    })
    this.leave()
  }

  /** For sorted input: nobody else may use the map until `finish`. Not for watched maps. */
  appender(): Appender {
    this.enterWrite()
    const { codec, form, label, session, stored, tree } = this
    const loader = tree.loader()
    return {
      append(key, prepared) {
        const at = loader.append(codec.encode(key, form, label))
        try {
          stored.create(tree.window, at, prepared)
        } catch (error) {
          session.spoiled ??= error
          throw error
        }
      },
      finish: () => loader.finish(),
    }
  }

  /** Whether `key` is greater than every key of the map. */
  isBehind(key: unknown): boolean {
    this.enter()
    const cursor = this.tree.cursor()
    const behind =
      !cursor.last() ||
      this.tree.compare(cursor.key(), this.codec.encode(key, this.form, this.label)) < 0
    cursor.close()
    return behind
  }

  /**
   * Tells of one key after the other whether it is above the one before. Throws what the codec
   * throws on what is no key.
   */
  rising(): (key: unknown) => boolean {
    let [form, last] = [this.codec.newForm(), this.codec.newForm()]
    let started = false
    return (key) => {
      form = this.codec.encode(key, form, this.label)
      const isAbove = !started || this.tree.compare(last, form) < 0
      ;[form, last] = [last, form]
      started = true
      return isAbove
    }
  }

  index(
    name: string,
    by: string | readonly string[] | IndexFunction,
    options: IndexOptions = {},
  ): IndexHandle {
    return declareIndex(this, name, by, options)
  }

  on(event: 'change', listener: Listener): () => void {
    if (event !== 'change')
      throw new TypeError(`unknown event ${JSON.stringify(event)}; there is 'change'`)
    if (typeof listener !== 'function') throw new TypeError('the listener must be a function')
    if (this.observers === undefined)
      throw new TypeError(`${this.label} has no listeners: only maps with a name have`)
    const own: Listener = (change) => {
      if (!isOver) listener(change)
    }
    let isOver = false
    this.enter()
    const { observers } = this
    observers!.listeners.add(own)
    observers!.changed()
    return () => {
      isOver = true
      for (const set of [observers!, this.observers!]) {
        set.listeners.delete(own)
        set.changed()
      }
    }
  }
}
