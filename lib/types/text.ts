/**
 * Strings as UTF-8 in windows and key buffers. Short ASCII is handled here, character by character,
 * which is faster than a call into the engine up to a dozen characters; the rest by Buffer's own
 * functions. A lone surrogate has no UTF-8 form: it is refused and not silently replaced.
 */
import { Buffer } from 'node:buffer'
import type { Window } from '../space/window.js'

type Slice = (this: Uint8Array, start: number, end: number) => string
type Write = (this: Uint8Array, text: string, offset: number, length: number) => number

/**
 * Constants of a function: at the top of a module bundlers make variables of them, and then the
 * engine does not know what is called; long strings took a fifth longer to read.
 */
const { slice, write } = (() => {
  const { utf8Slice, utf8Write } = Buffer.prototype as unknown as {
    utf8Slice: Slice
    utf8Write: Write
  }
  return {
    slice: (source: Uint8Array, start: number, end: number) => utf8Slice.call(source, start, end),
    write: (target: Uint8Array, text: string, offset: number, length: number) =>
      utf8Write.call(target, text, offset, length),
  }
})()
const chars = String.fromCharCode
const SHORT_READ = 12
const SHORT_WRITE = 16

const wellFormed = (text: string): boolean =>
  (text as unknown as { isWellFormed(): boolean }).isWellFormed()

function refuseSurrogate(where: string): never {
  throw new TypeError(`${where}: the string has a lone surrogate, which UTF-8 cannot hold; `
    + 'use toWellFormed(), or store t.bytes')
}

/** Throws a TypeError when the value is not a string that UTF-8 can hold. */
export function checkText(value: unknown, where: string): void {
  if (typeof value !== 'string')
    throw new TypeError(`${where}: expected a string, got ${show(value)}`)
  const length = value.length
  if (length <= SHORT_WRITE) {
    let all = 0
    for (let i = 0; i < length; i++) all |= value.charCodeAt(i)
    if (all < 0x80) return
  }
  if (!wellFormed(value)) refuseSurrogate(where)
}

const encoder = new TextEncoder()
/** What `textBytes` encoded last, for `writeText` to copy: encoding twice would cost twice. */
const scratch = new Uint8Array(4096)
const scratchWords = new Uint32Array(scratch.buffer)
let encoded = ''

/** Bytes of a string as UTF-8. */
export function textBytes(text: string): number {
  const length = text.length
  if (length > SHORT_WRITE) {
    return length * 3 <= scratch.length ? encode(text) : Buffer.byteLength(text)
  }
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  }
  return length
}

function encode(text: string): number {
  encoded = text
  return encoder.encodeInto(text, scratch).written
}

/**
 * As `writeText`, into a cell: `at` is a multiple of 4, and the bytes up to the next one are the
 * cell's, too, and become zero.
 */
export function writeCellText(window: Window, at: number, text: string, bytes: number): void {
  if (bytes <= SHORT_WRITE || text !== encoded) return writeText(window.u8, at, text, bytes)
  scratch.fill(0, bytes, (bytes + 3) & ~3)
  const { u32 } = window
  const to = at >>> 2
  const words = (bytes + 3) >>> 2
  for (let i = 0; i < words; i++) u32[to + i] = scratchWords[i]!
}

/** Texts that are on their way into a space at a time, and how long each may be. */
export const TEXT_LIMIT = 16
const TEXT_CHARACTERS = 1024

class TextBuffer {
  readonly u8 = new Uint8Array(TEXT_CHARACTERS * 3 + 4)
  readonly u32 = new Uint32Array(this.u8.buffer)
}
const buffers = Array.from({ length: TEXT_LIMIT }, () => new TextBuffer())

/** Up to here, packing the characters of ASCII here is faster than a call into the engine. */
const SHORT_PACK = 32

/**
 * Puts a string as UTF-8 into a buffer of this module, with zeros up to the next multiple of 4.
 * Gives its bytes, or -1 when it is too long or has a lone surrogate.
 */
