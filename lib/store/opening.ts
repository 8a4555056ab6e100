/** How a store is opened and closed: who is the first, and who the last. */
import { statSync } from 'node:fs'

import { RStoreError } from '../errors.js'
import { asking } from '../native/status.js'
import { Collector } from './collector.js'
import { StoreFiles, syncFile } from './files.js'
import { LiveRegions } from './live-regions.js'
import { OPEN_BYTE, StoreLocks } from './locks.js'
import { PackedRegions } from './packed-regions.js'
import type { StoreParts } from './parts.js'
import { recount, removeUnknown } from './recount.js'
import { SnapshotLocks } from './snapshot-locks.js'
import { StoreCatalog } from './store-catalog.js'

export class OpenStore implements StoreParts {
  readonly files: StoreFiles
  readonly locks: StoreLocks
  readonly snapshots: SnapshotLocks
  readonly catalog: StoreCatalog
  readonly live = new LiveRegions(this)
  readonly packed = new PackedRegions(this)
  readonly collector = new Collector(this)
  private closed = false

  /** `dir` is absolute. */
  constructor(dir: string, create: boolean, readonly readOnly: boolean) {
    this.files = new StoreFiles(dir)
    this.locks = new StoreLocks(this.files, readOnly)
    this.snapshots = new SnapshotLocks(this.locks)
    try {
      const first = !readOnly && this.locks.tryExclusive(OPEN_BYTE)
      if (!first) this.locks.share(OPEN_BYTE, 'another process is recovering the store')
      this.catalog = new StoreCatalog(
        this.files.catalog, readOnly ? 'read' : create ? 'create' : 'write')
      if (!readOnly) this.begin(first)
    } catch (error) {
      this.locks.close()
      throw error
    }
  }

  /** D2. The first to open it holds the lock exclusively until all is counted. */
  private begin(first: boolean): void {
    try {
      if (first && !this.catalog.isExact) recount(this)
      this.catalog.addOpener(first)
      if (first) this.locks.tryShared(OPEN_BYTE)
      removeUnknown(this)
      this.collector.collectAll()
    } catch (error) {
      this.collector.end()
      this.catalog.close()
      throw error
    }
  }

  assertOpen(): void {
    if (!this.closed) return
    const path = this.files.dir
    throw new RStoreError('RSTORE_CLOSED', `the store ${path} was closed. Open it again`, { path })
  }

  /** Nothing when it was closed before. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.live.closeAll()
    this.packed.closeHandles()
    try {
      if (!this.readOnly) this.end()
    } finally {
      this.collector.end()
      this.packed.closeShared()
      this.catalog.close()
      this.locks.close()
    }
  }

  /**
   * The last to close it brings to the disk what nobody waited for. Where something of this fails,
   * the next opening counts anew.
   */
  private end(): void {
    this.collector.collectLast()
    if (this.locks.tryExclusive(OPEN_BYTE)) this.syncPacked()
    this.catalog.removeOpener()
  }

  private syncPacked(): void {
    const { catalog, files } = this
    const unsynced = catalog.list().filter((entry) => entry.unsynced)
    if (unsynced.length === 0) return
    for (const { id } of unsynced) syncFile(files.pathOf(id, 'packed'))
    syncFile(files.dir)
    catalog.setSynced(unsynced.map(({ id }) => id))
  }

  /** Whoever makes a store makes the catalog first. */
  static refuseForeign(dir: string): void {
    const [found] = new StoreFiles(dir).found()
    if (found === undefined || OpenStore.exists(dir)) return
    const { path } = found
    throw new RStoreError('RSTORE_EXISTS',
      `${dir} has no catalog.region, so it is no store, but it has ${path}, a name that a store `
      + 'gives to its regions. If this was a store, put its catalog.region back from a copy; else '
      + 'make the store in another folder, or move such files out of this one', { path, dir })
  }

  static exists(dir: string): boolean {
    const { catalog } = new StoreFiles(dir)
    return asking(catalog, 'opening', () => statSync(catalog, { throwIfNoEntry: false }))
      !== undefined
  }
}
