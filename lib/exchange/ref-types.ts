/**
 * Types as they are read and written where values leave the region: a ref is a number, and a record
 * may say by which number others name it.
 */
import type { Ref } from '../space/ref.js'
import type { Session } from '../types/context.js'
import { typeFromText } from '../types/descriptor.js'
import { RefType } from '../types/ref/ref.js'
import { StructType } from '../types/struct/struct.js'
import type { AnyType, Core } from '../types/type.js'

/** A ref that reads as a number, and does not lead on. */
class RefNumber extends RefType {
  override readSlot(core: Core, at: number): unknown {
    const ref = core.window.u32[at >>> 2]!
    return ref === 0 ? undefined : ref
  }
}

/** Under which an input for a record has its number. */
export const RECORD_ID = Symbol('rstore record id')

type Identified = object & { [RECORD_ID]?: number }

/** A record with a number is to be made: `make` makes its cell, `fill` fills one that is there. */
export type PlaceRecord = (
  id: number, type: AnyType, make: () => Ref, fill: (ref: Ref) => Ref,
) => Ref

/** A record that may have a number: see RECORD_ID. */
class IdentifiedStruct extends StructType {
  constructor(
    name: string, fields: readonly (readonly [string, AnyType])[],
    private readonly place: PlaceRecord,
  ) {
    super(name, fields)
  }

  override prepare(value: unknown, where: string, session: Session | null): unknown {
    const prepared = super.prepare(value, where, session) as Identified
    const id = (value as Identified)[RECORD_ID]
    if (id !== undefined) prepared[RECORD_ID] = id
    return prepared
  }

  override createCell(session: Session, value: unknown): Ref {
    const id = (value as Identified)[RECORD_ID]
    if (id === undefined) return super.createCell(session, value)
    return this.place(id, this, () => super.createCell(session, value),
      (ref) => super.assignCell(session, ref, value))
  }

  /** Others may name the cell that was reserved for the number: so it is that one from now on. */
  override assignCell(session: Session, ref: number, value: unknown): Ref {
    if ((value as Identified)[RECORD_ID] === undefined) {
      return super.assignCell(session, ref, value)
    }
    session.registry.typeOfCell(ref).freeCell(session, ref)
    return this.createCell(session, value)
  }
}

/** A type for reading, from the text of its descriptor. */
export const typeWithRefNumbers = (text: string): AnyType => typeFromText(text, {
  ref: (find) => new RefNumber(find),
  struct: (name, fields) => new StructType(name, fields),
})

/** The same for writing: where records with numbers go is for `place` to say. */
export const typeWithRecordIds = (text: string, place: PlaceRecord): AnyType =>
  typeFromText(text, {
    ref: (find) => new RefNumber(find),
    struct: (name, fields) => new IdentifiedStruct(name, fields, place),
  })
