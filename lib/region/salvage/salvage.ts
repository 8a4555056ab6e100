/**
 * What can be saved from a damaged region, in a new one.
 *
 *  S1. Types first: a descriptor is recognised by its cell. Its number is what a leaf of the tree
 *      of types says; where that is gone, the descriptor that fits the cells of that number, the
 *      earlier one first, because numbers are given out in order. Without its descriptor a type is
 *      lost, and every record of it: what its bytes mean is written nowhere else.
 *  S2. Then names: from the leaves of the catalog, wherever they are. What has a root but no name
 *      gets one that is made up.
 *  S3. Then entries. From a root, all leaves that inner nodes still lead to; then leaves that
 *      nothing leads to go to the one map with damage whose keys and values they fit, or to a map
 *      with a made-up name. The first of two entries with one key counts: it is the one that was
 *      reached.
 *  S4. Last, records whose entry is gone: by their types, under numbers, in maps of their own.
 *  S5. An entry is saved when its value is sound (wreck.ts); a ref to a shared record that is not
 *      is saved as none.
 */
import { C, CatalogEntry } from '../../../formats/index.js'
import type { Catalog } from '../../map/catalog.js'
import type { IndexShape } from '../../map/secondary-index.js'
import type { AnyTree } from '../../map/handle.js'
import { createMultimap, MULTIMAP } from '../../map/multimap.js'
import { createMapRoot } from '../../map/structures.js'
import { leafBytesOf, valuesOf } from '../../map/values.js'
import { wordIndexOf } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import type { KeyKind } from '../../tree/keys.js'
import { createTree, openTree } from '../../tree/open.js'
import { payloadRoom } from '../../types/boxes.js'
import { simpleTypes } from '../../types/descriptor.js'
import { TextKey } from '../../types/keys.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import { StructType } from '../../types/struct/struct.js'
import type { AnyType } from '../../types/type.js'
import { GraphCopy, type Steps } from '../evacuate.js'
import type { OpenSession } from '../open-session.js'
import type { Wreck } from './wreck.js'

/** What became of one name. */
export interface SavedName {
  name: string
  kind: 'map' | 'multimap' | 'value'
  /** Entries, pairs, or 1 that were saved. */
  saved: number
  /** Entries that were seen, and whose values are damaged. */
  lost: number
  /** Whether nodes of its tree are damaged: how many entries went with them is not known. */
  damaged: boolean
  /** Whether the name is made up. */
  madeUp: boolean
}

export interface Salvaged {
  names: SavedName[]
  /** References to records that are damaged: saved as none. */
  lostRefs: number
  /** Entries of maps inside of records whose values are damaged. */
  lostEntries: number
  /** Indexes that could not be made again, as `map: index`. */
  lostIndexes: string[]
  /** Type descriptors that were not found, by number. */
  lostTypes: number[]
}

interface FoundEntry {
  readonly name: string
  readonly madeUp: boolean
  readonly kind: number
  readonly root: Ref
  readonly keyType: AnyType | undefined
  readonly valueType: AnyType | undefined
  readonly auxiliary: Ref
}

/** A map or multimap that is being filled. */
interface Filling {
  readonly report: SavedName
  readonly type: MapType | MultimapType
  readonly to: Ref
}

const SAMPLE = 32
/** Part of a sample that must be of a type. */
const LEAST_FIT = 0.9
const field = (name: keyof typeof CatalogEntry.fields): number =>
  CatalogEntry.fields[name].offset / 4
const names = new TextKey()
const isNode = (typeId: number): boolean =>
  typeId === C.TYPE_NODE || typeId >= C.FIRST_STORED_TYPE || typeId === C.TYPE_CATALOG_ROOT
  || typeId === C.TYPE_TYPES_ROOT

/** Copies what is sound, entry by entry. */
class SalvageCopy extends GraphCopy {
  lostRefs = 0
  /** Nodes that were reached: what is left is nobody's. */
  readonly seen = new Set<number>()

  constructor(private readonly wreck: Wreck, target: OpenSession) {
    super(wreck, target)
  }

  wasCopied(ref: number): boolean {
    return this.copies.get(ref) !== 0
  }

  protected override mayCopy(type: AnyType, ref: number, owned: boolean): boolean {
    if (this.wreck.isSound(type, ref)) return true
    if (!owned) this.lostRefs++
    return false
  }

