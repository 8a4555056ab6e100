/**
 * A reader of region files made after formats/SPEC.md alone: it shares no line with the library. If
 * the two disagree, one of them or the specification is wrong. Reads everything into plain values;
 * refs that are shared become { $ref }. Takes sound files only.
 */
import { existsSync, readFileSync } from 'node:fs'

type Json = any

const TABLE = Array.from({ length: 256 }, (_, n) => {
  for (let i = 0; i < 8; i++) n = n & 1 ? (n >>> 1) ^ 0x82f63b78 : n >>> 1
  return n
})
const crc32c = (seed: number, bytes: Buffer): number =>
  ~bytes.reduce((crc, byte) => TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8), ~seed) >>> 0

// ── the file and its log ──

function slotOf(file: Buffer): Buffer {
  const slots = [1, 2].map((page) => file.subarray(page * 4096, page * 4096 + 128)).filter((slot) =>
    slot.readUInt32LE(0) === 0x54504b43
    && crc32c(0, slot.subarray(0, 124)) === slot.readUInt32LE(124)
    && slot.readBigUInt64LE(64) === file.readBigUInt64LE(32))
  if (slots.length === 0) throw new Error('no valid slot')
  return slots.sort((a, b) => Number(b.readBigUInt64LE(8) - a.readBigUInt64LE(8)))[0]!
}

/** The stream of the log from a logical position on, headers of segments left out. */
function streamFrom(log: Buffer, file: Buffer, slot: Buffer, position: number) {
  const segments = new Map<number, Buffer>()
  for (let at = 0; at + 262144 <= log.length; at += 262144) {
    const segment = log.subarray(at, at + 262144)
    const isOurs = segment.readUInt32LE(0) === 0x474f4c52
      && crc32c(0, segment.subarray(0, 60)) === segment.readUInt32LE(60)
      && segment.subarray(8, 24).equals(file.subarray(16, 32))
      && segment.readBigUInt64LE(24) === file.readBigUInt64LE(32)
      && segment.readBigUInt64LE(32) === slot.readBigUInt64LE(40)
    if (isOurs) segments.set(Number(segment.readBigUInt64LE(40)), segment)
  }
  let at = position
  return (bytes: number, unsplit: boolean): Buffer | undefined => {
    if (at % 262144 < 64) at += 64 - at % 262144
    if (unsplit && 262144 - at % 262144 < bytes) at += 262144 - at % 262144 + 64
    const pieces: Buffer[] = []
    for (let left = bytes; left > 0;) {
      const segment = segments.get(Math.floor(at / 262144))
      if (segment === undefined) return undefined
      const piece = segment.subarray(at % 262144, at % 262144 + left)
      pieces.push(piece)
      left -= piece.length
      at += piece.length
      if (at % 262144 === 0) at += 64
    }
    return Buffer.concat(pieces)
  }
}

/** The region as of its last commit: the file with the log's lines put over it. */
function loadRegion(path: string): Buffer {
  const file = readFileSync(path)
  if (file.subarray(0, 6).toString() !== 'REGION') throw new Error('not a region')
  if (crc32c(0, file.subarray(0, 4092)) !== file.readUInt32LE(4092)) throw new Error('page 0')
  const slot = slotOf(file)
  if (slot.readUInt32LE(4) === 1 || !existsSync(`${path}-wal`)) return file
  const log = readFileSync(`${path}-wal`)
  const read = streamFrom(log, file, slot, Number(slot.readBigUInt64LE(32)))
  let [seed, epoch, image] = [slot.readUInt32LE(48), slot.readBigUInt64LE(16), file]
  for (;;) {
    const header = read(96, true)
    if (header?.readUInt32LE(0) !== 0x4f444552 || header.readBigUInt64LE(8) !== epoch + 1n) break
    const body = read(Number(header.readBigUInt64LE(16)) - 96, false)
    if (body === undefined) break
    if (crc32c(crc32c(seed, header.subarray(8)), body) !== header.readUInt32LE(4)) break
    ;[seed, epoch] = [header.readUInt32LE(4), epoch + 1n]
    const [pages, tailPages] = [header.readUInt32LE(52), header.readUInt32LE(64)]
    let line = pages * 16 + Math.ceil(tailPages / 2) * 8
    for (let i = 0; i < pages; i++) {
      const page = body.readUInt32LE(i * 16) * 4096
      if (page + 4096 > image.length) image = Buffer.concat([image], page + 4096)
      for (let bit = 0; bit < 64; bit++) {
        if ((body.readBigUInt64LE(i * 16 + 8) >> BigInt(bit) & 1n) === 0n) continue
        body.copy(image, page + bit * 64, line, line + 64)
        line += 64
      }
    }
  }
  return image
}

