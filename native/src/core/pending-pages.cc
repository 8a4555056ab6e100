#include "core/pending-pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "core/address-space.h"
#include "core/atomic-word.h"
#include "core/fault/patches.h"
#include "core/fault/ranges.h"
#include "core/io.h"
#include "core/pages.h"

namespace rstore {

namespace {

constexpr uint64_t kChunkBytes = uint64_t{PendingPages::kChunkPages} * kPageBytes;
/// A page that more records change is brought up to date at once: it would be long in coming.
constexpr size_t kMostChangesOfPage = 4;

std::atomic<size_t> waitingInProcess{0};

using Changes = std::vector<PendingPages::Change>;

uint64_t chunkOf(const PendingPages::Change& change) {
  return change.page / PendingPages::kChunkPages;
}

/// Where the changes of the next chunk, or page, begin.
template <typename Number>
size_t endOfGroup(const Changes& changes, size_t first, Number number) {
  size_t end = first;
  while (end < changes.size() && number(changes[end]) == number(changes[first])) end++;
  return end;
}

/// The page has a record, so it becomes private anyway: V3.
void storeTo(std::byte* page) {
  auto* first = reinterpret_cast<volatile unsigned char*>(page);
  *first = *first;
}

size_t pagesAmong(const Changes& changes, size_t first, size_t end) {
  size_t pages = 0;
  for (size_t i = first; i < end; i++) {
    pages += i == first || changes[i].page != changes[i - 1].page ? 1 : 0;
  }
  return pages;
}

}  // namespace

/// Where system pages are larger, one of ours cannot be given back alone.
bool PendingPages::canWait() {
#ifdef __linux__
  return systemPageBytes() == kPageBytes && faultHandlerIsCurrent();
#else
  return false;
#endif
}

size_t PendingPages::chunksOfProcess() { return waitingInProcess.load(std::memory_order_relaxed); }

uint64_t PendingPages::durableEpoch() const {
  return atomicWord(lock_.words().slotEpoch).load(std::memory_order_seq_cst);
}

// ── what waits ───────────────────────────────────────────────────────────────────────────────────

void PendingPages::add(std::vector<Change>& changes, uint32_t leastInChunk, uint64_t endPage) {
  if (changes.empty()) return;
  if (chunks_.empty()) storeTo(addressOf(changes.front().page));  // W8
  const uint64_t firstNew = changes.front().epoch;
  lastEpoch_ = changes.back().epoch;
  const uint64_t durable = durableEpoch();
  settle(durable);
  std::vector<Change> all = waitingChanges(durable);
  all.insert(all.end(), changes.begin(), changes.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const Change& a, const Change& b) { return a.page < b.page; });
  std::vector<Change> kept;
  std::vector<Chunk> chunks;
  const size_t others = chunksOfProcess() - waiting_;
  const size_t most = std::min(kMostChunks, kMostOfProcess - std::min(kMostOfProcess, others));
  changes.clear();
  for (size_t first = 0, end = 0; first < all.size(); first = end) {
    end = endOfGroup(all, first, chunkOf);
    const uint64_t number = chunkOf(all[first]);
    const size_t pages = pagesAmong(all, first, end);
    const bool waits = pages >= leastInChunk && end - first <= pages * kMostChangesOfPage &&
                       (number + 1) * kChunkPages < endPage && chunks.size() < most;
    if (waits) {
      const auto at = static_cast<uint32_t>(kept.size());
      const auto behind = static_cast<uint32_t>(at + end - first);
      chunks.push_back({static_cast<uint32_t>(number), true, at, behind});
      kept.insert(kept.end(), all.begin() + first, all.begin() + end);
    } else {
      fillAll(number * kChunkBytes, kChunkBytes);
      std::copy_if(all.begin() + first, all.begin() + end, std::back_inserter(changes),
                   [&](const Change& change) { return change.epoch >= firstNew; });
    }
  }
  install(std::move(kept), std::move(chunks));
}

/// Chunks that the file holds need not wait any longer.
void PendingPages::settle(uint64_t durable) {
  const RangeLock lock(&range_);
  for (Chunk& chunk : chunks_) {
    const auto isOld = [&](const Change& change) { return change.epoch <= durable; };
    const Change* changes = changes_.data();
    if (chunk.waits && std::all_of(changes + chunk.first, changes + chunk.end, isOld)) {
      fillChunk(chunk);
    }
  }
}

/// Those of chunks that wait. Of what the file holds, one change without lines is left for a page,
/// so that lists are no longer than the log (W3).
std::vector<PendingPages::Change> PendingPages::waitingChanges(uint64_t durable) const {
  std::vector<Change> waiting;
  for (const Chunk& chunk : chunks_) {
    for (uint32_t i = chunk.first; chunk.waits && i < chunk.end; i++) {
      Change change = changes_[i];
      if (change.epoch <= durable) {
        change.mask = 0;
        const bool known = !waiting.empty() && waiting.back().page == change.page;
        if (known) continue;
      }
      waiting.push_back(change);
    }
  }
  return waiting;
}

/// First the lists, then the right to touch: no touch comes between, since it is ours (W5).
void PendingPages::install(std::vector<Change>&& changes, std::vector<Chunk>&& chunks) {
  const RangeLock lock(&range_);
  changes_ = std::move(changes);
  chunks_ = std::move(chunks);
  setWaiting(chunks_.size());
  for (size_t first = 0, end = 0; first < chunks_.size(); first = end) {
    end = first + 1;
    if (!chunks_[first].waits) continue;  // filled by openAll
    for (; end < chunks_.size(); end++) {
      if (chunks_[end].number != chunks_[first].number + (end - first)) break;
    }
    std::byte* base = addressOf(uint64_t{chunks_[first].number} * kChunkPages);
    if (::mprotect(base, (end - first) * kChunkBytes, PROT_NONE) == 0) continue;
    for (size_t i = first; i < end; i++) {  // too many mappings
      if (chunks_[i].waits) fillChunk(chunks_[i]);
    }
  }
}

