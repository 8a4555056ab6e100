/**
 * Lines of JSON into a region: those that `exportLines` gives, and rows from elsewhere.
 *
 *  J1. Everything happens in transactions of the caller. A line that cannot be stored throws before
 *      it has changed anything, so that the caller may go on with the next one.
 *  J2. Keys that ascend are appended without searching; the first one that does not, and all behind
 *      it up to `pause`, are set one by one. Nobody else may use a map between `add` and `pause`.
 *  J3. A ref to a record that has not come yet reserves its cell, empty and of the type that the
 *      ref is declared to lead to; when the record comes it is written there. It may be of another
 *      version of that type, or of the same with another descriptor (types that name each other are
 *      described from where one begins): so the cell has room for the largest version that is
 *      known, and gets its type number anew. `finish` refuses when one never came.
 *  J4. Indexes are made by `finish`, when all records are there.
 *  J5. A record that takes the place of one that was there is that one from now on: it stays where
 *      refs name it, or leaves a cell that leads them on (moved.ts), as a reserved one does, too.
 */
import { CellHeader } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { createMultimap } from '../map/multimap.js'
import type { OrderedMap } from '../map/ordered-map.js'
import { createMapRoot } from '../map/structures.js'
import type { OpenSession } from '../region/base/open-session.js'
import type { WritableRegion } from '../region/base/writable-region.js'
import { byteIndexOf, type Ref } from '../space/ref.js'
import { SMALL_ROOT_BYTES } from '../tree/open.js'
import { payloadRoom } from '../types/boxes.js'
import { describeShortly } from '../types/compatible.js'
import { typeFromText } from '../types/descriptor.js'
import { MapType, MultimapType } from '../types/map/map.js'
import { allocateMoved, leaveTo, trailWord } from '../types/moved.js'
import { StructType } from '../types/struct/struct.js'
import type { AnyType, Descriptor } from '../types/type.js'
import { setUnowned } from '../types/unowned.js'
import { DUMP_VERSION, type DumpEntry, type DumpHead, type DumpRecord } from './export.js'
import { type Filling, MapFilling, MultimapFilling, ValueFilling } from './filling.js'
import { checkId, JsonForms, type RefNames } from './forms.js'
import type { NameSchema } from './named.js'
import { areVersions, RECORD_ID, typeWithRecordIds, type RecordPlaces } from './ref-types.js'
import { ownField, RowReader } from './rows.js'

function refuseType(id: number, type: AnyType): never {
  throw new TypeError(`record ${id} is named as another type than it is: ${describeShortly(type)}`)
}

/** J3: which number is which ref. */
class Records implements RefNames, RecordPlaces {
  private readonly refs = new Map<number, Ref>()
  /** Of them, those whose record has not come yet. */
  private readonly reserved = new Set<number>()

  /** J3: by name, all that were read so far. */
  private readonly versions = new Map<string, StructType[]>()
  /** Bytes for one that is reserved, with what is known. */
  private readonly rooms = new Map<StructType, number>()

  constructor(private readonly session: OpenSession) {}

  /** A type that records may have. */
  know(type: StructType): void {
    this.rooms.clear()
    const known = this.versions.get(type.name)
    if (known === undefined) this.versions.set(type.name, [type])
    else known.push(type)
  }

  idOfRef(): number {
    throw new Error('nothing is written here')
  }
  idOfRecord(): number {
    return 0
  }

  refOfId(id: number, target: AnyType): Ref {
    const known = this.refs.get(id)
    if (known !== undefined) return known
    const ref = this.reserve(id, target)
    this.refs.set(id, ref)
    this.reserved.add(id)
    return ref
  }

  private reserve(id: number, target: AnyType): Ref {
    const { session } = this
    return session.change(() => {
      if (target instanceof StructType) {
        return session.space.allocate(this.roomFor(target), session.registry.idOf(target))
      }
      if (target instanceof MapType) return createMapRoot(session, target, SMALL_ROOT_BYTES)
      if (target instanceof MultimapType) return createMultimap(session, target, false)
      throw new TypeError(`{"$ref":${id}} names a ${target.kind}, which must come before it`)
    })
  }

  /** J3. */
  private roomFor(target: StructType): number {
    let room = this.rooms.get(target)
    if (room === undefined) {
      const fitting = this.versions.get(target.name)!.filter((type) => areVersions(type, target))
      room = Math.max(...fitting.map(({ slotBytes }) => slotBytes))
      this.rooms.set(target, room)
    }
    return room
  }

  /** J3: makes a reserved cell one of this type. */
  private retype(id: number, ref: Ref, type: AnyType): void {
    const { registry, space } = this.session
    if (space.typeIdOf(ref) === registry.idOf(type)) return
    const fits = !(type instanceof StructType) || type.slotBytes <= payloadRoom(this.session, ref)
    if (!fits || !areVersions(type, registry.typeOfCell(ref))) refuseType(id, type)
    registry.retype(space, ref, type)
  }

