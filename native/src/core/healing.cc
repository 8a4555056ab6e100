// What a new holder of the write lock sets right before it begins: H2, H3 and H4 of handle.h.
#include <errno.h>

#include "core/atomic-word.h"
#include "core/handle.h"
#include "core/io.h"
#include "core/pages.h"
#include "core/recovery.h"

namespace rstore {

/// What the holder before us may have left: H4, H2, H3.
Status Handle::heal() {
  SharedWords& words = lock_.words();
  if (lock_.isSuspect()) {
    if (const Status repaired = repairLog(); !repaired.ok()) return repaired;
  } else if (log_.isOpen()) {
    if (const Status adopted = adopt(); !adopted.ok()) return adopted;
  }
  view_.prepareToWrite();
  return words.tailHighBytes != 0 ? zeroAbandonedTail() : kSuccess;
}

Status Handle::adopt() {
  RedoRecord record;
  uint64_t start = 0;
  (void)log_.takeFault();  // of before
  while (log_.peek(view_.cursor(), &record, &start) &&
         log_.isValid(view_.cursor(), record, start)) {
    if (const Status applied = view_.apply(record, start); !applied.ok()) return applied;
    lock_.publish(record.epoch);
    lock_.pin(record.epoch);
    if (record.endUnits * kUnitBytes >= lock_.words().tailHighBytes)
      lock_.words().tailHighBytes = 0;
  }
  return kSuccess;
}

/// H4.
Status Handle::repairLog() {
  SharedWords& words = lock_.words();
  if (const Status locked = waitForCheckpointLock(); !locked.ok()) return locked;
  // Neither 0, in case we die, nor 1, to see it when somebody's sync fails meanwhile.
  uint32_t underRepair = 2;
  auto& suspect = atomicWord(words.logSuspect);
  suspect.store(underRepair, std::memory_order_seq_cst);
  Status status = rewriteSinceSlot();
  const bool clean = status.ok() && suspect.compare_exchange_strong(underRepair, 0);
  lock_.releaseCheckpoint();
  if (!clean) return status.ok() ? failure(Code::kIo, EIO) : status;
  atomicWord(words.syncedEpoch).store(view_.epoch(), std::memory_order_seq_cst);
  atomicWord(words.unsyncedTailEpoch).store(0, std::memory_order_seq_cst);
  return kSuccess;
}

Status Handle::rewriteSinceSlot() {
  CheckpointSlot slot;
  if (const Status read = readSlot(file_.fd, file_.identity, &slot); !read.ok()) return read;
  if (log_.isOpen() && slot.clean == 0) {
    // Records that were dropped from memory must not be written to the disk as if they were right:
    // all that comes behind them, however well synced, would be lost to recovery.
    // A page may be dropped between the proof and its rewriting: so there is a second one.
    const LogCursor from = cursorOfSlot(slot);
    if (const Status whole = log_.prove(from, view_.epoch()); !whole.ok()) return whole;
    const Status rewritten = log_.rewrite(slot.logPosition, view_.cursor().position);
    if (!rewritten.ok()) return rewritten;
    if (const Status synced = syncOf(log_.fd()); !synced.ok()) return synced;
    if (const Status whole = log_.prove(from, view_.epoch()); !whole.ok()) return whole;
    const Status tails =
        rewriteTails(file_, log_, cursorOfSlot(slot), view_.epoch(), slot.durableTailEpoch);
    if (!tails.ok()) return tails;
  }
  if (const Status zeroed = zeroPastEnd(); !zeroed.ok()) return zeroed;
  return syncOf(file_.fd);
}

/// The zeros behind the data may be among the pages that were lost, and what a transaction that was
/// given up had written there is back.
Status Handle::zeroPastEnd() const {
  const uint64_t from = linesForUnits(view_.cursor().endUnits) * kLineBytes;
  uint64_t length = 0;
  if (const Status got = fileLength(file_.fd, &length); !got.ok()) return got;
  return from < length ? zeroFileRange(file_.fd, from, length - from) : kSuccess;
}

Status Handle::zeroAbandonedTail() {
  SharedWords& words = lock_.words();
  const uint64_t from = pagesForUnits(view_.cursor().endUnits) * kPageBytes;
  if (words.tailHighBytes > file_.identity.capacityBytes) return failure(Code::kLockDamaged);
  if (words.tailHighBytes > from) {
    const Status zeroed = zeroFileRange(file_.fd, from, words.tailHighBytes - from);
    if (!zeroed.ok()) return zeroed;
  }
  words.tailHighBytes = 0;
  return kSuccess;
}

}  // namespace rstore
