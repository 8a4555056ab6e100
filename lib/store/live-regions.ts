/** The live regions of a store that are open in this process: one handle for each. */
import { checkOptions } from '../region/base/options.js'
import type { RegionOptions } from '../region/base/options.js'
import { owning } from '../region/base/owning.js'
import { View } from '../region/live/view.js'
import { Region } from '../region/region.js'
import { byteOf } from './locks.js'
import type { StoreParts } from './parts.js'
import { StoreRegionSession } from './sessions.js'
import type { StoreEntry } from './store-catalog.js'

export class LiveRegions {
  private readonly regions = new Map<number, Region>()

  constructor(private readonly store: StoreParts) {}

  /** The handle that is open. */
  find(id: number): Region | undefined {
    const region = this.regions.get(id)
    return region === undefined || region.session.isClosed ? undefined : region
  }

  /** The handle that is open, or a new one; undefined when the region was dropped meanwhile. */
  open(id: number, options: RegionOptions): Region | undefined {
    const known = this.find(id)
    if (known !== undefined) return known
    const { catalog } = this.store
    let region: Region
    try {
      region = this.handle(id, options)
    } catch (error) {
      if (catalog.find(id) !== undefined) throw error
      return undefined
    }
    if (catalog.find(id) === undefined) return void region.close()
    this.regions.set(id, region)
    return region
  }

  /**
   * A new region, or whatever has the name when it is made. It has its file before the catalog
   * names it, and the lock of its id before it has the file: what can be locked, and is not in the
   * catalog, was left by someone who died (recount.ts, R4).
   */
  make(name: string, options: RegionOptions): StoreEntry {
    const { catalog, files, locks } = this.store
    const { id, serial } = catalog.takeId('sync')
    locks.share(byteOf(id), `file ${id} of a store, left by a process that died, is being removed`)
    try {
      Region.create(files.pathOf(id, 'live'), options).close()
      const entry = catalog.nameLive(name, id, serial)
      if (entry.id !== id) files.remove(id, 'live')
      return entry
    } finally {
      locks.unlock(byteOf(id))
    }
  }

  private handle(id: number, options: RegionOptions = {}): Region {
    const checked = checkOptions(this.store.readOnly ? { ...options, readOnly: true } : options)
    return owning(new View(this.store.files.pathOf(id, 'live'), checked.native), (view) =>
      new Region(new StoreRegionSession(view, this.store, id), checked))
  }

  /** The handle that is open, or one for the time of `use`. */
  use<R>(id: number, use: (region: Region) => R): R {
    const open = this.find(id)
    if (open !== undefined) return use(open)
    const region = this.handle(id)
    try {
      return use(region)
    } finally {
      region.close()
    }
  }

  async useLater<R>(id: number, use: (region: Region) => Promise<R>): Promise<R> {
    const open = this.find(id)
    if (open !== undefined) return use(open)
    const region = this.handle(id)
    try {
      return await use(region)
    } finally {
      region.close()
    }
  }

  close(id: number): void {
    this.find(id)?.close()
    this.regions.delete(id)
  }

  closeAll(): void {
    for (const id of [...this.regions.keys()]) this.close(id)
  }
}
