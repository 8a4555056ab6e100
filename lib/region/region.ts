/** A contiguous region: a file that many processes read and write. */
import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

import { RStoreError } from '../errors.js'
import { addon } from '../native/binding.js'
import type { ReaderInfo } from '../native/binding.js'
import { refuseNetwork } from '../native/network.js'
import { check, errorOf } from '../native/status.js'
import { checkOptionNames } from '../types/options.js'
import { blankPages } from './base/blank.js'
import {
  capacityOf, checkDurability, checkNewPath, checkOptions, checkPath, checkTimeout, refuseReadOnly,
} from './base/options.js'
import type { CheckedOptions, Durability, RegionOptions } from './base/options.js'
import { owning } from './base/owning.js'
import { ReadRegion } from './base/read-region.js'
import { whileTelling } from './base/telling.js'
import { WritableRegion } from './base/writable-region.js'
import { compactAndReplace, compactTo } from './compaction/compact.js'
import type { CompactOptions, Compacted } from './compaction/compact.js'
import { giveBack } from './compaction/give-back.js'
import { LiveHandle } from './live/live-handle.js'
import { LongSnapshots } from './live/long-snapshots.js'
import { RegionSession } from './live/session.js'
import type { Snapshot } from './live/snapshot.js'
import { View } from './live/view.js'
import { WriteQueue } from './live/write-queue.js'
import { pack } from './packed/pack.js'
import type { PackInit, PackOptions, PackRoot } from './packed/pack.js'
import type { Packed } from './packed/packed.js'

/** How far it is. */
export interface ProgressOptions {
  /** Of a backup bytes done, and bytes in all; of a checkpoint commits. */
  onProgress?(done: number, total: number): void
}

export interface TransactOptions {
  /** Instead of the region's own. */
  durability?: Durability
  timeoutMs?: number
}

/** A handle that only reads; others may be writing. */
export class ReadOnlyRegion extends ReadRegion {
  /** @internal */
  declare readonly session: RegionSession
  private readonly live: LiveHandle

  /** @internal Use Region.open. */
  constructor(view: View, options: CheckedOptions) {
    super(new RegionSession(view, true))
    this.live = new LiveHandle(this.session, options)
  }

  /**
   * Runs `fn` on one epoch throughout: the last commit.
   * Large arrays that it reads are not copied: they are good until it returns, and empty when the
   * turn of the event loop is over. Give a function that goes on later, as those with a callback
   * or a promise do, a copy (`slice()`). What is read behind an `await` is of another commit.
   */
  read<R>(fn: () => R): R {
    return this.live.read(fn)
  }

  /** A view of its own, pinned at the last commit until it is closed. */
  snapshot(): Snapshot {
    return this.live.snapshot()
  }

  /**
   * The newest epoch whenever any process has committed something that this handle did not show
   * when it was asked; a consumer that is slow misses some. Ends when `signal` aborts or the region
   * is closed, and keeps the process alive until then. Rejects with RSTORE_NO_MEMORY when the
   * system has no thread for it.
   */
  epochs(signal?: AbortSignal): AsyncIterable<number> {
    return this.live.epochs(signal)
  }

  /** All handles that have the region open, in every process. */
  readers(): ReaderInfo[] {
    return this.live.readers()
  }

  /** Ends snapshots and iterators too. */
  override close(): void {
    this.live.close()
    super.close()
  }
}

/** Not looked at: `transact` is called for every small change. */
const NO_OPTIONS: TransactOptions = Object.freeze({})

const TAKEN = { exists: { todo: 'Use Region.open or Region.openOrCreate' } }

/** A region that is written in transactions. */
export class Region extends WritableRegion {
  /** @internal */
  declare readonly session: RegionSession
  private readonly options: CheckedOptions
  private readonly live: LiveHandle
  private readonly queue: WriteQueue

  /** @internal Use Region.open, Region.create or Region.openOrCreate. */
  constructor(session: RegionSession, options: CheckedOptions) {
    super(session, true)
    this.options = options
    this.live = new LiveHandle(this.session, options)
    const sync = options.durability === 'sync'
    this.session.joinedSync = sync
    this.session.joinedTimeoutMs = options.timeoutMs
    this.queue = new WriteQueue(this.session, options.timeoutMs)
    const longSnapshots = new LongSnapshots(
      session, options.maxSnapshotAgeMs, options.onLongSnapshot)
    session.onCommit = () => longSnapshots.look()
    const { live } = this
    session.onStopped = () => live.close()
  }

