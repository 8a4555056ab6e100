/** From the status of a native call to the error that a caller gets. */
import { closeSync, constants, existsSync, lstatSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { getSystemErrorName } from 'node:util'

import { C } from '../../formats/index.js'
import { RStoreError } from '../errors.js'
import type { ErrorCode } from '../errors.js'
import { addon } from './binding.js'
import type { PackedStatus } from './binding.js'

interface Meaning { code: ErrorCode; what: string; todo: string }

const MEANINGS: Readonly<Record<string, Meaning>> = {
  noSpace: {
    code: 'RSTORE_NO_SPACE', what: 'the disk or its quota is full',
    todo: 'Nothing was changed. Make room and try again',
  },
  io: {
    code: 'RSTORE_IO', what: 'the disk failed, or the file is shorter than it must be',
    todo: 'Close the region and open it again; if that fails, run "rstore verify"',
  },
  corrupt: {
    code: 'RSTORE_CORRUPT', what: 'the file is damaged',
    todo: 'Run "rstore inspect" to see where, and "rstore repair" to save what can be saved',
  },
  regionFull: {
    code: 'RSTORE_REGION_FULL', what: 'the capacity is reached',
    todo: 'Nothing was changed. Create a region with a larger capacity and copy into it',
  },
  readOnly: {
    code: 'RSTORE_READ_ONLY', what: 'the file or its folder may not be written',
    todo: 'Change the permissions',
  },
  busy: {
    code: 'RSTORE_BUSY', what: 'another handle did not let go in time',
    todo: 'Try again, or raise timeoutMs',
  },
  inTheWay: {
    code: 'RSTORE_EXISTS',
    what: 'a file beside it has the name of its log (-wal) or lock file (-lock), but is neither',
    todo: 'Nothing was changed. Give that file another name',
  },
  underWay: {
    code: 'RSTORE_BUSY', what: 'somebody else is just making a file of that name',
    todo: 'Wait for it, or choose another name',
  },
  notFound: {
    code: 'RSTORE_NOT_FOUND', what: 'there is no such file',
    todo: 'Check the path; Region.create and Region.openOrCreate make one',
  },
  exists: {
    code: 'RSTORE_EXISTS', what: 'there is a file of that name',
    todo: 'Choose another name',
  },
  notRegion: {
    code: 'RSTORE_NOT_A_REGION', what: 'this is not a region file',
    todo: 'Check the path; nothing was changed',
  },
  tooNew: {
    code: 'RSTORE_TOO_NEW', what: 'the file was made by a newer version of rstore',
    todo: 'Update rstore; nothing was changed',
  },
  tooOld: {
    code: 'RSTORE_TOO_OLD', what: 'the file was made by a version of rstore no longer read',
    todo: 'Read it with the version that made it; nothing was changed',
  },
  replaced: {
    code: 'RSTORE_REPLACED', what: 'the file was replaced by a compacted one',
    todo: 'Open it again',
  },
  outOfReach: {
    code: 'RSTORE_REPLACED', what: 'the file was replaced by a compacted one that cannot be opened',
    todo: 'Nothing was changed. Make the new one accessible to this process, then try again',
  },
  elsewhere: {
    code: 'RSTORE_BUSY',
    what: 'others have it open by another name, or its file, log or lock file was moved, replaced '
      + 'or removed meanwhile',
    todo: 'Close their handles, then open it again. Leave the -wal and -lock files alone',
  },
  notOwner: {
    code: 'RSTORE_READ_ONLY',
    what: 'its owner or group cannot be given to a new file, and some who may open this one could '
      + 'not open that',
    todo: 'Nothing was changed. Do it as a user who may give files away, or as its owner in its '
      + 'group, or write to another name',
  },
  failed: {
    code: 'RSTORE_IO', what: 'an earlier write through this handle failed',
    todo: 'Close the region and open it again',
  },
  closed: { code: 'RSTORE_CLOSED', what: 'the region was closed', todo: 'Open it again' },
  revoked: {
    code: 'RSTORE_SNAPSHOT_REVOKED', what: 'the snapshot was held too long and was revoked',
    todo: 'Take a new one',
  },
  unsupported: {
    code: 'RSTORE_UNSUPPORTED',
    what: 'the file system has no locks, or no hard links, or cannot do what this needs',
    todo: 'Use another local file system',
  },
  memory: {
    code: 'RSTORE_NO_MEMORY',
    what: 'the system gave no memory, address space, descriptor or thread',
    todo: 'Close handles, or raise the limits of the process',
  },
  tooManyHandles: {
    code: 'RSTORE_BUSY', what: '1,024 handles have the region open',
    todo: 'Close some of them',
  },
  lockDamaged: {
    code: 'RSTORE_CORRUPT', what: 'the lock file (-lock) beside it is damaged',
    todo: 'Close the region in all processes, delete the -lock file, then open it again',
  },
  logMissing: {
    code: 'RSTORE_CORRUPT', what: 'a crash left commits in the redo log (-wal), and it is gone',
    todo: 'Put the log back beside the region, or run "rstore repair"',
  },
  needsRecovery: {
    code: 'RSTORE_READ_ONLY', what: 'a crash left a redo log, and the file cannot be written',
    todo: 'Copy region and log to a place that can be written and open the copy',
  },
  logFull: {
    code: 'RSTORE_LOG_FULL', what: 'the redo log has reached 16 GiB: a snapshot holds it back',
    todo: 'Nothing was changed. See region.readers() for who reads so old a commit',
  },
}

/** Of `io`: it is no failure of the disk that a path leads to nothing that can be a file. */
const WRONG_PATHS: Readonly<Record<string, string>> = {
  EISDIR: 'this is a folder',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the name is longer than the file system takes',
}

/** Whether it is a symbolic link to what is not there. */
function leadsToNothing(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink() && !existsSync(path)
  } catch {
    return false
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** The first on the way to a path that is no folder; undefined when all are. */
function missingFolder(path: string): string | undefined {
  const folder = dirname(path)
  return isFolder(folder) ? undefined : missingFolder(folder) ?? folder
}

/** Of what is not there, or in the way, what the links and folders of the path make of it. */
function meaningOfPath(name: string, path: string): Meaning | undefined {
  const code = name === 'exists' ? 'RSTORE_EXISTS' : 'RSTORE_NOT_FOUND'
  if (leadsToNothing(path)) {
    return {
      code, what: 'a symbolic link of that name leads to nothing',
      todo: 'Remove the link, or use the path that it leads to',
    }
  }
  if (name === 'exists') {
    return isFolder(path)
      ? { code, what: 'there is a folder of that name', todo: 'Choose another name' } : undefined
  }
  const folder = missingFolder(path)
  if (folder === undefined) return undefined
  return existsSync(folder)
    ? { code, what: `${folder} is a file, no folder`, todo: 'Check the path' }
    : { code, what: `there is no folder ${folder}`, todo: 'Check the path, or make the folder' }
}

/** Of `readOnly`: for whom the system does not even open the file for reading. */
const UNREADABLE: Meaning = {
  code: 'RSTORE_READ_ONLY', what: 'the file may not be read',
  todo: 'Change its permissions, or those of the folders that lead to it',
}

function mayNotRead(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

/** What a status means in one place, where that is more than what it means everywhere. */
export type OwnWords = Readonly<Record<string, Partial<Pick<Meaning, 'what' | 'todo'>>>>

function meaningOf(name: string, errno: string, path: string, own: OwnWords): Meaning | undefined {
  const what = WRONG_PATHS[errno]
  if (name === 'io' && what !== undefined) {
    return { code: 'RSTORE_IO', what, todo: 'Check the path; nothing was changed' }
  }
  if (name === 'readOnly' && errno === 'EACCES' && mayNotRead(path)) return UNREADABLE
  const ofPath = name === 'notFound' || name === 'exists' ? meaningOfPath(name, path) : undefined
  if (ofPath !== undefined) return ofPath
  const meaning = MEANINGS[name]
  return meaning && { ...meaning, ...own[name] }
}

/** The errno in a status, or 0: native/src/binding/status.h. */
export const errnoOf = (status: PackedStatus): number => Math.floor(status / 256)

/** The error of a status that is not 0. */
export function errorOf(
  status: PackedStatus, path: string, doing: string, own: OwnWords = {},
): Error {
  const name = addon().statusNames[status % 256] ?? 'unknown'
  const errno = errnoOf(status)
  if (name === 'wrongKind') return wrongKind(path, doing, errno)
  const system = errno === 0 ? '' : getSystemErrorName(-errno)
  const meaning = meaningOf(name, system, path, own)
  if (meaning === undefined) {
    return new Error(`rstore: ${doing} ${path} ended in the unexpected state "${name}" (${errno})`)
  }
  return errorFor(meaning, path, doing, system)
}

/** @param system the name of the errno, or '' */
function errorFor(
  { code, what, todo }: Meaning, path: string, doing: string, system: string,
): RStoreError {
  const cause = system === '' ? '' : ` (${system})`
  return new RStoreError(code, `${doing} ${path}: ${what}${cause}. ${todo}.`,
    system === '' ? { path } : { path, errno: system })
}

/** What the core calls it: `statusFromErrno` of native/src/core/status.h. */
const OF_SYSTEM: Readonly<Record<string, string>> = {
  EMFILE: 'memory', ENFILE: 'memory', ENOMEM: 'memory',
  ENOSPC: 'noSpace', EDQUOT: 'noSpace', EFBIG: 'noSpace',
  EACCES: 'readOnly', EPERM: 'readOnly', EROFS: 'readOnly',
  ENOENT: 'notFound', ENOTDIR: 'notFound', EEXIST: 'exists',
  EIO: 'io', ELOOP: 'io', ENAMETOOLONG: 'io',
}

/** Of what node:fs threw, the error that the core would give; of anything else, that itself. */
export function errorOfSystem(error: unknown, path: string, doing: string): unknown {
  const { code = '' } = error as NodeJS.ErrnoException
  const name = OF_SYSTEM[code]
  const meaning = name === undefined ? undefined : meaningOf(name, code, path, {})
  return meaning === undefined ? error : errorFor(meaning, path, doing, code)
}

/** Calls node:fs, and throws the errors of the core. */
export function asking<R>(path: string, doing: string, call: () => R): R {
  try {
    return call()
  } catch (error) {
    throw errorOfSystem(error, path, doing)
  }
}

/** The same of its promises. */
export async function askingLater<R>(
  path: string, doing: string, call: () => Promise<R>,
): Promise<R> {
  try {
    return await call()
  } catch (error) {
    throw errorOfSystem(error, path, doing)
  }
}

const KINDS: Readonly<Record<number, string>> = {
  [C.KIND_LIVE]: 'a live region: Region.open opens it, "rstore pack" makes a packed one of it',
  [C.KIND_PACKED]: 'a packed region, which nobody can write to: load it with Packed.load, or make '
    + 'a live copy with Packed.thaw or "rstore thaw"',
  [C.KIND_SHARED]: 'a shared vector, which has no maps: SharedVector.open opens it, and "rstore '
    + 'vector" shows it',
}

function wrongKind(path: string, doing: string, kind: number): RStoreError {
  const what = KINDS[kind] ?? `a region of the unknown kind ${kind}`
  return new RStoreError('RSTORE_WRONG_KIND', `${doing} ${path}: it is ${what}.`, { path, kind })
}

/** Throws unless the status is 0. */
export function check(
  status: PackedStatus, path: string, doing: string, own: OwnWords = {},
): void {
  if (status !== 0) throw errorOf(status, path, doing, own)
}
