/**
 * The lock file: memory shared by everyone who has the region open. It is rebuilt by whoever opens
 * the region first, so that nothing in it has to survive a machine. What each word means, who
 * writes it and in which memory order: native/src/core/.
 */
import { bytes, layout, u32, u64, zeros } from './layout.js'

export const LockHeader = layout('LockHeader', 4096, 'Page 0.', {
  magic: u64(0, 'LOCK_MAGIC.'),
  formatVersion: u32(8, 'FORMAT_VERSION.'),
  ready: u32(12, '1 when the first opener has finished recovery.'),
  uuid: bytes(16, 16, 'That of the region.'),
  generation: u64(32, 'That of the region.'),
  readerSlotCount: u32(40, 'READER_SLOT_COUNT.'),
  reserved: zeros(44, 4),
  device: u64(48, 'Of the region file: which file the lock file is for.'),
  inode: u64(56, 'The same.'),
  reservedTail: zeros(64, 4032),
})

export const SharedWords = layout('SharedWords', 4096, 'Page 1: each word on cache lines of its own.', {
  publishedEpoch: u64(0, 'The last commit that anybody may see.'),
  reserved0: zeros(8, 120),
  writeLock: u64(128, '0, or the holder: slot index + 1 in the low half, its generation in the high half.'),
  writeWaiters: u32(136, 'Handles that sleep for the lock.'),
  writeTicket: u32(140, 'Raised by every release that has waiters; what they sleep on.'),
  reserved1: zeros(144, 112),
  slotEpoch: u64(256, 'Epoch of the durable checkpoint slot.'),
  reserved2: zeros(264, 120),
  checkpointTarget: u64(384, 'The file may already contain commits up to this one. Announced before pins are scanned.'),
  checkpointLock: u64(392, '0, or the holder, as in writeLock.'),
  checkpointCount: u64(400, 'Checkpoints finished since the region was opened.'),
  reserved3: zeros(408, 104),
  syncedEpoch: u64(512, 'The log is on the disk up to this commit.'),
  unsyncedTailEpoch: u64(520, 'The last commit whose tail may not be on the disk, or 0.'),
  tailHighBytes: u64(528, 'Bytes of the region file below this may have been written by a tail that was not committed, or 0.'),
  logSuspect: u32(536, '1 after a failed write or sync: the next holder rewrites the log since the slot.'),
  logBegun: u32(540, '1 when the log file exists and belongs to the slot.'),
  reserved4: zeros(544, 96),
  logSalt: u64(640, 'That of the current log.'),
  logSegmentCount: u32(648, 'Segments that the log file has.'),
  reserved5: zeros(652, 4),
  distinctPagesSinceSlot: u64(656, 'Upper bound of the pages that records since the slot change.'),
  logBytesSinceSlot: u64(664, 'Bytes of records and of tails since the slot.'),
  reserved6: zeros(672, 96),
  epochWaiters: u32(768, 'Threads that sleep until an epoch is published.'),
  epochTicket: u32(772, 'Raised by every publication that has waiters; what they sleep on.'),
  checkpointWaiters: u32(776, 'Threads that sleep until a checkpoint ends.'),
  checkpointTicket: u32(780, 'What they sleep on.'),
  reserved7: zeros(784, 112),
  replaced: u32(896, '1 when the file was replaced by a compacted one: everyone reopens.'),
  reserved8: zeros(900, 3196),
})

export const ReaderSlot = layout('ReaderSlot', 64,
  'Pages 2 to 17: one for each open handle. Its owner is alive while it holds the lock on the byte of that number.', {
  state: u32(0, '0 free, or READER_….'),
  generation: u32(4, 'Raised whenever the slot is taken.'),
  pinEpoch: u64(8, 'The commit that this handle reads; 0 when it reads none.'),
  pinnedMs: u64(16, 'When it began to, milliseconds since 1970; for people.'),
  pid: u32(24, 'Process; for people.'),
  threadId: u32(28, 'Thread; for people.'),
  pinnedTickMs: u64(32, 'The same on the clock that nobody can set (CLOCK_MONOTONIC): its age.'),
  reserved: zeros(40, 24),
})

export const SegmentEntry = layout('SegmentEntry', 24, 'Pages 18 on: what each physical segment of the log holds, and where each logical one is.', {
  logicalSegment: u64(0, 'Logical segment that physical segment i holds, plus 1; 0 when it holds none.'),
  lastEpoch: u64(8, 'The last commit with bytes in it.'),
  physicalSegment: u32(16, 'Where the logical segments are that are congruent to i.'),
  reserved: zeros(20, 4),
})