  /** J5. */
  replace(id: number, type: AnyType, old: Ref, fill: (ref: Ref) => Ref): Ref {
    const reserved = this.refs.get(id)
    if (reserved === undefined) {
      const ref = fill(old)
      this.refs.set(id, ref)
      return ref
    }
    this.checkReserved(id)
    const { session } = this
    const { registry } = session
    if (!areVersions(type, registry.typeOfCell(reserved))) refuseType(id, type)
    const to = this.withTrail(old, type as StructType)
    leaveTo(session, reserved, to)
    this.reserved.delete(id)
    this.refs.set(id, to)
    return fill(to)
  }

  /** J5: the record's own cell, if it has moved before and has the room; else where it moves to. */
  private withTrail(old: Ref, type: StructType): Ref {
    const { session } = this
    const { registry, space } = session
    if (trailWord(space, old) >= 0 && type.slotBytes <= payloadRoom(session, old)) return old
    const to = allocateMoved(session, type.slotBytes, registry.idOf(type))
    const window = space.windowOf(old)
    registry.typeOfCell(old).releaseSlot(session, window, byteIndexOf(old) + CellHeader.bytes)
    leaveTo(session, old, to)
    return to
  }

  private checkReserved(id: number): void {
    if (this.reserved.has(id)) return
    throw new TypeError(`there are two records with the number ${id}`)
  }

  /** The cell of a value with a number: the one that is reserved, or one that `make` makes. */
  place(id: number, type: AnyType, make: () => Ref, fill: (ref: Ref) => Ref): Ref {
    const ref = this.refs.get(id)
    if (ref === undefined) {
      const made = make()
      this.refs.set(id, made)
      return made
    }
    this.checkReserved(id)
    this.retype(id, ref, type)
    this.reserved.delete(id)
    return fill(ref)
  }

  checkComplete(): void {
    if (this.reserved.size === 0) return
    const some = [...this.reserved].slice(0, 5).join(', ')
    throw new RStoreError('RSTORE_DANGLING_REF',
      `${this.reserved.size} records are named and never came: $id ${some}`, { ids: some })
  }
}

/** A name of the head. */
interface Target {
  readonly schema: NameSchema
  readonly filling: Filling
  readonly valueType: AnyType
}

export interface ImportReport {
  /** Indexes by functions, which only a program can declare. */
  missingIndexes: { map: string; index: string }[]
}

const textOf = (descriptor: Descriptor): string => JSON.stringify(descriptor)

function checkSchema(schema: unknown): void {
  const { kind, key, value, indexes = [] } = (schema ?? {}) as Partial<NameSchema>
  const isKnown = kind === 'value' ? key === undefined
    : (kind === 'map' || kind === 'multimap') && key !== undefined
  if (isKnown && value !== undefined && Array.isArray(indexes)) return
  throw new TypeError('expected {"name","kind":"map","key","value"} or of another kind, a multimap '
    + `or a value, not ${JSON.stringify(schema).slice(0, 200)}`)
}

function checkHead(head: unknown): asserts head is DumpHead {
  const { rstore, version, names, types = [] } = (head ?? {}) as Partial<DumpHead>
  if (rstore !== 'dump' || !Array.isArray(names) || !Array.isArray(types)) {
    throw new TypeError('expected {"rstore":"dump","version":1,"names":[…]}')
  }
  if (version !== DUMP_VERSION) {
    throw new TypeError(`lines of version ${JSON.stringify(version)}; this program reads `
      + String(DUMP_VERSION))
  }
  names.forEach(checkSchema)
}

export class Importer {
  private readonly session: OpenSession
  private readonly records: Records
  private readonly forms: JsonForms
  private readonly targets = new Map<string, Target>()
  private readonly types = new Map<string, AnyType>()
  /** Else no record has a number. */
  private readonly hasRefs: boolean

  /**
   * Opens the names of a head, or makes them; in a transaction. Throws a TypeError on what is no
   * head, or has no usable types; RSTORE_TYPE_MISMATCH.
   */
  constructor(private readonly region: WritableRegion, head: DumpHead) {
    checkHead(head)
    this.session = region.session
    this.records = new Records(region.session)
    this.forms = new JsonForms(this.records)
    this.hasRefs = JSON.stringify(head.names).includes('{"ref":')
    for (const type of head.types ?? []) this.typeOf(type)
    for (const schema of head.names) this.targets.set(schema.name, this.open(schema))
  }

