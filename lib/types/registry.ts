/**
 * The types of a region: numbers for them, which cells have in their headers, and the types for
 * those numbers.
 *
 * A descriptor is stored once, in a TYPE_DESCRIPTOR cell that the types tree names under the type's
 * number, and in a region file a second time on another page (descriptor-copies.ts), which only
 * verification and repair read. Nothing is ever taken out. So what was looked up stays true through
 * commits of other processes. Only a rollback may take back what this session added: `sync`, called
 * when the session's serial has changed, forgets numbers that are not given out any more. A
 * compacted file gives them out anew: `forget`.
 *
 * A type can have several numbers in one region: those of the versions that it once had. `readerOf`
 * finds, for a cell of any of them, how it is read as the type that the program declares now.
 */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { ContiguousSpace } from '../space/contiguous-space.js'
import { wordIndexOf, type Ref } from '../space/ref.js'
import type { Space } from '../space/space.js'
import { openTree } from '../tree/open.js'
import type { Tree } from '../tree/tree.js'
import { CONTENT_OFFSET, createContent, refuseCell, refuseOther, windowOfContent } from './boxes.js'
import { compare, describeShortly, isLater, type Mismatch } from './compatible.js'
import type { Session } from './context.js'
import { DescriptorCopies } from './descriptor-copies.js'
import { simpleTypes, typeFromText } from './descriptor.js'
import { presentRef } from './moved.js'
import { partsOf } from './parts.js'
import { RefType } from './ref/ref.js'
import { readText, textBytes, writeText } from './text.js'
import type { AnyType, CellReader } from './type.js'

/** A type as one session knows it. */
export class Binding {
  /** The number of exactly this type; 0 while it has none. */
  typeId = 0
  /** Reads cells of that number. */
  reader: CellReader | undefined
  /** Readers of other versions, by number. */
  readonly versions = new Map<number, CellReader>()
  /** By number: see TypeRegistry.typeBehind. */
  readonly behind: (AnyType | undefined)[] = []

  constructor(readonly type: AnyType) {}
}

export class TypeRegistry {
  readonly #session: Session
  readonly #tree: Tree<number>
  readonly #nextAt: Ref
  /** Blocks are no file: there is nothing to repair. */
  readonly #copies: DescriptorCopies | null
  /** By serial of the type. */
  readonly #bindings: (Binding | undefined)[] = []
  readonly #types = new Map<number, AnyType>()
  readonly #ids = new Map<string, number>()
  /** By number: see typeToRead. */
  readonly #typesToRead: (AnyType | undefined)[] = []
  /** The same by their descriptors: numbers are given anew after a rollback. */
  readonly #readingCopies = new Map<string, AnyType>()
  #serial = 0
  /** Numbers below this are in `#ids`. */
  #seenTo: number = C.FIRST_STORED_TYPE

  /**
   * @param typesRoot root of the types tree
   * @param nextAt the unit whose second word is AllocationState.nextTypeId, or one like it
   */
  constructor(
    session: Session,
    typesRoot: Ref,
    nextAt: Ref,
  ) {
    this.#session = session
    this.#tree = openTree(session.space, 'u32', typesRoot)
    this.#nextAt = nextAt
    this.#copies = session.space instanceof ContiguousSpace
      ? new DescriptorCopies(session.space) : null
  }

