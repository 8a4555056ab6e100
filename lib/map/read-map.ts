/**
 * The reading half of an ordered map.
 *
 *  R1. What a user passes is encoded before the tree is asked, because encoding may throw, and
 *      after user code has run, because that may use the same map: there is one key form per map.
 *  R2. A view is made under the lease that is live when it is made, and with its owner, by which
 *      assignments come: indexes and listeners want to know of them.
 */
import { inspect, type InspectOptions } from 'node:util'
import type { Lease, Owner, Session } from '../types/context.js'
import type { Change, Column } from '../types/infer.js'
import type { KeyCodec, KeyForm } from '../types/keys.js'
import { withRefsAsNumbers } from '../types/ref/numbers.js'
import { shownList } from '../types/shown.js'
import { jsonOf } from '../types/struct/view.js'
import { show } from '../types/text.js'
import type { AnyType } from '../types/type.js'
import { FOUND, lookUpAll } from './batch.js'
import { readColumn, readRange } from './column.js'
import { Handle, type Home } from './handle.js'
import { EntryIterator, KeyIterator, ValueIterator, type Steps } from './iterate.js'
import type { Observers } from './observers.js'
import { EntryOwner, UnwatchedOwner } from './owners.js'
import { boundsOf, givenBoundsOf, PlainEnds, type Bounds } from './ranges.js'
import { valuesOf, type Values } from './values.js'
import { Walker } from './walker.js'

/** Keys that `getMany` looks up at a time. */
const BATCH_KEYS = 256

export abstract class MapReader extends Handle implements Steps {
  readonly codec: KeyCodec<unknown>
  readonly stored: Values
  protected readonly form: KeyForm
  protected readonly ends: PlainEnds
  /** Of records that are got while nobody watches. */
  protected readonly owner: Owner

  constructor(
    session: Session,
    readonly keyType: AnyType,
    readonly valueType: AnyType,
    /** Of a map with a name. They are others once the map has another one's name. */
    public observers: Observers | undefined,
    home: Home | undefined,
    lease: Lease | undefined,
    /** Of the record that the map is in. */
    owner?: Owner,
  ) {
    super(session, keyType.key!.kind, home, lease)
    this.owner = owner ?? new UnwatchedOwner(this)
    this.codec = keyType.key!
    this.form = this.codec.newForm()
    this.stored = valuesOf(session, valueType)
    this.ends = new PlainEnds(this.codec)
  }

  /** Entries; constant time. */
  get size(): number {
    this.enter()
    const { size } = this.tree
    this.leave()
    return size
  }

  get(key: unknown): unknown {
    this.enter()
    const own = this.watched ? this.codec.keep(key, this.label) : key
    const at = this.tree.find(this.codec.encode(own, this.form, this.label))
    const value = at < 0 ? undefined : this.stored.read(this.tree.window, at, this.ownerOf(own))
    this.leave()
    return value
  }

  getObject(key: unknown): unknown {
    return withRefsAsNumbers(() => {
      const value = this.get(key)
      return value === undefined ? undefined : this.valueType.plain(value)
    })
  }

  has(key: unknown): boolean {
    this.enter()
    const at = this.tree.find(this.codec.encode(key, this.form, this.label))
    this.leave()
    return at >= 0
  }

  getMany(keys: Iterable<unknown> | ArrayBufferView): unknown[] {
    if (keys instanceof DataView) throw new TypeError('getMany: a DataView has no elements')
    if (typeof Object(keys)[Symbol.iterator] !== 'function')
      throw new TypeError(`getMany: expected an iterable or a typed array, got ${show(keys)}`)
    const list = ArrayBuffer.isView(keys) ? keys as Uint8Array : listOf(keys, this)
    const result = new Array<unknown>(list.length)
    this.enter()
    for (let from = 0; from < list.length; from += BATCH_KEYS) {
      this.readMany(list.slice(from, from + BATCH_KEYS), from, result)
    }
    this.leave()
    return result
  }

  /**
   * So few keys at a time that what is prefetched for all of them is still near when it is read.
   */
  private readMany(keys: ArrayLike<unknown>, from: number, result: unknown[]): void {
    const { session, tree, keyType, stored } = this
    const { values, valueWords, found } = lookUpAll(session, tree, keyType, keys, !stored.inLeaf)
    for (let i = 0; i < keys.length; i++) {
      result[from + i] = found[i] === FOUND.missing ? undefined
        : stored.read(values, i * valueWords, this.ownerOf(keys[i]))
    }
  }

