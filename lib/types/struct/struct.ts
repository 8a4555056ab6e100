/** A record: named fields, inline in what it is a field of, or in a cell of its own. */
import type { Ref } from '../../space/ref.js'
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import type { DefaultType } from '../default/default.js'
import { withRefsAsNumbers } from '../ref/numbers.js'
import { show } from '../text.js'
import {
  AnyType, Core, type CellReader, type Descriptor, type SlotReader, type VisitRef,
} from '../type.js'
import { assignImage, createFromImage, makeImage, stepsOf, type Step } from './image.js'
import { layoutOf, slotTypeOf, type FieldLayout, type StructLayout } from './layout.js'
import {
  coreOfView, getterOf, narrowSetter, oldSetter, RESERVED_NAMES, setOwn, setterOf, structOfView,
  viewClass, writeOptional, type Struct, type ViewClass,
} from './view.js'

/** Inherited by every object: read only where it is an object's own. */
const readField = (from: object, name: string): unknown =>
  name in Object.prototype && !Object.hasOwn(from, name)
    ? undefined : (from as Record<string, unknown>)[name]

/** Of a view: what it has a field for. */
const readViewField = (view: object, name: string): unknown =>
  structOfView(view).fields.some(([field]) => field === name)
    ? (view as Record<string, unknown>)[name] : undefined

const isView = (value: object): boolean =>
  coreOfView(value) !== undefined && structOfView(value) !== undefined

function checkFieldName(struct: string, name: string): void {
  if (RESERVED_NAMES.has(name)) {
    throw new TypeError(
      `t.struct ${struct}: a field cannot be called ${name}: views have a method of that name`,
    )
  }
}

export class StructType extends AnyType implements Struct {
  readonly kind = 'struct'
  override readonly slotBytes: number
  override readonly slotAlign: number
  override readonly owns: boolean
  readonly fields: readonly (readonly [string, AnyType])[]
  readonly layout: StructLayout
  private readonly labels: readonly string[]
  private readonly owning: readonly FieldLayout[]
  private readonly naming: readonly FieldLayout[]
  /** How images of it are made; undefined when it can have none. */
  readonly steps: readonly Step[] | undefined
  private viewClass: ViewClass | undefined

  constructor(override readonly name: string, fields: readonly (readonly [string, AnyType])[]) {
    super()
    for (const [field] of fields) checkFieldName(name, field)
    this.fields = fields.map(([field, type]) => [field, type.bindSelf(() => this)] as const)
    this.layout = layoutOf(this.fields)
    this.slotBytes = this.layout.bytes
    this.slotAlign = this.layout.alignment
    this.labels = this.fields.map(([field]) => `${name}.${field}`)
    this.owning = this.layout.fields.filter(({ slot }) => slot.owns)
    this.naming = this.layout.fields.filter(({ slot }) =>
      slot.nullable || slot.owns || slot.kind === 'struct' || slot.kind === 'tuple')
    this.steps = stepsOf(
      this.layout.fields, this.labels, (inner) => (inner as StructType).steps)
    this.owns = this.owning.length > 0
  }

  describe(stack: readonly AnyType[]): Descriptor {
    const inside = [...stack, this]
    return {
      struct: this.name,
      fields: this.fields.map(([name, type]) => [name, type.describe(inside)]),
    }
  }

  /** The class of views of records that were written as this very type. */
  get view(): ViewClass {
    return this.viewClass ??= this.compile(this)
  }

  private compile(stored: StructType): ViewClass {
    const byName = new Map(stored.layout.fields.map((field) => [field.name, field]))
    return viewClass(this, this.fields.map(([name, type], i) => {
      const label = this.labels[i]!
      const field = byName.get(name)
      if (field === undefined) {
        return [name, { get: () => absentValue(type), set: oldSetter(label) }] as const
      }
      const current = stored === this || type.nullable
        || type.descriptorText === field.type.descriptorText
      const slot = current ? withType(field, type) : field
      const set = current ? setterOf(label, slot)
        : field.slot.inLeaf ? narrowSetter(label, type, field) : oldSetter(label)
      return [name, { get: getterOf(type, slot), set }] as const
    }))
  }

