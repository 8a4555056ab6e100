#include "core/file-applier.h"

#include <string.h>

#include <algorithm>
#include <bit>

#include "core/crc32c.h"
#include "core/io.h"
#include "core/pages.h"

namespace rstore {

namespace {

// What is gathered before it is written bounds the memory of a long application: twice 12 MiB, or
// what one record has. The more it is, the fewer pages are written twice.
constexpr size_t kChangesAtATime = 524288;
constexpr size_t kChecksumsAtATime = 65536;
constexpr size_t kRunPages = 32;  // neighbours that are read and written in one call
/// So much is written before the disk is set to it.
constexpr uint64_t kBytesUnderWay = 1 << 20;

}  // namespace

Status FileApplier::applyUpTo(uint64_t epoch, LogCursor* at) {
  committedPages_ = pagesForUnits(at->endUnits);
  while (at->epoch < epoch) {
    RedoRecord record;
    uint64_t start = 0;
    if (!log_.peek(*at, &record, &start)) return failure(Code::kCorrupt);
    if (!log_.isValid(*at, record, start)) return failure(Code::kIo, EIO);  // A4
    if (const Status done = collectTail(record, start); !done.ok()) return done;
    if (const Status done = collect(record, start); !done.ok()) return done;
    *at = Log::behind(record, start);
    const bool isMuch =
        changes_.size() >= kChangesAtATime || checksums_.size() >= kChecksumsAtATime;
    if (!isMuch) continue;
    if (const Status done = flush(); !done.ok()) return done;
  }
  return flush();
}

Status FileApplier::collectTail(const RedoRecord& record, uint64_t start) {
  if (record.tailPageCount == 0) return kSuccess;
  std::vector<uint32_t> checksums(record.tailPageCount);
  const Status read = log_.read(tailChecksumsAt(record, start), checksums.data(),
                                checksums.size() * sizeof(uint32_t));
  if (!read.ok()) return read;
  for (uint32_t i = 0; i < record.tailPageCount; i++) {
    checksums_.push_back({record.tailFirstPage + i, checksums[i]});
  }
  return kSuccess;
}

Status FileApplier::collect(const RedoRecord& record, uint64_t start) {
  const uint64_t pageLimit = file_.identity.capacityBytes / kPageBytes;
  uint64_t entryAt = entriesAt(start);
  uint64_t lineAt = linesAt(record, start);
  for (uint32_t i = 0; i < record.pageCount; i++) {
    PageEntry entry;
    if (const Status read = log_.read(entryAt, &entry, sizeof entry); !read.ok()) return read;
    if (entry.page >= pageLimit) return failure(Code::kCorrupt);
    const uint64_t bytes = std::popcount(entry.mask) * kLineBytes;
    PageChange change{.page = entry.page, .checksum = 0, .mask = entry.mask, .linesAt = lineAt};
    const Status read = log_.checksum(lineAt, bytes, &change.checksum);
    if (!read.ok()) return read;
    changes_.add(change);
    lineAt = advance(lineAt, bytes);
    entryAt = advance(entryAt, sizeof entry);
  }
  return kSuccess;
}

/// Neighbouring pages in one call.
Status FileApplier::flush() {
  const std::span<const PageChange> changes = changes_.sort();
  uint64_t begin = changes.empty() ? 0 : uint64_t{changes.front().page} * kPageBytes;
  uint64_t written = 0;
  for (size_t first = 0; first < changes.size();) {
    const uint32_t firstPage = changes[first].page;
    uint32_t lastPage = firstPage;
    size_t end = first;
    while (end < changes.size() && changes[end].page <= lastPage + 1 &&
           changes[end].page - firstPage < kRunPages) {
      lastPage = changes[end++].page;
    }
    const Status done =
        flushRun(firstPage, lastPage - firstPage + 1, changes.subspan(first, end - first));
    if (!done.ok()) return done;
    first = end;
    written += (lastPage - firstPage + 1) * kPageBytes;
    if (written < kBytesUnderWay || first == changes.size()) continue;
    const uint64_t upTo = (uint64_t{lastPage} + 1) * kPageBytes;
    if (const Status started = startWriting(fd_, begin, upTo - begin); !started.ok()) {
      failedToSync_ = true;
      return started;
    }
    begin = upTo;
    written = 0;
  }
  changes_.clear();
  return flushChecksums();
}

/// Whole pages are read, patched and written: bytes that do not change are written as they are.
Status FileApplier::flushRun(uint32_t firstPage, uint32_t pageCount,
                             std::span<const PageChange> changes) {
  alignas(64) std::byte buffer[kRunPages * kPageBytes];
  const size_t bytes = pageCount * kPageBytes;
  const uint64_t offset = uint64_t{firstPage} * kPageBytes;
  size_t got = 0;
  const Status read = readUpTo(fd_, buffer, bytes, offset, &got);
  if (!read.ok()) return read;
  const bool isCut = got < bytes && firstPage + got / kPageBytes < committedPages_;  // A3
  if (isCut) return failure(Code::kIo, EIO);
  memset(buffer + got, 0, bytes - got);
  std::byte* page = buffer;
  for (uint32_t number = firstPage; number != firstPage + pageCount; number++) {
    size_t count = 0;
    while (count < changes.size() && changes[count].page == number) count++;
    if (const Status done = patch(changes.first(count), page); !done.ok()) return done;
    checksums_.push_back({number, checksumOfPage(page)});
    changes = changes.subspan(count);
    page += kPageBytes;
  }
  return writeFully(fd_, buffer, bytes, offset);
}

/// From the newest change to the oldest: each line is copied once.
Status FileApplier::patch(std::span<const PageChange> changes, std::byte* page) {
  std::byte lines[kPageBytes];
  uint64_t copied = 0;
  for (size_t next = changes.size(); next-- != 0;) {
    const PageChange& change = changes[next];
    if ((change.mask & ~copied) == 0) continue;
    const uint64_t bytes = std::popcount(change.mask) * kLineBytes;
    if (const Status read = log_.read(change.linesAt, lines, bytes); !read.ok()) return read;
    if (crc32c(0, lines, bytes) != change.checksum) return failure(Code::kIo, EIO);  // A4
    const std::byte* from = lines;
    for (uint64_t mask = change.mask; mask != 0; mask &= mask - 1) {
      const uint64_t bit = mask & -mask;
      if ((copied & bit) == 0) memcpy(page + std::countr_zero(mask) * kLineBytes, from, kLineBytes);
      from += kLineBytes;
    }
    copied |= change.mask;
  }
  return kSuccess;
}

/// Page of the table by page: what lies between two new checksums is written as it is. Nobody else
/// writes the table meanwhile (A6).
Status FileApplier::flushChecksums() {
  constexpr uint32_t kInAPage = kPageBytes / sizeof(uint32_t);
  uint32_t table[kInAPage];
  std::stable_sort(checksums_.begin(), checksums_.end(),
                   [](const Checksum& a, const Checksum& b) { return a.page < b.page; });
  for (size_t next = 0; next < checksums_.size();) {
    const uint32_t first = checksums_[next].page;
    size_t end = next;
    uint32_t distinct = 0;
    for (; end < checksums_.size() && checksums_[end].page / kInAPage == first / kInAPage; end++)
      distinct += end == next || checksums_[end].page != checksums_[end - 1].page ? 1 : 0;
    const uint32_t count = checksums_[end - 1].page - first + 1;
    const uint64_t offset = file_.checksumOffset(first);
    if (count != distinct) {
      const Status read = readFully(fd_, table, count * sizeof(uint32_t), offset);
      if (!read.ok()) return read;
    }
    for (; next < end; next++) table[checksums_[next].page - first] = checksums_[next].checksum;
    const Status wrote = writeFully(fd_, table, count * sizeof(uint32_t), offset);
    if (!wrote.ok()) return wrote;
  }
  checksums_.clear();
  return kSuccess;
}

}  // namespace rstore
