/**
 * Where the fields of a record are. Computed from the types of the fields alone, so that the layout
 * of records which an older version of a type wrote is found again from the descriptor stored with
 * them.
 *
 * Fields are placed in buckets of falling alignment, 8, 4, 2, 1, and inside a bucket in the order
 * of declaration; so there is padding only at the end. Behind them is one presence bit for each
 * optional field whose slot cannot say by itself that it is empty. Structs inside are inline, with
 * presence bits of their own.
 */
import type { DefaultType } from '../default/default.js'
import type { OptionalType } from '../optional/optional.js'
import type { AnyType } from '../type.js'

export interface FieldLayout {
  readonly name: string
  /** As declared. */
  readonly type: AnyType
  /** What is in the slot: the inner type of an optional with a presence bit. */
  readonly slot: AnyType
  /** Bytes from the start of the struct. */
  readonly offset: number
  /** Byte of the presence bit, from the start of the struct; −1 without one. */
  readonly presenceByte: number
  readonly presenceMask: number
  /** Whether every object inherits something of this name: then only an object's own is read. */
  readonly guarded: boolean
}

export interface StructLayout {
  readonly fields: readonly FieldLayout[]
  readonly bytes: number
  readonly alignment: number
}

/**
 * What is in the slot of a field: not the wrapper of a default, nor of an optional that has a
 * presence bit.
 */
export function slotTypeOf(type: AnyType): AnyType {
  if (type.kind === 'default') return (type as DefaultType).inner
  return type.kind === 'optional' && !type.nullable ? (type as OptionalType).inner : type
}

export function layoutOf(fields: readonly (readonly [string, AnyType])[]): StructLayout {
  const slots = fields.map(([, type]) => slotTypeOf(type))
  const offsets = new Array<number>(fields.length).fill(0)
  let end = 0
  for (const alignment of [8, 4, 2, 1]) {
    slots.forEach((slot, i) => {
      if (slot.slotAlign !== alignment) return
      offsets[i] = end
      end += slot.slotBytes
    })
  }
  let bits = 0
  const placed = fields.map(([name, type], i): FieldLayout => {
    const slot = slots[i]!
    const bit = slot === type || type.kind === 'default' ? -1 : bits++
    return {
      name,
      type,
      slot,
      offset: offsets[i]!,
      presenceByte: bit < 0 ? -1 : end + (bit >>> 3),
      presenceMask: bit < 0 ? 0 : 1 << (bit & 7),
      guarded: name in Object.prototype,
    }
  })
  const alignment = slots.reduce((most, slot) => Math.max(most, slot.slotAlign), 1)
  const used = end + Math.ceil(bits / 8)
  return { fields: placed, bytes: Math.ceil(used / alignment) * alignment, alignment }
}
