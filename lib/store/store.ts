/**
 * A store: a folder of regions that name each other. Live regions are written in place; packed ones
 * never change, and are deleted when no name, no region and no open handle has them any more.
 *
 * WHY NO COUNT IS EVER TOO LOW, and what nobody names goes
 *  D1. A reference that was taken away is queued as (id, region, epoch), and carried out when that
 *      region's durable slot has passed the epoch, so that no crash brings the field back, and no
 *      pinned commit before it is read by anyone.
 *  D2. A count is raised, durably, before the field is written (references.ts, K1). A crash in
 *      between leaves it too high: the next opening after an unclean end counts anew, from the
 *      lists inside the regions.
 *  D3. Only a packed region with a count of 0 and without open handles is deleted: handles of all
 *      processes hold a shared lock on the byte of its id. Its own references are queued first, so
 *      a crash leaves a file to delete, not one to miss.
 *  D4. Cascades are a queue, not recursion. There are no cycles: a packed region names only those
 *      packed before it was begun.
 *  D5. The catalog's write lock is the innermost: a transaction of a region may take it, never the
 *      other way round.
 *
 * Locks are on bytes of `store.lock`: 0, everyone who has the store open, exclusively while
 * counting anew; 1, deletion (exclusive) against backups (shared); 1024 + id, open handles of a
 * packed region.
 */
import { mkdirSync, rmSync, statSync } from 'node:fs'
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { RStoreError } from '../errors.js'
import type { VerifyReport } from '../map/verify.js'
import { addon } from '../native/binding.js'
import type { NativeByteLock } from '../native/binding.js'
import { check } from '../native/status.js'
import { checkOptions } from '../region/options.js'
import type { RegionOptions } from '../region/options.js'
import { packInto } from '../region/pack.js'
import type { PackInit, PackOptions, PackRoot } from '../region/pack.js'
import { PackSession } from '../region/pack-session.js'
import { loadSession, Packed } from '../region/packed.js'
import { Region } from '../region/region.js'
import { View } from '../region/view.js'
import type { WritableRegion } from '../region/writable-region.js'
import { OutboundList } from '../space/outbound.js'
import { typeFrom } from '../types/type.js'
import type { Type } from '../types/index.js'
import { StoreFiles } from './files.js'
import { StorePackedSession, StorePackSession, StoreRegionSession } from './sessions.js'
import { StoreCatalog } from './store-catalog.js'
import type { EntryKind, PendingLowering, StoreEntry } from './store-catalog.js'
import { verifyStore } from './verify-store.js'

export interface StoreOptions {
  /** Makes the folder and the catalog when they are missing. */
  create?: boolean
  readOnly?: boolean
}

/** One line of `list()`. */
export interface StoreListing {
  id: number
  name: string | null
  kind: 'live' | 'packed'
  /** Names, regions that name it, and its open handles in this process. */
  references: number
  /** Length of its file. */
  bytes: number
}

const OPEN_BYTE = 0
const DELETE_BYTE = 1
const FIRST_REGION_BYTE = 1024
/** Packed regions that are kept mapped because fields of them were read. */
const SHARED_LIMIT = 256

export class Store implements Disposable {
  private readonly files: StoreFiles
  private readonly catalog: StoreCatalog
  private readonly lock: NativeByteLock
  private readonly regions = new Map<number, Region>()
  /** Handles that `pack` and `packed` gave out, by id. */
  private readonly handles = new Map<number, Set<Packed<any>>>()
  private readonly ids = new WeakMap<Packed<any>, number>()
  /** Regions that fields led to, least recently used first. */
  private readonly sharedRegions = new Map<number, Packed>()
  /** Packed regions that may have become unnamed. */
  private readonly candidates = new Set<number>()
  private readonly checkpointing = new Set<number>()
  private closed = false

  private constructor(dir: string, private readonly options: StoreOptions) {
    this.files = new StoreFiles(dir)
    this.lock = new (addon().ByteLock)()
    check(this.lock.open(this.files.lock), this.files.lock, 'locking')
    const first = this.lock.tryLock(OPEN_BYTE, true)
    if (!first) this.waitForOthers()
    try {
      this.catalog = new StoreCatalog(this.files.catalog, options.create === true)
      if (first) this.begin()
      if (first) this.lock.tryLock(OPEN_BYTE, false)
    } catch (error) {
      this.lock.close()
      throw error
    }
  }

