/**
 * What a record is before anything was said of it: zeros, empty strings, maps and arrays, nothing
 * where that is possible.
 */
import { ArrayType } from '../../types/array/array.js'
import { BigIntType } from '../../types/bigint/bigint.js'
import { BoolType } from '../../types/bool/bool.js'
import { BytesType } from '../../types/bytes/bytes.js'
import { DateType } from '../../types/date/date.js'
import { EnumType } from '../../types/enum/enum.js'
import { JsonType } from '../../types/json/json.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import { NumberType } from '../../types/number/number.js'
import { PackedType } from '../../types/packed/packed.js'
import { RefType } from '../../types/ref/ref.js'
import { StringType } from '../../types/string/string.js'
import { StructType } from '../../types/struct/struct.js'
import { TupleType } from '../../types/tuple/tuple.js'
import type { AnyType } from '../../types/type.js'

/** False where a value has to name something: a ref, a packed region, and what has such inside. */
export function canBeEmpty(type: AnyType): boolean {
  if (type instanceof RefType || type instanceof PackedType) return false
  if (type instanceof TupleType) return type.elements.every(canBeEmpty)
  return !(type instanceof StructType) || type.fields.every(([, field]) => canBeEmpty(field))
}

/** An input for an empty value; undefined where nothing is needed, or the type cannot be empty. */
export function emptyInput(type: AnyType): unknown {
  if (type instanceof NumberType) return 0
  if (type instanceof BigIntType) return 0n
  if (type instanceof BoolType) return false
  if (type instanceof DateType) return new Date(0)
  if (type instanceof EnumType) return type.labels[0]
  if (type instanceof JsonType) return null
  if (type instanceof MapType || type instanceof MultimapType) return []
  if (type instanceof TupleType) return type.elements.map(emptyInput)
  if (type instanceof StructType) {
    return Object.fromEntries(type.fields.map(([name, field]) => [name, emptyInput(field)]))
  }
  if (type instanceof StringType) return ''
  if (type instanceof BytesType) return new Uint8Array(0)
  return type instanceof ArrayType ? [] : undefined
}
