/**
 * The structure of every tree, whatever its keys: a B+ tree whose root never moves.
 *
 * Nodes are pages; the root is a cell that stays where it is for ever. A small root (a nested
 * map's) is a leaf until it is full; then its entries move to a page, which never moves either, and
 * it becomes the *anchor* that names this page. The page-sized root, whether reached through an
 * anchor or not, is called the *top*. When it is full, its contents move to a new page and it
 * becomes the parent of that page alone, which is then split like any other node.
 *
 * Values are in leaves alone. Between two children of an inner node stands a separator: it is
 * greater than every key to its left, and not greater than any to its right. There are no links
 * between siblings.
 *
 *  B1. `find` and the first attempt of `place` and `remove` go straight down and change nothing on
 *      the way.
 *  B2. When the leaf has no room for a new key, `makeRoom` goes down again from the top and splits
 *      each node on the way that has no room *before* it enters it. So the parent of what is split
 *      always has room for a separator, and no change walks up.
 *  B3. When a removal would leave a leaf thin, `fatten` goes down again and merges or balances each
 *      thin node with a sibling before it enters it. Where this is not possible (a slotted parent
 *      without room for a longer separator) the node stays thin, which is nothing worse than
 *      untidy: nodes may be thin, leaves even empty. A tree without entries is one empty root
 *      again.
 *  B4. Pages are allocated before anything of the tree is changed: when the space is full, the tree
 *      is as it was.
 *  B5. A leaf that is full and is asked for a key behind its last is not halved: it keeps
 *      everything, and the new key begins a new leaf. So ascending input, anywhere in the tree,
 *      leaves full nodes behind.
 *  B6. What is remembered about places is given up before it becomes wrong: `space.beforeChange`
 *      (Space S5).
 *
 * A level is stored in each node and checked where a leaf is expected: a ref that leads astray ends
 * in RSTORE_CORRUPT, not in a loop.
 */
import { C } from '../../formats/index.js'
import { PAGE_UNITS } from '../space/ref.js'
import { type Ref, wordIndexOf } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { TreeCursor } from './tree-cursor.js'
import type { KeyRange } from './keys.js'
import { ENTRY_COUNT, FIRST_CHILD, HEAD, PAGE_WORDS, headOf } from './node.js'
import { Tree } from './tree.js'
import type { ReleaseValue } from './tree.js'

export abstract class BranchingTree<K> extends Tree<K> {
  protected readonly windows: readonly Window[]
  protected rootWindow: Window
  protected rootAt: number
  private readonly rootUnits: number
  /** The leaf that the last descent ended in, and its word index in `window`. */
  leaf = 0
  leafAt = 0

  constructor(space: Space, root: Ref, valueBytes: number) {
    super(space, root, valueBytes)
    this.windows = space.windows
    this.rootWindow = space.windowOf(root)
    this.rootAt = wordIndexOf(root)
    this.rootUnits = this.rootWindow.u32[this.rootAt]! & C.CELL_SIZE_MASK
  }

  /**
   * The tree as `other`, of the same region and the same keys, has it: what walks over this one
   * goes on there. False when their nodes are of other shapes. Cursors must be detached.
   */
  moveTo(other: BranchingTree<K>): boolean {
    const unlike = other.constructor !== this.constructor || other.valueBytes !== this.valueBytes
      || other.rootUnits !== this.rootUnits
    if (unlike) return false
    this.root = other.root
    this.rootWindow = other.rootWindow
    this.rootAt = other.rootAt
    this.leaf = 0
    return true
  }

  // What a family of keys adds. Nodes are named by refs; `index` counts keys, `slot` children.

