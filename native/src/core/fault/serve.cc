#include "core/fault/serve.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "core/address-space.h"
#include "core/fault/patches.h"
#include "core/fault/ranges.h"
#include "core/fault/tail-memory.h"
#include "core/io.h"
#include "core/pages.h"

namespace rstore {
namespace {

std::atomic<uint64_t> grownCount{0};

// ── words of the control block ──

uint32_t loadWord(const uint32_t& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); }

uint64_t bytesOfUnits(const uint32_t& units) {
  return static_cast<uint64_t>(loadWord(units)) * kUnitBytes;
}

uint64_t committedBytes(const FaultRange* range) {
  return range->control ? bytesOfUnits(range->control->endUnits) : 0;
}

/// Bytes of the file that growth may reach: the capacity without the sink.
uint64_t growthLimit(const FaultRange* range) {
  return std::min(bytesOfUnits(range->control->capacityUnits), range->bytes);
}

// ── what the file says ──

uint64_t roundUp(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

/// Whether the page can be read from the file now: asked of the kernel by a call that cannot fault.
int errorOfReading(int fd, uint64_t offset) {
  std::byte probe;
  int64_t got;
  do got = io().pread(fd, &probe, 1, offset / systemPageBytes() * systemPageBytes());
  while (got == -EINTR);
  return got == 1 ? 0 : got < 0 ? static_cast<int>(-got) : EIO;
}

/// For a descriptor that blocks cannot be asked for, because it only reads.
bool isDiskFull(int fd) {
  FileSystemInfo info;
  return io().statfs(fd, &info) == 0 && info.freeBlocks == 0;
}

/// A page of the file that can be read, but was not mapped: is it a hole that no block can be found
/// for? Asking for one tells, and may even help; the page stays what it is.
bool findsNoBlock(int fd, uint64_t offset, int* error) {
  const uint64_t page = offset / systemPageBytes() * systemPageBytes();
  *error = -io().allocate(fd, Allocate::kGrow, page, systemPageBytes());
  if (*error == EBADF && isDiskFull(fd)) *error = ENOSPC;
  return statusFromErrno(*error).code == Code::kNoSpace;
}

/// The file does have the page: it was grown in between by somebody else (the access is repeated),
/// the disk does not give it, or it is a hole in a file system that shows holes only with a block
/// of their own (in memory), and is full.
bool serveWithinFile(FaultRange* range, uint64_t offset) {
  const uint64_t fileOffset = range->fileOffset + offset;
  int error = errorOfReading(range->fd, fileOffset);
  if (error != 0) return patchOnePage(range, offset, kFaultIo, error);
  if (mayRepeat(range, pageOf(offset))) return true;
  const bool full = findsNoBlock(range->fd, fileOffset, &error);
  return patchOnePage(range, offset, full ? kFaultNoSpace : kFaultIo, full ? error : EIO);
}

// ── views ──

/// F4: growth by a chunk; with the last of the disk's space by what is needed.
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

uint32_t bitOfFailedGrowth(Status status) {
  return status.code == Code::kNoSpace ? kFaultNoSpace : kFaultIo;
}

/// An access past the end of the file, in a view that is in a transaction.
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
  const bool mayWait = signal == SIGSEGV && range->pending != nullptr;
  if (mayWait && range->pending->fill(offset)) return true;
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

/// A page of a shared mapping. Within the file there are a hole that no block could be found for,
/// and a page that cannot be read.
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
  int error = 0;
  if (findsNoBlock(range->fd, fileOffset, &error)) {
    return patchOnePage(range, offset, kFaultNoSpace, error);
  }
  if (mayRepeat(range, pageOf(offset))) return true;
  return patchOnePage(range, offset, kFaultIo, EIO);
}

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
    if (checksumOfPage(page) != expected) {
      raiseFault(range, offset, kFaultCorrupt, 0);
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
  if (!chunkIsSound(range, first, end)) raiseFault(range, first, kFaultCorrupt, 0);
  range->verified[offset / range->chunkBytes] = 1;
  return ::mprotect(range->base + first, end - first, PROT_READ) == 0;
}

/// The page becomes the process's own, with its content: the first store copies it.
bool serveStoreToPacked(FaultRange* range, uint64_t offset) {
  const uint32_t page = pageOf(offset);
  raiseFault(range, offset, kFaultReadOnly, 0);
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

/// A page that another thread provided a moment ago. In a packed range it may still be the file's.
bool isProvided(FaultRange* range, uint64_t offset) {
  return range->kind != FaultKind::kPacked && isPatched(range, pageOf(offset)) &&
         mayRepeat(range, pageOf(offset));
}

/// F11.
bool mustRepeat(const FaultRange* range, uintptr_t address) {
  if (range->kind == FaultKind::kMapping) ::sched_yield();
  return range->kind == FaultKind::kMapping || (range->isGround && hasRangeOnGround(address));
}

bool isBrokenMemory(int signal, int code) {
#ifdef BUS_MCEERR_AR
  return signal == SIGBUS && (code == BUS_MCEERR_AR || code == BUS_MCEERR_AO);
#else
  (void)signal, (void)code;
  return false;
#endif
}

}  // namespace

bool serveFault(FaultRange* range, uintptr_t address, int signal, int code) {
  RangeLock lock(range);
  const uint64_t offset = address - reinterpret_cast<uintptr_t>(range->base);
  if (mustRepeat(range, address)) return true;
  if (range->control) {
    __atomic_fetch_add(&range->control->faultCount, 1u, __ATOMIC_RELAXED);
  }
  if (isBrokenMemory(signal, code)) return patchOnePage(range, offset, kFaultIo, EIO);
  if (isProvided(range, offset)) return true;
  switch (range->kind) {
    case FaultKind::kView: return serveView(range, offset, signal);
    case FaultKind::kLog:
    case FaultKind::kLock:
    case FaultKind::kVector: return serveShared(range, offset);
    case FaultKind::kPacked: return servePacked(range, offset, signal, code);
    case FaultKind::kClosed: return patchOnePage(range, offset, kFaultCorrupt, 0);
    case FaultKind::kBuilder: return patchOnePage(range, offset, kFaultRegionFull, 0);
    case FaultKind::kMapping: return true;
    case FaultKind::kNone: break;
  }
  return false;
}

void fillPending(const std::byte* base, uint64_t bytes) {
  const SlotUse use(reinterpret_cast<uintptr_t>(base));
  const FaultRange* range = use.range();
  if (range == nullptr || range->pending == nullptr) return;
  range->pending->fillAll(static_cast<uint64_t>(base - range->base), bytes);
}

uint64_t filesGrown() { return grownCount.load(); }

Status growFile(FaultRange* range, uint64_t endBytes) {
  RangeLock lock(range);
  if (endBytes > growthLimit(range)) {
    raiseFault(range, growthLimit(range), kFaultRegionFull, 0);
    return failure(Code::kRegionFull);
  }
  uint64_t length = 0;
  Status status = fileLength(range->fd, &length);
  if (status.ok() && length < committedBytes(range)) status = failure(Code::kIo, EIO);
  if (status.ok() && length >= endBytes) return kSuccess;
  if (status.ok()) status = growForAccess(range, length, endBytes);
  if (!status.ok()) raiseFault(range, length, bitOfFailedGrowth(status), status.error);
  return status;
}

}  // namespace rstore