// ── trees ──

class Reader {
  private readonly types = new Map<number, Json>([[3, 'string'], [4, 'bytes'], [5, 'json']])

  constructor(private readonly image: Buffer) {
    for (const [key, value] of this.entries(5 * 512)) {
      this.types.set(key.readUInt32LE(), JSON.parse(this.blob(value.readUInt32LE()).toString()))
    }
  }

  private cell(ref: number): Buffer {
    const units = this.image.readUInt32LE(ref * 8) & 0xfffffff
    return this.image.subarray(ref * 8, (ref + units) * 8)
  }

  private blob(ref: number): Buffer {
    const cell = this.cell(ref)
    return cell.subarray(12, 12 + cell.readUInt32LE(8))
  }

  /** Bytes of keys and values, in order. */
  private* entries(root: number): Generator<[key: Buffer, value: Buffer]> {
    const node = this.cell(root)
    const [kind, count, keyBytes] = [node[8]!, node.readUInt16LE(10), node[12]!]
    const isInner = kind === 2 || kind === 4
    if (kind === 5) return yield* this.entries(node.readUInt32LE(28))
    if (isInner) yield* this.entries(node.readUInt32LE(28))
    const valueBytes = isInner ? 4 : node[13]!
    const at = kind <= 2 ? fixedEntries(node, keyBytes, valueBytes) : this.slots(node, valueBytes)
    for (let i = 0; i < count; i++) {
      const [key, value] = at(i)
      if (isInner) yield* this.entries(value.readUInt32LE())
      else yield [key, value]
    }
  }

  private slots = (node: Buffer, valueBytes: number) => (i: number): [Buffer, Buffer] => {
    const slot = 32 + i * 8
    const [entry, keyBytes] = [node.readUInt16LE(slot + 4), node.readUInt16LE(slot + 6)]
    const [value, rest] = [node.subarray(entry, entry + valueBytes), entry + valueBytes]
    if (keyBytes === 0xffff) return [this.blob(node.readUInt32LE(rest)), value]
    const prefix = node.readUInt16LE(26)
    return [Buffer.concat([
      node.subarray(prefix, prefix + node.readUInt16LE(24)),
      Buffer.from(node.subarray(slot, slot + 4)).reverse().subarray(0, Math.min(4, keyBytes)),
      node.subarray(rest, rest + Math.max(0, keyBytes - 4)),
    ]), value]
  }

  /** Every name with all that it stands for. */
  everything(): Record<string, unknown> {
    const found: Record<string, unknown> = {}
    for (const [name, value] of this.entries(4 * 512)) {
      const entry = this.cell(value.readUInt32LE())
      const [kind, root] = [entry.readUInt32LE(8), entry.readUInt32LE(12)]
      const [key, type] = [16, 20].map((at) => this.types.get(entry.readUInt32LE(at)))
      if (kind === 1) found[name.toString()] = this.map(root, key, type)
      if (kind === 2) found[name.toString()] = this.multimap(root, key, type)
      if (kind === 3) found[name.toString()] = this.cellValue(root, type)
    }
    return found
  }

  private map = (root: number, keyType: Json, type: Json): [unknown, unknown][] =>
    [...this.entries(root)].map(([key, value]) =>
      [keyValue(key, keyType), this.leafValue(value, type)])

  private multimap = (ref: number, keyType: Json, type: Json): [unknown, unknown][] =>
    [...this.entries(this.cell(ref).readUInt32LE(8))].flatMap(([key, values]) =>
      [...this.entries(values.readUInt32LE())].map(([value]): [unknown, unknown] =>
        [keyValue(key, keyType), keyValue(value, type)]))

