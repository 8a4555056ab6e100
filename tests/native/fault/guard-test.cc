// Guard landings: a producer without a bound ends at exactly the element behind the last.
#include <csetjmp>
#include <thread>

#include "fault/mapped.h"

using namespace mapped;

namespace {

[[gnu::noinline]] void storeForEver(std::byte* from) {
  for (auto* at = reinterpret_cast<volatile uint32_t*>(from);; at++) *at = 0x1234;
}

/// Stores from `from` on, without a bound, until the guard; where the landing was.
std::byte* fillUntilGuard(std::byte* from, std::byte* guard, uint64_t guardBytes) {
  GuardLanding landing;
  if (sigsetjmp(landing.jump, 0) == 0) {
    CHECK(armGuard(&landing, guard, guardBytes).ok());
    storeForEver(from);
  }
  return landing.address;
}

}  // namespace

TEST(aProducerLandsAtExactlyTheElement) {
  Reservation memory;
  CHECK(reserveAddressSpace(2 * kMiB, &memory).ok());
  const uint64_t page = systemPageBytes(), usable = 3 * page;
  CHECK(mapZero(memory.base, usable).ok());
  for (int round = 0; round < 3; round++) {
    CHECK(fillUntilGuard(memory.base, memory.base + usable, page) == memory.base + usable);
  }
  CHECK(reinterpret_cast<uint32_t*>(memory.base)[usable / 4 - 1] == 0x1234);

  // The signals are not left blocked: another fault is served.
  View view(check::makeFile("after", 64 * kKiB), 1 * kMiB, 64 * kKiB);
  CHECK(view.at(100 * kKiB) == 0);
  CHECK(view.bits() == kFaultCorrupt);
  releaseAddressSpace(memory);
}

TEST(landingsNestAndBelongToTheirThread) {
  Reservation memory;
  CHECK(reserveAddressSpace(2 * kMiB, &memory).ok());
  const uint64_t page = systemPageBytes();
  CHECK(mapZero(memory.base, page).ok());
  FaultRange range;
  ControlBlock control = {};
  range.base = memory.base;
  range.bytes = memory.bytes;
  range.kind = FaultKind::kBuilder;
  range.control = &control;
  CHECK(registerRange(&range).ok());

  GuardLanding outer;
  volatile int landed = 0;
  if (sigsetjmp(outer.jump, 0) == 0) {
    CHECK(armGuard(&outer, memory.base + 8 * page, page).ok());
    CHECK(fillUntilGuard(memory.base, memory.base + page, page) == memory.base + page);
    // A thread without a landing gets a page instead.
    std::thread([&] { *(volatile std::byte*)&memory.base[8 * page] = std::byte{1}; }).join();
    CHECK(takeFaultBits(&control) == kFaultRegionFull);
    CHECK(repairRange(&range).ok());
    *(volatile std::byte*)&memory.base[8 * page + 3] = std::byte{1};
  } else {
    landed = 1;
  }
  CHECK(landed == 1 && outer.address == memory.base + 8 * page + 3);
  unregisterRange(&range);
  releaseAddressSpace(memory);
}

int main() { return runWithHandler(); }
