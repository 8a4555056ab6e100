/**
 * A value or undefined. What is boxed needs nothing more: a ref of 0 is undefined. Other values are
 * followed by a byte that says whether they are there; inside a struct that is one bit, which
 * struct/layout.ts places.
 */
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import { AnyType, type Core, type Descriptor, type SlotReader, type VisitRef } from '../type.js'

export class OptionalType extends AnyType {
  readonly kind = 'optional'
  override readonly slotBytes: number
  override readonly slotAlign: number
  override readonly nullable: boolean
  override readonly owns: boolean

  constructor(readonly inner: AnyType) {
    super()
    if (inner.kind === 'optional' || inner.kind === 'default') {
      throw new TypeError(`t.optional: a ${inner.kind} type cannot be optional once more`)
    }
    this.nullable = inner.nullable
    this.owns = inner.owns
    this.slotAlign = inner.slotAlign
    this.slotBytes = inner.nullable ? inner.slotBytes
      : Math.ceil((inner.slotBytes + 1) / inner.slotAlign) * inner.slotAlign
  }

  describe(stack: readonly AnyType[]): Descriptor {
    return { optional: this.inner.describe([...stack, this]) }
  }
  prepare(value: unknown, where: string, session: Session | null): unknown {
    return value === undefined ? undefined : this.inner.prepare(value, where, session)
  }

  private isThere(window: Window, at: number): boolean {
    return this.nullable ? window.u32[at >>> 2] !== 0 : window.u8[at + this.inner.slotBytes] !== 0
  }
  readSlot(core: Core, at: number): unknown {
    return this.isThere(core.window, at) ? this.inner.readSlot(core, at) : undefined
  }
  writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    const { inner } = this
    if (value === undefined) {
      this.clear(session, window, at)
    } else if (this.nullable && window.u32[at >>> 2] === 0 && inner.owns) {
      window.u32[at >>> 2] = inner.createCell(session, value)
    } else {
      inner.writeSlot(session, window, at, value)
      if (!this.nullable) window.u8[at + inner.slotBytes] = 1
    }
  }
  private clear(session: Session, window: Window, at: number): void {
    if (!this.isThere(window, at)) return
    if (this.owns) this.inner.releaseSlot(session, window, at)
    window.u8.fill(0, at, at + this.slotBytes)
  }
  override releaseSlot(session: Session, window: Window, at: number): void {
    if (this.isThere(window, at)) this.inner.releaseSlot(session, window, at)
  }
  override visitSlot(
    session: Session, window: Window, at: number, visit: VisitRef, path: string,
  ): void {
    if (this.isThere(window, at)) this.inner.visitSlot(session, window, at, visit, path)
  }

  override plain(value: unknown): unknown {
    return value === undefined ? undefined : this.inner.plain(value)
  }
  override same(a: unknown, b: unknown, session?: Session): boolean {
    return a === undefined || b === undefined ? a === b : this.inner.same(a, b, session)
  }
  override bindSelf(self: () => AnyType): AnyType {
    const inner = this.inner.bindSelf(self)
    return inner === this.inner ? this : new OptionalType(inner)
  }
  override readerFor(stored: AnyType): SlotReader {
    if (this.nullable) return (core, at) => this.readSlot(core, at)
    const old = stored as OptionalType
    const read = this.inner.readerFor(old.inner)
    return (core, at) => old.isThere(core.window, at) ? read(core, at) : undefined
  }
}