  /**
   * Makes a new region file, or leaves none behind. Throws RSTORE_EXISTS when there is a file of
   * that name, a TypeError for a name that ends in -wal or -lock: those are the log's and the lock
   * file's.
   */
  static create(path: string, options: RegionOptions = {}): Region {
    refuseReadOnly(options, 'Region.create')
    const checked = checkOptions(options)
    checkNewPath(path)
    const capacity = capacityOf(options.capacity)
    checkFileSystem(dirname(resolve(path)), checked)
    const status = addon().createRegion(
      resolve(path), capacity, checked.mode, blankPages(capacity))
    if (status !== 0) {
      throw errorOf(status, resolve(path), 'creating', TAKEN)
    }
    try {
      return openWritable(path, checked)
    } catch (error) {
      addon().removeNewRegion(resolve(path))
      throw error
    }
  }

  /** Opens a region file. Throws RSTORE_NOT_FOUND when there is none, and what is wrong with it. */
  static open(path: string, options?: RegionOptions & { readOnly?: false }): Region
  static open(path: string, options: RegionOptions & { readOnly: true }): ReadOnlyRegion
  static open(
    path: string, options: RegionOptions & { readOnly?: boolean },
  ): Region | ReadOnlyRegion
  static open(
    path: string, options: RegionOptions & { readOnly?: boolean } = {},
  ): Region | ReadOnlyRegion {
    const checked = checkOptions(options)
    checkPath(path)
    if (!checked.native.readOnly) return openWritable(path, checked)
    checkFileSystem(path, checked)
    return owning(new View(path, checked.native), (view) => new ReadOnlyRegion(view, checked))
  }

  /** Opens a region file, or makes it. Many processes may do so at once. */
  static openOrCreate(path: string, options: RegionOptions = {}): Region {
    refuseReadOnly(options, 'Region.openOrCreate')
    if (!existsSync(path)) {
      try {
        return Region.create(path, options)
      } catch (error) {
        if (!(error instanceof RStoreError) || error.code !== 'RSTORE_EXISTS') throw error
        if (!existsSync(path)) throw error  // what is there is something else
      }
    }
    return Region.open(path, options)
  }

  /**
   * Builds a region that nobody can ever write again. It exists only inside `init`, which gets it
   * and an empty root and returns the root; then it is frozen and appears under its name in one
   * step. When `init` throws or returns DISCARD nothing is left behind. `path` null: in memory, for
   * other threads of this process. Throws RSTORE_EXISTS, RSTORE_FOREIGN_REF, a TypeError without a
   * root.
   */
  static pack<V, I>(
    path: string | null, options: PackOptions<V, I>,
    init: (region: WritableRegion, root: V) => Promise<PackRoot<V, I>>,
  ): Promise<Packed<V> | undefined>
  static pack<V, I>(
    path: string | null, options: PackOptions<V, I>,
    init: (region: WritableRegion, root: V) => PackRoot<V, I>,
  ): Packed<V> | undefined
  static pack<V, I>(
    path: string | null, options: PackOptions<V, I>, init: PackInit<V, I>,
  ): Packed<V> | undefined | Promise<Packed<V> | undefined> {
    if (path !== null) checkNewPath(path)
    return pack(path, options, init)
  }

  /**
   * Refreshes, runs `fn` and commits what it changed. A throw rolls back and is rethrown. Inside
   * another transaction it is a savepoint. A returned promise is a TypeError, rolled back.
   * Throws RSTORE_BUSY when the write lock cannot be had in time.
   */
  transact<R>(fn: () => R, options: TransactOptions = NO_OPTIONS): R {
    if (typeof fn !== 'function') throw new TypeError('transact needs a function')
    if (options !== NO_OPTIONS) checkOptionNames(options, 'transact', ['durability', 'timeoutMs'])
    const { durability = this.options.durability, timeoutMs = this.options.timeoutMs } = options
    const sync = checkDurability(durability) === 'sync'
    return this.session.transact(fn, sync, checkTimeout(timeoutMs))
  }

  /**
   * Joined with the other calls of this turn into one commit, in order, each all or nothing by
   * itself. Resolves to what `fn` returned when the commit is durable; rejects with what it threw.
   */
  write<R>(fn: () => R): Promise<R> {
    if (typeof fn !== 'function') throw new TypeError('write needs a function')
    return this.queue.add(fn)
  }

  /** Resolves when everything committed so far, by anyone, is on the disk. */
  async flush(): Promise<void> {
    this.session.assertOpen()
    this.session.settle()
    check(await this.session.view.native.flush(), this.session.view.path, 'syncing')
  }

  /**
   * Brings what is committed from the log into the file, up to the oldest commit that is read.
   * `onProgress` is told of commits: those that are in the file go there in one step, at the end.
   * Throws RSTORE_BUSY when a checkpoint of another handle does not end in `timeoutMs`.
   */
  async checkpoint(options: ProgressOptions = {}): Promise<void> {
    checkOptionNames(options, 'checkpoint', ['onProgress'])
    const { onProgress } = options
    this.session.assertOpen()
    this.session.settle()
    const { view } = this.session
    const { native } = view
    const { checkpointEpoch: begun, publishedEpoch } = native.stats()
    const total = publishedEpoch - begun
    const tell = (): void => {
      if (this.session.isClosed) return
      onProgress?.(Math.min(native.stats().checkpointEpoch - begun, total), total)
    }
    await whileTelling(onProgress && tell, view.checkpoint())
  }

