/**
 * Types of rows that nobody has declared, from the first of them. A number is f64, whatever the
 * first ones are: the next may have a fraction. Only a key of whole numbers becomes a u32.
 */
import type { Descriptor, NameSchema } from '../../lib/index.js'
import { UsageError } from '../shared/errors.js'

type Json = unknown

export const isObject = (json: Json): json is Record<string, Json> =>
  typeof json === 'object' && json !== null && !Array.isArray(json)

const isNothing = (json: Json): boolean => json === undefined || json === null

const isBytes = (json: Json): boolean => isObject(json) && typeof json['$bytes'] === 'string'

/** An object with more different fields than this is kept as json. */
const MOST_FIELDS = 200

/** What is nested deeper than this is kept as json. */
const MOST_LEVELS = 16

function structOf(
  name: string, objects: readonly Record<string, Json>[], unknown: Descriptor, level: number,
): Descriptor {
  const fields = [...new Set(objects.flatMap((one) => Object.keys(one)))]
  if (fields.length > MOST_FIELDS) return 'json'
  return {
    struct: name,
    fields: fields.map((field) => {
      const values = objects.map((one) => Object.hasOwn(one, field) ? one[field] : undefined)
      return [field, typeOf(field, values, unknown, level + 1)]
    }),
  }
}

function presentType(
  name: string, values: readonly Json[], unknown: Descriptor, level: number,
): Descriptor {
  if (level > MOST_LEVELS) return 'json'
  for (const kind of ['boolean', 'number', 'string'] as const) {
    if (!values.every((value) => typeof value === kind)) continue
    return kind === 'boolean' ? 'bool' : kind === 'number' ? 'f64' : 'string'
  }
  if (values.every((value) => Array.isArray(value))) {
    const element = typeOf(name, (values as Json[][]).flat(), unknown, level + 1)
    return element === 'json' ? 'json' : { array: element }
  }
  if (values.every(isBytes)) return 'bytes'
  return values.every(isObject) ? structOf(name, values, unknown, level) : 'json'
}

/**
 * The narrowest type that has all the values; what is missing in one makes it optional.
 * @param unknown of what is missing in all
 */
function typeOf(
  name: string, values: readonly Json[], unknown: Descriptor, level: number,
): Descriptor {
  const present = values.filter((value) => !isNothing(value))
  const type = present.length === 0 ? unknown : presentType(name, present, unknown, level)
  return present.length === values.length ? type : { optional: type }
}

const isU32 = (value: Json): boolean =>
  typeof value === 'number' && value >= 0 && value <= 0xffff_ffff && Number.isInteger(value)

function keyTypeOf(field: string, rows: readonly Record<string, Json>[]): Descriptor {
  const values = rows.map((row) => Object.hasOwn(row, field) ? row[field] : undefined)
  if (values.every(isNothing)) {
    throw new UsageError(`no row has the field ${JSON.stringify(field)}, which is to be the key; `
      + `the first one has ${Object.keys(rows[0]!).map((name) => JSON.stringify(name)).join(', ')}`)
  }
  if (values.every(isU32)) return 'u32'
  const type = typeOf(field, values, 'json', 0)
  if (type === 'f64' || type === 'string' || type === 'bool' || type === 'bytes') return type
  throw new UsageError(`field ${JSON.stringify(field)} cannot be the key: in the first `
    + `${values.length} rows it is of type ${JSON.stringify(type)}. Declare it with --schema`)
}

/**
 * The schema of a map; its key fields are not stored a second time in its values. One of the rows
 * at least is an object.
 * @param unknown type of fields that no row has
 */
export function inferSchema(
  name: string, keyFields: readonly string[], rows: readonly Json[], unknown: Descriptor,
): NameSchema {
  const objects = rows.filter(isObject)
  const keys = keyFields.map((field) => keyTypeOf(field, objects))
  const values = objects.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([field]) => !keyFields.includes(field))))
  return {
    name,
    kind: 'map',
    key: keys.length === 1 ? keys[0]! : { tuple: keys },
    value: structOf(name, values, unknown, 0),
  }
}
