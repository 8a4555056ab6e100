#include "core/fault/ranges.h"

#include <sched.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "core/address-space.h"

namespace rstore {

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

namespace {

constexpr uint32_t kSlotLimit = 16'384;

RangeSlot slots[kSlotLimit];
std::atomic<uint32_t> slotsInUse{0};  // slots from here on were never taken
std::mutex tableMutex;                // registering; never taken by the handler

bool overlapsAnother(uintptr_t base, uintptr_t end) {
  const uint32_t limit = slotsInUse.load();
  for (uint32_t index = 0; index < limit; index++) {
    const uintptr_t other = slots[index].base.load();
    if (other != 0 && other < end && base < slots[index].end.load()) return true;
  }
  return false;
}

}  // namespace

SlotUse::SlotUse(uintptr_t address) : address_(address) {
  const uint32_t limit = slotsInUse.load();
  for (uint32_t index = 0; index < limit && !slot_; index++) tryUse(slots[index]);
}

SlotUse::~SlotUse() {
  if (slot_) slot_->users.fetch_sub(1);
}

FaultRange* SlotUse::range() const { return slot_ ? slot_->range.load() : nullptr; }

bool SlotUse::covers(const RangeSlot& slot) const {
  const uintptr_t base = slot.base.load();
  return base != 0 && address_ >= base && address_ < slot.end.load();
}

void SlotUse::tryUse(RangeSlot& slot) {
  if (!covers(slot)) return;
  slot.users.fetch_add(1);
  if (covers(slot)) {
    slot_ = &slot;
  } else {
    slot.users.fetch_sub(1);
  }
}

/// Waiting costs a system call a turn: the holder may be in one that takes milliseconds.
RangeLock::RangeLock(FaultRange* range) : range_(range) {
  while (__atomic_exchange_n(&range_->lock, 1u, __ATOMIC_ACQUIRE) != 0) ::sched_yield();
}

RangeLock::~RangeLock() { __atomic_store_n(&range_->lock, 0u, __ATOMIC_RELEASE); }

Status registerRange(FaultRange* range) {
  const auto base = reinterpret_cast<uintptr_t>(range->base);
  if (base == 0 || range->bytes == 0 || range->slot != 0 || range->kind == FaultKind::kNone ||
      base % systemPageBytes() != 0 || range->bytes % systemPageBytes() != 0) {
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

}  // namespace rstore
