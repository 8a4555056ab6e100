/**
 * So many values in a fixed order, laid out like a struct. Read as a frozen array, written as a
 * whole.
 */
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import { TupleKey, type KeyCodec } from '../keys.js'
import { layoutOf, type StructLayout } from '../struct/layout.js'
import { show } from '../text.js'
import {
  AnyType, type Core, type Descriptor, type SlotReader, type VisitRef,
} from '../type.js'
import { StructType } from '../struct/struct.js'

export class TupleType extends AnyType {
  readonly kind = 'tuple'
  override readonly slotBytes: number
  override readonly slotAlign: number
  override readonly owns: boolean
  override readonly key: KeyCodec<unknown> | null
  readonly layout: StructLayout
  /** The same fields as a struct: what is done to all fields is done by it. */
  private readonly struct: StructType

  constructor(readonly elements: readonly AnyType[]) {
    super()
    if (elements.length === 0) throw new TypeError('t.tuple: at least one element is needed')
    this.struct = new StructType('', elements.map((type, i) => [String(i), type]))
    this.layout = layoutOf(elements.map((type, i) => [String(i), type]))
    this.slotBytes = this.layout.bytes
    this.slotAlign = this.layout.alignment
    this.owns = this.struct.owns
    const keys = elements.map(({ key }) => key)
    this.key = keys.every((key) => key !== null)
      ? (new TupleKey(keys as KeyCodec<unknown>[]) as KeyCodec<unknown>)
      : null
  }

  describe(stack: readonly AnyType[]): Descriptor {
    const inside = [...stack, this]
    return { tuple: this.elements.map((type) => type.describe(inside)) }
  }
  prepare(value: unknown, where: string, session: Session | null): unknown {
    const { elements } = this
    if (!Array.isArray(value) || value.length !== elements.length) {
      throw new TypeError(`${where}: expected an array of ${elements.length} elements, got `
        + (Array.isArray(value) ? `one of ${value.length}` : show(value)))
    }
    return elements.map((type, i) => type.prepare(value[i], `${where}[${i}]`, session))
  }
  readSlot(core: Core, at: number): unknown {
    return this.read(this, core, at)
  }
  private read(stored: TupleType, core: Core, at: number): unknown {
    return Object.freeze(stored.layout.fields.map((field, i) => {
      if (field.presenceByte >= 0
        && (core.window.u8[at + field.presenceByte]! & field.presenceMask) === 0) return undefined
      const declared = stored === this ? field.slot : this.layout.fields[i]!.slot
      return stored === this ? declared.readSlot(core, at + field.offset)
        : declared.readerFor(field.slot)(core, at + field.offset)
    }))
  }
  writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    this.struct.writeSlot(session, window, at, value)
  }
  override releaseSlot(session: Session, window: Window, at: number): void {
    this.struct.releaseSlot(session, window, at)
  }
  override visitSlot(
    session: Session, window: Window, at: number, visit: VisitRef, path: string,
  ): void {
    this.struct.visitSlot(session, window, at, visit, path)
  }
  override plain(value: unknown): unknown {
    return this.elements.map((type, i) => type.plain((value as unknown[])[i]))
  }
  override same(a: unknown, b: unknown, session?: Session): boolean {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length
      && this.elements.every((type, i) => type.same(a[i], b[i], session))
  }
  override bindSelf(self: () => AnyType): AnyType {
    const elements = this.elements.map((type) => type.bindSelf(self))
    return elements.every((type, i) => type === this.elements[i]) ? this : new TupleType(elements)
  }
  override readerFor(stored: AnyType): SlotReader {
    return (core, at) => this.read(stored as TupleType, core, at)
  }
}
