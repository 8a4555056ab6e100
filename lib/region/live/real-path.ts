/** A region has one log and one lock file, whatever names it has. */
import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'

/**
 * The absolute path without symbolic links, beside which log and lock file are; the path itself
 * where there is nothing.
 */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)  // opening it says what is wrong
  }
}

/** Whether it is a symbolic link to a file that is not there. */
export function leadsToNothing(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink() && !existsSync(path)
  } catch {
    return false  // what is wrong with it is told elsewhere
  }
}
