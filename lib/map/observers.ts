/**
 * What has to be kept right, or told, when entries of a named map change: its indexes and its
 * listeners.
 */
import { RStoreError } from '../errors.js'
import { callSafely } from '../types/context.js'
import type { Change } from '../types/infer.js'
import type { KeyForm } from '../types/keys.js'
import type { Directory } from './directory.js'
import type { SecondaryIndex } from './secondary-index.js'

export type Listener = (change: Change<unknown>) => void

/** An index entry that a record has, before and after a change. */
type Forms = (KeyForm | null)[]

export class Observers {
  readonly indexes = new Map<string, SecondaryIndex>()
  /** Stored indexes by a function that this program has not declared. */
  readonly undeclared = new Set<string>()
  readonly listeners = new Set<Listener>()

  /** Of the map that got the name of this one, which was dropped: its handles are that one's. */
  private successor: Observers | undefined

  constructor(
    private name: string,
    readonly directory: Directory,
  ) {}

  get mapName(): string {
    let last: Observers = this
    while (last.successor !== undefined) last = last.successor
    return last.name
  }

  rename(name: string): void {
    this.name = name
  }

  /** Handles of `former` are those of this map from now on. Gives what undoes that. */
  takeOver(former: Observers): () => void {
    const added = [...former.listeners].filter((listener) => !this.listeners.has(listener))
    for (const listener of added) this.listeners.add(listener)
    former.successor = this
    this.changed()
    return () => {
      for (const listener of added) this.listeners.delete(listener)
      former.successor = undefined
      this.changed()
    }
  }

  private watchers = 0
  private isMinding = false

  /** Whether changes have to go the long way. */
  get watching(): boolean {
    return this.watchers !== 0
  }

  /** See Owner.minds: an index by fields is not by what is inside of a map or an array. */
  get minding(): boolean {
    return this.isMinding
  }

  /** To be called after indexes or listeners have come or gone. */
  changed(): void {
    this.watchers = this.indexes.size + this.undeclared.size + this.listeners.size
    this.isMinding = this.undeclared.size + this.listeners.size !== 0
      || [...this.indexes.values()].some(({ shape }) => shape.by === null)
  }

  /** Throws when an index cannot be kept right because its function is unknown. */
  checkDeclared(): void {
    const [name] = this.undeclared
    if (name === undefined) return
    throw new RStoreError(
      'RSTORE_INDEX_NOT_DECLARED',
      `map ${JSON.stringify(this.mapName)} has an index ${JSON.stringify(name)} by a function: ` +
      `declare it with ` +
        'map.index(name, fn) before changing the map',
      { map: this.mapName, index: name },
    )
  }

  /** The index entries of a record; all null when there is none. */
  formsOf(value: unknown, key: unknown): Forms {
    const forms: Forms = []
    for (const index of this.indexes.values()) {
      forms.push(value === undefined ? null : index.formOf(value, key))
    }
    return forms
  }

  /** Brings the indexes from one set of entries to another. Throws RSTORE_UNIQUE. */
  move(before: Forms, after: Forms): void {
    if (before.length !== this.indexes.size || after.length !== this.indexes.size) {
      throw new Error(`the function of an index of map ${JSON.stringify(this.mapName)} declared or `
        + 'dropped an index of this map while the map was changed: do that before')
    }
    let i = 0
    for (const index of this.indexes.values()) {
      index.move(before[i]!, after[i]!)
      i++
    }
  }

  /** One that throws does not keep the others from hearing; one that was ended does not hear. */
  tell(change: Change<unknown>): void {
    for (const listener of [...this.listeners]) {
      if (this.listeners.has(listener)) callSafely(() => listener(change))
    }
  }
}
