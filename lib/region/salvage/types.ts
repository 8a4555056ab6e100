/**
 * S1: which type has which number. What the leaves of the tree of types say counts, then what the
 * second copies of descriptors say (descriptor-copies.ts): they name the number along with the
 * type. For the rest the numbers are found out, from what is surest to what is not:
 *
 *  T1. A number goes to the descriptor that its cells fit best; of those that fit as well, to the
 *      one whose cell comes at that place, because numbers are given out in order.
 *  T2. Multimaps can be told for sure and come first; maps come after what is in them. The root of
 *      a named one must agree with its catalog entry.
 *  T3. The descriptor of a map then says what the numbers in that entry stand for.
 *  T4. Types without cells come last.
 *  T5. Numbers are given out in order: one far above all that are known is none, but comes from a
 *      page that was overwritten along with its checksum.
 */
import { C } from '../../../formats/index.js'
import type { AnyTree } from '../../map/handle.js'
import { MULTIMAP } from '../../map/multimap.js'
import { leafBytesOf } from '../../map/values.js'
import { wordIndexOf } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import type { KeyKind } from '../../tree/keys.js'
import { payloadRoom } from '../../types/boxes.js'
import { CopiedDescriptors } from '../../types/descriptor-copies.js'
import { typeFromText } from '../../types/descriptor.js'
import { MapType, MultimapType } from '../../types/map/map.js'
import type { AnyType } from '../../types/type.js'
import { firstChildOf, isAnchor, type SalvageCopy } from './copy.js'
import type { CatalogCell, Wreck } from './wreck.js'

const SAMPLE = 32
/** How well a type must fit a sample. */
const LEAST_FIT = 0.9
/** Where a cell has room left, a little or as much as one that was made for more may have. */
const NEAR_FIT = 0.97
const LOOSE_FIT = 0.95
const LEAST_ROOM = (C.MINIMUM_CELL_UNITS - 1) * C.UNIT_BYTES
const LARGEST_TYPE = 0xffff
/** Numbers in a row that may all be lost. */
const FAR_ABOVE = 256

const isTree = (type: AnyType): type is MapType | MultimapType =>
  type instanceof MapType || type instanceof MultimapType

export class TypeNumbers {
  /** Numbers whose descriptors were not found. */
  readonly lost: readonly number[]
  private readonly left = new Set<AnyType>()
  /** Where among all descriptors that of a type is. */
  private readonly places = new Map<AnyType, number>()
  private readonly catalog: readonly CatalogCell[]

  constructor(private readonly wreck: Wreck, private readonly copy: SalvageCopy) {
    const { cells } = wreck
    this.catalog = wreck.catalogCells()
    const found = new Map<number, AnyType>()
    for (const ref of cells.refsOf(C.TYPE_DESCRIPTOR)) {
      const type = wreck.typeAt(ref)
      if (type !== undefined) found.set(ref, type)
    }
    for (const type of found.values()) {
      this.left.add(type)
      this.places.set(type, this.places.size)
    }
    for (const [id, ref] of copy.smallEntries('u32', C.TYPES_PAGE, (value) => found.has(value))) {
      this.number(id as number, found.get(ref)!)
    }
    this.readCopies()
    this.guess()
    this.lost = this.open().filter((id) => this.isLikely(id))
  }

  /** T5. Where nothing is known any number may have been one. */
  private isLikely(id: number): boolean {
    const known = [...this.wreck.registry.byId.keys()].filter((other) => other <= LARGEST_TYPE)
    const largest = Math.max(...known, C.FIRST_STORED_TYPE)
    return largest === C.FIRST_STORED_TYPE || id - largest <= FAR_ABOVE
  }

