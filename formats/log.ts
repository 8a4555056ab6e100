/** The redo log: segments, records, page entries. */
import { bytes, layout, u32, u64, zeros } from './layout.js'

export const SegmentHeader = layout('SegmentHeader', 64, 'The first bytes of each SEGMENT_BYTES of the log file.', {
  magic: u32(0, 'SEGMENT_MAGIC.'),
  formatVersion: u32(4, 'FORMAT_VERSION.'),
  uuid: bytes(8, 16, 'That of the region.'),
  generation: u64(24, 'That of the region.'),
  logSalt: u64(32, 'That of the checkpoint slot.'),
  logicalSegment: u64(40, 'Which part of the log this is: logical position / SEGMENT_BYTES. Segments are reused in any order.'),
  reserved: zeros(48, 12),
  checksum: u32(60, 'CRC-32C of the 60 bytes before it.'),
})

export const RedoRecord = layout('RedoRecord', 96,
  'One commit. Followed by pageCount PageEntry, tailPageCount u32 checksums (padded to 8 bytes), lineCount lines of 64 bytes. A record may '
  + 'run over segments; its header never does.', {
  magic: u32(0, 'RECORD_MAGIC.'),
  checksum: u32(4, 'CRC-32C of the whole record from byte 8 on, seeded by the checksum of the record before it; of the first record of a log, by logSalt.'),
  epoch: u64(8, 'That of the record before it, plus 1.'),
  recordBytes: u64(16, 'Length with everything that follows, a multiple of 8.'),
  endUnits: u64(24, 'End of the committed data after this commit.'),
  durableTailEpoch: u64(32, 'When this was written, tails of commits up to this one were on the disk.'),
  committedMs: u64(40, 'Milliseconds since 1970, to a tick of the system; for people.'),
  flags: u32(48, 'RECORD_…'),
  pageCount: u32(52, 'Page entries that follow.'),
  lineCount: u32(56, 'Lines that follow: the bits set in all masks.'),
  tailFirstPage: u32(60, 'First page written straight to the region file, or 0.'),
  tailPageCount: u32(64, 'How many.'),
  writerPid: u32(68, 'Process that committed; for people.'),
  logSalt: u64(72, 'That of the segment.'),
  syncedEpoch: u64(80, 'When this was written, the log was on the disk up to this commit.'),
  logSaltAgain: u64(88, 'As logSalt: a header of which only a part was written is none.'),
})

export const PageEntry = layout('PageEntry', 16, 'Which lines of a page a record changes.', {
  page: u32(0, 'Page of the region file.'),
  reserved: zeros(4, 4),
  mask: u64(8, 'Bit i: line i of the page follows.'),
})
