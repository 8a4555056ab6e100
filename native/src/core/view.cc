#include "core/view.h"

#include <string.h>

#include <algorithm>
#include <bit>

#include "core/atomic-word.h"
#include "core/fault/tail-memory.h"
#include "core/io.h"
#include "core/pages.h"

namespace rstore {

namespace {

/// A slot that is just being written may read as torn, or be overtaken by a newer one.
constexpr int kSlotReadTries = 100;

}  // namespace

uint64_t ViewMemory::windowBytesFor(uint64_t capacityBytes) {
  if (capacityBytes >= kWindowBytes) {
    return (capacityBytes + kWindowBytes - 1) / kWindowBytes * kWindowBytes;
  }
  return std::max<uint64_t>(std::bit_ceil(capacityBytes), kMinimumCapacityBytes);
}

Status View::open(const ViewMemory& memory, ControlBlock* control, const Waiting& waiting) {
  memory_ = memory;
  waiting_ = waiting;
  base_ = memory.windows();
  control_ = control;
  const uint64_t capacity = file_.identity.capacityBytes;
  if (const Status mapped = mapPrivate(base_, file_.fd, 0, capacity); !mapped.ok()) return mapped;
  const uint64_t extra = memory.reservation.bytes - memory.windowBytes;
  if (const Status mapped = mapZero(memory.lineBits(), extra); !mapped.ok()) return mapped;
  *control_ = {};
  control_->capacityUnits = static_cast<uint32_t>((capacity - kSinkBytes) / kUnitBytes);
  faultRange_.base = base_;
  faultRange_.bytes = memory.windowBytes;
  faultRange_.kind = FaultKind::kView;
  faultRange_.buffersTail = 1;
  faultRange_.fd = file_.fd;
  faultRange_.control = control_;
  faultRange_.pending = &pending_;
  restart_ = true;
  return registerRange(&faultRange_);
}

void View::close() {
  if (base_ == nullptr) return;
  pending_.unlock();
  unregisterRange(&faultRange_);
  releaseTailMemory(&faultRange_);
  base_ = nullptr;
  private_.clear();
  private_.shrink_to_fit();
}

void View::leaveFile() {
  pending_.unlock();
  changeRange(&faultRange_, FaultKind::kClosed, -1, 0, control_);
  cursor_ = {};
  restart_ = true;
}

// ── moving through epochs ────────────────────────────────────────────────────────────────────────

Status View::advanceTo(uint64_t limit) {
  SharedWords& words = lock_.words();
  if (cursor_.epoch != 0 && !restart_) lock_.pin(cursor_.epoch);
  for (;;) {
    const uint64_t slotEpoch = atomicWord(words.slotEpoch).load(std::memory_order_seq_cst);
    if (restart_ || slotEpoch > cursor_.epoch) {
      if (const Status begun = restart(); !begun.ok()) return begun;
    }
    const uint64_t published = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
    const Status applied = applyUpTo(std::min(published, limit));
    if (!applied.ok()) return applied;
    lock_.pin(cursor_.epoch);
    if (limit != UINT64_MAX) return cursor_.epoch == limit ? kSuccess : failure(Code::kStale);
    const uint64_t target = atomicWord(words.checkpointTarget).load(std::memory_order_seq_cst);
    if (target <= cursor_.epoch) return kSuccess;  // V2
    // It was published before it was announced: lock-file.h, L6.
    const uint64_t last = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
    if (target > last) return failure(Code::kLockDamaged);
  }
}

Status View::restart() {
  SharedWords& words = lock_.words();
  Status read = kSuccess;
  for (int tries = 0; tries < kSlotReadTries; tries++) {
    CheckpointSlot slot;
    read = readSlot(file_.fd, file_.identity, &slot);
    if (!read.ok()) continue;
    lock_.pin(slot.epoch);
    if (atomicWord(words.slotEpoch).load(std::memory_order_seq_cst) <= slot.epoch) {  // L4
      return showSlot(slot);
    }
  }
  // Checkpoints do not follow each other so fast: they go to another file than the one we have.
  return read.ok() ? failure(Code::kElsewhere) : read;
}

Status View::showSlot(const CheckpointSlot& slot) {
  const uint64_t capacity = file_.identity.capacityBytes;
  // Mapping anew also replaces whatever a fault had put there (F11).
  changeRange(&faultRange_, FaultKind::kMapping, file_.fd, 0, control_);
  if (const Status mapped = mapPrivate(base_, file_.fd, 0, capacity); !mapped.ok()) {
    changeRange(&faultRange_, FaultKind::kClosed, file_.fd, 0, control_);
    return mapped;
  }
  pending_.clear();
  changeRange(&faultRange_, FaultKind::kView, file_.fd, 0, control_);
  for (const uint32_t page : private_) memory_.pageEpochs()[page] = 0;
  private_.clear();
  trimmedAt_ = 0;
  lastPageIsClear_ = false;
  moveTo(cursorOfSlot(slot));
  control_->contentSerial++;
  restart_ = false;
  return kSuccess;
}

Status View::applyUpTo(uint64_t epoch) {
  if (cursor_.epoch >= epoch) return kSuccess;
  if (!log_.isOpen()) return failure(Code::kStale);
  const LogCursor from = cursor_;
  if (const Status proven = proveIfSuspect(from, epoch); !proven.ok()) return proven;
  (void)log_.takeFault();  // of before
  Status applied = applyFromHere(epoch);
  if (log_.takeFault()) applied = failure(Code::kIo, EIO);  // zeros stood in for a part of it
  if (applied.ok()) applied = proveIfSuspect(from, epoch);
  restart_ |= !applied.ok();
  return applied;
}

/// V7.
Status View::proveIfSuspect(const LogCursor& from, uint64_t epoch) const {
  return lock_.isSuspect() ? log_.prove(from, epoch) : kSuccess;
}

Status View::applyFromHere(uint64_t epoch) {
  while (isFarBehind(epoch)) {
    if (const Status listed = applyLater(epoch); !listed.ok()) return listed;
  }
  while (cursor_.epoch < epoch) {
    RedoRecord record;
    uint64_t start = 0;
    if (!log_.peek(cursor_, &record, &start)) return failure(Code::kCorrupt);
    if (const Status applied = apply(record, start); !applied.ok()) return applied;
  }
  return kSuccess;
}

Status View::apply(const RedoRecord& record, uint64_t start) {
  Status applied = applyLines(record, start);
  if (log_.takeFault()) applied = failure(Code::kIo, EIO);
  if (!applied.ok()) {
    restart_ = true;
    return applied;
  }
  moveTo(Log::behind(record, start));
  control_->contentSerial++;
  return kSuccess;
}

Status View::applyLines(const RedoRecord& record, uint64_t start) {
  return forEachChange(record, start, [&](const PendingPages::Change& change) {
    notePrivate(change.page, change.epoch);
    return applyNow(change);
  });
}

template <typename Do>
Status View::forEachChange(const RedoRecord& record, uint64_t start, Do apply) const {
  constexpr uint32_t kBatch = 64;
  PageEntry entries[kBatch];
  uint64_t entryAt = entriesAt(start);
  uint64_t lineAt = linesAt(record, start);
  const uint64_t pageLimit = file_.identity.capacityBytes / kPageBytes;
  for (uint32_t done = 0; done < record.pageCount;) {
    const uint32_t count = std::min(kBatch, record.pageCount - done);
    const Status read = log_.read(entryAt, entries, count * sizeof(PageEntry));
    if (!read.ok()) return read;
    for (uint32_t i = 0; i < count; i++) {
      const PageEntry& entry = entries[i];
      if (entry.page >= pageLimit) return failure(Code::kCorrupt);
      const Status applied = apply({entry.page, entry.mask, record.epoch, lineAt});
      if (!applied.ok()) return applied;
      lineAt = advance(lineAt, std::popcount(entry.mask) * uint64_t{kLineBytes});
    }
    done += count;
    entryAt = advance(entryAt, count * sizeof(PageEntry));
  }
  return kSuccess;
}

/// Whether the records up to an epoch change so many pages that some had better wait. Many small
/// records do not: they change few pages, or pages far from each other.
bool View::isFarBehind(uint64_t epoch) const {
  constexpr uint64_t kLookedAt = 64, kPagesOfRecord = 8;
  LogCursor at = cursor_;
  uint64_t pages = 0;
  for (uint64_t count = 1; at.epoch < epoch; count++) {
    RedoRecord record;
    uint64_t start = 0;
    if (!log_.peek(at, &record, &start)) return false;
    pages += record.pageCount;
    if (pages >= waiting_.fromPages) return PendingPages::canWait();
    if (count >= kLookedAt && pages < count * kPagesOfRecord) return false;
    at = Log::behind(record, start);
  }
  return false;
}

/// A piece of it: lists take half as much memory as the log, which is long when somebody holds it
/// back. Nothing is applied before all of the piece is known to be there.
Status View::applyLater(uint64_t epoch) {
  constexpr size_t kListedAtOnce = 1 << 18;
  LogCursor at = cursor_;
  std::vector<PendingPages::Change> changes;
  while (at.epoch < epoch && changes.size() < kListedAtOnce) {
    RedoRecord record;
    uint64_t start = 0;
    if (!log_.peek(at, &record, &start)) return failure(Code::kCorrupt);
    const Status listed = forEachChange(record, start, [&](const PendingPages::Change& change) {
      changes.push_back(change);
      return kSuccess;
    });
    if (!listed.ok()) return listed;
    at = Log::behind(record, start);
  }
  for (const auto& change : changes) notePrivate(change.page, change.epoch);
  pending_.add(changes, waiting_.leastInChunk, at.endUnits * kUnitBytes / kPageBytes);
  for (const auto& change : changes) {
    if (const Status applied = applyNow(change); !applied.ok()) {
      restart_ = true;  // what waits must not be listed twice
      return applied;
    }
  }
  moveTo(at);
  control_->contentSerial++;
  return kSuccess;
}

Status View::applyNow(const PendingPages::Change& change) {
  std::byte* page = base_ + uint64_t{change.page} * kPageBytes;
  uint64_t lineAt = change.lineAt;
  for (uint64_t mask = change.mask; mask != 0;) {
    const LineRun run = takeRun(&mask);
    const Status got = log_.read(lineAt, page + run.line * kLineBytes, run.count * kLineBytes);
    if (!got.ok()) return got;
    lineAt = advance(lineAt, run.count * kLineBytes);
  }
  return kSuccess;
}

void View::moveTo(const LogCursor& cursor) {
  cursor_ = cursor;
  showInControl();
}

void View::showInControl() {
  control_->epoch = cursor_.epoch;
  control_->endUnits = static_cast<uint32_t>(cursor_.endUnits);
  control_->frontierUnits = static_cast<uint32_t>(cursor_.endUnits);
  control_->privatePageCount = static_cast<uint32_t>(private_.size());
}

// ── private pages ────────────────────────────────────────────────────────────────────────────────

void View::notePrivate(uint64_t page, uint64_t epoch) {
  uint64_t& last = memory_.pageEpochs()[page];
  if (last == 0) private_.push_back(static_cast<uint32_t>(page));
  last = epoch;
}

void View::noteTouched(const uint32_t* pages, uint32_t count) {
  constexpr uint64_t kLongAgo = 1;  // the file has their content: V4
  const size_t before = private_.size();
  for (uint32_t i = 0; i < count; i++) {
    if (memory_.pageEpochs()[pages[i]] == 0) notePrivate(pages[i], kLongAgo);
  }
  if (private_.size() != before) trimmedAt_ = 0;
}

void View::giveBackTail(uint64_t firstPage, uint64_t pageCount) {
  (void)giveBackPages(base_ + firstPage * kPageBytes, pageCount * kPageBytes);
}

void View::giveBackPastEnd() {
  const uint64_t first = pagesForUnits(cursor_.endUnits);
  const uint64_t high = pagesForUnits(control_->highUnits);
  if (high > first) giveBackTail(first, high - first);
}

void View::endBufferedTail() {
  if (faultRange_.tailBuffered != 0 && !repairRange(&faultRange_).ok()) restart_ = true;
}

void View::forget(const uint32_t* pages, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    // A page that no record changed since it was last given back is in the file as it is here.
    if (memory_.pageEpochs()[pages[i]] == 0) {
      (void)giveBackPages(base_ + uint64_t{pages[i]} * kPageBytes, kPageBytes);
    }
  }
  clearPastEnd();
  if (!repairRange(&faultRange_).ok()) restart_ = true;
}

