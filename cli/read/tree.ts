/**
 * Walks a tree as far as it can: every ref is checked before it is followed, a child is one level
 * below its parent and a page, and no page is entered twice, not by several walks either that share
 * what they have seen. So they end, whatever the file holds.
 */
import { C, MultimapCell, NodeHeader } from '../../formats/index.js'
import { cellAt, cellBytes, pageOfRef, refOfPage } from './cells.js'
import { FieldReader } from './fields.js'
import { Node } from './node.js'
import { PageSet } from './page-set.js'
import type { RegionImage } from './region.js'

export interface TreeShape {
  /** Levels of nodes, 0 when not even the root could be read. */
  depth: number
  nodes: number
  leaves: number
  /** Entries found in leaves. */
  entries: number
  /** Bytes of nodes, and of what is in them. */
  nodeBytes: number
  usedBytes: number
}

const NO_TREE: TreeShape = {
  depth: 0, nodes: 0, leaves: 0, entries: 0, nodeBytes: 0, usedBytes: 0,
}

export type VisitNode = (node: Node) => void

/** The node at a ref, or a sentence. */
function readNode(image: RegionImage, ref: number): Node | string {
  const cell = cellAt(image, ref)
  if (typeof cell === 'string') return cell
  if (cell.free) return `the cell at ref ${ref} is free`
  if (cell.units * C.UNIT_BYTES < NodeHeader.bytes || cell.units * C.UNIT_BYTES > C.PAGE_BYTES) {
    return `the cell at ref ${ref} has not the size of a node`
  }
  const node = new Node(cell, cellBytes(image, cell))
  const problem = node.problem()
  return problem === '' ? node : `at ref ${ref} is no sound node: ${problem}`
}

class Walk {
  readonly shape: TreeShape = { ...NO_TREE }

  constructor(
    private readonly image: RegionImage,
    private readonly where: string,
    private readonly visit: VisitNode,
    private readonly seen: PageSet,
  ) {}

  /** @param level what the parent says; undefined for the root, and for the page of an anchor */
  enter(ref: number, level: number | undefined): Node | undefined {
    const node = this.read(ref, level)
    if (typeof node === 'string') return this.wrong(ref, `the walk stops: ${node}`)
    if (level !== undefined && node.level !== level) {
      return this.wrong(ref, `at ref ${ref} is a node of level ${node.level}, not ${level}`)
    }
    this.add(node)
    return node
  }

  /** Only the root of a map in a record is less than a page; nobody else leads to that one. */
  private read(ref: number, level: number | undefined): Node | string {
    const page = pageOfRef(ref)
    if (ref === refOfPage(page) && !this.seen.add(page)) return `ref ${ref} is in a tree twice`
    if (ref !== refOfPage(page) && level !== undefined) return `ref ${ref} is no page`
    return readNode(this.image, ref)
  }

  private wrong(ref: number, message: string): undefined {
    this.image.problems.add(this.where, message, pageOfRef(ref))
  }

  private add(node: Node): void {
    const { shape } = this
    shape.depth = Math.max(shape.depth, node.level + 1)
    shape.nodes++
    shape.nodeBytes += node.bytes.length
    shape.usedBytes += NodeHeader.bytes
    if (node.isAnchor) return
    shape.usedBytes += node.entries.usedBytes
    if (!node.isInner) {
      shape.leaves++
      shape.entries += node.count
    }
    this.visit(node)
  }

  run(root: number): void {
    const top = this.enter(root, undefined)
    if (top === undefined) return
    const open: [children: number[], level: number | undefined][] = [
      [top.children(), top.isAnchor ? undefined : top.level - 1],
    ]
    while (open.length > 0) {
      const [children, level] = open.at(-1)!
      const ref = children.shift()
      if (ref === undefined) open.pop()
      else {
        const node = this.enter(ref, level)
        if (node?.isInner === true) open.push([node.children(), node.level - 1])
      }
    }
    if (top.entryCount !== this.shape.entries) {
      this.wrong(root, `the root says ${top.entryCount} entries, ${this.shape.entries} were found`)
    }
  }
}

/**
 * Visits every node that can be reached, parents first, from left to right; anchors are not shown.
 * @param seen pages that are nodes of other trees; those of this one are added
 */
export function walkTree(
  image: RegionImage, root: number, where: string, visit: VisitNode = () => {},
  seen = new PageSet(),
): TreeShape {
  const walk = new Walk(image, where, visit, seen)
  walk.run(root)
  return walk.shape
}

/**
 * The same for a multimap: a tree from keys to trees of values. Entries are pairs.
 * @param visitInner gets the nodes of the trees of values
 */
export function walkMultimap(
  image: RegionImage, root: number, where: string, visit: VisitNode = () => {},
  seen = new PageSet(), visitInner = visit,
): TreeShape {
  const cell = cellOfMultimap(image, root)
  if (cell === undefined) {
    image.problems.add(where, `at ref ${root} is no multimap`, pageOfRef(root))
    return { ...NO_TREE }
  }
  const all = { ...NO_TREE }
  const add = ({ nodes, leaves, nodeBytes, usedBytes }: TreeShape): void => {
    all.nodes += nodes
    all.leaves += leaves
    all.nodeBytes += nodeBytes
    all.usedBytes += usedBytes
  }
  const outer = walkTree(image, cell.tree, where, (node) => {
    visit(node)
    for (let i = 0; !node.isInner && i < node.count; i++) {
      const value = node.entries.value(i)
      if (value.length !== 4) continue
      const inner = walkTree(image, value.readUInt32LE(), where, visitInner, seen)
      add(inner)
      all.entries += inner.entries
    }
  }, seen)
  add(outer)
  if (cell.pairCount !== all.entries) {
    const found = `${cell.pairCount} pairs are noted, ${all.entries} were found`
    image.problems.add(where, found, pageOfRef(root))
  }
  return { ...all, depth: outer.depth }
}

function cellOfMultimap(
  image: RegionImage, root: number,
): { tree: number; pairCount: number } | undefined {
  const cell = cellAt(image, root)
  if (typeof cell === 'string' || cell.free || cell.units * C.UNIT_BYTES < MultimapCell.bytes) {
    return undefined
  }
  const bytes = image.pages.read(root * C.UNIT_BYTES, MultimapCell.bytes)
  const fields = new FieldReader(MultimapCell, bytes)
  return { tree: fields.u32('tree'), pairCount: fields.u32('pairCount') }
}
