#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <algorithm>
#include <memory>

#include "core/atomic-word.h"
#include "core/crc32c.h"
#include "core/io.h"
#include "core/side-file.h"

namespace rstore {

namespace {

constexpr uint64_t kMappingBytes = uint64_t{kSegmentCountLimit} * kSegmentBytes;
/// lastEpoch of a segment whose blocks were given back: it must be written with zeros again.
constexpr uint64_t kPunched = UINT64_MAX;
/// A record of a few lines.
constexpr uint64_t kExpectedBytes = 8 * kLineBytes;

uint32_t checksumOfHeader(const SegmentHeader& header) {
  return crc32c(0, &header, offsetof(SegmentHeader, checksum));
}

}  // namespace

LogCursor cursorOfSlot(const CheckpointSlot& slot) {
  return {slot.logPosition, slot.logChecksum, slot.epoch, slot.endUnits, slot.durableTailEpoch};
}

// ── opening ──────────────────────────────────────────────────────────────────────────────────────

Status Log::begin(const std::string& path, const Identity& identity, uint64_t salt, int region) {
  close();
  Status status = makeSideFile(path, SideFile::kLog, region, &fd_);
  if (status.ok() && !lock_.hasItsName()) status = failure(Code::kElsewhere);
  if (status.ok()) status = statusFromErrno(-io().truncate(fd_, 0));
  if (status.ok()) status = map(identity, salt, true);
  if (status.ok()) forgetTable();
  if (status.ok()) status = provideSegment(0, 1);
  if (status.ok()) status = sync();
  if (status.ok()) status = syncDirectoryOf(path.c_str());
  if (!status.ok()) close();
  return status;
}

Status Log::open(const std::string& path, const Identity& identity, uint64_t salt, bool wantWrite) {
  close();
  Status status = openSideFile(path, wantWrite, &fd_);
  if (status.ok()) status = map(identity, salt, wantWrite);
  if (!status.ok()) close();
  return status;
}

Status Log::openAgain(int other, const Identity& identity, uint64_t salt, bool wantWrite) {
  close();
  Status status = openSideFileAgain(other, wantWrite, &fd_);
  if (status.ok()) status = map(identity, salt, wantWrite);
  if (!status.ok()) close();
  return status;
}

Status Log::join(const std::string& path, int other, const Identity& identity, uint64_t salt,
                 bool wantWrite) {
  const Status named = checkOurs(open(path, identity, salt, wantWrite));
  if (named.ok() || named.code == Code::kMemory || other < 0) return named;
  return checkOurs(openAgain(other, identity, salt, wantWrite));
}

/// The first segment has a header from the beginning on, of which only the number changes.
Status Log::checkOurs(Status opened) {
  if (opened.code == Code::kNotFound) return failure(Code::kElsewhere);
  if (!opened.ok()) return opened;
  SegmentHeader header;
  size_t got = 0;
  Status read = readUpTo(fd_, &header, sizeof header, 0, &got);
  if (read.ok() && (got < sizeof header || !isOfThis(header))) read = failure(Code::kElsewhere);
  if (!read.ok()) close();
  return read;
}

bool Log::isOfThis(const SegmentHeader& header) const {
  return header.magic == kSegmentMagic && header.logSalt == salt_ &&
         header.generation == generation_ && memcmp(header.uuid, uuid_, sizeof uuid_) == 0;
}

Status Log::map(const Identity& identity, uint64_t salt, bool wantWrite) {
  salt_ = salt;
  generation_ = identity.generation;
  memcpy(uuid_, identity.uuid, sizeof uuid_);
  if (const Status got = reserveAddressSpace(kMappingBytes, &memory_); !got.ok()) return got;
  const Status mapped = wantWrite ? mapShared(memory_.base, fd_, 0, kMappingBytes, Shared::kDurable)
                                  : mapReadOnly(memory_.base, fd_, 0, kMappingBytes);
  if (!mapped.ok()) return mapped;
  control_ = {};
  faultRange_ = {};
  faultRange_.readOnly = !wantWrite;
  faultRange_.base = memory_.base;
  faultRange_.bytes = memory_.bytes;
  faultRange_.kind = FaultKind::kLog;
  faultRange_.fd = fd_;
  faultRange_.control = &control_;
  return registerRange(&faultRange_);
}

void Log::close() {
  mapper_.stop();
  unregisterRange(&faultRange_);
  if (memory_.base != nullptr) {
    (void)unmapShared(memory_.base, fd_, memory_.bytes, Shared::kDurable);
    releaseAddressSpace(memory_);
  }
  if (fd_ >= 0) closeFile(fd_);
  memory_ = {};
  writing_ = nullptr;
  fd_ = -1;
}

Status Log::rebuildTable() {
  uint64_t length = 0;
  if (const Status got = fileLength(fd_, &length); !got.ok()) return got;
  const uint64_t count = std::min<uint64_t>(length / kSegmentBytes, kSegmentCountLimit);
  for (uint64_t index = 0; index < count; index++) {
    SegmentEntry& entry = lock_.segment(static_cast<uint32_t>(index));
    entry.logicalSegment = 0;
    entry.lastEpoch = kPunched;
    SegmentHeader header;
    const Status read = readFully(fd_, &header, sizeof header, index * kSegmentBytes);
    if (!read.ok()) return read;
    if (header.checksum != checksumOfHeader(header) || !isOfThis(header)) continue;
    entry.logicalSegment = header.logicalSegment + 1;
    SegmentEntry& numbered = lock_.segment(header.logicalSegment % kSegmentCountLimit);
    // 16 GiB of log later the same place is another segment's: the older one is not needed.
    const uint64_t rival = lock_.segment(numbered.physicalSegment).logicalSegment;
    const bool isOlder = rival % kSegmentCountLimit == entry.logicalSegment % kSegmentCountLimit &&
                         rival > entry.logicalSegment;
    if (!isOlder) numbered.physicalSegment = static_cast<uint32_t>(index);
  }
  lock_.words().logSegmentCount = static_cast<uint32_t>(count);
  return kSuccess;
}

/// What an earlier log had in the table must not be found by the next one's logical numbers.
void Log::forgetTable() {
  const uint32_t count = segmentCount();
  for (uint32_t index = 0; index < count; index++) {
    atomicWord(lock_.segment(index).logicalSegment).store(0, std::memory_order_seq_cst);
    lock_.segment(index).lastEpoch = 0;
  }
  lock_.words().logSegmentCount = 0;
}

/// Never more than there can be: lock-file.h, L6.
uint32_t Log::segmentCount() const {
  return std::min(lock_.words().logSegmentCount, kSegmentCountLimit);
}

bool Log::takeFault() {
  if (atomicWord(control_.fault).load(std::memory_order_relaxed) == 0) return false;
  const uint32_t bits = takeFaultBits(&control_);
  if (!repairRange(&faultRange_).ok()) atomicWord(control_.fault).fetch_or(bits);
  return true;
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────

std::byte* Log::find(uint64_t logicalSegment) const {
  SegmentEntry& entry = lock_.segment(logicalSegment % kSegmentCountLimit);
  const uint32_t physical = atomicWord(entry.physicalSegment).load(std::memory_order_acquire);
  if (physical >= kSegmentCountLimit) return nullptr;
  const uint64_t held =
      atomicWord(lock_.segment(physical).logicalSegment).load(std::memory_order_acquire);
  if (held != logicalSegment + 1) return nullptr;
  return memory_.base + uint64_t{physical} * kSegmentBytes;
}

template <typename Piece>
Status Log::forEachPiece(uint64_t position, uint64_t bytes, Piece piece) const {
  while (bytes != 0) {
    std::byte* segment = find(position / kSegmentBytes);
    if (segment == nullptr) return failure(Code::kCorrupt);
    const uint64_t offset = position % kSegmentBytes;
    const uint64_t count = std::min<uint64_t>(bytes, kSegmentBytes - offset);
    if (const Status done = piece(segment + offset, count); !done.ok()) return done;
    bytes -= count;
    position += count;
    if (bytes != 0) position += sizeof(SegmentHeader);
  }
  return kSuccess;
}

Status Log::read(uint64_t position, void* to, uint64_t bytes) const {
  auto* next = static_cast<std::byte*>(to);
  return forEachPiece(position, bytes, [&](const std::byte* from, uint64_t count) {
    memcpy(next, from, count);
    next += count;
    return kSuccess;
  });
}

Status Log::checksum(uint64_t position, uint64_t bytes, uint32_t* out) const {
  *out = 0;
  return forEachPiece(position, bytes, [&](const std::byte* from, uint64_t count) {
    *out = crc32c(*out, from, count);
    return kSuccess;
  });
}

bool Log::readByCall(uint64_t position, std::byte* to, uint64_t bytes) const {
  const auto readPiece = [&](const std::byte* from, uint64_t count) {
    while (count != 0) {
      const int64_t got = io().pread(fd_, to, count, static_cast<uint64_t>(from - memory_.base));
      if (got == -EINTR) continue;
      if (got <= 0) return failure(Code::kIo);
      to += got;
      from += got;
      count -= static_cast<uint64_t>(got);
    }
    return kSuccess;
  };
  return forEachPiece(position, bytes, readPiece).ok();
}

bool Log::peek(const LogCursor& at, RedoRecord* record, uint64_t* start) const {
  *start = recordStart(at.position);
  const std::byte* segment = find(*start / kSegmentBytes);
  if (segment == nullptr) return false;
  memcpy(record, segment + *start % kSegmentBytes, sizeof *record);
  return isNext(at, *record);
}

bool Log::isNext(const LogCursor& at, const RedoRecord& record) const {
  return record.magic == kRecordMagic && record.epoch == at.epoch + 1 && record.logSalt == salt_;
}

/// A header that an earlier use of its segment left claims less than the slot, and content that is
/// the copy of a header claims what was true: neither does harm.
Status Log::highestSynced(uint64_t* epoch) const {
  uint64_t length = 0;
  if (const Status got = fileLength(fd_, &length); !got.ok()) return got;
  std::vector<std::byte> segment(kSegmentBytes);
  for (uint64_t offset = 0; offset < length; offset += kSegmentBytes) {
    size_t got = 0;
    const Status read = readUpTo(fd_, segment.data(), segment.size(), offset, &got);
    if (!read.ok()) return read;
    for (size_t at = sizeof(SegmentHeader); at + sizeof(RedoRecord) <= got; at += 8) {
      uint32_t magic = 0;
      memcpy(&magic, segment.data() + at, sizeof magic);
      if (magic != kRecordMagic) continue;
      RedoRecord header;
      memcpy(&header, segment.data() + at, sizeof header);
      const bool isOurs = header.logSalt == salt_ && header.logSaltAgain == salt_;
      if (isOurs && header.syncedEpoch < header.epoch)
        *epoch = std::max(*epoch, header.syncedEpoch);
    }
  }
  return kSuccess;
}

namespace {

uint64_t bytesDescribedBy(const RedoRecord& record) {
  return sizeof(RedoRecord) + uint64_t{record.pageCount} * sizeof(PageEntry) +
         tailChecksumBytes(record.tailPageCount) + uint64_t{record.lineCount} * kLineBytes;
}

}  // namespace

bool Log::isValid(const LogCursor& at, const RedoRecord& record, uint64_t start) const {
  const uint64_t described = bytesDescribedBy(record);
  if (record.recordBytes != described) return false;
  uint32_t checksum = at.checksum;
  uint64_t skip = offsetof(RedoRecord, epoch);
  const auto add = [&](const std::byte* from, uint64_t count) {
    checksum = crc32c(checksum, from, count);
    return kSuccess;
  };
  const Status read = forEachPiece(start + skip, described - skip, add);
  return read.ok() && checksum == record.checksum;
}

Status Log::prove(LogCursor at, uint64_t epoch) const {
  while (at.epoch < epoch) {
    RedoRecord record;
    uint64_t start = 0;
    if (!proveNext(at, &record, &start)) return failure(Code::kIo, EIO);
    at = behind(record, start);
  }
  return kSuccess;
}

/// `peek` and `isValid`.
bool Log::proveNext(const LogCursor& at, RedoRecord* record, uint64_t* start) const {
  *start = recordStart(at.position);
  const bool read = readByCall(*start, reinterpret_cast<std::byte*>(record), sizeof *record);
  if (!read || !isNext(at, *record) || record->recordBytes != bytesDescribedBy(*record))
    return false;
  uint32_t checksum = at.checksum;
  std::byte piece[4096];
  for (uint64_t done = offsetof(RedoRecord, epoch); done < record->recordBytes;) {
    const uint64_t count = std::min<uint64_t>(sizeof piece, record->recordBytes - done);
    if (!readByCall(advance(*start, done), piece, count)) return false;
    checksum = crc32c(checksum, piece, count);
    done += count;
  }
  return checksum == record->checksum;
}

bool Log::reaches(uint64_t position) const {
  const uint64_t start = recordStart(position);
  if (find(start / kSegmentBytes) != nullptr) return true;
  if (start % kSegmentBytes != sizeof(SegmentHeader)) return false;
  const uint32_t count = segmentCount();
  for (uint32_t index = 0; index < count; index++) {
    if (lock_.segment(index).logicalSegment != 0) return true;
  }
  return false;
}

LogCursor Log::behind(const RedoRecord& record, uint64_t start) {
  return {advance(start, record.recordBytes), record.checksum, record.epoch, record.endUnits,
          record.durableTailEpoch};
}

// ── writing ──────────────────────────────────────────────────────────────────────────────────────

SegmentHeader Log::headerFor(uint64_t logicalSegment) const {
  SegmentHeader header{};
  header.magic = kSegmentMagic;
  header.formatVersion = kFormatVersion;
  memcpy(header.uuid, uuid_, sizeof uuid_);
  header.generation = generation_;
  header.logSalt = salt_;
  header.logicalSegment = logicalSegment;
  header.checksum = checksumOfHeader(header);
  return header;
}

bool Log::hasHeaderOf(uint32_t physical, uint64_t logicalSegment) const {
  SegmentHeader header;
  memcpy(&header, memory_.base + uint64_t{physical} * kSegmentBytes, sizeof header);
  return header.magic == kSegmentMagic && header.logSalt == salt_ &&
         header.logicalSegment == logicalSegment;
}

/// A free physical segment, or the one behind the last, or -1. If a writer died (or failed) between
/// writing the header and the table, that one: no two segments may claim the same logical number.
int64_t Log::chooseSegment(uint64_t logicalSegment, uint32_t segmentLimit) {
  SharedWords& words = lock_.words();
  const uint32_t count = segmentCount();
  // Before the pins (L4).
  const uint64_t durable = atomicWord(words.slotEpoch).load(std::memory_order_seq_cst);
  uint64_t lowest = UINT64_MAX;
  bool scanned = false;
  for (uint32_t index = 0; index < count; index++) {
    const bool free = lock_.segment(index).logicalSegment == 0;
    if (free && hasHeaderOf(index, logicalSegment)) return index;
  }
  for (uint32_t index = 0; index < count; index++) {
    const SegmentEntry& entry = lock_.segment(index);
    if (entry.logicalSegment == 0) return index;
    if (entry.lastEpoch > durable) continue;
    if (!scanned) lowest = lock_.lowestPin(durable);
    scanned = true;
    if (entry.lastEpoch <= lowest) return index;
  }
  return count < segmentLimit ? static_cast<int64_t>(count) : -1;
}

Status Log::provideSegment(uint64_t logicalSegment, uint32_t segmentLimit) {
  SharedWords& words = lock_.words();
  const int64_t chosen = chooseSegment(logicalSegment, std::min(segmentLimit, kSegmentCountLimit));
  if (chosen < 0) return failure(Code::kLogFull);
  const auto physical = static_cast<uint32_t>(chosen);
  SegmentEntry& entry = lock_.segment(physical);
  const uint64_t offset = uint64_t{physical} * kSegmentBytes;
  const bool fresh = physical == words.logSegmentCount || entry.lastEpoch == kPunched;
  if (const Status sound = lock_.check(); !sound.ok()) return sound;  // zeros may have chosen it
  atomicWord(entry.logicalSegment).store(0, std::memory_order_seq_cst);
  if (fresh) {
    const Status wrote = writeZeros(fd_, offset, kSegmentBytes);  // G4
    if (!wrote.ok()) return wrote;
    if (physical == words.logSegmentCount) words.logSegmentCount++;
  }
  entry.lastEpoch = 0;
  const SegmentHeader header = headerFor(logicalSegment);
  const Status wrote = writeFully(fd_, &header, sizeof header, offset);
  if (!wrote.ok()) return wrote;
  atomicWord(lock_.segment(logicalSegment % kSegmentCountLimit).physicalSegment)
      .store(physical, std::memory_order_release);
  atomicWord(entry.logicalSegment).store(logicalSegment + 1, std::memory_order_release);
  if (words.logSegmentCount > segmentLimit) giveBackExcess(segmentLimit);
  return kSuccess;
}

/// A reader that held the log back is gone: the blocks beyond the limit go back to the file system.
void Log::giveBackExcess(uint32_t segmentLimit) {
  SharedWords& words = lock_.words();
  const uint64_t durable = atomicWord(words.slotEpoch).load(std::memory_order_seq_cst);
  const uint64_t lowest = std::min(durable, lock_.lowestPin(durable));
  const uint32_t count = segmentCount();
  for (uint32_t index = segmentLimit; index < count; index++) {
    SegmentEntry& entry = lock_.segment(index);
    if (entry.logicalSegment == 0 || entry.lastEpoch > lowest || entry.lastEpoch == 0) continue;
    atomicWord(entry.logicalSegment).store(0, std::memory_order_seq_cst);
    (void)io().allocate(fd_, Allocate::kPunch, uint64_t{index} * kSegmentBytes, kSegmentBytes);
    entry.lastEpoch = kPunched;
  }
}

Status Log::reserve(uint64_t position, uint64_t bytes, uint64_t epoch, uint32_t segmentLimit) {
  const uint64_t first = position / kSegmentBytes;
  const uint64_t last = advance(position, bytes - 1) / kSegmentBytes;
  for (uint64_t logical = first; logical <= last; logical++) {
    std::byte* segment = find(logical);
    if (segment == nullptr) {
      if (const Status got = provideSegment(logical, segmentLimit); !got.ok()) return got;
      segment = find(logical);
    }
    if (segment == nullptr) return failure(Code::kLockDamaged);  // cut off in between
    const auto physical = static_cast<uint32_t>((segment - memory_.base) / kSegmentBytes);
    lock_.segment(physical).lastEpoch = epoch;  // G3: in use until a slot and all pins are past it
  }
  return kSuccess;
}

Status Log::writeMapped(uint64_t position, const void* from, uint64_t bytes) {
  auto* next = static_cast<const std::byte*>(from);
  const bool isLarge = bytes >= kSegmentBytes;
  return forEachPiece(position, bytes, [&](std::byte* to, uint64_t count) {
    enterSegment(to, isLarge);
    noteMappedWrite(fd_, static_cast<uint64_t>(to - memory_.base), to, count);
    memcpy(to, next, count);
    expectWrite(to + count);
    next += count;
    return kSuccess;
  });
}

/// What the next record is likely to need: the first atomic operation behind its stores waits for
/// all of these lines.
void Log::expectWrite(const std::byte* at) const {
  const uint64_t left = static_cast<uint64_t>(memory_.base + memory_.bytes - at);
  const uint64_t ahead = std::min(left, kExpectedBytes);
  for (uint64_t line = 0; line < ahead; line += kLineBytes) __builtin_prefetch(at + line, 1);
}

/// G5. Whoever begins a segment is likely to fill it. The first of a handle is left to the faults,
/// and so are segments that others began: most handles write little.
void Log::enterSegment(std::byte* at, bool isLarge) {
  const auto offset = static_cast<uint64_t>(at - memory_.base) % kSegmentBytes;
  std::byte* const segment = at - offset;
  if (segment == writing_) return;
  if (writing_ != nullptr) {
    const LogMapper::Step step{writing_, offset < kPageBytes ? segment : nullptr};
    isLarge ? mapper_.goOnAtOnce(step) : mapper_.goOn(step);
  }
  writing_ = segment;
}

Status Log::writeThrough(uint64_t position, const void* from, uint64_t bytes) {
  auto* next = static_cast<const std::byte*>(from);
  return forEachPiece(position, bytes, [&](std::byte* to, uint64_t count) {
    const Status wrote = writeFully(fd_, next, count, static_cast<uint64_t>(to - memory_.base));
    next += count;
    return wrote;
  });
}

Status Log::sync() const { return syncData(fd_); }

Status Log::rewrite(uint64_t from, uint64_t to) {
  const uint64_t begin = recordStart(from);  // `from` itself may lie in a segment that is reused
  const uint64_t end = recordStart(to);
  std::vector<std::byte> copy(kSegmentBytes);
  for (uint64_t logical = begin / kSegmentBytes; logical <= end / kSegmentBytes; logical++) {
    const std::byte* segment = find(logical);
    const bool isLast = logical == end / kSegmentBytes;
    if (segment == nullptr && isLast) break;  // nothing was appended there yet
    if (segment == nullptr) return failure(Code::kCorrupt);
    const auto offset = static_cast<uint64_t>(segment - memory_.base);
    // Not from the mapping: there zeros may stand in for a page that could not be read.
    const uint64_t used = isLast ? end % kSegmentBytes : kSegmentBytes;
    if (const Status read = readFully(fd_, copy.data(), used, offset); !read.ok()) return read;
    memset(copy.data() + used, 0, kSegmentBytes - used);
    const Status wrote = writeFully(fd_, copy.data(), kSegmentBytes, offset);
    if (!wrote.ok()) return wrote;
  }
  return kSuccess;
}

}  // namespace rstore
