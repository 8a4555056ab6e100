/**
 * Walks a tree as far as it can: every ref is checked before it is followed, a child is one level
 * below its parent, and no node is entered twice. So the walk ends, whatever the file holds.
 */
import { C, MultimapCell, NodeHeader } from '../../formats/index.js'
import { cellAt, cellBytes } from './cells.js'
import { FieldReader } from './fields.js'
import { Node } from './node.js'
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
  readonly shape: TreeShape = {
    depth: 0, nodes: 0, leaves: 0, entries: 0, nodeBytes: 0, usedBytes: 0,
  }

  private readonly seen = new Set<number>()

  constructor(
    private readonly image: RegionImage,
    private readonly where: string,
    private readonly visit: VisitNode,
  ) {}

  /** @param level what the parent says; undefined for the root */
  enter(ref: number, level: number | undefined): Node | undefined {
    const node = this.seen.has(ref) ? `ref ${ref} is in the tree twice` : readNode(this.image, ref)
    if (typeof node === 'string') return this.wrong(ref, `the walk stops: ${node}`)
    if (level !== undefined && node.level !== level) {
      return this.wrong(ref, `at ref ${ref} is a node of level ${node.level}, not ${level}`)
    }
    this.seen.add(ref)
    this.add(node)
    return node
  }

  private wrong(ref: number, message: string): undefined {
    this.image.problems.add(this.where, message, ref >>> 9)
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
 */
export function walkTree(
  image: RegionImage, root: number, where: string, visit: VisitNode = () => {},
): TreeShape {
  const walk = new Walk(image, where, visit)
  walk.run(root)
  return walk.shape
}

/** The same for a multimap: a tree from keys to trees of values. Entries are pairs. */
export function walkMultimap(image: RegionImage, root: number, where: string): TreeShape {
  const cell = cellAt(image, root)
  if (typeof cell === 'string' || cell.free) {
    image.problems.add(where, `at ref ${root} is no multimap`, root >>> 9)
    return new Walk(image, where, () => {}).shape
  }
  const fields = new FieldReader(MultimapCell, cellBytes(image, cell))
  const inner: TreeShape[] = []
  const outer = walkTree(image, fields.u32('tree'), where, (node) => {
    for (let i = 0; !node.isInner && i < node.count; i++) {
      const value = node.entries.value(i)
      if (value.length === 4) inner.push(walkTree(image, value.readUInt32LE(), where))
    }
  })
  const sum = (name: keyof TreeShape) => inner.reduce((total, shape) => total + shape[name], 0)
  const pairCount = fields.u32('pairCount')
  if (pairCount !== sum('entries')) {
    const found = `${pairCount} pairs are noted, ${sum('entries')} were found`
    image.problems.add(where, found, root >>> 9)
  }
  return {
    depth: outer.depth,
    nodes: outer.nodes + sum('nodes'),
    leaves: outer.leaves + sum('leaves'),
    entries: sum('entries'),
    nodeBytes: outer.nodeBytes + sum('nodeBytes'),
    usedBytes: outer.usedBytes + sum('usedBytes'),
  }
}