  /** The leaves that a root still leads to; `damaged` is told when some are missing. */
  *leavesOf(kind: KeyKind, root: number, damaged: () => void): IterableIterator<number> {
    const { wreck, seen } = this
    const open = [root]
    for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
      const nodes = this.readerOf(kind, ref)
      if (wreck.cells.has(ref) && isAnchor(wreck, ref) && ref === root) {
        open.push(firstChildOf(wreck, ref))
      } else if (nodes === undefined || seen.has(ref)) {
        damaged()
      } else {
        seen.add(ref)
        const last = nodes.levelOf(ref) === 0 ? -1 : nodes.countOf(ref)
        for (let slot = last; slot >= 0; slot--) open.push(nodes.childAt(ref, slot))
        if (last < 0) yield ref
      }
    }
  }

  /** What reads a node, if it is one. */
  readerOf(kind: KeyKind, ref: number): AnyTree | undefined {
    const { wreck } = this
    if (!wreck.cells.has(ref) || !isNode(wreck.space.typeIdOf(ref))) return undefined
    try {
      const { u32 } = wreck.space.windowOf(ref)
      const valueBytes = (u32[wordIndexOf(ref) + 3]! >>> 8) & 0xff
      if (valueBytes !== 0 && valueBytes !== 4 && valueBytes !== 8) return undefined
      const isPage = wreck.cells.unitsOf(ref) === C.PAGE_BYTES / C.UNIT_BYTES
      const nodes = isPage ? wreck.nodesOf({ kind, valueBytes })
        : openTree(wreck.space, kind, ref as Ref) as AnyTree
      // The prefix of a slotted node is compared with keys of its own: its fences are not known.
      const own = nodes.countOf(ref) === 0 ? undefined : nodes.keyAt(ref, 0, nodes.newKey())
      return nodes.damageOf(ref, own, own) === '' ? nodes : undefined
    } catch {
      return undefined
    }
  }

  /** Puts the sound entries of a leaf into a map; those that are there already stay. */
  *addLeaf(type: MapType, leaf: number, to: Ref, report: SavedName): Steps<void> {
    const { wreck, target } = this
    const nodes = this.readerOf(type.codec.kind, leaf)!
    const tree = openTree(target.space, type.codec.kind, to) as AnyTree
    const values = valuesOf(wreck, type.valueType)
    const words = leafBytesOf(type.valueType) / 4
    const from = wreck.space.windowOf(leaf)
    for (let index = 0, count = nodes.countOf(leaf); index < count; index++) {
      const valueIndex = nodes.valueAt(leaf, index)
      if (!this.isEntrySound(values, from, valueIndex)) {
        report.lost++
        continue
      }
      const at = tree.place(nodes.keyAt(leaf, index, nodes.newKey()))
      if (!tree.inserted) continue
      report.saved++
      const { u32 } = tree.window
      for (let i = 0; i < words; i++) u32[at + i] = from.u32[valueIndex + i]!
      this.fromWord = valueIndex
      this.toWord = at
      this.to = u32
      values.visit(from, valueIndex, this.putRight, '')
      yield* this.completeRecords()
    }
  }

  private isEntrySound(
    values: ReturnType<typeof valuesOf>, from: AnyTree['window'], valueIndex: number,
  ): boolean {
    let sound = true
    values.visit(from, valueIndex, (type, ref, owned) => {
      if (owned && !this.wreck.isSound(type, ref)) sound = false
    }, '')
    return sound
  }

  /** The same of a multimap: a leaf of its keys. */
  addKeys(type: MultimapType, leaf: number, to: Ref, report: SavedName): void {
    const { wreck, target } = this
    const nodes = this.readerOf(type.codec.kind, leaf)!
    const { u32: head } = target.space.windowOf(to)
    const tree = openTree(
      target.space, type.codec.kind, head[wordIndexOf(to) + MULTIMAP.tree]! as Ref) as AnyTree
    const { kind } = type.valueCodec
    for (let index = 0, count = nodes.countOf(leaf); index < count; index++) {
      const from = wreck.space.windowOf(leaf).u32[nodes.valueAt(leaf, index)]!
      const before = report.saved
      const found = [...this.leavesOf(kind, from, () => { report.damaged = true })]
      if (found.length === 0) {
        report.lost++
        continue
      }
      const at = tree.place(nodes.keyAt(leaf, index, nodes.newKey()))
      const { u32 } = tree.window
      if (tree.inserted) {
        u32[at] = createTree(target.space, kind,
          { typeId: C.TYPE_NODE, valueBytes: 0, rootBytes: 96 })
      }
      const values = openTree(target.space, kind, u32[at]! as Ref) as AnyTree
      for (const valueLeaf of found) {
        const reader = this.readerOf(kind, valueLeaf)!
        for (let i = 0, end = reader.countOf(valueLeaf); i < end; i++) {
          values.place(reader.keyAt(valueLeaf, i, reader.newKey()))
          if (values.inserted) report.saved++
        }
      }
      const window = target.space.windowOf(to)
      window.u32[wordIndexOf(to) + MULTIMAP.pairCount]! += report.saved - before
      if (values.size === 0) tree.remove(nodes.keyAt(leaf, index, nodes.newKey()))
    }
  }

  /** A map inside of a record. */
  protected override *fillMap(type: MapType, root: Ref, copied: Ref): Steps<void> {
    yield* this.fill({ type, to: copied, report: this.nested }, root)
  }

  protected override *fillMultimap(type: MultimapType, root: Ref, copied: Ref): Steps<void> {
    yield* this.fill({ type, to: copied, report: this.nested }, root)
  }

  /** Of all maps inside of records. */
  readonly nested: SavedName = {
    name: 'maps inside of records', kind: 'map', saved: 0, lost: 0, damaged: false, madeUp: true,
  }

  protected override rootBytesOf(ref: number): number {
    return this.wreck.cells.has(ref) ? super.rootBytesOf(ref) : C.PAGE_BYTES
  }

  protected override isNamed(ref: number): boolean {
    const { wreck } = this
    const tree = wreck.space.windowOf(ref).u32[wordIndexOf(ref) + MULTIMAP.tree]!
    return wreck.cells.has(tree) && super.isNamed(ref)
  }

  /** What a root still leads to. */
  *fill({ type, to, report }: Filling, root: number): Steps<void> {
    const { wreck } = this
    const damaged = (): void => { report.damaged = true }
    const isMap = type instanceof MapType
    if (!isMap && !wreck.cells.has(root)) return damaged()
    const top = isMap ? root
      : wreck.space.windowOf(root).u32[wordIndexOf(root) + MULTIMAP.tree]!
    for (const leaf of this.leavesOf(type.codec.kind, top, damaged)) {
      if (isMap) yield* this.addLeaf(type, leaf, to, report)
      else this.addKeys(type, leaf, to, report)
    }
  }

  /** What waits in maps inside of records. */
  *finish(): Steps<void> {
    for (let map = this.pendingMaps.pop(); map !== undefined; map = this.pendingMaps.pop()) {
      yield* this.completeMap(map)
      yield* this.completeRecords()
    }
  }
}