  /** Opens a store. Throws RSTORE_NOT_FOUND when there is none and it is not to be made. */
  static open(dir: string, options: StoreOptions = {}): Store {
    const absolute = resolve(dir)
    if (options.create === true) mkdirSync(absolute, { recursive: true })
    else if (statSync(join(absolute, 'catalog.region'), { throwIfNoEntry: false }) === undefined) {
      throw new RStoreError('RSTORE_NOT_FOUND',
        `there is no store in ${absolute}. Pass { create: true } to make one`, { path: absolute })
    }
    return new Store(absolute, options)
  }

  /** Someone counts anew: that takes as long as reading the lists of all regions. */
  private waitForOthers(): void {
    const deadline = Date.now() + 10_000
    const cell = new Int32Array(new SharedArrayBuffer(4))
    while (!this.lock.tryLock(OPEN_BYTE, false)) {
      if (Date.now() > deadline) {
        throw new RStoreError('RSTORE_BUSY', `${this.files.dir}: another process is recovering the store`,
          { path: this.files.dir })
      }
      Atomics.wait(cell, 0, 0, 5)
    }
  }

  /** The first to open it: after an unclean end everything is counted anew. */
  private begin(): void {
    if (this.options.readOnly === true) return
    if (!this.catalog.isClean) this.recount()
    this.catalog.setClean(false)
    for (const { id } of this.catalog.list()) this.candidates.add(id)
    this.collect()
  }

  // ── live regions ──

  /** A live region of the store; made when there is none of that name. One handle for each name. */
  region(name: string, options: RegionOptions = {}): Region {
    this.assertOpen()
    checkName(name)
    const entry = this.catalog.byName(name)
    if (entry !== undefined && entry.kind !== 'live') throw this.wrongKind(name, entry.kind)
    if (entry === undefined) this.refuseReadOnly()
    const id = entry?.id ?? this.catalog.add(name, 'live')
    const known = this.regions.get(id)
    if (known !== undefined && !known.session.isClosed) return known
    const region = this.openLive(id, options)
    this.regions.set(id, region)
    return region
  }

  private openLive(id: number, options: RegionOptions = {}): Region {
    const path = this.files.pathOf(id, 'live')
    Region.openOrCreate(path, options).close()
    const checked = checkOptions(options)
    return new Region(new StoreRegionSession(new View(path, checked.native), this, id), checked)
  }

  /**
   * Drops a live region with everything in it; what only it named goes, too. False when there is
   * none.
   */
  drop(name: string): boolean {
    this.assertOpen()
    this.refuseReadOnly()
    const entry = this.catalog.byName(name)
    if (entry === undefined) return false
    if (entry.kind !== 'live') throw this.wrongKind(name, entry.kind)
    const region = this.region(name)
    const named = region.read(() => this.namedBy(region))
    region.close()
    this.regions.delete(entry.id)
    this.catalog.transact(() => {
      this.catalog.queue(named, 0, 0)
      this.catalog.remove(entry.id)
    })
    this.unlink(entry.id)
    this.collect()
    return true
  }

  /** The handle that is open, or one for the time of `use`. */
  private useLive<R>(id: number, use: (region: Region) => R): R {
    const open = this.regions.get(id)
    if (open !== undefined && !open.session.isClosed) return use(open)
    const region = this.openLive(id)
    try {
      return use(region)
    } finally {
      region.close()
    }
  }

  private async useLiveLater<R>(id: number, use: (region: Region) => Promise<R>): Promise<R> {
    const open = this.regions.get(id)
    if (open !== undefined && !open.session.isClosed) return use(open)
    const region = this.openLive(id)
    try {
      return await use(region)
    } finally {
      region.close()
    }
  }

  private namedBy(region: Region | Packed<any>): number[] {
    return Array.from(new OutboundList(region.session.space).list(), ({ regionId }) => regionId)
  }

  // ── packed regions ──

