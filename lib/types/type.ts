/**
 * A stored type at run time: where its values are, and how they are read, written, compared and
 * freed.
 *
 * A value lives in a *slot*: some bytes inside a record, an array, a leaf. Scalars, structs and
 * tuples fill their slot; everything else is *boxed*: the slot holds a 4-byte ref to a cell that
 * the slot owns, and 0 where that is allowed stands for nothing. Every type can also be in a cell
 * of its own: as the value of a map, or made by `alloc`.
 *
 * Rules
 *  T1. `prepare` sees a value before anything is changed: it throws a TypeError or RangeError on
 *      what cannot be stored, and gives what `writeSlot`, `createCell` and `assignCell` take. A
 *      write that follows can fail only for want of space.
 *  T2. Whoever calls `writeSlot` has marked the bytes of the slot; what hangs on it marks itself.
 *      Memory of a fresh cell is zero.
 *  T3. A slot is released before it is given up or overwritten with nothing: no cell is owned twice
 *      or by nobody.
 *  T4. A cell says of which stored type it is. Reading, assigning and freeing go by that, not by
 *      the type in the program, so that records of an older version of a type are handled rightly.
 *      One that is assigned a later version's value becomes a cell of that, where it has the room.
 *      Where it has not, the value goes to another cell, to which refs are led on: moved.ts.
 */
import { inspect } from 'node:util'
import { C } from '../../formats/index.js'
import { WINDOW_UNITS, wordIndexOf, type Ref } from '../space/ref.js'
import type { Window } from '../space/window.js'
import { payloadRoom } from './boxes.js'
import type { Lease, Owner, Session } from './context.js'
import type { KeyCodec } from './keys.js'
import { allocateMoved, freeTrail, leaveTo, presentRef } from './moved.js'

/** A type as it is stored. See descriptor.ts. */
export type Descriptor = string | { readonly [key: string]: unknown }

/**
 * What a view is made of. One hidden class for all views: the getters are shared between all
 * structs.
 */
export class Core {
  // Declared, not defined: a definition would write undefined into each of them first.
  declare readonly lease: Lease
  declare readonly window: Window
  /** Index in `u32` of the header of the cell that the value is in. */
  declare readonly cell: number
  /** Index in `u8` of the value's first byte. */
  declare readonly at: number
  /** Second word of the cell header when the view was made. */
  declare readonly stamp: number
  declare readonly owner: Owner

  constructor(
    lease: Lease, window: Window, cell: number, at: number, stamp: number, owner: Owner,
  ) {
    this.lease = lease
    this.window = window
    this.cell = cell
    this.at = at
    this.stamp = stamp
    this.owner = owner
  }
}

/** The core of a cell's value, behind its header. Without an owner it was reached by a ref. */
export function coreOf(lease: Lease, ref: number, owner: Owner | undefined): Core {
  const { session } = lease
  const window = session.space.windows[ref >>> 28]!
  const cell = (ref & 0x0fff_ffff) << 1
  const stamp = window.i32[cell + 1]!
  return new Core(lease, window, cell, (cell << 2) + 8, stamp,
    owner ?? session.structures.ownerByRef(session, stamp & 0xffff))
}

/** The ref of the unit that a byte of a window is in. */
export function unitOf(session: Session, window: Window, at: number): Ref {
  return (session.space.windows.indexOf(window) * WINDOW_UNITS + (at >>> 3)) as Ref
}

/**
 * Gets every cell that a value names: `owned` says whether freeing the value frees it. The ref is
 * in `window.u32[word]`.
 */
export type VisitRef = (
  type: AnyType, ref: number, owned: boolean, path: string, window: Window, word: number,
) => void

export type SlotReader = (core: Core, at: number) => unknown
export type CellReader = (core: Core) => unknown

let nextSerial = 0