const firstChildOf = (wreck: Wreck, ref: number): number =>
  wreck.space.windowOf(ref).u32[wordIndexOf(ref) + 7]!

function isAnchor(wreck: Wreck, ref: number): boolean {
  return (wreck.space.windowOf(ref).u32[wordIndexOf(ref) + 2]! & 0xff) === C.NODE_ANCHOR
}

/** See the top of the file. */
export class Salvage {
  readonly result: Salvaged = {
    names: [], lostRefs: 0, lostEntries: 0, lostIndexes: [], lostTypes: [],
  }

  private readonly copy: SalvageCopy
  private readonly fillings: Filling[] = []
  private readonly indexes: FoundEntry[] = []
  private madeUp = 0

  constructor(
    private readonly wreck: Wreck,
    private readonly target: OpenSession,
    private readonly catalog: Catalog,
  ) {
    this.copy = new SalvageCopy(wreck, target)
  }

  * run(): Steps<void> {
    this.findTypes()
    for (const entry of this.findNames()) yield* this.saveEntry(entry)
    yield* this.adoptLeaves()
    yield* this.adoptRecords()
    for (const index of this.indexes) this.makeIndex(index)
    this.result.lostRefs = this.copy.lostRefs
    this.result.lostEntries += this.copy.nested.lost
  }

  private refsOf(typeId: number): readonly Ref[] {
    return this.wreck.cells.byType.get(typeId) ?? []
  }

  // ── S1 ──

