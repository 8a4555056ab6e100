/** What the lock file says. It may be left from processes that are gone: good for hints only. */
import { C, LockHeader, ReaderSlot, SharedWords } from '../../formats/index.js'
import { FieldReader } from './fields.js'
import { ByteFile } from './file.js'
import type { RegionIdentity } from './identity.js'

export interface NotedHandle {
  slot: number
  kind: 'handle' | 'snapshot' | 'revoked snapshot' | 'idle snapshot' | 'unknown'
  pid: number
  threadId: number
  /** The commit that it reads; 0 when it reads none. */
  pinEpoch: bigint
  /** Since when, milliseconds since 1970; 0 when it reads none. */
  pinnedMs: number
  /** Whether its owner is alive; undefined where the system does not tell. */
  alive: boolean | undefined
}

export interface LockState {
  publishedEpoch: bigint
  slotEpoch: bigint
  /** The region file may already hold commits up to this one. */
  checkpointTarget: bigint
  checkpointCount: number
  /** Slot of the handle that holds the write lock; undefined: nobody does. */
  writer: number | undefined
  handles: NotedHandle[]
}

const KINDS = new Map<number, NotedHandle['kind']>([
  [C.READER_HANDLE, 'handle'], [C.READER_SNAPSHOT, 'snapshot'],
  [C.READER_SNAPSHOT_KEPT, 'snapshot'], [C.READER_REVOKED, 'revoked snapshot'],
  [C.READER_IDLE, 'idle snapshot'],
])

function readHandles(file: ByteFile, count: number): NotedHandle[] {
  const bytes = file.read(2 * C.PAGE_BYTES, count * ReaderSlot.bytes)
  return Array.from({ length: count }, (_, slot) => {
    const fields = new FieldReader(ReaderSlot, bytes, slot * ReaderSlot.bytes)
    const state = fields.u32('state')
    return {
      slot,
      taken: state !== 0,
      kind: KINDS.get(state) ?? 'unknown',
      pid: fields.u32('pid'),
      threadId: fields.u32('threadId'),
      pinEpoch: fields.u64('pinEpoch'),
      pinnedMs: fields.u64('pinEpoch') === 0n ? 0 : fields.number('pinnedMs'),
      alive: undefined,
    }
  }).filter(({ taken }) => taken).map(({ taken: _, ...handle }) => handle)
}

/** The low half of the word is the slot plus 1. */
const writerOf = (writeLock: bigint): number | undefined =>
  writeLock === 0n ? undefined : Number(writeLock & 0xffff_ffffn) - 1

/** undefined when there is no lock file, or one of another region. */
export function readLockFile(path: string, identity: RegionIdentity): LockState | undefined {
  const file = ByteFile.openIfThere(path)
  if (file === undefined) return undefined
  try {
    const header = new FieldReader(LockHeader, file.read(0, C.PAGE_BYTES))
    const ours = header.u64('magic') === C.LOCK_MAGIC && header.u32('ready') === 1
      && header.hex('uuid') === identity.uuid && header.u64('generation') === identity.generation
    if (!ours) return undefined
    const words = new FieldReader(SharedWords, file.read(C.PAGE_BYTES, C.PAGE_BYTES))
    return {
      publishedEpoch: words.u64('publishedEpoch'),
      slotEpoch: words.u64('slotEpoch'),
      checkpointTarget: words.u64('checkpointTarget'),
      writer: writerOf(words.u64('writeLock')),
      checkpointCount: words.number('checkpointCount'),
      handles: readHandles(file, Math.min(header.u32('readerSlotCount'), C.READER_SLOT_COUNT)),
    }
  } finally {
    file.close()
  }
}
