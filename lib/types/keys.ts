/**
 * How keys of a type become keys of a tree, and back. A tree knows four ordered families
 * (lib/tree/keys.ts); a codec maps a type to one of them so that the order of the tree is the order
 * of the values:
 *
 *   u8 u16 u32 bool enum   u32     an enum sorts by the order in which its labels are declared
 *   i8 i16 i32             u32     with 2^31 added
 *   f32 f64 date           f64     −0 is stored as 0; NaN and invalid dates are a TypeError
 *   u64 i64                u64     i64 with 2^63 added
 *   string                 bytes   as UTF-8, which sorts by code point; a lone surrogate is a
 *   TypeError
 *   bytes                  bytes   as they are
 *   tuple                  bytes   the elements' forms one after the other, each of which sorts
 *   bytewise
 *
 * In a tuple a number is big-endian (a float with its sign bit flipped, or all bits when it is
 * negative), and a string or bytes that is not the last thing ends with 00 01, every 00 in it being
 * written as 00 FF: what ends sorts before what goes on.
 */
import { RStoreError } from '../errors.js'
import { KeyBuffer, MAXIMUM_KEY_BYTES, PairKey, type KeyForms, type KeyKind } from '../tree/keys.js'
import { isBytes } from './realms.js'
import { checkText, readText, show, textBytes, writeText } from './text.js'

export type KeyForm = KeyForms[KeyKind]

const scratch = new DataView(new ArrayBuffer(8))
const TWO_31 = 0x8000_0000

/** Where in a KeyBuffer reading has come to. */
export class PartReader {
  at = 0
  constructor(readonly key: KeyBuffer) {}
}

export abstract class KeyCodec<V> {
  abstract readonly kind: KeyKind
  /** Bytes of the form inside a tuple; 0 when it varies. */
  abstract readonly partBytes: number

  /** Something to encode into; kept by whoever encodes again and again. */
  abstract newForm(): KeyForm
  /**
   * The form of a key: `into`, filled, or a number. Throws a TypeError on what is not a key. Code
   * of the user that this runs (getters of an array) has run before `into` is written, which that
   * code may use, too.
   */
  abstract encode(value: V, into: KeyForm, where: string): KeyForm
  abstract decode(form: KeyForm): V
  /** The same value with no code of the user in it: who encodes two keys does this first. */
  settle(value: V): V {
    return value
  }
  /**
   * The same key for whoever needs it later, or more than once: no user changes it, nor runs code
   * in it. Throws as `encode`.
   */
  keep(value: V, where: string): V {
    return this.decode(this.encode(value, this.newForm(), where))
  }
  /**
   * Appends the form that a key has inside a tuple. Whoever puts parts together sees to it that the
   * whole is not too long.
   */
  abstract appendPart(into: KeyBuffer, value: V, last: boolean, where: string): void
  abstract readPart(from: PartReader, last: boolean): V
  /** Whether a value is less than a key, and stands for all that begin with it. */
  isStart(_value: unknown): boolean {
    return false
  }
  /** Appends what the forms of all those begin with, where `isStart`. */
  appendStart(_into: KeyBuffer, _value: unknown, _where: string): void {}
}

function append32(into: KeyBuffer, value: number): void {
  const at = into.length
  into.reserve(at + 4)
  const u8 = into.u8
  u8[at] = value >>> 24
  u8[at + 1] = value >>> 16
  u8[at + 2] = value >>> 8
  u8[at + 3] = value
  into.length = at + 4
}

function read32(from: PartReader): number {
  const { u8 } = from.key
  const at = from.at
  from.at = at + 4
  return ((u8[at]! << 24) | (u8[at + 1]! << 16) | (u8[at + 2]! << 8) | u8[at + 3]!) >>> 0
}

/** Numbers that are compared as u32, after a constant was added. */
export class WordKey<V> extends KeyCodec<V> {
  readonly kind = 'u32'
  readonly partBytes = 4
  constructor(
    private readonly toWord: (value: V, where: string) => number,
    private readonly fromWord: (word: number) => V,
  ) {
    super()
  }

  newForm(): KeyForm {
    return 0
  }
  encode(value: V, _into: KeyForm, where: string): KeyForm {
    return this.toWord(value, where)
  }
  decode(form: KeyForm): V {
    return this.fromWord(form as number)
  }
  override keep(value: V): V {
    return value
  }
  appendPart(into: KeyBuffer, value: V, _last: boolean, where: string): void {
    append32(into, this.toWord(value, where))
  }
  readPart(from: PartReader): V {
    return this.fromWord(read32(from))
  }
}

/** An integer of at most 32 bits. */
export function integerKey(kind: string, low: number, high: number): KeyCodec<number> {
  const bias = low < 0 ? TWO_31 : 0
  return new WordKey<number>((value, where) => {
    if (typeof value !== 'number' || !(value >= low && value <= high) || value % 1 !== 0) {
      refuseKey(where, `a ${kind}: a whole number from ${low} to ${high}`, value)
    }
    return value + bias
  }, bias === 0 ? (word) => word : (word) => word - bias)
}

