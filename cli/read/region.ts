/**
 * A region as of its last commit, read from its files alone: nothing is written, no lock taken, no
 * process waits. Whoever has the region open may go on changing the files meanwhile, so a reading
 * is repeated until one was undisturbed:
 *
 *  - Records behind the checkpoint slot are not overwritten while that slot is the current one.
 *  - The region file holds no commit behind `checkpointTarget` (lock file), and the target is
 *    raised before anything is written.
 *
 *  - A compacted file takes the name of the one before, which then does not change any more, but
 *    has lost its log.
 *
 * So if name, slot and target are, at the end, what the reading rests on, every page that was read
 * is of one commit. The same argument as a reader's pin, without the pin: it may have to try again.
 * What a disturbed reading makes of bytes that are of something else by then may be anything, also
 * an error: that is one of the file only when nobody disturbed it. Damage is looked at again,
 * because half a record may be whole a moment later, and whoever is the first to open the file
 * writes to it before the lock file says so.
 */
import { existsSync, realpathSync } from 'node:fs'
import { C } from '../../formats/index.js'
import { CannotOpen } from '../shared/errors.js'
import { ByteFile } from './file.js'
import { readIdentity, type RegionIdentity } from './identity.js'
import { readLockFile, type LockState } from './lock.js'
import { LogStream } from './log-stream.js'
import { Pages } from './pages.js'
import { Problems } from './problems.js'
import { RecordReader, type LogEnd, type Record } from './records.js'
import { readSlots, type Slot } from './slots.js'

export interface LogState {
  /** Bytes of the log file, 0 when there is none. */
  fileBytes: number
  segmentCount: number
  /** Of them, those that belong to the current log. */
  ownSegmentCount: number
  records: Record[]
  end: LogEnd
}

export interface RegionImage {
  path: string
  /** Without symbolic links: log and lock file are beside the file itself. */
  realPath: string
  fileBytes: number
  diskBytes: number
  identity: RegionIdentity
  slot: Slot | undefined
  validSlots: number
  log: LogState
  lock: LockState | undefined
  /** The last commit, and the end of its data in units. */
  epoch: bigint
  endUnits: number
  pages: Pages
  problems: Problems
  /** Whether others may have changed what was read meanwhile. */
  isDisturbed(): boolean
}

const NO_LOG: LogState = {
  fileBytes: 0, segmentCount: 0, ownSegmentCount: 0, records: [], end: { kind: 'nothing' },
}

/** Puts the records behind the slot over the pages. */
function readLog(image: RegionImage, file: ByteFile, log: ByteFile, slot: Slot): LogState {
  const stream = new LogStream(log, image.identity, slot.logSalt)
  const reader = new RecordReader(stream, slot)
  if (stream.reaches(slot.logPosition)) reader.scan()
  else image.problems.add('log', 'the log does not reach to the checkpoint: commits are lost')
  for (const [record, content] of reader.contents(file)) image.pages.apply(record, content)
  const { segmentCount, ownSegmentCount } = stream
  const { records, end } = reader
  return { fileBytes: log.length, segmentCount, ownSegmentCount, records, end }
}

function addLog(image: RegionImage, file: ByteFile): void {
  const { slot, problems } = image
  const log = ByteFile.openIfThere(`${image.realPath}-wal`)
  try {
    if (slot === undefined) return
    if (slot.clean) image.log = { ...NO_LOG, fileBytes: log?.length ?? 0 }
    else if (log !== undefined) image.log = readLog(image, file, log, slot)
    else problems.add('log', 'there is no log, but the checkpoint needs one: commits are lost')
  } finally {
    log?.close()
  }
  const { end } = image.log
  if (end.kind === 'damaged') {
    problems.add('log', `the record of commit ${end.epoch} is damaged: the log was on the disk up `
      + `to commit ${end.synced}, and what stands behind the damage cannot be applied`)
  }
  if (end.kind === 'tail' && end.synced) {
    const message = `commit ${end.epoch} was synced, but this page is not as it wrote it`
    problems.add('log', message, end.page)
  }
  const last = image.log.records.at(-1)
  if (last === undefined) return
  image.epoch = last.epoch
  image.endUnits = last.endUnits
}

