/**
 * A view as TypeScript sees it: the space over a native handle's mapping, and the steps of a
 * transaction in their order. Why a view shows exactly one commit, and how that moves:
 * native/src/core/view.h. What a commit does: native/src/core/handle.h.
 *
 * Order of the steps (the native handle relies on it):
 *   refresh → … → unpin                             reading
 *   begin → … → commit | rollback                   a transaction; leaves the view pinned
 *   begin → … → commitLater → (await) → settle      the same, on another thread
 */
import { C, ControlBlock } from '../../../formats/index.js'
import { RStoreError } from '../../errors.js'
import { addon, frequentCalls } from '../../native/binding.js'
import type { HandleOptions, NativeHandle, PackedStatus } from '../../native/binding.js'
import { GatheredCalls } from '../../native/gathered-calls.js'
import { check, errorOf } from '../../native/status.js'
import { CONTROL } from '../../space/allocation-words.js'
import { ContiguousSpace } from '../../space/contiguous-space.js'
import { faultError } from '../../space/fault-error.js'
import { lowerFrontier } from '../../space/lower-frontier.js'
import { Windows } from '../base/windows.js'
import { realPathOf } from './real-path.js'

const words = ControlBlock.fields
const CONTENT_SERIAL = words.contentSerial.offset >>> 2
const EPOCH = words.epoch.offset >>> 2

/** What the handles of this thread on one file know of each other. */
interface SharedFile {
  handles: number
  /** Which of them has a transaction: a second one would wait for ever. */
  holder: View | null
  /** Where that lets other JavaScript run before it ends: its end, and what tells of it. */
  ending: { readonly ended: Promise<void>; readonly end: () => void } | null
}

/** By real path: a compacted file takes the name of the one before. */
const sharedFiles = new Map<string, SharedFile>()

function shareFile(key: string): SharedFile {
  const file = sharedFiles.get(key) ?? { handles: 0, holder: null, ending: null }
  sharedFiles.set(key, file)
  file.handles++
  return file
}

/** A commit that runs on another thread. */
export interface PendingCommit {
  /** Resolves when there is something to settle; never rejects. */
  readonly ended: Promise<unknown>
  /** Set by `settle` when it failed. */
  error: Error | null
}

const NO_PAGES = new Uint32Array(0)
/** No handle has it: the native layer throws. */
const NO_HANDLE = 0xffff_ffff

export class View {
  readonly path: string
  readonly space: ContiguousSpace
  readonly control: Uint32Array
  readonly capacityBytes: number
  readonly native: NativeHandle
  /** NO_HANDLE once it is closed: then its number is another's. */
  private number: number
  /** The list of changed pages that the native layer knows. */
  private pages: Uint32Array = NO_PAGES
  private readonly windows: Windows
  private readonly file: SharedFile
  private pending: PendingCommit | null = null
  private inTransaction = false
  private closed = false
  private cuts = false
  private readonly checkpoints = new GatheredCalls(() => this.checkpointOnce())
  /** Called when a commit that was synced elsewhere has ended, however. */
  onSettled: () => void = () => {}

  /** @param epoch 0 for the last commit, else one that somebody pins */
  constructor(path: string, options: HandleOptions, epoch = 0) {
    this.path = realPathOf(path)
    this.native = new (addon().Handle)()
    const opened = this.native.open(this.path, options, epoch)
    if (typeof opened === 'number') throw openingError(opened, this.path, options.readOnly)
    this.number = opened.number
    this.control = new Uint32Array(opened.control)
    this.capacityBytes = opened.capacityBytes
    this.file = shareFile(this.path)
    this.windows = new Windows(this.native, this.control[CONTROL.endUnits]!)
    this.space = new ContiguousSpace({
      windows: this.windows.all,
      control: this.control,
      bitmap: new Uint32Array(opened.lineBits),
      firstDataPage: opened.firstDataPage,
      grow: (endUnits) => {
        check(this.native.grow(endUnits), this.path, 'growing')
        this.windows.reach(endUnits)
      },
      writeAhead: (endUnits, changed) =>
        check(this.native.writeAhead(endUnits, changed), this.path, 'writing to'),
      touched: (pages) => this.native.noteTouched(pages),
      path: this.path,
    })
  }

