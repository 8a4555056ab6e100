/** A copy of a whole store while others go on. */
import { constants } from 'node:fs'
import { copyFile, mkdir, readdir } from 'node:fs/promises'

import { RStoreError } from '../errors.js'
import { askingLater, errorOfSystem } from '../native/status.js'
import { StoreFiles, syncFile } from './files.js'
import { DELETE_BYTE } from './locks.js'
import type { StoreParts } from './parts.js'
import { StoreCatalog } from './store-catalog.js'

/** Nothing is deleted meanwhile. Throws RSTORE_EXISTS when the folder is not empty. */
export async function backUp(store: StoreParts, target: StoreFiles): Promise<void> {
  const there = await askingLater(target.dir, 'backing up into', async () => {
    await mkdir(target.dir, { recursive: true })
    return readdir(target.dir)
  })
  if (there.length > 0) {
    throw new RStoreError('RSTORE_EXISTS',
      `${target.dir} is not empty. Back up into a new folder`, { path: target.dir })
  }
  store.locks.share(DELETE_BYTE, 'a region is being deleted')
  store.collector.backups++
  try {
    await copyLive(store, target)
    await copyPacked(store, target)
    await copyCatalog(store, target)
  } finally {
    if (--store.collector.backups === 0) store.locks.unlock(DELETE_BYTE)
  }
}

/** First: what they name is there until the end. One that is dropped meanwhile is left out. */
async function copyLive({ catalog, live }: StoreParts, target: StoreFiles): Promise<void> {
  for (const { id, kind } of catalog.list()) {
    if (kind !== 'live') continue
    try {
      await live.useLater(id, (region) => region.backup(target.pathOf(id, 'live')))
    } catch (error) {
      if (catalog.find(id) !== undefined) throw error
      target.remove(id, 'live')
    }
  }
}

async function copyPacked({ catalog, files }: StoreParts, target: StoreFiles): Promise<void> {
  for (const { id, kind } of catalog.list()) {
    if (kind !== 'packed') continue
    const [from, to] = [files.pathOf(id, kind), target.pathOf(id, kind)]
    try {
      await copyFile(from, to, constants.COPYFILE_FICLONE)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw errorOfSystem(error, to, 'backing up to')
      }
      throw new RStoreError('RSTORE_NOT_FOUND',
        `packed region ${id} has no file any more: verify() tells who names it`,
        { path: from, id })
    }
    syncFile(to)
  }
}

/** Last: what was made meanwhile is taken out of the copy, which counts anew when it is opened. */
async function copyCatalog({ catalog }: StoreParts, target: StoreFiles): Promise<void> {
  await catalog.region.backup(target.catalog)
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
  syncFile(target.dir)
}
