/**
 * The cursor of every tree: a path from the top to a leaf and an index in that leaf.
 *
 *  K1. A cursor is *free* (at no entry), *placed* (its path is right; the space knows it) or
 *      *detached* (it has a copy of its key and no path). While it is placed, nothing in the tree
 *      has moved: whoever moves something detaches it before (Space S5).
 *  K2. A detached cursor that moves on seeks the neighbour of its key: right whether the entry is
 *      still there or not.
 *  K3. `hop` may move only while the cursor is placed, and in its leaf: `hopsLeft` is 0 otherwise.
 *  K4. Leaves may be empty (BranchingTree B3): moving on goes over them.
 *  K5. What a loader adds behind the last entry of a leaf moves nothing: a cursor stays placed, and
 *      looks whether there are more now before it leaves the leaf.
 */
import type { Ref } from '../space/ref.js'
import type { Place } from '../space/space.js'
import type { Window } from '../space/window.js'
import type { BranchingTree } from './branching.js'
import { Cursor } from './cursor.js'
import type { SeekMode } from './cursor.js'
import { throwCorrupt } from './node.js'

const FREE = 0
const PLACED = 1
const DETACHED = 2
/** As DETACHED, but the key could not be read: the tree is damaged. */
const LOST = 3

export class TreeCursor<K> extends Cursor<K> implements Place {
  override window: Window
  override valueIndex = -1
  private state = FREE
  private leaf = 0
  private index = 0
  private count = 0
  /** The inner nodes above the leaf, top first, and the slot taken in each. */
  private readonly nodes: number[] = []
  private readonly slots: number[] = []
  private depth = 0
  /** Level of the top: that of every other node follows from its depth. */
  private height = 0
  private saved: K
  /** K3. */
  private hopsLeft = 0
  private hopsAllowed = 0
  /** Entries from one hop to the next: 1 or −1. */
  private hopBy = 1
  /** Words from value to value; 0 where they have to be looked up. */
  private hopWords = 0

  constructor(private readonly tree: BranchingTree<K>) {
    super()
    this.window = tree.window
    this.saved = tree.newKey()
  }

  get root(): Ref {
    return this.tree.root
  }

  override first(): boolean {
    this.start()
    this.toFirstLeaf(this.begin())
    this.index = 0
    return this.settleForward()
  }

  override last(): boolean {
    this.start()
    this.toLastLeaf(this.begin())
    this.index = this.count - 1
    return this.settleBackward()
  }

  override seek(key: K, mode: SeekMode): boolean {
    this.start()
    return this.find(key, mode)
  }

  override next(): boolean {
    if (this.state !== PLACED) return this.resume('gt')
    this.forbid()
    this.index++
    return this.settleForward()
  }

  override previous(): boolean {
    if (this.state !== PLACED) return this.resume('lt')
    this.forbid()
    this.index--
    return this.settleBackward()
  }

  override allow(entries: number, reverse: boolean): number {
    const others = reverse ? this.index : this.count - 1 - this.index
    const hops = this.state === PLACED ? Math.min(entries, others) : 0
    this.hopsLeft = this.hopsAllowed = hops
    this.hopBy = reverse ? -1 : 1
    this.hopWords = this.tree.valueStride * this.hopBy
    return hops
  }

  override hop(): boolean {
    if (this.hopsLeft === 0) return false
    this.hopsLeft--
    this.index += this.hopBy
    if (this.hopWords !== 0) this.valueIndex += this.hopWords
    else this.valueIndex = this.tree.valueAt(this.leaf, this.index)
    return true
  }

  override takeValues(to: Uint32Array, at: number, words: number): number {
    const { u32 } = this.window
    if (this.hopWords === words) return this.takeAhead(to, at, u32)
    let end = at
    do {
      const from = this.valueIndex
      to[end++] = u32[from]!
      if (words === 2) to[end++] = u32[from + 1]!
    } while (this.hop())
    return end
  }

  /** Where values lie one behind the other, all that are allowed in one copy. */
  private takeAhead(to: Uint32Array, at: number, u32: Uint32Array): number {
    const { hopsLeft, hopWords, valueIndex } = this
    const words = (hopsLeft + 1) * hopWords
    to.set(u32.subarray(valueIndex, valueIndex + words), at)
    this.hopsLeft = 0
    this.index += hopsLeft
    this.valueIndex += hopsLeft * hopWords
    return at + words
  }

  override takeHops(): number {
    const hops = this.hopsAllowed - this.hopsLeft
    this.hopsAllowed = this.hopsLeft
    return hops
  }

  /** K3. What has been hopped stays known. */
  private forbid(): void {
    this.hopsAllowed -= this.hopsLeft
    this.hopsLeft = 0
  }

