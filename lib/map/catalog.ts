/**
 * The names of a region: opens, makes, renames and drops what they stand for.
 *
 * Every named map has one set of observers for all handles of a session, so that an index declared
 * through one of them is kept right by the others. It is read from the directory again whenever the
 * session's serial has changed: another process may have made an index, or a rollback have undone
 * one.
 */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import type { Ref } from '../space/ref.js'
import { openTree } from '../tree/open.js'
import type { Session } from '../types/context.js'
import {
  compare, compareMaps, compareMultimaps, describeShortly, isLater, type KeyAndValue,
} from '../types/compatible.js'
import { MapType, MultimapType } from '../types/map/map.js'
import { throwMismatch } from '../types/registry.js'
import { typeFrom } from '../types/type.js'
import { checkName, Directory, KINDS, type Entry } from './directory.js'
import type { DropOptions } from './dropping.js'
import { indexNameOf, Indexes } from './indexes.js'
import { LaterVersions } from './later-versions.js'
import { PairCodec } from './secondary-index.js'
import { createMultimap, OrderedMultimap } from './multimap.js'
import { Observers } from './observers.js'
import { OrderedMap } from './ordered-map.js'
import { StoredValue } from './stored-value.js'
import { createMapRoot, MapStructures } from './structures.js'

export interface NamedEntry {
  name: string
  kind: 'map' | 'multimap' | 'value'
  /** The stored type in few words. */
  type: string
  /** Entries, pairs, or 1. */
  size: number
}

export interface CatalogOptions {
  /** Root of the catalog; page CATALOG_PAGE unless given. */
  root?: Ref
  /** Whether what is missing is made; else RSTORE_NOT_FOUND. */
  create: boolean
}

/** A handle, and what it was asked for with. */
interface Opened {
  readonly handle: OrderedMap | OrderedMultimap
  readonly key: unknown
  readonly value: unknown
  readonly observers: Observers
}

export class Catalog {
  readonly directory: Directory
  readonly indexes: Indexes
  readonly #session: Session
  readonly #create: boolean
  readonly #observers = new Map<string, Observers>()
  readonly #opened = new Map<string, Opened>()
  readonly #later: LaterVersions