  /** The commit that is shown. */
  get epoch(): number {
    return this.control[EPOCH]! + this.control[EPOCH + 1]! * 2 ** 32
  }

  /** Raised whenever what is shown changed other than by a transaction of this view. */
  get contentSerial(): number {
    return this.control[CONTENT_SERIAL]!
  }

  get isClosed(): boolean {
    return this.closed
  }

  /** Whether a commit is being synced on another thread. */
  get isPending(): boolean {
    return this.pending !== null
  }

  /** Shows the last commit and pins it. */
  refresh(): void {
    check(frequentCalls().refresh(this.number), this.path, 'reading')
    this.windows.reach(this.control[CONTROL.endUnits]!)
  }

  /** Nothing may be read until the next `refresh` or `begin`. */
  unpin(): void {
    frequentCalls().unpin(this.number)
  }

  /** Of a snapshot: false when it cannot be kept for another one. Else `resume` must follow. */
  pause(): boolean {
    return !this.closed && this.native.pause()
  }

  /** Shows exactly this epoch, which somebody pins; false when it cannot, and has to be closed. */
  resume(epoch: number): boolean {
    if (this.native.resume(epoch) !== 0) return false
    this.windows.reach(this.control[CONTROL.endUnits]!)
    return true
  }

  /**
   * Takes the write lock and shows the last commit. Throws RSTORE_BUSY after `timeoutMs`, and at
   * once where the transaction of another handle of this thread could not go on meanwhile. One that
   * is only being synced is waited for.
   */
  begin(timeoutMs: number): void {
    this.file.holder?.settle()
    if (this.file.holder !== null) throw this.busy(process.pid, 'another handle of this thread')
    this.inTransaction = true  // before it is: what is stopped behind it is known to be open
    this.file.holder = this
    let status: number
    try {
      status = frequentCalls().begin(this.number, timeoutMs)
    } catch (error) {
      this.endTransaction()
      throw error
    }
    if (status !== 0) this.endTransaction()
    if (status < 0) throw this.busy(-status, `process ${-status}`)
    check(status, this.path, 'beginning a transaction on')
    this.space.beginTransaction()
    this.windows.reach(this.control[CONTROL.endUnits]!)
  }

  /**
   * `begin`, for a transaction that other JavaScript runs in between: those of other handles that
   * can wait for its end, do.
   */
  beginLong(timeoutMs: number): void {
    this.begin(timeoutMs)
    let end!: () => void
    const ended = new Promise<void>((resolve) => { end = resolve })
    this.file.ending = { ended, end }
  }

  /** The end of a long transaction of this thread that keeps others from beginning one. */
  get longEnds(): Promise<void> | undefined {
    return this.file.ending?.ended
  }

  /** Throws when it cannot be committed; then `rollback` must follow. */
  commit(sync: boolean): void {
    this.space.prepareCommit()
    const status = frequentCalls().commit(this.number, this.namePages(), sync ? 1 : 0)
    check(status, this.path, 'committing to')
    this.space.endTransaction()
    this.endTransaction()
  }

  /**
   * Commits with a sync, all of it on another thread. `settle` must be called before the view is
   * used: after `ended`, or earlier, and then it waits. Throws when the commit cannot even be
   * begun; then `rollback` must follow.
   */
  commitLater(): PendingCommit {
    this.space.prepareCommit()
    this.pending = { ended: this.native.commitLater(this.namePages()), error: null }
    return this.pending
  }

  /**
   * Finishes a commit that is under way: its `error` says how it went. A failed one is rolled back.
   */
  settle(): void {
    const { pending } = this
    if (pending === null) return
    this.pending = null
    const status = this.native.finishLater()
    if (status === 0) {
      this.space.endTransaction()
      this.endTransaction()
    } else {
      pending.error = errorOf(status, this.path, 'committing to')
      this.rollback()
    }
    this.onSettled()
  }

