/**
 * Sorted input: see Loader. Dense, because a full leaf that gets a key behind its last is left as
 * it is (BranchingTree B5).
 */
import { RStoreError } from '../errors.js'
import type { BranchingTree } from './branching.js'
import type { Loader } from './tree.js'

export class SortedLoader<K> implements Loader<K> {
  private last: K
  private started: boolean
  private leaf = 0

  constructor(private readonly tree: BranchingTree<K>) {
    const cursor = tree.cursor()
    this.last = tree.newKey()
    this.started = cursor.last()
    if (this.started) this.last = tree.copyKey(cursor.key(), this.last)
    cursor.close()
    tree.space.beforeChange(tree.root)
  }

  append(key: K): number {
    const { tree } = this
    if (this.started && tree.compare(key, this.last) <= 0) throw this.unsorted()
    this.last = tree.copyKey(key, this.last)
    this.started = true
    if (this.leaf === 0 || !tree.hasRoom(this.leaf, key)) {
      const value = tree.place(key)
      this.leaf = tree.leaf
      return value
    }
    return tree.appendTo(this.leaf, key)
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