  override keyAhead(hops: number): K {
    this.saved = this.tree.keyAt(this.leaf, this.index + hops * this.hopBy, this.saved)
    return this.saved
  }

  override valueAhead(hops: number): number {
    return this.tree.valueAt(this.leaf, this.index + hops * this.hopBy)
  }

  override key(): K {
    if (this.state === PLACED) this.saved = this.tree.keyAt(this.leaf, this.index, this.saved)
    return this.saved
  }

  override close(): void {
    this.forbid()
    if (this.state === PLACED) this.tree.space.unregister(this)
    this.state = FREE
    this.valueIndex = -1
  }

  /**
   * K1: called by the space alone, which has forgotten the cursor already. Does not throw: whoever
   * commits, closes or ends a turn has nothing to do with damage that the cursor stands on.
   */
  detach(): void {
    this.state = DETACHED
    this.valueIndex = -1
    this.forbid()
    try {
      this.saved = this.tree.keyAt(this.leaf, this.index, this.saved)
    } catch {
      this.state = LOST
    }
  }

  private resume(mode: SeekMode): boolean {
    if (this.state === LOST) throwCorrupt(this.tree.space, this.root, this.leaf)
    return this.state === DETACHED && this.find(this.saved, mode)
  }

  /** Before a new search: the path is about to be overwritten. */
  private start(): void {
    this.forbid()
    if (this.state === PLACED) this.tree.space.unregister(this)
    this.state = FREE
    this.depth = 0
  }

  private find(key: K, mode: SeekMode): boolean {
    const { tree } = this
    let node = this.begin()
    while (this.depth < this.height) {
      this.push(node, tree.slotOf(node, key))
      node = this.child()
    }
    this.enter(node)
    const index = tree.indexIn(node, key)
    const exact = tree.isAt(node, index, key)
    if (mode === 'ge' || mode === 'gt') {
      this.index = exact && mode === 'gt' ? index + 1 : index
      return this.settleForward()
    }
    this.index = exact && mode === 'le' ? index : index - 1
    return this.settleBackward()
  }

  private push(node: number, slot: number): void {
    this.nodes[this.depth] = node
    this.slots[this.depth] = slot
    this.depth++
  }

  private enter(leaf: number): void {
    this.leaf = leaf
    this.count = this.tree.countOf(leaf)
    this.window = this.tree.space.windowOf(leaf)
  }

  private toFirstLeaf(from: number): void {
    let node = from
    while (this.depth < this.height) {
      this.push(node, 0)
      node = this.child()
    }
    this.enter(node)
  }

  private toLastLeaf(from: number): void {
    let node = from
    while (this.depth < this.height) {
      this.push(node, this.tree.countOf(node))
      node = this.child()
    }
    this.enter(node)
  }

  /** K4, K5: from `index`, possibly behind the last of the leaf, to the next entry there is. */
  private settleForward(): boolean {
    if (this.index >= this.count) this.count = this.tree.countOf(this.leaf)
    while (this.index >= this.count) {
      if (!this.climb(1)) return this.none()
      this.toFirstLeaf(this.child())
      this.index = 0
    }
    return this.placed()
  }

  private settleBackward(): boolean {
    while (this.index < 0) {
      if (!this.climb(-1)) return this.none()
      this.toLastLeaf(this.child())
      this.index = this.count - 1
    }
    return this.placed()
  }

  /** Up to the nearest node with another child in that direction, whose slot is then taken. */
  private climb(step: 1 | -1): boolean {
    const { nodes, slots, tree } = this
    while (this.depth > 0) {
      const slot = slots[this.depth - 1]! + step
      if (slot >= 0 && slot <= tree.countOf(nodes[this.depth - 1]!)) {
        slots[this.depth - 1] = slot
        return true
      }
      this.depth--
    }
    return false
  }

  /** The top, from which the path is made anew. */
  private begin(): number {
    const top = this.tree.top()
    this.depth = 0
    this.height = this.tree.levelOf(top)
    return top
  }

  /** Where the path leads: one level further down, so that in a damaged tree it ends, too. */
  private child(): number {
    const { tree, depth } = this
    const node = tree.childAt(this.nodes[depth - 1]!, this.slots[depth - 1]!)
    if (tree.levelOf(node) !== this.height - depth) throwCorrupt(tree.space, this.root, node)
    return node
  }

  private placed(): boolean {
    this.valueIndex = this.tree.valueAt(this.leaf, this.index)
    if (this.state !== PLACED) this.tree.space.register(this)
    this.state = PLACED
    return true
  }

  private none(): boolean {
    if (this.state === PLACED) this.tree.space.unregister(this)
    this.state = FREE
    this.valueIndex = -1
    return false
  }
}