void View::clearLastPage() {
  const uint64_t end = linesForUnits(cursor_.endUnits) * kLineBytes;
  const uint64_t nextPage = pagesForUnits(cursor_.endUnits) * kPageBytes;
  const auto isSet = [](std::byte byte) { return byte != std::byte{0}; };
  if (std::any_of(base_ + end, base_ + std::max(end, nextPage), isSet)) {
    memset(base_ + end, 0, nextPage - end);
  }
  lastPageIsClear_ = true;
}

void View::clearPastEnd() {
  clearLastPage();
  const uint64_t nextPage = pagesForUnits(cursor_.endUnits) * kPageBytes;
  const uint64_t capacity = file_.identity.capacityBytes;
  if (nextPage < capacity) (void)giveBackPages(base_ + nextPage, capacity - nextPage);
  control_->frontierUnits = static_cast<uint32_t>(cursor_.endUnits);
}

void View::trim(uint64_t budgetPages) {
  if (private_.size() <= budgetPages) return;
  const uint64_t durable = atomicWord(lock_.words().slotEpoch).load(std::memory_order_seq_cst);
  if (durable == trimmedAt_) return;  // nothing more can go than went then
  trimmedAt_ = durable;
  uint64_t* epochs = memory_.pageEpochs();
  const auto held = std::partition(private_.begin(), private_.end(),
                                   [&](uint32_t page) { return epochs[page] > durable; });
  const auto older = [&](uint32_t a, uint32_t b) { return epochs[a] > epochs[b]; };
  const size_t excess = private_.size() - budgetPages / 2;
  auto first = held;
  if (static_cast<size_t>(private_.end() - held) > excess) {
    first = private_.end() - static_cast<std::ptrdiff_t>(excess);
    std::nth_element(held, first, private_.end(), older);  // those that changed last stay
  }
  std::sort(first, private_.end());
  giveBackRuns(first, private_.end());
  private_.erase(first, private_.end());
  control_->privatePageCount = static_cast<uint32_t>(private_.size());
}

/// V4. The pages are sorted.
void View::giveBackRuns(std::vector<uint32_t>::iterator next, std::vector<uint32_t>::iterator end) {
  uint64_t* epochs = memory_.pageEpochs();
  while (next != end) {
    const uint64_t first = *next;
    uint64_t count = 0;
    for (; next != end && *next == first + count; ++next, count++) epochs[*next] = 0;
    (void)giveBackPages(base_ + first * kPageBytes, count * kPageBytes);
  }
}

}  // namespace rstore
