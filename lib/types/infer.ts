/**
 * What TypeScript knows of stored types: the shape that reading gives, the shape that writing
 * accepts, and the shape that a read-only region gives. All inference is a lookup on one phantom
 * member.
 */
import type { Ref } from '../space/ref.js'

declare const shape: unique symbol
declare const self: unique symbol

/**
 * A stored type, made by `t`. `View` is what reading gives, `Input` what writing accepts: plain
 * objects, or a view, which is copied.
 */
export interface Type<View, Input = View> {
  readonly kind: string
  readonly name?: string
  /**
   * Exists for inference only; never at run time. A type whose inputs are views and more is one
   * whose inputs are views: `(): Type<NodeView> => Node`.
   */
  readonly [shape]: { readonly view: View; input(value: Input): void }
}

export type AnyShape = Type<any, any>

/** What reading a value of a type gives. */
export type Infer<T> = T extends { readonly [shape]: { readonly view: infer V } } ? V : never
/** What writing a value of a type accepts. */
export type InferInput<T> =
  T extends { readonly [shape]: { input(value: infer I): void } } ? I : never

/** Stands for the record that a field is in, until its struct is made. */
export interface Self { readonly [self]: true }

type IsAny<V> = 0 extends 1 & V ? true : false

/** The read shape of a field, with the record itself in place of `Self`. */
type Bound<V, F> = IsAny<V> extends true ? V
  : V extends Self ? RecordView<F>
  : V extends readonly [any, ...any[]] ? { [K in keyof V]: Bound<V[K], F> }
  : V extends ArrayView<infer E> ? Extract<E, Self> extends never ? V : ArrayView<Bound<E, F>>
  : V extends RMap<infer K, infer W, infer I>
    ? Extract<W, Self> extends never ? V : RMap<K, Bound<W, F>, BoundInput<I, F>>
  : V extends RMultimap<infer K, infer W>
    ? Extract<W, Self> extends never ? V : RMultimap<K, Bound<W, F>>
  : V

type SelfInput<F> = Ref<RecordView<F>> | RecordView<F>

type BoundInput<I, F> = IsAny<I> extends true ? I
  : I extends Self ? SelfInput<F>
  : I extends string | number | bigint | boolean | undefined | Date | ArrayBufferView ? I
  : I extends readonly [any, ...any[]] ? { [K in keyof I]: BoundInput<I[K], F> }
  : I extends Iterable<infer E>
    ? [Extract<E, Self>] extends [never]
      ? [E] extends [readonly [infer K, infer W]]
        ? [Extract<W, Self>] extends [never] ? I : Iterable<readonly [K, BoundInput<W, F>]>
        : I
      : Iterable<BoundInput<E, F>>
  : I

/** Fields of a struct. */
export type Fields = Record<string, AnyShape>

/** What a plain copy has of a field: of what is not a scalar nothing is said. */
type Plain<V> = [V] extends [Scalar] ? V : any
type Scalar = string | number | bigint | boolean | Date | Uint8Array | undefined

/** What every record view can do besides having fields. */
export interface RecordMethods<F> {
  /**
   * A plain copy, good for ever. Refs are numbers in it, maps are Maps; what a `t.packed` names
   * stays a view of the other region.
   */
  toObject(): { [K in keyof F]: Plain<Infer<F[K]>> }
  /** Deep comparison with a view or a plain object of the same shape. */
  equals(other: unknown): boolean
}

/**
 * A record read in place. Made outside `read`, `transact` and snapshots it is good until the turn
 * of the event loop ends; inside, until that ends, its record is freed, or the transaction rolls
 * back. Later use throws RSTORE_STALE_VIEW. Fields are assignable inside a transaction.
 */
export type RecordView<F> = { [K in keyof F]: Bound<Infer<F[K]>, F> } & RecordMethods<F>

/** What a record is written as: fields that may be undefined may be left out. */
export type RecordInput<F> = {
  [K in keyof F as undefined extends InferInput<F[K]> ? never : K]: BoundInput<InferInput<F[K]>, F>
} & {
  [K in keyof F as undefined extends InferInput<F[K]> ? K : never]?: BoundInput<InferInput<F[K]>, F>
}

/**
 * An array read in place or, when it is small, a copy. Arrays of numbers are typed arrays at run
 * time: at most 4 KiB always a copy; larger ones without copying inside `read`, `transact`, a
 * snapshot or a packed region. Never writable: see `editArray`. What was read without copying is
 * good until the `read` or `transact` is over, and empty when the turn of the event loop is: give a
 * function that goes on later, as those with a callback or a promise do, a copy (`slice()`).
 */
export interface ArrayView<V> extends Iterable<V> {
  readonly length: number
  at(index: number): V | undefined
  readonly [index: number]: V
}

/** The first elements of a tuple, but not all. */
export type TupleStart<K> = K extends readonly [infer First, infer Second, ...infer Rest]
  ? readonly [First] | readonly [First, ...TupleStart<[Second, ...Rest]>]
  : never

/**
 * Part of an ordered map. At most one lower and one upper end. The first elements of keys that are
 * tuples stand for all keys that begin with them: `{ gte: ['NO'], lte: ['NO'] }` is all of 'NO'.
 */
