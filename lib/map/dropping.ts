/** Dropping a whole map: every entry gives back what it owns, which takes its time. */
import type { ReleaseValue } from '../tree/tree.js'

export interface DropOptions {
  /** Called every so many entries: of `total`, `done` have given back what they own. */
  onProgress?(done: number, total: number): void
}

const PROGRESS_ENTRIES = 4096

/** `release`, that tells how far it is with `total` entries. */
export function releaseTold(
  release: ReleaseValue, total: number, { onProgress }: DropOptions,
): ReleaseValue {
  if (onProgress === undefined) return release
  let done = 0
  return (window, at) => {
    release(window, at)
    if (++done % PROGRESS_ENTRIES === 0) onProgress(done, total)
  }
}