  getColumn(keysOrRange: unknown, field: string): Column {
    const { session, stored, ends } = this
    if (Array.isArray(keysOrRange)) {
      throw new TypeError('getColumn: keys must be a typed array, or else a range, got '
        + show(keysOrRange))
    }
    const keys = ArrayBuffer.isView(keysOrRange) ? keysOrRange : undefined
    const bounds = keys === undefined ? givenBoundsOf(keysOrRange, ends) : undefined
    this.enter()
    const column = bounds !== undefined ? readRange(session, this.tree, stored, bounds, field)
      : readColumn(session, this.tree, stored, this.keyType, keys!, field)
    this.leave()
    return column
  }

  first(): [unknown, unknown] | undefined {
    return this.edge(false)
  }
  last(): [unknown, unknown] | undefined {
    return this.edge(true)
  }
  private edge(last: boolean): [unknown, unknown] | undefined {
    this.enter()
    const cursor = this.tree.cursor()
    let entry: [unknown, unknown] | undefined
    if (last ? cursor.last() : cursor.first()) {
      const key = this.codec.decode(cursor.key())
      entry = [key, this.stored.read(cursor.window, cursor.valueIndex, this.ownerOf(key))]
    }
    cursor.close()
    this.leave()
    return entry
  }

  entries(range?: unknown): IterableIterator<[unknown, unknown]> {
    return new EntryIterator(this, this.walkerOf(range))
  }
  range(range?: unknown): IterableIterator<[unknown, unknown]> {
    return this.entries(range)
  }
  keys(range?: unknown): IterableIterator<unknown> {
    return new KeyIterator(this, this.walkerOf(range))
  }
  values(range?: unknown): IterableIterator<unknown> {
    return new ValueIterator(this, this.walkerOf(range))
  }
  [Symbol.iterator](): IterableIterator<[unknown, unknown]> {
    return new EntryIterator(this, this.walkerOf(undefined))
  }

  private walkerOf(range: unknown): Walker {
    const bounds = boundsOf(range, this.ends)
    this.enter()
    return new Walker(this.tree, bounds)
  }

  count(range?: unknown): number {
    const bounds = boundsOf(range, this.ends)
    this.enter()
    const count = range === undefined ? this.tree.size : this.tree.count(bounds)
    this.leave()
    return Math.min(count, bounds.limit)
  }

  forEach(fn: (value: unknown, key: unknown) => void): void {
    for (const [key, value] of this.entries()) fn(value, key)
  }

  /** A list of entries, as of a map inside a record. */
  toJSON(): unknown {
    return withRefsAsNumbers(() => Array.from(this.entries(), ([key, value]) =>
      [jsonOf(this.keyType.plain(key)), jsonOf(this.valueType.plain(value))]))
  }
  [inspect.custom](depth: number, options: InspectOptions): string {
    const map = this
    const list = { get size() { return map.size }, elements: () => map }
    return shownList('RMap', depth, options, list, (first) => new Map(first))
  }

  /** Keys of a range, all at once: for changes that would move the ground under a cursor. */
  protected keysIn(bounds: Bounds): unknown[] {
    const walker = new Walker(this.tree, bounds)
    const keys: unknown[] = []
    while (walker.step()) keys.push(this.codec.decode(walker.cursor.key()))
    return keys
  }

  /** Whether changes have to go the long way. */
  get watched(): boolean {
    return this.observers !== undefined && this.observers.watching
  }

  /** The user may have the key, too, and change it. */
  ownerOf(key: unknown): Owner {
    return this.watched ? new EntryOwner(this, this.codec.keep(key, this.label)) : this.owner
  }

  /**
   * Runs `change`, which changes the entry of a key that was kept, and keeps indexes and listeners
   * right.
   */
  abstract observed(key: unknown, kind: Change<unknown>['kind'], change: () => void): void
}

/** What gives one key after the other may give the same object again, changed. */
function listOf(keys: Iterable<unknown>, { codec, label, watched }: MapReader): unknown[] {
  return Array.isArray(keys) && !watched ? Array.from(keys)
    : Array.from(keys, (key) => codec.keep(key, label))
}
