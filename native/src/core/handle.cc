#include "core/handle.h"

#include <errno.h>

#include <algorithm>

#include "core/atomic-word.h"
#include "core/clock.h"
#include "core/futex.h"
#include "core/io.h"

namespace rstore {

// ── reading ──────────────────────────────────────────────────────────────────────────────────────

Status Handle::refresh() {
  if (view_.control().failed != 0) return failure(Code::kFailed);
  if (moving_) return failure(Code::kReplaced);
  if (const Status named = checkName(); !named.ok()) return named;
  if (!hasLock()) return kSuccess;
  const Status status = refreshHere();
  if (status.ok()) return status;
  lock_.unpin();
  const Status named = checkName();  // log and lock file may have gone meanwhile
  return named.ok() ? status : named;
}

Status Handle::refreshHere() {
  letFileFollow(true);
  if (const Status opened = openLogWhenBegun(); !opened.ok()) return opened;
  Status status = view_.refresh();
  if (status.code == Code::kStale && !log_.isOpen()) {  // begun since we looked
    if (const Status opened = openLogWhenBegun(); !opened.ok()) return opened;
    status = view_.refresh();
  }
  const Status sound = checkLock();
  return sound.ok() ? status : sound;
}

/// What was read in the lock file, or stored there, before this is shared by all: lock-file.h, L5.
Status Handle::checkLock() {
  const Status sound = lock_.check();
  return sound.ok() ? sound : latch(sound);
}

void Handle::unpin() {
  if (hasLock()) lock_.unpin();
}

/// Pages that a view which shows the last commit has for itself, about.
uint64_t Handle::pagesAhead() const {
  const uint64_t changed =
      atomicWord(lock_.words().distinctPagesSinceSlot).load(std::memory_order_relaxed);
  return std::max(changed, view_.privatePageCount());
}

/// H10. What fails here is told by the next commit, or by the reading of the log.
void Handle::letFileFollow(bool moving) {
  view_.trim(options_.privatePages);
  const uint64_t most = 2 * options_.privatePages;
  const uint64_t ahead = pagesAhead();
  if (ahead <= most) return;
  auto& slotEpoch = atomicWord(lock_.words().slotEpoch);
  const bool held = slotEpoch.load(std::memory_order_seq_cst) == heldBackAt_;
  if (held && ahead <= heldBackPages_) return;
  if (moving) lock_.unpin();
  Status done = failure(Code::kBusy);
  for (int tries = 0; tries < kCheckpointTries && done.code == Code::kBusy; tries++) {
    const uint32_t seen =
        atomicWord(lock_.words().checkpointTicket).load(std::memory_order_seq_cst);
    uint64_t epoch = 0;
    done = checkpointer_->run(&epoch);
    if (done.code == Code::kBusy) awaitCheckpoint(seen);
  }
  view_.trim(options_.privatePages);
  heldBackAt_ = slotEpoch.load(std::memory_order_seq_cst);
  heldBackPages_ = pagesAhead() + most / 4;
}

// ── transactions ─────────────────────────────────────────────────────────────────────────────────

Status Handle::begin(int64_t timeoutMs, uint32_t* holderPid) {
  if (options_.readOnly) return failure(Code::kReadOnly);  // its log would be written, not its file
  if (view_.control().failed != 0) return failure(Code::kFailed);
  if (moving_) return failure(Code::kReplaced);
  if (const Status locked = lock_.acquireWrite(timeoutMs, holderPid); !locked.ok()) return locked;
  Status status = checkLock();
  if (status.ok()) status = claimName();
  if (status.ok()) status = refresh();
  if (status.ok()) status = heal();
  if (!status.ok()) {
    lock_.unpin();
    lock_.releaseWrite();
    return status;
  }
  transacting_ = true;
  view_.control().growing = 1;
  return kSuccess;
}

void Handle::rollback(const uint32_t* pages, uint32_t count) {
  view_.control().growing = 0;
  view_.control().contentSerial++;
  forgetAhead();
  view_.forget(pages, count);
  (void)takeFaultBits(&view_.control());
  transacting_ = false;
  if (lock_.holdsWrite()) lock_.releaseWrite();
}

Status Handle::grow(uint64_t endUnits) {
  return growFile(&view_.faultRange(), endUnits * kUnitBytes);
}

// ── durability ───────────────────────────────────────────────────────────────────────────────────

Status Handle::prepareFlush() {
  if (view_.control().failed != 0) return failure(Code::kFailed);
  return hasLock() ? openLogWhenBegun() : kSuccess;
}

Status Handle::flush() {
  if (!hasLock()) return kSuccess;
  SharedWords& words = lock_.words();
  const uint64_t published = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
  const uint64_t syncedSoFar = atomicWord(words.syncedEpoch).load(std::memory_order_seq_cst);
  if (const Status sound = checkLock(); !sound.ok()) return sound;
  if (syncedSoFar >= published) return kSuccess;
  if (!log_.isOpen()) return kSuccess;
  auto& unsynced = atomicWord(words.unsyncedTailEpoch);
  uint64_t seen = unsynced.load(std::memory_order_seq_cst);
  if (seen != 0) {
    if (const Status synced = syncOf(file_.fd); !synced.ok()) return latch(synced);
    if (lock_.isSuspect()) return failure(Code::kIo, EIO);  // H7; the next transaction repairs it
    if (seen <= published) unsynced.compare_exchange_strong(seen, 0, std::memory_order_seq_cst);
  }
  if (const Status synced = syncOf(log_.fd()); !synced.ok()) return latch(synced);
  if (lock_.isSuspect()) return failure(Code::kIo, EIO);
  auto& syncedEpoch = atomicWord(words.syncedEpoch);
  uint64_t before = syncedEpoch.load(std::memory_order_seq_cst);
  while (before < published && !syncedEpoch.compare_exchange_weak(before, published)) continue;
  return kSuccess;
}

Status Handle::checkpoint(uint32_t* holderPid) {
  if (!hasLock()) return kSuccess;
  SharedWords& words = lock_.words();
  const int64_t deadline = monotonicMs() + options_.timeoutMs;
  const uint64_t published = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
  for (;;) {
    // Before the try: a checkpoint that ends behind it must not be slept through.
    const uint32_t seen = atomicWord(words.checkpointTicket).load(std::memory_order_seq_cst);
    uint64_t epoch = 0;
    const Status status = checkpointer_->run(&epoch);
    if (status.code != Code::kBusy) return status;
    if (atomicWord(words.slotEpoch).load(std::memory_order_seq_cst) >= published) return kSuccess;
    // A file that was replaced needs none any more, and the handle is wanted for the other one.
    if (atomicWord(words.replaced).load(std::memory_order_seq_cst) != 0) return kSuccess;
    if (const Status waited = waitForCheckpoint(seen, deadline); !waited.ok()) {
      if (holderPid != nullptr) *holderPid = lock_.checkpointHolderPid();
      return waited;
    }
  }
}

Status Handle::waitForCheckpointLock() {
  SharedWords& words = lock_.words();
  const int64_t deadline = monotonicMs() + options_.timeoutMs;
  for (;;) {
    const uint32_t seen = atomicWord(words.checkpointTicket).load(std::memory_order_seq_cst);
    const Status got = lock_.tryAcquireCheckpoint();
    if (got.code != Code::kBusy) return got;
    if (const Status waited = waitForCheckpoint(seen, deadline); !waited.ok()) return waited;
  }
}

/// Its process may be stopped, or be long in coming to an end.
Status Handle::waitForCheckpoint(uint32_t seenTicket, int64_t deadline) {
  if (cancelled_.load(std::memory_order_relaxed)) return failure(Code::kClosed);
  if (monotonicMs() >= deadline) return failure(Code::kBusy, EBUSY);
  awaitCheckpoint(seenTicket);
  return kSuccess;
}

/// Sleeps until a checkpoint ends; not for long, since its process may have died.
void Handle::awaitCheckpoint(uint32_t seenTicket) {
  SharedWords& words = lock_.words();
  atomicWord(words.checkpointWaiters).fetch_add(1, std::memory_order_seq_cst);
  futexWait(atomicWord(words.checkpointTicket), seenTicket, 50);
  atomicWord(words.checkpointWaiters).fetch_sub(1, std::memory_order_seq_cst);
}

/// H7.
Status Handle::syncOf(int fd) {
  const std::lock_guard<std::mutex> guard(syncing_);
  const Status synced = syncData(fd);
  if (!synced.ok()) atomicWord(lock_.words().logSuspect).store(1, std::memory_order_seq_cst);
  return synced;
}

/// A write that failed. A full disk took nothing away.
Status Handle::fail(Status status) {
  return status.code == Code::kNoSpace ? status : latch(status);
}

/// H4: nobody may trust what the kernel still has of it.
Status Handle::latch(Status status) {
  atomicWord(lock_.words().logSuspect).store(1, std::memory_order_seq_cst);
  view_.control().failed = 1;
  view_.control().lastError = static_cast<uint32_t>(status.error);
  return status;
}

}  // namespace rstore
