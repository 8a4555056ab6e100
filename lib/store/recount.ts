/**
 * Counting anew, by whoever is alone in the store after an unclean end: D2 of store.ts.
 *
 *  R1. A region whose list cannot be read may name anything. As long as there is one, no count is
 *      lowered, and the next opening counts again. A packed region without a file, which nobody
 *      names, was being deleted.
 *  R2. What was queued is forgotten: commits that it waits for may be lost, and the field be back.
 *  R3. A crash of the machine may take back that an id was given. One that a list has is not given
 *      again.
 *
 * And removing files that the catalog does not know, by whoever opens the store:
 *  R4. Whoever makes a region holds the lock of the id before there is a file, and until it is in
 *      the catalog, so what can be locked was left by someone who died.
 *  R5. The id of a live region is given, durably, before it has a file. A file that has an id which
 *      was never given is of another catalog, of which this is an older copy, say: it is kept. That
 *      of a packed region a crash of the machine can take back, before anything names the region:
 *      its file goes. Where there is no catalog at all, no store is made that could remove any.
 */
import { existsSync } from 'node:fs'

import { unlinkIfThere } from './files.js'
import { byteOf } from './locks.js'
import { namesIfReadable } from './names.js'
import type { StoreParts } from './parts.js'
import type { StoreEntry } from './store-catalog.js'

export function recount(store: StoreParts): void {
  const { catalog, files } = store
  const counts = new Map<number, number>()
  const entries = catalog.list()
  const unreadable: StoreEntry[] = []
  for (const entry of entries) {
    const names = namesIfReadable(store, entry)
    if (names === undefined) unreadable.push(entry)
    for (const id of names ?? []) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const gone = unreadable.filter(({ id, name, kind }) => kind === 'packed' && name === null
    && !counts.has(id) && !existsSync(files.pathOf(id, kind)))
  const exact = gone.length === unreadable.length
  catalog.transact(() => {
    for (const { id } of gone) catalog.remove(id)
    catalog.clearQueue()
    for (const { id, name, references } of entries) {
      const counted = (counts.get(id) ?? 0) + (name === null ? 0 : 1)
      catalog.setReferences(id, exact ? counted : Math.max(counted, references))
    }
    for (const id of counts.keys()) if (catalog.find(id) === undefined) catalog.passId(id)
    catalog.setExact(exact)
  })
}

/** R4, R5. */
export function removeUnknown({ catalog, files, locks }: StoreParts): void {
  const found = files.found()
  const known = new Set(catalog.list().map(({ id }) => id))
  for (const { id, kind, path } of found) {
    if (known.has(id)) continue
    if (kind === 'live' && !catalog.wasGiven(id)) catalog.passId(id)
    else if (locks.tryExclusive(byteOf(id))) {
      try {
        if (catalog.find(id) === undefined) unlinkIfThere(path)
      } finally {
        locks.unlock(byteOf(id))
      }
    }
  }
}
