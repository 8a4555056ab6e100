/**
 * The session of a region handle: when it reads, when it writes, and how long what it hands out is
 * good.
 *
 * TURNS. Outside of transactions a handle shows one epoch from the first access of a turn of the
 * event loop until the microtask queue drains; then it lets go of its pin, so that an idle process
 * holds no log back. `read` and `transact` refresh first.
 *
 *  N1. No byte is read unpinned: a live lease means a pinned view. The pin goes when the lease
 *      ends.
 *  N2. A lease ends when what it shows may have changed under it, other than by this handle's own
 *      transaction: refresh to another commit, rollback, close; and with the turn, whatever other
 *      processes did.
 *  N3. While a commit is made on another thread there is no live lease: whoever wants to
 *      read waits for it (`renew`).
 *  N4. Listeners are told after the commit is published, never inside the transaction.
 *  N5. At the end of a turn no code runs. A `read` or `transact` that is open then was stopped by
 *      the engine, which runs no `catch` and no `finally`: by a `timeout` of node:vm, or by Ctrl+C
 *      in the REPL. Left open, it would take all later ones for its own savepoints, and commit
 *      none of them. What it had half done in the memory of this process is not known: a handle
 *      that was writing is closed.
 */
import { C } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import { check } from '../../native/status.js'
import { CONTROL, STATE } from '../../space/allocation-words.js'
import type { ContiguousSpace } from '../../space/contiguous-space.js'
import { refOfPage } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import { Lease } from '../../types/context.js'
import { endNumbers } from '../../types/ref/numbers.js'
import { NEXT_TYPE_UNIT, TYPES_ROOT } from '../base/blank.js'
import { OpenSession, synchronous, undoAll } from '../base/open-session.js'
import type { Notice, PageCheckOptions } from '../base/open-session.js'
import type { RegionStats } from '../base/stats.js'
import { whileTelling } from '../base/telling.js'
import { isRefused } from './view.js'
import type { View } from './view.js'

export class RegionSession extends OpenSession {
  declare readonly space: ContiguousSpace
  private seenSerial: number
  private seenReplacements = 0
  private turnEnds = false
  private readDepth = 0

  constructor(
    readonly view: View,
    readonly readOnly: boolean,
  ) {
    super(view.space, view.control, TYPES_ROOT, NEXT_TYPE_UNIT)
    this.seenSerial = view.contentSerial
    view.onSettled = () => this.settled()
    this.endTurnSoon()
  }

  get path(): string {
    return this.view.path
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
    this.moveView(() => this.view.refresh())
  }

  /** `refresh` where nobody waits for it: what fails is told to whoever reads next. */
  tryRefresh(): void {
    try {
      this.refresh()
    } catch {
      this.endLease('refresh')
    }
  }

  /** N1: a view that could not be moved is not pinned either, unless it was not tried. */
  private moveView(move: () => void): void {
    try {
      move()
    } catch (error) {
      if (!isRefused(error) || this.isElsewhere) this.endLease('refresh')
      throw error
    }
    this.follow()
  }

  /** Whether the view went to another file since the session last looked. */
  private get isElsewhere(): boolean {
    return this.view.control[CONTROL.replacements]! !== this.seenReplacements
  }

  /** N2: a new lease when what is shown has changed, or the last one has ended. */
  private follow(): void {
    const serial = this.view.contentSerial
    if (serial !== this.seenSerial) {
      this.seenSerial = serial
      this.serial++
      this.endLease('refresh')
      this.followReplacement()
    }
    if (!this.lease.live) this.lease = new Lease(this)
    this.endTurnSoon()
  }

  /** A compacted file has other numbers for the types. */
  private followReplacement(): void {
    if (!this.isElsewhere) return
    this.seenReplacements = this.view.control[CONTROL.replacements]!
    this.registry.forget()
  }

  /** A tick that a microtask asks for comes when no microtask is left. */
  protected endTurnSoon(): void {
    if (this.turnEnds) return
    queueMicrotask(() => process.nextTick(() => this.endTurn()))
    this.turnEnds = true
  }

  private endTurn(): void {
    this.turnEnds = false
    // The view alone is closed where opening failed behind this session (owning.ts).
    if (this.closed || this.view.isClosed || this.view.isPending) return
    this.readDepth = 0  // N5
    endNumbers()
    if (this.writable || this.view.isTransacting) return this.closeStopped()
    if (this.lease.live) this.endLease('turn')
    this.view.unpin()
  }

  /** N5. The marks may be half made, too: the native part closes without them. */
  private closeStopped(): void {
    this.writable = false
    this.closedBecause = ', because a transaction was stopped in it, by a timeout or by Ctrl+C'
    this.onStopped()
    this.close()
    process.emitWarning(`a transaction on ${this.path} was stopped, by a timeout or by Ctrl+C. It `
      + 'was rolled back, with all that this handle changed after it in the same turn of the event '
      + 'loop, and the handle was closed. Open it again', 'RStoreWarning')
  }

  /** Called before a handle is closed by N5. */
  onStopped: () => void = () => {}

  /** Runs `fn` on one epoch: the last commit, or inside a transaction what it has made so far. */
  read<R>(fn: () => R): R {
    if (this.readDepth === 0) this.refresh()
    this.readDepth++
    try {
      const result = fn()
      if (this.readDepth === 1) this.leave()  // arrays that were read in place look at nothing
      return result
    } finally {
      this.readDepth--
    }
  }

  get isReading(): boolean {
    return this.readDepth > 0
  }

