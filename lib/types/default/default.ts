/**
 * A value that may be left out when writing, and is then a given one. Old records without the field
 * read as it, too.
 */
import type { Window } from '../../space/window.js'
import type { Session } from '../context.js'
import { show } from '../text.js'
import { AnyType, type Core, type Descriptor, type SlotReader, type VisitRef } from '../type.js'

export function defaultFromStored(inner: AnyType, stored: unknown): unknown {
  if (inner.kind === 'u64' || inner.kind === 'i64') return BigInt(stored as string)
  return inner.kind === 'date' ? new Date(stored as number) : stored
}

const SIMPLE = new Set(['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'f64', 'u64', 'i64',
  'bool', 'date', 'string', 'enum'])

export class DefaultType extends AnyType {
  readonly kind = 'default'
  override readonly slotBytes: number
  override readonly slotAlign: number
  override readonly nullable: boolean
  override readonly owns: boolean
  /** As declared, in what JSON has; the inner type tells bigints and dates apart. */
  private readonly declared: unknown
  private readonly prepared: unknown
  private readonly given: unknown

  constructor(readonly inner: AnyType, value: unknown) {
    super()
    if (!SIMPLE.has(inner.kind)) {
      throw new TypeError(
        `t.default: only scalars, strings and enums have defaults, not ${inner.kind}; ` +
          'use t.optional',
      )
    }
    if (value === undefined || (typeof value === 'number' && !Number.isFinite(value))) {
      throw new TypeError(`t.default: ${show(value)} cannot be a default`)
    }
    this.prepared = inner.prepare(value, 't.default', null)
    this.declared = typeof value === 'bigint' ? String(value)
      : inner.kind === 'date' ? this.prepared : value
    this.given = inner.kind === 'f32' ? Math.fround(value as number) : value
    this.slotBytes = inner.slotBytes
    this.slotAlign = inner.slotAlign
    this.nullable = inner.nullable
    this.owns = inner.owns
  }

  /** As it reads once it is stored: rounded to an f32, and each time another Date. */
  get value(): unknown {
    return this.inner.kind === 'date' ? new Date(this.prepared as number) : this.given
  }

  describe(stack: readonly AnyType[]): Descriptor {
    return { default: this.inner.describe([...stack, this]), value: this.declared }
  }
  prepare(value: unknown, where: string, session: Session | null): unknown {
    return value === undefined ? this.prepared : this.inner.prepare(value, where, session)
  }
  readSlot(core: Core, at: number): unknown {
    return this.inner.readSlot(core, at)
  }
  writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    this.inner.writeSlot(session, window, at, value)
  }
  override releaseSlot(session: Session, window: Window, at: number): void {
    this.inner.releaseSlot(session, window, at)
  }
  override visitSlot(
    session: Session, window: Window, at: number, visit: VisitRef, path: string,
  ): void {
    this.inner.visitSlot(session, window, at, visit, path)
  }
  override plain(value: unknown): unknown {
    return this.inner.plain(value)
  }
  override same(a: unknown, b: unknown, session?: Session): boolean {
    return this.inner.same(a, b === undefined ? this.value : b, session)
  }
  override readerFor(stored: AnyType): SlotReader {
    return this.inner.readerFor(stored instanceof DefaultType ? stored.inner : stored)
  }
}