export interface Range<K> {
  gt?: K | TupleStart<K>
  gte?: K | TupleStart<K>
  lt?: K | TupleStart<K>
  lte?: K | TupleStart<K>
  reverse?: boolean
  limit?: number
}

/** One field of many records. Missing records are NaN, or 0 in integer columns, and counted. */
export interface Column {
  values: Float64Array | Int32Array | Uint32Array
  missing: number
}

/**
 * What can be read from an ordered map. Iteration gives a fresh view per entry and survives changes
 * of the map.
 */
export interface ReadMap<K, V> extends Iterable<[K, V]> {
  /** Entries; constant time. */
  readonly size: number
  /** The value of a key; a record is read in place, as a RecordView. Undefined where none is. */
  get(key: K): V | undefined
  /** A plain copy, good for ever: see `toObject` of records. */
  getObject(key: K): any | undefined
  /** Whether there is an entry of that key. */
  has(key: K): boolean
  /** As `get` of each key, in their order; faster than one by one. */
  getMany(keys: Iterable<K> | ArrayBufferView): (V | undefined)[]
  /**
   * One numeric field of many records, those of some keys or of a range in its order; `field` is ''
   * in a map of numbers. Keys that are dates are given as a Float64Array of their milliseconds.
   */
  getColumn(keys: ArrayBufferView | Range<K>, field: string): Column
  /** The entry with the lowest key. */
  first(): [K, V] | undefined
  /** The entry with the highest key. */
  last(): [K, V] | undefined
  /** All entries, or those of a range, in the order of their keys. */
  entries(range?: Range<K>): IterableIterator<[K, V]>
  /** The same as `entries`. */
  range(range?: Range<K>): IterableIterator<[K, V]>
  /** As `entries`, the keys alone. */
  keys(range?: Range<K>): IterableIterator<K>
  /** As `entries`, the values alone. */
  values(range?: Range<K>): IterableIterator<V>
  /** How many entries a range has: told from nodes, not one by one. */
  count(range?: Range<K>): number
  /** Calls `fn` with each entry, in the order of their keys. */
  forEach(fn: (value: V, key: K) => void): void
}

/** A change that a commit made. */
export interface Change<K> {
  key: K
  kind: 'set' | 'delete'
}

/** Fields of records: what an index can be by. */
type FieldOf<V> = Exclude<keyof V & string, keyof RecordMethods<any>>

/** The key of an index by one field, or by several; records without one of them are not in it. */
type KeyBy<V, P> = P extends keyof V ? Exclude<V[P], undefined>
  : P extends readonly [infer F extends keyof V] ? Exclude<V[F], undefined>
  : P extends readonly [keyof V, ...(keyof V)[]]
    ? { -readonly [I in keyof P]: P[I] extends keyof V ? Exclude<V[P[I]], undefined> : never }
  : unknown

export interface IndexOptions<X> {
  /**
   * Type of the index keys. Known from the fields; with a function it is needed where it cannot be
   * told from what the function gives: see `RMap.index`.
   */
  key?: Type<X, any>
  /** Whether two records may not have the same index key. */
  unique?: boolean
}

/** An ordered map, kept in place. All changes belong inside a transaction. */
export interface RMap<K, V, I = V> extends ReadMap<K, V> {
  /**
   * Overwrites in place where it fits, and frees what it replaces. A view given as the value is
   * copied. A record moves only where an older version of its type was written, with less room:
   * refs to it are then led on.
   */
  set(key: K, value: I): void
  /** Takes an entry out, and frees what it owns; says whether there was one. */
  delete(key: K): boolean
  /** Sets what `fn` makes of the value that is there, or of undefined: a whole new value. */
  update(key: K, fn: (old: V | undefined) => I): void
  /** Sets only where there is nothing; says whether it did. */
  setIfAbsent(key: K, value: I): boolean
  /** Deep comparison with the stored value; `undefined` means absent. */
  compareAndSet(key: K, expected: I | undefined, next: I | undefined): boolean
  /** Deletes a range, or everything; gives the number of entries deleted. */
  clear(range?: Range<K>): number
  /**
   * Sorted input. The first key out of order throws RSTORE_UNSORTED, and nothing has changed; the
   * source is closed, and not read on. Resolves to the number of entries. What can be iterated at
   * once is stored as it comes; what comes asynchronously is gathered in memory first, because a
   * transaction cannot wait, and either all of it is stored or nothing. For more than fits there,
   * call it with parts, one by one. `onProgress` is told now and then how many entries were read
   * (of what is gathered, while it is), and at the end, before the commit, of all. What is stored
   * goes to the file of a region while the load runs: it may be more than fits in memory.
   */
  bulkLoad(
    sorted: Iterable<readonly [K, I]> | AsyncIterable<readonly [K, I]>,
    options?: { onProgress?(entries: number): void },
  ): Promise<number>
  /**
   * Declares a secondary index, by a field, several (keys are tuples of theirs), a path of fields
   * (`'at.x'`), or a function; it is made when it does not exist. A function's code must not change
   * from one run of a program to the next, and must depend on nothing but its arguments and the
   * record's own fields, what is in its maps and arrays included: what is stored was computed with
   * it, and changes are noticed that go through views got from this map. It gives undefined to
   * leave a record out. After a change of the code: `rebuild()`.
   *
   * Without `{ key }` the type of a function's keys is the one that is stored; of a new index that
   * of the first key the function gives for the records that are there, or, where there is none,
   * for a record of zeros, empty strings and the like: numbers are `t.f64`, strings `t.string`,
   * booleans `t.bool`, dates `t.date`, Uint8Arrays `t.bytes`, arrays of them `t.tuple`. A TypeError
   * asks for `{ key }` where that does not tell it, as with a bigint.
   */
  index<P extends FieldOf<V>, X extends KeyBy<V, P>>(
    name: string, by: P, options?: IndexOptions<X>,
  ): Index<X, K, V>
  index<const P extends readonly FieldOf<V>[], X extends KeyBy<V, P>>(
    name: string, by: P, options?: IndexOptions<X>,
  ): Index<X, K, V>
  index<X>(
    name: string,
    by: string | readonly string[] | ((value: V, key: K) => X | undefined),
    options?: IndexOptions<X>,
  ): Index<X, K, V>
  /**
   * Told of every change that this region's handle commits, after the commit, through whichever of
   * its maps; not of what other handles and other processes commit: `epochs()` tells of those.
   * Gives a function that ends it.
   */
  on(event: 'change', listener: (change: Change<K>) => void): () => void
}