  private findTypes(): void {
    const { wreck } = this
    const { byId } = wreck.registry
    const found = new Map<number, AnyType>()
    for (const ref of this.refsOf(C.TYPE_DESCRIPTOR)) {
      const type = wreck.typeAt(ref)
      if (type !== undefined) found.set(ref, type)
    }
    const left = new Map(found)
    for (const [id, ref] of this.smallEntries('u32', C.TYPES_PAGE, (value) => found.has(value))) {
      byId.set(id as number, found.get(ref)!)
      left.delete(ref)
    }
    this.guessTypes([...left.values()], this.wantedTypes().filter((id) => !byId.has(id)))
    this.result.lostTypes.push(...this.wantedTypes().filter((id) => !byId.has(id)))
  }

  /** Numbers that cells and names have. */
  private wantedTypes(): number[] {
    const { wreck } = this
    const ids = new Set(wreck.cells.byType.keys())
    for (const ref of this.refsOf(C.TYPE_CATALOG_ENTRY)) {
      const { u32 } = wreck.space.windowOf(ref)
      ids.add(u32[wordIndexOf(ref) + field('keyType')]!)
      ids.add(u32[wordIndexOf(ref) + field('valueType')]!)
    }
    return [...ids].filter((id) => id >= C.FIRST_STORED_TYPE && id <= 0xffff).sort((a, b) => a - b)
  }

  private guessTypes(types: AnyType[], ids: readonly number[]): void {
    const { byId } = this.wreck.registry
    for (const [position, id] of ids.entries()) {
      const scores = types.map((type) => this.fit(type, id))
      const best = Math.max(...scores)
      if (types.length === 0 || best < LEAST_FIT) continue
      // As many descriptors as numbers: then they are in the same order.
      const inOrder = types.length === ids.length - position && scores[0]! >= LEAST_FIT
      const [type] = types.splice(inOrder ? 0 : scores.indexOf(best), 1)
      byId.set(id, type!)
    }
  }

  /** Part of the cells with a number that can be of a type; a type without cells fits all. */
  private fit(type: AnyType, id: number): number {
    const sample = this.refsOf(id).slice(0, SAMPLE)
    if (sample.length === 0) return type instanceof MapType ? 0 : LEAST_FIT
    return sample.filter((ref) => this.canBe(type, ref)).length / sample.length
  }

  private canBe(type: AnyType, ref: Ref): boolean {
    const { wreck } = this
    if (type instanceof MapType) return this.copy.readerOf(type.codec.kind, ref) !== undefined
    try {
      let fits = type.cellBytes(wreck, ref) <= payloadRoom(wreck, ref)
      type.visitCell(wreck, ref, (of, to, owned) => {
        const isThere = wreck.cells.has(to)
          && (of.fixedTypeId === 0 || wreck.space.typeIdOf(to) === of.fixedTypeId)
        if (owned && !isThere) fits = false
      }, '')
      return fits
    } catch {
      return false
    }
  }

  /** Keys and first words of values in leaves all of whose values are as they must be. */
  private* smallEntries(
    kind: KeyKind, page: number, isValue: (value: number) => boolean,
  ): IterableIterator<[key: unknown, value: number]> {
    const { wreck, copy } = this
    const root = (page * C.PAGE_BYTES / C.UNIT_BYTES) as Ref
    for (const ref of [root, ...this.refsOf(C.TYPE_NODE)]) {
      const nodes = copy.readerOf(kind, ref)
      if (nodes === undefined || nodes.valueBytes !== 4 || nodes.levelOf(ref) !== 0) continue
      const { u32 } = wreck.space.windowOf(ref)
      const entries = Array.from({ length: nodes.countOf(ref) }, (_, index): [unknown, number] =>
        [nodes.keyAt(ref, index, nodes.newKey()), u32[nodes.valueAt(ref, index)]!])
      if (entries.length === 0 || !entries.every(([, value]) => isValue(value))) continue
      copy.seen.add(ref)
      yield* entries
    }
  }

  // ── S2 ──