  private readCopies(): void {
    const { cells, space, registry: { byId } } = this.wreck
    const copied = new CopiedDescriptors()
    for (const ref of cells.refsOf(C.TYPE_DESCRIPTOR_COPIES)) {
      if (CopiedDescriptors.isPage(space, ref)) copied.addPage(space, ref)
    }
    for (const id of copied.ids) {
      const text = copied.textOf(id)
      const isNew = id >= C.FIRST_STORED_TYPE && id <= LARGEST_TYPE && !byId.has(id)
      const type = isNew && text !== undefined ? this.typeOf(text) : undefined
      if (type !== undefined) this.number(id, type)
    }
  }

  /** The type that was found with this text, or else one made of it. */
  private typeOf(text: string): AnyType | undefined {
    const found = [...this.left].find(({ descriptorText }) => descriptorText === text)
    if (found !== undefined) return found
    try {
      return typeFromText(text)
    } catch {
      return undefined
    }
  }

  private number(id: number, type: AnyType): void {
    this.wreck.registry.byId.set(id, type)
    this.left.delete(type)
  }

  /** Numbers that cells and names have, and no type has yet. */
  private open(): number[] {
    const { cells, registry: { byId } } = this.wreck
    const named = this.catalog.flatMap(({ keyType, valueType }) => [keyType, valueType])
    return [...new Set([...cells.byType.keys(), ...named])]
      .filter((id) => id >= C.FIRST_STORED_TYPE && id <= LARGEST_TYPE && !byId.has(id))
      .sort((a, b) => a - b)
  }

  private guess(): void {
    const { cells } = this.wreck
    const withCells = (id: number): boolean => cells.refsOf(id).length > 0
    const sure: ((type: AnyType) => boolean)[] = [
      (type) => type instanceof MultimapType,
      (type) => !isTree(type) && !type.inLeaf,
      isTree,
    ]
    for (const isMeant of sure) this.match(this.open().filter(withCells), isMeant)
    this.followCatalog()
    this.match(this.open(), () => true)
  }

  /** T1. */
  private match(ids: readonly number[], isMeant: (type: AnyType) => boolean): void {
    const types = [...this.left].filter(isMeant)
    const pairs = ids.flatMap((id) => types.map((type) => ({
      id, type, fit: this.fit(type, id),
      apart: Math.abs(this.places.get(type)! - (id - C.FIRST_STORED_TYPE)),
    }))).filter(({ fit }) => fit >= LEAST_FIT)
    pairs.sort((a, b) => b.fit - a.fit || a.apart - b.apart)
    const { byId } = this.wreck.registry
    for (const { id, type } of pairs) {
      if (!byId.has(id) && this.left.has(type)) this.number(id, type)
    }
  }

  /** T3. */
  private followCatalog(): void {
    const { cells, registry: { byId }, space } = this.wreck
    for (const { root, keyType, valueType } of this.catalog) {
      const type = cells.has(root) ? byId.get(space.typeIdOf(root)) : undefined
      if (type === undefined || !isTree(type)) continue
      this.numberLike(keyType, type.keyType)
      this.numberLike(valueType, type.valueType)
    }
  }

  private numberLike(id: number, { descriptorText }: AnyType): void {
    if (id < C.FIRST_STORED_TYPE || this.wreck.registry.byId.has(id)) return
    const type = [...this.left].find((left) => left.descriptorText === descriptorText)
    if (type !== undefined) this.number(id, type)
  }

  /** How well a type fits the cells with a number; a number without cells may be any type. */
  private fit(type: AnyType, id: number): number {
    const sample = this.wreck.cells.refsOf(id).slice(0, SAMPLE)
    if (sample.length === 0) return LEAST_FIT
    if (isTree(type) && !this.agrees(type, id)) return 0
    const fits = sample.map((ref) => this.fitAt(type, ref)).filter((fit) => fit !== undefined)
    return fits.length === 0
      ? LEAST_FIT : fits.reduce((sum, fit) => sum + fit, 0) / fits.length
  }

  /** Undefined where what would tell is lost: that speaks for no type, and against none. */
  private fitAt(type: AnyType, ref: Ref): number | undefined {
    try {
      if (type instanceof MapType) return this.fitOfMap(type, ref)
      if (type instanceof MultimapType) return Number(this.canBeMultimap(type, ref))
      return this.fitOfCell(type, ref)
    } catch {
      return 0
    }
  }

