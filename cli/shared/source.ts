/**
 * What a command is about: a region file, live or packed, or a region of a store, as `DIR/NAME`,
 * where DIR is the store's folder.
 */
import { existsSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import {
  Packed, Region, RStoreError, Store, type ReadOnlyRegion, type ReadRegion, type RegionOptions,
} from '../../lib/index.js'
import { CannotOpen, UsageError } from './errors.js'

/** A region in a file of its own, or one of a store. */
type Place = { file: string } | { store: string; name: string }

const isStore = (folder: string): boolean =>
  statSync(join(folder, 'catalog.region'), { throwIfNoEntry: false })?.isFile() === true

/** The folder of the store that the path leads into, if any. */
function storeAround(path: string): string | undefined {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if (isStore(folder)) return folder
    if (folder === dirname(folder)) return undefined
  }
}

export const isStoreFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true && isStore(path)

/** Where the path leads; it may be that nothing is there. */
function placeOf(path: string): Place {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) {
    if (!isStore(path)) throw new CannotOpen(`${path}: a folder, and not that of a store`)
    throw new UsageError(`${path} is a store: name one of its regions, ${path}/NAME. `
      + `\`rstore names ${path}\` lists them`)
  }
  if (found !== undefined && !found.isFile()) throw new CannotOpen(`${path}: not a regular file`)
  if (found !== undefined) return { file: path }
  const store = storeAround(path)
  return store === undefined ? { file: path } : { store, name: relative(store, path) }
}

/** Where there is something. In the words of the command line: the library's are for programs. */
function findPlace(path: string): Place {
  const place = placeOf(path)
  if ('store' in place || existsSync(place.file)) return place
  throw new CannotOpen(`${path}: no such file or directory`)
}

/**
 * The file of a region, also of one in a store, as DIR/NAME: for what is done to files, not to what
 * they have.
 */
export async function fileAt(path: string): Promise<string> {
  const place = findPlace(path)
  if ('file' in place) return place.file
  const { inspectStore } = await import('../read/store.js')
  const found = inspectStore(place.store).regions.find(({ name }) => name === place.name)
  if (found === undefined) throw noSuchRegion(place.store, place.name)
  return found.file
}

const noSuchRegion = (folder: string, name: string): CannotOpen =>
  new CannotOpen(`${folder}: the store has no region ${JSON.stringify(name)}. `
    + `\`rstore names ${folder}\` lists what it has`)

/** Whatever was opened for `use` is closed however it ends, also where it gives a promise. */
function closing<R>(handles: readonly { close(): void }[], use: () => R): R {
  const close = (): void => handles.forEach((handle) => handle.close())
  let result: R
  try {
    result = use()
  } catch (error) {
    close()
    throw error
  }
  if (!(result instanceof Promise)) {
    close()
    return result
  }
  return result.finally(close) as R
}

function useSnapshot<R>(
  region: { snapshot(): ReadRegion; close(): void }, use: (region: ReadRegion) => R,
): R {
  return closing([region], () => {
    const snapshot = region.snapshot()
    return closing([snapshot], () => use(snapshot))
  })
}

const isWrongKind = (error: unknown): boolean =>
  error instanceof RStoreError && error.code === 'RSTORE_WRONG_KIND'

/** A live or packed region file, to be read; the caller closes it. */
export function openFile(path: string): ReadOnlyRegion | Packed {
  try {
    return openLive(path)
  } catch (error) {
    if (!isWrongKind(error)) throw error
    return Packed.load(path)
  }
}

const openLive = (path: string) => Region.open(path, { readOnly: true })

function useInStore<R>(folder: string, name: string, use: (region: ReadRegion) => R): R {
  const store = Store.open(folder, { readOnly: true })
  return closing([store], () => {
    const listed = store.list().find((one) => one.name === name)
    if (listed === undefined) throw noSuchRegion(folder, name)
    if (listed.kind === 'live') return useSnapshot(store.region(name), use)
    const packed = store.packed(name)
    return closing([packed], () => use(packed))
  })
}

/** Reads a region as of its last commit, whatever others do meanwhile. */
export function withRegion<R>(path: string, use: (region: ReadRegion) => R): R {
  const place = findPlace(path)
  if ('store' in place) return useInStore(place.store, place.name, use)
  const region = openFile(place.file)
  return region instanceof Packed
    ? closing([region], () => use(region)) : useSnapshot(region, use)
}

/** Opens a live region for changes. */
export function withWritable<R>(
  path: string, options: RegionOptions, use: (region: Region) => R,
): R {
  const place = findPlace(path)
  if ('file' in place) {
    const region = Region.open(place.file, options)
    return closing([region], () => use(region))
  }
  const store = Store.open(place.store)
  return closing([store], () => {
    if (!store.list().some(({ name }) => name === place.name)) {
      throw noSuchRegion(place.store, place.name)
    }
    return use(store.region(place.name, options))
  })
}

/** Whether there is something to open at the path. */
export function isThere(path: string): boolean {
  const place = placeOf(path)
  return 'store' in place || existsSync(place.file)
}
