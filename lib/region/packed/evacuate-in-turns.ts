/** Evacuation into a region that is being packed, which lets other work run in between. */
import { copyNames } from '../base/evacuate.js'
import type { ReadRegion } from '../base/read-region.js'
import { inTurns, type TurnsOptions } from '../base/turns.js'
import type { WritableRegion } from '../base/writable-region.js'
import { PackRegion } from './pack.js'
import { checkOptionNames } from '../../types/options.js'

/** Bytes of an allocated cell, about: so that there is a total to show progress of. */
const CELL_BYTES = 40

/**
 * Copies everything that has a name in a snapshot or packed region, and what it reaches, into the
 * region that `Region.pack` gives to its `init`, which waits for it. Cells and entries are counted
 * for `onProgress`. When `signal` aborts, it ends with what the signal says: the pack is discarded
 * by that. Throws RSTORE_UNSUPPORTED when there are fields of type t.packed.
 */
export async function evacuateInTurns(
  source: ReadRegion, target: WritableRegion, options: TurnsOptions = {},
): Promise<void> {
  checkOptionNames(options, 'evacuateInTurns', ['onProgress', 'signal'])
  if (!(target instanceof PackRegion)) {
    throw new TypeError('evacuateInTurns needs the region that Region.pack gives as its target')
  }
  const total = Math.ceil(source.stats().allocatedBytes / CELL_BYTES)
  const steps = copyNames(source.session, source.catalog, target.session, target.catalog)
  await inTurns(steps, total, options)
  target.session.serial++
}
