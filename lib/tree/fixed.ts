/**
 * Trees with keys of 4 or 8 bytes: a node is a sorted array of keys and, behind it, an array of
 * values or children.
 *
 * Both arrays have room for as many elements as the node can hold, so the second begins where the
 * size of the node says: see Shape. In an inner node the child before the first key is in the
 * header, the child behind key i is element i. Keys and values are moved as words, whatever they
 * are: only searching knows what a key means (fixed-u32.ts and its siblings).
 */
import { C } from '../../formats/index.js'
import { type Ref, wordIndexOf } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { Window } from '../space/window.js'
import { BranchingTree } from './branching.js'
import { FixedLoader } from './loader.js'
import {
  ENTRIES, ENTRY_COUNT, FIRST_CHILD, HEAD, PAGE_WORDS, WIDTHS, headOf, widthsOf } from './node.js'
import type { Loader } from './tree.js'

const { NODE_INNER_FIXED, NODE_LEAF_FIXED } = C
/** Moving fewer words than this one by one is faster than a call. */
const SHORT_MOVE = 24

/**
 * How many entries fit into a node, and where its second array begins: a word behind the node's
 * first.
 */
export interface Shape {
  readonly capacity: number
  readonly valuesWord: number
}

export function shapeOf(nodeWords: number, keyWords: number, valueWords: number): Shape {
  let capacity = Math.floor((nodeWords - ENTRIES) / (keyWords + valueWords))
  for (;;) {
    const keysEnd = ENTRIES + capacity * keyWords
    const valuesWord = valueWords === 2 ? keysEnd + (keysEnd & 1) : keysEnd
    if (valuesWord + capacity * valueWords <= nodeWords) return { capacity, valuesWord }
    capacity--
  }
}

export abstract class FixedTree<K> extends BranchingTree<K> {
  readonly keyWords: number
  readonly valueWords: number
  protected readonly rootValues: number
  protected readonly leafValues: number
  protected readonly innerValues: number
  private readonly rootCapacity: number
  private readonly leafCapacity: number
  private readonly innerCapacity: number

  /** @param maximumEntries for tests: keys that a node may have, at least 4 */
  constructor(
    space: Space,
    root: Ref,
    keyBytes: number,
    valueBytes: number,
    maximumEntries: number,
  ) {
    super(space, root, valueBytes)
    this.keyWords = keyBytes / 4
    this.valueWords = valueBytes / 4
    const rootUnits = this.rootWindow.u32[this.rootAt]! & C.CELL_SIZE_MASK
    const rootShape = shapeOf(rootUnits * 2, this.keyWords, this.valueWords)
    const leafShape = shapeOf(PAGE_WORDS, this.keyWords, this.valueWords)
    const innerShape = shapeOf(PAGE_WORDS, this.keyWords, 1)
    this.rootValues = rootShape.valuesWord
    this.leafValues = leafShape.valuesWord
    this.innerValues = innerShape.valuesWord
    this.rootCapacity = Math.min(rootShape.capacity, maximumEntries)
    this.leafCapacity = Math.min(leafShape.capacity, maximumEntries)
    this.innerCapacity = Math.min(innerShape.capacity, maximumEntries)
  }

  /** Writes a key into a node; the line is marked. */
  abstract storeKey(window: Window, word: number, key: K): void

  capacityOf(node: number, level: number): number {
    if (level > 0) return this.innerCapacity
    return node === this.root ? this.rootCapacity : this.leafCapacity
  }

  private secondWords(level: number): number {
    return level > 0 ? 1 : this.valueWords
  }

  private secondWord(node: number, level: number): number {
    if (level > 0) return this.innerValues
    return node === this.root ? this.rootValues : this.leafValues
  }

  override childAt(node: number, slot: number): number {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    return slot === 0 ? u32[at + FIRST_CHILD]! : u32[at + this.innerValues + slot - 1]!
  }

  override get valueStride(): number {
    return this.valueWords
  }

