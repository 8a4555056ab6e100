/**
 * Evacuation: copies what a ref reaches, or everything that has a name, from one region to another:
 * from blocks into a file, the other way, or between two of a kind.
 *
 *  E1. Every cell is copied once: `copies` knows where. So what is shared stays shared, and cycles
 *      close.
 *  E2. Nothing recurses along the graph: a cell is copied as it is, and waits in `pending` until
 *      its own refs are put right. How deep a graph is does not matter.
 *  E3. A cell keeps its stored type, also that of an older version. Its number is the target's.
 *  E4. Trees are not copied but filled anew, from keys in order: they come out dense.
 *  E5. Whatever refuses is found out before the target changes, or under `change`, whose failure
 *      undoes or spoils the transaction.
 *  E6. What an entry of a tree reaches is copied with it, so that it comes to lie beside the leaf
 *      that names it; maps inside of it come later.
 *  E7. Refs to a record that has moved name the copy of the record: what it left is not copied.
 *  E8. A copy has no owner (unowned.ts) until something that owns the cell is copied, too.
 */
import { C } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import type { Catalog } from '../../map/catalog.js'
import type { Entry } from '../../map/directory.js'
import type { AnyTree } from '../../map/handle.js'
import { createMultimap, MULTIMAP } from '../../map/multimap.js'
import { PairCodec } from '../../map/secondary-index.js'
import { createMapRoot } from '../../map/structures.js'
import { leafBytesOf, valuesOf } from '../../map/values.js'
import { PAGE_UNITS, wordIndexOf } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import type { KeyKind } from '../../tree/keys.js'
import { createTree, openTree, SMALL_ROOT_BYTES } from '../../tree/open.js'
import { payloadRoom } from '../../types/boxes.js'
import { describeShortly } from '../../types/compatible.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import { presentRef } from '../../types/moved.js'
import type { AnyType, VisitRef } from '../../types/type.js'
import { setUnowned } from '../../types/unowned.js'
import { checkLive } from './cells.js'
import type { OpenSession } from './open-session.js'
import { RefTable } from './ref-table.js'

/** A long job in steps; it says how much it has done. */
export type Steps<R> = Generator<number, R, void>

/** So many cells and entries are copied before other work may run. */
const STEP = 4096

/** Whether values of a type name packed regions of a store. */
export const namesPacked = (type: AnyType): boolean =>
  type.descriptorText.includes('{"packed":')

export interface CopyOptions {
  /** Source and target are of the same store: fields of type t.packed mean the same in both. */
  readonly sameStore: boolean
}

export class GraphCopy {
  protected readonly copies = new RefTable()
  /** Cells of the source whose copies still hold refs of the source. */
  protected readonly pending: number[] = []
  /** The same, of maps and multimaps. */
  protected readonly pendingMaps: number[] = []
  /** Cells and entries that were copied. */
  done = 0
  private readonly types = new Map<number, { type: AnyType; id: number }>()
  /** Word of the source's cell that is being put right, and of its copy. */
  protected fromWord = 0
  protected toWord = 0
  protected to: Uint32Array

  constructor(
    protected readonly source: OpenSession,
    protected readonly target: OpenSession,
    private readonly options: CopyOptions = { sameStore: false },
  ) {
    this.to = target.space.windows[0]!.u32
  }

  /** Copies all that a ref reaches, step by step; gives the ref of the copy, which is `owned`. */
  *copy(ref: Ref, owned: boolean): Steps<Ref> {
    const copied = this.copyOf(ref, owned)
    for (;;) {
      yield* this.completeRecords()
      const map = this.pendingMaps.pop()
      if (map === undefined) return copied
      yield* this.completeMap(map)
    }
  }

  /** Everything that waits but maps: they come to lie beside what names them (E6). */
  protected *completeRecords(): Steps<void> {
    for (let next = this.pending.pop(); next !== undefined; next = this.pending.pop()) {
      this.complete(next)
      if (++this.done % STEP === 0) yield this.done
    }
  }

  /** E1, E8: the copy of a cell, made now if there is none. */
  protected copyOf(ref: number, owned: boolean): Ref {
    const known = this.copies.get(ref) as Ref
    const copied = known === 0 ? this.begin(ref) : known
    if (known === 0) this.copies.set(ref, copied)
    if (owned || known === 0) setUnowned(this.target.space, copied, !owned)
    return copied
  }