  rollback(): void {
    const count = this.namePages()
    this.space.rollbackTransaction()
    this.native.rollback(count)
    this.endTransaction()
  }

  /** Tells the native layer where the changed pages of the transaction are listed, and how many. */
  private namePages(): number {
    const { dirtyPages, dirtyPageCount } = this.space.marks
    if (dirtyPages !== this.pages) this.native.usePages((this.pages = dirtyPages))
    return dirtyPageCount
  }

  get isTransacting(): boolean {
    return this.inTransaction
  }

  private endTransaction(): void {
    this.inTransaction = false
    this.file.holder = null
    this.file.ending?.end()
    this.file.ending = null
  }

  /**
   * Throws what the fault bits mean; memory that stood in for the file is mapped to it again.
   * Outside of a transaction.
   */
  throwFault(bits: number): never {
    if (!this.inTransaction) this.native.repair()
    throw faultError(bits, { path: this.path })
  }

  /** Brings the file up to date. Throws RSTORE_BUSY when another handle is too long at it. */
  async checkpoint(doing = 'checkpointing'): Promise<void> {
    const status = await this.checkpoints.call()
    if (status >= 0) return check(status, this.path, doing)
    throw new RStoreError('RSTORE_BUSY',
      `${doing} ${this.path}: a checkpoint of process ${-status} does not end. `
      + 'Try again, or raise timeoutMs', { path: this.path, pid: -status })
  }

  private async checkpointOnce(): Promise<PackedStatus> {
    return this.closed ? addon().statusNames.indexOf('closed') : this.native.checkpoint()
  }

  /** From now on `close` cuts off what the file has behind the data, if nobody else has it open. */
  cutWhenClosed(): void {
    this.cuts = true
  }

  close(): void {
    if (this.cuts && !this.closed) this.cut()
    this.closed = true
    if (this.inTransaction) this.endTransaction()
    if (--this.file.handles === 0) sharedFiles.delete(this.path)
    this.number = NO_HANDLE
    this.native.close()
  }

  /** native/src/core/handle.h, H9. What fails here leaves the file as long as it is. */
  private cut(): void {
    if (!this.native.becomeAlone()) return
    try {
      this.begin(0)
      lowerFrontier(this.space)
      this.space.checkFault()
      this.commit(false)
    } catch {
      if (this.inTransaction) this.rollback()
    }
  }

  private busy(pid: number, who: string): RStoreError {
    return new RStoreError('RSTORE_BUSY',
      `beginning a transaction on ${this.path}: ${who} holds the write lock. `
      + 'Try again, or raise timeoutMs', { path: this.path, pid })
  }
}

/** Who may not write, but wants to; and who only reads, which is told to all in the lock file. */
const DENIED = {
  writing: { readOnly: { todo: 'Open with { readOnly: true }, or change the permissions' } },
  reading: {
    readOnly: {
      what: 'who reads it says so in its lock file (-lock), and that may not be written, or not be '
        + 'made in this folder',
      todo: 'Change the permissions of that file or of the folder',
    },
  },
}

/**
 * A packed region is not only of another kind: whoever wants to write to it is told that nobody
 * can.
 */
function openingError(status: PackedStatus, path: string, readOnly: boolean): Error {
  const error = errorOf(status, path, 'opening', readOnly ? DENIED.reading : DENIED.writing)
  if (readOnly || !(error instanceof RStoreError)) return error
  if (error.facts['kind'] !== C.KIND_PACKED) return error
  return new RStoreError('RSTORE_READ_ONLY', error.message, error.facts)
}

/** Whether somebody else had the write lock: then the view is as it was. */
export function isRefused(error: unknown): boolean {
  return error instanceof RStoreError && error.code === 'RSTORE_BUSY' && 'pid' in error.facts
}
