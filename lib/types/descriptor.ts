/**
 * Descriptors: types as JSON, as they are stored in a region.
 *
 *   "u32"                                    a scalar, string, bytes, json, date
 *   {"enum":["a","b"]}  {"optional":T}  {"default":T,"value":v}  {"tuple":[T,…]}  {"array":T}
 *   {"struct":"Name","fields":[["field",T],…]}
 *   {"ref":T}  {"map":[K,V]}  {"multimap":[K,V]}  {"packed":T}
 *   {"self":n}                               as T of a ref: the type n levels up from the innermost
 *   one around the ref
 *
 * A descriptor is complete in itself, and canonical: equal types, however they were put together,
 * have the same text; so a type is found by its text. Recursion ends because refs are the only way
 * back, and a type on the way there is not written again.
 */
import { ArrayType } from './array/array.js'
import { BigIntType } from './bigint/bigint.js'
import { BoolType } from './bool/bool.js'
import { BytesType } from './bytes/bytes.js'
import { DateType } from './date/date.js'
import { DefaultType, defaultFromStored } from './default/default.js'
import { EnumType } from './enum/enum.js'
import { JsonType } from './json/json.js'
import { MapType, MultimapType } from './map/map.js'
import { numbers } from './number/number.js'
import { OptionalType } from './optional/optional.js'
import { PackedType } from './packed/packed.js'
import { RefType } from './ref/ref.js'
import { StringType } from './string/string.js'
import { StructType } from './struct/struct.js'
import { TupleType } from './tuple/tuple.js'
import type { AnyType } from './type.js'

/** The types that take no arguments: one object each. */
export const simpleTypes = {
  ...numbers,
  u64: new BigIntType('u64'),
  i64: new BigIntType('i64'),
  bool: new BoolType(),
  date: new DateType(),
  string: new StringType(),
  bytes: new BytesType(),
  json: new JsonType(),
} as const

/** A type that is being read; a ref back to it gets it when it is there. */
interface Pending { type: AnyType | undefined }

/** How the types that can name cells, or be named, are made. */
export interface Makers {
  ref(find: () => AnyType): AnyType
  packed(root: AnyType): AnyType
  struct(name: string, fields: readonly (readonly [string, AnyType])[]): AnyType
}

const STANDARD: Makers = {
  ref: (find) => new RefType(find),
  packed: (root) => new PackedType(root),
  struct: (name, fields) => new StructType(name, fields),
}

type Parse = (stored: any, stack: readonly Pending[], makers: Makers) => AnyType
type Read = (stored: any, parse: (part: any) => AnyType, makers: Makers) => AnyType

const readers: Readonly<Record<string, Read>> = {
  enum: (stored) => new EnumType(stored.enum),
  optional: (stored, parse) => new OptionalType(parse(stored.optional)),
  default: (stored, parse) => {
    const inner = parse(stored.default)
    return new DefaultType(inner, defaultFromStored(inner, stored.value))
  },
  tuple: (stored, parse) => new TupleType(stored.tuple.map(parse)),
  struct: (stored, parse, makers) =>
    makers.struct(
      stored.struct,
      stored.fields.map(([name, type]: [string, unknown]) => [name, parse(type)] as const),
    ),
  array: (stored, parse) => new ArrayType(parse(stored.array)),
  map: (stored, parse) => new MapType(parse(stored.map[0]), parse(stored.map[1])),
  multimap: (stored, parse) =>
    new MultimapType(parse(stored.multimap[0]), parse(stored.multimap[1])),
  packed: (stored, parse, makers) => makers.packed(parse(stored.packed)),
}

const parseRef: Parse = (stored, stack, makers) => {
  const { self } = stored.ref
  if (self === undefined) {
    const target = parse(stored.ref, stack, makers)
    return makers.ref(() => target)
  }
  const pending = stack[stack.length - 1 - self]
  if (pending === undefined) throw new SyntaxError(`a ref to a type ${self} levels up`)
  return makers.ref(() => pending.type!)
}

const parse: Parse = (stored, stack, makers) => {
  if (typeof stored === 'string' && Object.hasOwn(simpleTypes, stored)) {
    return simpleTypes[stored as keyof typeof simpleTypes]
  }
  if (typeof stored === 'object' && stored !== null) {
    if (Object.hasOwn(stored, 'ref')) return parseRef(stored, stack, makers)
    const kind = Object.keys(stored)[0] ?? ''
    const read = Object.hasOwn(readers, kind) ? readers[kind] : undefined
    if (read !== undefined) {
      const pending: Pending = { type: undefined }
      return pending.type = read(stored, (part) => parse(part, [...stack, pending], makers), makers)
    }
  }
  throw new SyntaxError(`unknown type ${JSON.stringify(stored)?.slice(0, 60)}`)
}

/**
 * A usable type from the text of its descriptor. Throws a SyntaxError, or what the types throw, on
 * a damaged one.
 */
export function typeFromText(text: string, makers: Makers = STANDARD): AnyType {
  return parse(JSON.parse(text), [], makers)
}