export function encodeText(text: string, index: number): number {
  const { u8, u32 } = buffers[index]!
  const { length } = text
  if (length <= SHORT_PACK && packAscii(text, u32) < 0x80) return length
  if (length > TEXT_CHARACTERS) return -1
  const bytes = encoder.encodeInto(text, u8).written
  if (bytes !== length && !wellFormed(text)) return -1
  u8[bytes] = u8[bytes + 1] = u8[bytes + 2] = 0
  return bytes
}

/** Four characters a word. Gives all their bits. */
function packAscii(text: string, words: Uint32Array): number {
  const { length } = text
  const end = length & ~3
  let all = 0
  let at = 0
  for (; at < end; at += 4) {
    const a = text.charCodeAt(at)
    const b = text.charCodeAt(at + 1)
    const c = text.charCodeAt(at + 2)
    const d = text.charCodeAt(at + 3)
    all |= a | b | c | d
    words[at >>> 2] = a | (b << 8) | (c << 16) | (d << 24)
  }
  let word = 0
  for (let shift = 0; at < length; at++, shift += 8) {
    const code = text.charCodeAt(at)
    all |= code
    word |= code << shift
  }
  words[end >>> 2] = word
  return all
}

/** Copies what `encodeText` has put into a buffer into a cell, and zeros up to the next word. */
export function copyText({ u32: target }: Window, to: number, index: number, bytes: number): void {
  const { u32 } = buffers[index]!
  const words = (bytes + 3) >>> 2
  for (let i = 0; i < words; i++) target[to + i] = u32[i]!
}

/** Writes a string of which `textBytes` has said that it has `bytes` bytes. */
export function writeText(target: Uint8Array, at: number, text: string, bytes: number): void {
  const length = text.length
  if (length <= SHORT_WRITE && length === bytes) {
    for (let i = 0; i < length; i++) target[at + i] = text.charCodeAt(i)
  } else {
    write(target, text, at, bytes)
  }
}

/** At most 8 characters, or undefined when one of them is not ASCII. */
function shortText(u: Uint8Array, at: number, n: number): string | undefined {
  if (n === 0) return ''
  const a = u[at]!
  if (n === 1) return a > 127 ? undefined : chars(a)
  const b = u[at + 1]!
  if (n === 2) return (a | b) > 127 ? undefined : chars(a, b)
  const c = u[at + 2]!
  if (n === 3) return (a | b | c) > 127 ? undefined : chars(a, b, c)
  const d = u[at + 3]!
  let all = a | b | c | d
  if (n === 4) return all > 127 ? undefined : chars(a, b, c, d)
  const e = u[at + 4]!
  all |= e
  if (n === 5) return all > 127 ? undefined : chars(a, b, c, d, e)
  const f = u[at + 5]!
  all |= f
  if (n === 6) return all > 127 ? undefined : chars(a, b, c, d, e, f)
  const g = u[at + 6]!
  all |= g
  if (n === 7) return all > 127 ? undefined : chars(a, b, c, d, e, f, g)
  const h = u[at + 7]!
  return (all | h) > 127 ? undefined : chars(a, b, c, d, e, f, g, h)
}

/** The string in `bytes` bytes from `at` on. */
export function readText(source: Uint8Array, at: number, bytes: number): string {
  if (bytes <= 8) return shortText(source, at, bytes) ?? slice(source, at, at + bytes)
  if (bytes <= SHORT_READ) {
    const start = shortText(source, at, 8)
    const end = start === undefined ? undefined : shortText(source, at + 8, bytes - 8)
    if (end !== undefined) return start + end
  }
  return slice(source, at, at + bytes)
}

/** A value in an error message: its kind, and what it is when that is short. */
export function show(value: unknown): string {
  if (value === null) return 'null'
  switch (typeof value) {
    case 'string':
      return value.length <= 40 ? JSON.stringify(value) : `a string of ${value.length} characters`
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'bigint':
      return `${value}n`
    case 'object': {
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString()
      if (Array.isArray(value)) return `an array of ${value.length}`
      const name = (value as object).constructor?.name
      return name === undefined || name === 'Object' ? 'an object' : `an object of class ${name}`
    }
    default:
      return `a ${typeof value}`
  }
}