/**
 * A secondary index of a map. A loop over it that assigns to what it is by moves records ahead of
 * itself and meets them again: take `[...index.values(range)]` first.
 */
export interface Index<X, K, V> {
  /** The record of an index key; of several, the one with the lowest key. */
  get(key: X): V | undefined
  /** The map's keys of the records of a range, in the order of the index. */
  keys(range?: Range<X>): IterableIterator<K>
  /** The records of a range, in the order of the index. */
  values(range?: Range<X>): IterableIterator<V>
  /** The same as `values`. */
  range(range?: Range<X>): IterableIterator<V>
  /** The index key, the map's key and the record of each, in the order of the index. */
  entries(range?: Range<X>): IterableIterator<[X, K, V]>
  /** How many records have an index key in the range. */
  count(range?: Range<X>): number
  /** Computes the whole index anew. */
  rebuild(): void
}

/**
 * Several sorted values per key. Values are themselves keys: scalars, strings, bytes, tuples of
 * those.
 */
export interface RMultimap<K, V> extends Iterable<[K, V]> {
  /** Pairs of a key and a value; constant time. */
  readonly size: number
  /** False when the pair was there already. */
  add(key: K, value: V): boolean
  /** Removes one pair, or all pairs of a key; gives the number removed. */
  remove(key: K, value?: V): number
  /** Whether a pair is there, or any pair of a key. */
  has(key: K, value?: V): boolean
  /** The values of a key, or those of a range of them, in their order. */
  valuesOf(key: K, range?: Range<V>): IterableIterator<V>
  /** How many values a key has. */
  countOf(key: K): number
  /** Pairs; the range is one of keys, its limit one of pairs. */
  entries(range?: Range<K>): IterableIterator<[K, V]>
  /** The same as `entries`. */
  range(range?: Range<K>): IterableIterator<[K, V]>
  /** Each key once. */
  keys(range?: Range<K>): IterableIterator<K>
}

/** A single named value. */
export interface RValue<V, I = V> {
  /** Undefined until it is set. */
  get(): V | undefined
  /** Inside a transaction. */
  set(value: I): void
  /** Takes it out, and its name with it; says whether it was there. */
  delete(): boolean
}

/** A handle of a packed region. */
export interface PackedRoot<V> {
  readonly root: V | Frozen<V>
}

/** A handle of a packed region, or a view of a record in one. */
export type PackedInput<V> = [V] extends [Self]
  ? PackedRoot<any> | RecordMethods<any>
  : PackedRoot<V> | V | Frozen<V>

type ReadMultimap<K, V> = Pick<RMultimap<K, V>,
  'size' | 'has' | 'valuesOf' | 'countOf' | 'entries' | 'range' | 'keys' | typeof Symbol.iterator>

/**
 * What reading gives where nobody may write: maps without their writing half, records without
 * assignment.
 */
export type Frozen<V> =
  IsAny<V> extends true
    ? V
    : V extends RMap<infer K, infer W, any>
      ? ReadMap<K, Frozen<W>>
      : V extends RMultimap<infer K, infer W>
        ? ReadMultimap<K, Frozen<W>>
        : V extends
              PackedRoot<any> | Date | Uint8Array | string | number | bigint | boolean | undefined
          ? V
          : V extends readonly [any, ...any[]]
            ? { readonly [K in keyof V]: Frozen<V[K]> }
            : V extends ArrayView<infer E>
              ? ArrayView<Frozen<E>>
              : V extends object
                ? {
                    readonly [K in keyof V]: V[K] extends (...args: any[]) => any
                      ? V[K] : Frozen<V[K]>
                  }
                : V
