/**
 * What views and map facades know of the region they are in: a session and its leases.
 *
 * A *session* is one handle's way into a space. Every public operation begins with `enter` or
 * `enterWrite` and ends with `leave`; each of them is one comparison when nothing is the matter. A
 * *lease* is what ends: every view holds the one it was made under, and looks at `live` before it
 * reads. lib/region makes leases, ends them, and implements the rest.
 *
 * Invariants
 *  L1. While `session.lease.live`, the epoch is pinned and the bytes of the space do not change but
 *      by this session.
 *  L2. `writable` is true only inside a transaction of this session, and then the lease is live.
 *  L3. After a rollback, also of a savepoint, the lease that was current before it is not live any
 *      more.
 *  L4. `serial` is raised whenever something may have changed that a facade has looked up and kept:
 *      refresh, rollback, drop, rename. A facade compares it, and looks again when it differs.
 */
import { RStoreError, type ErrorCode } from '../errors.js'
import type { Ref } from '../space/ref.js'
import type { Space } from '../space/space.js'
import type { MapType, MultimapType } from './map/map.js'
import type { PackedType } from './packed/packed.js'
import type { TypeRegistry } from './registry.js'
import type { VisitRef } from './type.js'

/** Why a lease ended. */
export type EndReason =
  'turn' | 'commit' | 'rollback' | 'refresh' | 'close' | 'revoked' | 'frozen' | 'moved'

const WHY: Readonly<Record<EndReason, string>> = {
  turn: 'views made outside read(), transact() and snapshots end with the turn of the event loop',
  commit: 'the read() or transact() in which this view was made is over',
  rollback: 'the transaction was rolled back',
  refresh: 'the region now shows a newer commit',
  close: 'the region was closed',
  revoked: 'the snapshot was revoked, because it held the redo log back too long',
  moved: 'pool.compact() moved the records of the region',
  frozen: 'the region was packed or discarded, and nobody can write to it any more',
}

/** The time for which views are good. */
export class Lease {
  /** A number: the engine compares it at once, where it would ask of a boolean what it is. */
  private ended = 0
  reason: EndReason = 'turn'
  /** Word 0 is not 0 when a fault was served: what was read since may be zeros. */
  readonly faults: Uint32Array

  constructor(readonly session: Session) {
    this.faults = session.faults
  }

  get live(): boolean {
    return this.ended === 0
  }

  end(reason: EndReason): void {
    this.ended = 1
    this.reason = reason
  }
}

const CODES: Partial<Record<EndReason, ErrorCode>> = {
  revoked: 'RSTORE_SNAPSHOT_REVOKED', frozen: 'RSTORE_REVOKED',
}

/** Throws RSTORE_STALE_VIEW for a view whose lease ended, or whose cell is gone. */
export function throwStale(lease: Lease, what: string): never {
  if (lease.faults[0] !== 0) lease.session.leave()
  const why = lease.live ? 'what it showed was freed or replaced' : WHY[lease.reason]
  const code = lease.live ? undefined : CODES[lease.reason]
  throw new RStoreError(code ?? 'RSTORE_STALE_VIEW',
    `this view of ${what} is stale: ${why}. Take a copy with getObject() or toObject() to keep a `
    + 'value, do all reading inside one read() or transact(), or hold a snapshot()',
    { what, reason: lease.live ? 'freed' : lease.reason })
}

/** Whose a record is: every change in place comes by here. See lib/map/owners.ts. */
export interface Owner {
  /**
   * Runs `assign`, which changes the record in place, or what is its own, and keeps indexes and
   * listeners right. `typeId` is that of the cell which changes. Throws RSTORE_INDEXED where that
   * cannot be done.
   */
  assigning(assign: () => void, typeId?: number): void
  /** Whether changes inside of maps and arrays that are the record's own have to be told, too. */
  readonly minds: boolean
}

