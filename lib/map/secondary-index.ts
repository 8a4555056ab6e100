/**
 * A secondary index: a set of (index key, key of the map), in the order of the index keys, kept
 * right in the transaction that changes the map.
 *
 * Where both keys are compared as u32, an entry is a u64 of the two; else it is the bytes of the
 * two as of a tuple. There are no values. An index entry exists for exactly those records for which
 * the fields, or the function, give something other than undefined.
 */
import { RStoreError } from '../errors.js'
import type { Ref } from '../space/ref.js'
import { KeyBuffer, MAXIMUM_KEY_BYTES, PairKey, type KeyKind } from '../tree/keys.js'
import { openTree } from '../tree/open.js'
import type { Session } from '../types/context.js'
import { PartReader, toSuccessor, type KeyCodec, type KeyForm } from '../types/keys.js'
import { show } from '../types/text.js'
import { compareKeys } from '../types/compatible.js'
import type { AnyType } from '../types/type.js'
import { treeAt, type AnyTree } from './handle.js'
import type { OrderedMap } from './ordered-map.js'
import { encodingEnd, StartEnds } from './ranges.js'

export type IndexFunction = (value: never, key: never) => unknown

/** What an index is, as it is stored and as it is compared. */
export interface IndexShape {
  /** Null: a function. */
  readonly by: readonly string[] | null
  readonly unique: boolean
}

/** S1. */
export const MAXIMUM_ENTRY_BYTES = 4 * MAXIMUM_KEY_BYTES

/** S1. @param indexKeyBytes of the index key, as it is in the entry */
function checkEntryLength(indexKeyBytes: number, entryBytes: number, where: string): void {
  if (entryBytes <= MAXIMUM_ENTRY_BYTES) return
  const keyBytes = entryBytes - indexKeyBytes
  throw new RStoreError('RSTORE_KEY_TOO_LONG',
    `${where}: an index key of ${indexKeyBytes} bytes for a record whose key has ${keyBytes}; `
    + `together at most ${MAXIMUM_ENTRY_BYTES} are possible. Index a hash of it, or a part`,
    { indexKeyBytes, keyBytes, maximum: MAXIMUM_ENTRY_BYTES })
}

/** How pairs become keys of the index's tree. */
export class PairCodec extends StartEnds {
  readonly kind: KeyKind

  constructor(
    readonly index: KeyCodec<unknown>,
    readonly primary: KeyCodec<unknown>,
  ) {
    super()
    this.kind = index.kind === 'u32' && primary.kind === 'u32' ? 'u64' : 'bytes'
  }

  encode(indexKey: unknown, key: unknown, where: string): KeyForm {
    if (this.kind === 'u64') {
      return new PairKey(
        this.index.encode(indexKey, 0, where) as number,
        this.primary.encode(key, 0, where) as number,
      )
    }
    const form = this.prefix(indexKey, where)
    const { length } = form
    this.primary.appendPart(form, key, true, where)
    checkEntryLength(length, form.length, where)
    return form
  }

  private prefix(indexKey: unknown, where: string): KeyBuffer {
    const form = new KeyBuffer(64)
    this.index.appendPart(form, indexKey, false, where)
    return form
  }

  indexKeyOf(form: KeyForm): unknown {
    return this.kind === 'u64' ? this.index.decode((form as PairKey).high)
      : this.index.readPart(new PartReader(form as KeyBuffer), false)
  }

  keyOf(form: KeyForm): unknown {
    if (this.kind === 'u64') return this.primary.decode((form as PairKey).low)
    const reader = new PartReader(form as KeyBuffer)
    this.index.readPart(reader, false)
    return this.primary.readPart(reader, true)
  }

  /** What all pairs with an index key begin with: it sorts before them, and behind lower ones. */
  startOf(indexKey: unknown): KeyForm {
    return this.kind === 'u64'
      ? new PairKey(this.index.encode(indexKey, 0, 'index key') as number, 0)
      : this.prefix(indexKey, 'index key')
  }

  /** An end may be the first elements of an index key. */
  protected override start(end: unknown): KeyForm {
    if (!this.index.isStart(end)) {
      return encodingEnd(this.index, end, 'index key', () => this.startOf(end))
    }
    const form = new KeyBuffer(64)
    this.index.appendStart(form, end, 'index key')
    return form
  }

  protected override behind(end: unknown): KeyForm | undefined {
    const form = this.start(end)
    if (this.kind === 'bytes') return toSuccessor(form as KeyBuffer) ? form : undefined
    const pair = form as PairKey
    return pair.high === 0xffff_ffff ? undefined : new PairKey(pair.high + 1, 0)
  }
}

