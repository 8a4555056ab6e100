/**
 * A list of values of one type, of unchanging length, in a cell of its own: u32 length, four zero
 * bytes, elements. Numbers are read as a typed array of their own kind: a copy up to 4 KiB, beyond
 * that without copying where that is possible.
 */
import { C } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import type { Ref } from '../../space/ref.js'
import type { Window } from '../../space/window.js'
import { payloadRoom } from '../boxes.js'
import { COPY_LIMIT_BYTES, mustCopy } from '../bytes/bytes.js'
import { throwStale, type Lease, type Owner, type Session } from '../context.js'
import { withRefsAsNumbers } from '../ref/numbers.js'
import { show } from '../text.js'
import {
  BoxedType, coreOf, type AnyType, type Core, type Descriptor, type SlotReader, type VisitRef,
} from '../type.js'
import { setUnowned } from '../unowned.js'
import { originating } from './origin.js'
import { ArrayCells } from './view.js'

/** Bytes from the cell's start to the first element. */
export const ELEMENTS_OFFSET = 16

const TYPED = {
  u8: Uint8Array, i8: Int8Array, u16: Uint16Array, i16: Int16Array, u32: Uint32Array,
  i32: Int32Array, f32: Float32Array, f64: Float64Array, u64: BigUint64Array, i64: BigInt64Array,
} as const

type Numbers = Uint8Array | BigUint64Array
type NumbersClass = {
  readonly prototype: Numbers
  new (length: number): Numbers
  new (buffer: ArrayBuffer): Numbers
  new (values: Numbers): Numbers
  from(values: Iterable<unknown>, map?: (value: unknown) => unknown): Numbers
}

/** Written into a slot: an array that a builder made, which becomes the slot's own. */
class Adopted {
  constructor(readonly ref: Ref) {}
}

export class ArrayType extends BoxedType {
  readonly kind = 'array'
  /** Of elements that are plain numbers; else undefined. */
  readonly typed: NumbersClass | undefined

  constructor(readonly element: AnyType) {
    super()
    this.typed = (TYPED as Record<string, unknown>)[element.kind] as NumbersClass | undefined
  }

  describe(stack: readonly AnyType[]): Descriptor {
    return { array: this.element.describe([...stack, this]) }
  }