void PendingPages::clear() {
  const RangeLock lock(&range_);
  changes_ = {};
  chunks_ = {};
  setWaiting(0);
}

void PendingPages::unlock() {
  for (const Chunk& chunk : chunks_) {
    if (chunk.waits) (void)allow(chunk.number, 1);
  }
  clear();
}

// ── the first touch ──────────────────────────────────────────────────────────────────────────────

bool PendingPages::fill(uint64_t offset) {
  Chunk* chunk = find(offset / kChunkBytes);
  if (chunk == nullptr) return false;
  if (!chunk->waits) return mayRepeat(&range_, pageOf(offset));
  fillChunk(*chunk);
  return !chunk->waits || patchOnePage(&range_, offset, kFaultIo, ENOMEM);
}

void PendingPages::fillAll(uint64_t offset, uint64_t bytes) {
  if (waiting_ == 0 || bytes == 0) return;
  const RangeLock lock(&range_);
  const uint64_t last = (offset + bytes - 1) / kChunkBytes;
  const auto isBefore = [](const Chunk& chunk, uint64_t number) { return chunk.number < number; };
  auto next = std::lower_bound(chunks_.begin(), chunks_.end(), offset / kChunkBytes, isBefore);
  for (; next != chunks_.end() && next->number <= last; ++next) {
    if (next->waits) fillChunk(*next);
  }
}

PendingPages::Chunk* PendingPages::find(uint64_t number) {
  const auto isBefore = [](const Chunk& chunk, uint64_t wanted) { return chunk.number < wanted; };
  const auto found = std::lower_bound(chunks_.begin(), chunks_.end(), number, isBefore);
  return found != chunks_.end() && found->number == number ? &*found : nullptr;
}

bool PendingPages::allow(uint64_t first, uint64_t count) const {
  constexpr int kAll = PROT_READ | PROT_WRITE;
  return ::mprotect(addressOf(first * kChunkPages), count * kChunkBytes, kAll) == 0;
}

/// With as many mappings as a process may have, none can be divided, but all can be made one.
void PendingPages::fillChunk(Chunk& chunk) {
  if (!allow(chunk.number, 1)) return openAll();
  bool whole = true;
  bool readsLog = false;
  for (uint32_t first = chunk.first, end = 0; first < chunk.end; first = end) {
    end = endOfPage(chunk, first);
    whole &= fillPage(changes_.data() + first, changes_.data() + end, &readsLog);
  }
  if (!whole || (readsLog && !isLogWhole())) giveUp(chunk);
  chunk.waits = false;
  setWaiting(waiting_ - 1);
}

uint32_t PendingPages::endOfPage(const Chunk& chunk, uint32_t first) const {
  uint32_t end = first;
  while (end < chunk.end && changes_[end].page == changes_[first].page) end++;
  return end;
}

/// W4.
void PendingPages::giveUp(const Chunk& chunk) {
  for (uint32_t first = chunk.first; first < chunk.end; first = endOfPage(chunk, first)) {
    (void)patchOnePage(&range_, uint64_t{changes_[first].page} * kPageBytes, kFaultIo, EIO);
  }
  range_.restart = 1;
}

void PendingPages::setWaiting(size_t count) {
  waitingInProcess.fetch_add(count - waiting_, std::memory_order_relaxed);
  waiting_ = count;
}

void PendingPages::openAll() {
  const uint64_t first = chunks_.front().number;
  if (!allow(first, chunks_.back().number + 1 - first)) return;
  for (Chunk& chunk : chunks_) {
    if (chunk.waits) fillChunk(chunk);
  }
}

/// W4, V7: asked behind what was read of it, because pages may be lost at any time. The proof
/// begins at the slot; where that has moved meanwhile, so may the beginning of the log have.
bool PendingPages::isLogWhole() const {
  constexpr int kTries = 100;
  for (int tries = 0; tries < kTries; tries++) {
    if (!lock_.isSuspect()) return true;
    CheckpointSlot slot;
    if (!readSlot(file_.fd, file_.identity, &slot).ok()) continue;  // may read as torn
    if (log_.prove(cursorOfSlot(slot), lastEpoch_).ok()) return true;
    if (durableEpoch() <= slot.epoch) return false;
  }
  return false;
}

/// W3. `*readsLog` is set where anything of it is from the log.
bool PendingPages::fillPage(const Change* first, const Change* end, bool* readsLog) {
  for (;;) {
    const uint64_t durable = durableEpoch();
    const Change* next = first;
    while (next < end && next->epoch <= durable) next++;
    if (next != first) (void)giveBackPages(addressOf(first->page), kPageBytes);
    bool whole = true;
    for (const Change* change = next; change < end; change++) whole &= readLines(*change);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (next == end) return true;
    *readsLog = true;
    if (next->epoch > durableEpoch()) return whole;
  }
}

bool PendingPages::readLines(const Change& change) {
  uint64_t at = change.lineAt;
  for (uint64_t mask = change.mask; mask != 0;) {
    const LineRun run = takeRun(&mask);
    std::byte* to = addressOf(change.page) + run.line * kLineBytes;
    if (!log_.readByCall(at, to, run.count * kLineBytes)) return false;
    at = advance(at, run.count * kLineBytes);
  }
  return true;
}

}  // namespace rstore
