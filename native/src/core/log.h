// The redo log: a stream of records over segments that are reused in any order.
//
// POSITIONS. A position is a byte of the logical stream: position / SEGMENT_BYTES is the logical
// segment, position % SEGMENT_BYTES the offset in it, never below 64 (the segment header). Which
// physical segment holds a logical one is in the lock file's table, rebuilt from the segment
// headers by whoever opens the region first.
//
// G1. A record is valid when its checksum, seeded by that of the record before it, fits; the first
//     is seeded by the salt, which is new whenever a log is begun. Payload that imitates a record,
//     and records of an earlier life of a segment, do not fit.
// G2. Records are only appended, by the holder of the write lock, behind the last published one.
//     Bytes behind that are void: a crash may leave anything there, and the next holder adopts a
//     valid record or writes over it.
// G3. A segment is given a new logical number only by the holder of the write lock and only when
//     its last epoch is at most the durable slot's and at most every pin (lock-file.h, L4). Nobody
//     reads it then, and recovery does not need it.
// G4. Segments are written with zeros before first use, so that a store through the mapping finds a
//     block and a sync has no metadata to write. What the disk refuses is refused there, before
//     anything of the record is written.
// G5. Whoever goes on to a segment that nobody wrote to yet has all of it mapped for writing in one
//     go. What was written is unmapped again as soon as writing has gone on to the next segment
//     (not lost: it is in the system's cache). A sync takes the right to write from each page that
//     is mapped so, and interrupts every processor that runs a thread of this process: by the
//     checkpointer, once for each page of the log, while we commit. For small records both are done
//     by another thread (log-mapper.h).
// G6. A log is found by its name once. Whoever begins one empties whatever has the name: so that is
//     done only where the names of region and lock file lead to the files that are open, which is
//     looked at behind the opening of the log and before anything is cut; a log that somebody
//     writes to has a lock file beside it, which its writers hold (P4 in replacement.cc). Whoever
//     opens one that others have begun looks whether it is that one, by the salt. From then on the
//     name does not matter: the log goes with the region's files when they are moved together, and
//     is found beside them by the next opener. When only its name has gone, a checkpoint opens it
//     by the descriptor of its handle, and the last to close leaves nothing in it that the file
//     does not hold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/address-space.h"
#include "core/fault.h"
#include "core/generated/layout.h"
#include "core/lock-file.h"
#include "core/log-mapper.h"
#include "core/status.h"

namespace rstore {

inline constexpr uint64_t kSegmentPayloadBytes = kSegmentBytes - sizeof(SegmentHeader);

/// Where a record chain has arrived: everything needed to check, apply or append the next record.
struct LogCursor {
  uint64_t position = 0;
  uint32_t checksum = 0;
  uint64_t epoch = 0;
  uint64_t endUnits = 0;
  uint64_t durableTailEpoch = 0;
};

inline uint32_t foldSalt(uint64_t salt) { return static_cast<uint32_t>(salt ^ (salt >> 32)); }
inline uint64_t payloadOf(uint64_t position) {
  return position / kSegmentBytes * kSegmentPayloadBytes + position % kSegmentBytes -
         sizeof(SegmentHeader);
}
inline uint64_t positionOf(uint64_t payload) {
  return payload / kSegmentPayloadBytes * kSegmentBytes + payload % kSegmentPayloadBytes +
         sizeof(SegmentHeader);
}
inline uint64_t advance(uint64_t position, uint64_t bytes) {
  return positionOf(payloadOf(position) + bytes);
}
/// Where a record begins that is appended at `position`: its header never straddles segments.
inline uint64_t recordStart(uint64_t position) {
  const uint64_t left = kSegmentBytes - position % kSegmentBytes;
  return left < sizeof(RedoRecord) ? position + left + sizeof(SegmentHeader) : position;
}

/// What the checksums of a tail take in a record: zeros make them whole units.
constexpr uint64_t tailChecksumBytes(uint64_t tailPageCount) {
  return (tailPageCount * sizeof(uint32_t) + kUnitBytes - 1) / kUnitBytes * kUnitBytes;
}
/// Where the parts of a record are that begins at `start`: page entries, checksums of the tail,
/// lines.
inline uint64_t entriesAt(uint64_t start) { return advance(start, sizeof(RedoRecord)); }
inline uint64_t tailChecksumsAt(const RedoRecord& record, uint64_t start) {
  return advance(entriesAt(start), uint64_t{record.pageCount} * sizeof(PageEntry));
}
inline uint64_t linesAt(const RedoRecord& record, uint64_t start) {
  return advance(tailChecksumsAt(record, start), tailChecksumBytes(record.tailPageCount));
}

LogCursor cursorOfSlot(const CheckpointSlot& slot);

class Log {
 public:
  explicit Log(LockFile& lock) : lock_(lock) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() { close(); }

