// Which range an address belongs to: the table of registered ranges, as the handler reads it.
#pragma once

#include "core/fault.h"

namespace rstore {

struct RangeSlot;

/// The range of an address, which stays registered as long as this lives (F3). For the handler.
class SlotUse {
 public:
  explicit SlotUse(uintptr_t address);
  ~SlotUse();
  SlotUse(const SlotUse&) = delete;
  SlotUse& operator=(const SlotUse&) = delete;

  /// nullptr where nobody registered the address.
  FaultRange* range() const;

 private:
  void find(bool ground);
  void tryUse(RangeSlot& slot);

  uintptr_t address_;
  RangeSlot* slot_ = nullptr;
};

/// Whether an address of a ground has another range on it (F10). For the handler.
bool hasRangeOnGround(uintptr_t address);

/// F7.
class RangeLock {
 public:
  explicit RangeLock(FaultRange* range);
  ~RangeLock();
  RangeLock(const RangeLock&) = delete;
  RangeLock& operator=(const RangeLock&) = delete;

 private:
  FaultRange* range_;
};

}  // namespace rstore
