/**
 * What the sessions of all kinds of regions have in common: being open, savepoints, buffers that
 * were given out, arrays that nobody adopted yet. What a kind of region is, its subclass says:
 * region files (session.ts), regions being packed, packed ones, blocks of a pool.
 */
import { RStoreError } from '../../errors.js'
import { createStructures } from '../../map/structures.js'
import { addon } from '../../native/binding.js'
import { byteIndexOf, windowIndexOf } from '../../space/ref.js'
import type { Ref } from '../../space/ref.js'
import type { Space } from '../../space/space.js'
import { callSafely, Lease, Session } from '../../types/context.js'
import type { EndReason, Kernels } from '../../types/context.js'
import { refusePromise } from '../../types/promise.js'
import { TypeRegistry } from '../../types/registry.js'
import type { RegionStats } from './stats.js'
import type { OnProgress } from './telling.js'

/**
 * Who has a buffer may have nothing else of its session any more. As long as it is there, so is the
 * session: nobody closes that for being forgotten, and the memory is not another's.
 */
const sessionOf = new WeakMap<ArrayBuffer, Session>()

function refuseTransfer(): never {
  throw new TypeError('an array that is read in place cannot be transferred: its memory is the '
    + "region's. Copy it with slice()")
}

/**
 * Transferred, a buffer would be good beyond its lease, when the memory is another's. Posting and
 * cloning one is refused, or copies, by Node itself.
 */
const LENT_BUFFER = Object.create(ArrayBuffer.prototype, {
  transfer: { value: refuseTransfer }, transferToFixedLength: { value: refuseTransfer },
}) as ArrayBuffer

const NONE: readonly number[] = []

/** Of a change. See Session.noteChange. */
export interface Notice {
  readonly notify: () => void
  readonly undo: (() => void) | undefined
}

/** How pages are compared with their checksums. */
export interface PageCheckOptions {
  /** Is told of pages. */
  readonly onProgress?: OnProgress | undefined
  /** Ends it with what the signal says. */
  readonly signal?: AbortSignal | undefined
  /** Whether others wait for it: then it does not wait for Node's pool of threads. */
  readonly isAwaited?: boolean
}

/** A space that can undo what was done since a moment. */
export interface SavepointSpace extends Space {
  savepoint(): void
  releaseSavepoint(): void
  rollbackSavepoint(): void
}

export abstract class OpenSession extends Session {
  readonly registry: TypeRegistry
  readonly structures = createStructures()
  override readonly kernels = availableKernels()
  /** Absolute path of the file; null when there is none. */
  abstract readonly path: string | null
  protected closed = false
  /** Where the program did not do it. */
  protected closedBecause = ''
  private notices: Notice[] = []
  /** Given out by `bufferOver` under the current lease, by the cells that they are over. */
  private readonly buffers = new Map<number, ArrayBuffer[]>()

  /**
   * @param types the root of the region's types tree, or what knows the types it shares with others
   */
  constructor(
    override readonly space: SavepointSpace,
    faults: Uint32Array,
    types: Ref | TypeRegistry,
    nextTypeAt: Ref = 0 as Ref,
  ) {
    super(space, faults)
    this.registry = typeof types === 'number' ? new TypeRegistry(this, types, nextTypeAt) : types
  }

  abstract stats(): RegionStats

  /** About how many bytes of data there are, without waiting for anything. */
  aboutBytes(): number {
    return this.stats().allocatedBytes
  }

  /** Pages of the file that do not fit their checksums, as far as they are not looked at anyway. */
  async damagedPages(_options?: PageCheckOptions): Promise<number[]> {
    return []
  }
  abstract override holds(ref: number): boolean
  abstract close(): void

  get isClosed(): boolean {
    return this.closed
  }

  /** What the region is called in messages. */
  get label(): string {
    return this.path ?? 'the region in memory'
  }

  assertOpen(): void {
    if (!this.closed) return
    throw new RStoreError('RSTORE_CLOSED', `${this.label} was closed${this.closedBecause}. `
      + 'Open it again', { path: this.path })
  }

  /** Views, places and buffers that were given out are good no longer. */
  protected endLease(reason: EndReason): void {
    this.lease.end(reason)
    this.space.detachAll()
    if (this.buffers.size === 0) return
    addon().detach([...this.buffers.values()].flat())
    this.buffers.clear()
    this.space.onFree = null
    this.lending = false
  }

