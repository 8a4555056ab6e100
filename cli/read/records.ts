/**
 * Redo records: which of them count. A record is valid when its checksum, seeded by that of the one
 * before it, is right; the first one that is not ends the log. That alone is no damage: a program
 * that was killed leaves half a record, and a machine that stopped may lose any record that was not
 * synced. It is damage when a record further on says that it was: a sync covers all before it.
 */
import { C, PageEntry, RedoRecord, crc32c, pageChecksum } from '../../formats/index.js'
import { FieldReader } from './fields.js'
import type { ByteFile } from './file.js'
import { LogStream } from './logStream.js'
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
  | { kind: 'damaged', position: number, epoch: bigint, next: bigint }

const MAGIC = Buffer.alloc(4)
MAGIC.writeUInt32LE(C.RECORD_MAGIC)

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
    let { logPosition: position, epoch, logChecksum: seed } = this.slot
    for (;;) {
      const start = LogStream.recordStart(position, RedoRecord.bytes)
      const header = headerAt(this.stream, this.slot, start)
      if (header === undefined || header.u64('epoch') !== epoch + 1n) {
        const next = this.syncedBehind(start, epoch + 1n)
        if (next !== undefined) this.end = { kind: 'damaged', position, epoch: epoch + 1n, next }
        return
      }
      const length = lengthOf(header)
      const bytes = header.number('recordBytes') === length && length <= this.stream.bytes
        ? this.stream.read(start, length)
        : undefined
      if (bytes === undefined || crc32c(seed, bytes.subarray(8)) !== header.u32('checksum')) {
        this.end = this.endAt(start, header)
        return
      }
      this.records.push(recordOf(header, start))
      seed = header.u32('checksum')
      epoch += 1n
      position = LogStream.advance(start, length)
    }
  }

  /** What a record that does not fit means. */
  private endAt(position: number, broken: RecordFields): LogEnd {
    const epoch = broken.u64('epoch')
    let header: RecordFields | undefined = broken
    let at = position
    for (let next = epoch; header?.u64('epoch') === next; next += 1n) {
      const isSynced = (header.u32('flags') & C.RECORD_SYNCED) !== 0
      if (isSynced && next > epoch) return { kind: 'damaged', position, epoch, next }
      at = LogStream.recordStart(LogStream.advance(at, lengthOf(header)), RedoRecord.bytes)
      header = headerAt(this.stream, this.slot, at)
    }
    const next = this.syncedBehind(position, epoch)
    return next === undefined ? { kind: 'incomplete', position, epoch }
      : { kind: 'damaged', position, epoch, next }
  }

  /**
   * A later record that was synced, wherever it begins: headers that lead to it may be damaged. A
   * segment that is used again has only earlier ones.
   */
  private syncedBehind(position: number, epoch: bigint): bigint | undefined {
    for (let at = position; ; at += C.SEGMENT_BYTES - at % C.SEGMENT_BYTES) {
      const bytes = this.stream.read(LogStream.skipHeader(at), C.SEGMENT_BYTES
        - LogStream.skipHeader(at) % C.SEGMENT_BYTES)
      if (bytes === undefined) return undefined
      for (let from = bytes.indexOf(MAGIC); from >= 0; from = bytes.indexOf(MAGIC, from + 1)) {
        if (from % 8 !== 0 || from + RedoRecord.bytes > bytes.length) continue
        const header = new FieldReader(RedoRecord, bytes.subarray(from, from + RedoRecord.bytes))
        const isOurs = header.u64('logSalt') === this.slot.logSalt
        const isSynced = (header.u32('flags') & C.RECORD_SYNCED) !== 0
        if (isOurs && isSynced && header.u64('epoch') > epoch) return header.u64('epoch')
      }
    }
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
