/**
 * Elements: which types a vector can hold, and how a value becomes the 1, 2, 4 or 8 bytes of its
 * cell and back. Values are checked here, before anything is changed.
 */
import { inspect, type InspectOptions } from 'node:util'
import type { NumberKind } from '../types/number/number.js'
import type { FieldLayout, StructLayout } from '../types/struct/layout.js'
import type { Packed } from '../region/packed/packed.js'
import type { Ref } from '../space/ref.js'
import { Window } from '../space/window.js'
import type { Session } from '../types/context.js'
import { show } from '../types/text.js'
import { typeFrom, type AnyType, type Core } from '../types/type.js'

export type ScalarKind = NumberKind | 'u64' | 'i64' | 'bool'

/** Arrays with the bytes of numeric elements; for bool, one byte each. */
const ARRAYS = {
  u8: Uint8Array, i8: Int8Array, u16: Uint16Array, i16: Int16Array, u32: Uint32Array,
  i32: Int32Array, f32: Float32Array, f64: Float64Array, u64: BigUint64Array, i64: BigInt64Array,
  bool: Uint8Array,
} as const

export type ElementArray = InstanceType<(typeof ARRAYS)[ScalarKind]>

const isScalar = (kind: string): kind is ScalarKind => Object.hasOwn(ARRAYS, kind)

type ReadValue = (view: DataView, at: number) => unknown
type WriteValue = (view: DataView, at: number, value: never) => void

/** Of the many NaN that a computation may give, always the same: they are compared as bytes. */
export const oneNaN = (value: number): number => (value === value ? value : NaN)

const READ: Readonly<Record<ScalarKind, ReadValue>> = {
  u8: (view, at) => view.getUint8(at),
  i8: (view, at) => view.getInt8(at),
  u16: (view, at) => view.getUint16(at, true),
  i16: (view, at) => view.getInt16(at, true),
  u32: (view, at) => view.getUint32(at, true),
  i32: (view, at) => view.getInt32(at, true),
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true),
  u64: (view, at) => view.getBigUint64(at, true),
  i64: (view, at) => view.getBigInt64(at, true),
  bool: (view, at) => view.getUint8(at) !== 0,
}

const WRITE: Readonly<Record<ScalarKind, WriteValue>> = {
  u8: (view, at, value) => view.setUint8(at, value),
  i8: (view, at, value) => view.setInt8(at, value),
  u16: (view, at, value) => view.setUint16(at, value, true),
  i16: (view, at, value) => view.setInt16(at, value, true),
  u32: (view, at, value) => view.setUint32(at, value, true),
  i32: (view, at, value) => view.setInt32(at, value, true),
  f32: (view, at, value) => view.setFloat32(at, oneNaN(value), true),
  f64: (view, at, value) => view.setFloat64(at, oneNaN(value), true),
  u64: (view, at, value) => view.setBigUint64(at, value, true),
  i64: (view, at, value) => view.setBigInt64(at, value, true),
  bool: (view, at, value) => view.setUint8(at, value ? 1 : 0),
}

/** A struct as an element: its fields, and those of structs in it. */
interface Part {
  readonly name: string
  readonly at: number
  readonly inner: ElementCodec
  /** Byte and bit that say whether an optional field is there; byte −1 where it always is. */
  readonly presenceByte: number
  readonly presenceMask: number
}

/** A slot of its own, for kinds that read and write themselves: labels and dates. */
const SLOT = new Window(new ArrayBuffer(8))
const SLOT_CORE = { window: SLOT } as Core
/** Labels and dates need none. */
const NO_SESSION = undefined as unknown as Session
const LEAVES: readonly string[] = ['enum', 'date']

/** What reading a struct gives: a copy of its own, good for ever, with the methods of records. */
class VectorRecord {
  toObject(): Record<string, unknown> {
    const copy: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(this)) {
      define(copy, name, value instanceof VectorRecord ? value.toObject() : value)
    }
    return copy
  }

  equals(other: unknown): boolean {
    if (typeof other !== 'object' || other === null) return false
    return Object.entries(this).every(([name, value]) => {
      const theirs = (other as Record<string, unknown>)[name]
      if (value instanceof VectorRecord) return value.equals(theirs)
      return Object.is(comparable(value), comparable(theirs))
    })
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return inspect(this.toObject(), options)
  }
}

const comparable = (value: unknown): unknown => value instanceof Date ? value.getTime() : value

/** Also right for a field called __proto__. */
function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value, enumerable: true, configurable: true, writable: true,
  })
}

/** How elements of a type are checked, written and read. */
export interface Codec {
  /** The kind of numbers, bigints and booleans; undefined for structs and refs. */
  readonly scalar: ScalarKind | undefined
  /** What array of numbers has these elements; undefined for structs and refs. */
  readonly array: (typeof ARRAYS)[ScalarKind] | undefined
  /** Bytes of a cell that the element fills: 1, 2, 4 or 8. */
  readonly bytes: number
  /** The stored description. */
  readonly text: string
  /** Throws a TypeError or RangeError on what cannot be stored; gives the value to write. */
  check(value: unknown, where: string): unknown
  read(view: DataView, at: number): unknown
  /** A value that was checked. The 8 bytes from `at` on are overwritten. */
  write(view: DataView, at: number, checked: unknown): void
}

/** Records of a packed region: the element is a ref, reading gives the record. */
class RefCodec implements Codec {
  readonly scalar = undefined
  readonly array = undefined
  readonly bytes = 4
  private readonly type: AnyType
  private readonly packed: Packed<any>

