/** Region files as a whole. */
import { existsSync, linkSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { CannotOpen, UsageError } from './errors.js'

/** A region file with what belongs to it; what is not there is no matter. */
export function removeRegion(path: string): void {
  for (const end of ['', '-wal', '-lock']) rmSync(path + end, { force: true })
}

/** For what is made: throws before any work where it could not get its name in the end. */
export function refuseExisting(path: string): void {
  if (existsSync(path)) throw new UsageError(`${path}: there is a file of that name`)
  const folder = dirname(path)
  if (!existsSync(folder)) throw new CannotOpen(`${folder}: no such folder`)
}

/** Opening a folder succeeds; only reading it fails, with words that do not name it. */
export function refuseFolder(path: string): void {
  if (statSync(path).isDirectory()) throw new CannotOpen(`${path}: a folder`)
}

/** Where a region is made that is to appear under its name when it is complete. */
export const temporaryPath = (path: string): string => `${path}.${process.pid}.tmp`

/** Gives a region that was closed its name, in one step; never one that is taken. */
export function publish(temporary: string, path: string): void {
  refuseExisting(path)
  linkSync(temporary, path)
  removeRegion(temporary)
}
