/**
 * The catalog: which names a region has, and what they stand for. An ordered map from names, as
 * UTF-8, to CatalogEntry cells. Each of these has the name too: repair has it from there when the
 * node with the name is gone.
 *
 * The indexes of a map are entries of their own, under the map's name, a NUL and the index's name:
 * they sort right behind it. So no other name may contain a NUL.
 */
import { C, CatalogEntry } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import { refOfPage, wordIndexOf, type Ref } from '../space/ref.js'
import type { Window } from '../space/window.js'
import { KeyBuffer } from '../tree/keys.js'
import { openTree } from '../tree/open.js'
import type { Tree } from '../tree/tree.js'
import type { Session } from '../types/context.js'
import { TextKey } from '../types/keys.js'
import { MapType, MultimapType } from '../types/map/map.js'
import { readText, textBytes, writeText } from '../types/text.js'
import type { AnyType } from '../types/type.js'

/** What a name stands for. */
export interface Entry {
  readonly name: string
  /** Of the entry's own cell. */
  readonly ref: Ref
  /** ENTRY_… */
  readonly kind: number
  readonly root: Ref
  readonly keyType: number
  readonly valueType: number
  /** Of an index: a cell with its descriptor. */
  readonly auxiliary: Ref
}

export type NewEntry = Omit<Entry, 'name' | 'ref'>

const names = new TextKey()
const word = (field: keyof typeof CatalogEntry.fields): number =>
  CatalogEntry.fields[field].offset / 4
const WORDS = {
  kind: word('kind'), root: word('root'), keyType: word('keyType'), valueType: word('valueType'),
  auxiliary: word('auxiliary'), nameBytes: word('nameBytes'),
} as const

export const KINDS: Readonly<Record<number, string>> = {
  [C.ENTRY_MAP]: 'map',
  [C.ENTRY_MULTIMAP]: 'multimap',
  [C.ENTRY_VALUE]: 'value',
  [C.ENTRY_INDEX]: 'index',
}

/** The name that the root of a packed region has where it is among names. */
export const ROOT_NAME = 'root'

/** What an entry says of a cell, by the type of the cell. */
export function entryTypesOf(type: AnyType): {
  kind: number; keyType: AnyType | undefined; valueType: AnyType
} {
  if (!(type instanceof MapType || type instanceof MultimapType)) {
    return { kind: C.ENTRY_VALUE, keyType: undefined, valueType: type }
  }
  const { keyType, valueType } = type
  return { kind: type instanceof MapType ? C.ENTRY_MAP : C.ENTRY_MULTIMAP, keyType, valueType }
}

/** Throws a TypeError on what cannot be a name. */
export function checkName(name: unknown, what = 'a name'): asserts name is string {
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    throw new TypeError(`${what} must be a string that is not empty and has no NUL in it`)
  }
}

/** The name in the cell of an entry; '' when it is not there. */
export function nameInCell({ u8, u32 }: Window, ref: number): string {
  const at = wordIndexOf(ref as Ref)
  const bytes = u32[at + WORDS.nameBytes]!
  const room = (u32[at]! & C.CELL_SIZE_MASK) * C.UNIT_BYTES - CatalogEntry.bytes
  return bytes > room ? '' : readText(u8, at * 4 + CatalogEntry.bytes, bytes)
}

export class Directory {
  private readonly session: Session
  private tree: Tree<KeyBuffer>
  private readonly key = new KeyBuffer()

  constructor(session: Session, root: Ref = refOfPage(C.CATALOG_PAGE)) {
    this.session = session
    this.tree = openTree(session.space, 'bytes', root)
  }

  /** The whole region was moved, and this is where the root is now. */
  moveTo(root: Ref): void {
    this.tree = openTree(this.session.space, 'bytes', root)
  }

  private form(name: string): KeyBuffer {
    return names.encode(name, this.key, 'name') as KeyBuffer
  }

  find(name: string): Entry | undefined {
    const at = this.tree.find(this.form(name))
    return at < 0 ? undefined : this.read(name, this.tree.window.u32[at]! as Ref)
  }

  private read(name: string, ref: Ref): Entry {
    const { space } = this.session
    const window = space.windows[ref >>> 28]
    const at = wordIndexOf(ref)
    if (window === undefined || (window.u32[at + 1]! & 0xffff) !== C.TYPE_CATALOG_ENTRY) {
      this.session.leave()
      throw new RStoreError('RSTORE_CORRUPT',
        `the catalog entry of ${JSON.stringify(name)} is damaged: run verify()`, { name, ref })
    }
    const { u32 } = window
    return {
      name,
      ref,
      kind: u32[at + WORDS.kind]!,
      root: u32[at + WORDS.root]! as Ref,
      keyType: u32[at + WORDS.keyType]!,
      valueType: u32[at + WORDS.valueType]!,
      auxiliary: u32[at + WORDS.auxiliary]! as Ref,
    }
  }

  /** All entries that sort from one name on, up to the first that `goesOn` refuses. */
  *list(from = '', goesOn: (name: string) => boolean = () => true): IterableIterator<Entry> {
    const cursor = this.tree.cursor()
    const start = names.encode(from, new KeyBuffer(), 'name') as KeyBuffer
    for (let there = cursor.seek(start, 'ge'); there; there = cursor.next()) {
      const name = names.decode(cursor.key())
      if (!goesOn(name)) break
      yield this.read(name, cursor.window.u32[cursor.valueIndex]! as Ref)
    }
    cursor.close()
  }

  /** The indexes of a map. */
  indexesOf(map: string): Entry[] {
    return [...this.list(`${map}\0`, (name) => name.startsWith(`${map}\0`))]
  }

  add(name: string, entry: NewEntry): Entry {
    const { space } = this.session
    const bytes = textBytes(name)
    const ref = space.allocate(CatalogEntry.bytes - 8 + bytes, C.TYPE_CATALOG_ENTRY)
    const at = wordIndexOf(ref)
    const { u8, u32 } = space.windowOf(ref)
    u32[at + WORDS.kind] = entry.kind
    u32[at + WORDS.root] = entry.root
    u32[at + WORDS.keyType] = entry.keyType
    u32[at + WORDS.valueType] = entry.valueType
    u32[at + WORDS.auxiliary] = entry.auxiliary
    u32[at + WORDS.nameBytes] = bytes
    writeText(u8, at * 4 + CatalogEntry.bytes, name, bytes)
    this.put(name, ref)
    return { ...entry, name, ref }
  }

  private put(name: string, ref: Ref): void {
    const at = this.tree.place(this.form(name))
    if (!this.tree.inserted) this.tree.markValue(at)
    this.tree.window.u32[at] = ref
  }

  /** Changes one field of an entry. */
  set(entry: Entry, field: 'root' | 'keyType' | 'valueType', value: number): void {
    const { space } = this.session
    space.mark(entry.ref, CatalogEntry.bytes)
    space.windowOf(entry.ref).u32[wordIndexOf(entry.ref) + WORDS[field]] = value
  }

  /** Takes a name out, with its entry, but not with what it stands for. */
  remove(entry: Entry): void {
    this.tree.remove(this.form(entry.name))
    this.session.space.free(entry.ref)
  }

  rename(entry: Entry, to: string): void {
    this.remove(entry)
    this.add(to, entry)
  }

  /** Every node and entry cell, for verify. */
  get root(): Tree<KeyBuffer> {
    return this.tree
  }
}
