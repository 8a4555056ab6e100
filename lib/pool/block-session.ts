/**
 * The session of a block region: one lease from the beginning to the end, always writable until it
 * is sealed. Nothing is committed.
 *
 *  N1. The memory lives as long as anybody has a hold of it: the region itself until it is sealed
 *      or freed, each reader afterwards. The last one frees it.
 *  N2. Whatever leads to the memory (views, maps, iterators) holds the session. When all that is
 *      forgotten, a finalizer gives back what the region had, and counts it as leaked.
 *  N3. Under a bound every operation begins a savepoint, which ends when the next one begins: an
 *      operation that fails half way, when the bound is reached, is undone as soon as it says so by
 *      setting `spoiled`. Without a bound it can fail only when the pool's 32 GiB or the machine's
 *      memory are used up: then the region can still be read, but not written.
 */
import { RStoreError } from '../errors.js'
import { Catalog } from '../map/catalog.js'
import { addon } from '../native/binding.js'
import { Endings } from '../region/base/endings.js'
import { OpenSession } from '../region/base/open-session.js'
import type { RegionStats } from '../region/base/stats.js'
import type { Ref } from '../space/ref.js'
import { Lease } from '../types/context.js'
import type { Ending, EndReason } from '../types/context.js'
import { BlockSpace } from './block-space.js'
import { createCatalog, NO_FAULTS } from './types-session.js'
import type { PoolSessions } from './sessions.js'

/** 32 GiB. */
const POOL_BYTES = 2 ** 35

const NONE: readonly never[] = []

interface Move { readonly low: number; readonly high: number; by: number }

export class BlockSession extends OpenSession {
  declare readonly space: BlockSpace
  readonly path = null
  /** N1. */
  holders = 1
  sealed = false
  /** 0: there are no names yet. */
  catalogRoot: Ref = 0 as Ref
  private catalogs: readonly Catalog[] = NONE
  /** Where the region was before it was moved, and how far from there it is now, in units. */
  private moves: readonly Move[] = NONE
  private views: Map<number, ArrayBuffer> | null = null
  private willTell = false
  private readonly endings = new Endings()
  /** N3. */
  private undoable = false
  /** Why the last operation was undone: it may come by more than once on its way out. */
  private undoneBy: unknown = undefined

  constructor(readonly owner: PoolSessions, space: BlockSpace) {
    super(space, NO_FAULTS, owner.types.registry)
    this.writable = true
  }

  // ── names ──

  /** Makes the catalog at its first use; no rollback takes it back. */
  openCatalog(create: boolean): Catalog {
    this.assertOpen()
    if (this.catalogRoot === 0 && this.writable) {
      this.catalogRoot = this.space.apart(() => createCatalog(this.space))
    }
    const root = this.catalogRoot === 0 ? this.owner.types.emptyCatalog : this.catalogRoot
    const catalog = new Catalog(this, { root, create })
    this.catalogs = [...this.catalogs, catalog]
    return catalog
  }

  // ── moving ──

  /** Whether the region was here once, so that refs from then could be mistaken. */
  wasAt(low: number, high: number): boolean {
    return this.moves.some((move) => low < move.high && move.low < high)
  }

  /** Its memory, which was [low, high), was moved; `pool.compact()` has done so. */
  moved(low: number, high: number, by: number): void {
    const { holdings } = this.space
    if (holdings.outboundHead !== 0) holdings.outboundHead = (holdings.outboundHead + by) as Ref
    for (const move of this.moves) move.by += by
    this.moves = [...this.moves, { low, high, by }]
    if (this.catalogRoot !== 0) {
      this.catalogRoot = (this.catalogRoot + by) as Ref
      for (const { directory } of this.catalogs) directory.moveTo(this.catalogRoot)
    }
    this.serial++
    this.endViews('moved')
  }

  /** Where the cell is now that had this ref once. */
  current(ref: number): number {
    for (const { low, high, by } of this.moves) if (ref >= low && ref < high) return ref + by
    return ref
  }

  // ── life ──

  protected renew(): void {
    this.assertOpen()
    this.lease = new Lease(this)
  }

