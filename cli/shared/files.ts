/** Region files as a whole. */
import { randomBytes } from 'node:crypto'
import {
  closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, statSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isSideFileName } from '../../formats/index.js'
import { CannotOpen, UsageError } from './errors.js'

/** Whether all that a region has is in its file: the last who had it open has closed it well. */
export const isClosedWell = (path: string): boolean => !existsSync(`${path}-wal`)

/** A region file with what belongs to it; what is not there is no matter. */
export function removeRegion(path: string): void {
  for (const end of ['', '-wal', '-lock']) rmSync(path + end, { force: true })
}

/** For what is made: throws before any work where it could not get its name in the end. */
export function refuseExisting(path: string): void {
  if (isSideFileName(resolve(path))) {
    throw new UsageError(`${path}: names like this are of the log and the lock file of a region, `
      + 'which come and go with it. Choose another one')
  }
  if (existsSync(path)) {
    throw new UsageError(`${path}: there is a file of that name. Choose another one, or remove it`)
  }
  const folder = dirname(path)
  if (!existsSync(folder)) throw new CannotOpen(`${folder}: no such folder`)
}

/** Opening a folder succeeds; only reading it fails, with words that do not name it. */
export function refuseFolder(path: string): void {
  if (statSync(path).isDirectory()) throw new CannotOpen(`${path}: a folder`)
}

/**
 * Where a file is made that is to appear under its name when it is complete. Nobody else has the
 * name, not even a process of another container with the same number; what a killed one left under
 * its own is in nobody's way.
 */
export const temporaryPath = (path: string): string =>
  `${path}.${randomBytes(8).toString('hex')}.tmp`

/** Whether `temporaryPath` may have given a file of this name another one. */
export const isTemporaryOf = (name: string, other: string): boolean =>
  other.startsWith(`${name}.`) && /^[0-9a-f]{16}\.tmp$/.test(other.slice(name.length + 1))

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Gives a region that was closed well its name, in one step; never one that is taken. Then the name
 * is on the disk, too.
 */
export function publish(temporary: string, path: string): void {
  refuseExisting(path)
  linkSync(temporary, path)
  removeRegion(temporary)
  syncFolder(dirname(path))
}
