/** What lib/map does for lib/types: maps inside records. One for each session. */
import { SMALL_ROOT_BYTES, createTree, openTree } from '../tree/open.js'
import type { Ref } from '../space/ref.js'
import type { Lease, Session, Structures } from '../types/context.js'
import { MapType, type MultimapType } from '../types/map/map.js'
import type { VisitRef } from '../types/type.js'
import type { AnyTree } from './handle.js'
import { createMultimap, OrderedMultimap } from './multimap.js'
import { OrderedMap } from './ordered-map.js'
import { leafBytesOf, valuesOf } from './values.js'

/** Finds the indexed map whose records are of a stored type: the catalog's part. */
export type FindIndexed = (typeId: number) => string

export class MapStructures implements Structures {
  findIndexed: FindIndexed = () => ''

  createMap(session: Session, type: MapType | MultimapType, entries: Iterable<unknown>): Ref {
    const root =
      type instanceof MapType
        ? createMapRoot(session, type, SMALL_ROOT_BYTES)
        : createMultimap(session, type, false)
    this.#fill(session, type, root, entries)
    return root
  }

  #open(lease: Lease, type: MapType | MultimapType, root: Ref): OrderedMap | OrderedMultimap {
    const { session } = lease
    return type instanceof MapType
      ? new OrderedMap(session, type.keyType, type.valueType, undefined, undefined, lease).open(
          root,
        )
      : new OrderedMultimap(session, type, undefined, lease).open(root)
  }

  #fill(
    session: Session,
    type: MapType | MultimapType,
    root: Ref,
    entries: Iterable<unknown>,
  ): void {
    const map = this.#open(session.lease, type, root)
    for (const entry of entries) {
      const [key, value] = entry as [unknown, unknown]
      if (map instanceof OrderedMap) map.putPrepared(key, value)
      else map.addPart(key, value)
    }
  }

  refillMap(
    session: Session,
    type: MapType | MultimapType,
    root: Ref,
    entries: Iterable<unknown>,
  ): void {
    this.#open(session.lease, type, root).clearPart()
    this.#fill(session, type, root, entries)
  }

  openMap(lease: Lease, type: MapType | MultimapType, root: Ref): unknown {
    lease.session.registry.checkCell(type, root, 'a map in a record')
    return this.#open(lease, type, root)
  }

  freeMap(session: Session, type: MapType | MultimapType, root: Ref): void {
    const map = this.#open(session.lease, type, root)
    map.drop()
  }

  visitMap(
    session: Session,
    type: MapType | MultimapType,
    root: Ref,
    visit: VisitRef,
    path: string,
  ): void {
    if (!(type instanceof MapType)) return
    const values = valuesOf(session, type.valueType)
    const cursor = (openTree(session.space, type.codec.kind, root) as AnyTree).cursor()
    for (let there = cursor.first(); there; there = cursor.next()) {
      const key = type.codec.decode(cursor.key())
      values.visit(cursor.window, cursor.valueIndex, visit, `${path}[${String(key)}]`)
    }
    cursor.close()
  }

  indexedMap(_session: Session, typeId: number): string {
    return this.findIndexed(typeId)
  }
}

/** A new empty map. */
export function createMapRoot(session: Session, type: MapType, rootBytes: number): Ref {
  return createTree(session.space, type.codec.kind,
    { typeId: session.registry.idOf(type), valueBytes: leafBytesOf(type.valueType), rootBytes })
}

export const createStructures = (): MapStructures => new MapStructures()