  private leafValue(value: Buffer, type: Json): unknown {
    const inLeaf = sizes[type]?.[2] || type.enum || type.ref
    return inLeaf ? this.slot(value, 0, type) : this.cellValue(value.readUInt32LE(), type)
  }

  // ── values ──

  private cellValue(ref: number, type: Json): unknown {
    const boxed = type === 'string' || type === 'bytes' || type === 'json' || type.array || type.map
    if (boxed) return this.boxed(ref, type)
    return this.slot(this.cell(ref), 8, this.types.get(this.cell(ref).readUInt16LE(4)) ?? type)
  }

  private boxed(ref: number, type: Json): unknown {
    if (type === 'string') return ref === 0 ? '' : this.blob(ref).toString()
    if (type === 'bytes') return ref === 0 ? [] : [...this.blob(ref)]
    if (type === 'json') return { $messagePack: this.blob(ref).toString('hex') }
    if (type.map) return this.map(ref, type.map[0], type.map[1])
    if (type.multimap) return this.multimap(ref, type.multimap[0], type.multimap[1])
    if (ref === 0) return []
    const [cell, [bytes]] = [this.cell(ref), layoutOf(type.array)]
    return Array.from({ length: cell.readUInt32LE(8) }, (_, i) =>
      this.slot(cell, 16 + i * bytes, type.array))
  }

  private slot(bytes: Buffer, at: number, type: Json): unknown {
    if (sizes[type]) return sizes[type]![3](bytes, at)
    if (type.enum) return type.enum[bytes.readUInt16LE(at)]
    if (type.ref) return { $ref: bytes.readUInt32LE(at) }
    if (type.default) return this.slot(bytes, at, type.default)
    if (type.struct) return Object.fromEntries(this.fields(bytes, at, type.fields))
    if (type.tuple) {
      const fields = type.tuple.map((part: Json, i: number) => [i, part])
      return this.fields(bytes, at, fields).map(([, value]) => value)
    }
    if (!type.optional) return this.boxed(bytes.readUInt32LE(at), type)
    const isBoxed = !isInline(type.optional)
    const isThere = isBoxed
      ? bytes.readUInt32LE(at) !== 0
      : bytes[at + layoutOf(type.optional)[0]] === 1
    return isThere ? this.slot(bytes, at, type.optional) : undefined
  }

  private fields(bytes: Buffer, at: number, fields: [string, Json][]): [string, unknown][] {
    const { offsets, bits } = placeFields(fields.map(([, type]) => type))
    return fields.map(([name, type], i) => {
      const bit = bits.get(i)
      if (bit === undefined) return [name, this.slot(bytes, at + offsets[i]!, type)]
      const isThere = (bytes[at + (bit >> 3)]! >> (bit & 7) & 1) === 1
      return [name, isThere ? this.slot(bytes, at + offsets[i]!, type.optional) : undefined]
    })
  }
}

// ── where values are ──

type Read = (bytes: Buffer, at: number) => unknown

/** Scalars: size, whether they are in leaves, how they are read. */
const sizes: Record<string, [bytes: number, align: number, inLeaf: boolean, read: Read]> = {
  u8: [1, 1, true, (b, at) => b.readUInt8(at)],
  i8: [1, 1, true, (b, at) => b.readInt8(at)],
  bool: [1, 1, true, (b, at) => b.readUInt8(at) === 1],
  u16: [2, 2, true, (b, at) => b.readUInt16LE(at)],
  i16: [2, 2, true, (b, at) => b.readInt16LE(at)],
  u32: [4, 4, true, (b, at) => b.readUInt32LE(at)],
  i32: [4, 4, true, (b, at) => b.readInt32LE(at)],
  f32: [4, 4, true, (b, at) => b.readFloatLE(at)],
  u64: [8, 8, true, (b, at) => b.readBigUInt64LE(at)],
  i64: [8, 8, true, (b, at) => b.readBigInt64LE(at)],
  f64: [8, 8, true, (b, at) => b.readDoubleLE(at)],
  date: [8, 8, true, (b, at) => new Date(b.readDoubleLE(at))],
}

const isInline = (type: Json): boolean =>
  Boolean(sizes[type] || type.enum || type.struct || type.tuple)