export function refuseKey(where: string, expected: string, value: unknown): never {
  throw new TypeError(`${where}: the key must be ${expected}, got ${show(value)}`)
}

/** Numbers that are compared as f64. */
export class DoubleKey<V> extends KeyCodec<V> {
  readonly kind = 'f64'
  readonly partBytes = 8
  constructor(
    private readonly toDouble: (value: V, where: string) => number,
    private readonly fromDouble: (double: number) => V,
  ) {
    super()
  }

  newForm(): KeyForm {
    return 0
  }
  encode(value: V, _into: KeyForm, where: string): KeyForm {
    return this.toDouble(value, where) + 0
  }
  decode(form: KeyForm): V {
    return this.fromDouble(form as number)
  }
  appendPart(into: KeyBuffer, value: V, _last: boolean, where: string): void {
    scratch.setFloat64(0, this.toDouble(value, where) + 0)
    const high = scratch.getUint32(0)
    const low = scratch.getUint32(4)
    const negative = high >= TWO_31
    append32(into, negative ? ~high : high ^ TWO_31)
    append32(into, negative ? ~low : low)
  }
  readPart(from: PartReader): V {
    const high = read32(from)
    const low = read32(from)
    const negative = high < TWO_31
    scratch.setUint32(0, negative ? ~high : high ^ TWO_31)
    scratch.setUint32(4, negative ? ~low : low)
    return this.fromDouble(scratch.getFloat64(0))
  }
}

const U64_END = 1n << 64n
const I64_BIAS = 1n << 63n

/** Bigints that are compared as u64, after a constant was added. */
export class BigKey extends KeyCodec<bigint> {
  readonly kind = 'u64'
  readonly partBytes = 8
  constructor(private readonly signed: boolean) {
    super()
  }

  newForm(): KeyForm {
    return new PairKey()
  }
  private biased(value: bigint, where: string): bigint {
    const biased = typeof value === 'bigint' ? (this.signed ? value + I64_BIAS : value) : -1n
    if (biased < 0n || biased >= U64_END) {
      refuseKey(where, `a bigint of 64 bits, ${this.signed ? 'signed' : 'unsigned'}`, value)
    }
    return biased
  }
  private value(high: number, low: number): bigint {
    scratch.setUint32(0, this.signed ? high ^ TWO_31 : high)
    scratch.setUint32(4, low)
    return this.signed ? scratch.getBigInt64(0) : scratch.getBigUint64(0)
  }
  override keep(value: bigint): bigint {
    return value
  }
  encode(value: bigint, into: KeyForm, where: string): KeyForm {
    const pair = into as PairKey
    scratch.setBigUint64(0, this.biased(value, where))
    pair.high = scratch.getUint32(0)
    pair.low = scratch.getUint32(4)
    return pair
  }
  decode(form: KeyForm): bigint {
    const { high, low } = form as PairKey
    return this.value(high, low)
  }
  appendPart(into: KeyBuffer, value: bigint, _last: boolean, where: string): void {
    scratch.setBigUint64(0, this.biased(value, where))
    const low = scratch.getUint32(4)
    append32(into, scratch.getUint32(0))
    append32(into, low)
  }
  readPart(from: PartReader): bigint {
    const high = read32(from)
    return this.value(high, read32(from))
  }
}

/** A string or bytes inside a tuple, not at its end. */
function appendEscaped(into: KeyBuffer, source: Uint8Array, bytes: number): void {
  into.reserve(into.length + 2 * bytes + 2)
  const { u8 } = into
  let at = into.length
  for (let i = 0; i < bytes; i++) {
    const byte = source[i]!
    u8[at++] = byte
    if (byte === 0) u8[at++] = 0xff
  }
  u8[at++] = 0
  u8[at++] = 1
  into.length = at
}

function readEscaped(from: PartReader, into: KeyBuffer): void {
  const { u8, length } = from.key
  into.reserve(length - from.at)
  let to = 0
  let at = from.at
  for (; at < length; at++) {
    const byte = u8[at]!
    if (byte === 0 && u8[++at] !== 0xff) break
    into.u8[to++] = byte
  }
  from.at = at + 1
  into.length = to
}

function checkKeyLength(bytes: number, where: string): void {
  if (bytes > MAXIMUM_KEY_BYTES) {
    throw new RStoreError('RSTORE_KEY_TOO_LONG',
      `${where}: a key of ${bytes} bytes; at most ${MAXIMUM_KEY_BYTES} are possible. `
      + 'Use a hash of it as the key and keep the whole in the value',
      { bytes, maximum: MAXIMUM_KEY_BYTES })
  }
}

const part = new KeyBuffer()

