/**
 * A store: a folder of regions that name each other. Live regions are written in place; packed ones
 * never change, and are deleted when no name, no region and no open handle has them any more.
 *
 * WHY NO COUNT IS EVER TOO LOW, and what nobody names goes
 *  D1. A reference that was taken away is queued as (id, region, epoch), and carried out when that
 *      region's durable slot has passed the epoch, so that no crash brings the field back, and no
 *      pinned commit before it is read by anyone (collector.ts).
 *  D2. A count is raised, durably, before the field is written (references.ts, K1). A crash in
 *      between leaves it too high. The catalog counts who has the store open: whoever is alone and
 *      finds openers knows that they died, and counts anew from the lists inside the regions
 *      (recount.ts). A list that cannot be read lowers nothing.
 *  D3. Only a packed region with a count of 0 and without open handles is deleted: handles of all
 *      processes hold a shared lock on the byte of its id, and the count is looked at again when
 *      that lock is had. Its own references are queued first, so a crash leaves a file to delete,
 *      not one to miss.
 *  D4. Cascades are a queue, not recursion. There are no cycles: a packed region names only those
 *      packed before it was begun.
 *  D5. The catalog's write lock is the innermost: a transaction of a region may take it, never the
 *      other way round.
 *  D6. A region is dropped inside a transaction of its own: nobody can change its list between its
 *      being walked and its leaving the catalog, and afterwards it can name nothing (`raise`).
 *
 * Locks are on bytes of `store.lock`: 0, everyone who has the store open, exclusively while
 * counting anew; 1, deletion (exclusive) against backups (shared); 1024 + id, open handles of a
 * packed region.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
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
import type { OpenSession } from '../region/open-session.js'
import { PackSession } from '../region/pack-session.js'
import { loadSession, Packed } from '../region/packed.js'
import type { LoadOptions } from '../region/packed.js'
import { Region } from '../region/region.js'
import { View } from '../region/view.js'
import type { WritableRegion } from '../region/writable-region.js'
import { OutboundList } from '../space/outbound.js'
import { typeFrom } from '../types/type.js'
import type { AnyType } from '../types/type.js'
import type { Type } from '../types/index.js'
import { Collector, DELETE_BYTE, FIRST_REGION_BYTE } from './collector.js'
import type { Collected } from './collector.js'
import { StoreFiles } from './files.js'
import { recount } from './recount.js'
import { StorePackedSession, StorePackSession, StoreRegionSession } from './sessions.js'
import { StoreCatalog } from './store-catalog.js'
import type { EntryKind, StoreEntry } from './store-catalog.js'
import { verifyStore } from './verify-store.js'

export interface StoreOptions {
  /** Makes the folder and the catalog when they are missing. */
  create?: boolean
  /**
   * Nothing is changed: not even what nobody names is deleted. What this reads may be deleted by
   * others; what is open goes on.
   */
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
const OPENING_MS = 10_000
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
  private readonly collector: Collector
  private readonly readOnly: boolean
  /** Something could not be queued: the next opening counts anew. */
  private inexact = false
  private closed = false

  private constructor(dir: string, options: StoreOptions) {
    this.files = new StoreFiles(dir)
    this.readOnly = options.readOnly === true
    this.lock = new (addon().ByteLock)()
    const status = this.lock.open(this.files.lock, this.readOnly)
    if (!this.readOnly) check(status, this.files.lock, 'locking')
    try {
      const first = !this.readOnly && this.lock.tryLock(OPEN_BYTE, true)
      if (!first && status === 0) this.waitFor(OPEN_BYTE, 'another process is recovering the store')
      this.catalog = new StoreCatalog(
        this.files.catalog,
        this.readOnly ? 'read' : options.create === true ? 'create' : 'write',
      )
      this.collector = new Collector(this.forCollector())
      if (!this.readOnly) this.begin(first)
    } catch (error) {
      this.lock.close()
      throw error
    }
  }

  private forCollector(): Collected {
    return {
      catalog: this.catalog,
      files: this.files,
      lock: this.lock,
      openRegion: (id) => this.openRegion(id),
      useLive: (id, use) => this.useLive(id, use),
      hasHandles: (id) => this.handles.has(id),
      namesOfPacked: (id) => this.namesIfReadable(id, 'packed'),
      forgetShared: (id) => this.forgetShared(id),
    }
  }

  /** Opens a store. Throws RSTORE_NOT_FOUND when there is none and it is not to be made. */
  static open(dir: string, options: StoreOptions = {}): Store {
    const absolute = resolve(dir)
    if (options.create === true && options.readOnly === true) {
      throw new TypeError('a store that is only read cannot be created')
    }
    if (options.create === true) mkdirSync(absolute, { recursive: true })
    else if (statSync(join(absolute, 'catalog.region'), { throwIfNoEntry: false }) === undefined) {
      throw new RStoreError(
        'RSTORE_NOT_FOUND',
        `there is no store in ${absolute}. Pass { create: true } to make one`,
        { path: absolute },
      )
    }
    return new Store(absolute, options)
  }

  /**
   * A shared lock on a byte. Others hold it exclusively for as long as reading some lists takes.
   */
  private waitFor(byte: number, what: string): void {
    const deadline = Date.now() + OPENING_MS
    const cell = new Int32Array(new SharedArrayBuffer(4))
    while (!this.lock.tryLock(byte, false)) {
      if (Date.now() > deadline) {
        throw new RStoreError('RSTORE_BUSY', `${this.files.dir}: ${what}. Try again`, {
          path: this.files.dir,
        })
      }
      Atomics.wait(cell, 0, 0, 2)
    }
  }

  /** D2. The first to open it holds the lock exclusively until all is counted. */
  private begin(first: boolean): void {
    if (first && !this.catalog.isExact) {
      recount(this.catalog, this.files, ({ id, kind, unsynced }) =>
        this.namesIfReadable(id, kind, unsynced),
      )
    }
    this.catalog.addOpener(first)
    if (!first) return
    this.lock.tryLock(OPEN_BYTE, false)
    this.collector.collectAll()
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
    const known = this.openRegion(id)
    if (known !== undefined) return known
    const path = this.files.pathOf(id, 'live')
    if (!this.readOnly && statSync(path, { throwIfNoEntry: false }) === undefined) {
      Region.openOrCreate(path, options).close()
    }
    const region = this.openLive(id, options)
    this.regions.set(id, region)
    return region
  }

  private openLive(id: number, options: RegionOptions = {}): Region {
    const checked = checkOptions(this.readOnly ? { ...options, readOnly: true } : options)
    const view = new View(this.files.pathOf(id, 'live'), checked.native)
    return new Region(new StoreRegionSession(view, this, id, this.readOnly), checked)
  }

  private openRegion(id: number): Region | undefined {
    const region = this.regions.get(id)
    return region === undefined || region.session.isClosed ? undefined : region
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
    const path = this.files.pathOf(entry.id, 'live')
    if (this.openRegion(entry.id)?.session.writable === true) {
      throw new RStoreError(
        'RSTORE_BUSY',
        `${path}: a transaction is under way. Drop it afterwards`,
        { path },
      )
    }
    this.removeLive(entry.id)
    this.openRegion(entry.id)?.close()
    this.regions.delete(entry.id)
    this.unlink(entry.id)
    this.collector.collect()
    return true
  }

  /** D6. One that cannot be opened any more goes, too, and the next opening counts anew. */
  private removeLive(id: number): void {
    try {
      this.useLive(id, (region) =>
        region.transact(() => this.catalog.removeWith(id, this.namesOf(region.session))),
      )
    } catch (error) {
      if (!isDamage(error)) throw error
      this.catalog.removeWith(id, undefined)
    }
  }

  /** The handle that is open, or one for the time of `use`. */
  private useLive<R>(id: number, use: (region: Region) => R): R {
    const open = this.openRegion(id)
    if (open !== undefined) return use(open)
    const region = this.openLive(id)
    try {
      return use(region)
    } finally {
      region.close()
    }
  }

  private async useLiveLater<R>(id: number, use: (region: Region) => Promise<R>): Promise<R> {
    const open = this.openRegion(id)
    if (open !== undefined) return use(open)
    const region = this.openLive(id)
    try {
      return await use(region)
    } finally {
      region.close()
    }
  }

  /** What a region names, by its own list. */
  private namesOf(session: OpenSession): number[] {
    session.enter()
    const ids = new OutboundList(session.space).ids()
    session.leave()
    return ids
  }

  /** Of what a damaged one names nothing is known. */
  private namesIfReadable(id: number, kind: EntryKind, unsynced = false): number[] | undefined {
    try {
      return this.namesIn({ id, kind, unsynced })
    } catch (error) {
      if (isDamage(error)) return undefined
      throw error
    }
  }

  // ── packed regions ──

  /**
   * Packs a region into the store, as Region.pack does. `name` null: it lives as long as something
   * names it, or a handle is open. Throws RSTORE_EXISTS when the name is taken.
   */
  pack<V, I>(
    name: string | null,
    options: PackOptions<V, I>,
    init: (region: WritableRegion, root: V) => Promise<PackRoot<V, I>>,
  ): Promise<Packed<V> | undefined>
  pack<V, I>(
    name: string | null,
    options: PackOptions<V, I>,
    init: (region: WritableRegion, root: V) => PackRoot<V, I>,
  ): Packed<V> | undefined
  pack<V, I>(
    name: string | null,
    options: PackOptions<V, I>,
    init: PackInit<V, I>,
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
      return PackSession.begin(
        this.files.pathOf(id, 'packed'),
        capacity,
        (writer, opened, path) => new StorePackSession(path!, writer, opened, this, id),
      )
    }
    const publish = (): Packed<V> => {
      this.lock.tryLock(FIRST_REGION_BYTE + id, false) // nobody deletes it before it has a handle
      this.catalog.publish(id, options.durability === 'none')
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
    this.collector.candidates.add(this.catalog.unname(name))
    this.collector.collect()
    return true
  }

  private openPacked<V>(id: number, root: AnyType | undefined): Packed<V> {
    const set = this.handles.get(id) ?? new Set<Packed<any>>()
    if (set.size === 0) this.holdOpen(id)
    let packed: Packed<V>
    try {
      packed = this.loadAs<V>(id, root)
    } catch (error) {
      if (set.size === 0) this.lock.unlock(FIRST_REGION_BYTE + id)
      throw error
    }
    this.ids.set(packed, id)
    set.add(packed)
    this.handles.set(id, set)
    packed.onClose = () => this.closedHandle(id, packed)
    return packed
  }

  /** D3. Whoever is deleting it holds the lock until it is gone. */
  private holdOpen(id: number): void {
    const unlocked =
      this.readOnly && statSync(this.files.lock, { throwIfNoEntry: false }) === undefined
    if (!unlocked) this.waitFor(FIRST_REGION_BYTE + id, `packed region ${id} is being deleted`)
    if (this.catalog.find(id) !== undefined) return
    this.lock.unlock(FIRST_REGION_BYTE + id)
    throw new RStoreError('RSTORE_NOT_FOUND', `packed region ${id} was deleted meanwhile`, { id })
  }

  private loadAs<V>(id: number, root: AnyType | undefined): Packed<V> {
    const session = this.load(id)
    try {
      return new Packed<V>(session, root, 0)
    } catch (error) {
      session.close()
      throw error
    }
  }

  private closedHandle(id: number, packed: Packed<any>): void {
    const set = this.handles.get(id)!
    set.delete(packed)
    if (set.size > 0) return
    this.handles.delete(id)
    this.lock.unlock(FIRST_REGION_BYTE + id)
    if (this.closed || this.readOnly) return
    this.collector.candidates.add(id)
    this.collector.collect()
  }

  private load(id: number, verify: LoadOptions<any>['verify'] = 'none'): StorePackedSession {
    return loadSession(this.files.pathOf(id, 'packed'), { verify }, (path, native, opened) =>
      new StorePackedSession(path, native, opened).attachTo(this, id),
    )
  }

  /** @internal The packed region that a field names, mapped once for all who read it. */
  shared(id: number): Packed {
    this.assertOpen()
    let packed = this.sharedRegions.get(id)
    if (packed === undefined) packed = this.loadAs(id, undefined)
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

  /** @internal `by` names it from now on: D2. */
  raise(id: number, by: number): void {
    this.catalog.raise(id, by)
  }

  /**
   * @internal From `epoch` of region `region` on it is named by that no more: D1. Never throws: it
   * is called when a commit or a rollback is done.
   */
  lower(ids: readonly number[], region: number, epoch: number): void {
    if (ids.length === 0) return
    try {
      this.catalog.queue(ids, region, epoch)
    } catch {
      this.inexact = true
    }
    this.collector.collectSoon()
  }

  private forgetShared(id: number): void {
    this.sharedRegions.get(id)?.close()
    this.sharedRegions.delete(id)
  }

  private unlink(id: number): void {
    for (const path of this.files.allOf(id)) rmSync(path, { force: true })
  }

  /** One that may not have reached the disk is looked at in full. Throws what is wrong with it. */
  private namesIn({ id, kind, unsynced }: Pick<StoreEntry, 'id' | 'kind' | 'unsynced'>): number[] {
    if (kind === 'live')
      return this.useLive(id, (region) => region.read(() => this.namesOf(region.session)))
    const session = this.load(id, unsynced ? 'full' : 'lazy')
    try {
      return this.namesOf(session)
    } finally {
      session.close()
    }
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
      throw new RStoreError(
        'RSTORE_EXISTS',
        `${target.dir} is not empty. Back up into a new folder`,
        { path: target.dir },
      )
    }
    this.waitFor(DELETE_BYTE, 'a region is being deleted')
    this.collector.backups++
    try {
      await this.copyTo(target)
    } finally {
      if (--this.collector.backups === 0) this.lock.unlock(DELETE_BYTE)
    }
  }

  /**
   * Live regions first: what they name is there until the end. The catalog last: what was made
   * meanwhile is taken out of the copy.
   */
  private async copyTo(target: StoreFiles): Promise<void> {
    for (const { id, kind } of this.catalog.list()) {
      if (kind !== 'live') continue
      await this.useLiveLater(id, (region) => region.backup(target.pathOf(id, 'live')))
    }
    for (const { id, kind } of this.catalog.list()) {
      if (kind === 'packed')
        await copyFile(this.files.pathOf(id, 'packed'), target.pathOf(id, 'packed'))
    }
    await this.catalog.region.backup(target.catalog)
    const copy = new StoreCatalog(target.catalog, 'write')
    try {
      const there = new Set(target.found().map(({ id }) => id))
      copy.transact(() => {
        for (const { id } of copy.list()) if (!there.has(id)) copy.remove(id)
        copy.setExact(false)
      })
    } finally {
      copy.close()
    }
  }

  /** Every region, and every count against the lists. */
  verify(): Promise<VerifyReport> {
    this.assertOpen()
    if (!this.readOnly) this.collector.collectAll()
    return verifyStore(this.catalog.list(), this.catalog.queued(), {
      verify: ({ id, kind }) =>
        kind === 'live'
          ? this.useLiveLater(id, (region) => region.verify())
          : Packed.verify(this.files.pathOf(id, 'packed')),
      namesIn: ({ id, kind }) => this.namesIfReadable(id, kind),
    })
  }

  /** Closes all its regions and handles. */
  close(): void {
    if (this.closed) return
    for (const region of this.regions.values()) region.close()
    for (const set of [...this.handles.values()]) for (const packed of [...set]) packed.close()
    try {
      if (!this.readOnly) this.end()
    } finally {
      this.closed = true
      this.collector.end()
      for (const packed of this.sharedRegions.values()) packed.close()
      this.catalog.close()
      this.lock.close()
    }
  }

  /** The last to close it brings to the disk what nobody waited for. */
  private end(): void {
    this.collector.collect()
    if (this.lock.tryLock(OPEN_BYTE, true)) this.syncPacked()
    if (!this.inexact) this.catalog.removeOpener()
  }

  private syncPacked(): void {
    const ids = this.catalog
      .list()
      .filter(({ unsynced }) => unsynced)
      .map(({ id }) => id)
    if (ids.length === 0) return
    for (const path of [...ids.map((id) => this.files.pathOf(id, 'packed')), this.files.dir])
      syncFile(path)
    this.catalog.setSynced(ids)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  private assertOpen(): void {
    if (!this.closed) return
    throw new RStoreError(
      'RSTORE_CLOSED',
      `the store ${this.files.dir} was closed. Open it again`,
      { path: this.files.dir },
    )
  }

  private refuseReadOnly(): void {
    if (!this.readOnly) return
    throw new RStoreError(
      'RSTORE_READ_ONLY',
      `the store ${this.files.dir} was opened for reading`,
      { path: this.files.dir },
    )
  }

  private notFound(name: string): RStoreError {
    return new RStoreError(
      'RSTORE_NOT_FOUND',
      `there is no region called ${JSON.stringify(name)} in the store; list() tells what there is`,
      { name },
    )
  }

  private wrongKind(name: string, kind: EntryKind): RStoreError {
    const use = kind === 'live' ? 'region() and drop()' : 'packed() and release()'
    return new RStoreError(
      'RSTORE_WRONG_KIND',
      `${JSON.stringify(name)} is a ${kind} region: use ${use}`,
      { name, kind },
    )
  }
}

function checkName(name: unknown): asserts name is string {
  if (typeof name === 'string' && name !== '') return
  throw new TypeError('the name of a region in a store must be a string that is not empty')
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Whether a region cannot be read because of what it is, and not because of what goes on now. */
const isDamage = (error: unknown): boolean => error instanceof RStoreError && DAMAGE.has(error.code)
const DAMAGE = new Set<string>([
  'RSTORE_CORRUPT',
  'RSTORE_IO',
  'RSTORE_NOT_FOUND',
  'RSTORE_NOT_A_REGION',
  'RSTORE_WRONG_KIND',
  'RSTORE_TOO_NEW',
  'RSTORE_TOO_OLD',
])

/** Calls `forget` when `fn` throws, rejects, or gives nothing. */
function finally_<R>(
  fn: () => R | undefined | Promise<R | undefined>,
  forget: () => void,
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
