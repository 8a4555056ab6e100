/**
 * Anything that JSON has, and undefined, bigints of 64 bits, dates and bytes, as MessagePack. A Map
 * comes back as an object, a view of a record or an array as its plain copy, and cycles cannot be
 * stored. Decoded from mapped bytes on each reading; what comes out is a plain copy, in which
 * nothing refers to the region.
 */
import { Buffer } from 'node:buffer'
import { createRequire } from 'node:module'
import { isDeepStrictEqual, types } from 'node:util'
import type { addExtension, Packr } from 'msgpackr'
import { C } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import { ArrayCells } from '../array/view.js'
import { CONTENT_OFFSET, windowOfContent } from '../boxes.js'
import { ContentType } from '../content.js'
import type { Lease } from '../context.js'
import { isForeign, localOf } from '../realms.js'
import { AnyRecord } from '../struct/view.js'
import { checkText, show } from '../text.js'

interface Msgpackr { Packr: typeof Packr; addExtension: typeof addExtension }

let loaded: Packr | undefined

/** Have no fields of their own, so that a packer would find nothing in them. */
const VIEWS = [AnyRecord, ArrayCells]

/** A plain copy of a view; anything else as it is. */
const plainOf = (value: unknown): unknown => value instanceof AnyRecord ? value.toObject()
  : value instanceof ArrayCells ? ArrayCells.plain(value) : value

/**
 * What the packer knows by its class alone, and would find nothing in: that of another realm, and
 * a class that extends Map. The program's own use of the packer is left as it is.
 */
const UNKNOWN = {
  Class: class {
    static [Symbol.hasInstance](value: unknown): boolean {
      return isEncoding && (isForeign(value) || isPlainMap(value))
    }
  },
  write: localOf,
}

const isPlainMap = (value: unknown): boolean =>
  types.isMap(value) && typeof (value as { toJSON?: unknown }).toJSON !== 'function'

let isEncoding = false

/** Loaded at first use: it takes a third of the time that the whole library takes to load. */
function packr(): Packr {
  if (loaded === undefined) {
    const msgpackr = createRequire(import.meta.url)('msgpackr') as Msgpackr
    msgpackr.addExtension(UNKNOWN as never)
    for (const Class of VIEWS) msgpackr.addExtension({ Class, write: plainOf } as never)
    // no records: each value is complete in itself
    loaded = new msgpackr.Packr({
      useRecords: false, moreTypes: true, mapsAsObjects: true, copyBuffers: true,
      int64AsType: 'bigint',
    })
    // an option that is asked for with each Map
    Object.defineProperty(loaded, 'mapAsEmptyObject', { get: () => !(hasMaps = true) })
  }
  return loaded
}

/** Whether a Map was among what was encoded last. */
let hasMaps = false

/**
 * How often something was encoded. The packer has one place to write to: what a getter or `toJSON`
 * has it encode meanwhile ends up in the middle of the rest.
 */
let encodings = 0

/** What a lone surrogate becomes in MessagePack: three bytes that begin so, or U+FFFD. */
const SURROGATE = 0xed
const REPLACED = Buffer.from('\ufffd')

/** A name that decoders make another one of, lest it become a prototype. */
const PROTO = '__proto__'
const PROTO_BYTES = Buffer.from(PROTO)

/** What is packed of a value: of an object of a class with a `toJSON`, what that gives. */
function packedOf(value: unknown): unknown {
  const plain = plainOf(value)
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) return plain
  const { constructor, toJSON } = plain as { constructor?: unknown; toJSON?: unknown }
  return constructor === Object || typeof toJSON !== 'function' ? plain : toJSON.call(plain)
}

const NAME_TYPES = new Set(['string', 'number', 'bigint', 'boolean'])

/**
 * Throws a TypeError for a string, or a name of a field, that UTF-8 cannot hold, and for a name
 * that is none.
 */
function checkParts(given: unknown, where: string): void {
  if (ArrayBuffer.isView(given)) return
  const value = packedOf(given)
  if (typeof value === 'string') return checkText(value, where)
  if (typeof value !== 'object' || value === null) return
  if (types.isSet(value) || Array.isArray(value)) {
    for (const part of value) checkParts(part, where)
    return
  }
  for (const [name, part] of types.isMap(value) ? value : Object.entries(value)) {
    if (!NAME_TYPES.has(typeof name) || name === PROTO)
      throw new TypeError(`${where}: t.json cannot hold a field that is called ${show(name)}`)
    checkParts(name, where)
    checkParts(part, where)
  }
}

export class JsonType extends ContentType {
  readonly kind = 'json'
  override readonly fixedTypeId = C.TYPE_JSON

  describe(): string {
    return 'json'
  }
  /**
   * Encoded at once: it is then known that it can be, and a later change of the object does not
   * matter.
   */
  prepare(value: unknown, where: string): unknown {
    let bytes: Buffer
    const encoding = ++encodings
    hasMaps = false
    isEncoding = true
    try {
      bytes = Buffer.from(packr().pack(value))
    } catch (cause) {
      if (cause instanceof RStoreError) throw cause  // a view that is stale
      throw new TypeError(`${where}: cannot be stored as t.json: ${(cause as Error).message}`, {
        cause,
      })
    } finally {
      isEncoding = false
    }
    if (encodings !== encoding) {
      throw new TypeError(`${where}: cannot be stored as t.json: a getter or toJSON in it stored `
        + 'or compared another t.json')
    }
    if (hasMaps || bytes.includes(SURROGATE) || bytes.includes(REPLACED)
      || bytes.includes(PROTO_BYTES)) checkParts(value, where)
    return bytes
  }
  empty(): unknown {
    return undefined
  }

  readCell(lease: Lease, ref: number): unknown {
    const window = windowOfContent(lease, ref, C.TYPE_JSON, 'json')
    const at = ((ref & 0x0fff_ffff) << 3) + CONTENT_OFFSET
    const bytes = window.u32[(at >>> 2) - 1]!
    try {
      return packr().unpack(window.u8.subarray(at, at + bytes))
    } catch (cause) {
      lease.session.leave()
      throw new RStoreError('RSTORE_CORRUPT',
        `json at ref ${ref} cannot be decoded (${(cause as Error).message}): run verify()`, { ref })
    }
  }
  override plain(value: unknown): unknown {
    return value
  }
  /** What has another form before it is stored, as a Map or a Buffer, is compared as stored. */
  override same(a: unknown, b: unknown): boolean {
    if (isDeepStrictEqual(a, b)) return true
    try {
      return isDeepStrictEqual(this.stored(a), this.stored(b))
    } catch {
      return false  // one of them cannot be stored
    }
  }
  private stored(value: unknown): unknown {
    return packr().unpack(new Uint8Array(this.prepare(value, '') as Uint8Array))
  }
}