  /**
   * An array with the prepared values of the fields, in order. A view is read field by field; refs
   * that it has are seen to be of another region.
   */
  prepare(value: unknown, where: string, session: Session | null): unknown {
    if (typeof value !== 'object' || value === null) {
      throw new TypeError(`${where}: expected an object (${this.name}), got ${show(value)}`)
    }
    if (!isView(value)) return this.prepareFields(value, readField, session)
    return session?.sharesRefs(coreOfView(value)!.lease.session) === true
      ? withRefsAsNumbers(() => this.prepareFields(value, readViewField, session))
      : this.prepareFields(value, readViewField, session)
  }

  private prepareFields(
    value: object, readGuarded: (from: object, name: string) => unknown, session: Session | null,
  ): unknown[] {
    const { fields } = this.layout
    const prepared = new Array<unknown>(fields.length)
    for (let i = 0; i < fields.length; i++) {
      const { name, type, guarded } = fields[i]!
      const given = guarded ? readGuarded(value, name) : (value as Record<string, unknown>)[name]
      prepared[i] = type.prepare(given, this.labels[i]!, session)
    }
    return prepared
  }

  /**
   * Makes the image of a value, for `createImaged` or `assignImaged` to store. False when the value
   * has to be prepared instead: see image.ts.
   */
  makeImage(value: unknown, session: Session): boolean {
    return this.steps !== undefined && typeof value === 'object' && value !== null
      && makeImage(this.steps, this.slotBytes, value, session)
  }
  /** As `createCell`, for the value of the image. */
  createImaged(session: Session): Ref {
    return createFromImage(session, this.slotBytes, session.registry.idOf(this))
  }
  /** As `assignCell`. */
  assignImaged(session: Session, ref: number): Ref {
    const to = this.takeOver(session, ref)
    assignImage(session, to, this.slotBytes)
    return to
  }

  readSlot(core: Core, at: number): unknown {
    return new this.view(new Core(core.lease, core.window, core.cell, at, core.stamp, core.owner))
  }
  writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    this.layout.fields.forEach((field, i) => {
      const prepared = (value as unknown[])[i]
      if (field.presenceByte >= 0) writeOptional(session, window, at, field, prepared)
      else field.slot.writeSlot(session, window, at + field.offset, prepared)
    })
  }
  override releaseSlot(session: Session, window: Window, at: number): void {
    for (const field of this.owning) {
      if (isThere(window, at, field)) field.slot.releaseSlot(session, window, at + field.offset)
    }
  }
  override visitSlot(
    session: Session, window: Window, at: number, visit: VisitRef, path: string,
  ): void {
    for (const field of this.naming) {
      if (!isThere(window, at, field)) continue
      field.slot.visitSlot(session, window, at + field.offset, visit, `${path}.${field.name}`)
    }
  }

  override plain(value: unknown): unknown {
    return withRefsAsNumbers(() => {
      const result = {}
      for (const [name, type] of this.fields) {
        setOwn(result, name, type.plain((value as Record<string, unknown>)[name]))
      }
      return result
    })
  }
  override same(a: unknown, b: unknown, session?: Session): boolean {
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    const [readA, readB] = [readerOf(a), readerOf(b)]
    return this.fields.every(([name, type]) => {
      const mine = withRefsAsNumbers(() => readA(a, name))
      const other = isView(b) ? withRefsAsNumbers(() => readB(b, name)) : readB(b, name)
      return type.same(mine, other, session)
    })
  }

  override readerFor(stored: AnyType): SlotReader {
    const View = this.viewOf(stored)
    return (core, at) =>
      new View(new Core(core.lease, core.window, core.cell, at, core.stamp, core.owner))
  }
  override cellReaderFor(stored: AnyType): CellReader {
    const View = this.viewOf(stored)
    return (core) => new View(core)
  }
  /** The class of views of records that were written as `stored`. */
  viewOf(stored: AnyType): ViewClass {
    return stored.descriptorText === this.descriptorText
      ? this.view
      : this.compile(stored as StructType)
  }
}

/** A stored field, read and written as the program's own type, which has the same slot. */
const withType = (field: FieldLayout, type: AnyType): FieldLayout =>
  ({ ...field, type, slot: slotTypeOf(type) })

const isThere = (window: Window, at: number, field: FieldLayout): boolean =>
  field.presenceByte < 0 || (window.u8[at + field.presenceByte]! & field.presenceMask) !== 0

const readerOf = (value: object): ((from: object, name: string) => unknown) =>
  coreOfView(value) === undefined
    ? readField
    : (from, name) => (from as Record<string, unknown>)[name]

/** What a field reads as in a record that was written before the field was added. */
const absentValue = (type: AnyType): unknown =>
  type.kind === 'default' ? (type as DefaultType).value : undefined
