/** Keys and values as people type them. */
import type { Descriptor } from '../../lib/index.js'
import { UsageError } from './errors.js'

/** Types whose JSON form is a string: typed as it is. */
const TEXTS = new Set(['string', 'date', 'u64', 'i64'])

const isNumber = (text: string): boolean => text.trim() !== '' && !Number.isNaN(Number(text))

function kindOf(type: Descriptor): string {
  return typeof type === 'string' ? type : Object.keys(type)[0] ?? ''
}

/** The JSON form of a key, from an argument. Tuples are typed as JSON, bytes as base64. */
export function keyFromText(text: string, type: Descriptor): unknown {
  const kind = kindOf(type)
  if (TEXTS.has(kind) || kind === 'enum') return text
  if (kind === 'bytes') return { $bytes: text }
  if (kind === 'bool' && (text === 'true' || text === 'false')) return text === 'true'
  if (kind === 'tuple') return jsonFromText(text, 'the key, a tuple,', '\'["text",1]\'')
  return isNumber(text) ? Number(text) : text
}

/** A key as `keyFromText` takes it. */
export function keyText(json: unknown): string {
  if (typeof json === 'string') return json
  const bytes = (json as { $bytes?: unknown } | null)?.$bytes
  return typeof bytes === 'string' ? bytes : JSON.stringify(json)
}

/** In a message; none of a single value. */
export const shownKey = (key: string | undefined): string =>
  key === undefined ? 'value' : key === '' ? 'empty key' : key

export function jsonFromText(text: string, what: string, example = '\'"text"\''): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${what} must be JSON: ${(error as Error).message}. A string needs its `
      + `quotes: ${example}`)
  }
}
