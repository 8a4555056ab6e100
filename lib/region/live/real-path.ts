/** A region has one log and one lock file, whatever names it has. */
import { realpathSync } from 'node:fs'
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