function layoutOf(type: Json): [bytes: number, align: number] {
  if (sizes[type]) return [sizes[type]![0], sizes[type]![1]]
  if (type.enum) return [2, 2]
  if (type.default) return layoutOf(type.default)
  const parts = type.tuple ?? type.fields?.map(([, part]: [string, Json]) => part)
  if (parts) return placeFields(parts).size
  if (!type.optional || !isInline(type.optional)) return [4, 4]
  const [bytes, align] = layoutOf(type.optional)
  return [Math.ceil((bytes + 1) / align) * align, align]
}

function placeFields(types: Json[]) {
  const hasBit = (type: Json) => Boolean(type.optional) && isInline(type.optional)
  const layouts = types.map((type) => layoutOf(hasBit(type) ? type.optional : type))
  const offsets: number[] = []
  let end = 0
  for (const pass of [8, 4, 2, 1]) {
    layouts.forEach(([bytes, align], i) => {
      if (align !== pass) return
      offsets[i] = end
      end += bytes
    })
  }
  const optional = [...types.keys()].filter((i) => hasBit(types[i]))
  const bits = new Map(optional.map((i, nth) => [i, end * 8 + nth]))
  const align = Math.max(1, ...layouts.map(([, own]) => own))
  const bytes = Math.ceil((end + Math.ceil(optional.length / 8)) / align) * align
  return { offsets, bits, size: [bytes, align] as [number, number] }
}

/** Entries of a fixed node: keys, and where the node's size says, values. */
function fixedEntries(node: Buffer, keyBytes: number, valueBytes: number) {
  let capacity = Math.floor((node.length - 32) / (keyBytes + valueBytes))
  const values = () => {
    const end = 32 + capacity * keyBytes
    return valueBytes === 8 ? Math.ceil(end / 8) * 8 : end
  }
  while (values() + capacity * valueBytes > node.length) capacity--
  const [first, second] = [32, values()]
  return (i: number): [Buffer, Buffer] => [
    node.subarray(first + i * keyBytes, first + (i + 1) * keyBytes),
    node.subarray(second + i * valueBytes, second + (i + 1) * valueBytes),
  ]
}

function keyValue(key: Buffer, type: Json): unknown {
  if (type === 'string') return key.toString()
  if (type === 'bytes') return [...key]
  if (type.tuple) return tupleKey(key, type.tuple)
  if (type === 'u64') return key.readBigUInt64LE()
  if (type === 'i64') return key.readBigUInt64LE() - (1n << 63n)
  if (type === 'f64' || type === 'f32') return key.readDoubleLE()
  if (type === 'date') return new Date(key.readDoubleLE())
  return wordKey(key.readUInt32LE(), type)
}

function wordKey(word: number, type: Json): unknown {
  if (type.enum) return type.enum[word]
  if (type === 'bool') return word === 1
  return type[0] === 'i' ? word - 2 ** 31 : word
}

function tupleKey(key: Buffer, types: Json[]): unknown[] {
  let at = 0
  const take = (bytes: number) => key.subarray(at, at += bytes)
  return types.map((type, i) => {
    if (type === 'string' || type === 'bytes') {
      const part: number[] = []
      while (at < key.length && (i === types.length - 1 || key[at] !== 0 || key[at + 1] !== 1)) {
        part.push(key[at]!)
        at += i < types.length - 1 && key[at] === 0 ? 2 : 1
      }
      at += 2
      return type === 'string' ? Buffer.from(part).toString() : part
    }
    if (type === 'u64') return take(8).readBigUInt64BE()
    if (type === 'i64') return take(8).readBigUInt64BE() - (1n << 63n)
    const isFloat = type === 'f64' || type === 'f32' || type === 'date'
    if (!isFloat) return wordKey(take(4).readUInt32BE(), type)
    const bytes = Buffer.from(take(8))
    if (bytes[0]! < 128) bytes.forEach((byte, j) => bytes[j] = byte ^ 255)
    else bytes[0]! ^= 128
    return type === 'date' ? new Date(bytes.readDoubleBE()) : bytes.readDoubleBE()
  })
}

/** Every name of a region: of maps the entries, of values the value. */
export const readWholeRegion = (path: string): Record<string, unknown> =>
  new Reader(loadRegion(path)).everything()
