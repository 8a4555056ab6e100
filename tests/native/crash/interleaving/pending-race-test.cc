// Pages that wait (pending-pages.h) while commits follow each other and checkpoints run on another
// thread, at random: each page that is looked at is compared with that of a view of the same commit
// that lets none wait. SEED=N begins with another history.
#include <atomic>
#include <thread>

#include "scenes.h"

namespace {

using namespace interleaving;

constexpr int kHistories = 12, kRounds = 30;

HandleOptions optionsWith(uint32_t fromPages, Random& random) {
  HandleOptions options = Region::smallLog();
  options.waiting = {fromPages, static_cast<uint32_t>(1 + random.below(3))};
  options.privatePages = random.below(2) == 0 ? 24 : 1000;
  return options;
}

struct History {
  Random random;
  std::string path = newRegion();
  Region writer, checker, lazy, eager;
  std::atomic<bool> ends{false};
  std::thread checkpoints;
  size_t waited = 0;

  explicit History(uint64_t seed) : random{seed} {
    const HandleOptions atOnce = optionsWith(UINT32_MAX, random);
    const HandleOptions waits = optionsWith(1, random);
    CHECK(writer.open(path, random.below(2) == 0 ? atOnce : waits).ok());
    CHECK(stamp(writer, 1, false, 200).ok());
    CHECK(checker.open(path, atOnce).ok());
    CHECK(lazy.open(path, waits).ok() && eager.open(path, atOnce).ok());
    writer.handle.unpin();
    checker.handle.unpin();
    checkpoints = std::thread([this] {
      while (!ends.load()) {
        (void)checker.handle.checkpoint();
        std::this_thread::yield();
      }
    });
  }
  void end() {
    ends = true;
    checkpoints.join();
    for (Region* region : {&lazy, &eager, &checker, &writer}) region->close();
    CHECK(checkCleanFile(path).empty());
  }

  uint64_t dataPage(Region& region) {
    const uint64_t count = pagesOf(region.handle.view().cursor().endUnits) - kFirstDataPage - 1;
    return kFirstDataPage + random.below(count);
  }
  void commit(Region& region) {
    CHECK(region.begin().ok());
    for (uint64_t runs = 1 + random.below(6); runs > 0; runs--) {
      const uint64_t first = dataPage(region), end = dataPage(region);
      for (uint64_t page = first; page < end && page < first + 40; page++) {
        const uint64_t line = page * kLinesOfPage + random.below(kLinesOfPage);
        region.write(line, lineOf(line, random));
      }
    }
    if (random.below(5) == 0) {
      region.rollback();
    } else {
      CHECK(region.commit(false).ok());
    }
  }
  void commits(uint64_t count) {
    for (; count > 0; count--) {
      commit(writer);
      if (random.below(2) == 0) writer.handle.unpin();
    }
  }
  void look() {
    const uint64_t page = dataPage(lazy);
    const uint32_t shown = hashOfPage(lazy.base() + page * kPageBytes);
    CHECK(shown == hashOfPage(eager.base() + page * kPageBytes));
    if (random.below(30) == 0) commits(1);
  }
  void round() {
    commits(random.below(5));
    for (Region* region : {&lazy, &eager}) {
      if (random.below(3) == 0) region->handle.unpin();
    }
    commits(random.below(4));
    CHECK(lazy.handle.refresh().ok() && eager.handle.refresh().ok());
    CHECK(lazy.epoch() == eager.epoch());
    waited += lazy.handle.view().pending().chunkCount();
    for (uint64_t looks = random.below(150); looks > 0; looks--) look();
    if (random.below(10) == 0) commit(lazy);
  }
};

TEST(everyPageIsThatOfItsCommit) {
  const char* given = ::getenv("SEED");
  const uint64_t first = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  size_t waited = 0;
  for (uint64_t seed = first; seed < first + kHistories; seed++) {
    History history(seed);
    for (int i = 0; i < kRounds; i++) history.round();
    history.end();
    waited += history.waited;
  }
  CHECK(waited > 500);
}

}  // namespace

int main(int count, char** arguments) { return playOrRunAll(count, arguments); }