  private begin(ref: number): Ref {
    const { source, target } = this
    const typeId = source.space.typeIdOf(ref)
    if (typeId < C.FIRST_STORED_TYPE) return this.copyBytes(ref, typeId)
    const { type, id } = this.typeOf(typeId)
    const isMap = type instanceof MapType
    const isMultimap = type instanceof MultimapType
    ;(isMap || isMultimap ? this.pendingMaps : this.pending).push(ref)
    if (isMap) return createMapRoot(target, type, this.rootBytesOf(ref))
    if (isMultimap) return createMultimap(target, type, this.isNamed(ref))
    return this.copyBytes(ref, id)
  }

  /** E3. */
  private typeOf(typeId: number): { type: AnyType; id: number } {
    const known = this.types.get(typeId)
    if (known !== undefined) return known
    const type = this.source.registry.typeOf(typeId)
    if (!this.options.sameStore && namesPacked(type)) {
      throw new RStoreError('RSTORE_UNSUPPORTED',
        `${describeShortly(type)} has fields of type t.packed, which name regions of a store: `
        + 'evacuate() cannot take those along', { type: type.name ?? type.kind })
    }
    const entry = { type, id: this.target.registry.idOf(type) }
    this.types.set(typeId, entry)
    return entry
  }

  private copyBytes(ref: number, typeId: number): Ref {
    const { u32 } = this.source.space.windowOf(ref)
    const from = wordIndexOf(ref)
    const bytes = payloadRoom(this.source, ref)
    const units = bytes / C.UNIT_BYTES + 1
    const copied = this.target.space.allocate(bytes, typeId)
    const to = this.target.space.windowOf(copied).u32
    const at = wordIndexOf(copied)
    if (units > 64) to.set(u32.subarray(from + 2, from + units * 2), at + 2)
    else for (let i = 2; i < units * 2; i++) to[at + i] = u32[from + i]!
    return copied
  }

  protected unitsOf(ref: number): number {
    return this.source.space.windowOf(ref).u32[wordIndexOf(ref)]! & C.CELL_SIZE_MASK
  }

  protected rootBytesOf(ref: number): number {
    return this.unitsOf(ref) === PAGE_UNITS ? C.PAGE_BYTES : SMALL_ROOT_BYTES
  }

  /** Of a multimap: whether its tree began with a page. */
  protected isNamed(ref: number): boolean {
    return this.unitsOf(this.source.space.windowOf(ref).u32[wordIndexOf(ref) + MULTIMAP.tree]!)
      === PAGE_UNITS
  }

  /** E2. */
  private complete(ref: number): void {
    const { type } = this.typeOf(this.source.space.typeIdOf(ref))
    const copied = this.copies.get(ref) as Ref
    const window = this.target.space.windowOf(copied)
    this.target.space.mark(copied, payloadRoom(this.source, ref) + C.UNIT_BYTES)
    this.fromWord = wordIndexOf(ref)
    this.toWord = wordIndexOf(copied)
    this.to = window.u32
    type.visitCell(this.source, ref, this.putRight, '')
  }

  protected readonly putRight: VisitRef = (type, ref, owned, _path, _window, word) => {
    const { to, toWord, fromWord } = this
    const at = owned ? ref : this.presentRef(ref)
    to[toWord + word - fromWord] = this.mayCopy(type, at, owned) ? this.copyOf(at, owned) : 0
  }

  /** E7. */
  protected presentRef(ref: number): number {
    return presentRef(this.source, ref)
  }

  /** What may not be copied leaves no ref behind. */
  protected mayCopy(_type: AnyType, _ref: number, _owned: boolean): boolean {
    return true
  }

  protected *completeMap(ref: number): Steps<void> {
    const { type } = this.typeOf(this.source.space.typeIdOf(ref))
    const copied = this.copies.get(ref) as Ref
    if (type instanceof MapType) yield* this.fillMap(type, ref as Ref, copied)
    else if (type instanceof MultimapType) yield* this.fillMultimap(type, ref as Ref, copied)
  }

  /** E4, E6. */
  protected *fillMap(type: MapType, root: Ref, copied: Ref): Steps<void> {
    const values = valuesOf(this.source, type.valueType)
    const words = leafBytesOf(type.valueType) / 4
    yield* this.fillTree(type.codec.kind, root, copied, (from, valueIndex, to, at) => {
      for (let i = 0; i < words; i++) to[at + i] = from.u32[valueIndex + i]!
      this.fromWord = valueIndex
      this.toWord = at
      this.to = to
      values.visit(from, valueIndex, this.putRight, '')
    })
  }

