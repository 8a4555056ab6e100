/**
 * Everything that a region has names for, as lines of JSON: what `Importer` reads.
 *
 *   {"rstore":"dump","version":1,"names":[{"name","kind","key","value","indexes"} …]}     first
 *                                              and "types":[T …]: see E5
 *   {"$id":n,"type":T,"value":v}               what only refs name
 *   {"map":name,"key":k,"value":v}             an entry, a pair; without "key" a single value
 *
 *  E1. A ref is {"$ref":n}. What it names is somewhere in the lines, with that number: a record
 *      that a map owns, where the map has it, as "$id" among its fields; all else in a line of its
 *      own.
 *  E2. Numbers are given out in the order in which a walk along names and keys comes upon refs: so
 *      equal regions give equal lines.
 *  E3. The number of a record may come behind refs to it; that of a string, an array and whatever
 *      else cannot be made before its content is known comes before (`ordered`). Among such cells
 *      there are no cycles: each was made when those it names were there.
 *  E4. The numbers and what they name are held in memory; everything else is read as it is given.
 *  E5. A ref may lead to a record of a later version of its type, which needs more room than the
 *      ref says. Such versions are in the first line, for whoever keeps a place for a record.
 *  E6. What is in a record may be of a later version than the record, or than the name that has it,
 *      where a later program came to it by a ref. What cannot be read as it is stored is read, and
 *      described, as the next later version that any name is stored with, and can.
 */
import { RStoreError } from '../errors.js'
import type { OrderedMap } from '../map/ordered-map.js'
import type { RegionBase } from '../region/base/read-region.js'
import type { Ref } from '../space/ref.js'
import type { OpenSession } from '../region/base/open-session.js'
import { MapType, MultimapType } from '../types/map/map.js'
import { checkOptionNames } from '../types/options.js'
import { refOfView } from '../types/ref/ref.js'
import { StructType } from '../types/struct/struct.js'
import type { AnyType, Descriptor } from '../types/type.js'
import { isUnowned } from '../types/unowned.js'
import { JsonForms, type JsonForm, type RefNames } from './forms.js'
import { LaterVersions } from './later-versions.js'
import { descriptorOf, namedIn, openMap, readValue, type NameSchema, type Named } from './named.js'
import { typeWithRefNumbers } from './ref-types.js'

/** The version of these lines. */
export const DUMP_VERSION = 1

export interface DumpHead {
  rstore: 'dump'
  version: number
  names: NameSchema[]
  /** E5. */
  types?: Descriptor[]
}
export interface DumpRecord { $id: number; type: Descriptor; value: unknown }
export interface DumpEntry { map: string; key?: unknown; value: unknown }
export type DumpLine = DumpHead | DumpRecord | DumpEntry

export interface ExportOptions {
  /** Which names; all of them unless given. */
  names?: readonly string[]
  /** Told now and then how many entries were given, of how many. */
  onProgress?(done: number, total: number): void
}

const hasRefs = ({ key, value }: Named): boolean =>
  [key, value].some((type) => type !== undefined && type.descriptorText.includes('{"ref":'))

/** Whether a cell can be made before what is in it is known. */
export const isReservable = (type: AnyType): boolean =>
  type instanceof StructType || type instanceof MapType || type instanceof MultimapType

/** E1, E2: the numbers of what refs name. */
class Numbers implements RefNames {
  readonly ids = new Map<number, number>()
  /** Records that were written out with their number. */
  readonly written = new Set<number>()
  /** Told of each ref, with its declared type, and whether it was not met before. */
  onRef: (ref: number, target: AnyType, isNew: boolean) => void = () => {}

  idOfRef(ref: number, target: AnyType): number {
    const known = this.ids.get(ref)
    const id = known ?? this.ids.size + 1
    if (known === undefined) this.ids.set(ref, id)
    this.onRef(ref, target, known === undefined)
    return id
  }

  idOfRecord(record: unknown): number {
    if (this.ids.size === 0) return 0
    const ref = refOfView(record)
    const id = ref === 0 ? undefined : this.ids.get(ref)
    if (id === undefined || this.written.has(ref)) return 0
    this.written.add(ref)
    return id
  }

  refOfId(): Ref {
    throw new Error('nothing is read here')
  }
}

const PROGRESS_ENTRIES = 4096

/** How lines are made: as objects, or at once as text. */
interface Maker<L> {
  head(head: DumpHead): L
  record(line: DumpRecord): L
  single(map: string, form: JsonForm): (value: unknown) => L
  entry(map: string, key: JsonForm, value: JsonForm): (entry: readonly [unknown, unknown]) => L
}

const OBJECTS: Maker<DumpLine> = {
  head: (head) => head,
  record: (line) => line,
  single: (map, form) => (value) => ({ map, value: form.toJson(value) }),
  entry: (map, key, value) => (entry) =>
    ({ map, key: key.toJson(entry[0]), value: value.toJson(entry[1]) }),
}

