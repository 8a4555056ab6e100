#include "core/checkpoint.h"

#include <algorithm>

#include "core/atomic-word.h"
#include "core/clock.h"
#include "core/file-applier.h"
#include "core/futex.h"
#include "core/io.h"

namespace rstore {

namespace {

constexpr int64_t kLongestRestMs = 1'000;

}  // namespace

Status Checkpointer::run(uint64_t* epoch) {
  const std::lock_guard<std::mutex> guard(running_);
  if (const Status locked = lock_.tryAcquireCheckpoint(); !locked.ok()) return locked;
  Status status = runLocked(epoch);
  if (!status.ok()) log_.close();  // zeros may stand in for what could not be read: map it anew
  if (!status.ok() && isReplaced()) status = kSuccess;  // the names lead to another generation
  lock_.releaseCheckpoint();
  return status;
}

/// A file that was replaced needs no checkpoint any more (replacement.cc).
bool Checkpointer::isReplaced() const {
  return atomicWord(lock_.words().replaced).load(std::memory_order_seq_cst) != 0;
}

Status Checkpointer::runLocked(uint64_t* epoch) {
  SharedWords& words = lock_.words();
  if (const Status opened = openOwnFile(); !opened.ok()) return opened;
  CheckpointSlot slot;
  if (const Status read = readSlot(own_.fd, own_.identity, &slot); !read.ok()) return read;
  *epoch = slot.epoch;
  const bool isSuspect = lock_.isSuspect();
  if (const Status sound = lock_.check(); !sound.ok()) return sound;  // lock-file.h, L5
  if (slot.clean == 1 || isSuspect) return kSuccess;                  // C2
  if (slot.epoch > atomicWord(words.slotEpoch).load(std::memory_order_seq_cst)) {
    if (const Status finished = finishSlot(&slot); !finished.ok()) return finished;
  }
  const uint64_t bytesSeen = atomicWord(words.logBytesSinceSlot).load(std::memory_order_relaxed);
  const uint64_t pagesSeen =
      atomicWord(words.distinctPagesSinceSlot).load(std::memory_order_relaxed);
  const uint64_t target = announceTarget();
  if (const Status sound = lock_.check(); !sound.ok()) return sound;  // L5: of the pins
  if (target <= slot.epoch) return kSuccess;
  if (const Status opened = openLog(slot); !opened.ok()) return opened;
  if (atomicWord(words.syncedEpoch).load(std::memory_order_seq_cst) < target) {
    if (const Status synced = log_.sync(); !synced.ok()) return suspect(synced);
  }
  if (const Status durable = makeTailsDurable(&slot, target); !durable.ok()) return durable;
  if (lock_.isSuspect()) return kSuccess;  // C2: it may be of pages that our sync passed over
  LogCursor at = cursorOfSlot(slot);
  FileApplier applier(own_, log_, own_.fd);
  const Status applied = applier.applyUpTo(target, &at);
  if (!applied.ok()) return applier.hasFailedToSync() ? suspect(applied) : applied;
  if (const Status synced = syncData(own_.fd); !synced.ok()) return suspect(synced);
  slot.epoch = at.epoch;
  slot.endUnits = at.endUnits;
  slot.logPosition = at.position;
  slot.logChecksum = at.checksum;
  slot.durableTailEpoch = std::max(slot.durableTailEpoch, at.epoch);
  if (const Status wrote = writeSlot(own_.fd, &slot); !wrote.ok()) return suspect(wrote);
  atomicWord(words.slotEpoch).store(at.epoch, std::memory_order_seq_cst);
  atomicWord(words.logBytesSinceSlot).fetch_sub(bytesSeen, std::memory_order_relaxed);
  atomicWord(words.distinctPagesSinceSlot).fetch_sub(pagesSeen, std::memory_order_relaxed);
  atomicWord(words.checkpointCount).fetch_add(1, std::memory_order_relaxed);
  *epoch = at.epoch;
  return kSuccess;
}

/// A failed sync may have been the only notice of somebody's lost pages: the next writer writes
/// them again.
Status Checkpointer::suspect(Status status) {
  atomicWord(lock_.words().logSuspect).store(1, std::memory_order_seq_cst);
  return status;
}

/// Step 1. The first store comes before the scan, so that a reader that pins later sees it
/// (lock-file.h, L3).
uint64_t Checkpointer::announceTarget() {
  SharedWords& words = lock_.words();
  auto& announced = atomicWord(words.checkpointTarget);
  const uint64_t published = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
  announced.store(published, std::memory_order_seq_cst);
  const uint64_t target = std::min(published, lock_.lowestPin(published));
  const uint64_t durable = atomicWord(words.slotEpoch).load(std::memory_order_seq_cst);
  announced.store(std::max(target, durable), std::memory_order_seq_cst);
  return target;
}

/// Steps 6 and 7 for somebody who died between them, or whose sync failed there: the slot that is
/// read may not be on the disk.
Status Checkpointer::finishSlot(CheckpointSlot* slot) {
  if (const Status synced = syncData(own_.fd); !synced.ok()) return suspect(synced);
  if (const Status wrote = writeSlot(own_.fd, slot); !wrote.ok()) return suspect(wrote);
  atomicWord(lock_.words().slotEpoch).store(slot->epoch, std::memory_order_seq_cst);
  return kSuccess;
}

/// Whether recovery from this slot would have to prove a tail up to `target` by its pages.
bool Checkpointer::hasUnprovenTail(const CheckpointSlot& slot, uint64_t target) const {
  LogCursor at = cursorOfSlot(slot);
  RedoRecord record;
  uint64_t start = 0;
  while (at.epoch < target && log_.peek(at, &record, &start)) {
    if (record.tailPageCount != 0 && record.epoch > slot.durableTailEpoch) return true;
    at = Log::behind(record, start);
  }
  return false;
}

/// Step 3. The writer's word is cleared only for tails that were committed before the sync began.
Status Checkpointer::makeTailsDurable(CheckpointSlot* slot, uint64_t target) {
  if (!hasUnprovenTail(*slot, target)) return kSuccess;
  SharedWords& words = lock_.words();
  auto& unsynced = atomicWord(words.unsyncedTailEpoch);
  uint64_t seen = unsynced.load(std::memory_order_seq_cst);
  const uint64_t published = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
  if (const Status synced = syncData(own_.fd); !synced.ok()) return suspect(synced);
  if (seen != 0 && seen <= published) {
    unsynced.compare_exchange_strong(seen, 0, std::memory_order_seq_cst);
  }
  slot->durableTailEpoch = std::max(slot->durableTailEpoch, target);
  const Status wrote = writeSlot(own_.fd, slot);
  return wrote.ok() ? wrote : suspect(wrote);
}

Status Checkpointer::openOwnFile() {
  if (own_.fd >= 0) return kSuccess;
  Status opened = own_.open(path_, true, kKindLive);
  if (opened.ok()) opened = own_.isSameAs(file_);
  const bool isGone = opened.code == Code::kNotFound;  // H11
  if (isGone) opened = own_.open(nameOfDescriptor(file_.fd), true, kKindLive);
  if (!opened.ok()) own_.close();
  return opened;
}

Status Checkpointer::openLog(const CheckpointSlot& slot) {
  if (log_.isOpen() && log_.salt() == slot.logSalt) return kSuccess;
  return log_.join(path_ + "-wal", sharedLog_, file_.identity, slot.logSalt, true);
}

// ── the background thread ────────────────────────────────────────────────────────────────────────

void Checkpointer::kick(bool urgently) {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (stopping_) return;
  if (thread_.isRunning() && wanted_ && (urgent_ || !urgently)) return;  // it knows
  wanted_ = true;
  if (urgently) endRest(&urgent_);
  if (!thread_.isRunning() && !thread_.start([this] { loop(); }).ok()) return;
  wake_.notify_one();
}

void Checkpointer::stop() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    endRest(&stopping_);
    wake_.notify_one();
  }
  thread_.join();
}