  prepare(value: unknown, where: string, session: Session | null): unknown {
    if (typeof value === 'number' && session !== null) return this.adoptable(value, where, session)
    if (this.typed !== undefined && value instanceof this.typed)
      return mustCopy(value, this.typed.prototype, session) ? new this.typed(value) : value
    if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) {
      throw new TypeError(`${where}: expected an array or another iterable, got ${show(value)}`)
    }
    const inside = `${where}[]`
    const { element } = this
    const list: unknown[] = []
    for (const one of value as Iterable<unknown>) list.push(element.prepare(one, inside, session))
    return list
  }

  private adoptable(ref: number, where: string, session: Session): unknown {
    if (!session.unadopted.has(ref)) {
      throw new RStoreError('RSTORE_REF_OWNED',
        `${where}: ref ${ref} is not an array fresh from a builder, or has an owner already; `
        + 'pass the array itself to store a copy', { ref })
    }
    if (session.registry.typeOfCell(ref).descriptorText !== this.descriptorText) {
      throw new TypeError(`${where}: the array that was built is of another type`)
    }
    return new Adopted(ref as Ref)
  }

  empty(): unknown {
    return this.typed === undefined ? Object.freeze([]) : new this.typed(0)
  }
  override writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    if ((value as { length?: number }).length === 0 && window.u32[at >>> 2] === 0) return
    super.writeSlot(session, window, at, value)
  }

  createCell(session: Session, value: unknown): Ref {
    if (value instanceof Adopted) {
      if (session.unadopted.delete(value.ref)) {
        setUnowned(session.space, value.ref, false)
        return value.ref
      }
      return this.createCell(
        session,
        this.prepare(this.readCell(session.lease, value.ref, undefined), '', session),
      )
    }
    const { length } = value as ArrayLike<unknown>
    const stride = this.element.slotBytes
    const ref = session.space.allocate(8 + length * stride, session.registry.idOf(this))
    session.space.windowOf(ref).u32[((ref & 0x0fff_ffff) << 1) + 2] = length
    this.fill(session, ref, value as ArrayLike<unknown>)
    return ref
  }

  private fill(session: Session, ref: Ref, value: ArrayLike<unknown>): void {
    const window = session.space.windowOf(ref)
    const at = ((ref & 0x0fff_ffff) << 3) + ELEMENTS_OFFSET
    const { element } = this
    const stride = element.slotBytes
    if (ArrayBuffer.isView(value)) {
      window[element.kind as 'u8'].set(value as unknown as Uint8Array, at / stride)
      return
    }
    for (let i = 0; i < value.length; i++)
      element.writeSlot(session, window, at + i * stride, value[i])
  }

  /** The new array is complete before the old one goes. */
  assignCell(session: Session, ref: number, value: unknown): Ref {
    if (
      this.typed !== undefined &&
      !(value instanceof Adopted) &&
      this.isSame(session, ref, value as Numbers)
    ) {
      session.space.mark(ref + 2, (value as Numbers).length * this.element.slotBytes)
      this.fill(session, ref as Ref, value as unknown as ArrayLike<unknown>)
      return ref as Ref
    }
    const to = this.createCell(session, value)
    session.registry.typeOfCell(ref).freeCell(session, ref)
    return to
  }

  /** Whether a cell has exactly this type and length. */
  private isSame(session: Session, ref: number, value: Numbers): boolean {
    return session.space.typeIdOf(ref) === session.registry.idOf(this)
      && session.space.windowOf(ref).u32[((ref & 0x0fff_ffff) << 1) + 2] === value.length
  }

  readCell(lease: Lease, ref: number, owner: Owner | undefined): unknown {
    if (!lease.live) throwStale(lease, 'an array')
    const core = coreOf(lease, ref, owner)
    const { registry } = lease.session
    return registry.readerOf(this, core.stamp & 0xffff, ref, owner === undefined)(core)
  }

  override cellReaderFor(stored: AnyType): (core: Core) => unknown {
    const from = stored as ArrayType
    if (this.typed === undefined) {
      const read = this.element.readerFor(from.element)
      return (core) =>
        new ArrayCells(
          core,
          core.at + 8,
          lengthOf(core, from.element),
          from.element.slotBytes,
          read,
          (value) => this.element.plain(value),
        )
    }
    const { typed } = this
    if (from.typed === typed) return (core) => from.numbers(core)
    const convert = this.element.kind === 'u64' || this.element.kind === 'i64'
      ? (value: unknown) => BigInt(value as number) : (value: unknown) => value
    return (core) => typed.from(from.numbers(core) as Iterable<unknown>, convert)
  }

  private numbers(core: Core): Numbers {
    const length = lengthOf(core, this.element)
    const bytes = length * this.element.slotBytes
    if (bytes > COPY_LIMIT_BYTES) {
      const { session } = core.lease
      const ref = (session.space.windows.indexOf(core.window) * 0x1000_0000 +
        (core.cell >>> 1)) as Ref
      const buffer = session.externalView(ref, ELEMENTS_OFFSET, bytes)
      if (buffer !== null) return originating(new this.typed!(buffer), core)
    }
    const first = (core.at + 8) / this.element.slotBytes
    const all = core.window[this.element.kind as keyof typeof TYPED]
    return originating(all.slice(first, first + length) as Numbers, core)
  }

  freeCell(session: Session, ref: number): void {
    if (this.element.owns) {
      this.eachSlot(session, ref, (window, at) => this.element.releaseSlot(session, window, at))
    }
    session.space.free(ref as Ref)
  }
  override visitCell(session: Session, ref: number, visit: VisitRef, path: string): void {
    this.eachSlot(session, ref, (window, at, i) =>
      this.element.visitSlot(session, window, at, visit, `${path}[${i}]`))
  }
  private eachSlot(
    session: Session, ref: number, each: (window: Window, at: number, index: number) => void,
  ): void {
    const window = session.space.windowOf(ref as Ref)
    const first = ((ref & 0x0fff_ffff) << 3) + ELEMENTS_OFFSET
    const length = Math.min(window.u32[(first >>> 2) - 2]!,
      Math.floor((payloadRoom(session, ref) - 8) / this.element.slotBytes))
    for (let i = 0; i < length; i++) each(window, first + i * this.element.slotBytes, i)
  }
  override cellBytes(session: Session, ref: number): number {
    const length = session.space.windowOf(ref as Ref).u32[((ref & 0x0fff_ffff) << 1) + 2]!
    return 8 + length * this.element.slotBytes
  }

  override plain(value: unknown): unknown {
    if (ArrayBuffer.isView(value)) return (value as Uint8Array).slice()
    return Array.from(value as Iterable<unknown>, (element) => this.element.plain(element))
  }
  override same(a: unknown, b: unknown, session?: Session): boolean {
    if (!isIterable(a) || !isIterable(b)) return false
    const [listA, listB] = [listOf(a), listOf(b)]
    return listA.length === listB.length
      && listA.every((element, i) => this.element.same(element, listB[i], session))
  }
  override bindSelf(self: () => AnyType): AnyType {
    const element = this.element.bindSelf(self)
    return element === this.element ? this : new ArrayType(element)
  }
  override readerFor(_stored: AnyType): SlotReader {
    return (core, at) => this.readSlot(core, at)
  }
}

const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.iterator in value

const listOf = (list: Iterable<unknown>): unknown[] =>
  list instanceof ArrayCells ? withRefsAsNumbers(() => Array.from(list)) : Array.from(list)

/** The length of an array, which is checked to be inside its cell. */
function lengthOf(core: Core, element: AnyType): number {
  const length = core.window.u32[core.at >>> 2]!
  const room = (core.window.u32[core.cell]! & C.CELL_SIZE_MASK) * 8 - ELEMENTS_OFFSET
  if (length * element.slotBytes > room) {
    core.lease.session.leave()
    throw new RStoreError(
      'RSTORE_CORRUPT',
      'an array claims to be longer than its cell: run verify()',
      { length },
    )
  }
  return length
}
