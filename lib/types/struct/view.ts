/**
 * Record views: objects whose fields are accessors over mapped memory.
 *
 * For each struct, and each stored version of it, there is one class, made of closures: nothing is
 * generated from names. A view has a single property of its own, its Core, under a symbol; so every
 * getter does one load that differs between structs and then works on one hidden class. The
 * accessors of a kind share their code.
 *
 *  V1. A getter looks at the lease and at the stamp of the cell before it reads: a view never shows
 *      another record's bytes.
 *  V2. A getter looks at the fault word after it has read: zeros that stand for a page which could
 *      not be read are not returned.
 *  V3. A setter prepares, then marks, then writes; what prevents it leaves everything as it was.
 *
 * Names: a field may have any name, `__proto__` and `constructor` included, but those of the
 * methods of views.
 */
import { inspect, type InspectOptions } from 'node:util'
import { RStoreError } from '../../errors.js'
import type { Window } from '../../space/window.js'
import { throwStale, type Session } from '../context.js'
import { shown } from '../shown.js'
import { unitOf, type AnyType, type Core, type SlotReader } from '../type.js'
import { slotTypeOf, type FieldLayout } from './layout.js'
import { narrowed } from './narrowed.js'

const CORE = Symbol('rstore core')
const STRUCT = Symbol('rstore struct')

export interface View {
  [CORE]: Core
}

/** What a view class is made for: the struct as the program has it. */
export interface Struct extends AnyType {
  readonly fields: readonly (readonly [string, AnyType])[]
}

export type ViewClass = new (core: Core) => View

/** Names that a field may not have. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(['toObject', 'equals', 'toJSON'])

/** The core of a record view; undefined for anything else. */
export function coreOfView(value: unknown): Core | undefined {
  return typeof value === 'object' && value !== null ? (value as View)[CORE] : undefined
}

/** Throws a TypeError for what has the core of a view and is none. */
export function structOfView(value: object): Struct {
  const struct = (value as { [STRUCT]?: Struct })[STRUCT]
  if (struct !== undefined) return struct
  throw new TypeError('{ ...record } has none of the fields of a record, which are not its own: '
    + 'write { ...record.toObject() }')
}

/** Sets a property that is the object's own, whatever its name. */
export function setOwn(target: object, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(target, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  } else {
    (target as Record<string, unknown>)[name] = value
  }
}

function check(core: Core): void {
  if (!core.lease.live || core.window.i32[core.cell + 1] !== core.stamp) {
    throwStale(core.lease, 'a record')
  }
}

type Getter = (this: View) => unknown
type Read = (window: Window, at: number) => unknown

// One literal per kind: the engine optimises each of them for the one typed array that it reads.
const GETTERS: Readonly<Record<string, (offset: number) => Getter>> = {
  u8: (offset) => function () {
    const core = this[CORE], { window, lease } = core
    if (!lease.live || window.i32[core.cell + 1] !== core.stamp) throwStale(lease, 'a record')
    const value = window.u8[core.at + offset]!
    if (lease.faults[0] !== 0) lease.session.leave()
    return value
  },
  u16: (offset) => function () {
    const core = this[CORE], { window, lease } = core
    if (!lease.live || window.i32[core.cell + 1] !== core.stamp) throwStale(lease, 'a record')
    const value = window.u16[(core.at + offset) >>> 1]!
    if (lease.faults[0] !== 0) lease.session.leave()
    return value
  },
  u32: (offset) => function () {
    const core = this[CORE], { window, lease } = core
    if (!lease.live || window.i32[core.cell + 1] !== core.stamp) throwStale(lease, 'a record')
    const value = window.u32[(core.at + offset) >>> 2]!
    if (lease.faults[0] !== 0) lease.session.leave()
    return value
  },
  i32: (offset) => function () {
    const core = this[CORE], { window, lease } = core
    if (!lease.live || window.i32[core.cell + 1] !== core.stamp) throwStale(lease, 'a record')
    const value = window.i32[(core.at + offset) >>> 2]!
    if (lease.faults[0] !== 0) lease.session.leave()
    return value
  },
  f32: (offset) => function () {
    const core = this[CORE], { window, lease } = core
    if (!lease.live || window.i32[core.cell + 1] !== core.stamp) throwStale(lease, 'a record')
    const value = window.f32[(core.at + offset) >>> 2]!
    if (lease.faults[0] !== 0) lease.session.leave()
    return value
  },
  f64: (offset) => function () {
    const core = this[CORE], { window, lease } = core
    if (!lease.live || window.i32[core.cell + 1] !== core.stamp) throwStale(lease, 'a record')
    const value = window.f64[(core.at + offset) >>> 3]!
    if (lease.faults[0] !== 0) lease.session.leave()
    return value
  },
  i8: (offset) => narrow((window, at) => window.i8[at + offset]!),
  i16: (offset) => narrow((window, at) => window.i16[(at + offset) >>> 1]!),
  bool: (offset) => narrow((window, at) => window.u8[at + offset] !== 0),
}