  constructor(type: AnyType, packed: Packed<any>) {
    this.type = type
    this.packed = packed
  }

  /** Refs mean something in one packed region only: its uuid, the hash of its content, is part. */
  get text(): string {
    const uuid = Buffer.from(this.packed.session.opened.uuid).toString('hex')
    return JSON.stringify({ element: this.type.describe([]), packed: uuid })
  }
  check(value: unknown, where: string): unknown {
    return this.type.prepare(value, where, this.packed.session)
  }
  read(view: DataView, at: number): unknown {
    return this.packed.deref(view.getUint32(at, true) as Ref)
  }
  write(view: DataView, at: number, checked: unknown): void {
    view.setUint32(at, checked as number, true)
    view.setUint32(at + 4, 0)
  }
}

class ElementCodec implements Codec {
  readonly array: (typeof ARRAYS)[ScalarKind] | undefined
  readonly scalar: ScalarKind | undefined
  readonly bytes: number
  private readonly type: AnyType
  private readonly isLeaf: boolean
  private readonly parts: readonly Part[]

  constructor(type: AnyType, where: string) {
    this.type = type
    this.scalar = isScalar(type.kind) ? type.kind : undefined
    this.array = this.scalar && ARRAYS[this.scalar]
    this.isLeaf = LEAVES.includes(type.kind)
    this.parts = this.scalar === undefined && !this.isLeaf ? partsOf(type, where) : []
    this.bytes = [1, 2, 4, 8].find((bytes) => bytes >= type.slotBytes)!
  }

  get text(): string {
    return this.type.descriptorText
  }

  check(value: unknown, where: string): unknown {
    return this.type.prepare(value, where, null)
  }

  read(view: DataView, at: number): unknown {
    if (this.scalar !== undefined) return READ[this.scalar](view, at)
    if (this.isLeaf) {
      for (let i = 0; i < this.bytes; i++) SLOT.u8[i] = view.getUint8(at + i)
      return this.type.readSlot(SLOT_CORE, 0)
    }
    const record = new VectorRecord()
    for (const { name, at: offset, inner, presenceByte, presenceMask } of this.parts) {
      const isThere = presenceByte < 0 || (view.getUint8(at + presenceByte) & presenceMask) !== 0
      define(record, name, isThere ? inner.read(view, at + offset) : undefined)
    }
    return record
  }

  write(view: DataView, at: number, checked: unknown): void {
    view.setUint32(at, 0)
    view.setUint32(at + 4, 0)
    this.writeParts(view, at, checked)
  }

  private writeParts(view: DataView, at: number, checked: unknown): void {
    if (this.scalar !== undefined) return WRITE[this.scalar](view, at, checked as never)
    if (this.isLeaf) {
      this.type.writeSlot(NO_SESSION, SLOT, 0, checked)
      for (let i = 0; i < this.bytes; i++) view.setUint8(at + i, SLOT.u8[i]!)
      return
    }
    this.parts.forEach(({ at: offset, inner, presenceByte, presenceMask }, i) => {
      const value = (checked as unknown[])[i]
      if (presenceByte >= 0) {
        if (value === undefined) return
        view.setUint8(at + presenceByte, view.getUint8(at + presenceByte) | presenceMask)
      }
      inner.writeParts(view, at + offset, value)
    })
  }
}

function partsOf(type: AnyType, where: string): Part[] {
  if (type.kind !== 'struct') {
    throw new TypeError(`${where}: elements are numbers, bigints, booleans, enums, dates or `
      + `structs of them, not ${type.kind}; larger values go into a packed region, with t.ref here`)
  }
  if (type.slotBytes > 8) {
    throw new TypeError(`${where}: a struct of ${type.slotBytes} bytes; elements have at most 8`)
  }
  const { fields } = (type as AnyType & { layout: StructLayout }).layout
  return fields.map(({ name, slot, presenceByte, presenceMask, offset }: FieldLayout) => {
    const inner = new ElementCodec(slot, `${where}, field ${name}`)
    return { name, at: offset, inner, presenceByte, presenceMask }
  })
}

/** The codec of a type that a user passed; `packed` for refs. */
export function elementOf(type: unknown, packed: Packed<any> | undefined, where: string): Codec {
  const element = typeFrom(type, where)
  if (element.kind === 'struct' && element.slotBytes === 0) {
    throw new TypeError(`${where}: a struct without fields has nothing to store`)
  }
  if ((element.kind === 'ref') !== (packed !== undefined)) {
    throw new TypeError(`${where}: elements that are refs need the option packed, the region of `
      + 'their records, and others have no use for it')
  }
  return packed === undefined ? new ElementCodec(element, where) : new RefCodec(element, packed)
}

/** Throws unless the array is one of exactly this element's kind. */
export function checkArray(codec: Codec, elements: unknown): asserts elements is ElementArray {
  const { array } = codec
  if (array === undefined) {
    throw new TypeError('pushMany: structs and refs go through pushBatch')
  }
  if (!(elements instanceof array)) {
    throw new TypeError(`pushMany: expected ${array.name} (${codec.scalar}), got ${show(elements)}`)
  }
  if (elements.buffer instanceof SharedArrayBuffer) {
    throw new TypeError('pushMany: the array is shared and might change meanwhile; copy it')
  }
  if (codec.scalar === 'bool' && (elements as Uint8Array).some((byte) => byte > 1)) {
    throw new RangeError('pushMany: booleans are bytes of 0 or 1')
  }
}
