/** The live regions of a store that are open in this process: one handle for each. */
import { statSync } from 'node:fs'

import { checkOptions } from '../region/options.js'
import type { RegionOptions } from '../region/options.js'
import { Region } from '../region/region.js'
import { View } from '../region/view.js'
import type { StoreParts } from './parts.js'
import { StoreRegionSession } from './sessions.js'

export class LiveRegions {
  private readonly regions = new Map<number, Region>()

  constructor(private readonly store: StoreParts) {}

  /** The handle that is open. */
  find(id: number): Region | undefined {
    const region = this.regions.get(id)
    return region === undefined || region.session.isClosed ? undefined : region
  }

  /** The handle that is open, or a new one; the file is made when it is missing. */
  open(id: number, options: RegionOptions): Region {
    const known = this.find(id)
    if (known !== undefined) return known
    const path = this.store.files.pathOf(id, 'live')
    if (!this.store.readOnly && statSync(path, { throwIfNoEntry: false }) === undefined) {
      Region.openOrCreate(path, options).close()
    }
    const region = this.handle(id, options)
    this.regions.set(id, region)
    return region
  }

  private handle(id: number, options: RegionOptions = {}): Region {
    const checked = checkOptions(this.store.readOnly ? { ...options, readOnly: true } : options)
    const view = new View(this.store.files.pathOf(id, 'live'), checked.native)
    return new Region(new StoreRegionSession(view, this.store, id), checked)
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