  /** A buffer of its own over part of a cell, until the cell is freed or the lease ends. */
  protected bufferOver(ref: Ref, offset: number, bytes: number): ArrayBuffer {
    const known = this.buffers.get(ref) ?? []
    const same = known.find(({ byteLength }) => byteLength === bytes)
    if (same !== undefined) return same
    const buffer = this.unleasedBuffer(ref, offset, bytes)
    this.lending = true
    this.buffers.set(ref, [...known, buffer])
    this.space.onFree = (freed) => this.detachBuffers(freed)
    return buffer
  }

  /** What is at a freed cell next is nothing that anybody asked for. */
  private detachBuffers(ref: number): void {
    const buffers = this.buffers.get(ref)
    if (buffers === undefined) return
    this.buffers.delete(ref)
    addon().detach(buffers)
  }

  /** The same; the caller detaches it. */
  unleasedBuffer(ref: Ref, offset: number, bytes: number): ArrayBuffer {
    const { u8 } = this.space.windows[windowIndexOf(ref)]!
    const buffer = addon().bufferOver(u8, byteIndexOf(ref) + offset, bytes)
    Object.setPrototypeOf(buffer, LENT_BUFFER)
    sessionOf.set(buffer, this)
    return buffer
  }

  /** Also those of a snapshot of the same file. */
  override sharesRefs(other: Session): boolean {
    return super.sharesRefs(other)
      || (this.path !== null && (other as OpenSession).path === this.path)
  }

  override isLent(buffer: ArrayBufferLike): boolean {
    return sessionOf.get(buffer as ArrayBuffer) === this
  }

  /** One that could end only with a rollback of all around it does not begin. */
  override atomically<R>(fn: () => R): R {
    if (this.spoiled !== undefined) throw this.spoiled
    const { space } = this
    const noticeCount = this.notices.length
    const unadopted = this.unadopted.size === 0 ? NONE : [...this.unadopted]
    space.savepoint()
    try {
      const result = synchronous(fn())
      this.assertOpen()
      this.leave()
      if (this.spoiled !== undefined) throw this.spoiled
      space.releaseSavepoint()
      return result
    } catch (error) {
      if (this.closed) throw error  // all was rolled back, and the windows are another's
      this.endLease('rollback')
      space.rollbackSavepoint()
      this.undoNotices(noticeCount)
      this.rolledBack()
      this.unadopted.clear()
      for (const ref of unadopted) this.unadopted.add(ref)
      this.lease = new Lease(this)
      throw error
    }
  }

  protected rolledBack(): void {
    this.serial++
    this.spoiled = undefined
    this.registry.sync()
  }

  /** Frees arrays that a builder finished and nothing has adopted. */
  protected freeUnadopted(): void {
    for (const ref of this.unadopted) this.registry.typeOfCell(ref).freeCell(this, ref)
    this.unadopted.clear()
  }

  noteChange(notify: () => void, undo?: () => void): void {
    this.notices.push({ notify, undo })
  }

  /** What was noted since there were so many is rolled back. */
  protected undoNotices(from: number): void {
    undoAll(this.notices.splice(from))
  }

  /** Takes what listeners are to be told. */
  takeNotices(): Notice[] {
    const taken = this.notices
    this.notices = []
    return taken
  }

  protected tellListeners(): void {
    if (this.notices.length > 0) this.tell(this.takeNotices())
  }

  /** What is committed is: one notice that throws keeps neither the others nor the caller. */
  tell(notices: readonly Notice[]): void {
    for (const { notify } of notices) callSafely(notify)
  }
}

export function undoAll(notices: readonly Notice[]): void {
  for (let i = notices.length - 1; i >= 0; i--) notices[i]!.undo?.()
}

/** None where the addon cannot be loaded: packed regions are read through mmap-io then. */
function availableKernels(): Kernels | undefined {
  try {
    return addon()
  } catch (error) {
    if (error instanceof RStoreError && error.code === 'RSTORE_NO_ADDON') return undefined
    throw error
  }
}

/**
 * A promise cannot be waited for inside a transaction: whatever it does would come after the end.
 */
export function synchronous<R>(result: R): R {
  refusePromise(result, 'the callback returned a promise, but a transaction cannot wait: '
    + 'everything in it was rolled back. Await first, then change the region in a synchronous '
    + 'callback')
  return result
}