  /**
   * Packs a region into the store, as Region.pack does. `name` null: it lives as long as something
   * names it, or a handle is open. Throws RSTORE_EXISTS when the name is taken.
   */
  pack<V, I>(
    name: string | null, options: PackOptions<V, I>,
    init: (region: WritableRegion, root: V) => Promise<PackRoot<V, I>>,
  ): Promise<Packed<V> | undefined>
  pack<V, I>(
    name: string | null, options: PackOptions<V, I>,
    init: (region: WritableRegion, root: V) => PackRoot<V, I>,
  ): Packed<V> | undefined
  pack<V, I>(
    name: string | null, options: PackOptions<V, I>, init: PackInit<V, I>,
  ): Packed<V> | undefined | Promise<Packed<V> | undefined> {
    this.assertOpen()
    this.refuseReadOnly()
    if (name !== null) checkName(name)
    let id = 0
    const forget = (): void => {
      if (id === 0) return
      this.catalog.remove(id)
      this.unlink(id)
    }
    const begin = (capacity: number): PackSession => {
      id = this.catalog.add(name, 'packing')
      return PackSession.begin(this.files.pathOf(id, 'packed'), capacity, (writer, opened, path) =>
        new StorePackSession(path!, writer, opened, this, id))
    }
    const publish = (): Packed<V> => {
      this.catalog.setKind(id, 'packed')
      return this.openPacked<V>(id, typeFrom(options.root, 'pack, root'))
    }
    return finally_(() => packInto(options, init, begin, publish), forget)
  }

  /** A handle of a packed region. Throws RSTORE_NOT_FOUND, RSTORE_TYPE_MISMATCH. */
  packed<V = unknown>(name: string, root?: Type<V, any>): Packed<V> {
    this.assertOpen()
    checkName(name)
    const entry = this.catalog.byName(name)
    if (entry === undefined) throw this.notFound(name)
    if (entry.kind !== 'packed') throw this.wrongKind(name, entry.kind)
    return this.openPacked<V>(entry.id, root === undefined ? undefined : typeFrom(root, 'packed'))
  }

  /** Gives up the name of a packed region. False when there is none. */
  release(name: string): boolean {
    this.assertOpen()
    this.refuseReadOnly()
    const entry = this.catalog.byName(name)
    if (entry === undefined) return false
    if (entry.kind !== 'packed') throw this.wrongKind(name, entry.kind)
    this.candidates.add(this.catalog.unname(name))
    this.collect()
    return true
  }

  private openPacked<V>(id: number, root: ReturnType<typeof typeFrom> | undefined): Packed<V> {
    const set = this.handles.get(id) ?? new Set<Packed<any>>()
    if (set.size === 0) this.lock.tryLock(FIRST_REGION_BYTE + id, false)
    const packed = new Packed<V>(this.load(id), root, 0)
    this.ids.set(packed, id)
    set.add(packed)
    this.handles.set(id, set)
    packed.onClose = () => this.closedHandle(id, packed)
    return packed
  }

  private closedHandle(id: number, packed: Packed<any>): void {
    const set = this.handles.get(id)!
    set.delete(packed)
    if (set.size > 0) return
    this.handles.delete(id)
    this.lock.unlock(FIRST_REGION_BYTE + id)
    if (this.closed || this.options.readOnly === true) return
    this.candidates.add(id)
    this.collect()
  }

  private load(id: number): StorePackedSession {
    return loadSession(this.files.pathOf(id, 'packed'), {}, (path, native, opened) =>
      new StorePackedSession(path, native, opened).attachTo(this, id))
  }

  /** @internal The packed region that a field names, mapped once for all who read it. */
  shared(id: number): Packed {
    this.assertOpen()
    let packed = this.sharedRegions.get(id)
    if (packed === undefined) packed = new Packed(this.load(id), undefined, 0)
    else this.sharedRegions.delete(id)
    this.ids.set(packed, id)
    this.sharedRegions.set(id, packed)
    if (this.sharedRegions.size > SHARED_LIMIT) this.evict()
    return packed
  }

  /** When the turn is over, so that no view of it is in use. */
  private evict(): void {
    setImmediate(() => {
      for (const [id, packed] of this.sharedRegions) {
        if (this.sharedRegions.size <= SHARED_LIMIT) break
        this.sharedRegions.delete(id)
        packed.close()
      }
    })
  }

  // ── counts ──

  /** @internal Of a handle of this store, else 0. */
  idOf(packed: Packed<any>): number {
    return this.ids.get(packed) ?? 0
  }

  /** @internal */
  isPacking(id: number): boolean {
    return this.catalog.find(id)?.kind === 'packing'
  }

  /** @internal A region names it from now on: D2. */
  raise(id: number): void {
    this.catalog.raise(id)
  }

  /** @internal From `epoch` of region `region` on it is named by that no more: D1. */
  lower(ids: readonly number[], region: number, epoch: number): void {
    if (ids.length === 0 || this.closed) return
    this.catalog.queue(ids, region, epoch)
    this.collect()
  }

