/**
 * Counting anew, by whoever is alone in the store after an unclean end: D2 of store.ts.
 *
 * A region whose list cannot be read may name anything. As long as there is one, no count is
 * lowered, and the next opening counts again. A packed region without a file, which nobody names,
 * was being deleted.
 */
import { existsSync, rmSync } from 'node:fs'

import type { StoreFiles } from './files.js'
import type { StoreCatalog, StoreEntry } from './store-catalog.js'

/** @param namesIn what a region names; undefined where that cannot be read */
export function recount(
  catalog: StoreCatalog, files: StoreFiles, namesIn: (entry: StoreEntry) => number[] | undefined,
): void {
  const counts = new Map<number, number>()
  const regions = catalog.list().filter(({ kind }) => kind !== 'packing')
  const unreadable: StoreEntry[] = []
  for (const entry of regions) {
    const names = namesIn(entry)
    if (names === undefined) unreadable.push(entry)
    for (const id of names ?? []) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const gone = unreadable.filter(({ id, name, kind }) => kind === 'packed' && name === null
    && !counts.has(id) && !existsSync(files.pathOf(id, kind)))
  const exact = gone.length === unreadable.length
  catalog.transact(() => {
    for (const { id } of gone) catalog.remove(id)
    for (const { id, kind } of catalog.list()) if (kind === 'packing') catalog.remove(id)
    if (exact) catalog.clearQueue()
    for (const { id, name, references } of regions) {
      const counted = (counts.get(id) ?? 0) + (name === null ? 0 : 1)
      catalog.setReferences(id, exact ? counted : Math.max(counted, references))
    }
    catalog.setExact(exact)
  })
  const known = new Set(regions.map(({ id }) => id))
  for (const { id, path } of files.found()) if (!known.has(id)) rmSync(path, { force: true })
}
