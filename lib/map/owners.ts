/**
 * Whose records are that views change in place: what is told of a change, or prevents it. Indexes
 * by fields are of a record's own fields; an index by a function, and a listener, mind what is in
 * its maps and arrays, too.
 *
 *  O1. Whatever is reached from a record has its owner, however deep: a change anywhere in it comes
 *      by here.
 *  O2. A view that was got from a map while nobody watched it names no key. It may change its
 *      record for as long as nobody does.
 *  O3. What is reached by a ref may be the record of any map whose records are of its type.
 */
import { RStoreError } from '../errors.js'
import type { Owner, Session } from '../types/context.js'
import type { MapReader } from './read-map.js'

const refuse = (map: string, why: string): never => {
  throw new RStoreError('RSTORE_INDEXED',
    `${why}: assign to map.get(key), or use map.set() or map.update()`, { map })
}

/** Of what no index and no listener can be on: `region.value`. */
export class FreeOwner implements Owner {
  readonly minds = false

  constructor(private readonly session: Session) {}

  assigning(assign: () => void): void {
    this.session.change(assign)
  }
}

/** Of the record of an entry that is watched. The key was kept. */
export class EntryOwner implements Owner {
  constructor(private readonly map: MapReader, private readonly key: unknown) {}

  assigning(assign: () => void): void {
    this.map.observed(this.key, 'set', assign)
  }

  get minds(): boolean {
    return this.map.observers!.minding
  }
}

/** Of all records of a map that were got from it while nobody watched it: O2. */
export class UnwatchedOwner implements Owner {
  constructor(private readonly map: MapReader) {}

  assigning(assign: () => void): void {
    const { map } = this
    if (map.watched) {
      refuse(map.observers?.mapName ?? '', 'this view was got from its map before the map had an '
        + 'index or a listener')
    }
    map.session.change(assign)
  }

  get minds(): boolean {
    return this.map.observers !== undefined && this.map.observers.minding
  }
}

/** Of records of a type that were reached by refs: O3. */
export class RefOwner implements Owner {
  constructor(private readonly session: Session, private readonly typeId: number) {}

  assigning(assign: () => void, typeId = 0): void {
    const { session } = this
    const map = this.indexedMap(typeId !== this.typeId)
    if (map !== '') {
      refuse(map, `records of this type are indexed by the map ${JSON.stringify(map)}, and this `
        + 'view was not got from it')
    }
    session.change(assign)
  }

  get minds(): boolean {
    return this.indexedMap(true) !== ''
  }

  private indexedMap(isInside: boolean): string {
    return this.session.structures.indexedMap(this.session, this.typeId, isInside)
  }
}
