#include "core/fault/tail-memory.h"

#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>

#include "core/address-space.h"
#include "core/fault/patches.h"
#include "core/fault/ranges.h"
#include "core/io.h"

namespace rstore {
namespace {

/// Where the system has pages of this size, memory that is aligned to it costs one fault each.
constexpr uint64_t kUnit = kLargePageBytes;
/// What a file grows by at a time, and a half.
constexpr uint32_t kUnitLimit = 12;

std::byte* waitingUnit(const FaultRange* range, int index) {
  return range->tailMemory.base + static_cast<uint64_t>(index) * kUnit;
}

uint64_t roundUp(uint64_t bytes) { return (bytes + kUnit - 1) / kUnit * kUnit; }

/// Puts units that wait where memory was just mapped.
void useWaiting(FaultRange* range, uint64_t offset, uint64_t end) {
  uint32_t& ready = range->tailMemory.ready;
  for (uint64_t at = roundUp(offset); ready != 0 && at + kUnit <= end; at += kUnit) {
    const int index = std::countr_zero(ready);
    if (!moveMemory(waitingUnit(range, index), range->base + at, kUnit)) return;
    ready &= ready - 1;
  }
}

/// A reservation for them, when there is none yet. Without one no memory is kept.
bool canKeep(FaultRange* range) {
  if (range->tailMemory.base != nullptr) return true;
  Reservation reservation;
  if (!reserveAddressSpace(kUnitLimit * kUnit, &reservation).ok()) return false;
  if (!mapZero(reservation.base, reservation.bytes).ok()) {
    releaseAddressSpace(reservation);
    return false;
  }
#ifdef MADV_HUGEPAGE
  ::madvise(reservation.base, reservation.bytes, MADV_HUGEPAGE);
#endif
  range->tailMemory.base = reservation.base;
  return true;
}

/// Moves the whole units of a patch in [offset, end) to where they wait; not ready yet. Gives their
/// bits.
uint32_t keepUnits(FaultRange* range, uint64_t offset, uint64_t end) {
  if (!canKeep(range)) return 0;
  uint32_t kept = 0;
  for (uint64_t at = roundUp(offset); at + kUnit <= end; at += kUnit) {
    const uint32_t taken = range->tailMemory.ready | kept;
    const int index = std::countr_one(taken);
    if (index >= static_cast<int>(kUnitLimit)) break;
    if (!moveMemory(range->base + at, waitingUnit(range, index), kUnit)) break;
    kept |= uint32_t{1} << index;
  }
  return kept;
}

}  // namespace

void bufferTail(FaultRange* range, uint64_t length) {
  const ControlBlock* control = range->control;
  const auto load = [](const uint32_t& word) {
    return static_cast<uint64_t>(__atomic_load_n(&word, __ATOMIC_RELAXED)) * kUnitBytes;
  };
  const uint64_t grown = load(control->frontierUnits) - load(control->endUnits);
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
  const auto offset = static_cast<uint64_t>(base - range->base);
  useWaiting(range, offset, offset + bytes);
}

Status showFile(FaultRange* range, uint64_t offset, uint64_t bytes) {
  uint32_t kept = 0;
  {
    RangeLock lock(range);
    const uint32_t first = pageOf(offset);
    const uint32_t count = pageOf(bytes);
    const PatchPart part = cutPatch(range, first, count);
    if (part.isAcross) return kSuccess;
    if (part.pageCount != 0) {
      const uint64_t from = uint64_t{part.firstPage} * systemPageBytes();
      kept = keepUnits(range, from, from + uint64_t{part.pageCount} * systemPageBytes());
    }
    const Status mapped = mapPrivate(range->base + offset, range->fd, offset, bytes);
    if (!mapped.ok()) {
      range->restart = 1;
      return mapped;
    }
  }
  for (uint32_t left = kept; left != 0; left &= left - 1) {
    memset(waitingUnit(range, std::countr_zero(left)), 0, kUnit);
  }
  RangeLock lock(range);
  range->tailMemory.ready |= kept;
  return kSuccess;
}

void dropTailMemory(FaultRange* range) {
  RangeLock lock(range);
  if (range->tailMemory.base == nullptr) return;
  range->tailMemory.ready = 0;
  (void)giveBackPages(range->tailMemory.base, kUnitLimit * kUnit);
}

void releaseTailMemory(FaultRange* range) {
  if (range->tailMemory.base == nullptr) return;
  releaseAddressSpace({range->tailMemory.base, kUnitLimit * kUnit});
  range->tailMemory = {};
}

}  // namespace rstore