  /// Makes a new log file with one segment, beside the open file of the region, and syncs it;
  /// holder of the write lock (or first opener) only. kElsewhere: the name is not ours any more
  /// (G6).
  Status begin(const std::string& path, const Identity& identity, uint64_t salt, int region);
  /// Opens the log that others write to, by its name or, when that does not lead to it, by another
  /// descriptor of it (-1: there is none). Who only reads the region may not be allowed more of its
  /// log. kElsewhere: it is not to be had (G6).
  Status join(const std::string& path, int other, const Identity& identity, uint64_t salt,
              bool wantWrite);
  /// Opens a file that may be any log.
  Status open(const std::string& path, const Identity& identity, uint64_t salt, bool wantWrite);
  /// First opener: fills the lock file's table from the headers of the segments.
  Status rebuildTable();
  /// First opener, when the log is not needed any more.
  void forgetTable();
  void close();
  bool isOpen() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  uint64_t salt() const { return salt_; }
  /// True (once) when the fault handler had to put other memory under the log: what was stored is
  /// not in the file.
  bool takeFault();

  /// Copies bytes of the stream. kCorrupt when they are not in the log.
  Status read(uint64_t position, void* to, uint64_t bytes) const;
  /// The checksum of bytes of the stream. kCorrupt: as above.
  Status checksum(uint64_t position, uint64_t bytes, uint32_t* out) const;
  /// `read` with system calls only, for the fault handler: `to` may be memory that faults.
  bool readByCall(uint64_t position, std::byte* to, uint64_t bytes) const;
  /// The header of the next record when one is there, by its look: magic, salt and epoch. Does not
  /// check the checksum.
  bool peek(const LogCursor& at, RedoRecord* record, uint64_t* start) const;
  /// Checks the whole record that `peek` found.
  bool isValid(const LogCursor& at, const RedoRecord& record, uint64_t start) const;
  /// Checks all records behind `at`, up to a commit, with system calls only. kIo: one of them is
  /// not as it was written.
  Status prove(LogCursor at, uint64_t epoch) const;
  /// The last commit of which any header in the file says that it was on the disk, or 0. Headers
  /// are looked for everywhere: those that lead to them may be damaged.
  Status highestSynced(uint64_t* epoch) const;
  /// Whether the log holds the segment that a chain at `position` goes on in. Where the next record
  /// begins a segment, that may be missing, because nothing was written there yet: then any segment
  /// of this log will do.
  bool reaches(uint64_t position) const;
  /// The cursor behind a record.
  static LogCursor behind(const RedoRecord& record, uint64_t start);

  /// Provides segments for `bytes` from `position` on. kLogFull when none is free and the file has
  /// `segmentLimit` already.
  Status reserve(uint64_t position, uint64_t bytes, uint64_t epoch, uint32_t segmentLimit);
  /// Writes a record into reserved segments, through the mapping or by system calls.
  Status writeMapped(uint64_t position, const void* from, uint64_t bytes);
  Status writeThrough(uint64_t position, const void* from, uint64_t bytes);
  Status sync() const;
  /// Writes everything from `from` to `to` again as it is in memory, and voids what is behind:
  /// after a failed write or sync the kernel may have dropped pages that were never on the disk.
  /// The caller syncs.
  Status rewrite(uint64_t from, uint64_t to);

 private:
  std::byte* find(uint64_t logicalSegment) const;
  bool isNext(const LogCursor& at, const RedoRecord& record) const;
  bool proveNext(const LogCursor& at, RedoRecord* record, uint64_t* start) const;
  bool hasHeaderOf(uint32_t physical, uint64_t logicalSegment) const;
  int64_t chooseSegment(uint64_t logicalSegment, uint32_t segmentLimit);
  Status provideSegment(uint64_t logicalSegment, uint32_t segmentLimit);
  Status openAgain(int other, const Identity& identity, uint64_t salt, bool wantWrite);
  Status checkOurs(Status opened);
  Status map(const Identity& identity, uint64_t salt, bool wantWrite);
  uint32_t segmentCount() const;
  bool isOfThis(const SegmentHeader& header) const;
  SegmentHeader headerFor(uint64_t logicalSegment) const;
  void enterSegment(std::byte* at, bool isLarge);
  void expectWrite(const std::byte* at) const;
  void giveBackExcess(uint32_t segmentLimit);
  template <typename Piece>
  Status forEachPiece(uint64_t position, uint64_t bytes, Piece piece) const;

  LockFile& lock_;
  int fd_ = -1;
  uint64_t salt_ = 0;
  uint8_t uuid_[16] = {};
  uint64_t generation_ = 0;
  Reservation memory_;
  std::byte* writing_ = nullptr;  // the segment that was written last through the mapping
  LogMapper mapper_;
  FaultRange faultRange_;
  ControlBlock control_{};
};

}  // namespace rstore