  /**
   * What a snapshot of the file that is shown names stays until what is returned is called, once or
   * more often. Throws RSTORE_REPLACED, or what else says that the file has its name no more.
   */
  holdSnapshot(): () => void {
    return () => {}
  }

  protected throwFault(): void {
    this.assertOpen()
    if (!this.writable) this.endLease('refresh')
    this.view.throwFault(this.faults[0]!)
  }

  // ── writing ──

  /** Runs `fn` in a transaction, or in a savepoint of the one that runs. */
  transact<R>(fn: () => R, sync: boolean, timeoutMs: number): R {
    if (this.writable) return this.atomically(fn)
    this.begin(timeoutMs)
    try {
      const result = synchronous(fn())
      this.prepareCommit(sync)
      this.view.commit(sync)
      this.writable = false
      this.tellListeners()
      this.onCommit()
      return result
    } catch (error) {
      if (this.writable) this.abort()
      throw error
    }
  }

  /** Called after every commit, also of transactions that the library begins by itself. */
  onCommit: () => void = () => {}

  /**
   * The last look at a transaction. Throws what makes a commit impossible.
   * @param _sync whether the commit will wait for the disk
   */
  prepareCommit(_sync: boolean): void {
    this.assertOpen()
    this.leave()
    if (this.spoiled !== undefined) throw this.spoiled
    if (this.unadopted.size === 0) return
    this.freeUnadopted()
    this.leave()
  }

  begin(timeoutMs: number): void {
    this.assertOpen()
    if (this.readOnly) this.refuseWrite()
    if (this.view.isPending) this.settle()
    this.space.detachAll()
    this.moveView(() => this.view.begin(timeoutMs))
    this.writable = true
  }

  abort(): void {
    this.writable = false
    this.undoNotices(0)
    this.unadopted.clear()
    this.endLease('rollback')
    this.view.rollback()
    this.seenSerial = this.view.contentSerial
    this.rolledBack()
  }

  /**
   * The end of a transaction whose sync goes on elsewhere: N3. Gives what listeners are to be told
   * when it has succeeded.
   */
  endEarly(): readonly Notice[] {
    this.writable = false
    this.serial++
    this.endLease('commit')
    this.pendingNotices = this.takeNotices()
    return this.pendingNotices
  }

  private pendingNotices: readonly Notice[] = []

  /** Finishes a commit that is being synced; waits for it if need be. */
  settle(): void {
    this.view.settle()
  }

  /** It has ended: maybe because another handle of this thread wants to write. */
  private settled(): void {
    if (this.closed) return
    const notices = this.pendingNotices
    this.pendingNotices = []
    if (this.seenSerial !== this.view.contentSerial) {
      this.seenSerial = this.view.contentSerial
      undoAll(notices)
      this.rolledBack()
    }
    this.endTurnSoon()
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

  /** One check after the other: the native handle has the list of the last alone. */
  override damagedPages(options: PageCheckOptions = {}): Promise<number[]> {
    const checkThem = (): Promise<number[]> => this.checkPages(options)
    const checked = this.pagesChecked?.then(checkThem) ?? checkThem()
    const end = (): void => {
      if (this.pagesChecked === ended) this.pagesChecked = null
    }
    const ended: Promise<void> = checked.then(end, end)
    this.pagesChecked = ended
    return checked
  }

  /** Settled when the last check that was asked for is over. */
  private pagesChecked: Promise<void> | null = null

  private async checkPages(options: PageCheckOptions): Promise<number[]> {
    const { onProgress, signal, isAwaited = false } = options
    this.assertOpen()
    signal?.throwIfAborted()
    const { native, path } = this.view
    const tell = (): void => {
      if (!this.closed) onProgress?.(...native.pageCheckProgress())
    }
    const cancel = (): void => {
      if (!this.closed) native.cancelPageCheck()
    }
    signal?.addEventListener('abort', cancel)
    try {
      const status = await whileTelling(onProgress && tell, native.checkPages(!isAwaited))
      signal?.throwIfAborted()
      this.assertOpen()
      check(status, path, 'checking the pages of')
      return native.damagedPages()
    } catch (error) {
      cancel()
      throw error
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  holds(ref: number): boolean {
    const { firstDataPage, frontierUnits, control } = this.space
    const end = this.writable ? frontierUnits : control[CONTROL.endUnits]!
    return ref >= refOfPage(firstDataPage) && ref < end
  }

  override aboutBytes(): number {
    return this.view.native.stats().fileBytes
  }

  stats(): RegionStats {
    this.enter()
    const { view } = this
    const { u32 } = view.space.windows[0]!
    const native = view.native.stats()
    this.leave()
    return {
      capacity: view.capacityBytes,
      fileBytes: native.fileBytes,
      allocatedBytes: u32[STATE.allocatedUnits]! * C.UNIT_BYTES,
      freeBytes: u32[STATE.freeUnits]! * C.UNIT_BYTES,
      epoch: view.epoch,
      checkpointEpoch: native.checkpointEpoch,
      logBytes: native.logBytes,
      privateBytes: native.privateBytes,
      faults: view.control[CONTROL.faultCount]!,
      readers: view.native.readers().filter((reader) => reader.epoch !== 0).length,
    }
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
    this.leaveView()
  }

  protected leaveView(): void {
    this.view.close()
  }

  /**
   * Only where the lease cannot end under a caller that does not expect it: inside read and
   * transact.
   */
  externalView(ref: Ref, offset: number, bytes: number): ArrayBuffer | null {
    return this.readDepth > 0 || this.writable ? this.bufferOver(ref, offset, bytes) : null
  }
}