/** What lib/map does for types that have maps in them. */
export interface Structures {
  /** A new empty map, and its entries. */
  createMap(session: Session, type: MapType | MultimapType, entries: Iterable<unknown>): Ref
  /** Clears a map and gives it other entries. */
  refillMap(
    session: Session,
    type: MapType | MultimapType,
    root: Ref,
    entries: Iterable<unknown>,
  ): void
  /** The facade of a map that is good as long as the lease; `owner` of the record that it is in. */
  openMap(
    lease: Lease, type: MapType | MultimapType, root: Ref, owner: Owner | undefined,
  ): unknown
  /** Frees a map with everything it owns. */
  freeMap(session: Session, type: MapType | MultimapType, root: Ref): void
  /** Names every cell that the nodes of a map refer to, nodes apart. */
  visitMap(
    session: Session,
    type: MapType | MultimapType,
    root: Ref,
    visit: VisitRef,
    path: string,
  ): void
  /** The owner of what was reached by a ref, in a cell of this type id. */
  ownerByRef(session: Session, typeId: number): Owner
  /**
   * A map with an index whose records are in cells of this type id; '' when there is none.
   * `isInside`: one by a function, that may be by what is inside of a record's maps and arrays.
   */
  indexedMap(session: Session, typeId: number, isInside: boolean): string
  /**
   * Before the first change: names whose types the program has in a later version than they are
   * stored in are of that version from now on. What fails undoes itself.
   */
  upgradeTypes(): void
}

/** Batches in native code. See native/src/core/kernel/lookup.h. */
export interface Kernels {
  /**
   * Fills `values` (as in the leaves) and `found` (0 missing, 1 found, 2 damaged). `cells`: values
   * are refs to cells that will be read next.
   */
  lookUp(
    windows: readonly Uint8Array[],
    root: number,
    keyForm: number,
    keys: Uint32Array | Float64Array | BigUint64Array,
    valueBytes: number,
    values: Uint32Array,
    found: Uint8Array,
    cells: boolean,
  ): number
  /**
   * Fills `column`; a record of another type id becomes 2 in `found`. Gives how many were not read.
   */
  readFields(
    windows: readonly Uint8Array[],
    refs: Uint32Array,
    typeId: number,
    offset: number,
    kind: number,
    column: Uint32Array | Int32Array | Float64Array,
    found: Uint8Array,
  ): number
}

/**
 * Calls what belongs to somebody else after a commit. If it throws, the commit is none the less
 * made, so that its caller must not take the error for a rollback: it goes where errors of event
 * listeners go.
 */
export function callSafely(fn: () => void): void {
  try {
    fn()
  } catch (error) {
    process.nextTick(() => { throw error })
  }
}

/** What ended for good: the session, or that it can be written. */
export type EndingReason = 'ended' | 'sealed'

/** Something that must not be used any more when its session is over. */
export interface Ending {
  end(reason: EndingReason): void
}

export abstract class Session {
  /** Undefined where there is no addon: then batches are loops. */
  readonly kernels: Kernels | undefined = undefined
  lease: Lease
  /** Whether a transaction of this session is running. */
  writable = false
  /** See L4. */
  serial = 0
  private spoiledBy: unknown = undefined
  /** The serial as of which stored types are those of the program. */
  private typesSerial = -1
  abstract readonly registry: TypeRegistry
  abstract readonly structures: Structures

  /** @param faults word 0 is ControlBlock.fault */
  constructor(
    readonly space: Space,
    readonly faults: Uint32Array,
  ) {
    this.lease = new Lease(this)
  }

  /** Before every read: afterwards `lease` is live. Throws when the region is closed, or failed. */
  enter(): void {
    if (!this.lease.live) this.renew()
  }

  /** Before every change. Throws RSTORE_NOT_IN_TRANSACTION, RSTORE_READ_ONLY, or as `enter`. */
  enterWrite(): void {
    if (!this.writable) this.refuseWrite()
    if (this.spoiledBy !== undefined) throw this.spoiledBy
    if (this.upgradeExpected) this.upgradeTypes()
  }

  private upgradeTypes(): void {
    this.enter()
    this.typesSerial = this.serial  // it comes back here
    this.structures.upgradeTypes()
    this.typesSerial = this.serial
  }

  /** Whether `enterWrite` has to look for names that are to be brought to a later version. */
  get upgradeExpected(): boolean {
    return this.typesSerial !== this.serial
  }

  /** A name was opened with a later version of its type than it is stored in. */
  expectUpgrade(): void {
    this.typesSerial = -1
  }

  /**
   * Why the transaction cannot be committed: a change failed half way for want of space. Undone by
   * a rollback alone.
   */
  get spoiled(): unknown {
    return this.spoiledBy
  }

