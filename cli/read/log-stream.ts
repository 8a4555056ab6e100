/** The log file as the stream that it holds: positions, segments, and what runs over their ends. */
import { C, RedoRecord, SegmentHeader, crc32c } from '../../formats/index.js'
import { FieldReader } from './fields.js'
import type { ByteFile } from './file.js'
import type { RegionIdentity } from './identity.js'

const HEADER_BYTES = SegmentHeader.bytes
const MAGIC = Buffer.alloc(4)
MAGIC.writeUInt32LE(C.RECORD_MAGIC)

export class LogStream {
  /** Logical segment → physical segment. */
  private readonly segments = new Map<number, number>()
  readonly segmentCount: number

  constructor(private readonly file: ByteFile, identity: RegionIdentity, salt: bigint) {
    const whole = Math.floor(file.length / C.SEGMENT_BYTES)
    this.segmentCount = Math.min(whole, C.SEGMENT_COUNT_LIMIT)
    for (let physical = 0; physical < this.segmentCount; physical++) {
      const bytes = file.read(physical * C.SEGMENT_BYTES, HEADER_BYTES)
      const header = new FieldReader(SegmentHeader, bytes)
      const ours = header.u32('magic') === C.SEGMENT_MAGIC
        && header.u32('checksum') === crc32c(0, header.before('checksum'))
        && header.hex('uuid') === identity.uuid
        && header.u64('generation') === identity.generation
        && header.u64('logSalt') === salt
      if (ours) this.segments.set(header.number('logicalSegment'), physical)
    }
  }

  /** Segments that belong to this log. */
  get ownSegmentCount(): number {
    return this.segments.size
  }

  /** No record is longer. */
  get bytes(): number {
    return this.segments.size * C.SEGMENT_BYTES
  }

  /**
   * Whether the log holds the segment that a chain at `position` goes on in. Where the next record
   * begins a segment, that may be missing, because nothing was written there yet, and the one
   * before may be used again.
   */
  reaches(position: number): boolean {
    const start = LogStream.recordStart(position, RedoRecord.bytes)
    if (this.segments.has(Math.floor(start / C.SEGMENT_BYTES))) return true
    return start % C.SEGMENT_BYTES === HEADER_BYTES && this.segments.size > 0
  }

  /** The last commit of which any header in the file says that it was on the disk, or 0. */
  highestSynced(salt: bigint): bigint {
    let highest = 0n
    for (let physical = 0; physical < this.segmentCount; physical++) {
      const bytes = this.file.read(physical * C.SEGMENT_BYTES, C.SEGMENT_BYTES)
      for (let at = bytes.indexOf(MAGIC); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
        if (at % 8 !== 0 || at + RedoRecord.bytes > bytes.length) continue
        const header = new FieldReader(RedoRecord, bytes.subarray(at, at + RedoRecord.bytes))
        const isOurs = header.u64('logSalt') === salt && header.u64('logSaltAgain') === salt
        const synced = header.u64('syncedEpoch')
        if (isOurs && synced < header.u64('epoch') && synced > highest) highest = synced
      }
    }
    return highest
  }

  /** Where something goes on that would be at `position`, headers of segments being skipped. */
  static skipHeader(position: number): number {
    const offset = position % C.SEGMENT_BYTES
    return offset < HEADER_BYTES ? position - offset + HEADER_BYTES : position
  }

  /** Where a record begins behind one that ended at `position`: its header is never split. */
  static recordStart(position: number, recordHeaderBytes: number): number {
    const start = LogStream.skipHeader(position)
    const left = C.SEGMENT_BYTES - start % C.SEGMENT_BYTES
    return left < recordHeaderBytes ? LogStream.skipHeader(start + left) : start
  }

  /** The position `bytes` bytes of the stream further on. */
  static advance(position: number, bytes: number): number {
    const payload = C.SEGMENT_BYTES - HEADER_BYTES
    const offset = position % C.SEGMENT_BYTES - HEADER_BYTES + bytes
    const segment = Math.floor(position / C.SEGMENT_BYTES) + Math.floor(offset / payload)
    return segment * C.SEGMENT_BYTES + HEADER_BYTES + offset % payload
  }

  /** Bytes of the stream; undefined when a segment of them is not in the log. */
  read(position: number, length: number): Buffer | undefined {
    const pieces: Buffer[] = []
    for (let at = position, left = length; left > 0;) {
      const offset = at % C.SEGMENT_BYTES
      const physical = this.segments.get((at - offset) / C.SEGMENT_BYTES)
      if (physical === undefined) return undefined
      const count = Math.min(left, C.SEGMENT_BYTES - offset)
      pieces.push(this.file.read(physical * C.SEGMENT_BYTES + offset, count))
      left -= count
      at += count + HEADER_BYTES
    }
    return Buffer.concat(pieces)
  }
}
