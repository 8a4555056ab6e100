/**
 * The session of a region handle: when it reads, when it writes, and how long what it hands out is good.
 *
 * TURNS. Outside of transactions a handle shows one epoch from the first access of a turn of the event loop until the microtask queue
 * drains; then it lets go of its pin, so that an idle process holds no log back. `read` and `transact` refresh first.
 *
 *  N1. No byte is read unpinned: a live lease means a pinned view. The pin goes when the lease ends.
 *  N2. A lease ends when what it shows may have changed under it, other than by this handle's own transaction: refresh to another
 *      commit, rollback, close; and with the turn, whatever other processes did.
 *  N3. While a commit is being synced on another thread there is no live lease: whoever wants to read waits for it (`renew`).
 *  N4. Listeners are told after the commit is published, never inside the transaction.
 */
import { RStoreError } from '../errors.js'
import { createStructures } from '../map/structures.js'
import { addon } from '../native/binding.js'
import { STATE } from '../space/allocation-words.js'
import { addressOf } from '../space/ref.js'
import type { Ref } from '../space/ref.js'
import { Lease, Session } from '../types/context.js'
import type { EndReason } from '../types/context.js'
import { TypeRegistry } from '../types/registry.js'
import { TYPES_ROOT } from './blank.js'
import type { View } from './view.js'

/** The unit of the allocation state whose second word is nextTypeId. */
const NEXT_TYPE_UNIT = (STATE.nextTypeId >>> 1) as Ref

export class RegionSession extends Session {
  readonly registry: TypeRegistry
  readonly structures = createStructures()
  protected closed = false
  private seenSerial: number
  private turnEnds = false
  private readDepth = 0
  private notices: (() => void)[] = []
  /** Given out by `externalView` under the current lease. */
  private buffers: ArrayBuffer[] = []

  constructor(
    readonly view: View,
    readonly readOnly: boolean,
  ) {
    super(view.space, view.control)
    this.registry = new TypeRegistry(this, TYPES_ROOT, NEXT_TYPE_UNIT)
    this.seenSerial = view.contentSerial
    this.endTurnSoon()
  }

  // ── reading ──

  protected renew(): void {
    this.refresh()
  }

  /** Shows the last commit. Inside a transaction: what it has made so far. */
  refresh(): void {
    if (this.writable) return
    this.assertOpen()
    if (this.view.isPending) this.settle()
    this.space.detachAll()
    this.view.refresh()
    this.follow()
  }

  /** N2: a new lease when what is shown has changed, or the last one has ended. */
  private follow(): void {
    const serial = this.view.contentSerial
    if (serial !== this.seenSerial) {
      this.seenSerial = serial
      this.serial++
      this.endLease('refresh')
    }
    if (!this.lease.live) this.lease = new Lease(this)
    this.endTurnSoon()
  }

  /** A tick that a microtask asks for comes when no microtask is left. */
  protected endTurnSoon(): void {
    if (this.turnEnds) return
    this.turnEnds = true
    queueMicrotask(() => process.nextTick(() => this.endTurn()))
  }

  private endTurn(): void {
    this.turnEnds = false
    if (this.closed || this.view.isPending) return
    if (this.lease.live) this.endLease('turn')
    this.view.unpin()
  }

  /** Views, places and buffers that were given out are good no longer. */
  protected endLease(reason: EndReason): void {
    this.lease.end(reason)
    this.space.detachAll()
    if (this.buffers.length === 0) return
    addon().detach(this.buffers)
    this.buffers = []
  }

  /** Runs `fn` on one epoch: the last commit, or inside a transaction what it has made so far. */
  read<R>(fn: () => R): R {
    if (this.readDepth === 0) this.refresh()
    this.readDepth++
    try {
      return fn()
    } finally {
      this.readDepth--
    }
  }

  protected throwFault(): void {
    if (!this.writable) this.endLease('refresh')
    this.view.throwFault(this.faults[0]!)
  }

  // ── writing ──

  /** Runs `fn` in a transaction, or in a savepoint of the one that runs. */
  transact<R>(fn: () => R, sync: boolean, timeoutMs: number): R {
    if (this.writable) return this.atomically(fn)
    this.begin(timeoutMs)
    try {
      const result = settled(fn())
      this.prepareCommit()
      this.view.commit(sync)
      this.writable = false
      this.tellListeners()
      return result
    } catch (error) {
      if (this.writable) this.abort()
      throw error
    }
  }

