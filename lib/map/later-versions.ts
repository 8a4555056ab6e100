/**
 * Names whose types the program has in a later version than those they are stored with.
 *
 *  U1. Before the first change of anything in a session that has opened such a name, what the
 *      catalog says of it becomes that version: from then on older programs are refused when they
 *      open it, before they meet something that they cannot read. It never goes back to one that
 *      cannot read it (of two that differ in defaults alone, each is later than the other).
 *  U2. In the same transaction its indexes by fields whose keys are others for it, also because a
 *      default is another, are made anew. Until then they are kept by the keys that they are stored
 *      with.
 */
import { C } from '../../formats/index.js'
import { compare, compareKeys, compareValues } from '../types/compatible.js'
import type { Session } from '../types/context.js'
import type { AnyType } from '../types/type.js'
import type { Directory, Entry } from './directory.js'
import type { Observers } from './observers.js'
import { OrderedMap } from './ordered-map.js'
import { rekeyIndex } from './stored-index.js'

/** The types of a map or multimap, or of a value. */
interface Types {
  readonly keyType?: AnyType
  readonly valueType: AnyType
}

interface Later {
  readonly name: string
  readonly kind: number
  readonly types: Types
}

/** The catalog's part. */
interface Indexes {
  observersOf(name: string): Observers
  loadIndexes(map: OrderedMap): void
}

export class LaterVersions {
  private readonly session: Session
  private readonly directory: Directory
  private readonly indexes: Indexes
  /** What was opened in a later version, each once. */
  private readonly known = new Map<string, Later>()

  constructor(session: Session, directory: Directory, indexes: Indexes) {
    this.session = session
    this.directory = directory
    this.indexes = indexes
  }

  private isCurrent({ keyType, valueType }: Entry, types: Types): boolean {
    const { registry } = this.session
    return registry.find(types.valueType) === valueType
      && (types.keyType === undefined || registry.find(types.keyType) === keyType)
  }

  /** U1: a name is opened with these types, which are those of its entry or later. */
  expect(entry: Entry, types: Types): void {
    if (this.isCurrent(entry, types)) return
    const { keyType, valueType } = types
    const name = `${entry.kind} ${entry.name}`
    const id = `${name}\0${keyType?.descriptorText ?? ''}\0${valueType.descriptorText}`
    this.known.set(id, { name: entry.name, kind: entry.kind, types })
    this.session.expectUpgrade()
  }

  /** U1. Of two versions that are both later the latest remains, in whichever order. */
  upgrade(): void {
    let upgraded = false
    for (const { name, kind, types } of this.known.values()) {
      const entry = this.directory.find(name)
      if (entry?.kind !== kind || this.isCurrent(entry, types)) continue
      if (!this.isLater(entry, types)) continue
      this.session.atomically(() => this.upgradeEntry(entry, types))
      upgraded = true
    }
    if (upgraded) this.session.serial++
  }

  private isLater(entry: Entry, { keyType, valueType }: Types): boolean {
    const { registry } = this.session
    const stored = registry.typeOf(entry.valueType)
    if (keyType === undefined) return compare(stored, valueType, '') === null
    if (compareKeys(registry.typeOf(entry.keyType), keyType, '') !== null) return false
    const compareThem = entry.kind === C.ENTRY_MAP ? compareValues : compareKeys
    return compareThem(stored, valueType, '') === null
  }

  private upgradeEntry(entry: Entry, { keyType, valueType }: Types): void {
    const session = this.session
    const { registry } = session
    const earlier = registry.typeOf(entry.valueType)
    this.directory.set(entry, 'valueType', registry.idOf(valueType))
    if (keyType === undefined) return
    this.directory.set(entry, 'keyType', registry.idOf(keyType))
    if (entry.kind !== C.ENTRY_MAP) return
    const observers = this.indexes.observersOf(entry.name)
    const map = new OrderedMap(session, keyType, valueType, observers, undefined, session.lease)
      .open(entry.root)
    for (const index of this.directory.indexesOf(entry.name)) {
      this.directory.set(index, 'valueType', registry.idOf(keyType))
      rekeyIndex(map, this.directory, index, earlier)
    }
    this.indexes.loadIndexes(map)
  }
}
