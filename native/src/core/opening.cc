// How a handle joins the others of its file, or is the first, and how it closes: H5, H8 and H9 of
// handle.h.
#include <errno.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/atomic-word.h"
#include "core/clock.h"
#include "core/file-lock.h"
#include "core/handle.h"
#include "core/io.h"
#include "core/pages.h"
#include "core/recovery.h"

namespace rstore {

Status Handle::open(const std::string& path, const HandleOptions& options) {
  path_ = path;
  options_ = options;
  Status status = file_.open(path, !options.readOnly, kKindLive);
  if (!status.ok()) return status;
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
    joined = file_.open(path_, !options_.readOnly, kKindLive);  // a new lock file is made like it
    if (joined.ok()) joined = joinThisGeneration();
  }
  if (!joined.ok()) return joined;
  checkpointer_ = std::make_unique<Checkpointer>(file_, lock_, path_);
  shareLog();
  return kSuccess;
}

/// kReplaced also when the next generation began after we joined: the log may have gone with it.
Status Handle::joinThisGeneration() {
  if (const Status joined = joinOrFinishReplacement(); !joined.ok()) return joined;
  const Status opened = openLogWhenBegun();
  const bool gone = !opened.ok() && checkName().code == Code::kReplaced;
  return gone ? failure(Code::kReplaced) : opened;
}

/// kReplaced: the lock file was that of the file before; it has gone now, or is about to.
Status Handle::joinOrFinishReplacement() {
  bool first = false;
  const Status locked = lock_.open(path_ + "-lock", file_.fd, options_.timeoutMs, &first);
  if (!locked.ok()) return locked;
  // The file may have been replaced between our open and the lock.
  const Status again = file_.open(path_, !options_.readOnly, kKindLive);
  if (!again.ok()) return again;
  if (const Status claimed = claimFile(first); !claimed.ok()) return claimed;
  if (!leadsTo(path_.c_str(), file_.fd)) return failure(Code::kReplaced);  // removed before that
  const Status joined = first ? becomeFirst() : lock_.join(file_);
  const bool isVain = first && !joined.ok() && joined.code != Code::kReplaced;
  if (isVain) lock_.remove();  // it would be empty, and nobody else's
  if (joined.code != Code::kReplaced || !lock_.isOfFormer(file_.identity)) return joined;
  const Status retired = lock_.retire(logPath(), options_.timeoutMs);
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
    const Status opened = writable.open(path_, true, kKindLive);
    if (opened.code == Code::kReadOnly) return failure(Code::kNeedsRecovery, opened.error);
    if (!opened.ok()) return opened;
    const Status recovered = recoverRegion(writable, lock_, logPath(), &slot);
    if (!recovered.ok()) return recovered;
  }
  SharedWords& words = lock_.words();
  words.publishedEpoch = words.slotEpoch = words.checkpointTarget = words.syncedEpoch = slot.epoch;
  if (const Status sound = lock_.check(); !sound.ok()) return sound;
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
  const Status opened = log_.join(logPath(), -1, file_.identity, words.logSalt, !options_.readOnly);
  if (opened.code == Code::kElsewhere) return notHere();
  if (!opened.ok()) return opened;
  shareLog();
  // A view that knows only a clean slot does not know where the log goes on; one that knows the
  // slot of a beginning that failed would go on with the checksum of another log.
  if (view_.isOpen()) view_.requireRestart();
  return kSuccess;
}

/// Why what belongs to the region has not its names: kNotFound where that was removed itself.
Status Handle::notHere() const {
  struct stat found;
  const bool isGone = io().statName(path_.c_str(), &found) == -ENOENT;
  return failure(isGone ? Code::kNotFound : Code::kElsewhere);
}

/// Of the log that is open, for as long as the checkpointer lives.
void Handle::shareLog() {
  if (checkpointer_ && log_.isOpen()) checkpointer_->useLog(log_.fd());
}

Status Handle::attach(const ViewMemory& memory, ControlBlock* control, uint64_t epoch) {
  const Status opened = view_.open(memory, control, options_.waiting);
  if (!opened.ok()) return opened;
  if (hasLock() && epoch == UINT64_MAX) return refresh();
  if (hasLock()) {
    Status shown = view_.advanceTo(epoch);
    if (const Status sound = checkLock(); !sound.ok()) shown = sound;
    // Opening the view cleared the fault word, by which a snapshot learns of it later.
    return lock_.isRevoked() ? failure(Code::kRevoked) : shown;  // the log may be gone by then
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
  if (const Status sound = checkLock(); !sound.ok()) return sound;
  // Only now: the time of its pin is its own, and nobody takes it for the long one before it.
  return lock_.changeState(kReaderIdle, kReaderSnapshot) ? kSuccess : failure(Code::kStale);
}

void Handle::close() {
  if (checkpointer_) checkpointer_->stop();
  ahead_.writer.join();  // before the lock: T1 of tail.cc
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
  alone_ = lock_.becomeLast() && checkName().ok();
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
  if (lock_.isSuspect()) return failure(Code::kFailed);
  const bool begun = words.logBegun != 0;
  const uint64_t tailHighBytes = words.tailHighBytes;
  if (const Status sound = lock_.check(); !sound.ok()) return sound;
  if (!begun) return cutFile(writable);
  uint64_t epoch = 0;
  Checkpointer last(writable, lock_, path_);
  last.useLog(log_.fd());
  if (const Status done = last.run(&epoch); !done.ok()) return done;
  if (epoch != published) return failure(Code::kBusy);
  CheckpointSlot slot;
  if (const Status read = readSlot(writable.fd, writable.identity, &slot); !read.ok()) return read;
  if (slot.clean == 1) return cutFile(writable);
  const uint64_t from = pagesForUnits(slot.endUnits) * kPageBytes;
  if (tailHighBytes > writable.identity.capacityBytes) return failure(Code::kLockDamaged);
  if (tailHighBytes > from) {  // H3
    const Status zeroed = zeroFileRange(writable.fd, from, tailHighBytes - from);
    if (!zeroed.ok()) return zeroed;
  }
  if (const Status cut = cutFile(writable); !cut.ok()) return cut;
  // H3, H9: zeros of now or of a holder before, and the cut: a clean slot stands for them.
  if (const Status synced = syncData(writable.fd); !synced.ok()) return synced;
  Log named(lock_);
  (void)named.join(logPath(), -1, writable.identity, slot.logSalt, false);
  return markClean(writable, logPath(), named.fd(), &slot);
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

}  // namespace rstore