export class SecondaryIndex {
  readonly codec: PairCodec
  private root: Ref
  tree: AnyTree
  /** For messages. */
  private readonly label: string

  constructor(
    readonly session: Session,
    readonly mapName: string,
    readonly name: string,
    readonly shape: IndexShape,
    readonly keyType: AnyType,
    primary: KeyCodec<unknown>,
    readonly compute: (value: unknown, key: unknown) => unknown,
    root: Ref,
  ) {
    this.codec = new PairCodec(keyType.key!, primary)
    this.label = `index ${JSON.stringify(name)}`
    this.root = root
    this.tree = openTree(session.space, this.codec.kind, root) as AnyTree
  }

  /** Whether it is this index that is stored, and can be kept with the type of its keys. */
  fits({ by, unique }: IndexShape, stored: AnyType): boolean {
    return by?.join('\0') === this.shape.by?.join('\0') && unique === this.shape.unique
      && compareKeys(stored, this.keyType, '') === null
  }

  /** After the catalog was read again. */
  follow(root: Ref): void {
    if (root === this.root) return
    this.root = root
    this.tree = treeAt(this.tree, this.session, this.codec.kind, root)
  }

  /** The entry of a record; null when it has none. A function of the user has a key of its own. */
  formOf(value: unknown, key: unknown): KeyForm | null {
    const given = this.shape.by === null ? this.codec.primary.keep(key, this.label) : key
    const indexKey = this.compute(value, given)
    return indexKey === undefined ? null : this.codec.encode(indexKey, key, this.label)
  }

  /** Takes one entry out and puts another in. Throws RSTORE_UNIQUE. */
  move(before: KeyForm | null, after: KeyForm | null): void {
    const { tree } = this
    if (before !== null && after !== null && tree.compare(before, after) === 0) return
    if (before !== null) tree.remove(before)
    if (after === null) return
    if (this.shape.unique) this.checkUnique(after)
    tree.place(after)
  }

  private checkUnique(form: KeyForm): void {
    const indexKey = this.codec.indexKeyOf(form)
    const other = this.first(indexKey)
    if (other === null) return
    throw new RStoreError(
      'RSTORE_UNIQUE',
      `index ${JSON.stringify(this.name)} of map ${JSON.stringify(this.mapName)} is unique, and `
        + `has ${showKey(indexKey)} already, for the record with key ${showKey(other)}`,
      { map: this.mapName, index: this.name, indexKey, key: other },
    )
  }

  /** The first key of the map with an index key; null when there is none. Keys are never null. */
  first(indexKey: unknown): unknown {
    const cursor = this.tree.cursor()
    const from = this.codec.startOf(indexKey)
    const there = cursor.seek(from, 'ge')
    const form = there ? cursor.key() : null
    const found = form !== null && this.begins(form, from) ? this.codec.keyOf(form) : null
    cursor.close()
    return found
  }

  private begins(form: KeyForm, from: KeyForm): boolean {
    if (this.codec.kind === 'u64') return (form as PairKey).high === (from as PairKey).high
    const [a, b] = [form as KeyBuffer, from as KeyBuffer]
    if (a.length < b.length) return false
    for (let i = 0; i < b.length; i++) if (a.u8[i] !== b.u8[i]) return false
    return true
  }
}

/** The entries of all records. A function of the user may not change the map it is called for. */
function formsOf(map: OrderedMap, index: SecondaryIndex): KeyForm[] {
  const { space } = map.session
  const forms: KeyForm[] = []
  let isChanged = false
  const watcher = { root: map.rootRef, changed: () => { isChanged = true } }
  space.watch(watcher)
  try {
    map.forEach((value, key) => {
      const form = index.formOf(value, key)
      if (form !== null) forms.push(form)
    })
  } catch (error) {
    if (!isChanged) throw error  // else it came of the change: the record was gone
  } finally {
    space.unwatch(watcher)
  }
  if (!isChanged) return forms
  throw new Error(`the function of index ${JSON.stringify(index.name)} changed the map `
    + `${JSON.stringify(index.mapName)} while the index was made from it: nothing was made`)
}

/** Computes all entries, sorts them, and loads them densely. */
export function fillIndex(map: OrderedMap, index: SecondaryIndex): void {
  const forms = formsOf(map, index)
  forms.sort((a, b) => index.tree.compare(a, b))
  if (index.shape.unique) {
    for (const form of forms) index.move(null, form)
    return
  }
  const loader = index.tree.loader()
  try {
    for (const form of forms) loader.append(form)
    loader.finish()
  } finally {
    loader.close()
  }
}

/** A tuple with its elements: they are what has to be changed. */
const showKey = (key: unknown): string =>
  Array.isArray(key) ? `[${key.map(showKey).join(', ')}]` : show(key)
