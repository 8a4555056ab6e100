/** Where the files of a store are. */
import { closeSync, fsyncSync, openSync, readdirSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

import { asking, errorOfSystem } from '../native/status.js'

export type RegionKind = 'live' | 'packed'

/** Ids of regions are from 1 to this. */
export const LAST_ID = 2 ** 32 - 1

export class StoreFiles {
  constructor(readonly dir: string) {}

  get catalog(): string {
    return join(this.dir, 'catalog.region')
  }

  get lock(): string {
    return join(this.dir, 'store.lock')
  }

  pathOf(id: number, kind: RegionKind): string {
    return join(this.dir, kind === 'live' ? `${id}.region` : `${id}.packed`)
  }

  bytesOf(id: number, kind: RegionKind): number {
    return statSync(this.pathOf(id, kind), { throwIfNoEntry: false })?.size ?? 0
  }

  /** Files of regions, and parts of them, whether the catalog knows them or not. */
  found(): { id: number; kind: RegionKind; path: string }[] {
    const names = asking(this.dir, 'listing', () => readdirSync(this.dir))
    return names.flatMap((name) => {
      const match = /^([1-9]\d{0,9})\.(region|packed)(-wal|-lock|\..*)?$/.exec(name)
      if (match === null || Number(match[1]) > LAST_ID) return []
      const kind = match[2] === 'region' ? 'live' : 'packed'
      return [{ id: Number(match[1]), kind, path: join(this.dir, name) }]
    })
  }

  /** A region's file and what may lie beside it; nothing when there is none. */
  remove(id: number, kind: RegionKind): void {
    const path = this.pathOf(id, kind)
    unlinkIfThere(path)
    if (kind === 'live') for (const beside of ['-wal', '-lock']) unlinkIfThere(path + beside)
  }
}

export function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw errorOfSystem(error, path, 'removing')
  }
}

/** Waits until a file, or the names in a folder, are on the disk. False when there is none. */
export function syncFile(path: string): boolean {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw errorOfSystem(error, path, 'syncing')
  }
  try {
    asking(path, 'syncing', () => fsyncSync(fd))
  } finally {
    closeSync(fd)
  }
  return true
}