  private findNames(): FoundEntry[] {
    const cells = new Set<number>(this.refsOf(C.TYPE_CATALOG_ENTRY))
    const found = new Map<number, string>()
    for (const [key, ref] of this.smallEntries('bytes', C.CATALOG_PAGE, (ref) => cells.has(ref))) {
      found.set(ref, names.decode(key as never))
    }
    const entries = [...cells].map((ref) => this.entryAt(ref as Ref, found.get(ref)))
    const roots = new Set<number>(entries.map(({ root }) => root))
    for (const [id, type] of this.wreck.registry.byId) {
      if (!(type instanceof MapType)) continue
      for (const root of this.refsOf(id)) {
        const isNamed = this.wreck.cells.unitsOf(root) === C.PAGE_BYTES / C.UNIT_BYTES
        if (isNamed && !roots.has(root)) entries.push(this.namelessMap(type, root))
      }
    }
    return entries
  }

  private entryAt(ref: Ref, name: string | undefined): FoundEntry {
    const { u32 } = this.wreck.space.windowOf(ref)
    const wordOf = (word: number): number => u32[wordIndexOf(ref) + word]!
    return {
      name: name ?? this.makeUpName(), madeUp: name === undefined, kind: wordOf(field('kind')),
      root: wordOf(field('root')) as Ref, auxiliary: wordOf(field('auxiliary')) as Ref,
      keyType: this.typeOf(wordOf(field('keyType'))),
      valueType: this.typeOf(wordOf(field('valueType'))),
    }
  }

  private namelessMap({ keyType, valueType }: MapType, root: Ref): FoundEntry {
    const name = this.makeUpName()
    return { name, madeUp: true, kind: C.ENTRY_MAP, root, auxiliary: 0 as Ref, keyType, valueType }
  }

  private makeUpName(): string {
    return `recovered ${++this.madeUp}`
  }

  private typeOf(id: number): AnyType | undefined {
    if (id >= C.FIRST_STORED_TYPE) return this.wreck.registry.byId.get(id)
    return Object.values(simpleTypes).find(({ fixedTypeId }) => fixedTypeId === id && id !== 0)
  }

  // ── S3 ──

  private* saveEntry(entry: FoundEntry): Steps<void> {
    if (entry.kind === C.ENTRY_INDEX) {
      this.indexes.push(entry)
      return
    }
    const report: SavedName = {
      name: entry.name, kind: entry.kind === C.ENTRY_VALUE ? 'value'
        : entry.kind === C.ENTRY_MULTIMAP ? 'multimap' : 'map',
      saved: 0, lost: 0, damaged: false, madeUp: entry.madeUp,
    }
    this.result.names.push(report)
    if (entry.kind === C.ENTRY_VALUE) yield* this.saveValue(entry, report)
    else yield* this.saveMap(entry, report)
  }

  private* saveValue({ name, root, valueType }: FoundEntry, report: SavedName): Steps<void> {
    if (valueType === undefined || !this.wreck.isSound(valueType, root)) {
      report.lost = root === 0 ? 0 : 1
      return
    }
    const copied = yield* this.copy.copy(root)
    report.saved = 1
    this.addName(name, C.ENTRY_VALUE, copied, undefined, valueType)
  }

  private addName(
    name: string, kind: number, root: Ref, keyType: AnyType | undefined, valueType: AnyType,
  ): void {
    const { registry } = this.target
    this.catalog.directory.add(name, {
      kind, root, auxiliary: 0 as Ref, valueType: registry.idOf(valueType),
      keyType: keyType === undefined ? 0 : registry.idOf(keyType),
    })
  }

  private* saveMap(entry: FoundEntry, report: SavedName): Steps<void> {
    const { keyType, valueType, root, kind } = entry
    const isKeyed = (type: AnyType | undefined): type is AnyType =>
      type !== undefined && type.key !== null
    const isKnown = kind === C.ENTRY_MAP || (kind === C.ENTRY_MULTIMAP && isKeyed(valueType))
    if (!isKeyed(keyType) || valueType === undefined || !isKnown) {
      report.damaged = true
      return
    }
    const filling = this.begin(report, keyType, valueType, kind)
    yield* this.copy.fill(filling, root)
    yield* this.copy.finish()
  }

  private begin(
    report: SavedName, keyType: AnyType, valueType: AnyType, kind: number = C.ENTRY_MAP,
  ): Filling {
    const { target } = this
    const isMap = kind === C.ENTRY_MAP
    const type = isMap ? new MapType(keyType, valueType) : new MultimapType(keyType, valueType)
    const to = type instanceof MapType ? createMapRoot(target, type, C.PAGE_BYTES)
      : createMultimap(target, type, true)
    this.addName(report.name, kind, to, keyType, valueType)
    const filling = { report, type, to }
    this.fillings.push(filling)
    return filling
  }

