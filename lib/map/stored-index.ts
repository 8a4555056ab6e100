/** Indexes in the catalog: declared, made, opened, and made anew for later versions of records. */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import type { Ref } from '../space/ref.js'
import { createTree, openTree } from '../tree/open.js'
import { compareKeys } from '../types/compatible.js'
import type { Session } from '../types/context.js'
import { throwMismatch } from '../types/registry.js'
import type { AnyType } from '../types/type.js'
import type { Directory, Entry } from './directory.js'
import { byFields, declarationOf, fieldOf } from './index-declaration.js'
import type { Declaration, IndexBy, IndexOptions } from './index-declaration.js'
import { IndexHandle } from './index-handle.js'
import { checkShape, shapeOf, storeShape, throwDamaged } from './index-shape.js'
import type { OrderedMap } from './ordered-map.js'
import { fillIndex, PairCodec, SecondaryIndex } from './secondary-index.js'
import type { IndexShape } from './secondary-index.js'

function makeIndex(
  map: OrderedMap,
  name: string,
  declared: Declaration,
  root: Ref,
): SecondaryIndex {
  const { shape, keyType, compute } = declared
  return new SecondaryIndex(
    map.session,
    map.observers!.mapName,
    name,
    shape,
    keyType,
    map.codec,
    compute,
    root,
  )
}

/**
 * An index by fields that is stored already: what is needed to keep it right is stored with it. Its
 * keys are of the type that is stored: a program with a later version of the records has not
 * changed anything yet (later-versions.ts, U2).
 */
export function storedIndex(
  map: OrderedMap,
  name: string,
  shape: IndexShape,
  entry: Entry,
): SecondaryIndex {
  try {
    const declared = byFields(map, shape.by!, shape.unique)
    const keyType = map.session.registry.typeOf(entry.keyType)
    return makeIndex(map, name, { ...declared, keyType }, entry.root)
  } catch (cause) {
    return throwDamaged(map.session, entry, cause)
  }
}

/** Whether records without a field that has a default read otherwise than in an earlier version. */
function isOtherDefault(map: OrderedMap, path: string, earlier: AnyType): boolean {
  const type = fieldOf(map, path)
  return type.kind === 'default'
    && type.descriptorText !== fieldOf(map, path, earlier).descriptorText
}

/**
 * U2 of later-versions.ts, for one index of a map that has its later version already.
 *
 * @param earlier the records' type before
 */
export function rekeyIndex(
  map: OrderedMap, directory: Directory, entry: Entry, earlier: AnyType,
): void {
  const { registry, space } = map.session
  const shape = shapeOf(map.session, entry)
  if (shape.by === null) return
  const declared = byFields(map, shape.by, shape.unique)
  const stored = registry.typeOf(entry.keyType)
  const isOther = compareKeys(stored, declared.keyType, '') !== null
    || shape.by.some((path) => isOtherDefault(map, path, earlier))
  if (isOther) {
    const { kind } = new PairCodec(stored.key!, map.codec)
    openTree(space, kind, entry.root).drop()
    const root = createIndexTree(map, declared)
    directory.set(entry, 'root', root)
    const name = entry.name.slice(entry.name.indexOf('\0') + 1)
    fillIndex(map, makeIndex(map, name, declared, root))
  }
  directory.set(entry, 'keyType', registry.idOf(declared.keyType))
}

function createIndexTree(map: OrderedMap, { keyType }: Declaration): Ref {
  const { kind } = new PairCodec(keyType.key!, map.codec)
  return createTree(map.session.space, kind,
    { typeId: C.TYPE_NODE, valueBytes: 0, rootBytes: C.PAGE_BYTES })
}

function checkStored(
  session: Session,
  entry: Entry,
  name: string,
  { shape, keyType }: Declaration,
): void {
  checkShape(name, shapeOf(session, entry), shape)
  const mismatch = compareKeys(session.registry.typeOf(entry.keyType), keyType, name)
  if (mismatch !== null) throwMismatch(`index ${JSON.stringify(name)}`, mismatch)
}

/** Whether only its keys differ, because a field was widened. */
function isOfEarlierKeys(session: Session, entry: Entry, { shape, keyType }: Declaration): boolean {
  return shape.by !== null
    && JSON.stringify(shapeOf(session, entry)) === JSON.stringify(shape)
    && compareKeys(session.registry.typeOf(entry.keyType), keyType, '') !== null
}

/** U2 of later-versions.ts, where it can be done: whoever only reads is told of the other type. */
function upgradeNow(session: Session): void {
  try {
    session.transactOrJoin(() => session.enterWrite())
  } catch (error) {
    if (!(error instanceof RStoreError) || error.code !== 'RSTORE_READ_ONLY') throw error
  }
}

function checkMapAndName({ label, observers }: OrderedMap, name: unknown): void {
  if (observers === undefined)
    throw new TypeError(`${label} cannot have indexes: only maps with a name can`)
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    throw new TypeError(
      'the name of an index must be a string that is not empty and has no NUL in it',
    )
  }
}

/** See RMap.index. */
export function declareIndex(
  map: OrderedMap, name: string, by: IndexBy, options: IndexOptions,
): IndexHandle {
  checkMapAndName(map, name)
  const { session } = map
  map.enter()
  const declared = declarationOf(map, by, options, storedKeyType(map, name))
  const entry = entryOf(map, name)
  if (entry !== undefined && isOfEarlierKeys(session, entry, declared)) upgradeNow(session)
  if (entryOf(map, name) !== undefined) adopt(map, name, declared)
  else session.transactOrJoin(() => makeOrAdopt(map, name, by, options, declared))
  map.observers!.changed()
  return new IndexHandle(map, name, declared.shape)
}

function entryOf({ observers }: OrderedMap, name: string): Entry | undefined {
  return observers!.directory.find(`${observers!.mapName}\0${name}`)
}

function storedKeyType(map: OrderedMap, name: string): AnyType | undefined {
  const entry = entryOf(map, name)
  return entry === undefined ? undefined : map.session.registry.typeOf(entry.keyType)
}

/** Another process may have made it since this one looked. */
function makeOrAdopt(
  map: OrderedMap, name: string, by: IndexBy, options: IndexOptions, declared: Declaration,
): void {
  map.session.enterWrite()
  map.enter()
  const stored = storedKeyType(map, name)
  if (stored === undefined) createIndex(map, name, declared)
  else adopt(map, name, declarationOf(map, by, options, stored))
}

/** From now on the index that is stored is kept right as it is declared. */
function adopt(map: OrderedMap, name: string, declared: Declaration): void {
  const { indexes, undeclared } = map.observers!
  const entry = entryOf(map, name)!
  checkStored(map.session, entry, name, declared)
  indexes.set(name, makeIndex(map, name, declared, entry.root))
  undeclared.delete(name)
}

function createIndex(map: OrderedMap, name: string, declared: Declaration): void {
  const { session } = map
  const observers = map.observers!
  session.atomically(() => {
    const root = createIndexTree(map, declared)
    observers.directory.add(`${observers.mapName}\0${name}`, {
      kind: C.ENTRY_INDEX,
      root,
      keyType: session.registry.idOf(declared.keyType),
      valueType: session.registry.idOf(map.keyType),
      auxiliary: storeShape(session, declared.shape),
    })
    const index = makeIndex(map, name, declared, root)
    fillIndex(map, index)
    observers.indexes.set(name, index)
  })
}