/** What the file says of itself. It stays open for `pages`. */
function readHead(path: string, file: ByteFile): RegionImage {
  const realPath = realpathSync(path)
  const problems = new Problems()
  const identity = readIdentity(file, problems)
  const isLive = identity.kind === 'live' || identity.kind === 'unknown'
  const fileUnits = Math.floor(file.length / C.UNIT_BYTES)
  const { current: slot, valid } = isLive
    ? readSlots(file, identity, problems)
    : { current: undefined, valid: 0 }
  const image: RegionImage = {
    path,
    realPath,
    fileBytes: file.length,
    diskBytes: file.allocatedBytes,
    identity,
    slot,
    validSlots: valid,
    log: NO_LOG,
    lock: readLockFile(`${realPath}-lock`, identity),
    epoch: slot?.epoch ?? 0n,
    endUnits: slot?.endUnits ?? (isLive ? fileUnits : identity.endUnits),
    pages: new Pages(file, identity, problems),
    problems,
    isDisturbed: () => isLive && !isUndisturbed(image, file),
  }
  return image
}

/** The rest of a reading: the log, and how far the data goes with it. */
function addRest(image: RegionImage, file: ByteFile): void {
  const { identity, problems } = image
  addLog(image, file)
  image.fileBytes = file.length  // it was long enough for a record before that was written
  boundEnd(image)
  const dataBytes = image.endUnits * C.UNIT_BYTES
  if (identity.kind !== 'shared' && image.fileBytes < dataBytes) {
    problems.add('file', `it has ${image.fileBytes} bytes, its data ${dataBytes}: it was cut`)
  }
}

/** So that nothing is looked for where nothing can be. */
function boundEnd(image: RegionImage): void {
  const most = image.identity.capacityBytes / C.UNIT_BYTES
  if (image.endUnits <= most) return
  image.problems.add('identity', 'the data ends past the capacity', C.IDENTITY_PAGE)
  image.endUnits = most
}

/** Whether what was read cannot have changed under the reading. */
function isUndisturbed(image: RegionImage, file: ByteFile): boolean {
  if (!file.isNamed(image.realPath)) return false
  const identity = readIdentity(file, new Problems())
  const { current: slot, valid } = readSlots(file, identity, new Problems())
  if (identity.uuid !== image.identity.uuid || slot?.sequence !== image.slot?.sequence) return false
  if (valid !== image.validSlots) return false  // one was being written
  const lock = readLockFile(`${image.realPath}-lock`, identity)
  return lock === undefined || lock.checkpointTarget <= image.epoch
}

/** A region that is written all the while is read again, up to so often, within so much time. */
const ATTEMPTS = 20
const PATIENCE_MS = 10_000
/** So often damage is seen before it is believed, where somebody may have the file open. */
const LOOKS_AT_DAMAGE = 3

/** One reading; undefined when it failed because others changed what was read. */
function tryToRead<R>(
  image: RegionImage, file: ByteFile, look: (image: RegionImage) => R,
): { result: R } | undefined {
  try {
    addRest(image, file)
    return { result: look(image) }
  } catch (error) {
    if (image.isDisturbed()) return undefined
    throw error
  }
}

/**
 * Reads a region and gives what `look` makes of it. `look` may run several times; damage that shows
 * only while others write is looked at again. `image.isDisturbed()`, asked at the end of `look`,
 * says whether the figures may be of several commits. Throws NotReadable, what `fs` throws, and
 * CannotOpen for a region that changes faster than it can be read.
 */
export function readRegion<R>(path: string, look: (image: RegionImage) => R): R {
  const begun = performance.now()
  for (let attempt = 1; ; attempt++) {
    const file = ByteFile.open(path)
    try {
      const image = readHead(path, file)
      const read = tryToRead(image, file, look)
      const isLast = attempt >= ATTEMPTS || performance.now() - begun > PATIENCE_MS
      if (read === undefined && isLast) {
        throw new CannotOpen(`${path}: it changes faster than it can be read; try again`)
      }
      if (read === undefined) continue
      const isSure = image.problems.count === 0 || attempt >= LOOKS_AT_DAMAGE
        || !existsSync(`${image.realPath}-lock`)
      if (isLast || (isSure && !image.isDisturbed())) return read.result
    } finally {
      file.close()
    }
  }
}