function narrow(read: Read): Getter {
  return function () {
    const core = this[CORE]
    check(core)
    const value = read(core.window, core.at)
    if (core.lease.faults[0] !== 0) core.lease.session.leave()
    return value
  }
}

function anyGetter(read: SlotReader, offset: number): Getter {
  return function () {
    const core = this[CORE]
    check(core)
    const value = read(core, core.at + offset)
    if (core.lease.faults[0] !== 0) core.lease.session.leave()
    return value
  }
}

function optionalGetter(
  read: SlotReader,
  { offset, presenceByte, presenceMask }: FieldLayout,
): Getter {
  return function () {
    const core = this[CORE]
    check(core)
    const there = (core.window.u8[core.at + presenceByte]! & presenceMask) !== 0
    const value = there ? read(core, core.at + offset) : undefined
    if (core.lease.faults[0] !== 0) core.lease.session.leave()
    return value
  }
}

/** The getter of a declared field whose slot was written as `stored`. */
export function getterOf(declared: AnyType, stored: FieldLayout): Getter {
  const slot = stored.slot
  if (stored.presenceByte >= 0) {
    const inner = declared as AnyType & { inner: AnyType }
    return optionalGetter(inner.inner.readerFor(slot), stored)
  }
  const fast = GETTERS[slot.kind]
  const { kind } = slotTypeOf(declared)
  const widenedToBigint = slot.kind !== 'u64' && slot.kind !== 'i64'
    && (kind === 'u64' || kind === 'i64')
  if (fast !== undefined && !widenedToBigint) return fast(stored.offset)
  return anyGetter(declared.readerFor(slot), stored.offset)
}

/** Writes a prepared value into a field with a presence bit, whose bytes are marked. */
export function writeOptional(
  session: Session, window: Window, at: number, field: FieldLayout, value: unknown,
): void {
  const from = at + field.offset
  const bits = at + field.presenceByte
  if (value !== undefined) {
    field.slot.writeSlot(session, window, from, value)
    window.u8[bits]! |= field.presenceMask
  } else if ((window.u8[bits]! & field.presenceMask) !== 0) {
    if (field.slot.owns) field.slot.releaseSlot(session, window, from)
    window.u8.fill(0, from, from + field.slot.slotBytes)
    window.u8[bits]! &= ~field.presenceMask
  }
}

function markBytes(core: Core, offset: number, bytes: number): void {
  const from = core.at + offset
  core.lease.session.space.mark(unitOf(core.lease.session, core.window, from), (from & 7) + bytes)
}

function assignField(core: Core, field: FieldLayout, value: unknown): void {
  markBytes(core, field.offset, field.slot.slotBytes)
  const { window, at, lease: { session } } = core
  if (field.presenceByte < 0) return field.slot.writeSlot(session, window, at + field.offset, value)
  markBytes(core, field.presenceByte, 1)
  writeOptional(session, window, at, field, value)
}