  set spoiled(error: unknown) {
    this.noteSpoiled(error)
  }

  protected noteSpoiled(error: unknown): void {
    this.spoiledBy = error
  }

  /**
   * Runs a change that was prepared. It can fail only for want of space, half way: the transaction,
   * or the savepoint around it, is then good for nothing but a rollback, which sets `spoiled` back.
   */
  change<R>(fn: () => R): R {
    try {
      return fn()
    } catch (error) {
      this.spoiled = error
      throw error
    }
  }

  /** Before a result is returned: throws what a fault means. */
  leave(): void {
    if (this.faults[0] !== 0) this.throwFault()
  }

  /** Makes `lease` live: pins, refreshes. Throws RSTORE_CLOSED and the like. */
  protected abstract renew(): void
  protected abstract refuseWrite(): never
  /** Throws the error of the fault bits in `faults[0]`. */
  protected abstract throwFault(): void

  /**
   * Runs `fn` in a savepoint: a throw undoes what it did and is rethrown. Inside a transaction
   * only.
   */
  abstract atomically<R>(fn: () => R): R

  /**
   * Runs `fn` in a savepoint, or in a transaction of its own when none is running and the region
   * is writable: for what declares things, like `index()` and the opening of a named map.
   */
  abstract transactOrJoin<R>(fn: () => R): R

  /**
   * Told of a change: `notify`, which does not throw, is called after the commit, or not at all;
   * `undo` when the change was rolled back, the last one first, before anything is read.
   */
  abstract noteChange(notify: () => void, undo?: () => void): void

  /**
   * A buffer of exactly `bytes` bytes over the space, read-only by convention; null where it has to
   * be copied.
   */
  abstract externalView(ref: Ref, offset: number, bytes: number): ArrayBuffer | null

  /** Whether somebody may have a buffer that `isLent` knows, until its lease ends. */
  lending = false
  /** Callbacks of `editArray` under way: each has such a buffer, whatever ends meanwhile. */
  editing = 0

  /** Whether memory of the space may be read, or written to, by somebody himself. */
  get isLending(): boolean {
    return this.lending || this.editing > 0
  }

  /** See Space.writeAhead: not while somebody may write to memory of the space by himself. */
  writeAhead(own: number): void {
    if (!this.isLending) this.space.writeAhead(own)
  }

  /** Whether a buffer is memory of the space: what is in it may be another value's any time. */
  isLent(_buffer: ArrayBufferLike): boolean {
    return false
  }

  /**
   * Arrays that a builder of this session has finished and nothing owns yet: what is left at commit
   * is freed.
   */
  readonly unadopted = new Set<number>()

  /**
   * Something with memory of its own that goes on by itself: a builder. Where the end of the region
   * takes back every capability to write (packing, block regions), it is told.
   */
  endsWith(_thing: Ending): void {}

  /** Whether a cell may begin at the ref: cheap, and true of nothing outside of the data. */
  holds(_ref: number): boolean {
    return true
  }

  /** Whether refs of another session name the same cells. */
  sharesRefs(other: Session): boolean {
    return other.space === this.space
  }

  // Fields of type packed belong to a store, which overrides these.

  /** The root of another region of the store. */
  readPacked(type: PackedType, regionId: number, _root: number): unknown {
    return this.refusePacked(type, { regionId })
  }
  /**
   * What is stored for a packed region; nothing changes yet. Throws a TypeError on anything else.
   */
  preparePacked(
    type: PackedType,
    _value: unknown,
    where: string,
  ): { regionId: number; root: number } {
    return this.refusePacked(type, { where })
  }
  /** A slot names the region from now on. */
  retainPacked(type: PackedType, regionId: number): void {
    this.refusePacked(type, { regionId })
  }
  /** A slot names the region no more. */
  releasePacked(type: PackedType, regionId: number): void {
    this.refusePacked(type, { regionId })
  }

  private refusePacked(type: PackedType, facts: Record<string, unknown>): never {
    throw new RStoreError(
      'RSTORE_NO_STORE',
      'fields of type t.packed name other regions of a store: get this region from store.region() '
      + 'or store.blockRegion()',
      { type: type.kind, ...facts },
    )
  }
}
