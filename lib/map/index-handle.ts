/** Declaring secondary indexes, and what a user has of one. */
import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { createTree, openTree } from '../tree/open.js'
import type { KeyForm } from '../types/keys.js'
import { CONTENT_OFFSET, createContent, windowOfContent } from '../types/boxes.js'
import { compareKeys } from '../types/compatible.js'
import { throwMismatch } from '../types/registry.js'
import { StructType } from '../types/struct/struct.js'
import { readText, show, textBytes, writeText } from '../types/text.js'
import { TupleType } from '../types/tuple/tuple.js'
import { typeFrom, type AnyType } from '../types/type.js'
import type { Directory, Entry } from './directory.js'
import { TakingIterator, type Steps } from './iterate.js'
import type { OrderedMap } from './ordered-map.js'
import { boundsOf } from './ranges.js'
import {
  PairCodec,
  SecondaryIndex,
  type IndexFunction,
  type IndexShape,
} from './secondary-index.js'
import { Walker } from './walker.js'
import type { Ref } from '../space/ref.js'
import type { Session } from '../types/context.js'

export interface IndexOptions {
  key?: unknown
  unique?: boolean
}

type Compute = (value: unknown, key: unknown) => unknown

/** A declared index: what it is, and how a record's index key is found. */
interface Declaration {
  readonly shape: IndexShape
  readonly keyType: AnyType
  readonly compute: Compute
}

/** A field of records as it is declared, in the version that is given. */
function fieldOf(map: OrderedMap, path: string, version = map.valueType): AnyType {
  let type = version
  for (const name of path.split('.')) {
    const field = type instanceof StructType ? type.fields.find(([own]) => own === name) : undefined
    if (field === undefined) {
      throw new TypeError(
        `${map.label}: an index by ${JSON.stringify(path)}, but records have no such field`,
      )
    }
    type = field[1]
  }
  return type
}

const withoutDefault = (type: AnyType): AnyType =>
  type.kind === 'optional' || type.kind === 'default'
    ? (type as AnyType & { inner: AnyType }).inner
    : type

const readPath = (value: unknown, names: readonly string[]): unknown => {
  let inner = value
  for (const name of names) inner = (inner as Record<string, unknown>)[name]
  return inner
}

/** By fields: undefined as soon as one of them is. */
function byFields(map: OrderedMap, fields: readonly string[], unique: boolean): Declaration {
  if (fields.length === 0) throw new TypeError('an index by no fields')
  const types = fields.map((field) => withoutDefault(fieldOf(map, field)))
  const paths = fields.map((field) => field.split('.'))
  const keyType = types.length === 1 ? types[0]! : new TupleType(types)
  if (keyType.key === null) {
    throw new TypeError(`${map.label}: the fields ${fields.join(', ')} cannot be keys of an index`)
  }
  const [first] = paths
  const compute: Compute = paths.length === 1 ? (value) => readPath(value, first!) : (value) => {
    const keys = paths.map((path) => readPath(value, path))
    return keys.includes(undefined) ? undefined : keys
  }
  return { shape: { by: fields, unique }, keyType, compute }
}

function byFunction(map: OrderedMap, fn: IndexFunction, options: IndexOptions): Declaration {
  if (options.key === undefined) {
    throw new TypeError(
      `${map.label}: an index by a function needs the type of its keys: { key: t.… }`,
    )
  }
  const keyType = typeFrom(options.key, 'index option key')
  if (keyType.key === null) throw new TypeError(`index option key: ${keyType.kind} cannot be a key`)
  return { shape: { by: null, unique: options.unique === true }, keyType, compute: fn as Compute }
}

function declarationOf(
  map: OrderedMap, by: string | readonly string[] | IndexFunction, options: IndexOptions,
): Declaration {
  if (typeof by === 'function') return byFunction(map, by, options)
  if (typeof by !== 'string' && !Array.isArray(by)) {
    throw new TypeError(`an index is by a field's name, several, or a function; got ${show(by)}`)
  }
  const declared = byFields(
    map,
    typeof by === 'string' ? [by] : (by as readonly string[]),
    options.unique === true,
  )
  if (options.key === undefined) return declared
  const mismatch = compareKeys(declared.keyType, typeFrom(options.key, 'index option key'), 'index')
  if (mismatch !== null) throw new TypeError(`index option key: ${mismatch.path} ${mismatch.how}`)
  return declared
}

