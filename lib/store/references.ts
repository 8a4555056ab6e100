/**
 * What a session of a store does about fields of type `t.packed`: keeps the region's own list, and
 * tells the store when a packed region is named by this region for the first time, or by no field
 * any more.
 *
 *  K1. The store's count is raised, durably, before the first field is written: a crash leaves it
 *      too high, never too low.
 *  K2. It is lowered after the commit that took the last field away; how long after, the store
 *      decides (store.ts, D1).
 *  K3. A rollback, also of a savepoint, takes the list back with the fields. What the store was
 *      told too much is taken back when the transaction ends: names are compared with the list as
 *      it is then.
 */
import { RStoreError } from '../errors.js'
import { OutboundList } from '../space/outbound.js'
import type { Session } from '../types/context.js'
import { compare, describeShortly } from '../types/compatible.js'
import type { PackedType } from '../types/packed/packed.js'
import { RefType } from '../types/ref/ref.js'
import { throwMismatch } from '../types/registry.js'
import { Packed } from '../region/packed.js'
import type { Store } from './store.js'

/** What is stored in a field. */
export interface PackedName {
  readonly regionId: number
  readonly root: number
}

export class References {
  private readonly list: OutboundList
  /** The store was told of these in the running transaction. */
  private readonly added = new Set<number>()
  /** These left the list in the running transaction, maybe to come back: the store counts them. */
  private readonly removed = new Set<number>()
  private serial = -1

  constructor(
    private readonly store: Store,
    /** Id of the region that names. */
    readonly ownId: number,
    private readonly session: Session,
  ) {
    this.list = new OutboundList(session.space)
  }

  read(type: PackedType, regionId: number): unknown {
    const packed = this.store.shared(regionId)
    this.checkType(type, packed)
    return packed.root
  }

  prepare(type: PackedType, value: unknown, where: string): PackedName {
    if (!(value instanceof Packed)) {
      throw new TypeError(
        `${where}: expected a packed region, as store.pack() or store.packed() give it`,
      )
    }
    value.session.assertOpen()
    const regionId = this.store.idOf(value)
    if (regionId === 0) {
      throw new RStoreError(
        'RSTORE_FOREIGN_REF',
        `${where}: ${value.session.label} is not of this store. Pack it with store.pack()`,
        { where },
      )
    }
    if (regionId >= this.ownId && this.store.isPacking(this.ownId)) {
      throw new RStoreError(
        'RSTORE_CYCLE',
        `${where}: a packed region may name only regions that were packed before it was begun`,
        { where, regionId },
      )
    }
    this.checkType(type, value)
    return { regionId, root: value.session.opened.rootRef }
  }

  private checkType(type: PackedType, packed: Packed): void {
    const { registry, opened } = packed.session
    const stored = registry.typeOf(opened.rootType)
    // t.packed(t.self) is declared as a ref: of what it leads to
    const declared = type.root instanceof RefType ? type.root.target() : type.root
    const mismatch = compare(stored, declared, describeShortly(declared))
    if (mismatch !== null) throwMismatch(packed.session.label, mismatch.path, mismatch.how)
  }

  /** Where cells were is not where they are after a rollback, or another's transaction. */
  private follow(): void {
    if (this.serial === this.session.serial) return
    this.serial = this.session.serial
    this.list.forget()
  }

  retain(regionId: number): void {
    this.follow()
    if (!this.list.has(regionId) && !this.added.has(regionId) && !this.removed.has(regionId)) {
      this.store.raise(regionId, this.ownId) // K1
      this.added.add(regionId)
    }
    this.list.retain(regionId)
  }

  release(regionId: number): void {
    this.follow()
    if (this.list.release(regionId)) this.removed.add(regionId)
  }

  /** Before a commit: what the store is to be told after it, null when nothing. */
  prepareCommit(): readonly number[] | null {
    if (this.added.size === 0 && this.removed.size === 0) return null
    this.follow()
    const gone = [...new Set([...this.added, ...this.removed])].filter((id) => !this.list.has(id))
    return gone.length === 0 ? null : gone
  }

  /** After it. */
  committed(): void {
    this.added.clear()
    this.removed.clear()
  }

  /** K3: after a rollback of the whole transaction. */
  rolledBack(): void {
    const added = [...this.added]
    this.committed()
    this.store.lower(added, this.ownId, 0)
  }
}
