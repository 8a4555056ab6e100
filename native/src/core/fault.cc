#include "core/fault.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>

#include "core/address-space.h"
#include "core/crc32c.h"
#include "core/io.h"

namespace rstore {
namespace {

// ── the table ──

constexpr uint32_t kSlotLimit = 16'384;

/**
 * `base` is 0 in a free slot and is stored last, so whoever reads it sees `end` and `range` of the
 * same registration. A handler raises `users` and then reads `base` again; unregistering clears
 * `base` and then waits for `users` to fall to 0. All four are sequentially consistent: one of the
 * two sees the other (F3).
 */
struct RangeSlot {
  std::atomic<uintptr_t> base{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<FaultRange*> range{nullptr};
  std::atomic<uint32_t> users{0};
};

RangeSlot slots[kSlotLimit];
std::atomic<uint32_t> slotsInUse{0};  // slots from here on were never taken
std::mutex tableMutex;                // registering; never taken by the handler

std::atomic<uint64_t> servedCount{0};
std::atomic<uint64_t> grownCount{0};
std::atomic<uint64_t> chainedCount{0};

class SlotUse {
 public:
  explicit SlotUse(uintptr_t address) : address_(address) {
    const uint32_t limit = slotsInUse.load();
    for (uint32_t index = 0; index < limit && !slot_; index++) tryUse(slots[index]);
  }
  ~SlotUse() {
    if (slot_) slot_->users.fetch_sub(1);
  }
  SlotUse(const SlotUse&) = delete;
  SlotUse& operator=(const SlotUse&) = delete;

  FaultRange* range() const { return slot_ ? slot_->range.load() : nullptr; }

 private:
  bool covers(const RangeSlot& slot) const {
    const uintptr_t base = slot.base.load();
    return base != 0 && address_ >= base && address_ < slot.end.load();
  }
  void tryUse(RangeSlot& slot) {
    if (!covers(slot)) return;
    slot.users.fetch_add(1);
    if (covers(slot)) {
      slot_ = &slot;
    } else {
      slot.users.fetch_sub(1);
    }
  }

  uintptr_t address_;
  RangeSlot* slot_ = nullptr;
};

/** F7. Waiting costs a system call a turn: the holder may be in one that takes milliseconds. */
class RangeLock {
 public:
  explicit RangeLock(FaultRange* range) : range_(range) {
    while (__atomic_exchange_n(&range_->lock, 1u, __ATOMIC_ACQUIRE) != 0) ::sched_yield();
  }
  ~RangeLock() { __atomic_store_n(&range_->lock, 0u, __ATOMIC_RELEASE); }
  RangeLock(const RangeLock&) = delete;
  RangeLock& operator=(const RangeLock&) = delete;

