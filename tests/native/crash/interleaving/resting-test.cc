// The checkpointer's thread rests between two checkpoints, unless the log fills up (C4).
#include <chrono>

#include "core/clock.h"
#include "scenes.h"

namespace {

using namespace interleaving;

constexpr int64_t kSlowMs = 150;

void slowSyncs() {
  useHooks({.beforeSync = [](int) {
    sleepMicroseconds(kSlowMs * 1000);
    return 0;
  }});
}

/// Commits one more, has `kick` ask for its checkpoint and waits for it; milliseconds.
template <typename Kick>
int64_t checkpointed(Region& region, uint64_t number, Kick kick) {
  CHECK(stamp(region, number).ok());
  region.handle.unpin();
  const uint64_t epoch = region.handle.view().epoch();
  const int64_t begun = monotonicMs();
  kick();
  while (slotEpoch(region) < epoch && monotonicMs() < begun + 60'000) sleepMicroseconds(500);
  CHECK(slotEpoch(region) == epoch);
  return monotonicMs() - begun;
}

/// A region whose first checkpoint took `firstMs`, because its syncs were slow.
struct Scenery {
  std::string path = newRegion();
  Region region;
  bool isOpen = region.open(path).ok();
  Checkpointer checkpointer{region.handle.file(), region.handle.lock(), path};
  int64_t firstMs = 0;

  Scenery() {
    CHECK(isOpen);
    slowSyncs();
    firstMs = checkpointed(region, 1, [&] { checkpointer.kick(false); });
    noHooks();
    CHECK(firstMs >= 2 * kSlowMs);
  }
};

TEST(restsForAsLongAsTheLastOneTook) {
  Scenery at;
  const int64_t ended = monotonicMs();
  (void)checkpointed(at.region, 2, [&] { at.checkpointer.kick(false); });
  const int64_t second = monotonicMs() - ended;
  CHECK(second >= std::min(at.firstMs, int64_t{1'000}) - 20);
  const int64_t third = checkpointed(at.region, 3, [&] { at.checkpointer.kick(false); });
  CHECK(third < second);  // the second took next to nothing
}

TEST(doesNotRestWhereTheLogFillsUp) {
  Scenery at;
  const int64_t second = checkpointed(at.region, 2, [&] {
    at.checkpointer.kick(false);
    sleepMicroseconds(5'000);
    at.checkpointer.kick(true);
  });
  CHECK(second < at.firstMs / 2);
}

TEST(endsWhileItRests) {
  Scenery at;
  at.checkpointer.kick(false);
  const int64_t begun = monotonicMs();
  at.checkpointer.stop();
  CHECK(monotonicMs() - begun < at.firstMs / 2);
}

}  // namespace

int main(int count, char** arguments) { return playOrRunAll(count, arguments); }