  constructor(session: Session, { root, create }: CatalogOptions) {
    this.#session = session
    this.#create = create
    this.directory = new Directory(session, root)
    this.indexes = new Indexes(session, this.directory, this.#observers)
    this.#later = new LaterVersions(session, this.directory, {
      observersOf: (name) => this.#observersOf(name),
      loadIndexes: (map) => this.indexes.load(map),
    })
    if (session.structures instanceof MapStructures) {
      session.structures.findIndexed = (typeId, isInside) =>
        this.indexes.mapOfRecords(typeId, isInside)
      session.structures.upgradeTypes = () => this.#later.upgrade()
    }
  }

  // ── maps ──

  /**
   * The handle that was last opened under a name with these very types, as long as it finds itself:
   * so whoever opens a map wherever he needs it pays for that once. What it cannot find is opened
   * anew, or the attempt says why not.
   */
  #again(
    name: string, key: unknown, value: unknown,
  ): OrderedMap | OrderedMultimap | undefined {
    const known = this.#opened.get(name)
    if (known === undefined || known.key !== key || known.value !== value) return undefined
    try {
      known.handle.enter()
    } catch {
      return undefined
    }
    known.handle.leave()
    return known.observers.mapName === name ? known.handle : undefined
  }

  /** See Region.map. */
  map(name: string, key: unknown, value: unknown): OrderedMap {
    const known = this.#again(name, key, value)
    if (known instanceof OrderedMap) return known
    checkName(name, 'the name of a map')
    const type = new MapType(
      typeFrom(key, `map ${name}, key`),
      typeFrom(value, `map ${name}, value`),
    )
    const entry = this.#open(
      name,
      C.ENTRY_MAP,
      (found) => this.#checkMap(found, type),
      () => ({
        root: createMapRoot(this.#session, type, C.PAGE_BYTES),
        ...this.#idsOf(type),
      }),
    )
    const observers = this.#observersOf(name)
    const map: OrderedMap = new OrderedMap(
      this.#session,
      type.keyType,
      type.valueType,
      observers,
      this.#homeOf(observers, 'map', (found) => this.#follow(map, type, found)),
      undefined,
    )
    map.open(entry.root)
    this.#follow(map, type, entry)
    this.#session.leave()
    this.#opened.set(name, { handle: map, key, value, observers })
    return map
  }

  /** See Region.multimap. */
  multimap(name: string, key: unknown, value: unknown): OrderedMultimap {
    const known = this.#again(name, key, value)
    if (known instanceof OrderedMultimap) return known
    checkName(name, 'the name of a multimap')
    const type = new MultimapType(
      typeFrom(key, `multimap ${name}, key`),
      typeFrom(value, `multimap ${name}, value`),
    )
    const check = (found: Entry): void => {
      this.#checkMultimap(found, type)
      this.#later.expect(found, type)
    }
    const entry = this.#open(name, C.ENTRY_MULTIMAP, check, () => ({
      root: createMultimap(this.#session, type, true),
      ...this.#idsOf(type),
    }))
    const observers = this.#observersOf(name)
    const home = this.#homeOf(observers, 'multimap', (found) => {
      this.#checkKind(found, C.ENTRY_MULTIMAP)
      check(found)
    })
    const map = new OrderedMultimap(this.#session, type, home, undefined).open(entry.root)
    this.#session.leave()
    this.#opened.set(name, { handle: map, key, value, observers })
    return map
  }

  /** See Region.value. */
  value(name: string, type: unknown): StoredValue {
    checkName(name, 'the name of a value')
    const own = typeFrom(type, `value ${name}`)
    const session = this.#session
    session.enter()
    const check = (entry: Entry): void => {
      this.#checkKind(entry, C.ENTRY_VALUE)
      const mismatch = compare(session.registry.typeOf(entry.valueType), own, own.name ?? own.kind)
      if (mismatch !== null) {
        const stored = session.registry.typeOf(entry.valueType)
        throwMismatch(`value ${JSON.stringify(name)}`, mismatch, isLater(stored, own))
      }
      this.#later.expect(entry, { valueType: own })
    }
    const entry = this.directory.find(name)
    if (entry !== undefined) check(entry)
    else if (!this.#create) this.#notFound(name)
    session.leave()
    return new StoredValue(session, this.directory, name, own, check)
  }

  #idsOf(
    type: MapType | MultimapType,
  ): { keyType: number; valueType: number; auxiliary: Ref } {
    const { registry } = this.#session
    return {
      keyType: registry.idOf(type.keyType),
      valueType: registry.idOf(type.valueType),
      auxiliary: 0 as Ref,
    }
  }

  #open(
    name: string,
    kind: number,
    check: (entry: Entry) => void,
    make: () => Omit<Entry, 'name' | 'ref' | 'kind'>,
  ): Entry {
    const session = this.#session
    session.enter()
    const entry = this.directory.find(name)
    if (entry !== undefined) {
      this.#checkKind(entry, kind)
      check(entry)
      return entry
    }
    if (!this.#create) this.#notFound(name)
    return session.transactOrJoin(() => {
      const found = this.directory.find(name)
      if (found === undefined) {
        return session.change(() => this.directory.add(name, { kind, ...make() }))
      }
      this.#checkKind(found, kind)
      check(found)
      return found
    })
  }

  #notFound(name: string): never {
    throw new RStoreError(
      'RSTORE_NOT_FOUND',
      `there is no ${JSON.stringify(name)} in this region; "rstore names" lists what there is`,
      { name },
    )
  }

  #checkKind(entry: Entry, kind: number): void {
    if (entry.kind === kind) return
    throwMismatch(JSON.stringify(entry.name), {
      path: entry.name,
      how: `is stored as a ${KINDS[entry.kind]}, but opened as a ${KINDS[kind]}`,
    })
  }

  #checkMap(entry: Entry, given: MapType): void {
    this.#checkTypes(entry, given, compareMaps)
  }

  #checkMultimap(entry: Entry, given: MultimapType): void {
    this.#checkTypes(entry, given, compareMultimaps)
  }

  #checkTypes(entry: Entry, given: KeyAndValue, compareThem: typeof compareMaps): void {
    const stored = this.#storedTypes(entry)
    const { name, kind } = entry
    const mismatch = compareThem(stored, given, name)
    if (mismatch === null) return
    const storedIsLater = compareThem(given, stored, name) === null
    throwMismatch(`${KINDS[kind]} ${JSON.stringify(name)}`, mismatch, storedIsLater)
  }

  #storedTypes({ keyType, valueType }: Entry): KeyAndValue {
    const { registry } = this.#session
    return { keyType: registry.typeOf(keyType), valueType: registry.typeOf(valueType) }
  }

  /** How a handle finds its map again: see Handle. */
  #homeOf(observers: Observers, what: string, follow: (entry: Entry) => void) {
    return {
      get label(): string {
        return `${what} ${JSON.stringify(observers.mapName)}`
      },
      find: (): Ref => {
        const entry = this.directory.find(observers.mapName)
        if (entry === undefined) {
          throw new RStoreError(
            'RSTORE_NOT_FOUND',
            `${what} ${JSON.stringify(observers.mapName)} was dropped, or its making was rolled ` +
            `back: open it again`,
            { name: observers.mapName },
          )
        }
        follow(entry)
        return entry.root
      },
    }
  }

  /** The entry of a map was read again. */
  #follow(map: OrderedMap, type: MapType, entry: Entry): void {
    this.#checkKind(entry, C.ENTRY_MAP)
    this.#checkMap(entry, type)
    map.observers = this.#observersOf(entry.name)
    this.indexes.load(map)
    this.#later.expect(entry, type)
  }

  #observersOf(name: string): Observers {
    const known = this.#observers.get(name)
    if (known !== undefined) return known
    const observers = new Observers(name, this.directory)
    this.#observers.set(name, observers)
    return observers
  }

  // ── names ──

  names(): NamedEntry[] {
    const session = this.#session
    session.enter()
    const list = Array.from(this.directory.list())
      .filter(({ kind }) => kind !== C.ENTRY_INDEX)
      .map((entry) => this.#describe(entry))
    session.leave()
    return list
  }

  #describe(entry: Entry): NamedEntry {
    const { registry } = this.#session
    const value = describeShortly(registry.typeOf(entry.valueType))
    const kind = KINDS[entry.kind] as NamedEntry['kind']
    if (entry.kind === C.ENTRY_VALUE)
      return { name: entry.name, kind, type: value, size: entry.root === 0 ? 0 : 1 }
    const key = describeShortly(registry.typeOf(entry.keyType))
    return { name: entry.name, kind, type: `${key} → ${value}`, size: this.#handleOf(entry).size }
  }

  /** A handle of a map with its stored types, whatever the program declares. */
  #handleOf(entry: Entry): OrderedMap | OrderedMultimap {
    const session = this.#session
    const [key, value] = [
      session.registry.typeOf(entry.keyType),
      session.registry.typeOf(entry.valueType),
    ]
    return entry.kind === C.ENTRY_MAP
      ? new OrderedMap(session, key, value, undefined, undefined, session.lease).open(entry.root)
      : new OrderedMultimap(session, new MultimapType(key, value), undefined, session.lease).open(
          entry.root,
        )
  }

  /**
   * Drops a map, multimap or value with all it owns, and the indexes of a map. False when there is
   * none.
   */
  drop(name: string, options?: DropOptions): boolean {
    checkName(name)
    const session = this.#session
    session.enterWrite()
    const entry = this.directory.find(name)
    if (entry === undefined) return false
    session.change(() => {
      for (const index of this.directory.indexesOf(name)) this.#dropIndex(index)
      if (entry.kind !== C.ENTRY_VALUE) this.#handleOf(entry).dropPart(options)
      else if (entry.root !== 0)
        session.registry.typeOfCell(entry.root).freeCell(session, entry.root)
      this.directory.remove(entry)
    })
    session.serial++
    session.leave()
    return true
  }

  #dropIndex(entry: Entry): void {
    const { registry, space } = this.#session
    const codec = new PairCodec(
      registry.typeOf(entry.keyType).key!,
      registry.typeOf(entry.valueType).key!,
    )
    openTree(space, codec.kind, entry.root).drop()
    space.free(entry.auxiliary)
    this.directory.remove(entry)
  }

  /** Gives something another name; handles follow. Throws RSTORE_NOT_FOUND, RSTORE_EXISTS. */
  rename(name: string, to: string): void {
    checkName(name)
    checkName(to, 'the new name')
    const session = this.#session
    session.enterWrite()
    const entry = this.directory.find(name) ?? this.#notFound(name)
    if (this.directory.find(to) !== undefined) {
      throw new RStoreError(
        'RSTORE_EXISTS',
        `there is something called ${JSON.stringify(to)} already`,
        { name: to },
      )
    }
    session.change(() => {
      for (const index of this.directory.indexesOf(name)) {
        this.directory.rename(index, `${to}\0${indexNameOf(index)}`)
      }
      this.directory.rename(entry, to)
    })
    this.#followRename(name, to)
    session.serial++
    session.leave()
  }

  /**
   * Handles follow, there and back, and with them those of a map that had the name before, and was
   * dropped.
   */
  #followRename(name: string, to: string): void {
    const moved = this.#observers.get(name)
    if (moved === undefined) return
    const former = this.#observers.get(to)
    this.#observers.delete(name)
    this.#place(to, moved)
    const isolate = former === undefined ? () => {} : moved.takeOver(former)
    this.#session.noteChange(() => {}, () => {
      isolate()
      this.#observers.delete(to)
      if (former !== undefined) this.#place(to, former)
      const made = this.#observers.get(name)
      this.#place(name, moved)
      if (made !== undefined) moved.takeOver(made)
    })
  }

  #place(name: string, observers: Observers): void {
    observers.rename(name)
    this.#observers.set(name, observers)
  }
}