  override valueAt(leaf: number, index: number): number {
    const values = leaf === this.root ? this.rootValues : this.leafValues
    return wordIndexOf(leaf) + values + index * this.valueWords
  }

  override hasRoom(node: number): boolean {
    return this.countOf(node) < this.capacityOf(node, this.levelOf(node))
  }

  override isThin(node: number): boolean {
    const capacity = this.capacityOf(node, this.levelOf(node))
    return this.countOf(node) < Math.max(2, capacity >>> 2)
  }

  override staysFull(leaf: number): boolean {
    return this.countOf(leaf) > Math.max(2, this.leafCapacity >>> 2) || leaf === this.top()
  }

  override insertAt(leaf: number, index: number, key: K): number {
    const count = this.countOf(leaf)
    if (index < count) this.shift(leaf, 0, index, count, 1)
    const word = ENTRIES + index * this.keyWords
    const window = this.windows[leaf >>> 28]!
    const { u32 } = window
    this.space.mark(leaf + (word >>> 1), 8)
    this.storeKey(window, wordIndexOf(leaf) + word, key)
    this.setCount(leaf, count + 1)
    const value = this.valueAt(leaf, index)
    this.markValueIn(leaf, value)
    for (let i = 0; i < this.valueWords; i++) u32[value + i] = 0
    return value
  }

  override removeSpan(leaf: number, from: number, to: number): void {
    const count = this.countOf(leaf)
    if (to < count) this.shift(leaf, 0, to, count, from - to)
    this.setCount(leaf, count - to + from)
  }

  override loader(between?: () => void): Loader<K> {
    return new FixedLoader(this, between)
  }

  /** Index of a key in its window. */
  keyWordAt(leaf: number, index: number): number {
    return wordIndexOf(leaf) + ENTRIES + index * this.keyWords
  }

  /** What `countLoaded` changes, and the loader itself. */
  markLoaded(leaf: number): void {
    this.markLeaf(leaf)
    this.space.mark(this.root + (ENTRY_COUNT >>> 1), 8)
  }

  /** One more entry in the leaf of a loader, which has marked it: `markLeaf`, and `place`. */
  countLoaded(leaf: number): void {
    this.window.u32[wordIndexOf(leaf) + HEAD]! += 0x1_0000
    this.rootWindow.u32[this.rootAt + ENTRY_COUNT]!++
  }

  /**
   * Moves the entries [from, to) of a node by some places; in an inner node, the children behind
   * them.
   */
  private shift(node: number, level: number, from: number, to: number, by: number): void {
    this.move(node, ENTRIES, this.keyWords, from, to, by)
    this.move(node, this.secondWord(node, level), this.secondWords(level), from, to, by)
  }

  private move(
    node: number, base: number, width: number, from: number, to: number, by: number,
  ): void {
    if (width === 0 || from === to) return
    const { u32 } = this.windows[node >>> 28]!
    const first = base + from * width
    const words = (to - from) * width
    const target = first + by * width
    this.space.mark(node + (target >>> 1), (words + (target & 1)) * 4)
    const at = wordIndexOf(node)
    if (words > SHORT_MOVE) u32.copyWithin(at + target, at + first, at + first + words)
    else if (by > 0) {
      for (let i = words - 1; i >= 0; i--) u32[at + target + i] = u32[at + first + i]!
    } else for (let i = 0; i < words; i++) u32[at + target + i] = u32[at + first + i]!
  }

  /** Copies keys and what belongs to them from one node to another of the same level. */
  private copy(
    from: number, index: number, to: number, toIndex: number, count: number, level: number,
  ): void {
    this.copyPart(from, ENTRIES, to, ENTRIES, index, toIndex, count, this.keyWords)
    const base = this.secondWord(from, level)
    const toBase = this.secondWord(to, level)
    this.copyPart(from, base, to, toBase, index, toIndex, count, this.secondWords(level))
  }

