// The tail of a transaction: the new pages past the committed end, written straight to the region
// file. A large one is written ahead, a stretch at a time, while the transaction goes on, and its
// memory is used again: so the memory of a transaction does not grow with what it adds.
//
// WHY WRITING AHEAD IS RIGHT
//  T1. It is step 2 of the commit (handle.h), earlier: past the committed end, behind tailHighBytes
//      and unsyncedTailEpoch, with the log begun (H5: the slot is not clean, so that whoever opens
//      after a crash looks behind the end). H1 and H3 hold as they are: nobody refers to what lies
//      there before the commit is published, and after a rollback or a crash it is zeroed. The
//      write lock is held until the thread that writes has ended (`awaitAhead`).
//  T2. What was written ahead is, for the rest of the transaction, like committed pages: whoever
//      changes a line of it marks it (lib/space/marks.ts), so its page is among those that the
//      commit is given, and is written again, with its checksum. So it does not matter what the
//      thread gets to see of a page that is changed while it is written. The caller sees to it that
//      nobody is in the middle of filling a cell there (lib/space/contiguous-space.ts, V4).
//  T3. A stretch is shown from the file when all of it was written, and the next is begun. Pages
//      that were marked since are kept as they are in memory: the caller lists them, those of
//      savepoints too. Where a write failed nothing is shown, and the transaction cannot be
//      committed.
//  T4. The frontier may be lowered below what was written ahead (a savepoint is rolled back). Then
//      control.aheadUnits is lowered, too, nothing behind it is shown from the file, and what comes
//      there next is written by the commit, or ahead once more. What the file has behind the end is
//      zeroed by the commit, or where that is of nothing, as after a rollback (H3).
#include <string.h>

#include <algorithm>

#include "core/atomic-word.h"
#include "core/fault/tail-memory.h"
#include "core/handle.h"
#include "core/io.h"
#include "core/pages.h"

