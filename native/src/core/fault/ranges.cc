#include "core/fault/ranges.h"

#include <sched.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "core/address-space.h"

namespace rstore {

/// `base` is 0 in a free slot and is stored last, so whoever reads it sees `end`, `ground` and
/// `range` of the same registration. A handler raises `users` and then reads `base` again;
/// unregistering clears `base` and then waits for `users` to fall to 0. All five are sequentially
/// consistent: one of the two sees the other (F3).
struct RangeSlot {
  std::atomic<uintptr_t> base{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<FaultRange*> range{nullptr};
  std::atomic<bool> ground{false};
  std::atomic<uint32_t> users{0};
};

namespace {

constexpr uint32_t kSlotLimit = 16'384;

RangeSlot slots[kSlotLimit];
std::atomic<uint32_t> slotsInUse{0};  // slots from here on were never taken
std::mutex tableMutex;                // registering; never taken by the handler

bool covers(const RangeSlot& slot, uintptr_t address) {
  const uintptr_t base = slot.base.load();
  return base != 0 && address >= base && address < slot.end.load();
}

/// With one that is no ground; a ground comes first, and so overlaps with none.
bool overlapsAnother(uintptr_t base, uintptr_t end, bool ground) {
  const uint32_t limit = slotsInUse.load();
  for (uint32_t index = 0; index < limit; index++) {
    if (slots[index].ground.load() && !ground) continue;
    const uintptr_t other = slots[index].base.load();
    if (other != 0 && other < end && base < slots[index].end.load()) return true;
  }
  return false;
}

}  // namespace

SlotUse::SlotUse(uintptr_t address) : address_(address) {
  find(false);
  if (!slot_) find(true);
}

void SlotUse::find(bool ground) {
  const uint32_t limit = slotsInUse.load();
  for (uint32_t index = 0; index < limit && !slot_; index++) {
    if (slots[index].ground.load() == ground) tryUse(slots[index]);
  }
}

SlotUse::~SlotUse() {
  if (slot_) slot_->users.fetch_sub(1);
}

FaultRange* SlotUse::range() const { return slot_ ? slot_->range.load() : nullptr; }

void SlotUse::tryUse(RangeSlot& slot) {
  if (!covers(slot, address_)) return;
  slot.users.fetch_add(1);
  if (covers(slot, address_)) {
    slot_ = &slot;
  } else {
    slot.users.fetch_sub(1);
  }
}

bool hasRangeOnGround(uintptr_t address) {
  const uint32_t limit = slotsInUse.load();
  for (uint32_t index = 0; index < limit; index++) {
    if (!slots[index].ground.load() && covers(slots[index], address)) return true;
  }
  return false;
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
  const bool ground = range->isGround != 0;
  if (overlapsAnother(base, base + range->bytes, ground)) return failure(Code::kInvalid, EEXIST);
  uint32_t index = 0;
  while (index < kSlotLimit && slots[index].range.load() != nullptr) index++;
  if (index == kSlotLimit) return failure(Code::kMemory);
  RangeSlot& slot = slots[index];
  range->slot = index + 1;
  slot.range.store(range);
  slot.ground.store(ground);
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
