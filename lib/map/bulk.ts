/**
 * Loading sorted input. What can be read synchronously is stored as it comes, in the running
 * transaction or one of its own; what comes asynchronously is gathered first, because a transaction
 * cannot wait. Either way all of it is stored, or nothing.
 */
import { RStoreError } from '../errors.js'
import { show } from '../types/text.js'
import type { OrderedMap } from './ordered-map.js'

export interface BulkOptions {
  onProgress?(entries: number): void
}

export type Entry = readonly [unknown, unknown]

const PROGRESS_ENTRIES = 16_384

/** What is left of the input. Its iterator is closed when reading ends before it does. */
export class Entries {
  readonly #source: Iterator<unknown>
  #done = false

  constructor(source: Iterable<unknown>) {
    this.#source = source[Symbol.iterator]()
  }

  /** Undefined at the end. Throws a TypeError on what is no entry. */
  next(): Entry | undefined {
    this.#done = true  // as it is when next() throws
    const { done, value } = this.#source.next()
    if (done === true) return undefined
    this.#done = false
    if (!Array.isArray(value)) throw new TypeError('bulkLoad: expected entries [key, value]')
    return value as unknown as Entry
  }

  close(): void {
    if (!this.#done) this.#source.return?.()
  }
}

/** Entry by entry, between those that are there already. */
function setSorted(map: OrderedMap, first: Entry, rest: Entries, onEntry: () => void): void {
  let last: unknown
  let started = false
  for (let entry: Entry | undefined = first; entry !== undefined; entry = rest.next()) {
    const [key, value] = entry
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
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TypeError(`bulkLoad option onProgress must be a function, got ${show(onProgress)}`)
  let count = 0
  const onEntry = (): void => {
    count++
    if (count % PROGRESS_ENTRIES === 0) onProgress?.(count)
  }
  const entries = new Entries(source)
  const load = (): void => {
    const first = entries.next()
    if (first !== undefined) {
      if (!map.watched && map.isBehind(first[0])) map.appendSorted(first, entries, onEntry)
      else setSorted(map, first, entries, onEntry)
    }
    onProgress?.(count)
  }
  try {
    map.session.transactOrJoin(() => map.session.atomically(load))
  } finally {
    entries.close()
  }
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
