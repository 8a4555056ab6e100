/** Cells of CSV: the JSON forms of scalars as text. Nothing at all is an empty cell. */
import type { Descriptor } from '../../lib/index.js'
import { UsageError } from '../shared/errors.js'

const NUMBERS = new Set(['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'f64'])
const TEXTS = new Set(['string', 'date', 'u64', 'i64', 'enum'])

export interface Cell {
  write(json: unknown): string
  read(text: string): unknown
}

const TEXT: Cell = { write: String, read: (text) => text }
/** What is no number is left to the type to refuse: blanks, too, which the engine takes for 0. */
const NUMBER: Cell = {
  write: String,
  read: (text) => {
    const number = Number(text)
    return Number.isNaN(number) || (number === 0 && text.trim() === '') ? text : number
  },
}
const BOOL: Cell = {
  write: String,
  read: (text) => text === 'true' || text === 'false' ? text === 'true' : text,
}
const BYTES: Cell = {
  write: (json) => (json as { $bytes: string }).$bytes,
  read: (text) => ({ $bytes: text }),
}

function optionalCell(inner: Cell, where: string): Cell {
  return {
    write: (json) => {
      if (json === undefined || json === null) return ''
      const text = inner.write(json)
      if (text !== '') return text
      throw new UsageError(`${where}: CSV cannot tell an empty string from nothing; use JSON Lines`)
    },
    read: (text) => text === '' ? undefined : inner.read(text),
  }
}

/** How values of a type are cells. Throws a UsageError for what has parts of its own. */
export function cellOf(type: Descriptor, where: string): Cell {
  const kind = typeof type === 'string' ? type : Object.keys(type)[0] ?? ''
  if (NUMBERS.has(kind)) return NUMBER
  if (TEXTS.has(kind)) return TEXT
  if (kind === 'bool') return BOOL
  if (kind === 'bytes') return BYTES
  if (kind === 'optional' || kind === 'default') {
    const inner = cellOf((type as Record<string, Descriptor>)[kind]!, where)
    return optionalCell(inner, where)
  }
  throw new UsageError(`${where} is of type ${kind}: CSV has no nested types; use JSON Lines`)
}

/** Fields of a struct; undefined for any other type. */
export function fieldsOf(type: Descriptor): readonly (readonly [string, Descriptor])[] | undefined {
  return typeof type === 'object' && 'struct' in type
    ? type['fields'] as readonly (readonly [string, Descriptor])[] : undefined
}
