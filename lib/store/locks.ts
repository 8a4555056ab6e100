/**
 * Locks on bytes of `store.lock`, by which those who have a store open know of each other: 0,
 * everyone who has it open, exclusively while counting anew; 1, deletion (exclusive) against
 * backups (shared); 1024 + id, whoever uses or makes a packed region (shared) against whoever
 * deletes it (exclusive); far behind these, one for each file that a live region had: whoever has
 * snapshots of it (shared), so that others find them when it has lost its name. A process that
 * dies lets go of all of them.
 */
import { RStoreError } from '../errors.js'
import { addon } from '../native/binding.js'
import type { NativeByteLock } from '../native/binding.js'
import { check } from '../native/status.js'
import type { StoreFiles } from './files.js'

export const OPEN_BYTE = 0
export const DELETE_BYTE = 1
const FIRST_REGION_BYTE = 1024
const FIRST_SNAPSHOT_BYTE = 2 ** 33
/** Files of one region that are told apart: each compaction makes the next one. */
const GENERATIONS = 2 ** 16
const WAIT_MS = 10_000

export const byteOf = (id: number): number => FIRST_REGION_BYTE + id

const firstSnapshotByteOf = (id: number): number => FIRST_SNAPSHOT_BYTE + id * GENERATIONS

/** What is held is converted by the next try: all of a store's locks are on one descriptor. */
export class StoreLocks {
  private readonly bytes: NativeByteLock
  /** On a medium that cannot be written nobody else can lock, either. */
  private readonly missing: boolean
  private closed = false
  /** Of this process, by byte. */
  private readonly snapshots = new Map<number, number>()

  constructor(private readonly files: StoreFiles, readOnly: boolean) {
    this.bytes = new (addon().ByteLock)()
    const status = this.bytes.open(files.lock, readOnly)
    if (!readOnly) check(status, files.lock, 'locking')
    this.missing = status !== 0
  }

  tryExclusive(byte: number): boolean {
    return this.bytes.tryLock(byte, true)
  }

  tryShared(byte: number): boolean {
    return this.missing || this.bytes.tryLock(byte, false)
  }

  /**
   * A shared lock. Others hold it exclusively for as long as reading some lists takes. Throws
   * RSTORE_BUSY with `what` after ten seconds; RSTORE_CLOSED.
   */
  share(byte: number, what: string): void {
    const deadline = performance.now() + WAIT_MS
    const cell = new Int32Array(new SharedArrayBuffer(4))
    const path = this.files.dir
    if (this.closed) {
      throw new RStoreError('RSTORE_CLOSED', `${path} was closed. Open it again`, { path })
    }
    while (!this.tryShared(byte)) {
      if (performance.now() > deadline) {
        throw new RStoreError('RSTORE_BUSY', `${path}: ${what}. Try again`, { path })
      }
      Atomics.wait(cell, 0, 0, 2)
    }
  }

  unlock(byte: number): void {
    this.bytes.unlock(byte)
  }

  /**
   * There is a snapshot of this file of a live region, until what is returned is called; once is
   * enough. Throws as `share`.
   */
  holdSnapshot(id: number, generation: number): () => void {
    const { snapshots } = this
    const byte = firstSnapshotByteOf(id) + generation % GENERATIONS
    const count = snapshots.get(byte) ?? 0
    if (count === 0) this.share(byte, `the lock for a snapshot of region ${id} was not to be had`)
    snapshots.set(byte, count + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const left = snapshots.get(byte)! - 1
      if (left > 0) return void snapshots.set(byte, left)
      snapshots.delete(byte)
      this.unlock(byte)
    }
  }

  /** Whether others have snapshots of a file that the region had before the one of `generation`. */
  hasEarlierSnapshots(id: number, generation: number): boolean {
    const first = firstSnapshotByteOf(id)
    const own = generation % GENERATIONS
    return this.bytes.isHeld(first, own)
      || this.bytes.isHeld(first + own + 1, GENERATIONS - own - 1)
  }

  /** The same of a region that was dropped: of any file at all. */
  hasSnapshots(id: number): boolean {
    return this.bytes.isHeld(firstSnapshotByteOf(id), GENERATIONS)
  }

  close(): void {
    this.closed = true
    this.bytes.close()
  }
}
