/**
 * Loading sorted input. What can be read synchronously is stored as it comes, in the running
 * transaction or one of its own; what comes asynchronously is gathered first, because a transaction
 * cannot wait. Either way all of it is stored, or nothing.
 *
 *  L1. Options are looked at before the source is. A source is never read beyond what is refused:
 *      no entry, a key that is none, or one that is not above the one before; then it is closed.
 *  L2. The numbers that progress tells never fall: of what is gathered, they are told while it is;
 *      storing it tells only the last.
 */
import { RStoreError } from '../errors.js'
import { checkOptionNames } from '../types/options.js'
import { show } from '../types/text.js'
import type { OrderedMap } from './ordered-map.js'

export interface BulkOptions {
  onProgress?(entries: number): void
}

export type Entry = readonly [unknown, unknown]

type Progress = (entries: number) => void

const PROGRESS_ENTRIES = 16_384

/** Throws a TypeError on what is no entry. */
function entryOf(value: unknown): Entry {
  if (!Array.isArray(value)) throw new TypeError('bulkLoad: expected entries [key, value]')
  return value as unknown as Entry
}

/** What is left of the input. Its iterator is closed when reading ends before it does. */
export class Entries {
  private readonly source: Iterator<unknown>
  private done = false

  constructor(source: Iterable<unknown>) {
    this.source = source[Symbol.iterator]()
  }

  /** Undefined at the end. Throws a TypeError on what is no entry. */
  next(): Entry | undefined {
    this.done = true  // as it is when next() throws
    const { done, value } = this.source.next()
    if (done === true) return undefined
    this.done = false
    return entryOf(value)
  }

  close(): void {
    if (!this.done) this.source.return?.()
  }
}

/** Entry by entry, between those that are there already. */
function setSorted(map: OrderedMap, first: Entry, rest: Entries, onEntry: () => void): void {
  const isAbove = map.rising()
  for (let entry: Entry | undefined = first; entry !== undefined; entry = rest.next()) {
    const [key, value] = entry
    if (!isAbove(key)) throw unsortedError(map, key)
    map.set(key, value)
    map.session.writeAhead(0)
    onEntry()
  }
}

const unsortedError = (map: OrderedMap, key: unknown): RStoreError =>
  new RStoreError('RSTORE_UNSORTED',
    `${map.label}: the input of bulkLoad is not sorted. Sort it, or use set()`, { key })

function loadNow(map: OrderedMap, source: Iterable<unknown>, onProgress: Progress): number {
  let count = 0
  const onEntry = (): void => {
    count++
    if (count % PROGRESS_ENTRIES === 0) onProgress(count)
  }
  const entries = new Entries(source)
  const load = (): void => {
    const first = entries.next()
    if (first !== undefined) {
      if (!map.watched && map.isBehind(first[0])) map.appendSorted(first, entries, onEntry)
      else setSorted(map, first, entries, onEntry)
    }
  }
  try {
    map.session.transactOrJoin(() => map.session.atomically(() => {
      load()
      onProgress(count)
    }))
  } finally {
    entries.close()
  }
  return count
}

/** L1: what is thrown inside of the loop closes the source. */
async function gather(
  map: OrderedMap, source: AsyncIterable<unknown>, onProgress: Progress,
): Promise<Entry[]> {
  const gathered: Entry[] = []
  const isAbove = map.rising()
  for await (const value of source) {
    const entry = entryOf(value)
    if (!isAbove(entry[0])) throw unsortedError(map, entry[0])
    gathered.push(entry)
    if (gathered.length % PROGRESS_ENTRIES === 0) onProgress(gathered.length)
  }
  return gathered
}

/** Tells nothing until it is told of them all: L2. */
const onlyLast = (onProgress: Progress, entries: number): Progress =>
  (count) => { if (count === entries) onProgress(count) }

function progressOf(options: unknown): Progress {
  checkOptionNames(options, 'bulkLoad', ['onProgress'])
  const { onProgress } = options as BulkOptions
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TypeError(`bulkLoad option onProgress must be a function, got ${show(onProgress)}`)
  return (entries) => (options as BulkOptions).onProgress?.(entries)
}

/** See RMap.bulkLoad. */
export async function bulkLoad(
  map: OrderedMap, source: Iterable<unknown> | AsyncIterable<unknown>, options: BulkOptions,
): Promise<number> {
  const onProgress = progressOf(options)
  if (typeof source !== 'object' || source === null) throw sourceError()
  if (Symbol.iterator in source) return loadNow(map, source, onProgress)
  if (!(Symbol.asyncIterator in source)) throw sourceError()
  map.enter()
  map.leave()
  const gathered = await gather(map, source, onProgress)
  return loadNow(map, gathered, onlyLast(onProgress, gathered.length))
}

const sourceError = (): TypeError =>
  new TypeError('bulkLoad: expected an iterable of entries [key, value]')
