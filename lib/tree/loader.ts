/**
 * Sorted input: see Loader. A leaf that is full is left as it is and the next key begins a new one
 * (BranchingTree B5), so leaves are dense.
 *
 *  D1. A loader knows the last key of the tree. What is not above it is refused, before anything
 *      has changed.
 *  D2. The leaf that is being filled is the last of the tree, so nothing has to be searched. As
 *      long as keys come into others (a removal may have left empty leaves behind), they are
 *      placed.
 *  D3. Nobody else changes the tree meanwhile: it is not as others expect it (T5). Who adds or
 *      removes an entry all the same (the source of the input may) is noticed: a loader watches the
 *      tree (Space S6), looks away while it changes something itself, and goes not one step
 *      further, not even to its end, when somebody else has. What was spoiled is rolled back.
 *  D4. Between two entries the tree can be read: every entry is counted as it comes.
 */
import { RStoreError } from '../errors.js'
import type { Ref } from '../space/ref.js'
import type { Space, Watcher } from '../space/space.js'
import type { Window } from '../space/window.js'
import type { BranchingTree } from './branching.js'
import type { FixedTree } from './fixed.js'
import type { KeyBuffer } from './keys.js'
import { sharedBytes } from './slotted-reader.js'
import type { TreeBytes } from './slotted.js'
import type { Loader } from './tree.js'

/** D1. */
export function unsortedError(root: Ref): RStoreError {
  return new RStoreError(
    'RSTORE_UNSORTED',
    'The input is not sorted: a key is not greater than the one before it, or than the last key ' +
      'of the map. Sort it, or use set.',
    { root },
  )
}

/** D3. */
class Watch implements Watcher {
  private own = false
  private disturbed = false

  constructor(
    private readonly space: Space,
    readonly root: Ref,
  ) {
    space.watch(this)
  }

  changed(): void {
    if (!this.own) this.disturbed = true
  }

  /** A mistake of the program. */
  check(): void {
    if (this.disturbed) throw new Error('A tree was changed while sorted input was loaded into it: '
        + 'by the source of the input, maybe. Nothing was loaded')
  }

  /** Changes of the loader itself. */
  aside<R>(change: () => R): R {
    this.own = true
    try {
      return change()
    } finally {
      this.own = false
    }
  }

  end(): void {
    this.space.unwatch(this)
  }
}

const NOTHING = (): void => {}
/** So often `between` is called where a leaf is not full yet: values may be large. */
const PAUSE_ENTRIES = 16

/** The last key of a tree, or undefined. */
function lastKeyOf<K>(tree: BranchingTree<K>): K | undefined {
  const cursor = tree.cursor()
  const last = cursor.last() ? tree.copyKey(cursor.key(), tree.newKey()) : undefined
  cursor.close()
  return last
}

/** D2. */
function isLast<K>(tree: BranchingTree<K>, leaf: number): boolean {
  let node = tree.top()
  while (tree.levelOf(node) > 0) node = tree.childAt(node, tree.countOf(node))
  return node === leaf
}

/** Fills leaves of fixed keys. What it writes to is marked with the first entry of a leaf. */
export class FixedLoader<K> implements Loader<K> {
  private last: K | undefined
  private window: Window
  private leaf = 0
  private count = 0
  private capacity = 0
  private readonly watch: Watch
  private keyWord = 0
  private valueWord = 0

  constructor(private readonly tree: FixedTree<K>, private readonly between: () => void = NOTHING) {
    this.last = lastKeyOf(tree)
    this.window = tree.window
    this.watch = new Watch(tree.space, tree.root)
  }