/** What a setter makes of what it is given, before anything changes. */
type Prepare = (value: unknown, session: Session) => unknown

function setter(field: FieldLayout, prepare: Prepare): (this: View, value: unknown) => void {
  return function (value) {
    const core = this[CORE]
    check(core)
    const { session } = core.lease
    session.enterWrite()
    const prepared = prepare(value, session)
    // Code of the user has run: the record may be another's now, and so it may after an index's.
    check(core)
    core.owner.assigning(() => {
      check(core)
      assignField(core, field, prepared)
    }, core.stamp & 0xffff)
    session.leave()
  }
}

/** The setter of a field that is stored as the program declares it. */
export const setterOf = (label: string, field: FieldLayout): (this: View, value: unknown) => void =>
  setter(field, (value, session) => field.type.prepare(value, label, session))

/**
 * The setter of a field that an older version of the type stored in a narrower slot: it takes what
 * the program's type takes, as far as there is room.
 */
export function narrowSetter(
  label: string, declared: AnyType, field: FieldLayout,
): (this: View, value: unknown) => void {
  const slot = slotTypeOf(declared)
  return setter(field, (value, session) => {
    const prepared = declared.prepare(value, label, session)
    const fitting = prepared === undefined ? undefined : narrowed(slot, field.slot, prepared)
    if (fitting === null) throwOldRecord(label, `whose ${field.slot.kind} has no room for this`)
    return fitting
  })
}

/** The setter of a field that a record of an older version has no room for. */
export function oldSetter(label: string): (this: View, value: unknown) => void {
  return function () {
    this[CORE].lease.session.enterWrite()
    throwOldRecord(label, 'without room for the field')
  }
}

function throwOldRecord(label: string, why: string): never {
  throw new RStoreError(
    'RSTORE_OLD_RECORD',
    `${label}: this record was written by an older version of the type, ${why}. ` +
      'Write the whole record once, with set() or update()',
    { field: label },
  )
}

// ───────────────────────── methods ─────────────────────────

/**
 * What JSON.stringify understands: bigints as text, Maps as lists of entries, bytes as base64. A
 * view, which a plain copy may have of what is in another region, as its own `toJSON` says.
 */
export function jsonOf(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, jsonOf)
  if (Array.isArray(value)) return value.map(jsonOf)
  if (value instanceof Map) return [...value].map(jsonOf)
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function')
    return (value as { toJSON(): unknown }).toJSON()
  const result = {}
  for (const [name, field] of Object.entries(value)) setOwn(result, name, jsonOf(field))
  return result
}

/**
 * What all records are, which makes a view no plain object to whoever asks for its constructor. It
 * is never called: view classes inherit the prototype.
 */
export abstract class AnyRecord implements View {
  declare [CORE]: Core

  toObject(): unknown {
    return structOfView(this).plain(this)
  }
  equals(other: unknown): boolean {
    return structOfView(this).same(this, other, this[CORE].lease.session)
  }
  toJSON(): unknown {
    return jsonOf(structOfView(this).plain(this))
  }
  [inspect.custom](depth: number, options: InspectOptions): string {
    const struct = structOfView(this)
    return shown(struct.name!, depth, options,
      (inner) => ` ${inspect(struct.plain(this), inner)}`)
  }
}

/** A class of views with these accessors. */
export function viewClass(
  struct: Struct,
  accessors: readonly (readonly [string, PropertyDescriptor])[],
): ViewClass {
  const View = function (this: View, core: Core): void {
    this[CORE] = core
  }
  const prototype = Object.create(AnyRecord.prototype)
  Object.defineProperty(prototype, STRUCT, { value: struct })
  for (const [name, accessor] of accessors) {
    Object.defineProperty(prototype, name, { ...accessor, enumerable: true, configurable: true })
  }
  View.prototype = prototype
  return View as unknown as ViewClass
}
