/**
 * Checks a tree: kinds, levels, counts, order, separators, what a family says about its nodes
 * (`damageOf`), and every ref before it is followed. Damage is reported, never thrown; below a
 * damaged node nothing is looked at, because nothing there can be believed.
 */
import { C } from '../../formats/index.js'
import { PAGE_UNITS, wordIndexOf } from '../space/ref.js'
import type { Window } from '../space/window.js'
import type { BranchingTree } from './branching.js'

export interface TreeProblem {
  readonly code: string
  readonly ref: number
  readonly message: string
}

/** What the check tells of what it has found in order. */
export interface TreeVisitor {
  /** A node, the root and an anchor's page among them, with its level and keys. */
  node?(ref: number, level: number, count: number): void
  value?(window: Window, valueIndex: number, leaf: number): void
  /** The cell of a key too long for a node. */
  spill?(ref: number): void
}

const PROBLEM_LIMIT = 100

class Verifier<K> {
  readonly problems: TreeProblem[] = []
  entries = 0
  private readonly seen = new Set<number>()

  constructor(
    private readonly tree: BranchingTree<K>,
    private readonly endUnits: number,
    private readonly visitor: TreeVisitor,
  ) {}

  run(): void {
    const { tree } = this
    const top = tree.top()
    if (top !== tree.root) {
      this.visitor.node?.(tree.root, 0, 0)
      if (!this.isNode(top, tree.root)) return
    }
    this.node(top, tree.levelOf(top), undefined, undefined)
    if (this.problems.length === 0 && this.entries !== tree.size) {
      this.problem('TREE_SIZE', tree.root, `${tree.size} entries counted, ${this.entries} found.`)
    }
  }

  private problem(code: string, ref: number, message: string): void {
    if (this.problems.length < PROBLEM_LIMIT) this.problems.push({ code, ref, message })
  }

  /** Whether a ref names a page-sized node inside the space, for the first time. */
  private isNode(ref: number, parent: number): boolean {
    const inside = ref >= C.CHECKSUM_PAGE * PAGE_UNITS && ref + PAGE_UNITS <= this.endUnits
    if (!inside || ref % PAGE_UNITS !== 0) {
      this.problem('TREE_REF', parent, `Node ${parent} names ref ${ref}, where no node can be.`)
      return false
    }
    const { u32 } = this.tree.space.windowOf(ref)
    const units = u32[wordIndexOf(ref)]! & C.CELL_SIZE_MASK
    const typeId = u32[wordIndexOf(ref) + 1]! & 0xffff
    if (units !== PAGE_UNITS || typeId !== C.TYPE_NODE) {
      this.problem('TREE_REF', parent, `Node ${parent} names ref ${ref}, which is no node.`)
      return false
    }
    return true
  }

  private node(ref: number, level: number, low: K | undefined, high: K | undefined): void {
    const { tree } = this
    if (this.seen.has(ref)) {
      this.problem('TREE_SHARED', ref, `Node ${ref} is reached twice.`)
      return
    }
    this.seen.add(ref)
    const damage = tree.levelOf(ref) !== level
      ? `level ${tree.levelOf(ref)} where ${level} is expected`
      : tree.damageOf(ref, low, high)
    if (damage !== '') {
      this.problem('TREE_NODE', ref, `Node ${ref}: ${damage}.`)
      return
    }
    this.visitor.node?.(ref, level, tree.countOf(ref))
    this.spills(ref)
    this.order(ref, low, high)
    if (level > 0) this.children(ref, level, low, high)
    else this.values(ref)
  }

  private spills(ref: number): void {
    const count = this.tree.countOf(ref)
    for (let index = 0; index < count; index++) {
      const spill = this.tree.spillAt(ref, index)
      if (spill !== 0) this.visitor.spill?.(spill)
    }
  }

  /** Keys ascend strictly, from the separator on the left to below the one on the right. */
  private order(ref: number, low: K | undefined, high: K | undefined): void {
    const { tree } = this
    const count = tree.countOf(ref)
    let previous = low
    let spare = tree.newKey()
    for (let index = 0; index < count; index++) {
      const key = tree.keyAt(ref, index, spare)
      const order = previous === undefined ? -1 : tree.compare(previous, key)
      const equalLow = index === 0 && order === 0
      if (order > 0 || (order === 0 && !equalLow)) {
        this.problem('TREE_ORDER', ref, `Key ${index} of node ${ref} is not above the one before.`)
      }
      spare = index === 0 ? tree.newKey() : (previous as K)
      previous = key
    }
    if (high !== undefined && count > 0 && tree.compare(previous as K, high) >= 0) {
      this.problem('TREE_ORDER', ref, `Node ${ref} has a key beyond the separator to its right.`)
    }
  }

  private children(ref: number, level: number, low: K | undefined, high: K | undefined): void {
    const { tree } = this
    const count = tree.countOf(ref)
    for (let slot = 0; slot <= count; slot++) {
      const child = tree.childAt(ref, slot)
      if (!this.isNode(child, ref)) continue
      const from = slot === 0 ? low : tree.keyAt(ref, slot - 1, tree.newKey())
      const to = slot === count ? high : tree.keyAt(ref, slot, tree.newKey())
      this.node(child, level - 1, from, to)
    }
  }

  private values(ref: number): void {
    const { tree, visitor } = this
    const count = tree.countOf(ref)
    this.entries += count
    if (visitor.value === undefined) return
    const window = tree.space.windowOf(ref)
    for (let index = 0; index < count; index++) visitor.value(window, tree.valueAt(ref, index), ref)
  }
}

/**
 * Checks a whole tree; `endUnits` is where its space ends (the frontier). Costs a walk over all of
 * it.
 */
export function verifyTree<K>(
  tree: BranchingTree<K>,
  endUnits: number,
  visitor: TreeVisitor = {},
): TreeProblem[] {
  const verifier = new Verifier(tree, endUnits, visitor)
  verifier.run()
  return verifier.problems
}