 private:
  FaultRange* range_;
};

// ── words of the control block ──

uint32_t loadWord(const uint32_t& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); }

uint64_t bytesOfUnits(const uint32_t& units) {
  return static_cast<uint64_t>(loadWord(units)) * kUnitBytes;
}

uint64_t committedBytes(const FaultRange* range) {
  return range->control ? bytesOfUnits(range->control->endUnits) : 0;
}

/** Bytes of the file that growth may reach: the capacity without the sink. */
uint64_t growthLimit(const FaultRange* range) {
  return std::min(bytesOfUnits(range->control->capacityUnits), range->bytes);
}

void raise(FaultRange* range, uint64_t offset, uint32_t bit, int error) {
  ControlBlock* control = range->control;
  if (!control) return;
  __atomic_store_n(&control->faultPage,
                   static_cast<uint32_t>((range->fileOffset + offset) / kPageBytes),
                   __ATOMIC_RELAXED);
  if (error != 0) {
    __atomic_store_n(&control->lastError, static_cast<uint32_t>(error), __ATOMIC_RELAXED);
  }
  if (bit == kFaultIo) __atomic_store_n(&control->failed, 1u, __ATOMIC_RELAXED);
  __atomic_fetch_or(&control->fault, bit, __ATOMIC_RELEASE);
}

// ── patches (F5) ──

/** Pages past the end of the file are patched so many bytes at a time: bumping goes on. */
constexpr uint64_t kPatchBytes = 64 * 1024;

uint32_t pageOf(uint64_t offset) { return static_cast<uint32_t>(offset / systemPageBytes()); }

bool isPatched(const FaultRange* range, uint32_t page) {
  for (uint32_t index = 0; index < range->patchCount; index++) {
    const FaultPatch& patch = range->patches[index];
    if (page >= patch.firstPage && page - patch.firstPage < patch.pageCount) return true;
  }
  return false;
}

/** Pages from `page` on that no patch has, at most `wanted` and never past the range. */
uint32_t freePages(const FaultRange* range, uint32_t page, uint32_t wanted) {
  const auto pages = static_cast<uint32_t>(range->bytes / systemPageBytes());
  uint32_t last = page + std::min(wanted, pages - page);
  for (uint32_t index = 0; index < range->patchCount; index++) {
    const uint32_t first = range->patches[index].firstPage;
    if (first > page) last = std::min(last, first);
  }
  return last - page;
}

/** False when the list is full. */
bool listPatch(FaultRange* range, uint32_t page, uint32_t count) {
  for (uint32_t index = 0; index < range->patchCount; index++) {
    FaultPatch& patch = range->patches[index];
    if (patch.firstPage + patch.pageCount != page) continue;
    patch.pageCount += count;
    return true;
  }
  if (range->patchCount == kFaultPatchLimit) return false;
  range->patches[range->patchCount++] = {page, count};
  return true;
}

std::byte* addressOfPage(const FaultRange* range, uint32_t page) {
  return range->base + page * systemPageBytes();
}

/** Zero memory for `count` pages. False when there is none: nothing can be done for the access. */
bool patchPages(FaultRange* range, uint32_t page, uint32_t count) {
  if (!mapZero(addressOfPage(range, page), count * systemPageBytes()).ok()) return false;
  if (!listPatch(range, page, count)) range->restart = 1;
  range->retryCount = 0;
  return true;
}

bool patchOnePage(FaultRange* range, uint64_t offset, uint32_t bit, int error) {
  const uint32_t page = pageOf(offset);
  raise(range, offset, bit, error);
  if (isPatched(range, page)) return mapZero(addressOfPage(range, page), systemPageBytes()).ok();
  return patchPages(range, page, 1);
}

/**
 * For bumping past the end. With a full list all that is left of the range is patched in one piece,
 * so as not to run into the limit of mappings: there is nothing of the file there.
 */
bool patchAhead(FaultRange* range, uint64_t offset, uint32_t bit, int error) {
  const auto pages = static_cast<uint32_t>(range->bytes / systemPageBytes());
  const uint32_t page = pageOf(offset);
  const bool full = range->patchCount == kFaultPatchLimit;
  const auto wanted = full
      ? pages - page
      : std::max(1u, static_cast<uint32_t>(kPatchBytes / systemPageBytes()));
  raise(range, offset, bit, error);
  return patchPages(range, page, freePages(range, page, wanted));
}

/** True to repeat an access although nothing was changed for it; not for ever. */
bool mayRepeat(FaultRange* range, uint32_t page) {
  constexpr uint32_t kRepeatLimit = 256;
  if (range->retryPage != page + 1) {
    range->retryPage = page + 1;
    range->retryCount = 0;
  }
  return ++range->retryCount <= kRepeatLimit;
}

// ── what the file says ──

uint64_t roundUp(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

/**
 * Whether the page can be read from the file now: asked of the kernel by a call that cannot fault.
 */
int errorOfReading(int fd, uint64_t offset) {
  std::byte probe;
  int64_t got;
  do got = io().pread(fd, &probe, 1, offset / systemPageBytes() * systemPageBytes());
  while (got == -EINTR);
  return got == 1 ? 0 : got < 0 ? static_cast<int>(-got) : EIO;
}

/**
 * The file does have the page: it was grown in between by somebody else (the access is repeated),
 * or the disk does not give it.
 */
bool serveWithinFile(FaultRange* range, uint64_t offset) {
  const int error = errorOfReading(range->fd, range->fileOffset + offset);
  if (error == 0 && mayRepeat(range, pageOf(offset))) return true;
  return patchOnePage(range, offset, kFaultIo, error == 0 ? EIO : error);
}

// ── views ──

/** Where the system has pages of this size, memory that is aligned to it costs one fault each. */
constexpr uint64_t kLargePageBytes = 2 * 1024 * 1024;

/** F4: growth by a chunk; with the last of the disk's space by what is needed. */
Status growForAccess(FaultRange* range, uint64_t length, uint64_t endBytes) {
  const uint64_t limit = growthLimit(range);
  const uint64_t chunk = growthChunkBytes(length);
  const uint64_t unit = chunk < kLargePageBytes ? 64 * 1024 : kLargePageBytes;
  const uint64_t wanted = roundUp(std::max(length + chunk, endBytes), unit);
  Status status = growFileTo(range->fd, std::min(wanted, limit));
  if (status.code == Code::kNoSpace) {
    status = growFileTo(range->fd, std::min(roundUp(endBytes, systemPageBytes()), limit));
  }
  if (!status.ok()) return status;
  uint64_t after = 0;
  status = fileLength(range->fd, &after);
  if (status.ok() && after < endBytes) return failure(Code::kNoSpace);
  grownCount.fetch_add(1, std::memory_order_relaxed);
  return status;
}

/** F8: memory for what the file has just been made longer by, from `length` on. */
void bufferTail(FaultRange* range, uint64_t length) {
  const uint64_t grown = bytesOfUnits(range->control->frontierUnits) - committedBytes(range);
  uint64_t after = 0;
  if (range->buffersTail == 0 || grown < kBufferedTailBytes) return;
  if (!fileLength(range->fd, &after).ok()) return;
  const uint32_t first = pageOf(roundUpToSystemPage(length));
  const auto count = pageOf(std::min(after, range->bytes)) - first;
  if (count == 0 || count > range->bytes / systemPageBytes()) return;
  if (isPatched(range, first) || freePages(range, first, count) < count) return;
  if (!listPatch(range, first, count)) return;
  std::byte* base = addressOfPage(range, first);
  const uint64_t bytes = count * systemPageBytes();
  if (!mapZero(base, bytes).ok()) return;
  range->tailBuffered = 1;
#ifdef MADV_HUGEPAGE
  ::madvise(base, bytes, MADV_HUGEPAGE);
#endif
}

uint32_t bitOfFailedGrowth(Status status) {
  return status.code == Code::kNoSpace ? kFaultNoSpace : kFaultIo;
}

/** An access past the end of the file, in a view that is in a transaction. */
bool serveGrowth(FaultRange* range, uint64_t offset, uint64_t length) {
  const uint64_t frontier = bytesOfUnits(range->control->frontierUnits);
  if (offset >= frontier + growthChunkBytes(length)) {
    return patchOnePage(range, offset, kFaultCorrupt, 0);
  }
  if (offset >= growthLimit(range)) return patchAhead(range, offset, kFaultRegionFull, 0);
  const Status status = growForAccess(range, length, offset + 1);
  if (status.ok()) {
    range->retryCount = 0;
    bufferTail(range, length);
    return true;
  }
  return patchAhead(range, offset, bitOfFailedGrowth(status), status.error);
}

bool serveView(FaultRange* range, uint64_t offset, int signal) {
  uint64_t length = 0;
  const Status status = fileLength(range->fd, &length);
  if (!status.ok()) return patchOnePage(range, offset, kFaultIo, status.error);
  if (signal == SIGSEGV) return patchOnePage(range, offset, kFaultCorrupt, 0);
  const uint64_t fileOffset = range->fileOffset + offset;
  if (fileOffset < roundUpToSystemPage(length)) return serveWithinFile(range, offset);
  if (length < committedBytes(range)) return patchOnePage(range, offset, kFaultIo, EIO);
  const bool growing = range->control && loadWord(range->control->growing) == 1;
  return growing ? serveGrowth(range, offset, length)
                 : patchOnePage(range, offset, kFaultCorrupt, 0);
}

// ── the other kinds ──

/**
 * A page of a shared mapping. Within the file there are a hole that no block could be found for,
 * and a page that cannot be read; asking for blocks tells them apart and may even help.
 */
bool serveShared(FaultRange* range, uint64_t offset) {
  const uint64_t fileOffset = range->fileOffset + offset;
  uint64_t length = 0;
  const Status status = fileLength(range->fd, &length);
  if (!status.ok()) return patchOnePage(range, offset, kFaultIo, status.error);
  if (fileOffset >= roundUpToSystemPage(length)) {
    return patchOnePage(range, offset, kFaultIo, EIO);
  }
  if (const int error = errorOfReading(range->fd, fileOffset)) {
    return patchOnePage(range, offset, kFaultIo, error);
  }
  const uint64_t page = fileOffset / systemPageBytes() * systemPageBytes();
  const int result = io().allocate(range->fd, Allocate::kGrow, page, systemPageBytes());
  if (statusFromErrno(-result).code == Code::kNoSpace) {
    return patchOnePage(range, offset, kFaultNoSpace, -result);
  }
  if (mayRepeat(range, pageOf(offset))) return true;
  return patchOnePage(range, offset, kFaultIo, EIO);
}

/** The page becomes the process's own, with its content: the first store copies it. */
/// Whether the pages of a chunk have the content that their checksums say. Reads by system calls,
/// which cannot fault (F6).
bool chunkIsSound(FaultRange* range, uint64_t first, uint64_t end) {
  alignas(64) std::byte page[kPageBytes];
  for (uint64_t offset = std::max(first, range->verifiedFrom); offset < end; offset += kPageBytes) {
    if (offset - range->tableOffset < range->tableBytes) continue;
    uint32_t expected = 0;
    const uint64_t entry = range->checksumOffset + offset / kPageBytes * sizeof expected;
    if (io().pread(range->fd, &expected, sizeof expected, entry) != sizeof expected) return false;
    if (io().pread(range->fd, page, sizeof page, offset) != sizeof page) return false;
    const uint32_t checksum = crc32c(0, page, sizeof page);
    if ((checksum == 0 ? 1 : checksum) != expected) {
      raise(range, offset, kFaultCorrupt, 0);
      return false;
    }
  }
  return true;
}

/// Opens a chunk for reading, having looked at it; false when it is open already.
bool openChunk(FaultRange* range, uint64_t offset) {
  if (range->verified == nullptr || range->verified[offset / range->chunkBytes] != 0) return false;
  const uint64_t first = offset / range->chunkBytes * range->chunkBytes;
  const uint64_t end = std::min(first + range->chunkBytes, range->bytes);
  if (!chunkIsSound(range, first, end)) raise(range, first, kFaultCorrupt, 0);
  range->verified[offset / range->chunkBytes] = 1;
  return ::mprotect(range->base + first, end - first, PROT_READ) == 0;
}

bool serveStoreToPacked(FaultRange* range, uint64_t offset) {
  const uint32_t page = pageOf(offset);
  raise(range, offset, kFaultReadOnly, 0);
  if (::mprotect(addressOfPage(range, page), systemPageBytes(), PROT_READ | PROT_WRITE) == 0) {
    if (!isPatched(range, page) && !listPatch(range, page, 1)) range->restart = 1;
    return true;
  }
  // Too many mappings: all of it then, in one.
  range->restart = 1;
  return ::mprotect(range->base, range->bytes, PROT_READ | PROT_WRITE) == 0;
}

bool servePacked(FaultRange* range, uint64_t offset, int signal, int code) {
  if (signal == SIGSEGV) {
    if (code == SEGV_ACCERR && openChunk(range, offset)) return true;
    return code == SEGV_ACCERR ? serveStoreToPacked(range, offset)
                               : patchOnePage(range, offset, kFaultCorrupt, 0);
  }
  uint64_t length = 0;
  const Status status = fileLength(range->fd, &length);
  if (!status.ok()) return patchOnePage(range, offset, kFaultIo, status.error);
  const uint64_t fileOffset = range->fileOffset + offset;
  if (fileOffset < roundUpToSystemPage(length)) return serveWithinFile(range, offset);
  const bool cut = length < committedBytes(range);
  return patchOnePage(range, offset, cut ? kFaultIo : kFaultCorrupt, cut ? EIO : 0);
}

/**
 * A page that another thread provided a moment ago. In a packed range it may still be the file's.
 */
bool isProvided(FaultRange* range, uint64_t offset) {
  return range->kind != FaultKind::kPacked && isPatched(range, pageOf(offset))
      && mayRepeat(range, pageOf(offset));
}

bool isBrokenMemory(int signal, int code) {
#ifdef BUS_MCEERR_AR
  return signal == SIGBUS && (code == BUS_MCEERR_AR || code == BUS_MCEERR_AO);
#else
  (void)signal, (void)code;
  return false;
#endif
}

/** True when the access can be repeated. */
bool serve(FaultRange* range, uintptr_t address, int signal, int code) {
  RangeLock lock(range);
  const uint64_t offset = address - reinterpret_cast<uintptr_t>(range->base);
  if (range->control) {
    __atomic_fetch_add(&range->control->faultCount, 1u, __ATOMIC_RELAXED);
  }
  if (isBrokenMemory(signal, code)) return patchOnePage(range, offset, kFaultIo, EIO);
  if (isProvided(range, offset)) return true;
  switch (range->kind) {
    case FaultKind::kView: return serveView(range, offset, signal);
    case FaultKind::kLog: case FaultKind::kLock: case FaultKind::kVector:
      return serveShared(range, offset);
    case FaultKind::kPacked: return servePacked(range, offset, signal, code);
    case FaultKind::kClosed: return patchOnePage(range, offset, kFaultCorrupt, 0);
    case FaultKind::kBuilder: return patchOnePage(range, offset, kFaultRegionFull, 0);
    case FaultKind::kNone: break;
  }
  return false;
}

// ── guard landings ──

constexpr uint32_t kLandingLimit = 1024;

struct LandingSlot {
  std::atomic<int64_t> thread{0};
  std::atomic<GuardLanding*> landing{nullptr};  // read by its own thread only
};

LandingSlot landings[kLandingLimit];
std::atomic<uint32_t> landingsInUse{0};  // slots from here on were never taken

/** Never 0. Asked of the kernel: a thread-local copy would break F1. */
int64_t threadNumber() {
#ifdef __linux__
  return static_cast<int64_t>(::syscall(SYS_gettid));
#else
  uint64_t number = 0;
  ::pthread_threadid_np(nullptr, &number);
  return static_cast<int64_t>(number);
#endif
}

LandingSlot* landingSlotOf(int64_t thread) {
  const uint32_t limit = landingsInUse.load();
  for (uint32_t index = 0; index < limit; index++) {
    if (landings[index].thread.load(std::memory_order_relaxed) == thread) {
      return &landings[index];
    }
  }
  return nullptr;
}

LandingSlot* takeLandingSlot(int64_t thread) {
  for (uint32_t index = 0; index < kLandingLimit; index++) {
    int64_t nobody = 0;
    if (!landings[index].thread.compare_exchange_strong(nobody, thread)) continue;
    uint32_t limit = landingsInUse.load();
    while (limit <= index && !landingsInUse.compare_exchange_weak(limit, index + 1)) continue;
    return &landings[index];
  }
  return nullptr;
}

void setLanding(LandingSlot* slot, GuardLanding* landing) {
  slot->landing.store(landing, std::memory_order_relaxed);
  if (!landing) slot->thread.store(0, std::memory_order_release);
}

bool isInGuard(const GuardLanding* landing, uintptr_t address) {
  const auto guard = reinterpret_cast<uintptr_t>(landing->guardBase);
  return address >= guard && address - guard < landing->guardBytes;
}

/** The landing of this thread that the address belongs to, disarmed; with it those inside of it. */
GuardLanding* takeLanding(uintptr_t address) {
  if (landingsInUse.load(std::memory_order_relaxed) == 0) return nullptr;
  LandingSlot* slot = landingSlotOf(threadNumber());
  if (!slot) return nullptr;
  GuardLanding* landing = slot->landing.load(std::memory_order_relaxed);
  while (landing && !isInGuard(landing, address)) landing = landing->outer;
  if (landing) setLanding(slot, landing->outer);
  return landing;
}

// ── the handler ──

struct sigaction previousActions[2];  // SIGSEGV, SIGBUS

struct sigaction& previousOf(int signal) { return previousActions[signal == SIGBUS ? 1 : 0]; }

/** The mask that the kernel would have set, had it called that handler itself. */
void setMaskOf(const struct sigaction& action, int signal, const ucontext_t* context) {
  sigset_t mask = context->uc_sigmask;
  for (int other = 1; other <= 64; other++) {
    if (::sigismember(&action.sa_mask, other) == 1) ::sigaddset(&mask, other);
  }
  if (!(action.sa_flags & SA_NODEFER)) ::sigaddset(&mask, signal);
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

/**
 * The default action. A fault happens again when the instruction is repeated; a signal that
 * somebody sent has to be sent again (it stays blocked until the handler has returned).
 */
void endByDefault(int signal, const siginfo_t* info) {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
  if (info->si_code <= 0) ::raise(signal);
}

void callPrevious(int signal, siginfo_t* info, void* context) {
  chainedCount.fetch_add(1, std::memory_order_relaxed);
  const struct sigaction previous = previousOf(signal);
  const bool sent = info->si_code <= 0;
  if (previous.sa_handler == SIG_IGN && sent) return;
  if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    return endByDefault(signal, info);
  }
  if (previous.sa_flags & static_cast<int>(SA_RESETHAND)) {
    previousOf(signal).sa_flags = 0;
    previousOf(signal).sa_handler = SIG_DFL;
  }
  setMaskOf(previous, signal, static_cast<const ucontext_t*>(context));
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else {
    previous.sa_handler(signal);
  }
}

/** Leaves the handler for good: the mask is the one that the kernel would have put back. */
[[noreturn]] void land(GuardLanding* landing, uintptr_t address, const void* context) {
  landing->address = reinterpret_cast<std::byte*>(address);
  const auto* interrupted = static_cast<const ucontext_t*>(context);
  ::pthread_sigmask(SIG_SETMASK, &interrupted->uc_sigmask, nullptr);
  siglongjmp(landing->jump, 1);
}

bool serveAddress(uintptr_t address, int signal, int code) {
  SlotUse use(address);
  FaultRange* range = use.range();
  if (!range || !serve(range, address, signal, code)) return false;
  servedCount.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void onFault(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  const bool fault = info->si_code > 0;  // sent by the kernel for an access
  if (fault) {
    if (GuardLanding* landing = takeLanding(address)) {
      errno = error;
      land(landing, address, context);
    }
  }
  const bool served = fault && serveAddress(address, signal, info->si_code);
  errno = error;
  if (!served) callPrevious(signal, info, context);
}

Status installFor(int signal) {
  struct sigaction ours = {};
  ours.sa_sigaction = onFault;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&ours.sa_mask);
  ::sigaddset(&ours.sa_mask, SIGSEGV);
  ::sigaddset(&ours.sa_mask, SIGBUS);
  // The previous action is kept first: another thread may fault as soon as ours is in place.
  if (::sigaction(signal, nullptr, &previousOf(signal)) < 0) return statusFromErrno(errno);
  if (::sigaction(signal, &ours, nullptr) < 0) return statusFromErrno(errno);
  return kSuccess;
}

/**
 * A file that grows past the limit of the process (ulimit -f) gives EFBIG, and a signal that by
 * default ends the process. Where nobody wants that signal it is ignored: the error is enough.
 */
void ignoreFileSizeSignal() {
  struct sigaction action;
  if (::sigaction(SIGXFSZ, nullptr, &action) < 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &action, nullptr);
}

bool isOurs(int signal) {
  struct sigaction action;
  return ::sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO)
      && action.sa_sigaction == onFault;
}

bool overlapsAnother(uintptr_t base, uintptr_t end) {
  const uint32_t limit = slotsInUse.load();
  for (uint32_t index = 0; index < limit; index++) {
    const uintptr_t other = slots[index].base.load();
    if (other != 0 && other < end && base < slots[index].end.load()) return true;
  }
  return false;
}

Status remapPatch(const FaultRange* range, const FaultPatch& patch) {
  std::byte* base = addressOfPage(range, patch.firstPage);
  const uint64_t bytes = patch.pageCount * systemPageBytes();
  const uint64_t offset = range->fileOffset + patch.firstPage * systemPageBytes();
  switch (range->kind) {
    case FaultKind::kView: return mapPrivate(base, range->fd, offset, bytes);
    case FaultKind::kPacked: return mapReadOnly(base, range->fd, offset, bytes);
    case FaultKind::kLog: case FaultKind::kLock: case FaultKind::kVector:
      return mapShared(base, range->fd, offset, bytes, Shared::kMemory);
    case FaultKind::kClosed: case FaultKind::kBuilder: return unmapToReserved(base, bytes);
    case FaultKind::kNone: break;
  }
  return kSuccess;
}

void forgetPatches(FaultRange* range) {
  range->patchCount = 0;
  range->tailBuffered = 0;
  range->restart = 0;
  range->retryCount = 0;
}

}  // namespace

// ── public ──

Status installFaultHandler() {
  static const Status installed = [] {
    systemPageBytes();  // asked now, not within the handler
    ignoreFileSizeSignal();
    Status status = installFor(SIGSEGV);
    return status.ok() ? installFor(SIGBUS) : status;
  }();
  return installed;
}

bool faultHandlerIsCurrent() { return isOurs(SIGSEGV) && isOurs(SIGBUS); }

Status registerRange(FaultRange* range) {
  const auto base = reinterpret_cast<uintptr_t>(range->base);
  if (base == 0 || range->bytes == 0 || range->slot != 0 || range->kind == FaultKind::kNone
      || base % systemPageBytes() != 0 || range->bytes % systemPageBytes() != 0) {
    return failure(Code::kInvalid);
  }
  const std::lock_guard guard(tableMutex);
  if (overlapsAnother(base, base + range->bytes)) return failure(Code::kInvalid, EEXIST);
  uint32_t index = 0;
  while (index < kSlotLimit && slots[index].range.load() != nullptr) index++;
  if (index == kSlotLimit) return failure(Code::kMemory);
  RangeSlot& slot = slots[index];
  range->slot = index + 1;
  slot.range.store(range);
  slot.end.store(base + range->bytes);
  if (index >= slotsInUse.load()) slotsInUse.store(index + 1);
  slot.base.store(base);
  return kSuccess;
}

void unregisterRange(FaultRange* range) {
  if (range->slot == 0) return;
  const std::lock_guard guard(tableMutex);
  RangeSlot& slot = slots[range->slot - 1];
  slot.base.store(0);
  while (slot.users.load() != 0) ::sched_yield();
  slot.range.store(nullptr);
  range->slot = 0;
}

void changeRange(FaultRange* range, FaultKind kind, int fd, uint64_t fileOffset,
                 ControlBlock* control) {
  RangeLock lock(range);
  range->kind = kind;
  range->fd = fd;
  range->fileOffset = fileOffset;
  range->control = control;
  forgetPatches(range);
}

Status growFile(FaultRange* range, uint64_t endBytes) {
  RangeLock lock(range);
  if (endBytes > growthLimit(range)) {
    raise(range, growthLimit(range), kFaultRegionFull, 0);
    return failure(Code::kRegionFull);
  }
  uint64_t length = 0;
  Status status = fileLength(range->fd, &length);
  if (status.ok() && length < committedBytes(range)) status = failure(Code::kIo, EIO);
  if (status.ok() && length >= endBytes) return kSuccess;
  if (status.ok()) status = growForAccess(range, length, endBytes);
  if (!status.ok()) raise(range, length, bitOfFailedGrowth(status), status.error);
  return status;
}

Status repairRange(FaultRange* range) {
  RangeLock lock(range);
  for (uint32_t index = 0; index < range->patchCount; index++) {
    if (!remapPatch(range, range->patches[index]).ok()) range->restart = 1;
  }
  if (range->restart) return failure(Code::kStale);
  forgetPatches(range);
  return kSuccess;
}

uint32_t takeFaultBits(ControlBlock* control) {
  return __atomic_exchange_n(&control->fault, 0u, __ATOMIC_ACQ_REL);
}

FaultCounters faultCounters() {
  return {servedCount.load(), grownCount.load(), chainedCount.load()};
}

Status armGuard(GuardLanding* landing, std::byte* guardBase, uint64_t guardBytes) {
  const int64_t thread = threadNumber();
  LandingSlot* slot = landingSlotOf(thread);
  const bool nested = slot != nullptr;
  if (!slot) slot = takeLandingSlot(thread);
  if (!slot) return failure(Code::kMemory);
  landing->guardBase = guardBase;
  landing->guardBytes = guardBytes;
  landing->address = nullptr;
  landing->outer = nested ? slot->landing.load(std::memory_order_relaxed) : nullptr;
  landing->slot = static_cast<uint32_t>(slot - landings);
  slot->landing.store(landing, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return kSuccess;
}

void disarmGuard(GuardLanding* landing) {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  setLanding(&landings[landing->slot], landing->outer);
}

}  // namespace rstore