  private copyPart(
    from: number, base: number, to: number, toBase: number,
    index: number, toIndex: number, count: number, width: number,
  ): void {
    if (count * width === 0) return
    const source = this.windows[from >>> 28]!.u32
    const first = wordIndexOf(from) + base + index * width
    const target = toBase + toIndex * width
    this.space.mark(to + (target >>> 1), (count * width + (target & 1)) * 4)
    const words = source.subarray(first, first + count * width)
    this.windows[to >>> 28]!.u32.set(words, wordIndexOf(to) + target)
  }

  private setChild(node: number, slot: number, child: number): void {
    const word = slot === 0 ? FIRST_CHILD : this.innerValues + slot - 1
    this.space.mark(node + (word >>> 1), 8)
    this.windows[node >>> 28]!.u32[wordIndexOf(node) + word] = child
  }

  /** Copies one key without what belongs to it. */
  private copyKeyWords(from: number, index: number, to: number, toIndex: number): void {
    this.copyPart(from, ENTRIES, to, ENTRIES, index, toIndex, 1, this.keyWords)
  }

  protected override format(node: number, level: number, firstChild: number): void {
    const { u32 } = this.windows[node >>> 28]!
    const at = wordIndexOf(node)
    this.space.mark(node, ENTRIES * 4)
    u32[at + HEAD] = headOf(level > 0 ? NODE_INNER_FIXED : NODE_LEAF_FIXED, level, 0)
    u32[at + WIDTHS] = widthsOf(this.keyWords * 4, level > 0 ? 4 : this.valueBytes)
    if (node !== this.root) u32[at + WIDTHS + 1] = 0
    u32[at + WIDTHS + 2] = 0
    u32[at + WIDTHS + 3] = 0
    u32[at + FIRST_CHILD] = firstChild
  }

  protected override moveLeaf(from: number, to: number): void {
    const count = this.countOf(from)
    this.copy(from, 0, to, 0, count, 0)
    this.setCount(to, count)
  }

  protected override fitsRoot(leaf: number): boolean {
    return this.countOf(leaf) <= this.rootCapacity >>> 1
  }

  override damageOf(node: number): string {
    const { u32 } = this.windows[node >>> 28]!
    const level = this.levelOf(node)
    const kind = level > 0 ? NODE_INNER_FIXED : NODE_LEAF_FIXED
    const widths = widthsOf(this.keyWords * 4, level > 0 ? 4 : this.valueBytes)
    if (this.kindOf(node) !== kind) return `kind ${this.kindOf(node)} where ${kind} is expected`
    if (u32[wordIndexOf(node) + WIDTHS] !== widths) return 'keys or values of another width'
    const count = this.countOf(node)
    const capacity = this.capacityOf(node, level)
    return count > capacity ? `${count} entries where ${capacity} have room` : ''
  }

  override spillAt(): number {
    return 0
  }

  protected override dropKeys(): void {}
  protected override openFences(): void {}
  protected override narrowFences(): void {}

  /** B2, B4, B5. */
  protected override split(parent: number, slot: number, key: K): void {
    const left = this.childAt(parent, slot)
    const level = this.levelOf(left)
    const count = this.countOf(left)
    const right = this.space.allocatePage(C.TYPE_NODE)
    if (level > 0) {
      const at = this.slotOf(left, key) === count ? count - 2 : count >>> 1
      this.format(right, level, this.childAt(left, at + 1))
      this.copy(left, at + 1, right, 0, count - at - 1, level)
      this.setCount(right, count - at - 1)
      this.insertSeparator(parent, slot, right)
      this.copyKeyWords(left, at, parent, slot)
      this.setCount(left, at)
      return
    }
    this.format(right, 0, 0)
    this.insertSeparator(parent, slot, right)
    if (this.indexIn(left, key) === count) {
      const word = ENTRIES + slot * this.keyWords
      this.storeKey(this.windows[parent >>> 28]!, wordIndexOf(parent) + word, key)
      return
    }
    const at = count >>> 1
    this.copy(left, at, right, 0, count - at, 0)
    this.setCount(right, count - at)
    this.setCount(left, at)
    this.copyKeyWords(right, 0, parent, slot)
  }