  protected refuseWrite(): never {
    this.assertOpen()
    throw new RStoreError('RSTORE_READ_ONLY',
      'the block region was sealed: nobody can write to it any more. Make another one with '
      + 'pool.region(), and evacuate() into it what is to be changed')
  }

  protected throwFault(): void {}

  override get label(): string {
    return 'the block region'
  }

  /** Ends writing. */
  seal(): void {
    if (!this.writable) this.refuseWrite()
    this.settle()
    if (this.space.depth > 0) throw new TypeError('seal() inside of an operation on the region')
    this.endings.end('sealed')
    this.freeUnadopted()
    this.space.seal()
    this.writable = false
    this.sealed = true
    this.owner.noteSealed(this)
  }

  retain(): void {
    this.assertOpen()
    this.holders++
  }

  /** N1. One hold less. */
  close(): void {
    if (this.closed || --this.holders > 0) return
    this.closed = true
    this.writable = false
    this.endViews('close')
    this.endings.end('ended')
    this.owner.forget(this)
    this.beforeRelease()
    this.space.release()
  }

  override endsWith(thing: Ending): void {
    this.endings.add(thing)
  }

  /** The memory is there for the last time. */
  protected beforeRelease(): void {}

  // ── changes ──

  override enterWrite(): void {
    super.enterWrite()
    this.beginOperation()
  }

  /** N3. */
  private beginOperation(): void {
    if (!this.space.isBounded) return
    this.settle()
    if (this.space.depth > 0) return
    this.undoneBy = undefined
    this.space.savepoint()
    this.undoable = true
  }

  /** N3: the last operation is through, and what it freed can be used. */
  settle(): void {
    if (!this.undoable || this.space.depth !== 1) return
    this.undoable = false
    this.space.releaseSavepoint()
  }

  /** N3: a change failed half way. True when it was undone. */
  private undo(): boolean {
    if (!this.undoable || this.space.depth !== 1) return false
    this.undoable = false
    this.space.rollbackSavepoint()
    this.serial++
    return true
  }

  protected override noteSpoiled(error: unknown): void {
    if (error !== undefined && error === this.undoneBy) return
    if (error === undefined || !this.undo()) super.noteSpoiled(error)
    else this.undoneBy = error
  }

  override atomically<R>(fn: () => R): R {
    this.beginOperation()
    return super.atomically(fn)
  }

  transactOrJoin<R>(fn: () => R): R {
    if (!this.writable) this.refuseWrite()
    return this.atomically(fn)
  }

  /** Listeners are told when the code that runs now is through. */
  override noteChange(notify: () => void, undo?: () => void): void {
    super.noteChange(notify, undo)
    if (this.willTell) return
    this.willTell = true
    queueMicrotask(() => {
      this.willTell = false
      this.tellListeners()
    })
  }

  // ── memory that was given out in place ──

  /** One buffer for a cell, however often it is read; empty when the cell is freed. */
  externalView(ref: Ref, offset: number, bytes: number): ArrayBuffer {
    const known = this.views?.get(ref)
    if (known !== undefined && known.byteLength === bytes) return known
    const buffer = this.unleasedBuffer(ref, offset, bytes)
    this.lending = true
    this.views ??= new Map()
    this.views.set(ref, buffer)
    this.space.onFree = (freed) => this.detachView(freed)
    return buffer
  }

  private detachView(ref: number): void {
    const buffer = this.views!.get(ref)
    if (buffer === undefined) return
    this.views!.delete(ref)
    addon().detach([buffer])
  }

  /** Every view and buffer is stale. */
  endViews(reason: EndReason): void {
    this.endLease(reason)
    if (this.views === null) return
    addon().detach([...this.views.values()])
    this.views = null
    this.space.onFree = null
  }

  holds(ref: number): boolean {
    return this.space.holds(ref)
  }

  stats(): RegionStats {
    this.settle()
    const { live, free, held } = this.space.usage()
    return {
      capacity: this.space.isBounded ? this.space.boundUnits * 8 : POOL_BYTES,
      fileBytes: 0,
      allocatedBytes: live * 8,
      freeBytes: free * 8,
      epoch: 0,
      checkpointEpoch: 0,
      logBytes: 0,
      privateBytes: held * 8,
      faults: 0,
      readers: this.sealed ? this.holders : 0,
    }
  }
}