export abstract class AnyType {
  abstract readonly kind: string
  readonly name: string | undefined = undefined
  /** Small and unique in this process: index of bindings. */
  readonly serial = nextSerial++
  /** Bytes in a record, an array or a leaf. */
  readonly slotBytes: number = 4
  readonly slotAlign: number = 4
  /** Whether a slot of zeros can stand for undefined under `optional`. */
  readonly nullable: boolean = false
  /** Whether slots own cells, or counts, that have to be released. */
  readonly owns: boolean = false
  /**
   * Whether a map has values of this type in its leaves; otherwise the leaf has a ref to a cell.
   */
  readonly inLeaf: boolean = false
  /** How values are keys; null when they cannot be. */
  readonly key: KeyCodec<unknown> | null = null
  /** Type id of cells, where it does not depend on the region; else 0. */
  readonly fixedTypeId: number = 0
  private text = ''

  /** As stored; `stack` are the types that this one is inside of. */
  abstract describe(stack: readonly AnyType[]): Descriptor
  /** See T1. `where` names the place for messages. */
  abstract prepare(value: unknown, where: string, session: Session | null): unknown
  abstract readSlot(core: Core, at: number): unknown
  abstract writeSlot(session: Session, window: Window, at: number, value: unknown): void

  /**
   * `writeSlot` into the leaf of a map, 4 or 8 bytes: small integers fill all of them, so that they
   * may be widened.
   */
  writeLeaf(session: Session, window: Window, at: number, value: unknown): void {
    this.writeSlot(session, window, at, value)
  }

  /** Frees what a slot owns. The slot's own bytes stay as they are. */
  releaseSlot(_session: Session, _window: Window, _at: number): void {}
  /** Names every cell that a slot refers to. */
  visitSlot(
    _session: Session,
    _window: Window,
    _at: number,
    _visit: VisitRef,
    _path: string,
  ): void {}

  /** A value in a cell of its own. Structs and everything that is boxed by nature override. */
  createCell(session: Session, value: unknown): Ref {
    const ref = session.space.allocate(this.slotBytes, session.registry.idOf(this))
    this.writeSlot(session, session.space.windowOf(ref), ((ref & 0x0fff_ffff) << 3) + 8, value)
    return ref
  }

  readCell(lease: Lease, ref: number, owner: Owner | undefined): unknown {
    const core = coreOf(lease, ref, owner)
    const { registry } = lease.session
    if ((core.stamp & 0xffff) === C.TYPE_MOVED) {
      return this.readCell(lease, presentRef(lease.session, ref), owner)
    }
    return registry.readerOf(this, core.stamp & 0xffff, ref, owner === undefined)(core)
  }

  /**
   * Makes the value of a cell another one; gives the cell's ref, a new one where it did not fit.
   */
  assignCell(session: Session, ref: number, value: unknown): Ref {
    const to = this.takeOver(session, ref)
    session.space.mark(to + 1, this.slotBytes)
    this.writeSlot(session, session.space.windowOf(to), ((to & 0x0fff_ffff) << 3) + 8, value)
    return to
  }

  /**
   * The cell of this very type that a value may be assigned to which was in the given one: that
   * cell itself, or, where it is of another version, one of zeros. It stays where it is when it has
   * the room.
   */
  protected takeOver(session: Session, ref: number): Ref {
    const { space, registry } = session
    if (space.typeIdOf(ref) === registry.idOf(this)) return ref as Ref
    const stored = registry.typeOfCell(ref)
    const room = payloadRoom(session, ref)
    if (room < this.slotBytes) return this.move(session, ref as Ref, stored)
    const window = space.windowOf(ref)
    const at = ((ref & 0x0fff_ffff) << 3) + 8
    stored.releaseSlot(session, window, at)
    space.mark(ref + 1, room)
    window.u8.fill(0, at, at + room)
    registry.retype(space, ref as Ref, this)
    return ref as Ref
  }

  private move(session: Session, ref: Ref, stored: AnyType): Ref {
    const to = allocateMoved(session, this.slotBytes, session.registry.idOf(this))
    stored.releaseSlot(session, session.space.windowOf(ref), ((ref & 0x0fff_ffff) << 3) + 8)
    leaveTo(session, ref, to)
    return to
  }