  /**
   * A consistent copy of the last commit, complete in one file, while others go on writing.
   * Throws RSTORE_EXISTS when there is a file of that name, RSTORE_BUSY while another backup makes
   * it.
   */
  async backup(path: string, options: ProgressOptions = {}): Promise<void> {
    checkOptionNames(options, 'backup', ['onProgress'])
    const { onProgress } = options
    checkNewPath(path)
    for (;;) {
      const snapshot = this.snapshot()
      const { native } = snapshot.session.view
      const tell = (): void => onProgress?.(...native.backupProgress())
      try {
        const status = await whileTelling(onProgress && tell, native.backup(resolve(path)))
        // Compacted meanwhile: the log of what was to be copied may have lost its name.
        if (status !== 0 && !snapshot.session.isClosed && native.isReplaced()) continue
        return check(status, resolve(path), 'backing up to')
      } finally {
        snapshot.close()
      }
    }
  }

  /**
   * Copies what names lead to, densely, into a new file that is verified and then takes the place
   * of this one, or, with a path, into a region of its own there. Other handles go on: readers move
   * over when they next refresh. Without a path the write lock is held until the file is replaced:
   * other processes and threads wait for it, and so does `write` in this thread, as long as their
   * timeoutMs says; `transact` in this thread cannot wait for what goes on in it, and throws
   * RSTORE_BUSY at once. Refs change, and records made by `alloc` that nothing names are left
   * behind. Gives the sizes of the files in bytes. Throws RSTORE_BUSY when the write lock cannot be
   * had in time or another copy is just made at `path`, RSTORE_EXISTS where that is taken,
   * RSTORE_UNSUPPORTED where fields of type t.packed would leave their store, RSTORE_READ_ONLY
   * where a new file in place of this one would keep out some who may open this one, because its
   * owner or group cannot be given to it, RSTORE_CORRUPT when the region is damaged; then nothing
   * has changed.
   *
   * With `inPlace`, and no path, nothing is copied and nothing moves: pages of the file in which
   * there is nothing but free space go back to the file system, and so does what the file has
   * behind the data. A page with as much as one record in it stays: after deletions here and there
   * only a copy helps. Refs stay good, and it gives the bytes that the file takes up on the disk.
   * The file's length stays until this region is closed: when nobody else has it open then, what
   * is free at the end is cut off. What a snapshot still reads is given back by a later run. The
   * space is used again when it is needed, but no more reserved: on a disk that is full by then
   * RSTORE_NO_SPACE is thrown as if the file had to grow. The write lock is taken for moments only;
   * where RSTORE_BUSY or a signal ends it in between, what was done stays done, and the next run
   * does the rest. Throws RSTORE_UNSUPPORTED, and changes nothing, where the file system has no
   * holes.
   */
  async compact(path?: string, options: CompactOptions = {}): Promise<Compacted> {
    checkOptionNames(options, 'compact', ['timeoutMs', 'inPlace', 'onProgress', 'signal'])
    this.session.assertOpen()
    this.session.settle()
    if (options.inPlace === true) {
      if (path === undefined) return giveBack(this.session, this.options, options)
      throw new TypeError('inPlace is for the file of the region: give no path with it')
    }
    if (path === undefined) return compactAndReplace(this.session, this.options, options)
    checkNewPath(path)
    return compactTo(path, this.snapshot(), options)
  }

  /**
   * Runs `fn` on one epoch: the last commit, or inside a transaction what it has made so far.
   * Large arrays that it reads are not copied: they are good until it returns, and empty when the
   * turn of the event loop is over. Give a function that goes on later, as those with a callback
   * or a promise do, a copy (`slice()`). What is read behind an `await` is of another commit.
   */
  read<R>(fn: () => R): R {
    return this.live.read(fn)
  }

  /** A view of its own, pinned at the last commit until it is closed. */
  snapshot(): Snapshot {
    return this.live.snapshot()
  }

  /** As ReadOnlyRegion.epochs. */
  epochs(signal?: AbortSignal): AsyncIterable<number> {
    return this.live.epochs(signal)
  }

  /** All handles that have the region open, in every process. */
  readers(): ReaderInfo[] {
    return this.live.readers()
  }

  /**
   * Ends snapshots, iterators, views and maps. The last handle to close leaves the file complete.
   */
  override close(): void {
    this.live.close()
    super.close()
  }
}

function openWritable(path: string, options: CheckedOptions): Region {
  checkFileSystem(path, options)
  return owning(new View(path, options.native), (view) =>
    new Region(new RegionSession(view, false), options))
}

function checkFileSystem(path: string, { allowNetwork }: CheckedOptions): void {
  if (allowNetwork) return
  refuseNetwork(path, ', or pass { allowNetwork: true } when only one machine uses it')
}
