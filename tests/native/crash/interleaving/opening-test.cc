// Logs that are begun, ended and handed over: by those that open, recover and close at once (Y5,
// H5, G3).
#include <atomic>
#include <thread>
#include <vector>

#include "scenes.h"

namespace {

using namespace interleaving;

TEST(aLogThatEndsWithASegmentIsComplete) {  // Y5
  const std::string path = newRegion();
  CHECK(dies("endOfASegment", path));
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 1);
}

TEST(aLogThatWasBegunTwiceIsOneChain) {  // H5
  const std::string path = newRegion();
  CHECK(dies("behindTheSecondLog", path));
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 7);
}

TEST(aLogThatCannotBeBegunIsBegunAgain) {
  const std::string path = newRegion();
  Region region;
  CHECK(region.open(path).ok());
  IoTable table = systemIo;
  table.truncate = [](int, uint64_t) { return -ENOSPC; };
  ioTable.store(&table);
  CHECK(stamp(region, 1).code == Code::kNoSpace);
  noHooks();
  CHECK(stamp(region, 2, true).ok() && stampShown(region) == 2);
}

TEST(noTwoSegmentsClaimOneNumber) {  // G3
  const std::string path = newRegion();
  CHECK(dies("afterReuse", path));
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 201);
}

TEST(ofThoseThatCloseTogetherOneIsTheLast) {
  for (int round = 0; round < 25; round++) {
    const std::string path = newRegion();
    Region first, second;
    CHECK(first.open(path).ok() && second.open(path).ok() && stamp(first, 1).ok());
    std::atomic<int> ready{0};
    const auto close = [&](Region& region) {
      ready.fetch_add(1);
      while (ready.load() < 2) continue;
      region.close();
    };
    std::thread other([&] { close(second); });
    close(first);
    other.join();
    CHECK(checkCleanFile(path).empty());
  }
}

TEST(openersWaitForRecovery) {
  const std::string path = newRegion();
  CHECK(dies("twoCommits", path));
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&] {
      Region region;
      if (region.open(path).ok() && stampShown(region) == 2) right.fetch_add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right.load() == 4);
  CHECK(checkCleanFile(path).empty());
}

}  // namespace

int main(int count, char** arguments) { return playOrRunAll(count, arguments); }
