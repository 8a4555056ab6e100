#include "core/file-applier.h"

#include <string.h>

#include <algorithm>
#include <bit>

#include "core/io.h"

namespace rstore {

namespace {

// What is gathered before it is written bounds the memory of a long application: 16 MiB of lines,
// 9 of pages. The more it is, the fewer pages are written twice.
constexpr size_t kPagesAtATime = 32768;
constexpr size_t kLinesAtATime = 262144;
constexpr size_t kChecksumsAtATime = 65536;
constexpr size_t kRunPages = 32;  // neighbours that are read and written in one call

uint64_t entriesAt(uint64_t start) { return advance(start, sizeof(RedoRecord)); }
uint64_t tailAt(const RedoRecord& record, uint64_t start) {
  return advance(start, sizeof(RedoRecord) + uint64_t{record.pageCount} * sizeof(PageEntry));
}
uint64_t linesAt(const RedoRecord& record, uint64_t start) {
  return advance(tailAt(record, start), (uint64_t{record.tailPageCount} * 4 + 7) / 8 * 8);
}

}  // namespace

Status FileApplier::applyUpTo(uint64_t epoch, LogCursor* at) {
  committedPages_ = (at->endUnits * kUnitBytes + kPageBytes - 1) / kPageBytes;
  while (at->epoch < epoch) {
    RedoRecord record;
    uint64_t start = 0;
    if (!log_.peek(*at, &record, &start)) return failure(Code::kCorrupt);
    if (!log_.isValid(*at, record, start)) return failure(Code::kIo, EIO);  // A4
    if (const Status done = collectTail(record, start); !done.ok()) return done;
    if (const Status done = collect(record, start); !done.ok()) return done;
    *at = Log::behind(*at, record, start);
    const bool isMuch = pages_.size() >= kPagesAtATime || lines_.size() >= kLinesAtATime ||
                        checksums_.size() >= kChecksumsAtATime;
    if (!isMuch) continue;
    if (const Status done = flush(); !done.ok()) return done;
  }
  return flush();
}

Status FileApplier::collectTail(const RedoRecord& record, uint64_t start) {
  if (record.tailPageCount == 0) return kSuccess;
  std::vector<uint32_t> checksums(record.tailPageCount);
  const Status read = log_.read(tailAt(record, start), checksums.data(), checksums.size() * 4);
  if (!read.ok()) return read;
  for (uint32_t i = 0; i < record.tailPageCount; i++) {
    checksums_[record.tailFirstPage + i] = checksums[i];
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
    PageLines& page = pages_[entry.page];
    for (uint64_t mask = entry.mask; mask != 0; mask &= mask - 1) {
      std::byte* line = lineFor(page, std::countr_zero(mask));
      if (const Status read = log_.read(lineAt, line, kLineBytes); !read.ok()) return read;
      lineAt = advance(lineAt, kLineBytes);
    }
    entryAt = advance(entryAt, sizeof entry);
  }
  return kSuccess;
}

/// Where the newest content of a line is gathered.
std::byte* FileApplier::lineFor(PageLines& page, uint32_t line) {
  const uint64_t bit = uint64_t{1} << line;
  if ((page.mask & bit) == 0) {
    page.at[line] = static_cast<uint32_t>(lines_.size());
    page.mask |= bit;
    lines_.emplace_back();
  }
  return lines_[page.at[line]].bytes;
}

Status FileApplier::flush() {
  std::vector<uint32_t> pages;
  pages.reserve(pages_.size());
  for (const auto& entry : pages_) pages.push_back(entry.first);
  std::sort(pages.begin(), pages.end());
  for (size_t first = 0; first < pages.size();) {
    size_t count = 1;
    while (count < kRunPages && first + count < pages.size() &&
           pages[first + count] == pages[first] + count) {
      count++;
    }
    if (const Status done = flushRun(pages, first, count); !done.ok()) return done;
    first += count;
  }
  pagesWritten_ += pages.size();
  pages_.clear();
  lines_.clear();
  return flushChecksums();
}

/// Whole pages are read, patched and written: bytes that do not change are written as they are.
Status FileApplier::flushRun(const std::vector<uint32_t>& pages, size_t first, size_t count) {
  alignas(64) std::byte buffer[kRunPages * kPageBytes];
  const uint64_t offset = uint64_t{pages[first]} * kPageBytes;
  size_t got = 0;
  const Status read = readUpTo(fd_, buffer, count * kPageBytes, offset, &got);
  if (!read.ok()) return read;
  const bool isShort = got < count * kPageBytes;
  const bool isCut = isShort && pages[first] + got / kPageBytes < committedPages_;  // A3
  if (isCut) return failure(Code::kIo, EIO);
  memset(buffer + got, 0, count * kPageBytes - got);
  for (size_t i = 0; i < count; i++) {
    const PageLines& page = pages_[pages[first + i]];
    std::byte* to = buffer + i * kPageBytes;
    for (uint64_t mask = page.mask; mask != 0; mask &= mask - 1) {
      const uint32_t line = std::countr_zero(mask);
      memcpy(to + line * kLineBytes, lines_[page.at[line]].bytes, kLineBytes);
    }
    checksums_[pages[first + i]] = checksumOfPage(to);
  }
  return writeFully(fd_, buffer, count * kPageBytes, offset);
}

/// Page of the table by page: what lies between two new checksums is written as it is. Nobody else
/// writes the table meanwhile (A6).
Status FileApplier::flushChecksums() {
  constexpr uint32_t kInAPage = kPageBytes / sizeof(uint32_t);
  uint32_t table[kInAPage];
  for (auto next = checksums_.begin(); next != checksums_.end();) {
    const uint32_t first = next->first;
    const auto end = checksums_.lower_bound((first / kInAPage + 1) * kInAPage);
    const uint32_t count = std::prev(end)->first - first + 1;
    const uint64_t offset = file_.checksumOffset(first);
    if (count != static_cast<size_t>(std::distance(next, end))) {
      const Status read = readFully(fd_, table, count * sizeof(uint32_t), offset);
      if (!read.ok()) return read;
    }
    for (; next != end; ++next) table[next->first - first] = next->second;
    const Status wrote = writeFully(fd_, table, count * sizeof(uint32_t), offset);
    if (!wrote.ok()) return wrote;
  }
  checksums_.clear();
  return kSuccess;
}

}  // namespace rstore