function throwDamaged(session: Session, { name, auxiliary }: Entry, cause: unknown): never {
  session.leave()
  const [map, index] = name.split('\0').map((part) => JSON.stringify(part))
  throw new RStoreError(
    'RSTORE_CORRUPT',
    `the stored description of index ${index} of map ${map} is damaged`
      + ` (${(cause as Error).message}): run verify()`,
    { ref: auxiliary },
  )
}

function isShape(value: unknown): value is IndexShape {
  const { by, unique } = Object(value) as Partial<IndexShape>
  const isFields = Array.isArray(by) && by.every((field) => typeof field === 'string')
  return (by === null || isFields) && typeof unique === 'boolean'
}

/** The stored description of an index. */
export function shapeOf(session: Session, entry: Entry): IndexShape {
  const window = windowOfContent(
    session.lease,
    entry.auxiliary,
    C.TYPE_DESCRIPTOR,
    'an index descriptor',
  )
  const at = (entry.auxiliary & 0x0fff_ffff) << 3
  try {
    const shape: unknown = JSON.parse(
      readText(window.u8, at + CONTENT_OFFSET, window.u32[(at >>> 2) + 2]!),
    )
    if (isShape(shape)) return shape
  } catch (cause) {
    throwDamaged(session, entry, cause)
  }
  return throwDamaged(session, entry, new Error('it says neither fields nor none'))
}

function storeShape(session: Session, shape: IndexShape): Ref {
  const text = JSON.stringify(shape)
  const bytes = textBytes(text)
  const ref = createContent(session, C.TYPE_DESCRIPTOR, bytes)
  writeText(
    session.space.windowOf(ref).u8,
    ((ref & 0x0fff_ffff) << 3) + CONTENT_OFFSET,
    text,
    bytes,
  )
  return ref
}

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
 * changed anything yet (catalog.ts, U2).
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
 * U2 of catalog.ts, for one index of a map that has its later version already.
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
  const stored = shapeOf(session, entry)
  const wanted = JSON.stringify(shape)
  if (JSON.stringify(stored) !== wanted) {
    throwMismatch(
      `index ${JSON.stringify(name)}`,
      name,
      `is stored as ${JSON.stringify(stored)}, but declared as ${wanted}`,
    )
  }
  const mismatch = compareKeys(session.registry.typeOf(entry.keyType), keyType, name)
  if (mismatch !== null) throwMismatch(`index ${JSON.stringify(name)}`, mismatch.path, mismatch.how)
}

/** Whether only its keys differ, because a field was widened. */
function isOfEarlierKeys(session: Session, entry: Entry, { shape, keyType }: Declaration): boolean {
  return shape.by !== null
    && JSON.stringify(shapeOf(session, entry)) === JSON.stringify(shape)
    && compareKeys(session.registry.typeOf(entry.keyType), keyType, '') !== null
}

/** U2 of catalog.ts, where it can be done: whoever only reads is told of the other type. */
function upgradeNow(session: Session): void {
  try {
    session.transactOrJoin(() => session.enterWrite())
  } catch (error) {
    if (!(error instanceof RStoreError) || error.code !== 'RSTORE_READ_ONLY') throw error
  }
}

/** See RMap.index. */
export function declareIndex(
  map: OrderedMap,
  name: string,
  by: string | readonly string[] | IndexFunction,
  options: IndexOptions,
): IndexHandle {
  const { observers, session } = map
  if (observers === undefined)
    throw new TypeError(`${map.label} cannot have indexes: only maps with a name can`)
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    throw new TypeError(
      'the name of an index must be a string that is not empty and has no NUL in it',
    )
  }
  const declared = declarationOf(map, by, options)
  map.enter()
  const { directory } = observers
  const find = (): Entry | undefined => directory.find(`${observers.mapName}\0${name}`)
  let entry = find()
  if (entry !== undefined && isOfEarlierKeys(session, entry, declared)) {
    upgradeNow(session)
    entry = find()
  }
  if (entry !== undefined) {
    checkStored(session, entry, name, declared)
    observers.indexes.set(name, makeIndex(map, name, declared, entry.root))
    observers.undeclared.delete(name)
  } else {
    session.transactOrJoin(() => createIndex(map, directory, name, declared))
  }
  observers.changed()
  return new IndexHandle(map, name)
}

