/** One numeric field of many records, as a typed array. */
import { Window } from '../space/window.js'
import type { Session } from '../types/context.js'
import type { Column } from '../types/infer.js'
import type { OptionalType } from '../types/optional/optional.js'
import { StructType } from '../types/struct/struct.js'
import { show } from '../types/text.js'
import type { AnyType } from '../types/type.js'
import { windowBytes, FOUND, lookUpAll, type Batch } from './batch.js'
import type { AnyTree } from './handle.js'
import { FreeOwner } from './owners.js'
import type { Bounds } from './ranges.js'
import type { Values } from './values.js'
import { Walker } from './walker.js'

const COLUMNS = {
  u8: Uint32Array, u16: Uint32Array, u32: Uint32Array, bool: Uint32Array,
  i8: Int32Array, i16: Int32Array, i32: Int32Array,
  f32: Float64Array, f64: Float64Array, date: Float64Array,
} as const

/** FieldKind in native/src/core/kernel/lookup.h. */
const FIELD_KINDS: Readonly<Record<string, number>> = {
  u8: 0, bool: 0, u16: 1, u32: 2, i8: 3, i16: 4, i32: 5, f32: 6, f64: 7, date: 7,
}

/** A field of records, or of structs inside as `at.lat`; '' is the value itself. */
class FieldPath {
  readonly names: readonly string[]
  readonly kind: keyof typeof COLUMNS
  /**
   * Where it is in cells of exactly the declared type, from their start; −1 when they have to be
   * asked.
   */
  readonly offset: number

  constructor(readonly type: AnyType, field: string) {
    if (typeof field !== 'string') throw new TypeError(`getColumn: ${show(field)} is no field`)
    this.names = field === '' ? [] : field.split('.')
    let inner = type
    let offset = 8
    let plain = this.names.length > 0
    for (const name of this.names) {
      const found = inner instanceof StructType
        ? inner.layout.fields.find((own) => own.name === name) : undefined
      if (found === undefined)
        throw new TypeError(`getColumn: there is no field ${JSON.stringify(field)}`)
      offset += found.offset
      plain &&= found.presenceByte < 0
      inner = found.slot
    }
    const bare = inner.kind === 'optional' || inner.kind === 'default'
      ? (inner as OptionalType).inner : inner
    if (!(bare.kind in COLUMNS)) {
      throw new TypeError(
        `getColumn: ${field === '' ? 'the value' : `field ${field}`} is ${bare.kind}, ` +
          'not a number that a column can hold',
      )
    }
    this.kind = bare.kind as keyof typeof COLUMNS
    this.offset = plain ? offset : -1
  }

  /** From a value as it is read; undefined when there is none. */
  read(value: unknown): number | undefined {
    let inner = value
    for (const name of this.names) inner = (inner as Record<string, unknown> | undefined)?.[name]
    return inner === undefined ? undefined : Number(inner)
  }
}

/**
 * Reads the fields of all records that are of exactly the declared type; the others are
 * FOUND.damaged then. Gives how many they are, with those that are missing; −1 when none was tried.
 */
function readPlain(
  session: Session, batch: Batch, path: FieldPath, column: Column['values'],
): number {
  const typeId = session.registry.find(path.type)
  if (session.kernels === undefined || path.offset < 0 || typeId === 0) return -1
  return session.kernels.readFields(
    windowBytes(session.space),
    batch.values.u32.subarray(0, column.length),
    typeId,
    path.offset,
    FIELD_KINDS[path.kind]!,
    column,
    batch.found,
  )
}

/** The values of a batch as elements of a column; gives how many there are none of. */
function fill(
  session: Session, values: Values, batch: Batch, path: FieldPath, column: Column['values'],
): number {
  const unread = readPlain(session, batch, path, column)
  if (unread === 0) return 0
  const absent = column instanceof Float64Array ? NaN : 0
  const owner = new FreeOwner(session)  // nobody gets to see the records
  let missing = 0
  for (let i = 0; i < column.length; i++) {
    const state = batch.found[i]
    if (unread > 0 && state === FOUND.found) continue
    const value = state === FOUND.missing ? undefined
      : path.read(values.read(batch.values, i * batch.valueWords, owner))
    if (value === undefined) missing++
    column[i] = value ?? absent
  }
  return missing
}

/** Entries of a range that are read at a time, at most: what is known of them stays near. */
const RANGE_ENTRIES = 4096

function newBatch(entries: number, valueWords: number): Batch {
  const values = new Window(new ArrayBuffer(Math.ceil(entries * valueWords / 2) * 8))
  return { values, valueWords, found: new Uint8Array(entries) }
}

/** Takes the values of the next entries of a walk; gives how many there were. */
function take(walker: Walker, { values: { u32 }, valueWords, found }: Batch): number {
  const { cursor } = walker
  let count = 0
  while (count < found.length && walker.walk(found.length - count - 1)) {
    count = cursor.takeValues(u32, count * valueWords, valueWords) / valueWords
  }
  found.fill(FOUND.found)
  return count
}

/** The fields of a range, in its order. */
export function readRange(
  session: Session, tree: AnyTree, values: Values, bounds: Bounds, field: string,
): Column {
  const path = new FieldPath(values.type, field)
  const column = new COLUMNS[path.kind](Math.min(tree.count(bounds), bounds.limit))
  const walker = new Walker(tree, bounds)
  const batch = newBatch(Math.min(RANGE_ENTRIES, column.length), tree.valueBytes / 4)
  let missing = 0
  for (let from = 0; from < column.length; ) {
    const count = take(walker, batch)
    if (count === 0) break
    missing += fill(session, values, batch, path, column.subarray(from, from + count))
    from += count
  }
  walker.stop()
  return { values: column, missing }
}

/** The fields of keys, which are a typed array. */
export function readColumn(
  session: Session, tree: AnyTree, values: Values, keyType: AnyType, keys: ArrayBufferView,
  field: string,
): Column {
  if (keys instanceof DataView) throw new TypeError('getColumn: a DataView has no elements')
  const path = new FieldPath(values.type, field)
  const list = keys as unknown as ArrayLike<unknown>
  const batch = lookUpAll(session, tree, keyType, list, false)
  const column = new COLUMNS[path.kind](list.length)
  return { values: column, missing: fill(session, values, batch, path, column) }
}