  /** Appends the keys of one tree to another, which is empty. */
  *fillTree(
    kind: KeyKind, root: Ref, copied: Ref,
    value: (from: AnyTree['window'], valueIndex: number, to: Uint32Array, at: number) => void,
  ): Steps<void> {
    const tree = openTree(this.target.space, kind, copied) as AnyTree
    const cursor = (openTree(this.source.space, kind, root) as AnyTree).cursor()
    const loader = tree.loader()
    try {
      for (let there = cursor.first(); there; there = cursor.next()) {
        const at = loader.append(cursor.key())
        value(cursor.window, cursor.valueIndex, tree.window.u32, at)
        if (this.pending.length !== 0) yield* this.completeRecords()
        if (++this.done % STEP === 0) yield this.done
      }
      loader.finish()
    } finally {
      cursor.close()
      loader.close()
    }
  }

  /** The tree of keys; the values of each key lie behind the leaf that names them. */
  protected *fillMultimap(type: MultimapType, root: Ref, copied: Ref): Steps<void> {
    const wordAt = (session: OpenSession, at: Ref, word: number): number =>
      session.space.windowOf(at).u32[wordIndexOf(at) + word]!
    const { source, target } = this
    target.space.mark(copied, 16)
    target.space.windowOf(copied).u32[wordIndexOf(copied) + MULTIMAP.pairCount] =
      wordAt(source, root, MULTIMAP.pairCount)
    const from = wordAt(source, root, MULTIMAP.tree) as Ref
    const to = wordAt(target, copied, MULTIMAP.tree) as Ref
    yield* this.fillTree(type.codec.kind, from, to, (window, valueIndex, into, at) => {
      const values = window.u32[valueIndex]! as Ref
      const { kind } = type.valueCodec
      into[at] = createTree(target.space, kind,
        { typeId: C.TYPE_NODE, valueBytes: 0, rootBytes: this.unitsOf(values) * 8 })
      drain(this.fillTree(kind, values, into[at] as Ref, () => {}))
    })
  }
}

/** Does all steps at once. */
function drain<R>(steps: Steps<R>): R {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

function checkSessions(source: OpenSession, target: OpenSession): void {
  source.enter()
  target.enterWrite()
  if (source.space === target.space) {
    throw new TypeError('evacuate: the target must be another region')
  }
}

/** What a ref reaches. See WritableRegion.evacuate. */
export function evacuateRef(source: OpenSession, target: OpenSession, ref: unknown): Ref {
  checkSessions(source, target)
  const live = checkLive(source, ref, 'evacuate')
  const copied = target.change(() => drain(new GraphCopy(source, target).copy(live, false)))
  source.leave()
  target.leave()
  return copied
}

/** Everything that has a name. Throws RSTORE_EXISTS before anything is changed. */
export function evacuateNames(
  source: OpenSession, from: Catalog, target: OpenSession, to: Catalog,
): void {
  checkSessions(source, target)
  const entries = [...from.directory.list()]
  for (const { name } of entries) {
    if (to.directory.find(name) === undefined) continue
    throw new RStoreError('RSTORE_EXISTS',
      `evacuate: there is something called ${JSON.stringify(name)} in the target already`, { name })
  }
  target.change(() => drain(copyNames(source, from, target, to)))
  target.serial++
  source.leave()
  target.leave()
}

/** The same step by step, into a region that is discarded when it fails. */
export function* copyNames(
  source: OpenSession, from: Catalog, target: OpenSession, to: Catalog, options?: CopyOptions,
): Steps<void> {
  const graph = new GraphCopy(source, target, options)
  for (const entry of [...from.directory.list()]) {
    yield* copyEntry(source, target, to, graph, entry)
  }
}

function* copyEntry(
  source: OpenSession, target: OpenSession, to: Catalog, graph: GraphCopy, entry: Entry,
): Steps<void> {
  const idOf = (id: number): number =>
    id === 0 ? 0 : target.registry.idOf(source.registry.typeOf(id))
  const isIndex = entry.kind === C.ENTRY_INDEX
  const root = isIndex ? yield* copyIndex(source, target, graph, entry)
    : entry.root === 0 ? entry.root : yield* graph.copy(entry.root, true)
  to.directory.add(entry.name, {
    kind: entry.kind, root, keyType: idOf(entry.keyType), valueType: idOf(entry.valueType),
    auxiliary: entry.auxiliary === 0 ? entry.auxiliary : yield* graph.copy(entry.auxiliary, true),
  })
}

function* copyIndex(
  source: OpenSession, target: OpenSession, graph: GraphCopy, entry: Entry,
): Steps<Ref> {
  const { registry } = source
  const { key } = registry.typeOf(entry.keyType)
  const { kind } = new PairCodec(key!, registry.typeOf(entry.valueType).key!)
  const copied = createTree(target.space, kind,
    { typeId: C.TYPE_NODE, valueBytes: 0, rootBytes: C.PAGE_BYTES })
  yield* graph.fillTree(kind, entry.root, copied, () => {})
  return copied
}
