/** Options of regions: sizes, defaults, and what is wrong with those that make no sense. */
import { resolve } from 'node:path'

import { C, isSideFileName } from '../../../formats/index.js'
import type { HandleOptions, ReaderInfo } from '../../native/binding.js'
import { checkOptionNames } from '../../types/options.js'
import { show } from '../../types/text.js'

/** Bytes, or a number with a binary unit. */
export type Size = number | `${number}${'KiB' | 'MiB' | 'GiB'}`
/**
 * 'sync': a commit survives the machine. 'none': it survives the process, and the machine from the
 * next sync on.
 */
export type Durability = 'sync' | 'none'

export interface RegionOptions {
  /**
   * Upper bound of a new file: 1 MiB to 32 GiB, default 4 GiB. Only address space until it is used.
   * A file that is there keeps its own; for more, `evacuate` it into a new one.
   */
  capacity?: Size
  /** What `transact` waits for. Default 'sync'. */
  durability?: Durability
  /** Permission bits of a new file. Default 0o666, less the umask. */
  mode?: number
  /**
   * How long to wait for the write lock, for another opener's recovery, or for a checkpoint of
   * another handle. Default 10,000 ms.
   */
  timeoutMs?: number
  /** Memory that the handle may keep for pages that differ from the file. Default 64 MiB. */
  privateBytes?: Size
  /**
   * The redo log is kept below this, unless a snapshot holds it back, or a checkpoint that another
   * process is making for more than two seconds. Default 64 MiB, at least 1 MiB.
   */
  logBytes?: Size
  /**
   * A network file system is refused, because its locks and shared memory do not reach other
   * machines.
   */
  allowNetwork?: boolean
  /**
   * A snapshot older than this that holds the log back is reported, and then revoked: whoever
   * commits through this handle looks for such, those of the last commit apart. Default: never.
   */
  maxSnapshotAgeMs?: number
  /** Told of a snapshot older than maxSnapshotAgeMs, which it needs, before it is revoked. */
  onLongSnapshot?(reader: ReaderInfo): void
}

const UNITS = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

/** A size in bytes. Throws a TypeError or RangeError that names the option. */
export function bytesOf(size: Size, option: string): number {
  if (typeof size === 'number') return checkedBytes(size, option)
  const match = typeof size === 'string' ? /^(\d+(?:\.\d+)?)(KiB|MiB|GiB)$/.exec(size) : null
  if (match === null) {
    throw new TypeError(`${option} must be a number of bytes, or a text with KiB, MiB or GiB like `
      + `'64MiB', not ${show(size)}`)
  }
  return checkedBytes(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS], option)
}

function checkedBytes(bytes: number, option: string): number {
  if (!Number.isFinite(bytes) || bytes < 0) {
    throw new RangeError(`${option} must be a size in bytes, not ${bytes}`)
  }
  return Math.floor(bytes)
}

/** The capacity in bytes, rounded up to 64 KiB. */
export function capacityOf(size: Size = '4GiB'): number {
  const bytes = bytesOf(size, 'capacity')
  const most = Number(C.MAXIMUM_CAPACITY_BYTES)
  const least = Number(C.MINIMUM_CAPACITY_BYTES)
  if (bytes < least || bytes > most) {
    throw new RangeError(`capacity must be between 1MiB and 32GiB, not ${String(size)}`)
  }
  return Math.ceil(bytes / C.SINK_BYTES) * C.SINK_BYTES
}

/** Throws a TypeError on what no file can be called. */
export function checkPath(path: unknown): asserts path is string {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return
  throw new TypeError(
    `a path must be a string that is not empty and has no NUL in it, not ${show(path)}`)
}

/**
 * The same for what is made. A file that has such a name already can be opened; a region whose log
 * or lock file would have it is refused as long as that is there.
 */
export function checkNewPath(path: unknown): asserts path is string {
  checkPath(path)
  if (!isSideFileName(resolve(path))) return
  throw new TypeError(`${path}: names that end in -wal or -lock are those of the log and the lock `
    + 'file of a region, which come and go with it. Choose another one')
}

