/** `salvage`: a new region with what can be saved of a damaged one. */
import { resolve } from 'node:path'

import { RStoreError } from '../../errors.js'
import { Catalog } from '../../map/catalog.js'
import { verifySession } from '../../map/verify/verify.js'
import { checkOptionNames } from '../../types/options.js'
import { inTurns } from '../base/turns.js'
import { LiveCopy, NEW_REGION } from '../compaction/live-copy.js'
import { Salvage, type Salvaged } from './salvage.js'
import { Wreck, type Image } from './wreck.js'

export type { Image, Salvaged }
export type { SavedName } from './copy.js'

const DOING = 'repairing into'

export interface SalvageOptions {
  /** Bytes; that of the damaged region, or enough. */
  capacity: number
  /** A file whose permissions the new one gets. */
  like: string
  /** Ends it with what the signal says; nothing is left behind, from the moment it aborts. */
  signal?: AbortSignal
  /** Cells and entries done, and about how many there are. */
  onProgress?(done: number, total: number): void
}

/**
 * Makes a new region at `path` of all that is undamaged in an image of another one, and says what
 * was lost. The file appears in one step. Throws RSTORE_EXISTS where it is taken.
 */
export async function salvage(
  path: string, image: Image, options: SalvageOptions,
): Promise<Salvaged> {
  checkOptionNames(options, 'salvage', ['capacity', 'like', 'signal', 'onProgress'])
  const to = resolve(path)
  const target = LiveCopy.beside(to, options.capacity, DOING)
  return target.during(options.signal, async () => {
    const catalog = new Catalog(target, { create: true })
    const wreck = new Wreck(image)
    const work = new Salvage(wreck, target, catalog)
    await inTurns(work.run(), wreck.cells.count, options)
    const [problem] = verifySession(target, catalog).problems
    if (problem !== undefined) {
      throw new RStoreError('RSTORE_CORRUPT',
        `${DOING} ${to}: what was saved is not sound (${problem.message})`, { path: to })
    }
    target.finish(options.like, NEW_REGION)
    target.nameIt(to)
    return work.result
  })
}
