/**
 * What lib/map does for lib/types: maps inside records. One for each session.
 *
 * A program with a later version of a type finds maps that an older one has made.
 *  M1. The cell of such a map says of which types its keys and values are, and they obey them: what
 *      is put in by a later version must be what the older one can read, as in a field of the
 *      record. Values in cells of their own say themselves what they are.
 *  M2. A map that is given other entries as a whole becomes one of the later version.
 */
import { SMALL_ROOT_BYTES, createTree, openTree } from '../tree/open.js'
import type { Ref } from '../space/ref.js'
import type { Lease, Owner, Session, Structures } from '../types/context.js'
import { MapType, type MultimapType } from '../types/map/map.js'
import type { VisitRef } from '../types/type.js'
import type { AnyTree } from './handle.js'
import { createMultimap, OrderedMultimap } from './multimap.js'
import { OrderedMap } from './ordered-map.js'
import { OwnedMap } from './owned-map.js'
import { RefOwner } from './owners.js'
import { leafBytesOf, valuesOf } from './values.js'

/** Finds the indexed map whose records are of a stored type: the catalog's part. */
export type FindIndexed = (typeId: number, isInside: boolean) => string

export class MapStructures implements Structures {
  findIndexed: FindIndexed = () => ''
  /** The catalog's part. */
  upgradeTypes: () => void = () => {}
  /** M1: the types that were made of two versions, by the serials of both. */
  private readonly mixed = new Map<string, MapType>()
  /** By type id. */
  private readonly byRef: RefOwner[] = []

  createMap(session: Session, type: MapType | MultimapType, entries: Iterable<unknown>): Ref {
    const root =
      type instanceof MapType
        ? createMapRoot(session, type, SMALL_ROOT_BYTES)
        : createMultimap(session, type, false)
    this.fill(session, type, root, entries)
    return root
  }

  private open(
    lease: Lease, type: MapType | MultimapType, root: Ref, owner?: Owner,
  ): OrderedMap | OrderedMultimap {
    const { session } = lease
    if (!(type instanceof MapType))
      return new OrderedMultimap(session, type, undefined, lease, owner).open(root)
    const { keyType, valueType } = type
    return (owner === undefined
      ? new OrderedMap(session, keyType, valueType, undefined, undefined, lease)
      : new OwnedMap(session, keyType, valueType, lease, owner)).open(root)
  }

  private fill(
    session: Session,
    type: MapType | MultimapType,
    root: Ref,
    entries: Iterable<unknown>,
  ): void {
    const map = this.open(session.lease, type, root)
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
    this.openAsStored(session.lease, type, root).clearPart()
    session.registry.retype(session.space, root, type)
    this.fill(session, type, root, entries)
  }

  openMap(
    lease: Lease, type: MapType | MultimapType, root: Ref, owner: Owner | undefined,
  ): unknown {
    lease.session.registry.checkCell(type, root, 'a map in a record')
    const { session } = lease
    return this.openAsStored(lease, type, root,
      owner ?? this.ownerByRef(session, session.space.typeIdOf(root)))
  }

  /** M1. */
  private openAsStored(
    lease: Lease, type: MapType | MultimapType, root: Ref, owner?: Owner,
  ): OrderedMap | OrderedMultimap {
    const { registry, space } = lease.session
    const typeId = space.typeIdOf(root)
    if (registry.bindingOf(type).typeId === typeId) return this.open(lease, type, root, owner)
    const stored = registry.typeOf(typeId) as MapType | MultimapType
    const own = stored instanceof MapType && type instanceof MapType
      ? this.mixedOf(stored, type) : stored
    return this.open(lease, own, root, owner)
  }

  private mixedOf(stored: MapType, type: MapType): MapType {
    const { keyType, valueType } = stored
    const keepsValue = valueType.inLeaf
      && (valueType.kind === 'enum' || valueType.kind !== type.valueType.kind)
    if (!keepsValue && keyType.descriptorText === type.keyType.descriptorText) return type
    const pair = `${stored.serial}:${type.serial}`
    const known = this.mixed.get(pair)
    if (known !== undefined) return known
    const mixed = new MapType(keyType, keepsValue ? valueType : type.valueType)
    this.mixed.set(pair, mixed)
    return mixed
  }

  freeMap(session: Session, type: MapType | MultimapType, root: Ref): void {
    const map = this.open(session.lease, type, root)
    map.dropPart()
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

  ownerByRef(session: Session, typeId: number): Owner {
    return this.byRef[typeId] ??= new RefOwner(session, typeId)
  }

  indexedMap(_session: Session, typeId: number, isInside: boolean): string {
    return this.findIndexed(typeId, isInside)
  }
}

/** A new empty map. */
export function createMapRoot(session: Session, type: MapType, rootBytes: number): Ref {
  return createTree(session.space, type.codec.kind,
    { typeId: session.registry.idOf(type), valueBytes: leafBytesOf(type.valueType), rootBytes })
}

export const createStructures = (): MapStructures => new MapStructures()
