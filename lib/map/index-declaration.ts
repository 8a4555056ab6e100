/** What a program says of an index: by which fields of the records, or by which function. */
import { compareKeys } from '../types/compatible.js'
import { checkOptionNames } from '../types/options.js'
import { StructType } from '../types/struct/struct.js'
import { show } from '../types/text.js'
import { TupleType } from '../types/tuple/tuple.js'
import { typeFrom, type AnyType } from '../types/type.js'
import { tellKeyType } from './index-key.js'
import type { OrderedMap } from './ordered-map.js'
import type { IndexFunction, IndexShape } from './secondary-index.js'

export interface IndexOptions {
  key?: unknown
  unique?: boolean
}

/** A field, several, or a function. */
export type IndexBy = string | readonly string[] | IndexFunction

type Compute = (value: unknown, key: unknown) => unknown

/** A declared index: what it is, and how a record's index key is found. */
export interface Declaration {
  readonly shape: IndexShape
  readonly keyType: AnyType
  readonly compute: Compute
}

/** A field of records as it is declared, in the version that is given. */
export function fieldOf(map: OrderedMap, path: string, version = map.valueType): AnyType {
  let type = version
  for (const name of path.split('.')) {
    if (type.kind === 'optional') type = withoutDefault(type)
    const field = type instanceof StructType ? type.fields.find(([own]) => own === name) : undefined
    if (field === undefined) {
      throw new TypeError(
        `${map.label}: an index by ${JSON.stringify(path)}, but records have no such field`,
      )
    }
    type = field[1]
  }
  return type
}

const withoutDefault = (type: AnyType): AnyType =>
  type.kind === 'optional' || type.kind === 'default'
    ? (type as AnyType & { inner: AnyType }).inner
    : type

const readPath = (value: unknown, names: readonly string[]): unknown => {
  let inner = value
  for (const name of names) inner = (inner as Record<string, unknown> | undefined)?.[name]
  return inner
}

/** By fields: undefined as soon as one of them is. */
export function byFields(map: OrderedMap, fields: readonly string[], unique: boolean): Declaration {
  if (fields.length === 0) throw new TypeError('an index by no fields')
  const types = fields.map((field) => withoutDefault(fieldOf(map, field)))
  const paths = fields.map((field) => field.split('.'))
  const keyType = types.length === 1 ? types[0]! : new TupleType(types)
  if (keyType.key === null) {
    throw new TypeError(`${map.label}: the fields ${fields.join(', ')} cannot be keys of an index`)
  }
  const [first] = paths
  const compute: Compute = paths.length === 1 ? (value) => readPath(value, first!) : (value) => {
    const keys = paths.map((path) => readPath(value, path))
    return keys.includes(undefined) ? undefined : keys
  }
  return { shape: { by: fields, unique }, keyType, compute }
}

/** @param stored the type of its keys, where it is stored already */
function byFunction(
  map: OrderedMap, fn: IndexFunction, options: IndexOptions, stored: AnyType | undefined,
): Declaration {
  const compute = fn as Compute
  const keyType = options.key === undefined ? stored ?? tellKeyType(map, compute)
    : typeFrom(options.key, 'index option key')
  if (keyType.key === null) throw new TypeError(`index option key: ${keyType.kind} cannot be a key`)
  return { shape: { by: null, unique: options.unique === true }, keyType, compute }
}

/** @param stored the type of the keys of the index of that name; undefined when there is none */
export function declarationOf(
  map: OrderedMap, by: IndexBy, options: IndexOptions, stored: AnyType | undefined,
): Declaration {
  checkOptionNames(options, 'index options', ['key', 'unique'])
  if (typeof by === 'function') return byFunction(map, by, options, stored)
  if (typeof by !== 'string' && !Array.isArray(by)) {
    throw new TypeError(`an index is by a field's name, several, or a function; got ${show(by)}`)
  }
  const declared = byFields(
    map,
    typeof by === 'string' ? [by] : (by as readonly string[]),
    options.unique === true,
  )
  if (options.key === undefined) return declared
  const mismatch = compareKeys(declared.keyType, typeFrom(options.key, 'index option key'), 'index')
  if (mismatch !== null) throw new TypeError(`index option key: ${mismatch.path} ${mismatch.how}`)
  return declared
}