  /** The last look at a transaction. Throws what makes a commit impossible. */
  prepareCommit(): void {
    this.leave()
    if (this.spoiled !== undefined) throw this.spoiled
    for (const ref of this.unadopted) this.registry.typeOfCell(ref).freeCell(this, ref)
    this.unadopted.clear()
    this.leave()
  }

  begin(timeoutMs: number): void {
    this.assertOpen()
    if (this.readOnly) this.refuseWrite()
    if (this.view.isPending) this.settle()
    this.space.detachAll()
    this.view.begin(timeoutMs)
    this.follow()
    this.writable = true
  }

  abort(): void {
    this.writable = false
    this.notices.length = 0
    this.unadopted.clear()
    this.endLease('rollback')
    this.view.rollback()
    this.seenSerial = this.view.contentSerial
    this.rolledBack()
  }

  private rolledBack(): void {
    this.serial++
    this.spoiled = undefined
    this.registry.sync()
  }

  /** The end of a transaction whose sync goes on elsewhere: N3. */
  endEarly(): void {
    this.writable = false
    this.serial++
    this.endLease('commit')
  }

  /** Finishes a commit that is being synced; waits for it if need be. */
  settle(): void {
    this.view.settle()
    if (this.seenSerial !== this.view.contentSerial) {
      this.seenSerial = this.view.contentSerial
      this.rolledBack()
    }
    this.endTurnSoon()
  }

  /** Takes what listeners are to be told. */
  takeNotices(): (() => void)[] {
    const taken = this.notices
    this.notices = []
    return taken
  }

  private tellListeners(): void {
    if (this.notices.length === 0) return
    for (const notify of this.takeNotices()) notify()
  }

  override atomically<R>(fn: () => R): R {
    const { space } = this.view
    const noticeCount = this.notices.length
    const unadopted = [...this.unadopted]
    space.savepoint()
    try {
      const result = settled(fn())
      this.leave()
      if (this.spoiled !== undefined) throw this.spoiled
      space.releaseSavepoint()
      return result
    } catch (error) {
      this.endLease('rollback')
      space.rollbackSavepoint()
      this.rolledBack()
      this.notices.length = noticeCount
      this.unadopted.clear()
      for (const ref of unadopted) this.unadopted.add(ref)
      this.lease = new Lease(this)
      throw error
    }
  }

  override transactOrJoin<R>(fn: () => R): R {
    return this.transact(fn, this.joinedSync, this.joinedTimeoutMs)
  }

  /** What transactions that the library begins by itself wait for. */
  joinedSync = true
  joinedTimeoutMs = 10_000

  protected refuseWrite(): never {
    this.assertOpen()
    if (this.readOnly) {
      throw new RStoreError('RSTORE_READ_ONLY',
        `${this.view.path} was opened for reading. Open it without { readOnly: true }`,
        { path: this.view.path })
    }
    throw new RStoreError('RSTORE_NOT_IN_TRANSACTION',
      `a change of ${this.view.path} outside of a transaction. `
      + 'Wrap it in region.transact(() => …) or await region.write(() => …)',
      { path: this.view.path })
  }

  noteChange(notify: () => void): void {
    this.notices.push(notify)
  }

  // ── the rest ──

  assertOpen(): void {
    if (!this.closed) return
    throw new RStoreError('RSTORE_CLOSED',
      `${this.view.path} was closed. Open it again`, { path: this.view.path })
  }

  get isClosed(): boolean {
    return this.closed
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.endLease('close')
    if (this.writable) {
      this.writable = false
      this.view.rollback()
    }
    this.view.settle()
    this.view.close()
  }

  /** Only where the lease cannot end under a caller that does not expect it: inside read and transact. */
  externalView(ref: Ref, offset: number, bytes: number): ArrayBuffer | null {
    return this.readDepth > 0 || this.writable ? this.bufferOver(ref, offset, bytes) : null
  }

  protected bufferOver(ref: Ref, offset: number, bytes: number): ArrayBuffer {
    const buffer = this.view.native.externalView(addressOf(ref) + offset, bytes)
    this.buffers.push(buffer)
    return buffer
  }
}

/** A promise cannot be waited for with the lock held: whatever it does would come after the commit. */
function settled<R>(result: R): R {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return result
  throw new TypeError('the callback returned a promise, but a transaction cannot wait: everything in it '
    + 'was rolled back. Await first, then change the region in a synchronous callback')
}