function createIndex(
  map: OrderedMap,
  directory: Directory,
  name: string,
  declared: Declaration,
): void {
  const { session } = map
  const observers = map.observers!
  session.atomically(() => {
    session.enterWrite()
    map.enter()
    const root = createIndexTree(map, declared)
    directory.add(`${observers.mapName}\0${name}`, {
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

/** Computes all entries, sorts them, and loads them densely. */
export function fillIndex(map: OrderedMap, index: SecondaryIndex): void {
  const forms: KeyForm[] = []
  map.forEach((value, key) => {
    const form = index.formOf(value, key)
    if (form !== null) forms.push(form)
  })
  forms.sort((a, b) => index.tree.compare(a, b))
  if (index.shape.unique) {
    for (const form of forms) index.move(null, form)
    return
  }
  const loader = index.tree.loader()
  for (const form of forms) loader.append(form)
  loader.finish()
}

/** A secondary index, as a user has it: see Index. */
export class IndexHandle {
  readonly #map: OrderedMap
  readonly #name: string

  constructor(map: OrderedMap, name: string) {
    this.#map = map
    this.#name = name
  }

  /** Enters the session; finds the index, which may have gone with a rollback or its map. */
  #enter(): SecondaryIndex {
    const { session } = this.#map
    this.#map.enter()
    // What goes through it may make changes on the way, with which it would be made anew.
    if (session.writable && session.upgradeExpected) {
      session.enterWrite()
      this.#map.enter()
    }
    const index = this.#map.observers!.indexes.get(this.#name)
    if (index !== undefined) return index
    throw new RStoreError(
      'RSTORE_NOT_FOUND',
      `index ${JSON.stringify(this.#name)} of ${this.#map.label} is not there any more: declare ` +
        `it again`,
      { index: this.#name },
    )
  }

  get(indexKey: unknown): unknown {
    const key = this.#enter().first(indexKey)
    return key === null ? undefined : this.#map.get(key)
  }

  keys(range?: unknown): IterableIterator<unknown> {
    return this.#iterate(range, (index, { cursor }) => index.codec.keyOf(cursor.key()))
  }
  values(range?: unknown): IterableIterator<unknown> {
    return this.#iterate(range, (index, { cursor }) =>
      this.#map.get(index.codec.keyOf(cursor.key())),
    )
  }
  entries(range?: unknown): IterableIterator<[unknown, unknown, unknown]> {
    return this.#iterate(range, (index, { cursor }): [unknown, unknown, unknown] => {
      const form = cursor.key()
      const [indexKey, key] = [index.codec.indexKeyOf(form), index.codec.keyOf(form)]
      return [indexKey, key, this.#map.get(key)]
    })
  }

  #iterate<T>(
    range: unknown,
    take: (index: SecondaryIndex, walker: Walker) => T,
  ): IterableIterator<T> {
    const index = this.#enter()
    const walker = new Walker(index.tree, boundsOf(range, index.codec))
    return new TakingIterator(this.#stepsOf(index), walker, (at) => take(index, at))
  }

  /** An iteration cannot go on when the index was made anew with keys of another type. */
  #stepsOf(index: SecondaryIndex): Steps {
    const map = this.#map
    let { serial } = map.session
    return {
      enter: () => {
        map.enter()
        if (serial === map.session.serial) return
        const current = this.#enter()
        if (current !== index && !current.fits(index.shape, index.keyType)) {
          throw new RStoreError('RSTORE_STALE_VIEW',
            `index ${JSON.stringify(this.#name)} of ${map.label} was made anew for a later version `
            + 'of the records: begin the iteration again', { index: this.#name })
        }
        serial = map.session.serial
      },
      leave: () => map.leave(),
    }
  }

  rebuild(): void {
    const { session } = this.#map
    this.#enter()
    session.transactOrJoin(() =>
      session.atomically(() => {
        const index = this.#enter()
        index.tree.clear()
        fillIndex(this.#map, index)
      }),
    )
  }
}
