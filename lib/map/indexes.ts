/**
 * The indexes of all maps of a region, as they are stored: by their maps' observers, which know how
 * to compute them.
 */
import { C } from '../../formats/index.js'
import type { Session } from '../types/context.js'
import { compare } from '../types/compatible.js'
import type { Directory, Entry } from './directory.js'
import { shapeOf } from './index-shape.js'
import { Observers } from './observers.js'
import { OrderedMap } from './ordered-map.js'
import type { SecondaryIndex } from './secondary-index.js'
import { storedIndex } from './stored-index.js'

export class Indexes {
  private seenSerial = -1
  private hasSome = false

  constructor(
    private readonly session: Session,
    private readonly directory: Directory,
    /** Of the named maps that were opened, by name. */
    private readonly observers: ReadonlyMap<string, Observers>,
  ) {}

  /** Reads what is stored about the indexes of a map. */
  load(map: OrderedMap): void {
    const observers = map.observers!
    const stored = this.directory.indexesOf(observers.mapName)
    const names = new Set(stored.map((entry) => indexNameOf(entry)))
    for (const name of observers.indexes.keys())
      if (!names.has(name)) observers.indexes.delete(name)
    observers.undeclared.clear()
    for (const entry of stored) {
      const name = indexNameOf(entry)
      const known = observers.indexes.get(name)
      const shape = shapeOf(this.session, entry)
      if (known?.fits(shape, this.session.registry.typeOf(entry.keyType))) {
        known.follow(entry.root)
      } else if (shape.by === null) {
        observers.indexes.delete(name)
        observers.undeclared.add(name)
      } else {
        observers.indexes.set(name, storedIndex(map, name, shape, entry))
      }
    }
    observers.changed()
  }

  /**
   * A map with indexes, or with one by a function, whose values are records of a type; '' when
   * there is none.
   */
  mapOfRecords(typeId: number, byFunction: boolean): string {
    if (this.seenSerial !== this.session.serial) {
      this.seenSerial = this.session.serial
      this.hasSome = this.someIndex()
    }
    for (const { indexes, undeclared } of this.observers.values()) {
      if (indexes.size + undeclared.size !== 0) this.hasSome = true
    }
    return this.hasSome ? this.findIndexed(typeId, byFunction) : ''
  }

  private someIndex(): boolean {
    for (const { kind } of this.directory.list()) if (kind === C.ENTRY_INDEX) return true
    return false
  }

  private findIndexed(typeId: number, byFunction: boolean): string {
    const { registry } = this.session
    const type = registry.typeOf(typeId)
    for (const entry of this.directory.list()) {
      if (entry.kind !== C.ENTRY_INDEX) continue
      if (byFunction && shapeOf(this.session, entry).by !== null) continue
      const name = mapNameOf(entry)
      const map = this.directory.find(name)!
      if (compare(type, registry.typeOf(map.valueType), '') === null) return name
    }
    return ''
  }

  /**
   * An index that can be computed, with a handle of its map; undefined when its function is not
   * declared.
   */
  of(entry: Entry): { map: OrderedMap; index: SecondaryIndex } | undefined {
    const name = mapNameOf(entry)
    const owner = this.directory.find(name)
    if (owner === undefined) return undefined
    const { registry } = this.session
    const declared = this.observers.get(name)?.indexes.get(indexNameOf(entry))
    const observers = new Observers(name, this.directory)
    const map = new OrderedMap(
      this.session,
      registry.typeOf(owner.keyType),
      registry.typeOf(owner.valueType),
      observers,
      undefined,
      this.session.lease,
    ).open(owner.root)
    const shape = shapeOf(this.session, entry)
    if (shape.by === null) return declared === undefined ? undefined : { map, index: declared }
    return { map, index: storedIndex(map, indexNameOf(entry), shape, entry) }
  }
}

/** Entries of indexes are named by their maps and themselves. */
const mapNameOf = ({ name }: Entry): string => name.slice(0, name.indexOf('\0'))
export const indexNameOf = ({ name }: Entry): string => name.slice(name.indexOf('\0') + 1)
