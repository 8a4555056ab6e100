/** What a type is made of. */
import type { ArrayType } from './array/array.js'
import type { DefaultType } from './default/default.js'
import type { MapType } from './map/map.js'
import type { OptionalType } from './optional/optional.js'
import type { RefType } from './ref/ref.js'
import type { StructType } from './struct/struct.js'
import type { TupleType } from './tuple/tuple.js'
import type { AnyType } from './type.js'

const PARTS: Readonly<Record<string, (type: any) => readonly AnyType[]>> = {
  struct: ({ fields }: StructType) => fields.map(([, type]) => type),
  tuple: ({ elements }: TupleType) => elements,
  array: ({ element }: ArrayType) => [element],
  optional: ({ inner }: OptionalType) => [inner],
  default: ({ inner }: DefaultType) => [inner],
  map: ({ valueType }: MapType) => [valueType],
  ref: (type: RefType) => [type.target()],
}

/** A type, what it is made of, and what its refs lead to, each once. Keys have no versions. */
export function* partsOf(type: AnyType, seen = new Set<AnyType>()): IterableIterator<AnyType> {
  if (seen.has(type)) return
  seen.add(type)
  yield type
  for (const part of PARTS[type.kind]?.(type) ?? []) yield* partsOf(part, seen)
}
