/**
 * Whether data that was stored as one type can be read as another, without being rewritten.
 *
 * Compatible are: fields added at the end of a struct that are optional or have a default; labels
 * added at the end of an enum; a number widened so that no value is lost (u8 → u16, i16, u32 …, u32
 * → f64, u64); a changed default. Records are read by the layout they were written in. Keys, and
 * scalars that are themselves the values of a map, have no header that says what they are: keys
 * have to be equal, and such values may only be widened within the four bytes they have.
 */
import type { ArrayType } from './array/array.js'
import type { DefaultType } from './default/default.js'
import type { EnumType } from './enum/enum.js'
import type { MapType } from './map/map.js'
import { widens } from './number/number.js'
import type { OptionalType } from './optional/optional.js'
import type { PackedType } from './packed/packed.js'
import type { RefType } from './ref/ref.js'
import type { StructType } from './struct/struct.js'
import type { TupleType } from './tuple/tuple.js'
import type { AnyType } from './type.js'

export interface Mismatch {
  /** Where, as `City.at.lat`. */
  readonly path: string
  /** How, as "is stored as u32, but declared as string". */
  readonly how: string
}

/** A type in few words: `u32`, `struct City`, `{"array":"string"}`. */
export function describeShortly(type: AnyType): string {
  const text =
    type.name === undefined || type.name === ''
      ? type.descriptorText.replace(/^"(.*)"$/, '$1')
      : `${type.kind} ${type.name}`
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`
}

/** Pairs that are being compared: what comes back to them adds nothing. */
type Seen = Set<string>
type Compare<T> = (stored: T, given: T, path: string, seen: Seen) => Mismatch | null

const otherwise = (stored: AnyType, given: AnyType, path: string): Mismatch => ({
  path,
  how: `is stored as ${describeShortly(stored)}, but declared as ${describeShortly(given)}`,
})

const enums: Compare<EnumType> = (stored, given, path) => {
  const wrong = stored.labels.findIndex((label, i) => given.labels[i] !== label)
  return wrong < 0
    ? null
    : {
        path,
        how:
          `has ${JSON.stringify(stored.labels[wrong])} stored as label ${wrong}, but ` +
          `${JSON.stringify(given.labels[wrong]) ?? 'nothing'} declared: labels may only be ` +
          `added at the end`,
      }
}

const structs: Compare<StructType> = (stored, given, path, seen) => {
  if (stored.name !== given.name) return otherwise(stored, given, path)
  for (const [i, [name, type]] of stored.fields.entries()) {
    const field = given.fields[i]
    if (field === undefined) return { path: `${path}.${name}`, how: 'is stored, but not declared' }
    if (field[0] !== name) {
      return {
        path: `${path}.${name}`,
        how: `is stored as field ${i}, but ${field[0]} is declared there`,
      }
    }
    const inside = compare(type, field[1], `${path}.${name}`, seen)
    if (inside !== null) return inside
  }
  const added = given.fields.slice(stored.fields.length)
    .find(([, type]) => type.kind !== 'optional' && type.kind !== 'default')
  return added === undefined ? null : {
    path: `${path}.${added[0]}`,
    how: 'is new and has no default: records without it exist; use t.optional or t.default',
  }
}

const tuples: Compare<TupleType> = (stored, given, path, seen) => {
  if (stored.elements.length !== given.elements.length) return otherwise(stored, given, path)
  return firstOf(stored.elements.map((type, i) =>
    () => compare(type, given.elements[i]!, `${path}[${i}]`, seen)))
}

const maps: Compare<MapType> = (stored, given, path, seen) => firstOf([
  () => compareKeys(stored.keyType, given.keyType, path),
  () => compareValues(stored.valueType, given.valueType, `${path}[value]`, seen),
])

const byKind: Readonly<Record<string, Compare<any>>> = {
  enum: enums,
  struct: structs,
  tuple: tuples,
  map: maps,
  multimap: (stored: MapType, given: MapType, path) => firstOf([
    () => compareKeys(stored.keyType, given.keyType, path),
    () => compareKeys(stored.valueType, given.valueType, `${path}[value]`),
  ]),
  optional: (stored: OptionalType, given: OptionalType, path, seen) =>
    compare(stored.inner, given.inner, path, seen),
  default: (stored: DefaultType, given: DefaultType, path, seen) =>
    compare(stored.inner, given.inner, path, seen),
  array: (stored: ArrayType, given: ArrayType, path, seen) =>
    compare(stored.element, given.element, `${path}[]`, seen),
  ref: (stored: RefType, given: RefType, path, seen) =>
    compare(stored.target(), given.target(), path, seen),
  packed: (stored: PackedType, given: PackedType, path, seen) =>
    compare(stored.root, given.root, path, seen),
}

function firstOf(checks: readonly (() => Mismatch | null)[]): Mismatch | null {
  for (const check of checks) {
    const mismatch = check()
    if (mismatch !== null) return mismatch
  }
  return null
}

/** What prevents reading `stored` as `given`; null when nothing does. */
export function compare(
  stored: AnyType, given: AnyType, path: string, seen: Seen = new Set(),
): Mismatch | null {
  if (stored === given) return null
  const pair = `${stored.serial}:${given.serial}`
  if (seen.has(pair)) return null
  seen.add(pair)
  if (stored.kind !== given.kind) {
    return widens(stored.kind, given.kind) ? null : otherwise(stored, given, path)
  }
  return byKind[stored.kind]?.(stored, given, path, seen) ?? null
}

/** Whether what is stored is a later version of a type that cannot read it. */
export const isLater = (stored: AnyType, given: AnyType): boolean =>
  compare(given, stored, '') === null

/**
 * The same for keys, whose bytes have to mean the same. Enums may grow, also in tuples: keys are
 * their labels' numbers.
 */
export function compareKeys(stored: AnyType, given: AnyType, path: string): Mismatch | null {
  return compareParts(stored, given, `${path}[key]`)
}

function compareParts(stored: AnyType, given: AnyType, path: string): Mismatch | null {
  if (stored.descriptorText === given.descriptorText) return null
  if (stored.kind === 'enum' && given.kind === 'enum') return compare(stored, given, path)
  const [parts, others] = [partsOf(stored), partsOf(given)]
  const fits = parts.length > 0 && parts.length === others.length
    && parts.every((part, i) => compareParts(part, others[i]!, path) === null)
  return fits ? null : otherwise(stored, given, path)
}

const partsOf = (type: AnyType): readonly AnyType[] =>
  type.kind === 'tuple' ? (type as TupleType).elements : []

const FOUR_BYTES = new Set(['u8', 'i8', 'u16', 'i16', 'u32', 'i32'])

/** The same for the values of a map. */
export function compareValues(
  stored: AnyType, given: AnyType, path: string, seen: Seen = new Set(),
): Mismatch | null {
  if (stored.inLeaf && stored.kind !== given.kind
    && !(FOUR_BYTES.has(stored.kind) && FOUR_BYTES.has(given.kind))) {
    return otherwise(stored, given, path)
  }
  return compare(stored, given, path, seen)
}

export interface KeyAndValue { readonly keyType: AnyType; readonly valueType: AnyType }

/** The same for a named map. */
export function compareMaps(
  stored: KeyAndValue, given: KeyAndValue, name: string,
): Mismatch | null {
  return compareKeys(stored.keyType, given.keyType, name)
    ?? compareValues(stored.valueType, given.valueType, given.valueType.name ?? name)
}

/** The same for a named multimap, whose values are keys. */
export function compareMultimaps(
  stored: KeyAndValue, given: KeyAndValue, name: string,
): Mismatch | null {
  return compareKeys(stored.keyType, given.keyType, name)
    ?? compareKeys(stored.valueType, given.valueType, `${name}[value]`)
}