  private fitOfCell(type: AnyType, ref: Ref): number | undefined {
    const { wreck } = this
    const room = payloadRoom(wreck, ref)
    const bytes = type.cellBytes(wreck, ref)
    let fits = bytes <= room
    let isKnown = true
    type.visitCell(wreck, ref, (of, to, owned) => {
      const isThere = wreck.cells.has(to)
        && (of.fixedTypeId === 0 || wreck.space.typeIdOf(to) === of.fixedTypeId)
      if (!owned || isThere) return
      if (wreck.cells.isLost(to)) isKnown = false
      else fits = false
    }, '')
    const spare = room - bytes
    if (!fits || spare > bytes + LEAST_ROOM * 2) return 0
    if (!isKnown) return undefined
    if (spare < C.UNIT_BYTES) return 1
    return spare <= LEAST_ROOM && room > LEAST_ROOM ? NEAR_FIT : LOOSE_FIT
  }

  /** Numbers in leaves may be anything; refs name cells of a type. */
  private fitOfMap({ codec, valueType }: MapType, ref: number): number {
    const leaf = this.firstLeaf(codec.kind, ref)
    if (leaf === undefined) return 0
    const { nodes, at } = leaf
    if (nodes.levelOf(at) > 0) return LOOSE_FIT
    if (nodes.valueBytes !== leafBytesOf(valueType)) return 0
    if (nodes.countOf(at) === 0) return LOOSE_FIT
    if (valueType.inLeaf) return NEAR_FIT
    return Number(this.canBeValue(
      valueType, this.wreck.space.windowOf(at).u32[nodes.valueAt(at, 0)]!))
  }

  private canBeValue(type: AnyType, ref: number): boolean {
    const { cells, space, registry: { byId } } = this.wreck
    if (!cells.has(ref)) return false
    const typeId = space.typeIdOf(ref)
    const known = byId.get(typeId)
    return type.fixedTypeId === 0
      ? known === undefined || this.wreck.canBe(known, type) : typeId === type.fixedTypeId
  }

  private canBeMultimap({ codec }: MultimapType, ref: Ref): boolean {
    const tree = this.wreck.space.windowOf(ref).u32[wordIndexOf(ref) + MULTIMAP.tree]!
    const leaf = this.firstLeaf(codec.kind, tree)
    if (leaf === undefined || payloadRoom(this.wreck, ref) > LEAST_ROOM * 3) return false
    return leaf.nodes.levelOf(leaf.at) > 0 || leaf.nodes.valueBytes === 4
  }

  /** The first leaf that a root leads to; where the way is damaged, the last node before. */
  private firstLeaf(kind: KeyKind, ref: number): { nodes: AnyTree; at: number } | undefined {
    const { wreck, copy } = this
    let at = wreck.cells.has(ref) && isAnchor(wreck, ref) ? firstChildOf(wreck, ref) : ref
    let nodes = copy.readerOf(kind, at)
    while (nodes !== undefined && nodes.levelOf(at) > 0) {
      const child = nodes.childAt(at, 0)
      const below = copy.readerOf(kind, child)
      if (below === undefined || below.levelOf(child) >= nodes.levelOf(at)) break
      nodes = below
      at = child
    }
    return nodes && { nodes, at }
  }

  /** T2. */
  private agrees({ keyType, valueType }: MapType | MultimapType, id: number): boolean {
    const { cells, space, registry: { byId } } = this.wreck
    const can = (type: AnyType, number: number): boolean => {
      if (number < C.FIRST_STORED_TYPE) return type.fixedTypeId === number
      const known = byId.get(number)
      return type.fixedTypeId === 0
        && (known === undefined || known.descriptorText === type.descriptorText)
    }
    return this.catalog.every((entry) => !cells.has(entry.root)
      || space.typeIdOf(entry.root) !== id
      || (can(keyType, entry.keyType) && can(valueType, entry.valueType)))
  }
}
