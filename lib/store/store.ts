/**
 * A store: a folder of regions that name each other. Live regions are written in place; packed ones
 * never change, and are deleted when no name, no region and no open handle has them any more.
 *
 * WHY NO COUNT IS EVER TOO LOW, and what nobody names goes
 *  D1. A reference that was taken away is queued as (id, region, epoch), and carried out when that
 *      region's durable slot has passed the epoch, so that no crash brings the field back, and no
 *      pinned commit before it is read by anyone (collector.ts). Who reads the file that has the
 *      region's name is in its list of readers. A snapshot of one that has lost it, because the
 *      region was compacted or dropped, is known by a lock, which was had before the file was seen
 *      to have its name (snapshot-locks.ts). A turn or `read` that began before it lost it is not
 *      known: what is read there then may be RSTORE_NOT_FOUND, and is as good as read later.
 *  D2. A count is raised before the field is committed (references.ts, K1), and waits for the disk
 *      where that commit does. A crash in between leaves it too high. The catalog counts, durably,
 *      who has the store open: whoever is alone and finds openers knows that they died, and counts
 *      anew from the lists inside the regions (recount.ts). So where nobody waits for the disk, and
 *      a crash of the machine keeps a field and loses its count, the opener is on the disk, too:
 *      the catalog's log is one sequence, and whoever closes is behind the count in it. A list that
 *      cannot be read lowers nothing.
 *  D3. Only a packed region with a count of 0 that nobody uses is deleted: handles, and
 *      transactions that are about to name it, hold a shared lock on the byte of its id in every
 *      process, and the count is looked at again when that lock is had. Its own references are
 *      queued first, so a crash leaves a file to delete, not one to miss.
 *      Block regions of a process hold what they name in the same way (block-references.ts).
 *  D4. Cascades are a queue, not recursion. There are no cycles: a packed region names only those
 *      packed before it was begun.
 *  D5. The catalog's write lock is the innermost: a transaction of a region may take it, never the
 *      other way round.
 *  D6. A region is dropped inside a transaction of its own: nobody can change its list between its
 *      being walked and its leaving the catalog. Afterwards nobody can change it at all: whoever
 *      begins a transaction of it has its write lock, and looks whether it is still there, so that
 *      no commit is made to a file without a name.
 *  D7. A region, live or packed, is written under the name that its id gives it, and there when the
 *      catalog says so. What the catalog does not know is removed by whoever opens the store
 *      (recount.ts).
 *  D8. What was looked up may be otherwise a moment later: whoever changes the catalog looks again,
 *      in the transaction that changes it, whether name, id and queue are still what was meant.
 */
import { mkdirSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { inspect } from 'node:util'

import { RStoreError } from '../errors.js'
import { checkVerifyOptions } from '../map/verify/report.js'
import type { VerifyOptions, VerifyReport } from '../map/verify/report.js'
import { asking } from '../native/status.js'
import { checkPath, refuseReadOnly } from '../region/base/options.js'
import type { RegionOptions } from '../region/base/options.js'
import type { BlockRegion } from '../pool/block-region.js'
import { Pool } from '../pool/pool.js'
import type { BlockRegionOptions } from '../pool/pool.js'
import { checkPackOptions, packInto } from '../region/packed/pack.js'
import type { PackInit, PackOptions, PackRoot } from '../region/packed/pack.js'
import { Packed } from '../region/packed/packed.js'
import type { Region } from '../region/region.js'
import type { WritableRegion } from '../region/base/writable-region.js'
import { typeFrom } from '../types/type.js'
import type { Type } from '../types/index.js'
import { checkOptionNames } from '../types/options.js'
import { backUp } from './backup.js'
import { StoreFiles } from './files.js'
import type { RegionKind } from './files.js'
import { isDamage, namesIfReadable, namesOf } from './names.js'
import { OpenStore } from './opening.js'
import { StorePacking } from './packing.js'
import { StoreBlockSession } from './sessions.js'
import { verifyStore } from './verify-store.js'

export interface StoreOptions {
  /**
   * Makes the folder and the catalog when they are missing. Throws RSTORE_EXISTS when there is no
   * catalog, but files that have names of regions: of a store that lost it, or not of a store.
   */
  create?: boolean
  /**
   * Nothing is changed: not even what nobody names is deleted. What this reads may be deleted by
   * others; what is open goes on.
   */
  readOnly?: boolean
}

export interface StoreBlockOptions extends BlockRegionOptions {
  /** Where it gets its memory from. Default: Pool.default. */
  pool?: Pool
}

/** One line of `list()`. */
export interface StoreListing {
  id: number
  name: string | null
  kind: 'live' | 'packed'
  /** Names, regions that name it, and its open handles and block regions in this process. */
  references: number
  /** Length of its file. */
  bytes: number
}

export class Store implements Disposable {
  private readonly parts: OpenStore

  private constructor(dir: string, options: StoreOptions) {
    this.parts = new OpenStore(dir, options.create === true, options.readOnly === true)
  }

  /** Opens a store. Throws RSTORE_NOT_FOUND when there is none and it is not to be made. */
  static open(dir: string, options: StoreOptions = {}): Store {
    checkPath(dir)
    checkOptionNames(options, 'Store.open', ['create', 'readOnly'])
    const absolute = resolve(dir)
    if (options.create === true && options.readOnly === true) {
      throw new TypeError('a store that is only read cannot be created')
    }
    refuseFile(absolute)
    if (options.create === true) {
      asking(absolute, 'making', () => mkdirSync(absolute, { recursive: true }))
      OpenStore.refuseForeign(absolute)
    } else if (!OpenStore.exists(absolute)) {
      throw new RStoreError(
        'RSTORE_NOT_FOUND',
        `there is no store in ${absolute}. Pass { create: true } to make one`,
        { path: absolute },
      )
    }
    return new Store(absolute, options)
  }

  // ── live regions ──

  /** A live region of the store; made when there is none of that name. One handle for each name. */
  region(name: string, options: RegionOptions = {}): Region {
    this.parts.assertOpen()
    checkRegionName(name)
    refuseReadOnly(options, 'store.region')
    const { catalog, live } = this.parts
    for (;;) {
      let entry = catalog.byName(name)
      if (entry === undefined) {
        this.refuseReadOnly()
        entry = live.make(name, options)
      }
      if (entry.kind !== 'live') throw wrongKind(name, entry.kind)
      const region = live.open(entry.id, options)
      if (region !== undefined) return region
    }
  }

  /**
   * Drops a live region with everything in it; what only it named goes, too. False when there is
   * none. Whoever else has it open may go on reading, and keeps his snapshots; beginning a
   * transaction or taking a snapshot is RSTORE_NOT_FOUND.
   */
  drop(name: string): boolean {
    this.parts.assertOpen()
    checkRegionName(name)
    this.refuseReadOnly()
    const { catalog, live, files, collector } = this.parts
    const entry = catalog.byName(name)
    if (entry === undefined) return false
    if (entry.kind !== 'live') throw wrongKind(name, entry.kind)
    const path = files.pathOf(entry.id, 'live')
    if (live.find(entry.id)?.session.writable === true) {
      throw new RStoreError(
        'RSTORE_BUSY',
        `${path}: a transaction is under way. Drop it afterwards`,
        { path },
      )
    }
    collector.flush()
    const wasThere = this.removeLive(entry.id)
    live.close(entry.id)
    files.remove(entry.id, 'live')
    collector.collect()
    return wasThere
  }

  /** D6. One that cannot be opened any more goes, too, and the next opening counts anew. */
  private removeLive(id: number): boolean {
    const { catalog, live } = this.parts
    try {
      return live.use(id, (region) =>
        region.transact(() => catalog.removeWith(id, namesOf(region.session))),
      )
    } catch (error) {
      if (!isDamage(error)) throw error
      return catalog.removeWith(id, undefined)
    }
  }

  // ── block regions ──

  /**
   * As Pool.region, for records with fields of type t.packed: what they name is not deleted as long
   * as the region lives and the store is open. Afterwards such fields throw RSTORE_CLOSED.
   */
  blockRegion(options: StoreBlockOptions = {}): BlockRegion {
    const { parts } = this
    parts.assertOpen()
    checkOptionNames(options, 'store.blockRegion', ['pool', 'bound'])
    const { pool = Pool.default } = options
    return pool.regionWith(options, (space) =>
      new StoreBlockSession(pool.sessions, space, parts))
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
    this.parts.assertOpen()
    this.refuseReadOnly()
    if (name !== null) {
      checkRegionName(name)
      this.parts.catalog.refuseTaken(name)
    }
    checkPackOptions(options)
    const packing = new StorePacking(this.parts, name, options.durability === 'none')
    return settled(
      () => packInto(options, init, (file) => packing.begin(file), () =>
        packing.publish<V>(typeFrom(options.root, 'pack, root'))),
      () => packing.end())
  }

  /** A handle of a packed region. Throws RSTORE_NOT_FOUND, RSTORE_TYPE_MISMATCH. */
  packed<V = unknown>(name: string, root?: Type<V, any>): Packed<V> {
    this.parts.assertOpen()
    checkRegionName(name)
    const entry = this.parts.catalog.byName(name)
    if (entry === undefined) throw notFound(name)
    if (entry.kind !== 'packed') throw wrongKind(name, entry.kind)
    const type = root === undefined ? undefined : typeFrom(root, 'packed')
    return this.parts.packed.open<V>(entry.id, type)
  }

  /** Gives up the name of a packed region. False when there is none. */
  release(name: string): boolean {
    this.parts.assertOpen()
    checkRegionName(name)
    this.refuseReadOnly()
    const { catalog, collector } = this.parts
    const entry = catalog.byName(name)
    if (entry === undefined) return false
    if (entry.kind !== 'packed') throw wrongKind(name, entry.kind)
    if (!catalog.unname(name, entry.id)) return false
    collector.candidates.add(entry.id)
    collector.collect()
    return true
  }

  /** @internal Of a handle of this store, else 0. */
  idOf(packed: Packed<any>): number {
    return this.parts.packed.idOf(packed.session)
  }

  // ── the whole ──

  /** What is in the store, by id. */
  list(): StoreListing[] {
    this.parts.assertOpen()
    const { catalog, files, packed } = this.parts
    return catalog.list().map(({ id, name, kind, references }) => ({
      id, name, kind, references: references + packed.openHandles(id) + packed.namedInBlocks(id),
      bytes: files.bytesOf(id, kind),
    }))
  }

  /**
   * A consistent copy of the whole store in a new folder, while others go on. Nothing is deleted
   * meanwhile; the copy counts its references anew when it is first opened. Where it fails, what
   * was copied so far is left in the folder: remove it. Throws RSTORE_EXISTS when the folder is not
   * empty.
   */
  backup(dir: string): Promise<void> {
    this.parts.assertOpen()
    checkPath(dir)
    refuseFile(resolve(dir))
    return backUp(this.parts, new StoreFiles(resolve(dir)))
  }

  /**
   * Every region, and every count against the lists. Counts that are too high are told only where
   * nobody else has the store open for writing: others raise them before they commit, and lower
   * them afterwards. `onProgress` is told of about so many bytes of all regions.
   */
  verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    checkVerifyOptions(options)
    this.parts.assertOpen()
    const { parts } = this
    const { catalog, collector, files, live, packed } = parts
    if (!parts.readOnly) collector.collectAll()
    return verifyStore(parts, {
      verifyCatalog: () => catalog.region.verify(),
      verify: ({ id, kind }, ofOne) =>
        kind === 'live'
          ? live.useLater(id, (region) => region.verify(ofOne))
          : packed.verify(id, ofOne),
      bytesOf: ({ id, kind }) => files.bytesOf(id, kind),
      namesIn: ({ id, kind }) => namesIfReadable(parts, { id, kind, unsynced: false }),
    }, options)
  }

  /** Closes all its regions and handles. */
  close(): void {
    this.parts.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** What console.log shows. @internal */
  [inspect.custom](): string {
    return `Store <${this.parts.files.dir}>`
  }

  private refuseReadOnly(): void {
    if (!this.parts.readOnly) return
    const path = this.parts.files.dir
    throw new RStoreError(
      'RSTORE_READ_ONLY',
      `the store ${path} was opened for reading`,
      { path },
    )
  }
}

/** Throws RSTORE_NOT_A_REGION where there is something else than a folder. */
function refuseFile(path: string): void {
  const found = asking(path, 'opening', () => statSync(path, { throwIfNoEntry: false }))
  if (found?.isDirectory() !== false) return
  throw new RStoreError(
    'RSTORE_NOT_A_REGION',
    `${path} is a file: a store is a folder`,
    { path },
  )
}

function notFound(name: string): RStoreError {
  return new RStoreError(
    'RSTORE_NOT_FOUND',
    `there is no region called ${JSON.stringify(name)} in the store; list() tells what there is`,
    { name },
  )
}

function wrongKind(name: string, kind: RegionKind): RStoreError {
  const use = kind === 'live' ? 'region() and drop()' : 'packed() and release()'
  return new RStoreError(
    'RSTORE_WRONG_KIND',
    `${JSON.stringify(name)} is a ${kind} region: use ${use}`,
    { name, kind },
  )
}

function checkRegionName(name: unknown): asserts name is string {
  if (typeof name === 'string' && name !== '') return
  throw new TypeError('the name of a region in a store must be a string that is not empty')
}

/** Calls `end` when it is over, however. */
function settled<R>(fn: () => R | Promise<R>, end: () => void): R | Promise<R> {
  let result: R | Promise<R>
  try {
    result = fn()
  } catch (error) {
    end()
    throw error
  }
  if (result instanceof Promise) return result.finally(end)
  end()
  return result
}
