/**
 * A small declaration language for byte layouts.
 *
 * A layout is a name, a size and a list of fields with explicit offsets. Every byte belongs to
 * exactly one field: what is not used is declared as `zeros`, is written as zero and is checked to
 * be zero on reading. A gap, an overlap, a misaligned field or a wrong total throws while the
 * module loads, so that a layout which does not prove itself cannot be used at all. The C++ header
 * and the tables of SPEC.md are generated from the same declarations (see generate.ts).
 */

export type Scalar = 'u8' | 'u16' | 'u32' | 'u64'

const SCALAR_BYTES = { u8: 1, u16: 2, u32: 4, u64: 8 } as const

export interface Field {
  readonly type: Scalar | 'zeros' | 'bytes'
  readonly offset: number
  /** Elements of `type`; bytes for `zeros` and `bytes`. */
  readonly count: number
  readonly bytes: number
  readonly doc: string
}

export type Fields = Readonly<Record<string, Field>>

export interface Layout<F extends Fields = Fields> {
  readonly name: string
  readonly bytes: number
  readonly doc: string
  readonly fields: F
}

const scalar = (type: Scalar) => (offset: number, doc: string, count = 1): Field => ({
  type, offset, count, bytes: SCALAR_BYTES[type] * count, doc,
})

export const u8 = scalar('u8')
export const u16 = scalar('u16')
export const u32 = scalar('u32')
export const u64 = scalar('u64')
export const zeros = (offset: number, count: number): Field => ({
  type: 'zeros', offset, count, bytes: count, doc: 'Zero; checked on reading.',
})
export const bytes = (offset: number, count: number, doc: string): Field => ({
  type: 'bytes', offset, count, bytes: count, doc,
})

export const alignmentOf = (field: Field): number =>
  field.type === 'zeros' || field.type === 'bytes' ? 1 : SCALAR_BYTES[field.type]

/**
 * Declares a layout and proves it: fields in order, aligned, without gap or overlap, ending at
 * `size`.
 */
export function layout<const F extends Fields>(name: string, size: number, doc: string, fields: F): Layout<F> {
  let next = 0
  for (const [field, { offset, bytes, ...rest }] of Object.entries<Field>(fields)) {
    const at = `${name}.${field}`
    if (offset !== next) throw new Error(`${at} is declared at ${offset}, but the field before it ends at ${next}`)
    if (offset % alignmentOf({ offset, bytes, ...rest }) !== 0) throw new Error(`${at} at ${offset} is not aligned`)
    next = offset + bytes
  }
  if (next !== size) throw new Error(`${name} is declared with ${size} bytes, but its fields end at ${next}`)
  if (size % 8 !== 0) throw new Error(`${name} has ${size} bytes, not a multiple of 8`)
  return { name, bytes: size, doc, fields }
}
