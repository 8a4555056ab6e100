/** Values and keys as short texts, for people who look at bytes. */
import { C } from '../../formats/index.js'
import { blobStart } from './cells.js'
import { descriptorParts } from './descriptors.js'
import type { RegionImage } from './region.js'
import type { BoxedShape, EnumShape, RecordShape, ScalarName, Shape } from './shapes.js'

/** A part of a cell: what it is called, where it is, and what it says. */
export interface FieldRow {
  name: string
  /** From the start of the cell. */
  offset: number
  bytes: number
  value: string
}

const LONGEST_TEXT = 60
/** More elements of an array, or levels of nesting, are not shown one by one. */
const MOST_ELEMENTS = 1000

const shorten = (text: string): string =>
  text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT - 1)}…`

const quoted = (utf8: Buffer): string => shorten(JSON.stringify(utf8.toString('utf8')))

const dateText = (ms: number): string => {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}

const READ: { readonly [S in ScalarName]: (bytes: Buffer, at: number) => string } = {
  u8: (bytes, at) => String(bytes.readUInt8(at)),
  i8: (bytes, at) => String(bytes.readInt8(at)),
  bool: (bytes, at) => String(bytes.readUInt8(at) === 1),
  u16: (bytes, at) => String(bytes.readUInt16LE(at)),
  i16: (bytes, at) => String(bytes.readInt16LE(at)),
  u32: (bytes, at) => String(bytes.readUInt32LE(at)),
  i32: (bytes, at) => String(bytes.readInt32LE(at)),
  f32: (bytes, at) => String(bytes.readFloatLE(at)),
  u64: (bytes, at) => String(bytes.readBigUInt64LE(at)),
  i64: (bytes, at) => String(bytes.readBigInt64LE(at)),
  f64: (bytes, at) => String(bytes.readDoubleLE(at)),
  date: (bytes, at) => dateText(bytes.readDoubleLE(at)),
}

const labelText = ({ labels }: Pick<EnumShape, 'labels'>, index: number): string =>
  labels[index] === undefined ? `${index}, which is no label` : JSON.stringify(labels[index])

/** The beginning of what a string or bytes cell holds; or why there is none. */
function contentText(image: RegionImage, kind: 'string' | 'bytes' | 'json', ref: number): string {
  const typeId = { string: C.TYPE_STRING, bytes: C.TYPE_BYTES, json: C.TYPE_JSON }[kind]
  const blob = blobStart(image, ref, typeId, LONGEST_TEXT)
  if (typeof blob === 'string') return `ref ${ref}: ${blob}`
  if (kind === 'string') return `ref ${ref}: ${quoted(blob.start)}`
  return `ref ${ref}: ${blob.length} bytes, ${blob.start.subarray(0, 16).toString('hex')}`
}

function boxedText(image: RegionImage, { kind }: BoxedShape, ref: number): string {
  if (ref === 0) return 'none'
  if (kind === 'string' || kind === 'bytes' || kind === 'json') return contentText(image, kind, ref)
  return `ref ${ref}`
}

function simpleText(
  image: RegionImage, shape: Exclude<Shape, RecordShape>, bytes: Buffer, at: number,
): string {
  switch (shape.kind) {
    case 'scalar': return READ[shape.scalar](bytes, at)
    case 'enum': return labelText(shape, bytes.readUInt16LE(at))
    case 'ref': return `ref ${bytes.readUInt32LE(at)}`
    case 'packed':
      return `region ${bytes.readUInt32LE(at)}, root at ref ${bytes.readUInt32LE(at + 4)}`
    case 'optional': return 'there'
    default: return boxedText(image, shape, bytes.readUInt32LE(at))
  }
}

/** The rows of a slot of `bytes`, which is a whole cell: one, or one for each field. */
export function slotRows(
  image: RegionImage, shape: Shape, bytes: Buffer, at: number, name: string,
): FieldRow[] {
  if (at + shape.bytes > bytes.length) {
    return [{ name, offset: at, bytes: 0, value: 'is outside of the cell' }]
  }
  if (shape.kind === 'record') return recordRows(image, shape, bytes, at, name)
  if (shape.kind !== 'optional') {
    const value = simpleText(image, shape, bytes, at)
    return [{ name, offset: at, bytes: shape.bytes, value }]
  }
  const { inner } = shape
  const isThere = inner.bytes === shape.bytes
    ? bytes.readUInt32LE(at) !== 0
    : bytes[at + inner.bytes] === 1
  return isThere
    ? slotRows(image, inner, bytes, at, name)
    : [{ name, offset: at, bytes: shape.bytes, value: 'undefined' }]
}

function recordRows(
  image: RegionImage, { fields }: RecordShape, bytes: Buffer, at: number, name: string,
): FieldRow[] {
  return fields.flatMap(({ name: field, shape, offset, presence }): FieldRow[] => {
    const path = name === '' ? field : `${name}.${field}`
    const isThere = presence === undefined
      || (bytes[at + presence.byte]! & presence.mask) !== 0
    if (isThere) return slotRows(image, shape, bytes, at + offset, path)
    return [{ name: path, offset: at + offset, bytes: shape.bytes, value: 'undefined' }]
  })
}

/** The rows of an array's cell: its length, and its first elements. */
export function arrayRows(image: RegionImage, element: Shape, bytes: Buffer): FieldRow[] {
  const length = bytes.readUInt32LE(8)
  const shown = Math.min(length, MOST_ELEMENTS, Math.floor((bytes.length - 16) / element.bytes))
  const rows: FieldRow[] = [{ name: 'length', offset: 8, bytes: 4, value: String(length) }]
  for (let i = 0; i < shown; i++) {
    rows.push(...slotRows(image, element, bytes, 16 + i * element.bytes, `[${i}]`))
  }
  return rows
}

// ── keys ──

const SIGN = 1n << 63n

function wordKeyText(word: number, descriptor: unknown): string {
  const parts = descriptorParts(descriptor)
  if (parts?.kind === 'enum') return labelText(parts, word)
  if (descriptor === 'bool') return String(word === 1)
  const isSigned = typeof descriptor === 'string' && descriptor.startsWith('i')
  return String(isSigned ? word - 2 ** 31 : word)
}

const isFloat = (descriptor: unknown): boolean =>
  descriptor === 'f64' || descriptor === 'f32' || descriptor === 'date'

const floatText = (value: number, descriptor: unknown): string =>
  descriptor === 'date' ? dateText(value) : String(value)

function fixedKeyText(key: Buffer, descriptor: unknown): string {
  if (key.length === 4) return wordKeyText(key.readUInt32LE(), descriptor)
  if (isFloat(descriptor)) return floatText(key.readDoubleLE(), descriptor)
  const parts = descriptorParts(descriptor)
  if (parts?.kind === 'fields') return pairKeyText(key, parts.fields.map(([, type]) => type))
  const value = key.readBigUInt64LE()
  return String(descriptor === 'i64' ? value - SIGN : value)
}

/** Of an index: the index key is in the high half. */
const pairKeyText = (key: Buffer, [high, low]: readonly unknown[]): string =>
  `[${wordKeyText(key.readUInt32LE(4), high)}, ${wordKeyText(key.readUInt32LE(), low)}]`

/** The parts of a key of a tuple, one after the other. */
class TupleKey {
  private at = 0

  constructor(private readonly key: Buffer) {}

  /** Zeros where the key is too short: then it is damaged. */
  private take(bytes: number): Buffer {
    const taken = Buffer.alloc(bytes)
    taken.set(this.key.subarray(this.at, this.at + bytes))
    this.at += bytes
    return taken
  }

  /** Up to the bytes 00 01; a byte 00 in it stands there as 00 FF. */
  private takeEscaped(isLast: boolean): Buffer {
    const { key } = this
    const part: number[] = []
    while (this.at < key.length && (isLast || key[this.at] !== 0 || key[this.at + 1] !== 1)) {
      part.push(key[this.at]!)
      this.at += !isLast && key[this.at] === 0 ? 2 : 1
    }
    this.at += 2
    return Buffer.from(part)
  }

  private takeFloat(): number {
    const bytes = this.take(8)
    if (bytes[0]! < 128) bytes.forEach((byte, i) => {
      bytes[i] = byte ^ 255
    })
    else bytes[0]! ^= 128
    return bytes.readDoubleBE()
  }

  text(descriptor: unknown, isLast: boolean): string {
    if (descriptor === 'string') return shorten(JSON.stringify(this.takeEscaped(isLast).toString()))
    if (descriptor === 'bytes') return shorten(this.takeEscaped(isLast).toString('hex'))
    if (isFloat(descriptor)) return floatText(this.takeFloat(), descriptor)
    if (descriptor === 'u64') return String(this.take(8).readBigUInt64BE())
    if (descriptor === 'i64') return String(this.take(8).readBigUInt64BE() - SIGN)
    return wordKeyText(this.take(4).readUInt32BE(), descriptor)
  }
}

/** A key of a tree, as a short text. `isFixed`: from a node with keys of 4 or 8 bytes. */
export function keyText(key: Buffer, descriptor: unknown, isFixed: boolean): string {
  if (isFixed) return fixedKeyText(key, descriptor)
  if (descriptor === 'string') return shorten(JSON.stringify(key.toString('utf8')))
  const parts = descriptorParts(descriptor)
  if (parts?.kind !== 'fields') return shorten(key.toString('hex'))
  const tuple = new TupleKey(key)
  const last = parts.fields.length - 1
  const texts = parts.fields.slice(0, MOST_ELEMENTS)
    .map(([, type], i) => tuple.text(type, i === last))
  return `[${texts.join(', ')}]`
}
