#include "core/recovery.h"

#include <algorithm>
#include <vector>

#include "core/file-applier.h"
#include "core/io.h"
#include "core/log.h"
#include "core/pages.h"

namespace rstore {

namespace {

/// kIo when pages are not what the checksums in the log say.
Status compareTail(const Log& log, uint64_t checksumsAt, const std::byte* pages, uint64_t bytes) {
  std::vector<uint32_t> expected(bytes / kPageBytes);
  const Status read = log.read(checksumsAt, expected.data(), expected.size() * sizeof(uint32_t));
  if (!read.ok()) return read;
  for (size_t i = 0; i < expected.size(); i++) {
    if (checksumOfPage(pages + i * kPageBytes) != expected[i]) return failure(Code::kIo, EIO);
  }
  return kSuccess;
}

/// Whether the pages of a record's tail are in the file as they were written.
Status tailIsThere(const RegionFile& file, const Log& log, const RedoRecord& record, uint64_t start,
                   bool* there) {
  std::vector<uint32_t> expected(record.tailPageCount);
  const uint64_t at = tailChecksumsAt(record, start);
  const Status read = log.read(at, expected.data(), expected.size() * sizeof(uint32_t));
  if (!read.ok()) return read;
  std::vector<std::byte> page(kPageBytes);
  for (uint32_t i = 0; i < record.tailPageCount; i++) {
    size_t got = 0;
    const uint64_t offset = (uint64_t{record.tailFirstPage} + i) * kPageBytes;
    const Status pageRead = readUpTo(file.fd, page.data(), kPageBytes, offset, &got);
    if (!pageRead.ok()) return pageRead;
    if (got < kPageBytes || checksumOfPage(page.data()) != expected[i]) {
      *there = false;
      return kSuccess;
    }
  }
  *there = true;
  return kSuccess;
}

/// The epoch up to which tails are known to be on the disk: the highest that any valid record
/// claims.
uint64_t provenTailEpoch(const Log& log, LogCursor at) {
  uint64_t proven = at.durableTailEpoch;
  RedoRecord record;
  uint64_t start = 0;
  while (log.peek(at, &record, &start) && log.isValid(at, record, start)) {
    proven = std::max(proven, record.durableTailEpoch);
    at = Log::behind(record, start);
  }
  return proven;
}

Status findLast(const RegionFile& file, const Log& log, LogCursor at, uint64_t proven,
                LogCursor* last) {
  RedoRecord record;
  uint64_t start = 0;
  while (log.peek(at, &record, &start) && log.isValid(at, record, start)) {
    if (record.tailPageCount != 0 && record.epoch > proven) {
      bool there = false;
      const Status checked = tailIsThere(file, log, record, start, &there);
      if (!checked.ok()) return checked;
      if (!there) break;
    }
    at = Log::behind(record, start);
  }
  *last = at;
  return kSuccess;
}

/// The last page behind the last line: an abandoned tail that was there may have come back, when
/// its zeroing was never synced but a commit that ends in the page was.
Status zeroInLastPage(const RegionFile& file, uint64_t endUnits) {
  const uint64_t from = (endUnits * kUnitBytes + kLineBytes - 1) / kLineBytes * kLineBytes;
  const uint64_t page = from / kPageBytes;
  if (from % kPageBytes == 0) return kSuccess;
  std::vector<std::byte> bytes(kPageBytes);
  size_t got = 0;
  Status status = readUpTo(file.fd, bytes.data(), kPageBytes, page * kPageBytes, &got);
  const auto past = bytes.begin() + static_cast<ptrdiff_t>(from % kPageBytes);
  const auto isSet = [](std::byte byte) { return byte != std::byte{0}; };
  if (!status.ok() || std::none_of(past, bytes.end(), isSet)) return status;
  std::fill(past, bytes.end(), std::byte{0});
  status = writeFully(file.fd, bytes.data(), kPageBytes, page * kPageBytes);
  if (!status.ok()) return status;
  const uint32_t checksum = checksumOfPage(bytes.data());
  return writeFully(file.fd, &checksum, sizeof checksum, file.checksumOffset(page));
}

/// Rolled-back tails and grown but unused blocks: readers and the next transactions must find
/// zeros.
Status zeroPastEnd(const RegionFile& file, uint64_t endUnits) {
  if (const Status done = zeroInLastPage(file, endUnits); !done.ok()) return done;
  const uint64_t from = pagesForUnits(endUnits) * kPageBytes;
  uint64_t length = 0;
  if (const Status got = fileLength(file.fd, &length); !got.ok()) return got;
  return from < length ? zeroFileRange(file.fd, from, length - from) : kSuccess;
}

}  // namespace

Status rewriteTails(const RegionFile& file, const Log& log, LogCursor at, uint64_t lastEpoch,
                    uint64_t durableEpoch) {
  constexpr uint64_t kPiecePages = 64;
  std::vector<std::byte> piece(kPiecePages * kPageBytes);
  while (at.epoch < lastEpoch) {
    RedoRecord record;
    uint64_t start = 0;
    if (!log.peek(at, &record, &start)) return failure(Code::kCorrupt);
    const uint64_t count = record.epoch > durableEpoch ? record.tailPageCount : 0;
    for (uint64_t done = 0; done < count; done += kPiecePages) {
      const uint64_t bytes = std::min(kPiecePages, count - done) * kPageBytes;
      const uint64_t offset = (uint64_t{record.tailFirstPage} + done) * kPageBytes;
      const Status read = readFully(file.fd, piece.data(), bytes, offset);
      if (!read.ok()) return read;
      const uint64_t sums = advance(tailChecksumsAt(record, start), done * sizeof(uint32_t));
      if (const Status same = compareTail(log, sums, piece.data(), bytes); !same.ok()) return same;
      const Status wrote = writeFully(file.fd, piece.data(), bytes, offset);
      if (!wrote.ok()) return wrote;
    }
    at = Log::behind(record, start);
  }
  return kSuccess;
}

Status markClean(RegionFile& file, const std::string& logPath, int log, CheckpointSlot* slot) {
  slot->clean = 1;
  slot->logPosition = 0;
  slot->logSalt = 0;
  slot->logChecksum = 0;
  slot->durableTailEpoch = slot->epoch;
  if (const Status wrote = writeSlot(file.fd, slot); !wrote.ok()) return wrote;
  if (const Status mirrored = syncData(file.fd); !mirrored.ok()) return mirrored;
  if (log >= 0 && leadsTo(logPath.c_str(), log)) (void)io().unlink(logPath.c_str());
  return kSuccess;
}

Status recoverRegion(RegionFile& file, LockFile& lock, const std::string& logPath,
                     CheckpointSlot* slot) {
  Log log(lock);
  const Status opened = log.open(logPath, file.identity, slot->logSalt, true);
  if (!opened.ok()) return opened.code == Code::kNotFound ? failure(Code::kLogMissing) : opened;
  if (const Status built = log.rebuildTable(); !built.ok()) return built;
  LogCursor at = cursorOfSlot(*slot);
  if (!log.reaches(at.position)) return failure(Code::kLogMissing);  // Y5
  const uint64_t proven = provenTailEpoch(log, at);
  LogCursor last;
  if (const Status found = findLast(file, log, at, proven, &last); !found.ok()) return found;
  if (log.takeFault()) return failure(Code::kIo, EIO);  // it may not be the end of the chain
  if (const Status sound = lock.check(); !sound.ok()) return sound;  // nor where the table is zeros
  uint64_t synced = 0;
  if (const Status claimed = log.highestSynced(&synced); !claimed.ok()) return claimed;
  if (synced > last.epoch) return failure(Code::kCorrupt);  // Y6
  // Both must be on the disk before lines are written over what they describe (Y4).
  if (const Status done = log.rewrite(at.position, last.position); !done.ok()) return done;
  if (const Status onDisk = log.sync(); !onDisk.ok()) return onDisk;
  if (const Status done = rewriteTails(file, log, at, last.epoch, proven); !done.ok()) return done;
  if (const Status synced = syncData(file.fd); !synced.ok()) return synced;
  slot->durableTailEpoch = std::max(slot->durableTailEpoch, last.epoch);
  if (const Status wrote = writeSlot(file.fd, slot); !wrote.ok()) return wrote;
  FileApplier applier(file, log, file.fd);
  if (const Status applied = applier.applyUpTo(last.epoch, &at); !applied.ok()) return applied;
  if (const Status sound = lock.check(); !sound.ok()) return sound;
  if (const Status zeroed = zeroPastEnd(file, at.endUnits); !zeroed.ok()) return zeroed;
  if (const Status synced = syncData(file.fd); !synced.ok()) return synced;
  slot->epoch = at.epoch;
  slot->endUnits = at.endUnits;
  log.forgetTable();
  return markClean(file, logPath, log.fd(), slot);
}

}  // namespace rstore
