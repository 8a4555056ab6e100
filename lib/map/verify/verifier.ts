/**
 * Verification: everything that can be reached from the names of a region, by the types stored with
 * it.
 *
 * First the space is walked, cell by cell; each live cell gets a bit. Then everything reachable is
 * walked, and each bit is taken:
 *
 *  Y1. What something owns (nodes, values, strings …) must have its bit: it is a live cell, and
 *      nobody else owns it.
 *  Y2. What a ref names may be owned by a map, or by nobody (`alloc`): so refs are looked at last,
 *      and those that still have their bit are walked like everything else.
 *  Y3. A cell must be of a type that can be read as what names it expects, and large enough for
 *      what it says it holds.
 *  Y4. An index must have exactly the entries that its map's records give.
 *  Y5. Live cells whose bit is left at the end are leaked: lost space, but no damage. Catalog and
 *      types are walked like the rest.
 *  Y6. In a block region the program may hold refs that nothing in the region has. So there values
 *      that are left are taken for such, and walked. What turns out to be owned by another one of
 *      them then has its owner late.
 *
 * Damage is reported, never thrown, and nothing is followed that is not inside the space; what is
 * below damage is not looked at. Two bits for each 8 bytes of the region are 1/32 of its size.
 */
import { C } from '../../../formats/index.js'
import type { OutboundList } from '../../space/outbound.js'
import { wordIndexOf, type Ref } from '../../space/ref.js'
import type { Space } from '../../space/space.js'
import type { SpaceProblem, VisitCell } from '../../space/walk.js'
import type { Window } from '../../space/window.js'
import { openTree } from '../../tree/open.js'
import { verifyTree } from '../../tree/verify.js'
import type { Session } from '../../types/context.js'
import { compare, describeShortly } from '../../types/compatible.js'
import { payloadRoom } from '../../types/boxes.js'
import { CopiedDescriptors, type DescriptorCopies } from '../../types/descriptor-copies.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import type { AnyType } from '../../types/type.js'
import type { Catalog } from '../catalog.js'
import { CellBits } from './cell-bits.js'
import { nameInCell, type Entry } from '../directory.js'
import type { AnyTree } from '../handle.js'
import { MULTIMAP } from '../multimap.js'
import { PairCodec } from '../secondary-index.js'
import { valuesOf } from '../values.js'

/** A record that no name leads to, but the region's kind does: the root of a packed one. */
export interface ExtraRoot { type: AnyType; ref: number; path: string }

export interface VerifyOptions {
  /** Called every so many cells: of about `total` cells, `done` have been looked at. */
  onProgress?(done: number, total: number): void
}

export interface Problem {
  code: string
  page?: number
  ref?: number
  path?: string
  message: string
}

export interface VerifyReport {
  ok: boolean
  problems: Problem[]
  bytes: { live: number; free: number; leaked: number; unknown: number }
}

/** What is verified: its cells, and where it begins. */
export interface Ground {
  /** Tells of every live cell. */
  walk(visit: VisitCell): {
    readonly problems: readonly SpaceProblem[]
    readonly liveUnits: number
    readonly freeUnits: number
    readonly unknownUnits: number
  }
  /** Every ref inside is below. */
  readonly endUnits: number
  isInside(ref: number): boolean
  /** Of the tree of types; undefined when they are elsewhere. */
  readonly types: Ref | undefined
  /** Second copies of the types' descriptors; undefined where there are none. */
  readonly copies: DescriptorCopies | undefined
  /** Of the tree of names. */
  readonly catalog: Ref | undefined
  /** Whether its root is a cell like others. */
  readonly catalogIsCell: boolean
  readonly outbound: OutboundList
  /** Y6. */
  readonly keepsUnnamed: boolean
}

const PROBLEM_LIMIT = 1000
/** Type ids are 16 bits of a cell header. */
const TYPE_ID_LIMIT = 0x1_0000
const PROGRESS_CELLS = 65_536

/** Whether a cell of this type may be one that `alloc` gave. */
const isValue = (typeId: number): boolean =>
  typeId >= C.FIRST_STORED_TYPE || (typeId >= C.TYPE_STRING && typeId <= C.TYPE_JSON)

/** A ref to a shared cell: Y2. */
interface Shared { type: AnyType; ref: number; path: string }

export class Verifier {
  private readonly problems: Problem[] = []
  readonly #session: Session
  readonly #space: Space
  readonly #catalog: Catalog | undefined
  readonly #ground: Ground
  /** Live cells, and of those the ones that were not reached yet. */
  readonly #live = new CellBits()
  readonly #left = new CellBits()
  /** Y6. */
  readonly #ownerless = new CellBits()
  readonly #shared: Shared[] = []
  readonly #checked = new Map<string, string>()
  readonly #onProgress: VerifyOptions['onProgress']
  /** What `onProgress` threw: no damage, and the end of it all. */
  #stopped: { readonly error: unknown } | undefined
  #cells = 0
  #done = 0
  #liveUnits = 0

