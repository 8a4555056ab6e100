/**
 * What a value of a stored type looks like in bytes: computed from its descriptor, as
 * formats/SPEC.md says. A descriptor that makes no sense has no shape.
 */
import { descriptorParts } from './descriptors.js'

const SCALARS = {
  u8: 1, i8: 1, bool: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, u64: 8, i64: 8, f64: 8, date: 8,
} as const

export type ScalarName = keyof typeof SCALARS

interface Slot {
  /** Bytes that it takes in a record, an array or a leaf, and what they are aligned to. */
  bytes: number
  align: number
}

export interface PlacedField {
  name: string
  shape: Shape
  /** From the start of the record. */
  offset: number
  /** Where the bit is that says whether it is there; undefined: it always is. */
  presence: { byte: number; mask: number } | undefined
}

export interface ScalarShape extends Slot { kind: 'scalar'; scalar: ScalarName }
export interface EnumShape extends Slot { kind: 'enum'; labels: readonly string[] }
/** Two words: id of the region, ref of its root. */
export interface PackedShape extends Slot { kind: 'packed' }
export interface RefShape extends Slot { kind: 'ref' }
/** A struct or a tuple: its fields, inline. */
export interface RecordShape extends Slot { kind: 'record'; fields: readonly PlacedField[] }
/** Where no bit says whether it is there: a byte behind it, or a ref that is 0. */
export interface OptionalShape extends Slot { kind: 'optional'; inner: Shape }
/** The slot is a ref of a cell that it owns. */
export type BoxedShape = Slot & (
  | { kind: 'string' | 'bytes' | 'json' }
  | { kind: 'array'; element: Shape }
  | { kind: 'map'; key: unknown; value: unknown }
  | { kind: 'multimap'; key: unknown; value: unknown }
)
export type Shape =
  ScalarShape | EnumShape | PackedShape | RefShape | RecordShape | OptionalShape | BoxedShape

const REF_SLOT = { bytes: 4, align: 4 } as const

const DEEPEST = 64

const isScalar = (name: unknown): name is ScalarName =>
  typeof name === 'string' && Object.hasOwn(SCALARS, name)

/** Whether a slot of zeros says by itself that nothing is there. */
const isNullable = ({ kind }: Shape): boolean =>
  !['scalar', 'enum', 'record', 'packed', 'optional'].includes(kind)

const roundUp = (bytes: number, align: number): number => Math.ceil(bytes / align) * align

/** A wrapper that is not in the slot of a field: its presence is a bit of the record. */
const hasBit = (shape: Shape): shape is OptionalShape =>
  shape.kind === 'optional' && !isNullable(shape.inner)

/** Places fields: four passes by falling alignment, then the presence bits. */
function recordOf(parts: readonly (readonly [name: string, shape: Shape])[]): RecordShape {
  const slots = parts.map(([, shape]) => hasBit(shape) ? shape.inner : shape)
  const offsets = new Array<number>(parts.length).fill(0)
  let end = 0
  for (const pass of [8, 4, 2, 1]) {
    for (const [i, slot] of slots.entries()) {
      if (slot.align !== pass) continue
      offsets[i] = end
      end += slot.bytes
    }
  }
  let bits = 0
  const fields = parts.map(([name, shape], i): PlacedField => {
    const bit = hasBit(shape) ? bits++ : undefined
    const presence = bit === undefined ? bit : { byte: end + (bit >>> 3), mask: 1 << (bit & 7) }
    return { name, shape: slots[i]!, offset: offsets[i]!, presence }
  })
  const align = slots.reduce((most, slot) => Math.max(most, slot.align), 1)
  return { kind: 'record', fields, bytes: roundUp(end + Math.ceil(bits / 8), align), align }
}

function recordShape(
  parts: readonly (readonly [name: string, descriptor: unknown])[], depth: number,
): RecordShape | undefined {
  const shapes = parts.flatMap(([name, descriptor]): [string, Shape][] => {
    const shape = shapeOf(descriptor, depth + 1)
    return shape === undefined ? [] : [[name, shape]]
  })
  return shapes.length === parts.length ? recordOf(shapes) : undefined
}

function optionalShape(descriptor: unknown, depth: number): OptionalShape | undefined {
  const inner = shapeOf(descriptor, depth + 1)
  if (inner === undefined) return undefined
  const { bytes, align } = inner
  const whole = isNullable(inner) ? bytes : roundUp(bytes + 1, align)
  return { kind: 'optional', inner, bytes: whole, align }
}

/** The shape of a slot of this type; undefined where the descriptor is not understood. */
export function shapeOf(descriptor: unknown, depth = 0): Shape | undefined {
  if (depth > DEEPEST) return undefined
  if (isScalar(descriptor)) {
    const bytes = SCALARS[descriptor]
    return { kind: 'scalar', scalar: descriptor, bytes, align: bytes }
  }
  if (descriptor === 'string' || descriptor === 'bytes' || descriptor === 'json') {
    return { kind: descriptor, ...REF_SLOT }
  }
  const parts = descriptorParts(descriptor)
  switch (parts?.kind) {
    case 'enum': return { kind: 'enum', labels: parts.labels, bytes: 2, align: 2 }
    case 'ref': return { kind: 'ref', ...REF_SLOT }
    case 'packed': return { kind: 'packed', bytes: 8, align: 4 }
    case 'default': return shapeOf(parts.inner, depth + 1)
    case 'optional': return optionalShape(parts.inner, depth)
    case 'fields': return recordShape(parts.fields, depth)
    case 'map': case 'multimap':
      return { kind: parts.kind, key: parts.key, value: parts.value, ...REF_SLOT }
    case 'array': {
      const element = shapeOf(parts.inner, depth + 1)
      return element && { kind: 'array', element, ...REF_SLOT }
    }
    default: return undefined
  }
}

export const isBoxed = (shape: Shape): shape is BoxedShape =>
  ['string', 'bytes', 'json', 'array', 'map', 'multimap'].includes(shape.kind)

/** Whether a map has values of this type in its leaves; else they are in cells of their own. */
export function isInLeaf(descriptor: unknown): boolean {
  const kind = descriptorParts(descriptor)?.kind
  return isScalar(descriptor) || kind === 'enum' || kind === 'ref' || kind === 'packed'
}

/** A slot of a record that owns a cell. */
export interface OwnedSlot {
  offset: number
  shape: BoxedShape
  /** Bits that are all set when the slot is there. */
  when: readonly { byte: number; mask: number }[]
}

/** The slots in a shape that own cells, wherever they are nested in it. */
export function ownedSlots(shape: Shape, offset = 0, when: OwnedSlot['when'] = []): OwnedSlot[] {
  if (isBoxed(shape)) return [{ offset, shape, when }]
  if (shape.kind === 'optional') {
    const inner = isNullable(shape.inner)
      ? when
      : [...when, { byte: offset + shape.inner.bytes, mask: 1 }]
    return ownedSlots(shape.inner, offset, inner)
  }
  if (shape.kind !== 'record') return []
  return shape.fields.flatMap(({ shape: field, offset: at, presence }) => {
    const bit = presence && { byte: offset + presence.byte, mask: presence.mask }
    return ownedSlots(field, offset + at, bit === undefined ? when : [...when, bit])
  })
}
