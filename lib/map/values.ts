/**
 * The values of a map: in the leaf, when they are scalars or refs; else in cells of their own,
 * which the entry owns and whose refs are in the leaf. A value is named as trees do it, by a window
 * and the index of its first word.
 *
 * `read` looks at faults, unless what it gives is a view, which looks itself.
 */
import { RStoreError } from '../errors.js'
import type { Window } from '../space/window.js'
import type { Cursor } from '../tree/cursor.js'
import { wordIndexOf } from '../space/ref.js'
import type { Tree } from '../tree/tree.js'
import type { Owner, Session } from '../types/context.js'
import type { Binding } from '../types/registry.js'
import { makeImage, type Step } from '../types/struct/image.js'
import { StructType } from '../types/struct/struct.js'
import type { ViewClass } from '../types/struct/view.js'
import { Core, type AnyType, type VisitRef } from '../types/type.js'
import { STRETCH } from './walker.js'

/** Bytes that values of a type take in a leaf. */
export const leafBytesOf = (type: AnyType): 4 | 8 => type.inLeaf && type.slotBytes > 4 ? 8 : 4

/** The tree whose `place` gave the index of a value. */
type Place = Pick<Tree<never>, 'window' | 'markValue'>

export abstract class Values {
  abstract readonly inLeaf: boolean

  /** @param type as the program declares it */
  constructor(readonly session: Session, readonly type: AnyType) {}

  abstract read(window: Window, index: number, owner: Owner): unknown
  /** Writes a prepared value into an entry that is there already, where `tree.place` found it. */
  abstract assign(tree: Place, index: number, value: unknown): void
  /** Writes a prepared value into a new entry, whose leaf bytes are marked and zero. */
  abstract create(window: Window, index: number, value: unknown): void
  /**
   * What `assign` and `create` take, made of what a user passes. It has to be written before
   * another image of a record is made: W4 of ordered-map.ts.
   */
  prepare(value: unknown, where: string): unknown {
    return this.type.prepare(value, where, this.session)
  }
  /**
   * The same of an object whose fields are these, in this order; undefined where that is no faster,
   * or the object is not as expected.
   */
  prepareBy(_steps: readonly Step[], _value: object): unknown {
    return undefined
  }
  /** Frees what a value owns, whose entry goes. */
  abstract release(window: Window, index: number): void
  /** The same, when the entry is gone and this was its first word. */
  abstract free(word: number): void
  abstract visit(window: Window, index: number, visit: VisitRef, path: string): void

  /**
   * Asks memory for what the values are that a cursor may hop to: these reads do not wait for each
   * other, as those of a loop over the values would.
   */
  readAhead(_cursor: Cursor<unknown>, _hops: number): void {}
}

export function valuesOf(session: Session, type: AnyType): Values {
  if (type.inLeaf) return new LeafValues(session, type)
  return type instanceof StructType
    ? new RecordValues(session, type)
    : new BoxedValues(session, type)
}

class LeafValues extends Values {
  readonly inLeaf = true

  read(window: Window, index: number, owner: Owner): unknown {
    const { session } = this
    const value = this.type.readSlot(new Core(session.lease, window, 0, 0, 0, owner), index << 2)
    session.leave()
    return value
  }
  assign(tree: Place, index: number, value: unknown): void {
    tree.markValue(index)
    this.type.writeLeaf(this.session, tree.window, index << 2, value)
  }
  create(window: Window, index: number, value: unknown): void {
    this.type.writeLeaf(this.session, window, index << 2, value)
  }
  release(window: Window, index: number): void {
    if (this.type.owns) this.type.releaseSlot(this.session, window, index << 2)
  }
  free(): void {}
  visit(window: Window, index: number, visit: VisitRef, path: string): void {
    this.type.visitSlot(this.session, window, index << 2, visit, path)
  }
}

/** The refs that are read ahead, gathered so that the loop which reads is short. */
const ahead = new Uint32Array(STRETCH)
/** Cells that follow each other about as closely as this are fetched by the processor unasked. */
const NEAR_UNITS = 64

class BoxedValues extends Values {
  readonly inLeaf = false
  protected readonly binding: Binding
  /** Only what may be undefined has no cell. */
  private readonly mayLack: boolean
  /** What was read ahead: of no use, but that the engine does not leave the reads out. */
  protected seen = 0

  constructor(session: Session, type: AnyType) {
    super(session, type)
    this.binding = session.registry.bindingOf(type)
    this.mayLack = type.kind === 'optional'
  }