  private* adoptLeaves(): Steps<void> {
    const { copy, wreck } = this
    const groups = new Map<string, Filling>()
    for (const ref of this.refsOf(C.TYPE_NODE)) {
      const isPage = wreck.cells.unitsOf(ref) === C.PAGE_BYTES / C.UNIT_BYTES
      if (!isPage || copy.seen.has(ref)) continue
      const fitting = this.fillings.filter((filling) =>
        filling.report.damaged && this.fitsLeaf(filling, ref))
      const [first] = fitting
      if (first === undefined) continue
      copy.seen.add(ref)
      const to = fitting.length === 1 ? first : this.groupOf(groups, first)
      if (to.type instanceof MapType) yield* copy.addLeaf(to.type, ref, to.to, to.report)
      else copy.addKeys(to.type, ref, to.to, to.report)
      yield* copy.finish()
    }
  }

  /** For entries of which it is not known in which of several maps they were. */
  private groupOf(groups: Map<string, Filling>, { type }: Filling): Filling {
    const known = groups.get(type.descriptorText)
    if (known !== undefined) return known
    const kind = type instanceof MapType ? C.ENTRY_MAP : C.ENTRY_MULTIMAP
    const group = this.begin(this.madeUpReport(type instanceof MapType ? 'map' : 'multimap'),
      type.keyType, type.valueType, kind)
    groups.set(type.descriptorText, group)
    return group
  }

  private madeUpReport(kind: SavedName['kind']): SavedName {
    const report: SavedName = {
      name: this.makeUpName(), kind, saved: 0, lost: 0, damaged: false, madeUp: true,
    }
    this.result.names.push(report)
    return report
  }

  private fitsLeaf({ type }: Filling, ref: Ref): boolean {
    const { wreck, copy } = this
    const nodes = copy.readerOf(type.codec.kind, ref)
    if (nodes === undefined || nodes.levelOf(ref) !== 0 || nodes.countOf(ref) === 0) return false
    const isMap = type instanceof MapType
    if (nodes.valueBytes !== (isMap ? leafBytesOf(type.valueType) : 4)) return false
    try {
      type.codec.decode(nodes.keyAt(ref, 0, nodes.newKey()) as never)
    } catch {
      return false
    }
    if (isMap && type.valueType.inLeaf) return true
    const { u32 } = wreck.space.windowOf(ref)
    for (let index = 0, count = nodes.countOf(ref); index < count; index++) {
      const value = u32[nodes.valueAt(ref, index)]!
      const fits = isMap ? wreck.isSound(type.valueType, value)
        : copy.readerOf(type.valueCodec.kind, value)?.valueBytes === 0
      if (fits) return true
    }
    return false
  }

  // ── S4 ──

  private* adoptRecords(): Steps<void> {
    const { wreck, copy, target } = this
    for (const { type, report } of [...this.fillings]) {
      if (!(type instanceof MapType) || !(type.valueType instanceof StructType)) continue
      if (!report.damaged) continue
      let into: Filling | undefined
      for (const [id] of wreck.registry.byId) {
        for (const ref of this.refsOf(id)) {
          if (copy.wasCopied(ref) || !wreck.isSound(type.valueType, ref)) continue
          into ??= this.begin(this.madeUpReport('map'), simpleTypes.u32, type.valueType)
          const copied = yield* copy.copy(ref)
          const tree = openTree(target.space, 'u32', into.to) as unknown as AnyTree
          const at = tree.place(++into.report.saved as never)
          tree.window.u32[at] = copied
        }
      }
    }
  }

  // ── indexes ──

  private makeIndex({ name, auxiliary }: FoundEntry): void {
    const [map = '', index = ''] = name.split('\0')
    try {
      const { by, unique } = JSON.parse(this.wreck.textAt(auxiliary)) as IndexShape
      const entry = this.catalog.directory.find(map)
      if (by === null || entry === undefined) throw new Error('its function is not stored')
      const { registry } = this.target
      this.catalog.map(map, registry.typeOf(entry.keyType), registry.typeOf(entry.valueType))
        .index(index, by as never, { unique: unique === true })
    } catch {
      this.result.lostIndexes.push(name.replace('\0', ': '))
    }
  }
}
