/**
 * The values of a map: in the leaf, when they are scalars or refs; else in cells of their own, which the entry owns and whose refs
 * are in the leaf. A value is named as trees do it, by a window and the index of its first word.
 */
import { RStoreError } from '../errors.js'
import type { Window } from '../space/window.js'
import { wordIndexOf } from '../space/ref.js'
import type { Owner, Session } from '../types/context.js'
import type { Binding } from '../types/registry.js'
import { StructType } from '../types/struct/struct.js'
import type { ViewClass } from '../types/struct/view.js'
import { Core, type AnyType, type VisitRef } from '../types/type.js'

/** Bytes that values of a type take in a leaf. */
export const leafBytesOf = (type: AnyType): 4 | 8 => type.inLeaf && type.slotBytes > 4 ? 8 : 4

export class Values {
  readonly inLeaf: boolean
  private readonly binding: Binding
  private readonly view: ViewClass | undefined

  /** @param type as the program declares it */
  constructor(readonly session: Session, readonly type: AnyType) {
    this.inLeaf = type.inLeaf
    this.binding = session.registry.bindingOf(type)
    this.view = type instanceof StructType ? type.view : undefined
  }

  read(window: Window, index: number, owner: Owner | undefined): unknown {
    const { lease } = this.session
    if (this.inLeaf) {
      return this.type.readSlot(new Core(lease, window, 0, 0, 0, undefined), index << 2)
    }
    const ref = window.u32[index]!
    if (this.view === undefined) return ref === 0 ? undefined : this.type.readCell(lease, ref, owner)
    const target = this.session.space.windows[ref >>> 28]
    const cell = (ref & 0x0fff_ffff) << 1
    if (target !== undefined) {
      const stamp = target.i32[cell + 1]!
      if ((stamp & 0xffff) === this.binding.typeId && ref !== 0) {
        return new this.view(new Core(lease, target, cell, (cell << 2) + 8, stamp, owner))
      }
    }
    return this.readOther(ref, owner)
  }

  private readOther(ref: number, owner: Owner | undefined): unknown {
    const { session } = this
    if (ref === 0 || session.space.windows[ref >>> 28] === undefined) {
      session.leave()
      throw new RStoreError('RSTORE_CORRUPT', `a map entry names ref ${ref}, where no value can be: run verify()`, { ref })
    }
    return this.type.readCell(session.lease, ref, owner)
  }

  /** Writes a prepared value into an entry that is there already, whose leaf bytes are marked. */
  assign(window: Window, index: number, value: unknown): void {
    const { session, type } = this
    if (this.inLeaf) {
      type.writeLeaf(session, window, index << 2, value)
      return
    }
    const ref = window.u32[index]!
    window.u32[index] = this.replace(ref, value)
  }

  private replace(ref: number, value: unknown): number {
    const { session, type } = this
    if (value === undefined && type.nullable) {
      this.free(ref)
      return 0
    }
    return ref === 0 ? type.createCell(session, value) : type.assignCell(session, ref, value)
  }

  /** Writes a prepared value into a new entry, whose leaf bytes are marked and zero. */
  create(window: Window, index: number, value: unknown): void {
    const { session, type } = this
    if (this.inLeaf) type.writeLeaf(session, window, index << 2, value)
    else if (value !== undefined || !type.nullable) window.u32[index] = type.createCell(session, value)
  }

  /** Frees what a value owns, whose entry goes. */
  release(window: Window, index: number): void {
    if (!this.inLeaf) this.free(window.u32[index]!)
    else if (this.type.owns) this.type.releaseSlot(this.session, window, index << 2)
  }

  /** Frees a cell as the stored type that it is of. */
  free(ref: number): void {
    if (ref === 0) return
    const { session, type } = this
    const typeId = session.space.windowOf(ref).u32[wordIndexOf(ref) + 1]! & 0xffff
    if (typeId === this.binding.typeId) type.freeCell(session, ref)
    else session.registry.typeOf(typeId).freeCell(session, ref)
  }

  visit(window: Window, index: number, visit: VisitRef, path: string): void {
    if (this.inLeaf) return this.type.visitSlot(this.session, window, index << 2, visit, path)
    const ref = window.u32[index]!
    if (ref !== 0) visit(this.type, ref, true, path)
  }
}