namespace rstore {

namespace {

/// So many brand-new pages and more go straight to the region file instead of through the log.
constexpr uint64_t kDirectTailPages = kBufferedTailBytes / kPageBytes;
constexpr uint64_t kPiecePages = 256;

}  // namespace

// ── ahead of the commit ──

uint64_t Handle::aheadPage() const { return view_.control().aheadUnits / kPageUnits; }

Status Handle::writeAhead(uint64_t endUnits, const std::vector<uint32_t>& changed) {
  if (!transacting_ || endUnits > view_.control().frontierUnits) return failure(Code::kInvalid);
  const uint64_t tailPage = pagesForUnits(view_.cursor().endUnits);
  const uint64_t from = std::max(tailPage, aheadPage());
  const uint64_t end = endUnits / kPageUnits;
  if (end <= from) return kSuccess;
  if (const Status shown = showAhead(changed); !shown.ok()) return shown;
  if (!log_.isOpen()) {
    if (const Status begun = beginLog(); !begun.ok()) return begun;
  }
  SharedWords& words = lock_.words();
  ahead_.highPage = std::max(ahead_.highPage, end);
  atomicWord(words.tailHighBytes).store(ahead_.highPage * kPageBytes, std::memory_order_seq_cst);
  atomicWord(words.unsyncedTailEpoch).store(view_.epoch() + 1, std::memory_order_seq_cst);
  ahead_.checksums.resize(end - tailPage);
  ahead_.firstPage = from;
  ahead_.endPage = end;
  uint32_t* checksums = ahead_.checksums.data() + (from - tailPage);
  const auto body = [this, checksums] { ahead_.written = writeStretch(checksums); };
  if (!ahead_.writer.start(body).ok()) body();
  view_.control().aheadUnits = static_cast<uint32_t>(end * kPageUnits);
  return kSuccess;
}

/// On the thread of its own.
Status Handle::writeStretch(uint32_t* checksums) const {
  for (uint64_t first = ahead_.firstPage; first < ahead_.endPage; first += kPiecePages) {
    const uint64_t end = std::min(ahead_.endPage, first + kPiecePages);
    for (uint64_t page = first; page < end; page++) {
      *checksums++ = checksumOfPage(view_.base() + page * kPageBytes);
    }
    if (const Status wrote = writePages(first, end); !wrote.ok()) return wrote;
  }
  return kSuccess;
}

Status Handle::awaitAhead() {
  ahead_.writer.join();
  return ahead_.written.ok() ? ahead_.shown : fail(ahead_.written);
}

/// T3. What fails here fails the transaction: it may have lost pages.
Status Handle::showAhead(const std::vector<uint32_t>& changed) {
  if (const Status wrote = awaitAhead(); !wrote.ok()) return wrote;
  const uint64_t firstPage = ahead_.firstPage;
  const uint64_t endPage = std::min(ahead_.endPage, aheadPage());
  ahead_.firstPage = ahead_.endPage = 0;
  const uint64_t from = roundUpToSystemPage(firstPage * kPageBytes);
  const uint64_t end = endPage * kPageBytes / systemPageBytes() * systemPageBytes();
  if (end <= from || changed.size() > (endPage - firstPage) / 2) return kSuccess;
  std::vector<std::byte> kept(changed.size() * kPageBytes);
  const auto pageAt = [this](uint32_t page) { return view_.base() + page * kPageBytes; };
  for (size_t i = 0; i < changed.size(); i++) {
    memcpy(kept.data() + i * kPageBytes, pageAt(changed[i]), kPageBytes);
  }
  ahead_.shown = showFile(&view_.faultRange(), from, end - from);
  if (!ahead_.shown.ok()) return ahead_.shown;
  for (size_t i = 0; i < changed.size(); i++) {
    memcpy(pageAt(changed[i]), kept.data() + i * kPageBytes, kPageBytes);
  }
  return kSuccess;
}

void Handle::forgetAhead() {
  if (ahead_.highPage == 0) return;
  ahead_.writer.join();
  view_.control().aheadUnits = 0;
  ahead_.highPage = ahead_.firstPage = ahead_.endPage = 0;
  ahead_.checksums = {};
  ahead_.written = ahead_.shown = kSuccess;
  dropTailMemory(&view_.faultRange());
}

// ── at the commit ──

/// Step 2 is for many new pages, and where some are in memory that no file has (fault.h, F8) or
/// were written already.
void Handle::planTail(const Changes& changes) {
  const uint64_t firstNew = pagesForUnits(view_.cursor().endUnits);
  const uint64_t newPages = pagesForUnits(changes.endUnits) - firstNew;
  const bool isBegun = view_.faultRange().tailBuffered != 0 || ahead_.highPage != 0;
  if (newPages < (isBegun ? 1 : kDirectTailPages) || newPages >= UINT32_MAX) return;
  pending_.tailFirstPage = firstNew;
  pending_.tailPageCount = newPages;
}

/// Of the pages with marked lines those before the committed end, for the record, and those that
/// were written ahead, to be written again.
void Handle::listPages(const Changes& changes) {
  const uint64_t firstNew = pagesForUnits(view_.cursor().endUnits);
  const uint64_t written = std::min(aheadPage(), pagesForUnits(changes.endUnits));
  pending_.pages.clear();
  pending_.again.clear();
  for (uint32_t i = 0; i < changes.pageCount; i++) {
    const uint32_t page = changes.pages[i];
    if (page < firstNew) {
      pending_.pages.push_back(page);
    } else if (page < written) {
      pending_.again.push_back(page);
    }
  }
  std::sort(pending_.again.begin(), pending_.again.end());
}

void Handle::putTailChecksums(std::byte* to) const {
  const auto put = [to](uint64_t index, uint32_t checksum) {
    memcpy(to + index * sizeof checksum, &checksum, sizeof checksum);
  };
  const auto checksumAt = [this](uint64_t index) {
    return checksumOfPage(view_.base() + (pending_.tailFirstPage + index) * kPageBytes);
  };
  const uint64_t count = pending_.tailPageCount;
  const uint64_t page = aheadPage();
  const uint64_t ahead = page <= pending_.tailFirstPage ? 0 : page - pending_.tailFirstPage;
  for (uint64_t i = 0; i < std::min(ahead, count); i++) put(i, ahead_.checksums[i]);
  for (uint64_t i = std::min(ahead, count); i < count; i++) put(i, checksumAt(i));
  for (const uint32_t again : pending_.again) {
    const uint64_t index = again - pending_.tailFirstPage;
    put(index, checksumAt(index));
  }
}

Status Handle::writePages(uint64_t firstPage, uint64_t endPage) const {
  for (uint64_t first = firstPage; first < endPage; first += kPiecePages) {
    const uint64_t bytes = std::min(kPiecePages, endPage - first) * kPageBytes;
    const std::byte* from = view_.base() + first * kPageBytes;
    const Status wrote = writeFully(file_.fd, from, bytes, first * kPageBytes);
    if (!wrote.ok()) return wrote;
  }
  return kSuccess;
}

/// Step 2. The checksums go into the record, where recovery proves the tail by them.
Status Handle::writeTail(const Changes& changes) {
  SharedWords& words = lock_.words();
  const uint64_t end = pagesForUnits(changes.endUnits);
  atomicWord(words.tailHighBytes)
      .store(std::max(end, ahead_.highPage) * kPageBytes, std::memory_order_seq_cst);
  atomicWord(words.unsyncedTailEpoch).store(view_.epoch() + 1, std::memory_order_seq_cst);
  const std::vector<uint32_t>& again = pending_.again;
  for (size_t i = 0; i < again.size();) {
    size_t next = i + 1;
    while (next < again.size() && again[next] == again[i] + (next - i)) next++;
    const Status wrote = writePages(again[i], again[i] + (next - i));
    if (!wrote.ok()) return wrote;
    i = next;
  }
  if (ahead_.highPage > end) {  // T4
    const uint64_t bytes = (ahead_.highPage - end) * kPageBytes;
    const Status zeroed = zeroFileRange(file_.fd, end * kPageBytes, bytes);
    if (!zeroed.ok()) return zeroed;
  }
  const uint64_t firstNew = pagesForUnits(view_.cursor().endUnits);
  return writePages(std::max(firstNew, aheadPage()), end);
}

Status Handle::syncTail() {
  auto& unsynced = atomicWord(lock_.words().unsyncedTailEpoch);
  if (unsynced.load(std::memory_order_seq_cst) == 0) return kSuccess;
  if (const Status synced = syncOf(file_.fd); !synced.ok()) return synced;
  if (lock_.isSuspect()) return failure(Code::kIo, EIO);
  unsynced.store(0, std::memory_order_seq_cst);
  RedoRecord header;
  memcpy(&header, pending_.record.data(), sizeof header);
  header.durableTailEpoch = header.epoch;
  memcpy(pending_.record.data(), &header, sizeof header);
  return kSuccess;
}

}  // namespace rstore