  constructor(
    session: Session,
    ground: Ground,
    catalog: Catalog | undefined,
    options: VerifyOptions,
  ) {
    this.#session = session
    this.#space = session.space
    this.#catalog = catalog
    this.#ground = ground
    this.#onProgress = options.onProgress
  }

  run(roots: readonly ExtraRoot[]): VerifyReport {
    const walk = this.#ground.walk((ref) => {
      this.#live.add(ref)
      this.#left.add(ref)
      this.#cells++
    })
    for (const { code, ref, message } of walk.problems) this.#problem(code, ref, '', message)
    this.#types()
    this.#names()
    this.#outbound()
    this.#shared.push(...roots)
    this.#followRefs()
    if (this.#ground.keepsUnnamed) this.#unnamed()
    this.#tell(this.#cells)
    return {
      ok: this.problems.length === 0,
      problems: this.problems,
      bytes: {
        live: this.#liveUnits * 8,
        free: walk.freeUnits * 8,
        leaked: (walk.liveUnits - this.#liveUnits) * 8,
        unknown: walk.unknownUnits * 8,
      },
    }
  }

  #problem(code: string, ref: number, path: string, message: string): void {
    if (this.problems.length >= PROBLEM_LIMIT) return
    this.problems.push({ code, ref, page: ref >>> 9, ...(path === '' ? {} : { path }), message })
  }

  #tell(done: number): void {
    try {
      this.#onProgress?.(done, this.#cells)
    } catch (error) {
      this.#stopped = { error }
      throw error
    }
  }

  /** Runs a part; what it throws is a problem like any other. */
  #guard(path: string, ref: number, part: () => void): void {
    try {
      part()
    } catch (error) {
      if (this.#stopped !== undefined) throw this.#stopped.error
      const { code = 'DAMAGED', message } = error as Error & { code?: string }
      this.#problem(code, ref, path, `${path}: ${message}`)
    }
  }

  // ── cells ──

  /** Takes the bit of an owned cell: Y1. False when there is nothing to look at below it. */
  #take(ref: number, path: string): boolean {
    if (!this.#left.delete(ref)) {
      if (this.#ownerless.delete(ref)) return false
      const inside = this.#ground.isInside(ref)
      this.#problem(
        inside ? 'CELL_SHARED' : 'CELL_REF',
        ref,
        path,
        inside
          ? `${path}: the cell at ref ${ref} is free, or owned a second time.`
          : `${path}: ref ${ref} is outside of the region's data.`,
      )
      return false
    }
    this.#liveUnits += this.#space.windowOf(ref).u32[wordIndexOf(ref)]! & C.CELL_SIZE_MASK
    if (++this.#done % PROGRESS_CELLS === 0) this.#tell(this.#done)
    return true
  }

  /** Y3. Gives the stored type; undefined when the cell is something else. */
  #storedType(type: AnyType, ref: number, path: string): AnyType | undefined {
    const typeId = this.#space.typeIdOf(ref)
    if (type.fixedTypeId !== 0) {
      if (typeId === type.fixedTypeId) return type
      this.#problem(
        'CELL_TYPE',
        ref,
        path,
        `${path}: expected ${type.kind}, found a cell of type ${typeId}.`,
      )
      return undefined
    }
    const why = this.#whyNot(type, typeId)
    if (why === '') return this.#session.registry.typeOf(typeId)
    this.#problem('CELL_TYPE', ref, path, `${path}: ${why}.`)
    return undefined
  }

  #whyNot(type: AnyType, typeId: number): string {
    const key = `${type.serial}:${typeId}`
    const known = this.#checked.get(key)
    if (known !== undefined) return known
    const why = this.#compareWith(type, typeId)
    this.#checked.set(key, why)
    return why
  }

  /** A record may be of an older version than its map, and through a ref of a newer one. */
  #compareWith(type: AnyType, typeId: number): string {
    const { registry } = this.#session
    if (typeId < C.FIRST_STORED_TYPE || typeId >= registry.nextTypeId) {
      return `expected ${describeShortly(type)}, found a cell of type ${typeId}`
    }
    const stored = registry.typeOf(typeId)
    const mismatch = compare(stored, type, describeShortly(type))
    return mismatch === null || compare(type, stored, '') === null
      ? ''
      : `${mismatch.path} ${mismatch.how}`
  }

  /** A cell that something owns, and everything below it. */
  #cell(type: AnyType, ref: number, path: string): void {
    if (this.#ownerless.delete(ref)) return void this.#storedType(type, ref, path)
    if (!this.#take(ref, path)) return
    const stored = this.#storedType(type, ref, path)
    if (stored === undefined) return
    this.#guard(path, ref, () => this.#content(stored, ref, path))
  }

  #content(stored: AnyType, ref: number, path: string): void {
    if (stored instanceof MapType) return this.#map(stored, ref, path)
    if (stored instanceof MultimapType) return this.#multimap(stored, ref, path)
    if (stored.cellBytes(this.#session, ref) > payloadRoom(this.#session, ref)) {
      return this.#problem(
        'CELL_CONTENT',
        ref,
        path,
        `${path}: the content of the cell is longer than the cell.`,
      )
    }
    stored.visitCell(
      this.#session,
      ref,
      (type, to, owned, at) => this.#visit(type, to, owned, at),
      path,
    )
  }

  #visit(type: AnyType, ref: number, owned: boolean, path: string): void {
    if (owned) this.#cell(type, ref, path)
    else this.#shared.push({ type, ref, path })
  }

  /** Y2. */
  #followRefs(): void {
    for (let next = this.#shared.pop(); next !== undefined; next = this.#shared.pop()) {
      const { type, ref, path } = next
      if (this.#left.has(ref)) this.#cell(type, ref, path)
      else this.#seenRef(type, ref, path)
    }
  }

  /** Y6. */
  #unnamed(): void {
    for (const ref of this.#left.refs()) {
      if (!isValue(this.#space.typeIdOf(ref))) continue
      const path = `ref ${ref}`
      this.#guard(path, ref, () => this.#cell(this.#session.registry.typeOfCell(ref), ref, path))
      this.#ownerless.add(ref)
      this.#followRefs()
    }
  }

  #seenRef(type: AnyType, ref: number, path: string): void {
    if (this.#live.has(ref)) {
      this.#storedType(type, ref, path)
      return
    }
    const freed = this.#ground.isInside(ref) && this.#space.typeIdOf(ref) <= C.TYPE_FREE
    this.#problem(
      freed ? 'REF_DANGLING' : 'CELL_REF',
      ref,
      path,
      `${path}: ref ${ref} names ` +
        `${freed ? 'a record that was freed' : 'nothing inside of the data'}.`,
    )
  }

  // ── trees ──

  /** Checks a tree and takes its nodes; the root has been taken when it is a value's cell. */
  #tree(
    tree: AnyTree,
    path: string,
    rootTaken: boolean,
    value?: (window: Window, at: number) => void,
  ): void {
    const problems = verifyTree(tree, this.#ground.endUnits, {
      node: (ref) => {
        if (ref !== tree.root || !rootTaken) this.#take(ref, `${path} (node)`)
      },
      spill: (ref) => void this.#take(ref, `${path} (key)`),
      ...(value === undefined ? {} : { value }),
    })
    for (const { code, ref, message } of problems)
      this.#problem(code, ref, path, `${path}: ${message}`)
  }

  #open(kind: Parameters<typeof openTree>[1], root: number): AnyTree {
    return openTree(this.#space, kind, root as Ref) as AnyTree
  }

  #map(type: MapType, root: number, path: string): void {
    const values = valuesOf(this.#session, type.valueType)
    let count = 0
    this.#tree(this.#open(type.codec.kind, root), path, true, (window, at) => {
      const inside = `${path}[#${count++}]`
      values.visit(window, at, (of, ref, owned, name) => this.#visit(of, ref, owned, name), inside)
    })
  }

  #multimap(type: MultimapType, root: number, path: string): void {
    const { u32 } = this.#space.windowOf(root)
    const at = wordIndexOf(root)
    let pairs = 0
    this.#tree(
      this.#open(type.codec.kind, u32[at + MULTIMAP.tree]!),
      path,
      false,
      (window, index) => {
        const values = window.u32[index]!
        if (!this.#take(values, `${path} (values)`)) return
        const tree = this.#open(type.valueCodec.kind, values)
        if (tree.size === 0)
          this.#problem('MULTIMAP', values, path, `${path}: a key without values.`)
        pairs += tree.size
        this.#tree(tree, `${path} (values)`, true)
      },
    )
    if (pairs !== u32[at + MULTIMAP.pairCount]) {
      this.#problem(
        'MULTIMAP',
        root,
        path,
        `${path}: ${u32[at + MULTIMAP.pairCount]} pairs counted, ${pairs} found.`,
      )
    }
  }

  // ── what the region begins with ──

  #types(): void {
    const { types } = this.#ground
    if (types === undefined) return
    this.#guard('types', types, () => {
      const { registry } = this.#session
      this.#tree(
        this.#open('u32', types),
        'types',
        true,
        (window, at) => void this.#take(window.u32[at]!, 'types'),
      )
      const end = Math.min(registry.nextTypeId, TYPE_ID_LIMIT)
      if (end < registry.nextTypeId) {
        const what = `types: the next type id is ${registry.nextTypeId}, which no cell can hold.`
        this.#problem('TYPES', C.ALLOCATION_PAGE << 9, 'types', what)
      }
      const copied = this.#copies()
      for (let id: number = C.FIRST_STORED_TYPE; id < end; id++) {
        this.#guard(`type ${id}`, 0, () => {
          registry.typeOf(id)
          if (copied === undefined || copied.textOf(id) === registry.textOf(id)) return
          const what = `type ${id}: the second copy of its descriptor is missing, or differs.`
          this.#problem('TYPES', this.#ground.copies!.head, `type ${id}`, what)
        })
      }
    })
  }

  /** Second copies of descriptors; undefined in a region without: one made before there were. */
  #copies(): CopiedDescriptors | undefined {
    const { copies } = this.#ground
    if (copies === undefined || copies.head === 0) return undefined
    const copied = new CopiedDescriptors()
    const path = 'types (second copies)'
    for (const page of copies.pages()) {
      if (!this.#take(page, path)) break
      if (!CopiedDescriptors.isPage(this.#space, page)) {
        this.#problem('CELL_TYPE', page, path, `${path}: a cell of another kind.`)
        break
      }
      copied.addPage(this.#space, page)
    }
    return copied
  }

  #names(): void {
    const { catalog: root, catalogIsCell } = this.#ground
    const catalog = this.#catalog
    if (root === undefined || catalog === undefined) return
    this.#guard('catalog', root, () => {
      this.#tree(
        this.#open('bytes', root),
        'catalog',
        !catalogIsCell,
        (window, at) => void this.#take(window.u32[at]!, 'catalog'),
      )
      for (const entry of catalog.directory.list()) {
        const path = entry.name.replace('\0', ' index ')
        this.#guard(path, entry.root, () => {
          const second = nameInCell(this.#space.windowOf(entry.ref), entry.ref)
          if (second !== '' && second !== entry.name)
            this.#problem('CATALOG', entry.ref, path, `${path}: its entry has another name.`)
          this.#entry(entry, path)
        })
      }
    })
  }

  /** The list of packed regions that this one names. */
  #outbound(): void {
    this.#guard('outbound references', C.ALLOCATION_PAGE << 9, () => {
      const list = this.#ground.outbound
      for (const { ref, regionId, count } of list.cells()) {
        if (!this.#take(ref, 'outbound references')) return
        if (count === 0 && regionId !== 0)
          this.#problem('OUTBOUND', ref, '', 'a reference to a packed region that no field has.')
      }
      if (!list.isSound())
        this.#problem('OUTBOUND', 0, '', 'the links of the list of packed regions are wrong.')
    })
  }

  #entry(entry: Entry, path: string): void {
    const { registry } = this.#session
    if (entry.kind === C.ENTRY_INDEX) return this.#index(entry, path)
    const value = registry.typeOf(entry.valueType)
    if (entry.kind === C.ENTRY_VALUE)
      return entry.root === 0 ? undefined : this.#cell(value, entry.root, path)
    const key = registry.typeOf(entry.keyType)
    if (!this.#take(entry.root, path)) return
    if (entry.kind === C.ENTRY_MAP) this.#map(new MapType(key, value), entry.root, path)
    else this.#multimap(new MultimapType(key, value), entry.root, path)
  }

  /** Y4, as far as the index's function is known to this program. */
  #index(entry: Entry, path: string): void {
    const { registry } = this.#session
    this.#take(entry.auxiliary, path)
    const codec = new PairCodec(
      registry.typeOf(entry.keyType).key!,
      registry.typeOf(entry.valueType).key!,
    )
    const tree = this.#open(codec.kind, entry.root)
    this.#tree(tree, path, false)
    const known = this.#catalog!.indexes.of(entry)
    if (known === undefined) return
    let records = 0
    known.map.forEach((value, key) => {
      const form = known.index.formOf(value, key)
      if (form === null) return
      records++
      if (tree.find(form) >= 0) return
      this.#problem(
        'INDEX_MISSING',
        entry.root,
        path,
        `${path}: the record with key ${String(key)} is not in the index.`,
      )
    })
    if (records !== tree.size) {
      this.#problem(
        'INDEX_SIZE',
        entry.root,
        path,
        `${path}: ${tree.size} entries, but ${records} records to index.`,
      )
    }
  }
}