  /** The number that the next new type gets. */
  get nextTypeId(): number {
    const { space } = this.#session
    return Math.max(C.FIRST_STORED_TYPE,
      space.windowOf(this.#nextAt).u32[((this.#nextAt & 0x0fff_ffff) << 1) + 1]!)
  }

  /**
   * What a live cell is read as by whoever has nothing but its ref: as it is stored. Refs in it may
   * lead to records that a later program wrote anew: those, too, are read as they are stored.
   */
  typeToRead(ref: number): AnyType {
    if (this.#serial !== this.#session.serial) this.sync()
    const id = this.#session.space.typeIdOf(ref)
    return this.#typesToRead[id] ??= this.#makeToRead(id)
  }

  #makeToRead(id: number): AnyType {
    if (FIXED.has(id)) return this.typeOf(id)
    const text = this.#knownText(id)
    let type = this.#readingCopies.get(text)
    if (type === undefined) {
      type = typeFromText(text)
      for (const part of partsOf(type)) if (part instanceof RefType) part.readsLater = true
      this.#readingCopies.set(text, type)
    }
    return type
  }

  /** What a ref in what `typeToRead` gave leads to: `target`, or the later version that it is. */
  typeBehind(target: AnyType, given: number): AnyType {
    if (target.kind !== 'struct') return target
    if (this.#serial !== this.#session.serial) this.sync()
    const { space } = this.#session
    const ref = space.typeIdOf(given) === C.TYPE_MOVED ? presentRef(this.#session, given) : given
    const id = space.typeIdOf(ref)
    if (id < C.FIRST_STORED_TYPE) return target
    return this.bindingOf(target).behind[id] ??= this.#isOutgrownBy(target, id)
      ? this.typeToRead(ref) : target
  }

  #isOutgrownBy(target: AnyType, id: number): boolean {
    const stored = this.typeOf(id)
    return stored.kind === 'struct' && compare(stored, target, '') !== null
      && isLater(stored, target)
  }

  bindingOf(type: AnyType): Binding {
    return this.#bindings[type.serial] ??= new Binding(type)
  }

  /** The number of a type; given out now, inside a transaction, when it has none. */
  idOf(type: AnyType): number {
    if (type.fixedTypeId !== 0) return type.fixedTypeId
    if (this.#serial !== this.#session.serial) this.sync()
    const binding = this.bindingOf(type)
    if (binding.typeId !== 0) return binding.typeId
    return this.#bind(binding, this.find(type) || this.#add(type))
  }

  /** The number of a type; 0 when the region has never stored it. */
  find(type: AnyType): number {
    if (type.fixedTypeId !== 0) return type.fixedTypeId
    this.sync()
    this.#catchUp()
    return this.#ids.get(type.descriptorText) ?? 0
  }

  #bind(binding: Binding, id: number): number {
    binding.typeId = id
    binding.reader = binding.type.cellReaderFor(binding.type)
    return id
  }

  #catchUp(): void {
    const end = this.nextTypeId
    for (let id = this.#seenTo; id < end; id++) this.#ids.set(this.textOf(id), id)
    this.#seenTo = Math.max(this.#seenTo, end)
  }

  #add(type: AnyType): number {
    const session = this.#session
    session.enterWrite()
    const id = this.nextTypeId
    if (id > 0xffff) {
      throw new RStoreError('RSTORE_TOO_MANY_TYPES',
        'the region has 65,503 stored types, and cannot have more', { type: describeShortly(type) })
    }
    const text = type.descriptorText
    const bytes = textBytes(text)
    const ref = createContent(session, C.TYPE_DESCRIPTOR, bytes)
    writeText(
      session.space.windowOf(ref).u8,
      ((ref & 0x0fff_ffff) << 3) + CONTENT_OFFSET,
      text,
      bytes,
    )
    const at = this.#tree.place(id)
    this.#tree.window.u32[at] = ref
    this.#copy(id)
    session.space.mark(this.#nextAt, 8)
    session.space.windowOf(this.#nextAt).u32[((this.#nextAt & 0x0fff_ffff) << 1) + 1] = id + 1
    this.#ids.set(text, id)
    // lib/exchange reads refs as numbers, which is not how the region reads them
    this.#types.set(id, text.includes('{"ref":') ? typeFromText(text) : type)
    this.#seenTo = id + 1
    return id
  }

  /** A descriptor a second time; where there are no copies yet, those before it too. */
  #copy(id: number): void {
    const copies = this.#copies
    if (copies === null) return
    for (let of = copies.head === 0 ? C.FIRST_STORED_TYPE : id; of <= id; of++) {
      copies.add(of, this.#contentOf(of))
    }
  }

  /** The text of a stored descriptor. Throws RSTORE_CORRUPT. */
  textOf(id: number): string {
    const content = this.#contentOf(id)
    return readText(content, 0, content.length)
  }

  /** Its bytes, where they lie. */
  #contentOf(id: number): Uint8Array {
    const session = this.#session
    const at = this.#tree.find(id)
    if (at < 0) {
      session.leave()
      throw new RStoreError(
        'RSTORE_CORRUPT',
        `type ${id} is not stored in the region: run verify()`,
        { id },
      )
    }
    const ref = this.#tree.window.u32[at]!
    const window = windowOfContent(session.lease, ref, C.TYPE_DESCRIPTOR, 'a type descriptor')
    const from = (ref & 0x0fff_ffff) << 3
    const bytes = window.u32[(from >>> 2) + 2]!
    return window.u8.subarray(from + CONTENT_OFFSET, from + CONTENT_OFFSET + bytes)
  }

  /** The stored type of a number, complete and usable without the program that stored it. */
  typeOf(id: number): AnyType {
    this.sync()
    const known = this.#types.get(id)
    if (known !== undefined) return known
    const fixed = FIXED.get(id)
    if (fixed !== undefined) return fixed
    try {
      const type = typeFromText(this.textOf(id))
      this.#types.set(id, type)
      return type
    } catch (cause) {
      if (cause instanceof RStoreError) throw cause
      throw new RStoreError('RSTORE_CORRUPT',
        `the descriptor of type ${id} is damaged: ${(cause as Error).message}`, { id })
    }
  }

  #knownText(id: number): string {
    this.sync()
    return this.#types.get(id)?.descriptorText ?? this.textOf(id)
  }

  /** The stored type of a live cell. */
  typeOfCell(ref: number): AnyType {
    return this.typeOf(this.#session.space.typeIdOf(ref))
  }

  /**
   * How cells with a type number are read as `type`. Throws when they are something else; `ref` is
   * of the cell that is read. What owns a cell never leads to another type, but for damage; a ref
   * may, when what it named was freed (`refMayDangle`).
   */
  readerOf(type: AnyType, typeId: number, ref: number, refMayDangle: boolean): CellReader {
    if (this.#serial !== this.#session.serial) this.sync()
    const binding = this.#bindings[type.serial]
    // A type that is not stored has no number, and neither has a cell that is free.
    if (binding !== undefined && binding.typeId === typeId && typeId !== 0) return binding.reader!
    return this.#versionReader(this.bindingOf(type), typeId, ref, refMayDangle)
  }

  #versionReader(
    binding: Binding, typeId: number, ref: number, refMayDangle: boolean,
  ): CellReader {
    const known = binding.versions.get(typeId)
    if (known !== undefined) return known
    const { type } = binding
    if (typeId < C.FIRST_STORED_TYPE) {
      refuseCell(this.#session.lease, ref, typeId, describeShortly(type))
    }
    // Whoever opens a region with the types it was written with never has them made of their text.
    if (this.#knownText(typeId) === type.descriptorText) {
      this.#bind(binding, typeId)
      return binding.reader!
    }
    const stored = this.typeOf(typeId)
    const mismatch = compare(stored, type, type.name ?? type.kind)
    if (mismatch !== null) {
      if (refMayDangle && (stored.kind !== type.kind || stored.name !== type.name)) {
        refuseOther(this.#session.lease, ref, describeShortly(stored), describeShortly(type))
      }
      throwMismatch(describeShortly(type), mismatch, isLater(stored, type))
    }
    const reader = type.cellReaderFor(stored)
    binding.versions.set(typeId, reader)
    return reader
  }

  /** Throws RSTORE_TYPE_MISMATCH when what is stored cannot be read as the given type. */
  checkType(stored: AnyType, given: AnyType, what: string): void {
    const mismatch = compare(stored, given, given.name ?? given.kind)
    if (mismatch !== null) throwMismatch(what, mismatch, isLater(stored, given))
  }

  /** Throws when a ref does not name a live cell of a value. */
  checkLive(ref: number): void {
    const { space, lease } = this.#session
    const typeId = space.windows[ref >>> 28] === undefined ? 0 : space.typeIdOf(ref)
    if (typeId >= C.FIRST_STORED_TYPE ? typeId < this.nextTypeId : FIXED.has(typeId)) return
    refuseCell(lease, ref, typeId, 'a value')
  }

  /** Throws when a ref does not name a live cell of the type. */
  checkCell(type: AnyType, ref: number, where: string): void {
    const { space, lease } = this.#session
    const typeId = space.windows[ref >>> 28] === undefined ? 0 : space.typeIdOf(ref)
    if (typeId === type.fixedTypeId && typeId !== 0) return
    if (typeId < C.FIRST_STORED_TYPE)
      refuseCell(lease, ref, typeId, `${describeShortly(type)} (${where})`)
    this.readerOf(type, typeId, ref, false)
  }

  /**
   * The same for a ref that a user gives, who may have it from elsewhere, or from long ago. Gives
   * the ref of where the record is now.
   */
  checkRef(type: AnyType, given: number, where: string): Ref {
    const session = this.#session
    const isHeld = session.holds(given)
    const ref = isHeld ? presentRef(session, given) : given as Ref
    const typeId = isHeld ? session.space.typeIdOf(ref) : 0
    if (typeId === type.fixedTypeId && typeId !== 0) return ref
    if (typeId < C.FIRST_STORED_TYPE || typeId >= this.nextTypeId) {
      session.leave()
      throw new RStoreError('RSTORE_DANGLING_REF',
        `${where}: there is no ${describeShortly(type)} at ref ${ref}; it was freed, or the ref is `
        + 'of another region', { ref, where })
    }
    this.readerOf(type, typeId, ref, true)
    return ref
  }

  /**
   * Makes a cell of a space one of this type: what it holds has to be. Its generation stays. (The
   * types of block regions are their pool's, and in a space of its own.)
   */
  retype(space: Space, ref: Ref, type: AnyType): void {
    const typeId = this.idOf(type)
    if (space.typeIdOf(ref) === typeId) return
    space.mark(ref, C.UNIT_BYTES)
    const { u32 } = space.windowOf(ref)
    const at = wordIndexOf(ref) + 1
    u32[at] = typeId | (u32[at]! & 0xffff_0000)
  }

  /** Whoever keeps a Binding calls this when the session's serial has changed. */
  sync(): void {
    const { serial } = this.#session
    if (this.#serial === serial) return
    this.#serial = serial
    this.#forgetFrom(this.nextTypeId)
  }

  /** The region was copied, and its types may have other numbers. */
  forget(): void {
    this.#forgetFrom(C.FIRST_STORED_TYPE)
  }

  #forgetFrom(end: number): void {
    this.#seenTo = Math.min(this.#seenTo, end)
    this.#typesToRead.length = Math.min(this.#typesToRead.length, end)
    for (const [text, id] of this.#ids) if (id >= end) this.#ids.delete(text)
    for (const id of this.#types.keys()) if (id >= end) this.#types.delete(id)
    for (const binding of this.#bindings) {
      if (binding === undefined) continue
      if (binding.typeId >= end) binding.typeId = 0
      for (const id of binding.versions.keys()) if (id >= end) binding.versions.delete(id)
      binding.behind.length = Math.min(binding.behind.length, end)
    }
  }
}

export function throwMismatch(
  what: string, { path, how }: Mismatch, storedIsLater = false,
): never {
  const remedy = storedIsLater
    ? 'It is of a later version of the program: use that one, or copy the data over to a new map'
    : 'Open it with the type it was stored with, or copy the data over to a new map'
  throw new RStoreError('RSTORE_TYPE_MISMATCH', `${what}: ${path} ${how}. ${remedy}`, { path, how })
}

/** Types whose cells have a number that is the same in every region. */
const FIXED: ReadonlyMap<number, AnyType> = new Map(Object.values(simpleTypes)
  .filter((type) => type.fixedTypeId !== 0)
  .map((type) => [type.fixedTypeId, type]))
