#include "core/file-applier.h"

#include <string.h>

#include <algorithm>
#include <bit>

#include "core/io.h"
#include "core/pages.h"

namespace rstore {

namespace {

// What is gathered before it is written bounds the memory of a long application: 16 MiB of lines,
// 9 of pages. The more it is, the fewer pages are written twice.
constexpr size_t kPagesAtATime = 32768;
constexpr size_t kLinesAtATime = 262144;
constexpr size_t kChecksumsAtATime = 65536;
constexpr size_t kRunPages = 32;  // neighbours that are read and written in one call

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
    const bool isMuch = pages_.pageCount() >= kPagesAtATime ||
                        pages_.lineCount() >= kLinesAtATime ||
                        checksums_.size() >= kChecksumsAtATime;
    if (!isMuch) continue;
    if (const Status done = flush(); !done.ok()) return done;
  }
  return flush();
}

Status FileApplier::collectTail(const RedoRecord& record, uint64_t start) {
  if (record.tailPageCount == 0) return kSuccess;
  std::vector<uint32_t> checksums(record.tailPageCount);
  const Status read =
      log_.read(tailChecksumsAt(record, start), checksums.data(), checksums.size() * 4);
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
    const uint32_t page = pages_.indexOf(entry.page);
    for (uint64_t mask = entry.mask; mask != 0; mask &= mask - 1) {
      std::byte* line = pages_.lineFor(page, std::countr_zero(mask));
      if (const Status read = log_.read(lineAt, line, kLineBytes); !read.ok()) return read;
      lineAt = advance(lineAt, kLineBytes);
    }
    entryAt = advance(entryAt, sizeof entry);
  }
  return kSuccess;
}

Status FileApplier::flush() {
  const std::vector<const GatheredPages::Page*> pages = pages_.inOrder();
  for (size_t first = 0; first < pages.size();) {
    size_t count = 1;
    while (count < kRunPages && first + count < pages.size() &&
           pages[first + count]->number == pages[first]->number + count) {
      count++;
    }
    const std::span run(pages.data() + first, count);
    if (const Status done = flushRun(run); !done.ok()) return done;
    first += count;
  }
  pages_.clear();
  return flushChecksums();
}

/// Whole pages are read, patched and written: bytes that do not change are written as they are.
Status FileApplier::flushRun(std::span<const GatheredPages::Page* const> run) {
  alignas(64) std::byte buffer[kRunPages * kPageBytes];
  const size_t bytes = run.size() * kPageBytes;
  const uint32_t first = run.front()->number;
  size_t got = 0;
  const Status read = readUpTo(fd_, buffer, bytes, uint64_t{first} * kPageBytes, &got);
  if (!read.ok()) return read;
  const bool isCut = got < bytes && first + got / kPageBytes < committedPages_;  // A3
  if (isCut) return failure(Code::kIo, EIO);
  memset(buffer + got, 0, bytes - got);
  std::byte* to = buffer;
  for (const GatheredPages::Page* page : run) {
    pages_.patch(*page, to);
    checksums_.push_back({page->number, checksumOfPage(to)});
    to += kPageBytes;
  }
  return writeFully(fd_, buffer, bytes, uint64_t{first} * kPageBytes);
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
