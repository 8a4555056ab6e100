/**
 * What loads that were killed left: regions under temporary names, which nobody will ever open.
 *
 *  O1. Removed is only what nobody has open: whoever loads has its region open, as `readers` tells,
 *      from when it is made until it is about to get its name.
 *  O2. Before and after that there are moments when nobody has it open. A file that changed within
 *      the last minute may be in one of them, and is left alone. Closing changes it: who is found
 *      closing is not waited for.
 *  O3. Two that look at once see each other and leave the file alone; two that look one behind the
 *      other both remove it, and nobody makes a file of that name again.
 */
import { lstatSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Region } from '../../lib/index.js'
import { isTemporaryOf, removeRegion } from '../shared/files.js'

const QUIET_MS = 60_000

/** O1, O3. What cannot be opened is not known to be ours. */
function isAbandoned(path: string): boolean {
  try {
    const region = Region.open(path, { durability: 'none', timeoutMs: 0 })
    try {
      return region.readers().length === 1
    } finally {
      region.close()
    }
  } catch {
    return false
  }
}

function remove(path: string): boolean {
  try {
    removeRegion(path)
    return true
  } catch {
    return false  // not allowed to: it is in nobody's way
  }
}

/** O2. */
function isQuietFile(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found !== undefined && found.isFile() && Date.now() - found.mtimeMs >= QUIET_MS
}

/** What is in a folder; nothing where that may not be known. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Removes what loads into a new file of this name have left. Gives the paths. */
export function removeLeftovers(path: string): string[] {
  const folder = dirname(path)
  return namesIn(folder)
    .filter((name) => isTemporaryOf(basename(path), name))
    .map((name) => join(folder, name))
    .filter((file) => isQuietFile(file) && isAbandoned(file) && remove(file))
}
