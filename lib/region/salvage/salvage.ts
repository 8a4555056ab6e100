/**
 * What can be saved from a damaged region, in a new one.
 *
 *  S1. Types first (types.ts): a descriptor is recognised by its cell, or by its second copy, which
 *      is on another page. Without either a type is lost, and every record of it: what its bytes
 *      mean is written nowhere else.
 *  S2. Then names (names.ts): from the leaves of the catalog, wherever they are, or from the cells
 *      of entries. What has a root but no entry gets a name that is made up.
 *  S3. Then entries. From a root, all leaves that inner nodes still lead to; then leaves that
 *      nothing leads to go to the one map with damage whose keys and values they fit, or to a map
 *      with a made-up name. The first of two entries with one key counts: it is the one that was
 *      reached.
 *  S4. Last, records that nothing leads to any more: by their types, under numbers, in maps of
 *      their own. First those that can be read as the values of a map with damage, of any version
 *      of their type; then, where pages are damaged, all others: nodes and name may both be gone.
 *  S5. An entry is saved when its value is sound (wreck.ts); a ref to a shared record that is not
 *      is saved as none. Records that name packed regions of a store are never sound: out of the
 *      store they name nothing.
 */
import { C } from '../../../formats/index.js'
import type { Catalog } from '../../map/catalog.js'
import type { AnyTree } from '../../map/handle.js'
import { createMultimap } from '../../map/multimap.js'
import type { IndexShape } from '../../map/secondary-index.js'
import { createMapRoot } from '../../map/structures.js'
import { leafBytesOf } from '../../map/values.js'
import { PAGE_UNITS } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import { openTree } from '../../tree/open.js'
import { simpleTypes } from '../../types/descriptor.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import { StructType } from '../../types/struct/struct.js'
import type { AnyType } from '../../types/type.js'
import { namesPacked, type Steps } from '../base/evacuate.js'
import type { OpenSession } from '../base/open-session.js'
import { SalvageCopy, type Filling, type SavedName } from './copy.js'
import { FoundNames, type FoundEntry } from './names.js'
import { TypeNumbers } from './types.js'
import type { Wreck } from './wreck.js'

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

/** See the top of the file. */
export class Salvage {
  readonly result: Salvaged = {
    names: [], lostRefs: 0, lostEntries: 0, lostIndexes: [], lostTypes: [],
  }

  private readonly copy: SalvageCopy
  private readonly fillings: Filling[] = []
  private readonly indexes: FoundEntry[] = []
  private names!: FoundNames

  constructor(
    private readonly wreck: Wreck,
    private readonly target: OpenSession,
    private readonly catalog: Catalog,
  ) {
    this.copy = new SalvageCopy(wreck, target)
  }

  * run(): Steps<void> {
    this.result.lostTypes.push(...new TypeNumbers(this.wreck, this.copy).lost)
    this.names = new FoundNames(this.wreck, this.copy)
    for (const entry of this.names.entries) yield* this.saveEntry(entry)
    yield* this.adoptLeaves()
    yield* this.adoptRecords()
    for (const index of this.indexes) this.makeIndex(index)
    this.result.lostRefs = this.copy.lostRefs
    this.result.lostEntries += this.copy.nested.lost
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
      ofStore: entry.valueType !== undefined && namesPacked(entry.valueType),
    }
    this.result.names.push(report)
    if (report.ofStore) return
    if (entry.kind === C.ENTRY_VALUE) yield* this.saveValue(entry, report)
    else yield* this.saveMap(entry, report)
  }

  private* saveValue({ name, root, valueType }: FoundEntry, report: SavedName): Steps<void> {
    if (valueType === undefined || !this.wreck.isSound(valueType, root)) {
      report.lost = root === 0 ? 0 : 1
      return
    }
    const copied = yield* this.copy.copy(root, true)
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
    for (const ref of wreck.cells.refsOf(C.TYPE_NODE)) {
      const isPage = wreck.cells.unitsOf(ref) === PAGE_UNITS
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
      name: this.names.makeUpName(), kind, saved: 0, lost: 0, damaged: false, madeUp: true,
      ofStore: false,
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
    const { byId } = this.wreck.registry
    for (const { type, report } of [...this.fillings]) {
      if (!(type instanceof MapType) || !(type.valueType instanceof StructType)) continue
      if (report.damaged) yield* this.adoptAs(type.valueType, byId.keys())
    }
    const { damagedPages, uncheckedPages } = this.wreck.image
    if (damagedPages.size === 0 && uncheckedPages === 0) return
    for (const [id, type] of byId) if (type instanceof StructType) yield* this.adoptAs(type, [id])
  }

  /** What can be read as `type` of the records with these type numbers. */
  private* adoptAs(type: StructType, ids: Iterable<number>): Steps<void> {
    const { wreck, copy, target } = this
    let into: Filling | undefined
    for (const id of ids) {
      for (const ref of wreck.cells.refsOf(id)) {
        if (copy.wasCopied(ref) || !wreck.isSound(type, ref)) continue
        into ??= this.begin(this.madeUpReport('map'), simpleTypes.u32, type)
        const copied = yield* copy.copy(ref, true)
        const tree = openTree(target.space, 'u32', into.to) as unknown as AnyTree
        const at = tree.place(++into.report.saved as never)
        tree.window.u32[at] = copied
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