  append(key: K): number {
    const { tree, last } = this
    if (last !== undefined && tree.compare(key, last) <= 0) throw unsortedError(tree.root)
    this.watch.check()
    if (this.count === this.capacity) return this.begin(key)
    if (this.count % PAUSE_ENTRIES === 0) this.pause()
    const { keyWord, valueWord, window } = this
    const { keyWords, valueWords } = tree
    tree.storeKey(window, keyWord, key)
    for (let i = 0; i < valueWords; i++) window.u32[valueWord + i] = 0
    this.keyWord = keyWord + keyWords
    this.valueWord = valueWord + valueWords
    this.count++
    tree.window = window
    tree.countLoaded(this.leaf)
    this.last = last === undefined ? tree.copyKey(key, tree.newKey()) : tree.copyKey(key, last)
    return valueWord
  }

  /** What has been marked for the entries that follow is marked anew. */
  private pause(): void {
    this.between()
    this.tree.markLoaded(this.leaf)
  }

  /** A first key, or one that the leaf has no room for. The leaf that it comes into is marked. */
  private begin(key: K): number {
    const { tree } = this
    this.between()
    const value = this.watch.aside(() => tree.place(key))
    const leaf = tree.leaf
    const count = tree.countOf(leaf)
    tree.markLeaf(leaf)
    this.leaf = leaf
    this.window = tree.window
    this.count = count
    this.capacity = isLast(tree, leaf) ? tree.capacityOf(leaf, 0) : count
    this.keyWord = tree.keyWordAt(leaf, count)
    this.valueWord = tree.valueAt(leaf, count)
    this.last = tree.copyKey(key, this.last ?? tree.newKey())
    return value
  }

  finish(): void {
    this.watch.check()
    this.close()
  }

  close(): void {
    this.watch.end()
  }
}

/**
 * Fills leaves of slotted keys as densely as their prefixes allow: TreeBytes T5. The leaf that is
 * being filled is all marked.
 */
export class SlottedLoader implements Loader<KeyBuffer> {
  private readonly last: KeyBuffer
  private isFirst: boolean
  private readonly watch: Watch
  private leaf = 0
  private added = 0

  constructor(private readonly tree: TreeBytes, private readonly between: () => void = NOTHING) {
    const last = lastKeyOf(tree)
    this.last = last ?? tree.newKey()
    this.isFirst = last === undefined
    this.watch = new Watch(tree.space, tree.root)
  }

  append(key: KeyBuffer): number {
    const { tree, last } = this
    const shared = sharedBytes(last, key, Infinity)
    if (!this.isFirst && !isAbove(key, last, shared)) throw unsortedError(tree.root)
    this.watch.check()
    const value = this.watch.aside(() => this.add(key, shared))
    tree.copyKey(key, last)
    this.isFirst = false
    return value
  }

  private add(key: KeyBuffer, shared: number): number {
    const { leaf, tree } = this
    if (leaf === 0 || leaf === tree.root) {
      this.between()
      const value = tree.place(key)
      this.leaf = isLast(tree, tree.leaf) ? tree.leaf : 0
      if (this.leaf !== 0) tree.markLeaf(this.leaf)
      return value
    }
    if (++this.added % PAUSE_ENTRIES === 0) {
      this.between()
      tree.markLeaf(leaf)
    }
    const belongs = shared >= tree.prefixBytesOf(leaf)
    const stays = belongs && (tree.hasRoom(leaf, key) ||
      (tree.tighten(leaf, key) && tree.hasRoom(leaf, key)))
    tree.space.beforeChange(tree.root)
    if (!stays) {
      this.between()
      this.leaf = tree.closeLeaf(key)
      tree.markLeaf(this.leaf)
    }
    return tree.appendTo(this.leaf, key)
  }

  finish(): void {
    this.watch.check()
    if (this.leaf !== 0) this.watch.aside(() => this.tree.loosen(this.leaf, this.last))
    this.leaf = 0
    this.close()
  }

  close(): void {
    this.watch.end()
  }
}

/** Whether a key is above another with which it shares so many bytes. */
const isAbove = (key: KeyBuffer, last: KeyBuffer, shared: number): boolean => {
  if (shared === last.length) return key.length > shared
  return shared < key.length && key.u8[shared]! > last.u8[shared]!
}