/** Keys that are bytes by nature. */
abstract class ByteKey<V> extends KeyCodec<V> {
  readonly kind = 'bytes'
  readonly partBytes = 0

  newForm(): KeyForm {
    return new KeyBuffer()
  }
  abstract override encode(value: V, into: KeyForm, where: string): KeyForm

  appendPart(into: KeyBuffer, value: V, last: boolean, where: string): void {
    const form = this.encode(value, part, where) as KeyBuffer
    if (!last) return appendEscaped(into, form.u8, form.length)
    into.reserve(into.length + form.length)
    into.u8.set(form.u8.subarray(0, form.length), into.length)
    into.length += form.length
  }
  readPart(from: PartReader, last: boolean): V {
    if (last) {
      part.assign(from.key.u8, from.at, from.key.length)
      from.at = from.key.length
    } else {
      readEscaped(from, part)
    }
    return this.decode(part)
  }
}

export class TextKey extends ByteKey<string> {
  encode(value: string, into: KeyForm, where: string): KeyForm {
    const buffer = into as KeyBuffer
    if (typeof value !== 'string') refuseKey(where, 'a string', value)
    const length = value.length
    if (length <= 32) {
      const { u8 } = buffer
      let all = 0
      for (let i = 0; i < length; i++) {
        const code = value.charCodeAt(i)
        u8[i] = code
        all |= code
      }
      if (all < 0x80) {
        buffer.length = length
        return buffer
      }
    }
    checkText(value, where)
    const bytes = textBytes(value)
    checkKeyLength(bytes, where)
    buffer.reserve(bytes)
    writeText(buffer.u8, 0, value, bytes)
    buffer.length = bytes
    return buffer
  }
  decode(form: KeyForm): string {
    const { u8, length } = form as KeyBuffer
    return readText(u8, 0, length)
  }
  override keep(value: string): string {
    return value
  }
}

export class BytesKey extends ByteKey<Uint8Array> {
  encode(value: Uint8Array, into: KeyForm, where: string): KeyForm {
    if (!isBytes(value)) refuseKey(where, 'a Uint8Array', value)
    checkKeyLength(value.length, where)
    const buffer = into as KeyBuffer
    buffer.assign(value, 0, value.length)
    return buffer
  }
  decode(form: KeyForm): Uint8Array {
    const { u8, length } = form as KeyBuffer
    return u8.slice(0, length)
  }
}

export class TupleKey extends KeyCodec<readonly unknown[]> {
  readonly kind = 'bytes'
  readonly partBytes = 0
  constructor(private readonly elements: readonly KeyCodec<unknown>[]) {
    super()
  }

  newForm(): KeyForm {
    return new KeyBuffer()
  }
  encode(value: readonly unknown[], into: KeyForm, where: string): KeyForm {
    const settled = this.settle(value)
    const buffer = into as KeyBuffer
    buffer.length = 0
    this.appendPart(buffer, settled, true, where)
    checkKeyLength(buffer.length, where)
    return buffer
  }
  decode(form: KeyForm): readonly unknown[] {
    return this.readPart(new PartReader(form as KeyBuffer), true)
  }
  override settle(value: readonly unknown[]): readonly unknown[] {
    const { elements } = this
    const count = elements.length
    if (!Array.isArray(value) || value.length !== count) return value  // encoding it says so
    const settled = new Array<unknown>(count)
    for (let i = 0; i < count; i++) settled[i] = elements[i]!.settle(value[i])
    return settled
  }
  appendPart(into: KeyBuffer, value: readonly unknown[], last: boolean, where: string): void {
    const { elements } = this
    if (!Array.isArray(value) || value.length !== elements.length) {
      refuseKey(where, `an array of ${elements.length} elements`, value)
    }
    const end = elements.length - 1
    for (let i = 0; i <= end; i++) {
      elements[i]!.appendPart(into, value[i], last && i === end, where)
    }
  }
  /** Its first elements. */
  override isStart(value: unknown): boolean {
    return Array.isArray(value) && value.length > 0 && value.length < this.elements.length
  }
  override appendStart(into: KeyBuffer, value: readonly unknown[], where: string): void {
    const count = Math.min(value.length, this.elements.length)
    for (let i = 0; i < count; i++) this.elements[i]!.appendPart(into, value[i], false, where)
  }
  readPart(from: PartReader, last: boolean): readonly unknown[] {
    const end = this.elements.length - 1
    return this.elements.map((element, i) => element.readPart(from, last && i === end))
  }
}

/**
 * Makes a buffer the least one that sorts behind everything that begins with it; false when there
 * is none.
 */
export function toSuccessor(buffer: KeyBuffer): boolean {
  let { length } = buffer
  while (length > 0 && buffer.u8[length - 1] === 0xff) length--
  buffer.length = length
  if (length === 0) return false
  buffer.u8[length - 1]!++
  return true
}
