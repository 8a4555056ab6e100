/** What goes wrong with a vector file, in words that fit vectors. */
import { RStoreError } from '../errors.js'
import { errorOf, type OwnWords } from '../native/status.js'
import type { OpenedVector } from './native.js'

/**
 * The error of a status that is not 0; `pushed`: how many elements were appended before, when
 * there were several to append.
 */
export function vectorError(
  status: number, path: string, doing: string, pushed?: number,
): Error {
  const error = errorOf(status, path, doing, IN_A_VECTOR)
  if (pushed === undefined || !(error instanceof RStoreError)) return error
  const done = pushed === 0 ? 'Nothing was changed' : `${pushed} of the elements were appended`
  return new RStoreError(error.code, error.message.replace('Nothing was changed', done),
    { ...error.facts, pushed })
}

const DISK_FAILED = {
  what: 'the disk failed, or somebody shortened the file',
  todo: 'This handle cannot be used any more: close it and open the vector again',
}

const IN_A_VECTOR: OwnWords = {
  notFound: { todo: 'Check the path, or use SharedVector.create' },
  exists: { todo: 'Use SharedVector.open' },
  notRegion: { what: 'this is not a vector' },
  readOnly: {
    todo: 'Everyone who has a vector open takes part in its changes: change the permissions',
  },
  regionFull: {
    todo: 'Nothing was changed. Create a vector with a larger capacity and copy into it',
  },
  io: DISK_FAILED,
  failed: DISK_FAILED,
  corrupt: {
    what: 'the file is damaged, or shorter than it was made', todo: 'Take it from a backup',
  },
}

/** What stopped an opening: the type, a lost memory, or what the status says. */
export function openingError(found: OpenedVector, path: string, expected: string): Error {
  if (found.typeDiffers) {
    return new RStoreError('RSTORE_TYPE_MISMATCH',
      `opening ${path}: its elements are ${found.storedType}, not ${expected}. Open it with the `
      + 'type that it was created with.',
      { path, expected, actual: found.storedType })
  }
  if (found.unflushed) {
    const { flushedSize, foundSize } = found
    return new RStoreError('RSTORE_UNFLUSHED',
      `opening ${path}: the machine was started anew after changes that no flush() covers. There `
      + `are ${foundSize} elements; the last flush covered ${flushedSize}. Each of those is as it `
      + 'was then or as it was made later, of the others some may be lost. Nothing was changed. '
      + 'Open with { unflushed: \'accept\' } to go on with what is there.',
      { path, flushedSize, foundSize })
  }
  return vectorError(found.status, path, 'opening')
}

export const closedError = (path: string): RStoreError =>
  new RStoreError('RSTORE_CLOSED', `${path} was closed. Open it again.`, { path })
