/**
 * What the keys of an index by a function are, when the program does not say: told from the first
 * key that the function gives.
 *
 *  K1. Records that are there come first. Where they give nothing, the function is asked about a
 *      stand-in, a plain object of zeros, empty strings and the like: once with everything that may
 *      be left out, once without.
 *  K2. Only what is plain is told: a number may always be an f64, but a bigint may be of two types,
 *      and a list of the stand-in has a length that no other has. Then the program has to say.
 */
import { ArrayType } from '../types/array/array.js'
import { DefaultType } from '../types/default/default.js'
import { simpleTypes } from '../types/descriptor.js'
import { EnumType } from '../types/enum/enum.js'
import { MapType, MultimapType } from '../types/map/map.js'
import { OptionalType } from '../types/optional/optional.js'
import { isBytes, isDateObject } from '../types/realms.js'
import { StructType } from '../types/struct/struct.js'
import { show } from '../types/text.js'
import { TupleType } from '../types/tuple/tuple.js'
import type { AnyType } from '../types/type.js'
import type { MapReader } from './read-map.js'

type Compute = (value: unknown, key: unknown) => unknown

/** A list of a stand-in; what is made of it by `map` or `slice` is one, too. */
class StandInList extends Array<unknown> {}

const ZEROS: Readonly<Record<string, () => unknown>> = {
  u64: () => 0n,
  i64: () => 0n,
  bool: () => false,
  string: () => '',
  date: () => new Date(0),
  bytes: () => new Uint8Array(0),
  json: () => null,
  ref: () => undefined,
  packed: () => undefined,
}

function standInRecord(type: StructType, full: boolean): object {
  const record: object = Object.create({ toObject: () => ({ ...record }), equals: () => false })
  return Object.assign(record,
    Object.fromEntries(type.fields.map(([name, field]) => [name, standIn(field, full)])))
}

/** K1. @param full with what may be left out */
function standIn(type: AnyType, full: boolean): unknown {
  if (type instanceof OptionalType) return full ? standIn(type.inner, full) : undefined
  if (type instanceof DefaultType) return type.value
  if (type instanceof StructType) return standInRecord(type, full)
  if (type instanceof TupleType) return type.elements.map((element) => standIn(element, full))
  if (type instanceof EnumType) return type.labels[0]
  if (type instanceof MapType || type instanceof MultimapType) return new Map()
  if (type instanceof ArrayType) {
    const { typed, element } = type
    if (typed !== undefined) return new typed(Number(full))
    return StandInList.from(full ? [standIn(element, full)] : [])
  }
  const zero = ZEROS[type.kind]
  return zero === undefined ? 0 : zero()
}

const WHAT_IT_IS = 'numbers, strings, booleans, dates, Uint8Arrays and arrays of them tell their '
  + 'type'

/** K2. Throws a TypeError. */
function typeOfKey(given: unknown): AnyType {
  switch (typeof given) {
    case 'number': return simpleTypes.f64
    case 'string': return simpleTypes.string
    case 'boolean': return simpleTypes.bool
    case 'bigint': throw new TypeError('it gave a bigint, of which there are t.u64 and t.i64')
  }
  if (isDateObject(given)) return simpleTypes.date
  if (isBytes(given)) return simpleTypes.bytes
  if (Array.isArray(given) && given.length > 0 && !(given instanceof StandInList))
    return new TupleType(given.map(typeOfKey))
  throw new TypeError(`it gave ${show(given)}; ${WHAT_IT_IS}`)
}

/** The first key of a record that is there. */
function firstKey(map: MapReader, fn: Compute): unknown {
  for (const [key, value] of map.entries()) {
    const given = fn(value, key)
    if (given !== undefined) return given
  }
  return undefined
}

/** K1. Throws what the function throws. */
function standInKey({ valueType, keyType }: MapReader, fn: Compute): unknown {
  let thrown: unknown
  for (const full of [true, false]) {
    try {
      const given = fn(standIn(valueType, full), standIn(keyType, full))
      if (given !== undefined) return given
    } catch (error) {
      thrown ??= error
    }
  }
  if (thrown !== undefined) throw thrown
  throw new TypeError('it gave undefined for a record of zeros and empty strings')
}

/**
 * The type of the keys that a function gives for the records of a map. Throws a TypeError that asks
 * for it where that cannot be told, and what the function throws for a record that is there.
 */
export function tellKeyType(map: MapReader, fn: Compute): AnyType {
  const given = firstKey(map, fn)
  try {
    return typeOfKey(given === undefined ? standInKey(map, fn) : given)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : show(cause)
    throw new TypeError(
      `${map.label}: what the keys of an index by this function are cannot be told (${why}); `
        + 'say it: { key: t.… }',
      { cause },
    )
  }
}