  private open(schema: NameSchema): Target {
    const { forms, region: { catalog } } = this
    const { name, kind } = schema
    const valueType = this.typeOf(schema.value)
    const value = forms.of(valueType)
    if (kind === 'value') {
      return { schema, valueType, filling: new ValueFilling(catalog.value(name, valueType), value) }
    }
    const keyType = this.typeOf(schema.key!)
    const key = forms.of(keyType)
    const filling = kind === 'map'
      ? new MapFilling(catalog.map(name, keyType, valueType), key, value, forms)
      : new MultimapFilling(catalog.multimap(name, keyType, valueType), key, value)
    return { schema, valueType, filling }
  }

  private typeOf(descriptor: Descriptor): AnyType {
    const text = textOf(descriptor)
    const known = this.types.get(text)
    if (known !== undefined) return known
    const type = this.makeType(text)
    this.types.set(text, type)
    return type
  }

  private makeType(text: string): AnyType {
    try {
      return this.hasRefs ? typeWithRecordIds(text, this.records) : typeFromText(text)
    } catch (cause) {
      const what = `${text.slice(0, 200)} is no type: ${(cause as Error).message}`
      throw new TypeError(what, { cause })
    }
  }

  private target(name: string): Target {
    const target = this.targets.get(name)
    if (target !== undefined) return target
    throw new TypeError(`the first line names no map ${JSON.stringify(name)}`)
  }

  /** Entries of a name, those that were there before, too; before `add` or after `pause`. */
  sizeOf(name: string): number {
    return this.target(name).filling.size
  }

  /**
   * A line behind the head: J1. Says whether it is an entry, and not a record that only refs name.
   */
  add(line: unknown): boolean {
    if (typeof line !== 'object' || line === null) throw new TypeError('expected an object')
    if ('$id' in line) {
      this.addRecord(line as DumpRecord)
      return false
    }
    const { map, key, value } = line as Partial<DumpEntry>
    if (typeof map !== 'string') throw new TypeError('expected {"map", "key", "value"}')
    this.target(map).filling.add(key, value)
    return true
  }

  /**
   * Takes rows for a map: objects that have the key among their fields; several key fields are a
   * tuple. Where the values of the map are no structs they are in the field "value".
   */
  rows(name: string, keyFields: readonly string[]): (row: unknown) => void {
    const { filling, valueType } = this.target(name)
    const store = filling instanceof MapFilling && valueType instanceof StructType
      ? this.structRows(filling, valueType, keyFields)
      : this.otherRows(filling, keyFields)
    return (row) => {
      if (typeof row !== 'object' || row === null || Array.isArray(row)) {
        throw new TypeError('expected an object')
      }
      store(row)
    }
  }

  private structRows(
    filling: MapFilling, type: StructType, keyFields: readonly string[],
  ): (row: object) => void {
    const { key, map } = filling
    const reader = new RowReader(type, keyFields, this.forms, this.session, map.stored)
    const { keys } = reader
    const single = keys.length === 1
    return (row) => {
      // an index may run code of the user, and that may make another image
      const prepared = map.watched ? reader.prepareFields(row) : reader.prepare(row)
      filling.addPrepared(key.fromJson(single ? keys[0] : keys), prepared)
    }
  }

  private otherRows(filling: Filling, keyFields: readonly string[]): (row: object) => void {
    return (row) => {
      const keys = keyFields.map((field) => ownField(row, field))
      filling.add(keys.length === 1 ? keys[0] : keys, ownField(row, 'value'))
    }
  }

  private addRecord({ $id, type: descriptor, value: json }: DumpRecord): void {
    const { session } = this
    const id = checkId($id)
    const type = this.typeOf(descriptor)
    const value = this.forms.of(type).fromJson(json)
    const isRecord = type instanceof StructType && typeof value === 'object' && value !== null
    if (isRecord) Object.assign(value, { [RECORD_ID]: id })
    const prepared = type.prepare(value, `record ${id}`, session)
    const make = (): Ref => type.createCell(session, prepared)
    const placesItself = isRecord && RECORD_ID in (prepared as object)
    session.change(() => {
      const ref = placesItself ? make() : this.records.place(id, type, make,
        (reserved) => type.assignCell(session, reserved, prepared))
      setUnowned(session.space, ref, true)
    })
  }

  /** Makes everything that was added visible to others: before the transaction ends. */
  pause(): void {
    for (const { filling } of this.targets.values()) filling.pause()
  }

  /** At the end, in a transaction: J3, J4. Throws RSTORE_DANGLING_REF, RSTORE_UNIQUE. */
  finish(): ImportReport {
    this.pause()
    this.records.checkComplete()
    const missingIndexes: ImportReport['missingIndexes'] = []
    for (const { schema } of this.targets.values()) {
      for (const { name, by, unique } of schema.indexes ?? []) {
        if (by === null) missingIndexes.push({ map: schema.name, index: name })
        else this.map(schema).index(name, by, { unique })
      }
    }
    return { missingIndexes }
  }

  private map({ name, key, value }: NameSchema): OrderedMap {
    return this.region.catalog.map(name, this.typeOf(key!), this.typeOf(value))
  }
}