  /** Goes down to the leaf of a key: `leaf`, `leafAt`, `window`. */
  abstract descend(key: K): void
  /**
   * Index of the first key in a leaf that is not below `key`, which is between the leaf's fences.
   */
  abstract indexIn(leaf: number, key: K): number
  /** Whether the key at an index is `key`. */
  abstract isAt(leaf: number, index: number, key: K): boolean
  /** The child that a key is in. */
  abstract slotOf(node: number, key: K): number
  abstract childAt(node: number, slot: number): number
  /** Words from a value to the next in its leaf; 0 where they are not side by side. */
  abstract readonly valueStride: number
  /** Value index. */
  abstract valueAt(leaf: number, index: number): number
  /** The key at an index, in the form of its family; fills `into` where that is an object. */
  abstract keyAt(node: number, index: number, into: K): K
  abstract compare(a: K, b: K): number
  /** A copy that stays: in `into` where keys are objects. */
  abstract copyKey(key: K, into: K): K
  /** A new empty key of the family's form, for `keyAt` to fill. */
  abstract newKey(): K
  /** Whether a leaf can take `key`, or an inner node any separator. */
  abstract hasRoom(node: number, key: K): boolean
  abstract isThin(node: number): boolean
  /** Whether a leaf would still be as full as it should be with one entry less. */
  abstract staysFull(leaf: number): boolean
  /** Adds a key with a zero value; there is room. Gives its value index, marked. */
  abstract insertAt(leaf: number, index: number, key: K): number
  /** Takes entries out of a leaf, with what their keys own. */
  abstract removeSpan(leaf: number, from: number, to: number): void
  /** Splits a child (B2, B5); the parent has room. */
  protected abstract split(parent: number, slot: number, key: K): void
  /** Merges the children at `left` and `left + 1`, or evens them out (B3). */
  protected abstract join(parent: number, left: number): void
  /** Moves the entries of a leaf to an empty leaf of another size. */
  protected abstract moveLeaf(from: number, to: number): void
  /** Whether the entries of a page-sized leaf fit well into the small root. */
  protected abstract fitsRoot(leaf: number): boolean
  /** Makes a node empty: everything in the header but the cell's and `entryCount`. */
  protected abstract format(node: number, level: number, firstChild: number): void
  /** Frees what the keys of a node own. */
  protected abstract dropKeys(node: number): void
  /**
   * What is wrong with a node, '' when nothing is: must not trust its bytes. The fences are those
   * of its parent.
   */
  abstract damageOf(node: number, low: K | undefined, high: K | undefined): string
  /** The cell of a key too long for its node; 0 when the key is in the node. */
  abstract spillAt(node: number, index: number): number

  /**
   * Fences are the separators around the node that a descent has reached: slotted nodes need them
   * for their prefixes.
   */
  protected abstract openFences(): void
  /** From a node to its child. */
  protected abstract narrowFences(node: number, slot: number): void

  override get size(): number {
    return this.rootWindow.u32[this.rootAt + ENTRY_COUNT]!
  }

  override place(key: K): number {
    this.descend(key)
    return this.placeInLeaf(key)
  }

  /** `place`, when the descent has come to `leaf`. */
  protected placeInLeaf(key: K): number {
    let index = this.indexIn(this.leaf, key)
    this.inserted = !this.isAt(this.leaf, index, key)
    if (!this.inserted) return this.valueAt(this.leaf, index)
    this.space.beforeChange(this.root)
    if (!this.hasRoom(this.leaf, key)) {
      this.makeRoom(key)
      index = this.indexIn(this.leaf, key)
    }
    const value = this.insertAt(this.leaf, index, key)
    this.addEntries(1)
    return value
  }

  override remove(key: K): boolean {
    this.descend(key)
    let index = this.indexIn(this.leaf, key)
    if (!this.isAt(this.leaf, index, key)) return false
    this.space.beforeChange(this.root)
    if (!this.staysFull(this.leaf)) {
      this.fatten(key)
      index = this.indexIn(this.leaf, key)
    }
    this.takeValue(this.valueAt(this.leaf, index))
    this.removeSpan(this.leaf, index, index + 1)
    this.addEntries(-1)
    this.settle()
    return true
  }

  private takeValue(value: number): void {
    const { u32 } = this.window
    this.removedLow = this.valueBytes === 0 ? 0 : u32[value]!
    this.removedHigh = this.valueBytes === 8 ? u32[value + 1]! : 0
  }

  override markValue(index: number): void {
    this.markValueIn(this.leaf, index)
  }

  /** For a loader, which fills a leaf without marking. */
  markLeaf(leaf: number): void {
    const units = this.windows[leaf >>> 28]!.u32[wordIndexOf(leaf)]! & C.CELL_SIZE_MASK
    this.space.mark(leaf, units * 8)
  }

  protected markValueIn(leaf: number, value: number): void {
    if (this.valueBytes === 0) return
    this.space.mark(((leaf & 0xf000_0000) >>> 0) + (value >>> 1), 8)
  }

  protected addEntries(count: number): void {
    this.space.mark(this.root + (ENTRY_COUNT >>> 1), 8)
    this.rootWindow.u32[this.rootAt + ENTRY_COUNT]! += count
  }

  // ───────── structure ─────────

  kindOf(node: number): number {
    return this.windows[node >>> 28]!.u32[wordIndexOf(node) + HEAD]! & 0xff
  }