/// A failure that matters to others has made the log suspect (C2), which the next writer sees; any
/// other one comes again where somebody waits for a checkpoint.
void Checkpointer::loop() {
  std::unique_lock<std::mutex> guard(mutex_);
  for (;;) {
    wake_.wait(guard, [this] { return wanted_ || stopping_; });
    if (stopping_) return;
    wanted_ = urgent_ = false;
    guard.unlock();
    const int64_t begun = monotonicMs();
    uint64_t epoch = 0;
    (void)run(&epoch);
    const int64_t ended = monotonicMs();
    guard.lock();
    urgent_ = false;
    rest(guard, ended + std::min(ended - begun, kLongestRestMs));
  }
}

/// C4. Not by the condition: how long that waits goes by the time of day, which somebody may set.
void Checkpointer::rest(std::unique_lock<std::mutex>& guard, int64_t untilMs) {
  while (!urgent_ && !stopping_) {
    const int64_t left = untilMs - monotonicMs();
    if (left <= 0) return;
    const uint32_t seen = restsEnded_.load();
    guard.unlock();
    futexWait(restsEnded_, seen, left);
    guard.lock();
  }
}

void Checkpointer::endRest(bool* because) {
  *because = true;
  restsEnded_.fetch_add(1);
  futexWake(restsEnded_, 1);
}

}  // namespace rstore
