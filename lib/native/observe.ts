/** What the system knows of a region's files while others use them. Nothing is changed. */
import { realpathSync } from 'node:fs'

import { C } from '../../formats/index.js'
import { addon } from './binding.js'

export interface Observation {
  /**
   * For each page of 4 KiB of the file 1 when it is in memory, 0 when it would be read from the
   * disk. undefined where the system does not tell: it does so to those who may write the file.
   */
  pagesInMemory: Uint8Array | undefined
  /**
   * For each slot of the lock file (of a shared vector: of the file) 1 when a handle holds it that
   * is alive. undefined where that cannot be found out.
   */
  heldSlots: Uint8Array | undefined
}

/** Byte of the lock file that keeps slot 0 of a live region: see native/src/core/lock-file.h. */
const FIRST_SLOT_BYTE = 2n ** 40n + 1n

const heldBytes = (path: string, first: bigint, count: number): Uint8Array | undefined => {
  const held = addon().heldBytes(path, first, count)
  return typeof held === 'number' ? undefined : held
}

/**
 * Observes a live region, or with `shared` the file of a shared vector. A moment later it may be
 * otherwise. Throws RSTORE_NO_ADDON, and what `fs` throws when there is no such file.
 */
export function observe(path: string, { shared = false } = {}): Observation {
  const realPath = realpathSync(path)  // the lock file is beside the file itself
  const pages = addon().pagesInMemory(realPath)
  return {
    pagesInMemory: typeof pages === 'number' ? undefined : pages,
    heldSlots: shared
      ? heldBytes(realPath, C.VECTOR_LOCK_BYTE, C.VECTOR_SLOT_COUNT)
      : heldBytes(`${realPath}-lock`, FIRST_SLOT_BYTE, C.READER_SLOT_COUNT),
  }
}
