/** One numeric field of many records, as a typed array. */
import { wordIndexOf } from '../space/ref.js'
import type { Session } from '../types/context.js'
import type { Column } from '../types/infer.js'
import type { KeyCodec, KeyForm } from '../types/keys.js'
import { StructType } from '../types/struct/struct.js'
import { coreOf, type AnyType } from '../types/type.js'
import type { OptionalType } from '../types/optional/optional.js'
import type { AnyTree } from './handle.js'
import type { Values } from './values.js'

const COLUMNS = {
  u8: Uint32Array, u16: Uint32Array, u32: Uint32Array, bool: Uint32Array,
  i8: Int32Array, i16: Int32Array, i32: Int32Array,
  f32: Float64Array, f64: Float64Array, date: Float64Array,
} as const

/** The type of a field; of fields inside, as `at.lat`. */
function fieldType(type: AnyType, field: string): AnyType {
  let inner = type
  for (const name of field === '' ? [] : field.split('.')) {
    const found = inner instanceof StructType
      ? inner.fields.find(([own]) => own === name)?.[1] : undefined
    if (found === undefined)
      throw new TypeError(`getColumn: there is no field ${JSON.stringify(field)}`)
    inner = found
  }
  const bare =
    inner.kind === 'optional' || inner.kind === 'default' ? (inner as OptionalType).inner : inner
  if (bare.kind in COLUMNS) return bare
  throw new TypeError(
    `getColumn: ${field === '' ? 'the value' : `field ${field}`} is ${bare.kind}, not a number ` +
    `of up to 8 bytes`,
  )
}

/** Reads the field of one value that has been found; undefined when it has none. */
function fieldReader(field: string): (value: unknown) => number | undefined {
  const names = field === '' ? [] : field.split('.')
  return (value) => {
    let inner = value
    for (const name of names) inner = (inner as Record<string, unknown>)[name]
    return inner === undefined ? undefined : Number(inner)
  }
}

/**
 * Where a plain field is in records of exactly the declared type; −1 when they have to be asked.
 */
function plainOffset(type: AnyType, field: string): number {
  let inner = type
  let offset = 8
  for (const name of field === '' ? [] : field.split('.')) {
    const found = (inner as StructType).layout.fields.find((own) => own.name === name)!
    if (found.presenceByte >= 0) return -1
    offset += found.offset
    inner = found.slot
  }
  return field === '' ? -1 : offset
}

export function readColumn(
  session: Session, tree: AnyTree, values: Values, codec: KeyCodec<unknown>,
  keys: ArrayBufferView, field: string,
): Column {
  if (!ArrayBuffer.isView(keys) || keys instanceof DataView) {
    throw new TypeError('getColumn: the keys must be a typed array')
  }
  const list = keys as unknown as ArrayLike<unknown>
  const type = fieldType(values.type, field)
  const column = new COLUMNS[type.kind as keyof typeof COLUMNS](list.length)
  const isFloat = column instanceof Float64Array
  const read = fieldReader(field)
  const offset = plainOffset(values.type, field)
  const typeId = offset < 0 ? 0 : session.registry.find(values.type)
  const form: KeyForm = codec.newForm()
  let missing = 0
  for (let i = 0; i < list.length; i++) {
    const at = tree.find(codec.encode(list[i], form, 'getColumn'))
    let value: number | undefined
    if (at >= 0) {
      const ref = values.inLeaf ? 0 : tree.window.u32[at]!
      const core = ref !== 0 && typeId !== 0 && session.space.windows[ref >>> 28] !== undefined
        ? coreOf(session.lease, ref, undefined) : undefined
      value = core !== undefined && (core.window.u32[wordIndexOf(ref) + 1]! & 0xffff) === typeId
        ? Number(type.readSlot(core, (core.cell << 2) + offset))
        : read(values.read(tree.window, at, undefined))
    }
    if (value === undefined) {
      missing++
      if (isFloat) column[i] = NaN
    } else column[i] = value
  }
  return { values: column, missing }
}