  /**
   * Room for a key at `slot`, with the child behind it; the key is still to be written, its line is
   * marked.
   */
  private insertSeparator(parent: number, slot: number, child: number): void {
    const count = this.countOf(parent)
    this.shift(parent, 1, slot, count, 1)
    this.setChild(parent, slot + 1, child)
    this.space.mark(parent + ((ENTRIES + slot * this.keyWords) >>> 1), 8)
    this.setCount(parent, count + 1)
  }

  private removeSeparator(parent: number, index: number): void {
    const count = this.countOf(parent)
    this.shift(parent, 1, index + 1, count, -1)
    this.setCount(parent, count - 1)
  }

  /** B3. An eighth of a node stays free, so that the next insertion does not split it again. */
  protected override join(parent: number, index: number): void {
    const left = this.childAt(parent, index)
    const right = this.childAt(parent, index + 1)
    const level = this.levelOf(left)
    const capacity = this.capacityOf(left, level)
    const total = this.countOf(left) + this.countOf(right) + Number(level > 0)
    if (total <= capacity - (capacity >>> 3)) this.merge(parent, index, left, right, level)
    else if (this.countOf(left) < this.countOf(right)) this.balanceLeft(parent, index, left, right)
    else this.balanceRight(parent, index, left, right)
  }

  private merge(
    parent: number, index: number, left: number, right: number, level: number,
  ): void {
    let count = this.countOf(left)
    const moved = this.countOf(right)
    if (level > 0) {
      this.copyKeyWords(parent, index, left, count)
      this.setChild(left, count + 1, this.childAt(right, 0))
      count++
    }
    this.copy(right, 0, left, count, moved, level)
    this.setCount(left, count + moved)
    this.removeSeparator(parent, index)
    this.space.free(right as Ref)
  }

  /** Moves entries from the right child to the end of the left one. */
  private balanceLeft(parent: number, index: number, left: number, right: number): void {
    const level = this.levelOf(left)
    const leftCount = this.countOf(left)
    const rightCount = this.countOf(right)
    const moved = (rightCount - leftCount) >>> 1
    if (level > 0) {
      this.copyKeyWords(parent, index, left, leftCount)
      this.setChild(left, leftCount + 1, this.childAt(right, 0))
      this.copy(right, 0, left, leftCount + 1, moved - 1, level)
      this.copyKeyWords(right, moved - 1, parent, index)
      this.setChild(right, 0, this.childAt(right, moved))
    } else {
      this.copy(right, 0, left, leftCount, moved, level)
      this.copyKeyWords(right, moved, parent, index)
    }
    this.setCount(left, leftCount + moved)
    this.shift(right, level, moved, rightCount, -moved)
    this.setCount(right, rightCount - moved)
  }

  /** Moves entries from the end of the left child to the beginning of the right one. */
  private balanceRight(parent: number, index: number, left: number, right: number): void {
    const level = this.levelOf(left)
    const rest = (this.countOf(left) + this.countOf(right) + 1) >>> 1
    const moved = this.countOf(left) - rest
    const rightCount = this.countOf(right)
    if (moved === 0) return
    this.shift(right, level, 0, rightCount, moved)
    if (level > 0) {
      this.copyKeyWords(parent, index, right, moved - 1)
      this.setChild(right, moved, this.childAt(right, 0))
      this.copy(left, rest + 1, right, 0, moved - 1, level)
      this.setChild(right, 0, this.childAt(left, rest + 1))
      this.copyKeyWords(left, rest, parent, index)
    } else {
      this.copy(left, rest, right, 0, moved, level)
      this.copyKeyWords(right, 0, parent, index)
    }
    this.setCount(left, rest)
    this.setCount(right, rightCount + moved)
  }
}
