/**
 * Redo records: which of them count. A record is valid when its checksum, seeded by that of the one
 * before it, is right; the first one that is not ends the log. That alone is no damage: a program
 * that was killed leaves half a record, and a machine that stopped may lose any record that was not
 * synced. It is damage when a record further on says that it was: a sync covers all before it.
 */
import { C, PageEntry, RedoRecord, crc32c, pageChecksum } from '../../formats/index.js'
import { FieldReader } from './fields.js'
import type { ByteFile } from './file.js'
import { LogStream } from './log-stream.js'
import type { Slot } from './slots.js'

export interface Record {
  position: number
  epoch: bigint
  recordBytes: number
  endUnits: number
  durableTailEpoch: bigint
  committedMs: number
  synced: boolean
  pageCount: number
  lineCount: number
  tailFirstPage: number
  tailPageCount: number
  writerPid: number
}

export interface PageChange {
  page: number
  mask: bigint
  /** The lines whose bits are set, lowest first. */
  lines: Buffer
}

export interface RecordContent {
  tailChecksums: number[]
  changes: PageChange[]
}

/** Why no further record was read. */
export type LogEnd =
  | { kind: 'nothing' }
  | { kind: 'incomplete', position: number, epoch: bigint }
  | { kind: 'tail', position: number, epoch: bigint, page: number, synced: boolean }
  | { kind: 'damaged', position: number, epoch: bigint, synced: bigint }

type RecordFields = FieldReader<typeof RedoRecord.fields>

const alignedTo8 = (bytes: number): number => Math.ceil(bytes / 8) * 8

/** Length that the counts of a header add up to. */
function lengthOf(header: RecordFields): number {
  return RedoRecord.bytes + header.u32('pageCount') * PageEntry.bytes
    + alignedTo8(header.u32('tailPageCount') * 4) + header.u32('lineCount') * C.LINE_BYTES
}

function headerAt(stream: LogStream, slot: Slot, position: number): RecordFields | undefined {
  const bytes = stream.read(position, RedoRecord.bytes)
  if (bytes === undefined) return undefined
  const header = new FieldReader(RedoRecord, bytes)
  const ours = header.u32('magic') === C.RECORD_MAGIC && header.u64('logSalt') === slot.logSalt
  return ours ? header : undefined
}

function recordOf(header: RecordFields, position: number): Record {
  return {
    position,
    epoch: header.u64('epoch'),
    recordBytes: header.number('recordBytes'),
    endUnits: header.number('endUnits'),
    durableTailEpoch: header.u64('durableTailEpoch'),
    committedMs: header.number('committedMs'),
    synced: (header.u32('flags') & C.RECORD_SYNCED) !== 0,
    pageCount: header.u32('pageCount'),
    lineCount: header.u32('lineCount'),
    tailFirstPage: header.u32('tailFirstPage'),
    tailPageCount: header.u32('tailPageCount'),
    writerPid: header.u32('writerPid'),
  }
}

/** The body of a record that was found valid. */
function contentOf(record: Record, body: Buffer): RecordContent {
  const tailChecksums: number[] = []
  const tailStart = record.pageCount * PageEntry.bytes
  for (let i = 0; i < record.tailPageCount; i++) {
    tailChecksums.push(body.readUInt32LE(tailStart + i * 4))
  }
  let line = tailStart + alignedTo8(record.tailPageCount * 4)
  const changes: PageChange[] = []
  for (let i = 0; i < record.pageCount; i++) {
    const entry = new FieldReader(PageEntry, body, i * PageEntry.bytes)
    const mask = entry.u64('mask')
    const end = line + bitCount(mask) * C.LINE_BYTES
    changes.push({ page: entry.u32('page'), mask, lines: body.subarray(line, end) })
    line = end
  }
  return { tailChecksums, changes }
}

export function bitCount(mask: bigint): number {
  let count = 0
  for (let rest = mask; rest !== 0n; rest &= rest - 1n) count++
  return count
}

/** Index of the first page of a tail that the file does not have; -1 when it has them all. */
function missingTailPage(file: ByteFile, record: Record, checksums: readonly number[]): number {
  return checksums.findIndex((checksum, i) =>
    pageChecksum(file.read((record.tailFirstPage + i) * C.PAGE_BYTES, C.PAGE_BYTES)) !== checksum)
}

/** Reads the records behind a slot. `visit` gets each valid one, in order. */
export class RecordReader {
  readonly records: Record[] = []
  end: LogEnd = { kind: 'nothing' }

  constructor(private readonly stream: LogStream, private readonly slot: Slot) {}

  /** Finds all records whose checksums fit; contents are read again by `contents`. */
  scan(): void {
    // First: a writer may go on meanwhile, and what it adds to the chain does no harm.
    const synced = this.stream.highestSynced(this.slot.logSalt)
    let { logPosition: position, epoch, logChecksum: seed } = this.slot
    for (;;) {
      const start = LogStream.recordStart(position, RedoRecord.bytes)
      const header = headerAt(this.stream, this.slot, start)
      const next = header?.u64('epoch') === epoch + 1n ? header : undefined
      const checksum = next && this.checksumOf(start, next, seed)
      if (next === undefined || checksum === undefined) {
        const where = { position: start, epoch: epoch + 1n }
        if (synced > epoch) this.end = { kind: 'damaged', ...where, synced }
        else if (next !== undefined) this.end = { kind: 'incomplete', ...where }
        return
      }
      this.records.push(recordOf(next, start))
      seed = checksum
      epoch += 1n
      position = LogStream.advance(start, lengthOf(next))
    }
  }

  /** That of a whole record, if it is the right one. */
  private checksumOf(start: number, header: RecordFields, seed: number): number | undefined {
    const length = lengthOf(header)
    const isLong = header.number('recordBytes') !== length || length > this.stream.bytes
    const bytes = isLong ? undefined : this.stream.read(start, length)
    const checksum = header.u32('checksum')
    return bytes && crc32c(seed, bytes.subarray(8)) === checksum ? checksum : undefined
  }

  /**
   * The contents of the records, in order. Stops, and cuts `records`, at a record whose tail is not
   * in the region file and has not been proven to be by anything later.
   */
  * contents(file: ByteFile): Generator<[Record, RecordContent]> {
    const proven = this.records.reduce(
      (highest, { durableTailEpoch }) => durableTailEpoch > highest ? durableTailEpoch : highest,
      this.slot.durableTailEpoch)
    for (const [index, record] of this.records.entries()) {
      const start = LogStream.advance(record.position, RedoRecord.bytes)
      const body = this.stream.read(start, record.recordBytes - RedoRecord.bytes)!
      const content = contentOf(record, body)
      const missing = record.epoch > proven
        ? missingTailPage(file, record, content.tailChecksums)
        : -1
      if (missing >= 0) {
        const { position, epoch, synced, tailFirstPage } = record
        this.end = { kind: 'tail', position, epoch, synced, page: tailFirstPage + missing }
        this.records.length = index
        return
      }
      yield [record, content]
    }
  }
}
