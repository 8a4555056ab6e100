/** `t`: everything that can be stored. */
import { ArrayType } from './array/array.js'
import { DefaultType } from './default/default.js'
import { simpleTypes } from './descriptor.js'
import { EnumType } from './enum/enum.js'
import type {
  AnyShape, ArrayView, Fields, Infer, InferInput, PackedInput, RecordInput, RecordView, RMap,
  RMultimap, Self, Type,
} from './infer.js'
import { MapType, MultimapType } from './map/map.js'
import { OptionalType } from './optional/optional.js'
import { PackedType } from './packed/packed.js'
import { RefType, SelfType } from './ref/ref.js'
import { StructType } from './struct/struct.js'
import { TupleType } from './tuple/tuple.js'
import { typeFrom, type AnyType } from './type.js'
import type { Ref } from '../space/ref.js'

export type {
  AnyShape, ArrayView, Change, Column, Fields, Frozen, Index, IndexOptions, Infer, InferInput,
  PackedInput, PackedRoot, Range, ReadMap, RecordInput, RecordMethods, RecordView, RMap,
  RMultimap, RValue, Self, TupleStart, Type,
} from './infer.js'

export interface Types {
  /** A whole number from 0 to 255. Another one is a RangeError, here as in all integer types. */
  readonly u8: Type<number>
  /** A whole number from -128 to 127. */
  readonly i8: Type<number>
  /** A whole number from 0 to 65,535. */
  readonly u16: Type<number>
  /** A whole number from -32,768 to 32,767. */
  readonly i16: Type<number>
  /** A whole number from 0 to 4,294,967,295. */
  readonly u32: Type<number>
  /** A whole number from -2,147,483,648 to 2,147,483,647. */
  readonly i32: Type<number>
  /** A number in four bytes: rounded to some seven digits. */
  readonly f32: Type<number>
  /** Any number, as JavaScript has it. A key cannot be NaN. */
  readonly f64: Type<number>
  /** A bigint from 0 to 2^64 - 1. */
  readonly u64: Type<bigint>
  /** A bigint from -2^63 to 2^63 - 1. */
  readonly i64: Type<bigint>
  /** True or false. */
  readonly bool: Type<boolean>
  /** A Date, stored as f64 milliseconds; sorts by time. */
  readonly date: Type<Date>
  /** Stored as UTF-8, copied on each reading. Keys sort by their bytes. */
  readonly string: Type<string>
  /**
   * Read: a copy up to 4 KiB, else a read-only view good as long as other views, and empty
   * afterwards: give a function that goes on later a copy (`slice()`).
   */
  readonly bytes: Type<Uint8Array>
  /**
   * What JSON has, and undefined, bigint, Date and bytes; copied on each reading. Views of records
   * and arrays are stored as `toObject` copies them; a Map comes back as an object.
   */
  readonly json: Type<any>
  /** Labels may be added at the end later; stored in two bytes; sorts in the order given. */
  enum<const L extends readonly string[]>(...labels: L): Type<L[number]>
  /** A field that may be missing: undefined then, and left out when writing. */
  optional<V, I>(type: Type<V, I>): Type<V | undefined, I | undefined>
  /** A scalar, string or enum that may be left out when writing. Needed by fields added later. */
  default<V, I>(type: Type<V, I>, value: I): Type<V, I | undefined>
  /** Read as a frozen array: a field is assigned as a whole. */
  tuple<T extends readonly AnyShape[]>(
    ...types: T
  ): Type<{ [K in keyof T]: Infer<T[K]> }, { [K in keyof T]: InferInput<T[K]> }>
  /** A nested struct is stored inline. Fields are assignable in place inside a transaction. */
  struct<F extends Fields>(name: string, fields: F): Type<RecordView<F>, RecordInput<F>>
  /**
   * Boxed, of unchanging length. Numbers read as a read-only typed array. Written as a list, or as
   * the ref of an array fresh from a builder, which is adopted.
   */
  array<V, I>(
    element: Type<V, I>,
  ): Type<ArrayView<V>, Iterable<I> | ArrayBufferView | Ref<ArrayView<V>>>
  /**
   * A shared reference to a boxed record; may form cycles. Never frees what it names. Given the ref
   * of an array fresh from a builder, the array stays as if `alloc` had made it, until `free`. For
   * mutual recursion annotate the result: `t.ref((): Type<NodeView> => Node)`.
   */
  ref<V>(target: () => Type<V, any>): Type<V, Ref<V> | V>
  /** Inside a struct: a reference to a record of the same struct. */
  readonly self: Type<Self, Self>
  /** A map inside a record: 4 bytes, good for ever, freed with its record. */
  map<K, V, I>(key: Type<K, any>, value: Type<V, I>): Type<RMap<K, V, I>, Iterable<readonly [K, I]>>
  /** A multimap inside a record; as `map`. Its values are keys themselves: see RMultimap. */
  multimap<K, V>(
    key: Type<K, any>,
    value: Type<V, any>,
  ): Type<RMultimap<K, V>, Iterable<readonly [K, V]>>
  /**
   * A record in a packed region of the same store; counted. Given a handle, its root; given a view
   * of a record in one, that record: many may be in one region, which is there while any is named.
   * Equal to another when both name the same record of the same region. A plain copy (`getObject`,
   * `toObject`) has the view: what it names is not copied, and may be let go of when the turn ends.
   */
  packed<V>(root: Type<V, any>): Type<V, PackedInput<V>>
}

function checkFields(name: unknown, fields: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError('t.struct: the first argument must be a name; it is stored with the data')
  }
  if (typeof fields !== 'object' || fields === null) {
    throw new TypeError(`t.struct ${name}: the second argument must be an object of types`)
  }
}

const constructors = {
  enum: (...labels: string[]): AnyType => new EnumType(labels),
  optional: (type: unknown): AnyType => new OptionalType(typeFrom(type, 't.optional')),
  default: (type: unknown, value: unknown): AnyType =>
    new DefaultType(typeFrom(type, 't.default'), value),
  tuple: (...types: unknown[]): AnyType =>
    new TupleType(types.map((type, i) => typeFrom(type, `t.tuple, element ${i}`))),
  struct: (name: unknown, fields: unknown): AnyType => {
    checkFields(name, fields)
    return new StructType(name, Object.entries(fields as object)
      .map(([field, type]) => [field, typeFrom(type, `t.struct ${name}, field ${field}`)] as const))
  },
  array: (element: unknown): AnyType => new ArrayType(typeFrom(element, 't.array')),
  ref: (target: unknown): AnyType => {
    if (typeof target === 'function') return new RefType(target as () => AnyType)
    throw new TypeError('t.ref: expected a function that gives the type: t.ref(() => City)')
  },
  self: new SelfType(),
  map: (key: unknown, value: unknown): AnyType =>
    new MapType(typeFrom(key, 't.map, key'), typeFrom(value, 't.map, value')),
  multimap: (key: unknown, value: unknown): AnyType =>
    new MultimapType(typeFrom(key, 't.multimap, key'), typeFrom(value, 't.multimap, value')),
  packed: (root: unknown): AnyType => new PackedType(typeFrom(root, 't.packed')),
}

/** Makes types. Everything that can be stored is declared with it. */
export const t = Object.freeze({ ...simpleTypes, ...constructors }) as unknown as Types
