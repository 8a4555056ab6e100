/**
 * What belongs to which name: its nodes, its records, and all that they own, followed from the root
 * by the stored types. What refs share belongs to no name. The walk ends whatever the file holds:
 * no more cells are visited than there can be.
 */
import { C } from '../../formats/index.js'
import { cellAt, pageOfRef, refOfPage, trailOf, type Cell } from './cells.js'
import type { Node } from './node.js'
import type { PageMap } from './page-map.js'
import type { PageSet } from './page-set.js'
import type { RegionImage } from './region.js'
import {
  isBoxed, isInLeaf, ownedSlots, shapeOf, type BoxedShape, type OwnedSlot, type Shape,
} from './shapes.js'
import { walkMultimap, walkTree } from './tree.js'
import type { TypeTable } from './type-table.js'

export interface NameSpace {
  nodes: number
  nodeBytes: number
  /** Cells of values, and of what they own. */
  cells: number
  cellBytes: number
}

/** Names beyond these share the last number. */
const MOST_OWNERS = 0xffff

/** Where the elements are in the cell of an array. */
const ARRAY_START = 16

const PROGRESS_CELLS = 65_536

/** Types nest no deeper in what this program writes. */
const DEEPEST = 64

export class OwnerWalk {
  private owner = 0
  private where = ''
  private space: NameSpace = { nodes: 0, nodeBytes: 0, cells: 0, cellBytes: 0 }
  private readonly slots = new Map<Shape, readonly OwnedSlot[]>()
  /** Of each page the votes that its owner is ahead by, in units. */
  private readonly weights: Uint16Array
  private cells = 0
  private cellsLeft: number

  /** @param seen pages that are nodes of trees */
  constructor(
    private readonly image: RegionImage,
    private readonly types: TypeTable,
    private readonly seen: PageSet,
    private readonly map: Pick<PageMap, 'pageCount' | 'owner'>,
    private readonly onProgress: (cells: number) => void,
  ) {
    this.weights = new Uint16Array(map.pageCount)
    this.cellsLeft = Math.ceil(image.endUnits / C.MINIMUM_CELL_UNITS)
  }

  /** What follows belongs to the `index`th name of the catalog. */
  begin(where: string, index: number): NameSpace {
    this.owner = Math.min(index + 1, MOST_OWNERS)
    this.where = where
    this.space = { nodes: 0, nodeBytes: 0, cells: 0, cellBytes: 0 }
    return this.space
  }

  /** For each node of a tree with values of this type; of an index, or a multimap: undefined. */
  nodeVisitor(valueType: unknown, depth = 0): (node: Node) => void {
    const ownsCells = valueType !== undefined && !isInLeaf(valueType)
    const shape = ownsCells ? shapeOf(valueType) : undefined
    return (node) => {
      this.addNode(node.cell)
      if (!ownsCells || node.isInner) return
      for (let i = 0; i < node.count; i++) {
        const value = node.entries.value(i)
        if (value.length >= 4) this.cell(value.readUInt32LE(), shape, depth + 1)
      }
    }
  }

  private addNode({ ref, units }: Cell): void {
    this.space.nodes++
    this.space.nodeBytes += units * C.UNIT_BYTES
    this.vote(ref, units)
  }

  /** A cell that somebody owns, and all that it owns itself. */
  cell(ref: number, expected: Shape | undefined, depth = 0): void {
    if (ref === 0 || depth > DEEPEST || this.cellsLeft-- <= 0) return
    if (expected?.kind === 'map' || expected?.kind === 'multimap') {
      return this.nested(ref, expected, depth)
    }
    const cell = cellAt(this.image, ref)
    if (typeof cell === 'string' || cell.free) {
      const message = typeof cell === 'string' ? cell : `the cell at ref ${ref} is free`
      this.image.problems.add(this.where, message, pageOfRef(ref))
      return
    }
    this.addCell(cell)
    for (const left of trailOf(this.image, cell)) this.addCell(left)
    const shape = this.types.shapeOf(cell.typeId)
    if (shape?.kind === 'array') this.elements(cell, shape.element, depth)
    else if (shape !== undefined && !isBoxed(shape)) this.owned(cell, shape, 8, depth)
  }

  private nested(ref: number, shape: BoxedShape, depth: number): void {
    if (shape.kind === 'map') {
      walkTree(this.image, ref, this.where, this.nodeVisitor(shape.value, depth), this.seen)
    } else {
      walkMultimap(this.image, ref, this.where, this.nodeVisitor(undefined), this.seen)
      this.addMultimap(ref)
    }
  }

  /** The cell that a multimap is named by. */
  addMultimap(ref: number): void {
    const cell = cellAt(this.image, ref)
    if (typeof cell !== 'string') this.addCell(cell)
  }

  private addCell({ ref, units }: Cell): void {
    this.space.cells++
    this.space.cellBytes += units * C.UNIT_BYTES
    this.vote(ref, units)
    if (++this.cells % PROGRESS_CELLS === 0) this.onProgress(this.cells)
  }

  private elements(cell: Cell, element: Shape, depth: number): void {
    if (this.slotsOf(element).length === 0 || element.bytes === 0) return
    const room = Math.floor((cell.units * C.UNIT_BYTES - ARRAY_START) / element.bytes)
    const count = Math.min(this.image.pages.u32((cell.ref + 1) * C.UNIT_BYTES), room)
    for (let i = 0; i < count; i++) {
      this.owned(cell, element, ARRAY_START + i * element.bytes, depth)
    }
  }

  private slotsOf(shape: Shape): readonly OwnedSlot[] {
    let slots = this.slots.get(shape)
    if (slots === undefined) this.slots.set(shape, slots = ownedSlots(shape))
    return slots
  }

  /** What a slot at byte `at` of a cell owns. */
  private owned(cell: Cell, shape: Shape, at: number, depth: number): void {
    if (at + shape.bytes > cell.units * C.UNIT_BYTES) return
    const address = cell.ref * C.UNIT_BYTES + at
    for (const slot of this.slotsOf(shape)) {
      if (!slot.when.every(({ byte, mask }) => (this.byteAt(address + byte) & mask) !== 0)) continue
      this.cell(this.image.pages.u32(address + slot.offset), slot.shape, depth + 1)
    }
  }

  private byteAt(address: number): number {
    return this.image.pages.u32(address - address % 4) >>> address % 4 * 8 & 0xff
  }

  /** Boyer and Moore's vote, by units. */
  private vote(ref: number, units: number): void {
    const { map, weights, owner } = this
    for (let at = ref; at < ref + units;) {
      const page = pageOfRef(at)
      const next = Math.min(ref + units, refOfPage(page + 1))
      if (page >= map.pageCount) return
      const weight = weights[page]!
      if (weight === 0 || map.owner[page] === owner) {
        map.owner[page] = owner
        weights[page] = weight + next - at
      } else if (weight >= next - at) {
        weights[page] = weight - (next - at)
      } else {
        map.owner[page] = owner
        weights[page] = next - at - weight
      }
      at = next
    }
  }
}
