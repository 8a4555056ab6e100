#include "core/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/atomic-word.h"
#include "core/clock.h"
#include "core/file-lock.h"
#include "core/futex.h"
#include "core/io.h"
#include "core/pages.h"
#include "core/recovery.h"

namespace rstore {

// ── opening and closing ──────────────────────────────────────────────────────────────────────────

Status Handle::open(const std::string& path, const HandleOptions& options) {
  path_ = path;
  options_ = options;
  Status status = file_.open(path, !options.readOnly, kKindLive);
  if (!status.ok()) return status;
  // Log and lock file are as private as the region: the log holds the same data.
  struct stat found;
  if (fstat(file_.fd, &found) == 0) options_.mode = found.st_mode & 0777;
  status = openShared();
  // Only media that cannot be written at all are safe without a lock: others might write there.
  const bool readOnlyMedia = status.code == Code::kReadOnly && status.error == EROFS;
  if (readOnlyMedia && options.readOnly) status = openWithoutLock();
  if (!status.ok()) close();
  capacityBytes_ = file_.identity.capacityBytes;
  return status;
}

Status Handle::openShared() {
  const int64_t deadline = monotonicMs() + options_.timeoutMs;
  Status joined = joinThisGeneration();
  while (joined.code == Code::kReplaced && monotonicMs() < deadline) {
    lock_.close();
    file_.close();  // a claim on it (H8) would keep whoever is first from going on
    sleepMicroseconds(500);
    joined = joinThisGeneration();
  }
  if (joined.ok()) checkpointer_ = std::make_unique<Checkpointer>(file_, lock_, path_);
  return joined;
}

/// kReplaced also when the next generation began after we joined: the log may have gone with it.
Status Handle::joinThisGeneration() {
  if (const Status joined = joinOrFinishReplacement(); !joined.ok()) return joined;
  const Status opened = openLogWhenBegun();
  return opened.ok() || !isNameGivenAway() ? opened : failure(Code::kReplaced);
}

/// kReplaced: the lock file was that of the file before; it has gone now, or is about to.
Status Handle::joinOrFinishReplacement() {
  bool first = false;
  const Status locked = lock_.open(path_ + "-lock", options_.mode, options_.timeoutMs, &first);
  if (!locked.ok()) return locked;
  // The file may have been replaced between our open and the lock.
  const Status again = file_.open(path_, !options_.readOnly, kKindLive);
  if (!again.ok()) return again;
  if (const Status claimed = claimFile(first); !claimed.ok()) return claimed;
  const Status joined = first ? becomeFirst() : lock_.join(file_);
  if (joined.code != Code::kReplaced || !lock_.isOfFormer(file_.identity)) return joined;
  const Status retired = lock_.retire(logPath());
  return retired.ok() ? joined : retired;
}

/// H8.
Status Handle::claimFile(bool first) {
  const int fd = file_.fd;
  const Status claimed = tryLockByte(fd, kAliveByte, LockMode::kShared);
  if (!claimed.ok() || !first) return claimed;
  const int64_t deadline = monotonicMs() + options_.timeoutMs;
  for (;;) {
    bool held = false;
    const Status probed = probeByte(fd, kAliveByte, LockMode::kExclusive, &held);
    if (!probed.ok() || !held) return probed;
    if (monotonicMs() >= deadline) return failure(Code::kElsewhere);
    sleepMicroseconds(500);  // a process that is just ending lets go of one after the other
  }
}

/// Recovery needs a file that can be written, also where the handle itself only reads.
Status Handle::becomeFirst() {
  if (const Status built = lock_.build(file_); !built.ok()) return built;
  CheckpointSlot slot;
  if (const Status read = readSlot(file_.fd, file_.identity, &slot); !read.ok()) return read;
  if (slot.clean == 0) {
    RegionFile writable;
    if (const Status opened = writable.open(path_, true, kKindLive); !opened.ok()) return opened;
    const Status recovered = recoverRegion(writable, lock_, logPath(), &slot);
    if (!recovered.ok()) return recovered;
  }
  SharedWords& words = lock_.words();
  words.publishedEpoch = words.slotEpoch = words.checkpointTarget = words.syncedEpoch = slot.epoch;
  lock_.announceReady();
  return kSuccess;
}

/// Media that cannot be written: nobody else writes either, and a clean file needs no log.
Status Handle::openWithoutLock() {
  lock_.close();
  CheckpointSlot slot;
  if (const Status read = readSlot(file_.fd, file_.identity, &slot); !read.ok()) return read;
  return slot.clean == 1 ? kSuccess : failure(Code::kNeedsRecovery);
}

Status Handle::openLogWhenBegun() {
  if (log_.isOpen()) return kSuccess;
  SharedWords& words = lock_.words();
  if (atomicWord(words.logBegun).load(std::memory_order_seq_cst) == 0) return kSuccess;
  const Status opened = log_.open(logPath(), file_.identity, words.logSalt);
  if (!opened.ok()) return opened;
  // A view that knows only a clean slot does not know where the log goes on; one that knows the
  // slot of a beginning that failed would go on with the checksum of another log.
  if (view_.isOpen()) view_.requireRestart();
  return kSuccess;
}

Status Handle::attach(const ViewMemory& memory, ControlBlock* control, uint64_t epoch) {
  const Status opened = view_.open(memory, control, options_.waiting);
  if (!opened.ok()) return opened;
  if (hasLock() && epoch == UINT64_MAX) return refresh();
  if (hasLock()) {
    const Status shown = view_.advanceTo(epoch);
    // Opening the view cleared the fault word, by which a snapshot learns of it later.
    return shown.ok() && lock_.isRevoked() ? failure(Code::kRevoked) : shown;
  }
  CheckpointSlot slot;
  if (const Status read = readSlot(file_.fd, file_.identity, &slot); !read.ok()) return read;
  return view_.showSlot(slot);
}

/// An idle view is as an unpinned one of any handle: view.h, V5.
bool Handle::pause() {
  constexpr uint64_t kMostIdlePages = 4096;
  ControlBlock& control = view_.control();
  if (!hasLock() || control.failed != 0 || atomicWord(control.fault).load() != 0) return false;
  if (view_.privatePageCount() > kMostIdlePages) return false;
  if (!lock_.changeState(kReaderSnapshot, kReaderIdle)) return false;
  lock_.unpin();
  return true;
}

Status Handle::resume(uint64_t epoch) {
  if (isReplaced()) return failure(Code::kReplaced);
  if (const Status opened = openLogWhenBegun(); !opened.ok()) return opened;
  if (const Status shown = view_.advanceTo(epoch); !shown.ok()) return shown;
  // Only now: the time of its pin is its own, and nobody takes it for the long one before it.
  return lock_.changeState(kReaderIdle, kReaderSnapshot) ? kSuccess : failure(Code::kStale);
}

void Handle::close() {
  if (checkpointer_) checkpointer_->stop();
  if (hasLock() && lock_.holdsWrite()) lock_.releaseWrite();
  view_.close();
  if (hasLock() && checkpointer_) closeAsLast();
  checkpointer_.reset();
  log_.close();
  file_.close();  // before the lock: H8
  lock_.close();
  transacting_ = false;
}

bool Handle::becomeAlone() {
  if (!hasLock() || !checkpointer_ || transacting_) return false;
  lock_.unpin();
  alone_ = lock_.becomeLast() && !isNameGivenAway();
  return alone_;
}

/// Everything into the file, so that it alone is complete. What fails here is left to the next
/// opener's recovery.
void Handle::closeAsLast() {
  lock_.unpin();
  if (!alone_ && !lock_.becomeLast()) return;
  RegionFile writable;
  if (!writable.open(path_, true, kKindLive).ok()) return;
  if (!writable.isSameAs(file_).ok()) return;
  atomicWord(lock_.words().replaced).store(0, std::memory_order_seq_cst);  // of one that died
  if (finishFile(writable).ok()) lock_.remove();
}

Status Handle::finishFile(RegionFile& writable) {
  SharedWords& words = lock_.words();
  const uint64_t published = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
  if (isSuspect()) return failure(Code::kFailed);
  if (words.logBegun == 0) return cutFile(writable);
  uint64_t epoch = 0;
  Checkpointer last(writable, lock_, path_);
  if (const Status done = last.run(&epoch); !done.ok()) return done;
  if (epoch != published) return failure(Code::kBusy);
  CheckpointSlot slot;
  if (const Status read = readSlot(writable.fd, writable.identity, &slot); !read.ok()) return read;
  if (slot.clean == 1) return cutFile(writable);
  const uint64_t from = pagesForUnits(slot.endUnits) * kPageBytes;
  if (words.tailHighBytes > from) {  // H3
    const Status zeroed = zeroFileRange(writable.fd, from, words.tailHighBytes - from);
    if (!zeroed.ok()) return zeroed;
  }
  if (const Status cut = cutFile(writable); !cut.ok()) return cut;
  return markClean(writable, logPath(), &slot);
}

/// H9. Checksums of pages that are gone are taken back: 0 is that of a page never written.
Status Handle::cutFile(RegionFile& writable) {
  if (!alone_) return kSuccess;
  CheckpointSlot slot;
  if (const Status read = readSlot(writable.fd, writable.identity, &slot); !read.ok()) return read;
  const uint64_t end = pagesForUnits(slot.endUnits) * kPageBytes;
  uint64_t length = 0;
  if (const Status got = fileLength(writable.fd, &length); !got.ok()) return got;
  if (length <= end) return kSuccess;
  const uint64_t page = end / kPageBytes;
  const uint64_t count = pagesForBytes(length) - page;
  const Status cleared =
      zeroFileRange(writable.fd, writable.checksumOffset(page), count * sizeof(uint32_t));
  if (!cleared.ok()) return cleared;
  return statusFromErrno(-io().truncate(writable.fd, end));
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────

Status Handle::refresh() {
  if (view_.control().failed != 0) return failure(Code::kFailed);
  if (isReplaced()) return failure(Code::kReplaced);
  if (!hasLock()) return kSuccess;
  const Status status = refreshHere();
  if (status.ok()) return status;
  lock_.unpin();
  return isReplaced() ? failure(Code::kReplaced) : status;  // log and lock file went meanwhile
}

Status Handle::refreshHere() {
  letFileFollow(true);
  if (const Status opened = openLogWhenBegun(); !opened.ok()) return opened;
  Status status = view_.refresh();
  if (status.code == Code::kStale && !log_.isOpen()) {  // begun since we looked
    if (const Status opened = openLogWhenBegun(); !opened.ok()) return opened;
    status = view_.refresh();
  }
  return status;
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
  Status status = checkName();
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

/// What the holder before us may have left: H4, H2, H3.
Status Handle::heal() {
  SharedWords& words = lock_.words();
  if (isSuspect()) {
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
  while (log_.peek(view_.cursor(), &record, &start) &&
         log_.isValid(view_.cursor(), record, start)) {
    if (const Status applied = view_.apply(record, start); !applied.ok()) return applied;
    lock_.publish(record.epoch);
    lock_.pin(record.epoch);
    if (record.endUnits * 8 >= lock_.words().tailHighBytes) lock_.words().tailHighBytes = 0;
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

Status Handle::waitForCheckpointLock() {
  SharedWords& words = lock_.words();
  const int64_t deadline = monotonicMs() + options_.timeoutMs;
  for (;;) {
    const uint32_t seen = atomicWord(words.checkpointTicket).load(std::memory_order_seq_cst);
    if (lock_.tryAcquireCheckpoint()) return kSuccess;
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

Status Handle::rewriteSinceSlot() {
  CheckpointSlot slot;
  if (const Status read = readSlot(file_.fd, file_.identity, &slot); !read.ok()) return read;
  if (log_.isOpen() && slot.clean == 0) {
    if (const Status proven = proveLog(slot); !proven.ok()) return proven;
    const Status rewritten = log_.rewrite(slot.logPosition, view_.cursor().position);
    if (!rewritten.ok()) return rewritten;
    if (const Status synced = syncOf(log_.fd()); !synced.ok()) return synced;
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
  const uint64_t end = view_.cursor().endUnits * kUnitBytes;
  const uint64_t from = (end + kLineBytes - 1) / kLineBytes * kLineBytes;
  uint64_t length = 0;
  if (const Status got = fileLength(file_.fd, &length); !got.ok()) return got;
  return from < length ? zeroFileRange(file_.fd, from, length - from) : kSuccess;
}

/// Records that were dropped from memory must not be written to the disk as if they were right: all
/// that comes behind them, however well synced, would be lost to recovery.
Status Handle::proveLog(const CheckpointSlot& slot) const {
  LogCursor at = cursorOfSlot(slot);
  while (at.epoch < view_.epoch()) {
    RedoRecord record;
    uint64_t start = 0;
    const bool there = log_.peek(at, &record, &start) && log_.isValid(at, record, start);
    if (!there) return failure(Code::kIo, EIO);
    at = Log::behind(record, start);
  }
  return kSuccess;
}

Status Handle::zeroAbandonedTail() {
  SharedWords& words = lock_.words();
  const uint64_t from = pagesForUnits(view_.cursor().endUnits) * kPageBytes;
  if (words.tailHighBytes > from) {
    const Status zeroed = zeroFileRange(file_.fd, from, words.tailHighBytes - from);
    if (!zeroed.ok()) return zeroed;
  }
  words.tailHighBytes = 0;
  return kSuccess;
}

void Handle::rollback(const uint32_t* pages, uint32_t count) {
  view_.control().growing = 0;
  view_.control().contentSerial++;
  view_.forget(pages, count);
  (void)takeFaultBits(&view_.control());
  transacting_ = false;
  if (lock_.holdsWrite()) lock_.releaseWrite();
}

Status Handle::grow(uint64_t endUnits) { return growFile(&view_.faultRange(), endUnits * 8); }

// ── durability ───────────────────────────────────────────────────────────────────────────────────

Status Handle::prepareFlush() {
  if (view_.control().failed != 0) return failure(Code::kFailed);
  return hasLock() ? openLogWhenBegun() : kSuccess;
}

Status Handle::flush() {
  if (!hasLock()) return kSuccess;
  SharedWords& words = lock_.words();
  const uint64_t published = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
  if (atomicWord(words.syncedEpoch).load(std::memory_order_seq_cst) >= published) return kSuccess;
  if (!log_.isOpen()) return kSuccess;
  auto& unsynced = atomicWord(words.unsyncedTailEpoch);
  uint64_t seen = unsynced.load(std::memory_order_seq_cst);
  if (seen != 0) {
    if (const Status synced = syncOf(file_.fd); !synced.ok()) return latch(synced);
    if (isSuspect()) return failure(Code::kIo, EIO);  // H7; the next transaction repairs it
    if (seen <= published) unsynced.compare_exchange_strong(seen, 0, std::memory_order_seq_cst);
  }
  if (const Status synced = syncOf(log_.fd()); !synced.ok()) return latch(synced);
  if (isSuspect()) return failure(Code::kIo, EIO);
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

/// H7.
Status Handle::syncOf(int fd) {
  const std::lock_guard<std::mutex> guard(syncing_);
  const Status synced = syncData(fd);
  if (!synced.ok()) atomicWord(lock_.words().logSuspect).store(1, std::memory_order_seq_cst);
  return synced;
}

bool Handle::isSuspect() const {
  return atomicWord(lock_.words().logSuspect).load(std::memory_order_seq_cst) != 0;
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