  /** Frees a cell of this stored type with everything it owns. */
  freeCell(session: Session, ref: number): void {
    const { space } = session
    const window = space.windowOf(ref)
    if ((window.u32[wordIndexOf(ref)]! & C.CELL_HAS_MOVED) !== 0) freeTrail(session, ref as Ref)
    if (this.owns) this.releaseSlot(session, window, ((ref & 0x0fff_ffff) << 3) + 8)
    space.free(ref as Ref)
  }

  /** Names every cell that a cell of this stored type refers to. */
  visitCell(session: Session, ref: number, visit: VisitRef, path: string): void {
    this.visitSlot(
      session,
      session.space.windowOf(ref),
      ((ref & 0x0fff_ffff) << 3) + 8,
      visit,
      path,
    )
  }

  /** Bytes behind the header that a cell of this stored type needs. */
  cellBytes(_session: Session, _ref: number): number {
    return this.slotBytes
  }

  /** A plain copy of what was read. */
  plain(value: unknown): unknown {
    return value
  }

  /** Deep comparison of two values, each a view or an input; refs in an input are of `session`. */
  same(a: unknown, b: unknown, _session?: Session): boolean {
    return Object.is(a, b)
  }

  /** This type with `self` put in place of t.self. */
  bindSelf(_self: () => AnyType): AnyType {
    return this
  }

  /**
   * How slots that were written as `stored`, another version of this type, are read as this type.
   * Where the slot has a ref, the cell says what it is; where it has the value, `stored` does.
   */
  readerFor(stored: AnyType): SlotReader {
    if (this.nullable) return (core, at) => this.readSlot(core, at)
    return (core, at) => stored.readSlot(core, at)
  }

  /** The same for the cells of `stored`. */
  cellReaderFor(stored: AnyType): CellReader {
    const read = this.readerFor(stored)
    return (core) => read(core, core.at)
  }

  /** The canonical text of the descriptor: equal for equal types. */
  get descriptorText(): string {
    if (this.text === '') this.text = JSON.stringify(this.describe([]))
    return this.text
  }

  /** As it is stored; a type that t.ref cannot find yet has no such text. */
  [inspect.custom](): string {
    try {
      return `Type ${this.descriptorText}`
    } catch {
      return `Type ${this.name ?? this.kind}`
    }
  }
}

/**
 * Where a slot is released, and its ref set, by what is boxed in a cell of its own. The cell may be
 * of a later version than the slot: a program that knows that version has put it there.
 */
export abstract class BoxedType extends AnyType {
  override readonly nullable = true
  override readonly owns: boolean = true

  readSlot(core: Core, at: number): unknown {
    const ref = core.window.u32[at >>> 2]!
    return ref === 0 ? this.empty(core.lease) : this.readCell(core.lease, ref, core.owner)
  }

  writeSlot(session: Session, window: Window, at: number, value: unknown): void {
    const old = window.u32[at >>> 2]!
    window.u32[at >>> 2] = old === 0
      ? this.createCell(session, value) : this.assignCell(session, old, value)
  }

  override releaseSlot(session: Session, window: Window, at: number): void {
    const ref = window.u32[at >>> 2]!
    if (ref === 0) return
    const typeId = session.space.typeIdOf(ref)
    const stored = typeId === this.fixedTypeId ? this : session.registry.typeOf(typeId)
    stored.freeCell(session, ref)
  }

  override visitSlot(
    _session: Session, window: Window, at: number, visit: VisitRef, path: string,
  ): void {
    const ref = window.u32[at >>> 2]!
    if (ref !== 0) visit(this, ref, true, path, window, at >>> 2)
  }

  abstract override createCell(session: Session, value: unknown): Ref
  abstract override readCell(lease: Lease, ref: number, owner: Owner | undefined): unknown
  abstract override assignCell(session: Session, ref: number, value: unknown): Ref
  abstract override freeCell(session: Session, ref: number): void
  /** What a slot of zeros reads as: what a record was given when it was made of nothing. */
  abstract empty(lease: Lease): unknown
}

/** Whatever a user passes where a type is expected. */
export function typeFrom(type: unknown, where: string): AnyType {
  if (type instanceof AnyType) return type
  throw new TypeError(`${where}: expected a type made by t, got ${typeof type}`)
}
