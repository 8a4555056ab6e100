/** The JSON forms of bytes, and of values of type t.json, which may be more than JSON has. */
import { Buffer } from 'node:buffer'
import { setOwn } from '../types/struct/view.js'
import { dateFromJson } from './dates.js'

export const bytesToJson = (bytes: Uint8Array): unknown =>
  ({ $bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') })

const NOT_BASE64 = /[^A-Za-z0-9+/=]/

const paddingOf = (text: string): number => text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0

/** Up to here the work takes less time than asking the engine for it. */
const SHORT_CHARS = 64
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const NO_DIGIT = 64
/** By the code of a character. */
const VALUES = new Uint8Array(128).fill(NO_DIGIT)
for (let value = 0; value < NO_DIGIT; value++) VALUES[DIGITS.charCodeAt(value)] = value

/** Whether the first `count` characters are digits: then `bytes` has what they stand for. */
function decodeDigits(text: string, count: number, bytes: Uint8Array): boolean {
  let all = 0
  let bits = 0
  let to = 0
  for (let i = 0; i < count; i++) {
    const code = text.charCodeAt(i)
    const value = VALUES[code & 127]!
    all |= (code & ~127) | value
    bits = (bits << 6) | value
    if ((i & 3) !== 0) bytes[to++] = bits >>> (6 - 2 * (i & 3))
  }
  return all < NO_DIGIT
}

/** The decoder passes over what is no base64, so that there are fewer bytes. */
function fromBase64(text: string): Buffer {
  const padding = paddingOf(text)
  const length = text.length / 4 * 3 - padding
  if (text.length <= SHORT_CHARS && length >= 0 && Number.isInteger(length)) {
    const bytes = Buffer.allocUnsafe(length)
    if (decodeDigits(text, text.length - padding, bytes)) return bytes
  }
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length === length && !NOT_BASE64.test(text)) return bytes
  throw new TypeError('$bytes must be base64')
}

/** Bytes of their form, as a Buffer; anything else as it is. Throws a TypeError on bad base64. */
export function bytesFromJson(json: unknown): unknown {
  const text = (json as { $bytes?: unknown } | null | undefined)?.$bytes
  if (typeof text !== 'string') return json
  return fromBase64(text)
}

function numberToJson(value: number): unknown {
  if (Object.is(value, -0)) return { $number: '-0' }
  return Number.isFinite(value) ? value : { $number: String(value) }
}

/** A value of type t.json. */
export function anyToJson(value: unknown): unknown {
  if (value === undefined) return { $undefined: true }
  if (typeof value === 'number') return numberToJson(value)
  if (typeof value === 'bigint') return { $bigint: String(value) }
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) {
    return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() }
  }
  if (value instanceof Uint8Array) return bytesToJson(value)
  if (Array.isArray(value)) return value.map(anyToJson)
  const json = {}
  for (const [name, inner] of Object.entries(value)) {
    setOwn(json, name.startsWith('$') ? `$${name}` : name, anyToJson(inner))
  }
  return json
}

const TAGS: Readonly<Record<string, (inner: any) => unknown>> = {
  $undefined: () => undefined,
  $number: (inner: unknown) => Number(inner),
  $bigint: (inner: string) => BigInt(inner),
  $date: (inner: unknown) => {
    if (inner === null) return new Date(NaN)
    if (typeof inner === 'string' || typeof inner === 'number') return dateFromJson(inner)
    throw new TypeError('$date must be a date of ISO 8601, or null')
  },
  $bytes: (inner: unknown) => {
    const bytes = bytesFromJson({ $bytes: inner })
    return bytes instanceof Uint8Array ? new Uint8Array(bytes) : bytes
  },
}

/** Throws a TypeError or SyntaxError on names with a $ that mean nothing. */
export function anyFromJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map(anyFromJson)
  const names = Object.keys(json)
  const [first = ''] = names
  if (names.length === 1 && Object.hasOwn(TAGS, first)) {
    return TAGS[first]!((json as Record<string, unknown>)[first])
  }
  const value = {}
  for (const name of names) {
    if (name.startsWith('$') && !name.startsWith('$$')) {
      throw new TypeError(`${JSON.stringify(name)} means nothing here: a name that begins with $ `
        + 'is written with two')
    }
    setOwn(value, name.startsWith('$') ? name.slice(1) : name,
      anyFromJson((json as Record<string, unknown>)[name]))
  }
  return value
}
