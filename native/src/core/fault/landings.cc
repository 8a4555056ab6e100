#include "core/fault/landings.h"

#include <pthread.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif

#include <atomic>

namespace rstore {
namespace {

constexpr uint32_t kLandingLimit = 1024;

struct LandingSlot {
  std::atomic<int64_t> thread{0};
  std::atomic<GuardLanding*> landing{nullptr};  // read by its own thread only
};

LandingSlot landings[kLandingLimit];
std::atomic<uint32_t> landingsInUse{0};  // slots from here on were never taken

/// Never 0. Asked of the kernel: a thread-local copy would break F1.
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

}  // namespace

GuardLanding* takeLanding(uintptr_t address) {
  if (landingsInUse.load(std::memory_order_relaxed) == 0) return nullptr;
  LandingSlot* slot = landingSlotOf(threadNumber());
  if (!slot) return nullptr;
  GuardLanding* landing = slot->landing.load(std::memory_order_relaxed);
  while (landing && !isInGuard(landing, address)) landing = landing->outer;
  if (landing) setLanding(slot, landing->outer);
  return landing;
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
