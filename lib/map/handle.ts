/**
 * What handles of maps and multimaps have in common: a tree, and the question whether it is still
 * theirs.
 *
 *  H1. Every operation begins with `enter` or `enterWrite`, after which the root is known to be
 *      that of this very map: its cell has the stamp it had, and under a name the catalog has been
 *      asked since the session's serial last changed.
 *  H2. A map inside a record is good as long as the lease it was got under, and its record lives. A
 *      named map is good for ever: when it was dropped, RSTORE_NOT_FOUND; when it was made anew
 *      with the same types, the handle follows.
 */
import { wordIndexOf, type Ref } from '../space/ref.js'
import type { Window } from '../space/window.js'
import type { BranchingTree } from '../tree/branching.js'
import type { KeyKind } from '../tree/keys.js'
import { openTree } from '../tree/open.js'
import { throwStale, type Lease, type Session } from '../types/context.js'
import type { KeyForm } from '../types/keys.js'

/** How a named map finds itself again. */
export interface Home {
  /** For messages. */
  readonly label: string
  /** The root now. Throws RSTORE_NOT_FOUND, RSTORE_TYPE_MISMATCH. */
  find(): Ref
}

export type AnyTree = BranchingTree<KeyForm>

/** The tree at a root, in the object that iterators may hold where that can be. */
export function treeAt(
  known: AnyTree | undefined, session: Session, kind: KeyKind, root: Ref,
): AnyTree {
  const tree = openTree(session.space, kind, root) as AnyTree
  if (known !== undefined) session.space.beforeChange(known.root)
  return known?.moveTo(tree) === true ? known : tree
}

export abstract class Handle {
  protected tree!: AnyTree
  private root: Ref = 0 as Ref
  private window!: Window
  private stampWord = 0
  private stamp = 0
  private seen = -1
  /** For messages. */
  label = 'a map in a record'

  /** @param home of a named map; else `lease` says how long the map is good */
  constructor(
    readonly session: Session,
    private readonly keyKind: KeyKind,
    readonly home: Home | undefined,
    private readonly lease: Lease | undefined,
  ) {
    if (home !== undefined) this.label = home.label
  }

  protected attach(root: Ref): void {
    this.root = root
    this.window = this.session.space.windowOf(root)
    this.stampWord = wordIndexOf(root) + 1
    this.stamp = this.window.i32[this.stampWord]!
    this.tree = treeAt(this.tree, this.session, this.keyKind, this.treeRootOf(root))
    this.seen = this.session.serial
  }

  /** The root of the tree in which the keys are. */
  protected treeRootOf(root: Ref): Ref {
    return root
  }

  /** H1. */
  enter(): void {
    const { session } = this
    if (!session.lease.live || session.serial !== this.seen || this.lease !== undefined)
      this.renew()
  }

  /** Whoever finds the map again may find that it is of an earlier version. */
  protected enterWrite(): void {
    const { session } = this
    session.enterWrite()
    this.enter()
    if (!session.upgradeExpected) return
    session.enterWrite()
    this.enter()
  }

  leave(): void {
    this.session.leave()
  }

  private renew(): void {
    const { session, home, lease } = this
    session.enter()
    if (lease !== undefined) {
      if (!lease.live || this.window.i32[this.stampWord] !== this.stamp)
        throwStale(lease, this.label)
    } else if (session.serial !== this.seen) {
      this.follow(home!)
    }
    this.seen = session.serial
  }

  /** Finds the map by its name again. */
  private follow(home: Home): void {
    const { session } = this
    session.leave()
    const root = home.find()
    this.label = home.label
    const isSame = root === this.root && this.window.i32[this.stampWord] === this.stamp
    // Compaction may give the cell its old place, and the tree another one.
    if (!isSame || this.treeRootOf(root) !== this.tree.root) this.attach(root)
    session.registry.sync()
  }

  /** The cell that is this map. */
  get rootRef(): Ref {
    this.enter()
    return this.root
  }
}
