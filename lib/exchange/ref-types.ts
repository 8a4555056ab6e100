/**
 * Types as they are read and written where values leave the region: a ref is a number, and a record
 * may say by which number others name it.
 */
import type { Ref } from '../space/ref.js'
import { compare } from '../types/compatible.js'
import type { Session } from '../types/context.js'
import { typeFromText, type Makers } from '../types/descriptor.js'
import { PackedType } from '../types/packed/packed.js'
import { presentRef } from '../types/moved.js'
import { RefType } from '../types/ref/ref.js'
import { StructType } from '../types/struct/struct.js'
import type { AnyType, Core } from '../types/type.js'

/** A ref that reads as a number, and does not lead on. */
class RefNumber extends RefType {
  override readSlot(core: Core, at: number): unknown {
    const ref = core.window.u32[at >>> 2]!
    return ref === 0 ? undefined : presentRef(core.lease.session, ref)
  }
}

/** What a field of type t.packed names. */
export interface PackedRecord {
  readonly regionId: number
  readonly ref: number
  /** The type that it was read as, and what it gave; undefined where it is not read. */
  readonly type?: AnyType
  readonly value?: unknown
}

/** A name of a record in a packed region that reads as such a one, and does not lead on. */
class PackedNumbers extends PackedType {
  override readSlot(core: Core, at: number): PackedRecord | undefined {
    const { u32 } = core.window
    const regionId = u32[at >>> 2]!
    return regionId === 0 ? undefined : { regionId, ref: u32[(at >>> 2) + 1]! }
  }
}

/** One that leads on to the record, where there is a store that has it; names in it do not. */
class PackedContent extends PackedNumbers {
  private readonly types = new Map<AnyType, AnyType>()
  private readAs: AnyType | undefined

  override readingType(stored: AnyType): AnyType {
    let type = this.types.get(stored)
    if (type === undefined) {
      this.types.set(stored, type = typeWithRefNumbers(stored.descriptorText))
    }
    return this.readAs = type
  }

  override readSlot(core: Core, at: number): PackedRecord | undefined {
    const named = super.readSlot(core, at)
    if (named === undefined) return named
    try {
      const value = core.lease.session.readPacked(this, named.regionId, named.ref)
      return { ...named, type: this.readAs!, value }
    } catch (error) {
      if ((error as { code?: string }).code === 'RSTORE_NO_STORE') return named
      throw error
    }
  }
}

/** Found out once: it is asked for each ref. */
const versions = new WeakMap<AnyType, WeakSet<AnyType>>()

/** Whether two types are the same, or one is a later version of the other. */
export function areVersions(a: AnyType, b: AnyType): boolean {
  let known = versions.get(a)
  if (known?.has(b)) return true
  if (compare(a, b, '') !== null && compare(b, a, '') !== null) return false
  if (known === undefined) versions.set(a, known = new WeakSet())
  known.add(b)
  return true
}

/**
 * One that takes such numbers. It may lead to a later version of its type: a program that knows
 * that version has put it there.
 */
class NumberedRef extends RefNumber {
  override prepare(value: unknown, where: string, session: Session | null): unknown {
    if (typeof value !== 'number' || session === null) return super.prepare(value, where, session)
    const ref = presentRef(session, value)
    return areVersions(session.registry.typeOfCell(ref), this.target())
      ? ref : super.prepare(ref, where, session)
  }
}

/** Under which an input for a record has its number. */
export const RECORD_ID = Symbol('rstore record id')

type Identified = object & { [RECORD_ID]?: number }

/** Where records with numbers go. */
export interface RecordPlaces {
  /** Told of each type that they may have. */
  know(type: StructType): void
  /** One is to be made: `make` makes its cell, `fill` fills one that is there. */
  place(id: number, type: AnyType, make: () => Ref, fill: (ref: Ref) => Ref): Ref
  /** One is to be what another was, in whose cell, or one that has the room, `fill` puts it. */
  replace(id: number, type: AnyType, old: Ref, fill: (ref: Ref) => Ref): Ref
}

/** A record that may have a number: see RECORD_ID. */
class IdentifiedStruct extends StructType {
  constructor(
    name: string, fields: readonly (readonly [string, AnyType])[],
    private readonly places: RecordPlaces,
  ) {
    super(name, fields)
    places.know(this)
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
    return this.places.place(id, this, () => super.createCell(session, value),
      (ref) => super.assignCell(session, ref, value))
  }

  /** Others name the record, and perhaps the cell that was reserved for the number: J5. */
  override assignCell(session: Session, ref: number, value: unknown): Ref {
    const id = (value as Identified)[RECORD_ID]
    if (id === undefined) return super.assignCell(session, ref, value)
    return this.places.replace(id, this, ref as Ref, (to) => super.assignCell(session, to, value))
  }
}

const NUMBERS: Makers = {
  ref: (find) => new RefNumber(find),
  packed: (root) => new PackedNumbers(root),
  struct: (name, fields) => new StructType(name, fields),
}

/** A type for reading, from the text of its descriptor. */
export const typeWithRefNumbers = (text: string): AnyType => typeFromText(text, NUMBERS)

/** The same, but what fields of type t.packed name is read. */
export const typeWithPackedContent = (text: string): AnyType =>
  typeFromText(text, { ...NUMBERS, packed: (root) => new PackedContent(root) })

/** The same for writing: where records with numbers go is for `places` to say. */
export const typeWithRecordIds = (text: string, places: RecordPlaces): AnyType =>
  typeFromText(text, {
    ref: (find) => new NumberedRef(find),
    packed: (root) => new PackedType(root),
    struct: (name, fields) => new IdentifiedStruct(name, fields, places),
  })
