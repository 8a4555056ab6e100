/** The copy of what is sound, entry by entry, and how nodes of trees are read in a wreck. */
import { C } from '../../../formats/index.js'
import type { AnyTree } from '../../map/handle.js'
import { MULTIMAP, VALUES_ROOT_BYTES } from '../../map/multimap.js'
import { leafBytesOf, valuesOf } from '../../map/values.js'
import { PAGE_UNITS, refOfPage, wordIndexOf } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import type { KeyKind } from '../../tree/keys.js'
import { FIRST_CHILD, HEAD, WIDTHS } from '../../tree/node.js'
import { createTree, openTree } from '../../tree/open.js'
import { MapType, type MultimapType } from '../../types/map/map.js'
import { LONGEST_TRAIL, nextOf } from '../../types/moved.js'
import type { AnyType } from '../../types/type.js'
import { GraphCopy, type Steps } from '../base/evacuate.js'
import type { OpenSession } from '../base/open-session.js'
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
  /** Whether values name packed regions of a store: elsewhere they name nothing; none is saved. */
  ofStore: boolean
}

/** A map or multimap that is being filled. */
export interface Filling {
  readonly report: SavedName
  readonly type: MapType | MultimapType
  readonly to: Ref
}

const isNode = (typeId: number): boolean =>
  typeId === C.TYPE_NODE || typeId >= C.FIRST_STORED_TYPE || typeId === C.TYPE_CATALOG_ROOT
  || typeId === C.TYPE_TYPES_ROOT

/** Copies what is sound, entry by entry. */
export class SalvageCopy extends GraphCopy {
  lostRefs = 0
  /** Nodes that were reached: what is left is nobody's. */
  readonly seen = new Set<number>()
  /** Cells that are owned by something that was copied: a bit for each unit. */
  private readonly claimed: Uint32Array

  constructor(private readonly wreck: Wreck, target: OpenSession) {
    super(wreck, target)
    this.claimed = new Uint32Array(Math.ceil(wreck.image.endUnits / 32))
  }

  wasCopied(ref: number): boolean {
    return this.copies.get(ref) !== 0
  }

  /** E7. Where one of what a record has left is lost, by what the record says that it left. */
  protected override presentRef(ref: number): number {
    const { wreck } = this
    let at = ref
    for (let hops = 0; wreck.cells.has(at) && hops < LONGEST_TRAIL; hops++) {
      if (wreck.space.typeIdOf(at) !== C.TYPE_MOVED) return at
      at = nextOf(wreck.space, at)
    }
    return wreck.recordThatLeft(at) ?? ref
  }

  protected override mayCopy(type: AnyType, ref: number, owned: boolean): boolean {
    if (this.wreck.isSound(type, ref) && (!owned || this.claim(ref))) return true
    if (!owned) this.lostRefs++
    return false
  }

  /** What looks like two owners is one, and bytes that look like one: text is copied for both. */
  private claim(ref: number): boolean {
    if (this.isClaimed(ref)) {
      if (this.wreck.space.typeIdOf(ref) >= C.FIRST_STORED_TYPE) return false
      this.copies.set(ref, 0 as Ref)
    }
    this.claimed[ref >>> 5]! |= 1 << (ref & 31)
    return true
  }

  private isClaimed(ref: number): boolean {
    return (this.claimed[ref >>> 5]! & (1 << (ref & 31))) !== 0
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
      const valueBytes = (u32[wordIndexOf(ref) + WIDTHS]! >>> 8) & 0xff
      if (valueBytes !== 0 && valueBytes !== 4 && valueBytes !== 8) return undefined
      const isPage = wreck.cells.unitsOf(ref) === PAGE_UNITS
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
      const isFree = this.wreck.space.typeIdOf(ref) < C.FIRST_STORED_TYPE || !this.isClaimed(ref)
      if (owned && !(this.wreck.isSound(type, ref) && isFree)) sound = false
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
          { typeId: C.TYPE_NODE, valueBytes: 0, rootBytes: VALUES_ROOT_BYTES })
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
    ofStore: false,
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

  /** Keys and first words of values in leaves all of whose values are as they must be. */
  *smallEntries(
    kind: KeyKind, page: number, isValue: (value: number) => boolean,
  ): IterableIterator<[key: unknown, value: number]> {
    const { wreck } = this
    const root = refOfPage(page)
    for (const ref of [root, ...wreck.cells.refsOf(C.TYPE_NODE)]) {
      const nodes = this.readerOf(kind, ref)
      if (nodes === undefined || nodes.valueBytes !== 4 || nodes.levelOf(ref) !== 0) continue
      const { u32 } = wreck.space.windowOf(ref)
      const entries = Array.from({ length: nodes.countOf(ref) }, (_, index): [unknown, number] =>
        [nodes.keyAt(ref, index, nodes.newKey()), u32[nodes.valueAt(ref, index)]!])
      if (entries.length === 0 || !entries.every(([, value]) => isValue(value))) continue
      this.seen.add(ref)
      yield* entries
    }
  }
}

/** Where an anchor leads. */
export const firstChildOf = (wreck: Wreck, ref: number): number =>
  wreck.space.windowOf(ref).u32[wordIndexOf(ref) + FIRST_CHILD]!

/** Whether a root is a small one whose entries have moved. */
export function isAnchor(wreck: Wreck, ref: number): boolean {
  return (wreck.space.windowOf(ref).u32[wordIndexOf(ref) + HEAD]! & 0xff) === C.NODE_ANCHOR
}