  /** Carries out what can be carried out, and deletes what nobody names: D3, D4. */
  private collect(): void {
    for (;;) {
      const queued = this.catalog.queued()
      const due = this.dueOf(queued)
      if (due.length > 0) this.catalog.lower(due)
      for (const { id } of due) this.candidates.add(id)
      if (!this.deleteUnnamed() && due.length === 0) return
    }
  }

  /** D1: the limit of each region is looked up once. */
  private dueOf(queued: readonly PendingLowering[]): PendingLowering[] {
    const limits = new Map<number, number>()
    return queued.filter(({ region, epoch }) => {
      if (region === 0 || epoch === 0) return true
      let limit = limits.get(region)
      if (limit === undefined) limits.set(region, (limit = this.limitOf(region)))
      if (epoch > limit) this.checkpointSoon(region)
      return epoch <= limit
    })
  }

  /**
   * What a region took away up to this commit cannot come back, and nobody reads what was before.
   */
  private limitOf(id: number): number {
    if (this.catalog.find(id)?.kind !== 'live') return Infinity
    return this.useLive(id, (region) => {
      const pins = region.readers().flatMap(({ epoch }) => epoch === 0 ? [] : [epoch])
      return Math.min(region.stats().checkpointEpoch, ...pins)
    })
  }

  /** One at a time for each region; what waits for it is carried out then. */
  private checkpointSoon(id: number): void {
    const region = this.regions.get(id)
    if (this.checkpointing.has(id) || region === undefined || region.session.isClosed) return
    this.checkpointing.add(id)
    const ended = (): void => {
      this.checkpointing.delete(id)
      if (!this.closed) this.collect()
    }
    region.checkpoint().then(ended, ended)
  }

  /** D3. True when something was deleted. */
  private deleteUnnamed(): boolean {
    let deleted = false
    for (const id of [...this.candidates]) {
      this.candidates.delete(id)
      const entry = this.catalog.find(id)
      const unnamed = entry?.kind === 'packed' && entry.references === 0 && !this.handles.has(id)
      if (unnamed) deleted = this.tryDelete(id) || deleted
    }
    return deleted
  }

  private tryDelete(id: number): boolean {
    const { lock } = this
    if (!lock.tryLock(FIRST_REGION_BYTE + id, true)) return false
    const free = lock.tryLock(DELETE_BYTE, true)
    if (free) {
      const packed = new Packed(this.load(id), undefined, 0)
      const named = this.namedBy(packed)
      packed.close()
      this.catalog.transact(() => {
        this.catalog.queue(named, 0, 0)
        this.catalog.remove(id)
      })
      this.sharedRegions.get(id)?.close()
      this.sharedRegions.delete(id)
      this.unlink(id)
      lock.unlock(DELETE_BYTE)
    }
    lock.unlock(FIRST_REGION_BYTE + id)
    return free
  }

  private unlink(id: number): void {
    for (const path of this.files.allOf(id)) rmSync(path, { force: true })
  }