export function checkDurability(value: Durability): Durability {
  if (value === 'sync' || value === 'none') return value
  throw new TypeError(`durability must be 'sync' or 'none', not ${String(value)}`)
}

export function checkMode(mode: number = 0o666): number {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return mode
  throw new RangeError(`mode must be permission bits such as 0o600, not ${String(mode)}`)
}

export function checkTimeout(value: number): number {
  if (typeof value === 'number' && value >= 0) return Math.min(value, 2 ** 31)
  throw new RangeError(`timeoutMs must be a number of milliseconds from 0 on, not ${String(value)}`)
}

function checkFlag(value: boolean, option: string): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`${option} must be true or false, not ${String(value)}`)
}

function checkSnapshotLimits({ maxSnapshotAgeMs, onLongSnapshot }: RegionOptions): void {
  const age = maxSnapshotAgeMs === undefined ? Infinity : maxSnapshotAgeMs
  if (typeof age !== 'number' || !(age >= 0)) {
    throw new RangeError('maxSnapshotAgeMs must be a number of milliseconds from 0 on, '
      + `not ${String(maxSnapshotAgeMs)}`)
  }
  if (onLongSnapshot !== undefined && typeof onLongSnapshot !== 'function') {
    throw new TypeError('onLongSnapshot must be a function')
  }
  if (onLongSnapshot !== undefined && maxSnapshotAgeMs === undefined) {
    throw new TypeError('onLongSnapshot needs maxSnapshotAgeMs: without it no snapshot is long')
  }
}

const KNOWN = ['capacity', 'durability', 'mode', 'timeoutMs', 'privateBytes', 'logBytes',
  'allowNetwork', 'maxSnapshotAgeMs', 'onLongSnapshot', 'readOnly']

/**
 * Of calls that make a region or hand out one that is written: where the types are not looked at,
 * an option of Region.open must not go unheard.
 */
export function refuseReadOnly(given: RegionOptions & { readOnly?: unknown }, call: string): void {
  if (typeof given !== 'object' || given === null) return  // checkOptions says so
  if (given.readOnly === undefined || given.readOnly === false) return
  throw new TypeError(`readOnly is no option of ${call}. ${
    call === 'store.region' ? 'Store.open' : 'Region.open'} has it`)
}

/** Options with their defaults, in the units of the native layer. */
export interface CheckedOptions {
  readonly native: HandleOptions
  /** Of a new file. */
  readonly mode: number
  readonly durability: Durability
  readonly timeoutMs: number
  readonly allowNetwork: boolean
  readonly maxSnapshotAgeMs: number
  readonly onLongSnapshot: ((reader: ReaderInfo) => void) | undefined
}

export function checkOptions(given: RegionOptions & { readOnly?: boolean } = {}): CheckedOptions {
  checkOptionNames(given, 'a region', KNOWN)
  const timeoutMs = checkTimeout(given.timeoutMs ?? 10_000)
  checkSnapshotLimits(given)
  const logBytes = bytesOf(given.logBytes ?? '64MiB', 'logBytes')
  const privateBytes = bytesOf(given.privateBytes ?? '64MiB', 'privateBytes')
  return {
    native: {
      readOnly: checkFlag(given.readOnly ?? false, 'readOnly'),
      timeoutMs,
      privatePages: Math.max(256, Math.floor(privateBytes / C.PAGE_BYTES)),
      segmentLimit: Math.max(4, Math.floor(logBytes / C.SEGMENT_BYTES)),
    },
    mode: checkMode(given.mode),
    durability: checkDurability(given.durability ?? 'sync'),
    timeoutMs,
    allowNetwork: checkFlag(given.allowNetwork ?? false, 'allowNetwork'),
    maxSnapshotAgeMs: given.maxSnapshotAgeMs ?? Infinity,
    onLongSnapshot: given.onLongSnapshot,
  }
}
