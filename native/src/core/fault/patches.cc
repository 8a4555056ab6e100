#include "core/fault/patches.h"

#include <algorithm>

#include "core/address-space.h"
#include "core/fault/ranges.h"

namespace rstore {
namespace {

/// Pages past the end of the file are patched so many bytes at a time: bumping goes on.
constexpr uint64_t kPatchBytes = 64 * 1024;

/// Zero memory for `count` pages. False when there is none: nothing can be done for the access.
bool patchPages(FaultRange* range, uint32_t page, uint32_t count) {
  if (!mapZero(addressOfPage(range, page), count * systemPageBytes()).ok()) return false;
  if (!listPatch(range, page, count)) range->restart = 1;
  range->retryCount = 0;
  return true;
}

Status remapPatch(const FaultRange* range, const FaultPatch& patch) {
  std::byte* base = addressOfPage(range, patch.firstPage);
  const uint64_t bytes = patch.pageCount * systemPageBytes();
  const uint64_t offset = range->fileOffset + patch.firstPage * systemPageBytes();
  switch (range->kind) {
    case FaultKind::kView: return mapPrivate(base, range->fd, offset, bytes);
    case FaultKind::kPacked: return mapReadOnly(base, range->fd, offset, bytes);
    case FaultKind::kLog:
      if (range->readOnly) return mapReadOnly(base, range->fd, offset, bytes);
      [[fallthrough]];
    case FaultKind::kLock:
    case FaultKind::kVector: return mapShared(base, range->fd, offset, bytes, Shared::kMemory);
    case FaultKind::kClosed:
    case FaultKind::kBuilder: return unmapToReserved(base, bytes);
    case FaultKind::kMapping:
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

uint32_t pageOf(uint64_t offset) { return static_cast<uint32_t>(offset / systemPageBytes()); }

bool isPatched(const FaultRange* range, uint32_t page) {
  for (uint32_t index = 0; index < range->patchCount; index++) {
    const FaultPatch& patch = range->patches[index];
    if (page >= patch.firstPage && page - patch.firstPage < patch.pageCount) return true;
  }
  return false;
}

uint32_t freePages(const FaultRange* range, uint32_t page, uint32_t wanted) {
  const auto pages = static_cast<uint32_t>(range->bytes / systemPageBytes());
  uint32_t last = page + std::min(wanted, pages - page);
  for (uint32_t index = 0; index < range->patchCount; index++) {
    const uint32_t first = range->patches[index].firstPage;
    if (first > page) last = std::min(last, first);
  }
  return last - page;
}

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

PatchPart cutPatch(FaultRange* range, uint32_t page, uint32_t count) {
  const uint32_t end = page + count;
  uint32_t found = kFaultPatchLimit;
  for (uint32_t index = 0; index < range->patchCount; index++) {
    const FaultPatch& patch = range->patches[index];
    if (patch.firstPage >= end || patch.firstPage + patch.pageCount <= page) continue;
    if (found != kFaultPatchLimit) return {.isAcross = true};
    found = index;
  }
  if (found == kFaultPatchLimit) return {};
  FaultPatch& patch = range->patches[found];
  if (patch.firstPage < page) {
    if (range->patchCount == kFaultPatchLimit) return {.isAcross = true};
    range->patches[range->patchCount++] = {patch.firstPage, page - patch.firstPage};
    patch.pageCount -= page - patch.firstPage;
    patch.firstPage = page;
  }
  const PatchPart part{patch.firstPage, std::min(patch.pageCount, end - patch.firstPage)};
  patch.firstPage += part.pageCount;
  patch.pageCount -= part.pageCount;
  if (patch.pageCount == 0) patch = range->patches[--range->patchCount];
  return part;
}

std::byte* addressOfPage(const FaultRange* range, uint32_t page) {
  return range->base + page * systemPageBytes();
}

bool patchOnePage(FaultRange* range, uint64_t offset, uint32_t bit, int error) {
  const uint32_t page = pageOf(offset);
  raiseFault(range, offset, bit, error);
  if (isPatched(range, page)) return mapZero(addressOfPage(range, page), systemPageBytes()).ok();
  return patchPages(range, page, 1);
}

/// For bumping past the end. With a full list all that is left of the range is patched in one
/// piece, so as not to run into the limit of mappings: there is nothing of the file there.
bool patchAhead(FaultRange* range, uint64_t offset, uint32_t bit, int error) {
  const auto pages = static_cast<uint32_t>(range->bytes / systemPageBytes());
  const uint32_t page = pageOf(offset);
  const bool full = range->patchCount == kFaultPatchLimit;
  const auto wanted =
      full ? pages - page : std::max(1u, static_cast<uint32_t>(kPatchBytes / systemPageBytes()));
  raiseFault(range, offset, bit, error);
  return patchPages(range, page, freePages(range, page, wanted));
}

bool mayRepeat(FaultRange* range, uint32_t page) {
  constexpr uint32_t kRepeatLimit = 256;
  if (range->retryPage != page + 1) {
    range->retryPage = page + 1;
    range->retryCount = 0;
  }
  return ++range->retryCount <= kRepeatLimit;
}

void raiseFault(FaultRange* range, uint64_t offset, uint32_t bit, int error) {
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

void changeRange(FaultRange* range, FaultKind kind, int fd, uint64_t fileOffset,
                 ControlBlock* control) {
  RangeLock lock(range);
  range->kind = kind;
  range->fd = fd;
  range->fileOffset = fileOffset;
  range->control = control;
  forgetPatches(range);
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

}  // namespace rstore