  levelOf(node: number): number {
    return (this.windows[node >>> 28]!.u32[wordIndexOf(node) + HEAD]! >>> 8) & 0xff
  }

  countOf(node: number): number {
    return this.windows[node >>> 28]!.u32[wordIndexOf(node) + HEAD]! >>> 16
  }

  protected setCount(node: number, count: number): void {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node) + HEAD
    this.space.mark(node + (HEAD >>> 1), 8)
    u32[at] = (u32[at]! & 0xffff) | (count << 16)
  }

  /** The page-sized root, or a small one that is still a leaf. */
  top(): number {
    const head = this.rootWindow.u32[this.rootAt + HEAD]! & 0xff
    return head === C.NODE_ANCHOR ? this.rootWindow.u32[this.rootAt + FIRST_CHILD]! : this.root
  }

  /** Ends a descent: what it has reached has to be a leaf. */
  protected arrive(leaf: number): void {
    this.leaf = leaf
    this.window = this.windows[leaf >>> 28]!
    this.leafAt = wordIndexOf(leaf)
  }

  /** B2: ends at a leaf with room for `key`. */
  protected makeRoom(key: K): void {
    let node = this.top()
    while (!this.hasRoom(node, key)) node = this.deepen(node)
    this.openFences()
    while (this.levelOf(node) > 0) {
      let slot = this.slotOf(node, key)
      if (!this.hasRoom(this.childAt(node, slot), key)) {
        this.split(node, slot, key)
        slot = this.slotOf(node, key)
      }
      this.narrowFences(node, slot)
      node = this.childAt(node, slot)
    }
    this.arrive(node)
  }

  /** Gives a top without room its contents one level lower. Gives the top. */
  private deepen(top: number): number {
    const page = this.space.allocatePage(C.TYPE_NODE)
    if (this.isSmall(top)) {
      this.format(page, 0, 0)
      this.moveLeaf(top, page)
      this.format(top, 0, page)
      this.setHead(top, headOf(C.NODE_ANCHOR, 0, 0))
      return page
    }
    const level = this.levelOf(top)
    this.copyContents(top, page)
    this.format(top, level + 1, page)
    return top
  }

  isSmall(node: number): boolean {
    const { u32 } = this.windows[node >>> 28]!
    return (u32[wordIndexOf(node)]! & C.CELL_SIZE_MASK) < PAGE_UNITS
  }

  private setHead(node: number, head: number): void {
    this.space.mark(node + (HEAD >>> 1), 8)
    this.windows[node >>> 28]!.u32[wordIndexOf(node) + HEAD] = head
  }

  /** Everything behind the cell header, except the number of entries, from a page to a page. */
  private copyContents(from: number, to: number): void {
    const source = this.windows[from >>> 28]!.u32
    const target = this.windows[to >>> 28]!.u32
    const at = wordIndexOf(from)
    const toAt = wordIndexOf(to)
    this.space.mark(to, C.PAGE_BYTES)
    const entryCount = to === this.root ? target[toAt + ENTRY_COUNT]! : 0
    target.set(source.subarray(at + HEAD, at + PAGE_WORDS), toAt + HEAD)
    target[toAt + ENTRY_COUNT] = entryCount
  }

  /** B3: ends at the leaf of `key`, which has more than one entry if it can. */
  private fatten(key: K): void {
    let node = this.top()
    this.openFences()
    while (this.levelOf(node) > 0) {
      if (this.countOf(node) === 0 && node === this.top()) {
        this.pullUp(node)
        continue
      }
      let slot = this.slotOf(node, key)
      if (this.countOf(node) > 0 && this.isThin(this.childAt(node, slot))) {
        this.join(node, Math.min(slot, this.countOf(node) - 1))
        if (this.countOf(node) === 0 && node === this.top()) continue
        slot = this.slotOf(node, key)
      }
      this.narrowFences(node, slot)
      node = this.childAt(node, slot)
    }
    this.arrive(node)
  }

  /** A top with a single child becomes what that child is. */
  private pullUp(top: number): void {
    const child = this.childAt(top, 0)
    this.copyContents(child, top)
    this.space.free(child as Ref)
  }

  /** After a removal: an empty tree is one empty root, and few entries are back in a small root. */
  private settle(): void {
    if (this.size === 0) {
      this.reset(undefined)
      return
    }
    const { leaf } = this
    if (leaf === this.root || leaf !== this.top() || !this.fitsRoot(leaf)) return
    this.format(this.root, 0, 0)
    this.moveLeaf(leaf, this.root)
    this.space.free(leaf as Ref)
  }

  /** Gives all nodes but the root back and makes it an empty leaf. */
  private reset(release: ReleaseValue | undefined): void {
    this.dropNodes(this.top(), release)
    this.format(this.root, 0, 0)
    this.space.mark(this.root + (ENTRY_COUNT >>> 1), 8)
    this.rootWindow.u32[this.rootAt + ENTRY_COUNT] = 0
  }

  private dropNodes(node: number, release: ReleaseValue | undefined): void {
    if (this.levelOf(node) > 0) {
      const count = this.countOf(node)
      for (let slot = 0; slot <= count; slot++) this.dropNodes(this.childAt(node, slot), release)
    } else if (release !== undefined) this.releaseValues(node, 0, this.countOf(node), release)
    this.dropKeys(node)
    if (node !== this.root) this.space.free(node as Ref)
  }

  private releaseValues(leaf: number, from: number, to: number, release: ReleaseValue): void {
    const window = this.windows[leaf >>> 28]!
    for (let index = from; index < to; index++) release(window, this.valueAt(leaf, index))
  }

  // ───────── whole trees and ranges ─────────

  override clear(release?: ReleaseValue): void {
    this.space.beforeChange(this.root)
    this.reset(release)
  }

  override drop(release?: ReleaseValue): void {
    this.clear(release)
    this.space.free(this.root)
  }

  /**
   * Each turn takes what is in the range out of one leaf, found anew because thin leaves are
   * merged.
   */
  override clearRange(range: KeyRange<K>, release?: ReleaseValue): number {
    const cursor = this.cursor()
    let removed = 0
    for (;;) {
      const found = range.low === undefined
        ? cursor.first()
        : cursor.seek(range.low, range.lowExcluded ? 'gt' : 'ge')
      if (!found || this.isPast(cursor.key(), range)) break
      this.space.beforeChange(this.root)
      removed += this.clearLeaf(cursor.key(), range, release)
    }
    cursor.close()
    return removed
  }

  private clearLeaf(first: K, range: KeyRange<K>, release: ReleaseValue | undefined): number {
    this.fatten(first)
    const { leaf } = this
    const from = this.indexIn(leaf, first)
    const to = this.endOf(range, leaf)
    if (release !== undefined) this.releaseValues(leaf, from, to, release)
    this.removeSpan(leaf, from, to)
    this.addEntries(from - to)
    this.settle()
    return to - from
  }

  /**
   * Where a range ends in a leaf that it begins in. A leaf must not be asked for a key that it
   * could not have (see `indexIn`).
   */
  private endOf(range: KeyRange<K>, leaf: number): number {
    const count = this.countOf(leaf)
    const last = this.keyAt(leaf, count - 1, this.newKey())
    if (range.high === undefined || !this.isPast(last, range)) return count
    const index = this.indexIn(leaf, range.high)
    return !range.highExcluded && this.isAt(leaf, index, range.high) ? index + 1 : index
  }

  private isPast(key: K, { high, highExcluded }: KeyRange<K>): boolean {
    if (high === undefined) return false
    const order = this.compare(key, high)
    return highExcluded ? order >= 0 : order > 0
  }

  override count(range: KeyRange<K>): number {
    if (range.low === undefined && range.high === undefined) return this.size
    const below = range.low === undefined ? 0 : this.countBelow(range.low, range.lowExcluded)
    const upTo = range.high === undefined
      ? this.size
      : this.countBelow(range.high, !range.highExcluded)
    return Math.max(0, upTo - below)
  }

  /**
   * Entries before a key, and its own where asked. Of nodes beside the path only headers are read.
   */
  private countBelow(key: K, included: boolean): number {
    let node = this.top()
    let below = 0
    while (this.levelOf(node) > 0) {
      const slot = this.slotOf(node, key)
      for (let i = 0; i < slot; i++) below += this.countAll(this.childAt(node, i))
      node = this.childAt(node, slot)
    }
    const index = this.indexIn(node, key)
    return below + index + Number(included && this.isAt(node, index, key))
  }

  private countAll(node: number): number {
    const count = this.countOf(node)
    if (this.levelOf(node) === 0) return count
    let all = 0
    for (let slot = 0; slot <= count; slot++) all += this.countAll(this.childAt(node, slot))
    return all
  }

  override cursor(): TreeCursor<K> {
    return new TreeCursor(this)
  }

}
