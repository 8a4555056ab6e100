/**
 * Locks on bytes of `store.lock`, by which those who have a store open know of each other: 0,
 * everyone who has it open, exclusively while counting anew; 1, deletion (exclusive) against
 * backups (shared); 1024 + id, whoever uses or makes a packed region (shared) against whoever
 * deletes it (exclusive); from 2 ** 33 on, whoever has snapshots of a file
 * of a live region (snapshot-locks.ts). A process that dies lets go of all of them.
 */
import { RStoreError } from '../errors.js'
import { addon } from '../native/binding.js'
import type { NativeByteLock } from '../native/binding.js'
import { check } from '../native/status.js'
import type { StoreFiles } from './files.js'

export const OPEN_BYTE = 0
export const DELETE_BYTE = 1
const FIRST_REGION_BYTE = 1024
const WAIT_MS = 10_000

export const byteOf = (id: number): number => FIRST_REGION_BYTE + id

/** What is held is converted by the next try: all of a store's locks are on one descriptor. */
export class StoreLocks {
  private readonly bytes: NativeByteLock
  /**
   * Where it could not be opened only to read. On a medium that cannot be written nobody else can
   * lock, either; elsewhere what this reads may be deleted (StoreOptions.readOnly).
   */
  private readonly missing: boolean
  private closed = false

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

  /** Whether others hold any of these bytes, in whatever way; also where that cannot be known. */
  isHeldElsewhere(first: number, count: number): boolean {
    return this.bytes.isHeld(first, count)
  }

  close(): void {
    this.closed = true
    this.bytes.close()
  }
}
