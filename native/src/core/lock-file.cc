#include "core/lock-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "core/address-space.h"
#include "core/atomic-word.h"
#include "core/clock.h"
#include "core/file-lock.h"
#include "core/futex.h"
#include "core/io.h"
#include "core/side-file.h"

namespace rstore {

namespace {

constexpr int64_t kProbeMs = 50;    // a dead holder is noticed at least this often
constexpr int kSpinCount = 100;     // an unsynced commit takes about a microsecond
constexpr int64_t kUnfairMs = 2;    // how long one handle may keep retaking a contended lock
constexpr int64_t kGiveWayMs = 10;  // how long one that was woken may need to run on a busy machine
constexpr int64_t kDeadMs = 4 * kProbeMs;  // who was not there to be woken for so long is dead

inline void cpuRelax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

uint32_t slotOfWord(uint64_t word) { return static_cast<uint32_t>(word) - 1; }
uint32_t generationOfWord(uint64_t word) { return static_cast<uint32_t>(word >> 32); }
/// L6: whether somebody can have stored it.
bool isLockWord(uint64_t word) { return word == 0 || slotOfWord(word) < kReaderSlotCount; }

/// The slot's owner begins to read now.
void noteTime(ReaderSlot& slot) {
  atomicWord(slot.pinnedMs).store(wallClockMs(), std::memory_order_relaxed);
  atomicWord(slot.pinnedTickMs).store(monotonicMs(), std::memory_order_relaxed);
}

}  // namespace

// ── opening ──────────────────────────────────────────────────────────────────────────────────────

Status LockFile::open(const std::string& path, int region, int64_t timeoutMs, bool* first) {
  path_ = path;
  const int64_t deadline = monotonicMs() + timeoutMs;
  for (;;) {
    const Status opened = makeSideFile(path, SideFile::kLock, region, &fd_);
    if (!opened.ok()) return opened;
    const Status exclusive = tryLockByte(fd_, kAliveByte, LockMode::kExclusive);
    if (!exclusive.ok() && exclusive.code != Code::kBusy) return exclusive;
    if (exclusive.ok() && hasItsName()) {
      *first = true;
      return kSuccess;
    }
    if (!exclusive.ok() && tryLockByte(fd_, kAliveByte, LockMode::kShared).ok() && hasItsName()) {
      uint32_t ready = 0;
      const Status read = readFully(fd_, &ready, sizeof ready, offsetof(LockHeader, ready));
      if (read.ok() && ready == 1) {
        *first = false;
        return kSuccess;
      }
    }
    // Someone is recovering or closing, or the name has moved on to another file: begin again.
    closeFile(fd_);
    fd_ = -1;
    if (monotonicMs() >= deadline) return failure(Code::kBusy, EBUSY);
    sleepMicroseconds(500);
  }
}

bool LockFile::hasItsName() const { return leadsTo(path_.c_str(), fd_); }

Status LockFile::check() const {
  if (atomicWord(control_.fault).load(std::memory_order_relaxed) != 0) {
    const uint32_t error = atomicWord(control_.lastError).load(std::memory_order_relaxed);
    return failure(Code::kIo, static_cast<int>(error));
  }
  const bool isSound = words_->logSegmentCount <= kSegmentCountLimit;
  return isSound ? kSuccess : failure(Code::kLockDamaged);
}

Status LockFile::build(const RegionFile& region) {
  struct stat file;
  if (const Status got = statOf(region.fd, &file); !got.ok()) return got;
  // Whoever dies here leaves `ready` at 0, and the next opener, exclusive again, starts over.
  if (const int cut = io().truncate(fd_, 0); cut < 0) return statusFromErrno(-cut);
  if (const Status grown = allocateFileTo(fd_, kLockFileBytes); !grown.ok()) return grown;  // L5
  if (const Status mapped = map(); !mapped.ok()) return mapped;
  auto& header = *reinterpret_cast<LockHeader*>(base_);
  header.magic = kLockMagic;
  header.formatVersion = kFormatVersion;
  memcpy(header.uuid, region.identity.uuid, sizeof header.uuid);
  header.generation = region.identity.generation;
  header.device = file.st_dev;
  header.inode = file.st_ino;
  header.readerSlotCount = kReaderSlotCount;
  return takeSlot();
}

void LockFile::announceReady() {
  auto& header = *reinterpret_cast<LockHeader*>(base_);
  atomicWord(header.ready).store(1, std::memory_order_release);
  (void)tryLockByte(fd_, kAliveByte, LockMode::kShared);  // a downgrade cannot fail
}

Status LockFile::join(const RegionFile& region) {
  struct stat file;
  if (const Status got = statOf(region.fd, &file); !got.ok()) return got;
  if (const Status mapped = map(); !mapped.ok()) return mapped;
  const auto& header = *reinterpret_cast<const LockHeader*>(base_);
  if (header.magic != kLockMagic) {
    const Status sound = check();
    return sound.ok() ? failure(Code::kLockDamaged) : sound;
  }
  if (header.formatVersion != kFormatVersion) return failure(Code::kTooNew);
  if (memcmp(header.uuid, region.identity.uuid, sizeof header.uuid) != 0 ||
      header.generation != region.identity.generation) {
    return failure(Code::kReplaced);
  }
  // A copy of the region that was moved to its name.
  if (header.device != file.st_dev || header.inode != file.st_ino) {
    return failure(Code::kElsewhere);
  }
  return takeSlot();
}

bool LockFile::isOfFormer(const Identity& identity) const {
  if (base_ == nullptr) return false;
  const auto& header = *reinterpret_cast<const LockHeader*>(base_);
  return memcmp(header.uuid, identity.uuid, sizeof header.uuid) == 0 &&
         header.generation < identity.generation;
}

Status LockFile::retire(const std::string& logPath, int64_t timeoutMs) {
  const Status locked = lockByteWithin(fd_, kRetireByte, LockMode::kExclusive, timeoutMs);
  if (!locked.ok()) return locked;
  Status status = kSuccess;
  if (hasItsName()) {
    status = syncDirectoryOf(path_.c_str());
    int log = -1;
    const bool isInTheWay = openSideFile(logPath, false, &log).code == Code::kInTheWay;
    if (log >= 0) closeFile(log);
    const int gone = status.ok() && !isInTheWay ? io().unlink(logPath.c_str()) : 0;
    if (gone < 0 && gone != -ENOENT) status = statusFromErrno(-gone);
    if (status.ok()) status = statusFromErrno(-io().unlink(path_.c_str()));
  }
  (void)unlockByte(fd_, kRetireByte);
  return status;
}

Status LockFile::map() {
  if (const Status got = reserveAddressSpace(kLockFileBytes, &memory_); !got.ok()) return got;
  base_ = memory_.base;
  const Status mapped = mapShared(base_, fd_, 0, kLockFileBytes, Shared::kMemory);
  if (!mapped.ok()) return mapped;
  words_ = reinterpret_cast<SharedWords*>(base_ + kSharedWordsOffset);
  slots_ = reinterpret_cast<ReaderSlot*>(base_ + kReaderSlotsOffset);
  segments_ = reinterpret_cast<SegmentEntry*>(base_ + kSegmentTableOffset);
  faultRange_ = {};
  faultRange_.base = base_;
  faultRange_.bytes = memory_.bytes;
  faultRange_.kind = FaultKind::kLock;
  faultRange_.fd = fd_;
  control_ = {};
  faultRange_.control = &control_;
  if (const Status ranged = registerRange(&faultRange_); !ranged.ok()) return ranged;
  return openProbe();
}

/// For liveness (L1), which an open file description of its own asks about. kReplaced: the name has
/// moved on to another file since ours was opened.
Status LockFile::openProbe() {
  const Status opened = openLockDescriptor(path_.c_str(), false, &probeFd_);
  if (opened.code == Code::kNotFound) return failure(Code::kReplaced);
  if (!opened.ok()) return opened;
  struct stat own;
  struct stat probe;
  if (const Status got = statOf(fd_, &own); !got.ok()) return got;
  if (const Status got = statOf(probeFd_, &probe); !got.ok()) return got;
  return isSameFile(own, probe) ? kSuccess : failure(Code::kReplaced);
}

Status LockFile::takeSlot() {
  for (uint32_t index = 0; index < kReaderSlotCount; index++) {
    if (!tryLockByte(fd_, kFirstSlotByte + index, LockMode::kExclusive).ok()) continue;
    ReaderSlot& slot = slots_[index];
    atomicWord(slot.pinEpoch).store(0, std::memory_order_seq_cst);
    noteTime(slot);
    slot.pid = static_cast<uint32_t>(getpid());
    slot.threadId = static_cast<uint32_t>(syscall(SYS_gettid));
    atomicWord(slot.generation).fetch_add(1, std::memory_order_seq_cst);  // L2
    atomicWord(slot.state).store(kReaderHandle, std::memory_order_seq_cst);
    ownSlot_ = index;
    return kSuccess;
  }
  return failure(Code::kTooManyHandles);
}

/// Let go first: of several that close at the same moment, one finds the byte free. Somebody may
/// come in between and even be gone again with the file, hence the second look.
bool LockFile::becomeLast() {
  (void)unlockByte(fd_, kAliveByte);
  return tryLockByte(fd_, kAliveByte, LockMode::kExclusive).ok() && hasItsName();
}

void LockFile::remove() { (void)io().unlink(path_.c_str()); }

void LockFile::close() {
  if (base_ != nullptr) {
    if (ownSlot_ != UINT32_MAX) {
      if (holdsWrite()) releaseWrite();
      unpin();
      atomicWord(ownSlot().state).store(0, std::memory_order_seq_cst);
    }
    unregisterRange(&faultRange_);
    releaseAddressSpace(memory_);
  }
  if (probeFd_ >= 0) closeFile(probeFd_);
  if (fd_ >= 0) closeFile(fd_);  // the kernel drops the locks on all our bytes with it
  base_ = nullptr;
  fd_ = probeFd_ = -1;
  ownSlot_ = UINT32_MAX;
  busySinceMs_ = vainSinceMs_ = 0;
  awaitedTicket_ = kNobodyAwaits;
}

// ── the write lock ───────────────────────────────────────────────────────────────────────────────

uint64_t LockFile::ownWord() const {
  const uint64_t generation = atomicWord(ownSlot().generation).load(std::memory_order_relaxed);
  return generation << 32 | (ownSlot_ + 1);
}

bool LockFile::holdsWrite() const {
  if (ownSlot_ == UINT32_MAX) return false;  // opening failed half way
  return atomicWord(words_->writeLock).load(std::memory_order_relaxed) == ownWord();
}

bool LockFile::tryTake(std::atomic<uint64_t>& word) {
  uint64_t expected = 0;
  return word.compare_exchange_strong(expected, ownWord(), std::memory_order_seq_cst);
}

bool LockFile::isAlive(uint32_t slot, uint32_t generation) {
  const uint32_t now = atomicWord(slots_[slot].generation).load(std::memory_order_seq_cst);
  if (now != generation) return false;
  if (slot == ownSlot_) return true;
  bool held = true;
  (void)probeByte(probeFd_, kFirstSlotByte + slot, LockMode::kExclusive, &held);
  return held;
}

bool LockFile::stealFromDead(std::atomic<uint64_t>& word, uint64_t seen) {
  if (isAlive(slotOfWord(seen), generationOfWord(seen))) return false;
  return word.compare_exchange_strong(seen, ownWord(), std::memory_order_seq_cst);
}

Status LockFile::acquireWrite(int64_t timeoutMs, uint32_t* holderPid) {
  auto& word = atomicWord(words_->writeLock);
  auto& waiters = atomicWord(words_->writeWaiters);
  const bool contended = waiters.load(std::memory_order_relaxed) != 0;
  if (!contended) {
    busySinceMs_ = 0;
  } else if (busySinceMs_ == 0) {
    busySinceMs_ = monotonicMs();
  } else if (monotonicMs() - busySinceMs_ > kUnfairMs) {
    busySinceMs_ = 0;
    giveWay(timeoutMs);
  }
  for (int spin = 0; spin < kSpinCount; spin++) {
    if (word.load(std::memory_order_relaxed) == 0 && tryTake(word)) return kSuccess;
    cpuRelax();
  }
  const int64_t deadline = monotonicMs() + timeoutMs;
  auto& ticket = atomicWord(words_->writeTicket);
  Status result = kSuccess;
  waiters.fetch_add(1, std::memory_order_seq_cst);
  for (;;) {
    if (waiters.load(std::memory_order_relaxed) == 0) {
      waiters.fetch_add(1, std::memory_order_seq_cst);  // taken for dead
    }
    const uint32_t seenTicket = ticket.load(std::memory_order_seq_cst);
    if (tryTake(word)) break;
    const uint64_t seen = word.load(std::memory_order_seq_cst);
    if (!isLockWord(seen)) {
      result = failure(Code::kLockDamaged);
      break;
    }
    if (seen != 0 && stealFromDead(word, seen)) break;
    const int64_t left = deadline - monotonicMs();
    if (left <= 0) {
      *holderPid = seen == 0 ? 0 : slots_[slotOfWord(seen)].pid;
      result = failure(Code::kBusy, EBUSY);
      break;
    }
    futexWait(ticket, seenTicket, left < kProbeMs ? left : kProbeMs);
  }
  uint32_t count = waiters.load(std::memory_order_relaxed);
  while (count != 0 && !waiters.compare_exchange_weak(count, count - 1)) continue;
  return result;
}

/// Lets those have the lock who sleep for it: L7.
void LockFile::giveWay(int64_t atMostMs) {
  const auto& word = atomicWord(words_->writeLock);
  const auto& waiters = atomicWord(words_->writeWaiters);
  const auto& ticket = atomicWord(words_->writeTicket);
  const uint32_t count = waiters.load(std::memory_order_relaxed);
  const uint32_t seenTicket = ticket.load(std::memory_order_relaxed);
  const bool isAwaited = awaitedTicket_ == seenTicket;
  awaitedTicket_ = kNobodyAwaits;
  const int64_t end = monotonicMs() + (isAwaited ? std::min(kGiveWayMs, atMostMs) : 0);
  do {
    sleepMicroseconds(100);
  } while (word.load(std::memory_order_relaxed) == 0 &&
           waiters.load(std::memory_order_relaxed) >= count &&
           ticket.load(std::memory_order_relaxed) == seenTicket && monotonicMs() < end);
}

void LockFile::releaseWrite() {
  atomicWord(words_->writeLock).store(0, std::memory_order_seq_cst);
  auto& waiters = atomicWord(words_->writeWaiters);
  uint32_t count = waiters.load(std::memory_order_seq_cst);
  if (count == 0) {
    vainSinceMs_ = 0;
    return;
  }
  auto& ticket = atomicWord(words_->writeTicket);
  const uint32_t last = ticket.fetch_add(1, std::memory_order_seq_cst);
  const bool woke = futexWake(ticket, 1) > 0;
  if (woke || awaitedTicket_ == last) awaitedTicket_ = uint64_t{last} + 1;
  if (woke) {
    vainSinceMs_ = 0;
    return;
  }
  const int64_t nowMs = monotonicMs();
  if (vainSinceMs_ == 0) vainSinceMs_ = nowMs;
  if (nowMs - vainSinceMs_ <= kDeadMs) return;
  // Waiters died. One that lives and is counted out here by mistake counts itself in again.
  waiters.compare_exchange_strong(count, 0, std::memory_order_seq_cst);
  vainSinceMs_ = 0;
}

Status LockFile::tryAcquireCheckpoint() {
  auto& word = atomicWord(words_->checkpointLock);
  if (tryTake(word)) return kSuccess;
  const uint64_t seen = word.load(std::memory_order_seq_cst);
  if (!isLockWord(seen)) return failure(Code::kLockDamaged);
  const bool stolen = seen != 0 && seen != ownWord() && stealFromDead(word, seen);
  return stolen ? kSuccess : failure(Code::kBusy);
}

void LockFile::releaseCheckpoint() {
  atomicWord(words_->checkpointLock).store(0, std::memory_order_seq_cst);
  auto& ticket = atomicWord(words_->checkpointTicket);
  ticket.fetch_add(1, std::memory_order_seq_cst);
  if (atomicWord(words_->checkpointWaiters).load(std::memory_order_seq_cst) != 0) {
    futexWake(ticket, kEverybody);
  }
}

uint32_t LockFile::checkpointHolderPid() const {
  const uint64_t seen = atomicWord(words_->checkpointLock).load(std::memory_order_seq_cst);
  return seen == 0 || !isLockWord(seen) ? 0 : slots_[slotOfWord(seen)].pid;
}

// ── pins ─────────────────────────────────────────────────────────────────────────────────────────

void LockFile::pin(uint64_t epoch) {
  auto& own = atomicWord(ownSlot().pinEpoch);
  if (own.load(std::memory_order_relaxed) == 0) {
    noteTime(ownSlot());
  }
  own.store(epoch, std::memory_order_seq_cst);  // L3, L4
}

void LockFile::unpin() {
  if (ownSlot_ != UINT32_MAX) atomicWord(ownSlot().pinEpoch).store(0, std::memory_order_release);
}

uint64_t LockFile::pinnedEpoch() const {
  return atomicWord(ownSlot().pinEpoch).load(std::memory_order_relaxed);
}

uint64_t LockFile::lowestPin(uint64_t below) {
  uint64_t lowest = UINT64_MAX;
  for (uint32_t index = 0; index < kReaderSlotCount; index++) {
    ReaderSlot& slot = slots_[index];
    const uint64_t pinned = atomicWord(slot.pinEpoch).load(std::memory_order_seq_cst);
    if (pinned == 0 || pinned >= lowest) continue;
    if (atomicWord(slot.state).load(std::memory_order_seq_cst) == kReaderRevoked) continue;
    if (pinned < below) {
      const uint32_t generation = atomicWord(slot.generation).load(std::memory_order_seq_cst);
      // A new owner stores its pin behind its generation, so that this one is the dead owner's and
      // stays ignored.
      if (!isAlive(index, generation)) continue;
    }
    lowest = pinned;
  }
  return check().ok() ? lowest : 0;
}

bool LockFile::changeState(uint32_t from, uint32_t to) {
  return atomicWord(ownSlot().state).compare_exchange_strong(from, to, std::memory_order_seq_cst);
}

bool LockFile::isRevoked() const {
  return atomicWord(ownSlot().state).load(std::memory_order_seq_cst) == kReaderRevoked;
}

int64_t LockFile::pinAgeMs(uint32_t slot) const {
  const uint64_t since = atomicWord(slots_[slot].pinnedTickMs).load(std::memory_order_relaxed);
  return std::max<int64_t>(0, monotonicMs() - static_cast<int64_t>(since));
}

bool LockFile::revoke(uint32_t slot, int64_t olderThanMs) {
  auto& state = atomicWord(slots_[slot].state);
  uint32_t expected = kReaderSnapshot;
  if (state.load(std::memory_order_seq_cst) != expected) return false;
  // The slot may be another snapshot's by now.
  if (pinAgeMs(slot) <= olderThanMs) return false;
  auto& fault = atomicWord(snapshotControl(slot).fault);
  fault.fetch_or(kFaultRevoked, std::memory_order_seq_cst);
  if (state.compare_exchange_strong(expected, kReaderRevoked, std::memory_order_seq_cst)) {
    return true;
  }
  fault.fetch_and(~kFaultRevoked, std::memory_order_seq_cst);
  return false;
}

void LockFile::publish(uint64_t epoch) {
  atomicWord(words_->publishedEpoch).store(epoch, std::memory_order_seq_cst);
  if (atomicWord(words_->epochWaiters).load(std::memory_order_seq_cst) == 0) return;
  auto& ticket = atomicWord(words_->epochTicket);
  ticket.fetch_add(1, std::memory_order_seq_cst);
  futexWake(ticket, kEverybody);
}

}  // namespace rstore