const TEXT: Maker<string> = {
  head: (head) => JSON.stringify(head),
  record: (line) => JSON.stringify(line),
  single: (map, form) => (value) => `{"map":${JSON.stringify(map)},"value":${form.toText(value)}}`,
  entry(map, key, value) {
    const begin = `{"map":${JSON.stringify(map)},"key":`
    return (entry) => begin + key.toText(entry[0]) + ',"value":' + value.toText(entry[1]) + '}'
  },
}

class Exporter<L> {
  private readonly numbers = new Numbers()
  private readonly forms = new JsonForms(this.numbers)
  private readonly types = new Map<string, AnyType>()
  /** Forms with which nothing is written, only read. */
  private readonly trial = new JsonForms(
    { idOfRef: () => 0, idOfRecord: () => 0, refOfId: () => 0 as Ref })
  private readonly later: LaterVersions
  private readonly typesAt = new Map<number, AnyType>()
  private done = 0
  private readonly total: number
  private readonly named: readonly Named[]

  /** @param all what else may have the latest version of what is in `named` */
  constructor(
    private readonly session: OpenSession,
    all: readonly Named[],
    named: readonly Named[],
    private readonly onProgress: ExportOptions['onProgress'],
    private readonly maker: Maker<L>,
  ) {
    this.later = new LaterVersions(all.map(({ value }) => value))
    this.named = named.map((one) => this.inReadableVersion(one))
    this.total = named.reduce((sum, one) => sum + this.sizeOf(one), 0)
  }

  /** E6. */
  private inReadableVersion(named: Named): Named {
    const value = this.readable(named.value, (type) => {
      const form = this.trial.of(type)
      for (const one of this.valuesOf(named, type)) form.toJson(one)
    })
    return { ...named, value, schema: { ...named.schema, value: descriptorOf(value) } }
  }

  /** E6: the type itself, or the next later one, that all is read as. */
  private readable(own: AnyType, readAll: (type: AnyType) => void): AnyType {
    const later = this.later.of(own)
    if (later.length === 0) return own
    for (const type of [own, ...later]) {
      try {
        readAll(this.readingType(type))
        return type
      } catch (error) {
        if ((error as { code?: string }).code !== 'RSTORE_TYPE_MISMATCH') throw error
      } finally {
        this.session.leave()
      }
    }
    return own
  }

  *lines(): IterableIterator<L> {
    const { maker } = this
    const names = this.named.map(({ schema }) => schema)
    for (const one of this.named) this.formsOf(one)
    const types = this.findRefs()
    yield maker.head({
      rstore: 'dump', version: DUMP_VERSION, names, ...types.length > 0 ? { types } : {},
    })
    const unmade = [...this.numbers.ids.keys()].filter((ref) => !isReservable(this.typeAt(ref)))
    for (const ref of this.ordered(unmade)) yield maker.record(this.recordLine(ref))
    for (const one of this.named) yield* this.entriesOf(one)
    yield* this.recordLines((ref) => isUnowned(this.session.space, ref))
    yield* this.recordLines(() => true)
  }

  /** E1: those that were not written with their owners; each may name others. */
  private *recordLines(isMeant: (ref: number) => boolean): IterableIterator<L> {
    const { ids, written } = this.numbers
    for (const ref of ids.keys()) {
      if (!written.has(ref) && isMeant(ref)) yield this.maker.record(this.recordLine(ref))
    }
  }

  /** The stored type of a cell, made for reading: E6. */
  private typeAt(ref: number): AnyType {
    const { registry } = this.session
    registry.checkLive(ref)
    const own = registry.typeOfCell(ref)
    if (this.later.of(own).length === 0) return this.readingType(own)
    let type = this.typesAt.get(ref)
    if (type === undefined) {
      type = this.readingType(this.readable(own, (version) =>
        void this.trial.of(version).toJson(readValue(this.session, version, ref))))
      this.typesAt.set(ref, type)
    }
    return type
  }

  private readingType({ descriptorText }: AnyType): AnyType {
    const known = this.types.get(descriptorText)
    if (known !== undefined) return known
    const type = typeWithRefNumbers(descriptorText)
    this.types.set(descriptorText, type)
    return type
  }

  private formsOf({ key, value }: Named): { key: JsonForm | undefined; value: JsonForm } {
    return {
      key: key === undefined ? undefined : this.forms.of(this.readingType(key)),
      value: this.forms.of(this.readingType(value)),
    }
  }

  private sizeOf(named: Named): number {
    const { key, value } = named
    return key === undefined ? 1 : openMap(this.session, named, key, value).size
  }

