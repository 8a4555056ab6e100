/**
 * Sorted input: see Loader. Dense, because a full leaf that gets a key behind its last is left as
 * it is (BranchingTree B5).
 */
import { RStoreError } from '../errors.js'
import type { BranchingTree } from './branching.js'
import type { KeyBuffer } from './keys.js'
import type { TreeBytes } from './slotted.js'
import type { Loader } from './tree.js'

export class SortedLoader<K> implements Loader<K> {
  protected last: K
  protected leaf = 0
  private started: boolean

  constructor(protected readonly tree: BranchingTree<K>) {
    const cursor = tree.cursor()
    this.last = tree.newKey()
    this.started = cursor.last()
    if (this.started) this.last = tree.copyKey(cursor.key(), this.last)
    cursor.close()
  }

  append(key: K): number {
    const { tree } = this
    if (this.started && tree.compare(key, this.last) <= 0) throw this.unsorted()
    tree.space.beforeChange(tree.root)
    const value = this.add(key)
    this.last = tree.copyKey(key, this.last)
    this.started = true
    return value
  }

  /** Adds a key that is above `last`. */
  protected add(key: K): number {
    const { tree } = this
    if (this.leaf !== 0 && tree.hasRoom(this.leaf, key)) return tree.appendTo(this.leaf, key)
    const value = tree.place(key)
    this.leaf = tree.leaf
    return value
  }

  finish(): void {
    this.leaf = 0
  }

  private unsorted(): RStoreError {
    return new RStoreError(
      'RSTORE_UNSORTED',
      'The input is not sorted: a key is not greater than the one before it, or than the last ' +
        'key of the map. Sort it, or use set.',
      { root: this.tree.root },
    )
  }
}

/** Fills leaves as densely as their prefix will allow: TreeBytes T5. */
export class SlottedLoader extends SortedLoader<KeyBuffer> {
  constructor(private readonly slotted: TreeBytes) {
    super(slotted)
  }

  protected override add(key: KeyBuffer): number {
    const { leaf, slotted } = this
    if (leaf === 0 || leaf === slotted.root) return super.add(key)
    const stays = slotted.belongsTo(leaf, this.last, key) &&
      (slotted.hasRoom(leaf, key) || (slotted.tighten(leaf, key) && slotted.hasRoom(leaf, key)))
    if (!stays) this.leaf = slotted.closeLeaf(key)
    return slotted.appendTo(this.leaf, key)
  }

  override finish(): void {
    if (this.leaf !== 0) this.slotted.loosen(this.leaf, this.last)
    super.finish()
  }
}
