/** What a region of a store names, by its own list. */
import { RStoreError } from '../errors.js'
import type { OpenSession } from '../region/base/open-session.js'
import { OutboundList } from '../space/outbound.js'
import type { StoreParts } from './parts.js'
import type { StoreEntry } from './store-catalog.js'

type Known = Pick<StoreEntry, 'id' | 'kind' | 'unsynced'>

export function namesOf(session: OpenSession): number[] {
  session.enter()
  const ids = new OutboundList(session.space).ids()
  session.leave()
  return ids
}

/** Of what a damaged one names nothing is known. */
export function namesIfReadable(store: StoreParts, entry: Known): number[] | undefined {
  try {
    return namesIn(store, entry)
  } catch (error) {
    if (isDamage(error)) return undefined
    throw error
  }
}

/** One that may not have reached the disk is looked at in full. Throws what is wrong with it. */
function namesIn(store: StoreParts, { id, kind, unsynced }: Known): number[] {
  if (kind === 'live')
    return store.live.use(id, (region) => region.read(() => namesOf(region.session)))
  const session = store.packed.load(id, unsynced ? 'full' : 'lazy')
  try {
    return namesOf(session)
  } finally {
    session.close()
  }
}

/** Whether a region cannot be read because of what it is, and not because of what goes on now. */
export const isDamage = (error: unknown): boolean =>
  error instanceof RStoreError && DAMAGE.has(error.code)
const DAMAGE = new Set<string>([
  'RSTORE_CORRUPT',
  'RSTORE_IO',
  'RSTORE_NOT_FOUND',
  'RSTORE_NOT_A_REGION',
  'RSTORE_WRONG_KIND',
  'RSTORE_TOO_NEW',
  'RSTORE_TOO_OLD',
])