  private *entriesOf(named: Named): IterableIterator<L> {
    const { session } = this
    const { schema: { name }, root } = named
    const { key, value } = this.formsOf(named)
    const type = this.readingType(named.value)
    if (named.key === undefined) {
      if (root === 0) return
      const line = this.maker.single(name, value)(readValue(session, type, root))
      session.leave()
      yield line
      return
    }
    const map = openMap(session, named, named.key, type) as OrderedMap
    const make = this.maker.entry(name, key!, value)
    for (const entry of map.entries()) {
      if (++this.done % PROGRESS_ENTRIES === 0) this.onProgress?.(this.done, this.total)
      yield make(entry)
    }
  }

  private *valuesOf(named: Named, type: AnyType): IterableIterator<unknown> {
    const { session } = this
    if (named.key === undefined) {
      if (named.root !== 0) yield readValue(session, type, named.root)
    } else {
      const map = openMap(session, named, named.key, type) as OrderedMap
      for (const [, value] of map.entries()) yield value
    }
  }

  private recordLine(ref: number): DumpRecord {
    const type = this.typeAt(ref)
    const id = this.numbers.idOfRef(ref, type)
    this.numbers.written.add(ref)
    const value = this.forms.of(type).toJson(readValue(this.session, type, ref))
    this.session.leave()
    return { $id: id, type: descriptorOf(type), value }
  }

  /** E2: everything that refs name, along all names and along what they lead to. Gives E5. */
  private findRefs(): Descriptor[] {
    const { numbers } = this
    const found: number[] = []
    const larger = new Set<AnyType>()
    numbers.onRef = (ref, target, isNew) => {
      if (isNew) found.push(ref)
      if (this.isLarger(ref, target)) larger.add(this.typeAt(ref))
    }
    for (const one of this.named) {
      if (!hasRefs(one)) continue
      for (const _entry of this.entriesOf(one)) continue
    }
    for (let next = 0; next < found.length; next++) this.recordLine(found[next]!)
    numbers.onRef = () => {}
    numbers.written.clear()
    this.done = 0
    return Array.from(larger, descriptorOf)
  }

  private isLarger(ref: number, target: AnyType): boolean {
    if (!(target instanceof StructType)) return false
    const stored = this.typeAt(ref)
    return stored instanceof StructType && stored.slotBytes > target.slotBytes
  }

  /** E3: those that others name before those others. */
  private *ordered(refs: readonly number[]): IterableIterator<number> {
    const done = new Set<number>()
    const open = new Set<number>()
    const waiting = [...refs].reverse()
    for (let ref = waiting.at(-1); ref !== undefined; ref = waiting.at(-1)) {
      const first = open.has(ref) ? [] : this.unmadeIn(ref).filter((inner) => !done.has(inner))
      if (first.some((inner) => open.has(inner))) {
        throw new RStoreError('RSTORE_UNSUPPORTED',
          `what ref ${ref} names leads back to itself without a record in between`, { ref })
      }
      open.add(ref)
      if (first.length > 0) {
        waiting.push(...first)
        continue
      }
      waiting.pop()
      if (!done.has(ref)) yield ref
      done.add(ref)
    }
  }

  /** The cells that a cell names which have to be made before it. */
  private unmadeIn(ref: number): number[] {
    const type = this.typeAt(ref)
    const found: number[] = []
    const forms = new JsonForms({
      idOfRef: (inner) => found.push(inner), idOfRecord: () => 0, refOfId: () => 0 as Ref,
    })
    forms.of(type).toJson(readValue(this.session, type, ref))
    return found.filter((inner) => !isReservable(this.typeAt(inner)))
  }
}

/**
 * Gives the lines one after the other: of a live region under a snapshot, or inside `read`, so that
 * they are of one commit. What fields of type t.packed name is not among them: `Importer` refuses
 * lines with such fields. Throws RSTORE_NOT_FOUND.
 */
export const exportLines = (
  region: RegionBase, options: ExportOptions = {},
): IterableIterator<DumpLine> => linesOf(region, options, OBJECTS)

/**
 * The same lines as text, without line feeds: what `JSON.stringify` would make of them, in less
 * time.
 */
export const exportText = (
  region: RegionBase, options: ExportOptions = {},
): IterableIterator<string> => linesOf(region, options, TEXT)

/** Throws RSTORE_NOT_FOUND. */
function linesOf<L>(
  region: RegionBase, options: ExportOptions, maker: Maker<L>,
): IterableIterator<L> {
  checkOptionNames(options, 'export', ['names', 'onProgress'])
  const { names, onProgress } = options
  const all = namedIn(region)
  const missing = names?.find((name) => !all.some(({ schema }) => schema.name === name))
  if (missing !== undefined) {
    throw new RStoreError('RSTORE_NOT_FOUND',
      `there is no ${JSON.stringify(missing)} in this region; "rstore names" lists what there is`,
      { name: missing })
  }
  const wanted = names === undefined ? all
    : all.filter(({ schema }) => names.includes(schema.name))
  return new Exporter(region.session, all, wanted, onProgress, maker).lines()
}