  /** D2: what a crash left. Alone in the store. */
  private recount(): void {
    const counts = new Map<number, number>()
    const entries = this.catalog.list()
    for (const entry of entries) {
      if (entry.kind === 'packing') {
        this.catalog.remove(entry.id)
        this.unlink(entry.id)
        continue
      }
      for (const id of this.namesIn(entry)) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    this.catalog.clearQueue()
    for (const { id, name, kind } of entries) {
      if (kind === 'packing') continue
      this.catalog.setReferences(id, (counts.get(id) ?? 0) + (name === null ? 0 : 1))
    }
    this.removeStrangers(new Set(entries.filter(({ kind }) => kind !== 'packing').map(({ id }) => id)))
  }

  private namesIn({ id, kind }: StoreEntry): number[] {
    if (kind === 'live') {
      return this.useLive(id, (region) => region.read(() => this.namedBy(region)))
    }
    const packed = new Packed(this.load(id), undefined, 0)
    try {
      return this.namedBy(packed)
    } finally {
      packed.close()
    }
  }

  /** Files that a crash left before or after the catalog knew of them. */
  private removeStrangers(known: ReadonlySet<number>): void {
    for (const { id } of this.files.found()) if (!known.has(id)) this.unlink(id)
  }

  // ── the whole ──

  /** What is in the store, by id. */
  list(): StoreListing[] {
    this.assertOpen()
    return this.catalog.list().flatMap(({ id, name, kind, references }) => {
      if (kind === 'packing') return []
      const bytes = statSync(this.files.pathOf(id, kind), { throwIfNoEntry: false })?.size ?? 0
      const open = this.handles.get(id)?.size ?? 0
      return [{ id, name, kind, references: references + open, bytes }]
    })
  }

  /**
   * A consistent copy of the whole store in a new folder, while others go on. Nothing is deleted
   * meanwhile; the copy counts its references anew when it is first opened.
   */
  async backup(dir: string): Promise<void> {
    this.assertOpen()
    const target = new StoreFiles(resolve(dir))
    await mkdir(target.dir, { recursive: true })
    if ((await readdir(target.dir)).length > 0) {
      throw new RStoreError('RSTORE_EXISTS', `${target.dir} is not empty. Back up into a new folder`,
        { path: target.dir })
    }
    if (!this.lock.tryLock(DELETE_BYTE, false)) {
      throw new RStoreError('RSTORE_BUSY', `${this.files.dir}: a region is being deleted. Try again`,
        { path: this.files.dir })
    }
    try {
      await this.copyTo(target)
    } finally {
      this.lock.unlock(DELETE_BYTE)
    }
  }

  /** Live regions first: what they name is there until the end. */
  private async copyTo(target: StoreFiles): Promise<void> {
    for (const { id, kind } of this.catalog.list()) {
      if (kind !== 'live') continue
      await this.useLiveLater(id, (region) => region.backup(target.pathOf(id, 'live')))
    }
    for (const { id, kind } of this.catalog.list()) {
      if (kind === 'packed') await copyFile(this.files.pathOf(id, 'packed'), target.pathOf(id, 'packed'))
    }
    await this.catalog.region.backup(target.catalog)
  }

  /** Every region, and every count against the lists. */
  verify(): Promise<VerifyReport> {
    this.assertOpen()
    this.collect()
    return verifyStore(this.catalog.list(), this.catalog.queued(), {
      verify: ({ id, kind }) => kind === 'live'
        ? this.useLiveLater(id, (region) => region.verify())
        : Packed.verify(this.files.pathOf(id, 'packed')),
      namesIn: (entry) => this.namesIn(entry),
    })
  }

  /** Closes all its regions and handles. */
  close(): void {
    if (this.closed) return
    for (const region of this.regions.values()) region.close()
    for (const set of [...this.handles.values()]) for (const packed of [...set]) packed.close()
    if (this.options.readOnly !== true) this.end()
    this.closed = true
    for (const packed of this.sharedRegions.values()) packed.close()
    this.catalog.close()
    this.lock.close()
  }

  /** The last to close it leaves exact counts. */
  private end(): void {
    this.collect()
    if (this.lock.tryLock(OPEN_BYTE, true) && this.catalog.queued().length === 0) {
      this.catalog.setClean(true)
    }
  }

  [Symbol.dispose](): void {
    this.close()
  }

  private assertOpen(): void {
    if (!this.closed) return
    throw new RStoreError('RSTORE_CLOSED', `the store ${this.files.dir} was closed. Open it again`,
      { path: this.files.dir })
  }

  private refuseReadOnly(): void {
    if (this.options.readOnly !== true) return
    throw new RStoreError('RSTORE_READ_ONLY', `the store ${this.files.dir} was opened for reading`,
      { path: this.files.dir })
  }

  private notFound(name: string): RStoreError {
    return new RStoreError('RSTORE_NOT_FOUND',
      `there is no region called ${JSON.stringify(name)} in the store; list() tells what there is`, { name })
  }

  private wrongKind(name: string, kind: EntryKind): RStoreError {
    const use = kind === 'live' ? 'region() and drop()' : 'packed() and release()'
    return new RStoreError('RSTORE_WRONG_KIND',
      `${JSON.stringify(name)} is a ${kind} region: use ${use}`, { name, kind })
  }
}

function checkName(name: unknown): asserts name is string {
  if (typeof name === 'string' && name !== '') return
  throw new TypeError('the name of a region in a store must be a string that is not empty')
}

/** Calls `forget` when `fn` throws, rejects, or gives nothing. */
function finally_<R>(
  fn: () => R | undefined | Promise<R | undefined>, forget: () => void,
): R | undefined | Promise<R | undefined> {
  const settle = (result: R | undefined): R | undefined => {
    if (result === undefined) forget()
    return result
  }
  const fail = (error: unknown): never => {
    forget()
    throw error
  }
  try {
    const result = fn()
    return result instanceof Promise ? result.then(settle, fail) : settle(result)
  } catch (error) {
    return fail(error)
  }
}