  read(window: Window, index: number, owner: Owner): unknown {
    const ref = window.u32[index]!
    const value = ref === 0 && this.mayLack ? undefined : this.readCell(ref, owner)
    this.session.leave()
    return value
  }

  override readAhead(cursor: Cursor<unknown>, hops: number): void {
    if (hops < 2) return
    const { u32 } = cursor.window
    const apart = u32[cursor.valueAhead(hops)]! - u32[cursor.valueAhead(1)]!
    if (Math.abs(apart) < hops * NEAR_UNITS) return
    for (let hop = 0; hop < hops; hop++) ahead[hop] = u32[cursor.valueAhead(hop + 1)]!
    const { windows } = this.session.space
    let stamps = 0
    for (let hop = 0; hop < hops; hop++) {
      const ref = ahead[hop]!
      stamps |= windows[ref >>> 28]!.i32[((ref & 0x0fff_ffff) << 1) + 1]!
    }
    this.seen = stamps
  }

  protected readCell(ref: number, owner: Owner): unknown {
    const { session } = this
    if (ref === 0 || session.space.windows[ref >>> 28] === undefined) {
      session.leave()
      throw new RStoreError('RSTORE_CORRUPT',
        `a map entry names ref ${ref}, where no value can be: run verify()`, { ref })
    }
    return this.type.readCell(session.lease, ref, owner)
  }

  /** The leaf stays as it is where the cell does: a page less to log and to write. */
  assign(tree: Place, index: number, value: unknown): void {
    const { window } = tree
    const before = window.u32[index]!
    const after = this.assignRef(before, value)
    if (after === before) return
    tree.markValue(index)
    window.u32[index] = after
  }

  protected assignRef(ref: number, value: unknown): number {
    const { session, type } = this
    if (value === undefined && this.mayLack) {
      this.free(ref)
      return 0
    }
    return ref === 0 ? type.createCell(session, value) : type.assignCell(session, ref, value)
  }
  create(window: Window, index: number, value: unknown): void {
    if (value === undefined && this.mayLack) return
    window.u32[index] = this.type.createCell(this.session, value)
  }
  release(window: Window, index: number): void {
    this.free(window.u32[index]!)
  }
  /** Cells are freed as the stored type that they are of. */
  free(ref: number): void {
    if (ref === 0) return
    const { session, type } = this
    const typeId = session.space.windowOf(ref).u32[wordIndexOf(ref) + 1]! & 0xffff
    if (typeId === this.binding.typeId) type.freeCell(session, ref)
    else session.registry.typeOf(typeId).freeCell(session, ref)
  }
  visit(window: Window, index: number, visit: VisitRef, path: string): void {
    const ref = window.u32[index]!
    if (ref !== 0 || !this.mayLack) visit(this.type, ref, true, path, window, index)
  }
}

/** What `prepare` gives for a record that has an image: see types/struct/image.ts. */
const IMAGED = Symbol('image')

/** Records: what is read and written most often, in one piece. */
class RecordValues extends BoxedValues {
  private readonly view: ViewClass
  private readonly windows: readonly Window[]
  private readonly struct: StructType

  constructor(session: Session, type: StructType) {
    super(session, type)
    this.struct = type
    this.view = type.view
    this.windows = session.space.windows
  }

  override read(window: Window, index: number, owner: Owner): unknown {
    const ref = window.u32[index]!
    const target = this.windows[ref >>> 28]!
    const cell = (ref & 0x0fff_ffff) << 1
    const stamp = target.i32[cell + 1]!
    if ((stamp & 0xffff) !== this.binding.typeId || stamp === 0) return this.readCell(ref, owner)
    return new this.view(new Core(this.session.lease, target, cell, (cell << 2) + 8, stamp, owner))
  }

  override prepare(value: unknown, where: string): unknown {
    return this.struct.makeImage(value, this.session) ? IMAGED : super.prepare(value, where)
  }
  override prepareBy(steps: readonly Step[], value: object): unknown {
    return makeImage(steps, this.struct.slotBytes, value, this.session) ? IMAGED : undefined
  }
  protected override assignRef(ref: number, value: unknown): number {
    if (value !== IMAGED) return super.assignRef(ref, value)
    const { struct, session } = this
    return ref === 0 ? struct.createImaged(session) : struct.assignImaged(session, ref)
  }
  override create(window: Window, index: number, value: unknown): void {
    if (value !== IMAGED) return super.create(window, index, value)
    window.u32[index] = this.struct.createImaged(this.session)
  }
}
