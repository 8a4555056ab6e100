/**
 * Loading sorted input. What can be read synchronously is stored as it comes, in the running
 * transaction or one of its own; what comes asynchronously is gathered first, because a transaction
 * cannot wait. Either way all of it is stored, or nothing.
 */
import { RStoreError } from '../errors.js'
import type { OrderedMap } from './ordered-map.js'

export interface BulkOptions {
  onProgress?(entries: number): void
}

type Entry = readonly [unknown, unknown]

const PROGRESS_ENTRIES = 16_384

function* checked(source: Iterable<unknown>): Iterator<Entry> {
  for (const entry of source) {
    if (!Array.isArray(entry)) throw new TypeError('bulkLoad: expected entries [key, value]')
    yield entry as unknown as Entry
  }
}

/** Puts one entry before what an iterator still gives. */
function* from(first: Entry, rest: Iterator<Entry>): Iterator<Entry> {
  yield first
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value
}

/** Entry by entry, between those that are there already. */
function setSorted(map: OrderedMap, entries: Iterator<Entry>, onEntry: () => void): void {
  let last: unknown
  let started = false
  for (let next = entries.next(); next.done !== true; next = entries.next()) {
    const [key, value] = next.value
    if (started && map.compareKeys(last, key) >= 0) {
      throw new RStoreError('RSTORE_UNSORTED',
        `${map.label}: the input of bulkLoad is not sorted. Sort it, or use set()`, { key })
    }
    map.set(key, value)
    last = key
    started = true
    onEntry()
  }
}

function loadNow(map: OrderedMap, source: Iterable<unknown>, { onProgress }: BulkOptions): number {
  let count = 0
  const onEntry = (): void => {
    count++
    if (count % PROGRESS_ENTRIES === 0) onProgress?.(count)
  }
  map.session.transactOrJoin(() => map.session.atomically(() => {
    const entries = checked(source)
    const first = entries.next()
    if (first.done === true) return
    const all = from(first.value, entries)
    if (!map.watched && map.isBehind(first.value[0])) map.appendSorted(all, onEntry)
    else setSorted(map, all, onEntry)
  }))
  onProgress?.(count)
  return count
}

/** See RMap.bulkLoad. */
export async function bulkLoad(
  map: OrderedMap, source: Iterable<unknown> | AsyncIterable<unknown>, options: BulkOptions,
): Promise<number> {
  if (typeof source !== 'object' || source === null) {
    throw new TypeError('bulkLoad: expected an iterable of entries [key, value]')
  }
  if (Symbol.iterator in source) return loadNow(map, source, options)
  const gathered: unknown[] = []
  for await (const entry of source) gathered.push(entry)
  return loadNow(map, gathered, options)
}
