/**
 * What a region has names for, opened with the types that are stored with it, by whoever has no
 * types of their own.
 */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { entryTypesOf, KINDS, ROOT_NAME, type Entry } from '../map/directory.js'
import { shapeOf } from '../map/index-shape.js'
import { OrderedMultimap } from '../map/multimap.js'
import { OrderedMap } from '../map/ordered-map.js'
import type { RegionBase } from '../region/base/read-region.js'
import { Packed } from '../region/packed/packed.js'
import { type Ref } from '../space/ref.js'
import type { Session } from '../types/context.js'
import { typeFromText } from '../types/descriptor.js'
import type { Type } from '../types/infer.js'
import { MultimapType } from '../types/map/map.js'
import type { AnyType, Descriptor } from '../types/type.js'

/** A secondary index of a map. */
export interface IndexSchema {
  name: string
  /** Fields; null when it is by a function, which only the program knows. */
  by: readonly string[] | null
  unique: boolean
}

/** What a name stands for, in JSON: descriptors are described in formats/SPEC.md. */
export interface NameSchema {
  name: string
  kind: 'map' | 'multimap' | 'value'
  /** Of maps and multimaps. */
  key?: Descriptor
  value: Descriptor
  indexes?: IndexSchema[]
}

/** A type from its descriptor, as a schema has it. Throws a SyntaxError or TypeError on others. */
export const typeFromDescriptor = (descriptor: Descriptor): Type<any, any> =>
  typeFromText(JSON.stringify(descriptor)) as unknown as Type<any, any>

/** What a name stands for, found in a region. */
export interface Named {
  readonly schema: NameSchema
  readonly root: Ref
  /** The stored types; `key` undefined for a value. */
  readonly key: AnyType | undefined
  readonly value: AnyType
  /** False for the root of a packed region, of which the catalog does not know. */
  readonly isEntry: boolean
}

/** As stored: a descriptor that stands for itself. */
export const descriptorOf = (type: AnyType): Descriptor =>
  JSON.parse(type.descriptorText) as Descriptor

function indexesOf(region: RegionBase, name: string): IndexSchema[] {
  const { session, catalog: { directory } } = region
  return directory.indexesOf(name).map((entry) => {
    const { by, unique } = shapeOf(session, entry)
    return { name: entry.name.slice(name.length + 1), by, unique }
  })
}

function fromEntry(region: RegionBase, entry: Entry): Named {
  const { registry } = region.session
  const { name, kind, root } = entry
  const value = registry.typeOf(entry.valueType)
  const key = kind === C.ENTRY_VALUE ? undefined : registry.typeOf(entry.keyType)
  const indexes = indexesOf(region, name)
  const schema: NameSchema = {
    name,
    kind: KINDS[kind] as NameSchema['kind'],
    ...key === undefined ? {} : { key: descriptorOf(key) },
    value: descriptorOf(value),
    ...indexes.length === 0 ? {} : { indexes },
  }
  return { schema, root, key, value, isEntry: true }
}

/** The root of a packed region, under the name that it has when it is thawed. */
function rootOf({ session }: Packed): Named {
  const root = session.opened.rootRef as Ref
  const type = session.registry.typeOfCell(root)
  const { kind, keyType: key, valueType: value } = entryTypesOf(type)
  const schema: NameSchema = {
    name: ROOT_NAME,
    kind: KINDS[kind] as NameSchema['kind'],
    ...key === undefined ? {} : { key: descriptorOf(key) },
    value: descriptorOf(value),
  }
  return { schema, root, key, value, isEntry: false }
}

/** All names, in their order; of a packed region its root, too, unless something has that name. */
export function namedIn(region: RegionBase): Named[] {
  const { session, catalog: { directory } } = region
  session.assertOpen()
  session.enter()
  const named = Array.from(directory.list())
    .filter(({ kind }) => kind !== C.ENTRY_INDEX)
    .map((entry) => fromEntry(region, entry))
  const isTaken = named.some(({ schema }) => schema.name === ROOT_NAME)
  if (region instanceof Packed && !isTaken) named.push(rootOf(region))
  session.leave()
  return named
}

/** Throws RSTORE_NOT_FOUND. */
export function findNamed(region: RegionBase, name: string): Named {
  const { session, catalog: { directory } } = region
  session.assertOpen()
  session.enter()
  const entry = name.includes('\0') ? undefined : directory.find(name)
  const found = entry !== undefined ? fromEntry(region, entry)
    : region instanceof Packed && name === ROOT_NAME ? rootOf(region) : undefined
  session.leave()
  if (found !== undefined) return found
  throw new RStoreError('RSTORE_NOT_FOUND',
    `there is no ${JSON.stringify(name)} in this region; "rstore names" lists what there is`,
    { name })
}

/** A map that is read where it is, without its indexes. */
export function openMap(
  session: Session, { schema, root }: Named, key: AnyType, value: AnyType,
): OrderedMap | OrderedMultimap {
  const { lease } = session
  return schema.kind === 'map'
    ? new OrderedMap(session, key, value, undefined, undefined, lease).open(root)
    : new OrderedMultimap(session, new MultimapType(key, value), undefined, lease).open(root)
}

/** A value by its ref; undefined where the ref is 0. */
export const readValue = (session: Session, type: AnyType, ref: number): unknown =>
  ref === 0 ? undefined : type.readCell(session.lease, ref, undefined)
