/**
 * What the system says about the files beside what is in them: which pages are in memory, which
 * handles are alive. Asked through the addon; without it nothing is known, and all else works.
 */
import type { Observation } from '../../lib/index.js'
import type { NotedHandle } from './lock.js'
import { FLAG, type PageMap } from './page-map.js'

const NOTHING: Observation = { pagesInMemory: undefined, heldSlots: undefined }

/** Throws nothing. */
export async function observeFile(path: string, shared: boolean): Promise<Observation> {
  try {
    const { observe } = await import('../../lib/index.js')
    return observe(path, { shared })
  } catch {
    return NOTHING
  }
}

/** Which of the handles that the lock file knows are alive. */
export const withLife = (
  handles: readonly NotedHandle[], { heldSlots }: Observation,
): NotedHandle[] =>
  handles.map((handle) => ({
    ...handle, alive: heldSlots === undefined ? undefined : heldSlots[handle.slot] === 1,
  }))

/** Marks the pages that are in memory; whether that is known. */
export function markInMemory(map: PageMap, { pagesInMemory }: Observation): boolean {
  if (pagesInMemory === undefined) return false
  const count = Math.min(map.pageCount, pagesInMemory.length)
  for (let page = 0; page < count; page++) {
    if (pagesInMemory[page] === 1) map.flags[page]! |= FLAG.inMemory
  }
  return true
}
