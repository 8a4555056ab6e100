// Faults of views as they really happen: on files that are too short, cut, full or read-only, from
// one thread and from eight.
#include <atomic>
#include <memory>
#include <thread>
#include <cstring>

#include "fault/mapped.h"

using namespace mapped;

TEST(bumpingGrowsTheFile) {
  View view(check::makeFile("grow", 64 * kKiB), 64 * kMiB, 64 * kKiB);
  const FaultCounters before = faultCounters();
  view.control.growing = 1;
  for (uint64_t at = 64 * kKiB; at < 8 * kMiB; at += 512) {
    view.bumpTo(at + 512);
    view.at(at) = static_cast<unsigned char>(at >> 9);
  }
  bool whole = true;
  for (uint64_t at = 64 * kKiB; at < 8 * kMiB; at += 512) {
    whole &= view.at(at) == static_cast<unsigned char>(at >> 9);
  }
  CHECK(whole);
  CHECK(view.bits() == 0);
  CHECK(check::lengthOf(view.fd) >= static_cast<off_t>(8 * kMiB));
  CHECK(check::lengthOf(view.fd) <= static_cast<off_t>(10 * kMiB));
  const uint64_t grown = faultCounters().grown - before.grown;
  CHECK(grown > 10 && grown < 60);
  unsigned char stored = 1;
  CHECK(::pread(view.fd, &stored, 1, 4 * kMiB) == 1 && stored == 0);  // the view is private
}

TEST(aLargeTailIsInMemoryUntilTheRangeIsRepaired) {
  View view(check::makeFile("tail", 64 * kKiB), 64 * kMiB, 64 * kKiB);
  view.control.growing = 1;
  view.range.buffersTail = 1;
  const auto touch = [&](uint64_t at) {
    view.bumpTo(at + 8);
    view.at(at) = 7;
  };
  touch(64 * kKiB + kBufferedTailBytes / 2);
  CHECK(view.range.tailBuffered == 0);  // what goes through the log stays the file's
  for (uint64_t at = 128 * kKiB; at < 32 * kMiB; at += 4096) touch(at);
  CHECK(view.range.tailBuffered == 1);
  CHECK(view.bits() == 0);
  CHECK(check::lengthOf(view.fd) >= static_cast<off_t>(32 * kMiB));
  CHECK(writeFully(view.fd, "x", 1, 30 * kMiB).ok());
  CHECK(view.at(30 * kMiB) == 7);
  CHECK(view.at(30 * kMiB + 1) == 0);
  CHECK(repairRange(&view.range).ok());
  CHECK(view.range.tailBuffered == 0);
  CHECK(view.at(30 * kMiB) == 'x');
  CHECK(view.at(28 * kMiB) == 0);
}

TEST(farFromTheFrontierTheFileDoesNotGrow) {
  View view(check::makeFile("far", 64 * kKiB), 64 * kMiB, 64 * kKiB);
  view.control.growing = 1;
  CHECK(view.at(32 * kMiB) == 0);
  CHECK(view.bits() == kFaultCorrupt);
  CHECK(view.control.faultPage == 32 * kMiB / kPageBytes);
  CHECK(view.bits() == 0);
  CHECK(check::lengthOf(view.fd) == 64 * kKiB);
  view.at(32 * kMiB) = 9;  // no fault any more: the page is there
  CHECK(view.bits() == 0);

  // Somebody else makes the file that long: what the fault had put there must not stay.
  CHECK(growFileTo(view.fd, 33 * kMiB).ok());
  CHECK(writeFully(view.fd, "x", 1, 32 * kMiB).ok());
  CHECK(repairRange(&view.range).ok());
  CHECK(view.at(32 * kMiB) == 'x');
  CHECK(view.bits() == 0);
}

TEST(aReaderNeverGrowsTheFile) {
  View view(check::makeFile("reader", 64 * kKiB), 64 * kMiB, 64 * kKiB);
  CHECK(view.at(64 * kKiB) == 0);
  CHECK(view.bits() == kFaultCorrupt);
  CHECK(check::lengthOf(view.fd) == 64 * kKiB);
}

TEST(pastTheCapacityIsASink) {
  View view(check::makeFile("full", 64 * kKiB), 1 * kMiB, 64 * kKiB);
  view.control.growing = 1;
  uint64_t at = 64 * kKiB;
  for (; at < 1 * kMiB; at += 64) {
    view.bumpTo(at + 64);
    view.at(at) = 1;
    if (view.control.fault != 0) break;
  }
  CHECK(at == 1 * kMiB - kSinkBytes);
  CHECK(view.bits() == kFaultRegionFull);
  CHECK(check::lengthOf(view.fd) == static_cast<off_t>(1 * kMiB - kSinkBytes));
  CHECK(growFile(&view.range, 1 * kMiB).code == Code::kRegionFull);
  CHECK(view.bits() == kFaultRegionFull);
  CHECK(repairRange(&view.range).ok());
  CHECK(view.at(64 * kKiB) == 1);
}

TEST(aLargeObjectIsGrownExplicitly) {
  View view(check::makeFile("large", 64 * kKiB), 256 * kMiB, 64 * kKiB);
  view.control.growing = 1;
  CHECK(growFile(&view.range, 100 * kMiB).ok());
  CHECK(check::lengthOf(view.fd) >= static_cast<off_t>(100 * kMiB));
  view.at(100 * kMiB - 1) = 1;
  CHECK(view.bits() == 0);
  CHECK(growFile(&view.range, 1 * kMiB).ok());  // never shorter
  CHECK(check::lengthOf(view.fd) >= static_cast<off_t>(100 * kMiB));
}

TEST(aFullDiskLosesNothing) {
  SmallDisk disk;
  std::printf("  full disk: %s\n", disk.mounted ? "a tmpfs of 1 MiB" : "the seam");
  const int fd = disk.open("region");
  CHECK(growFileTo(fd, 64 * kKiB).ok());
  CHECK(writeFully(fd, "committed", 9, 100).ok());
  disk.fillUp();
  View view(fd, 64 * kMiB, 64 * kKiB);
  view.control.growing = 1;
  for (uint64_t at = 64 * kKiB; at < 2 * kMiB; at += 64) {
    view.bumpTo(at + 64);
    view.at(at) = 5;
  }
  CHECK(view.at(1 * kMiB) == 5);  // what was written meanwhile can be read until the rollback
  CHECK(view.bits() == kFaultNoSpace);
  CHECK(view.control.lastError == ENOSPC);
  CHECK(view.control.failed == 0);
  CHECK(growFile(&view.range, 8 * kMiB).code == Code::kNoSpace);
  CHECK(view.bits() == kFaultNoSpace);

  disk.makeRoom();
  view.bumpTo(64 * kKiB);
  CHECK(repairRange(&view.range).ok());
  view.bumpTo(128 * kKiB);
  CHECK(view.at(64 * kKiB) == 0);
  view.at(64 * kKiB) = 6;
  CHECK(view.bits() == 0);
  CHECK(std::memcmp(view.reservation.base + 100, "committed", 9) == 0);
  CHECK(check::lengthOf(fd) >= static_cast<off_t>(128 * kKiB));
}

TEST(theLastPageOfADiskIsUsed) {
  SmallDisk disk;
  const int fd = disk.open("region");
  CHECK(growFileTo(fd, 64 * kKiB).ok());
  disk.fillUp();
  if (disk.mounted) {
    const int ballast = disk.open("ballast");
    CHECK(::ftruncate(ballast, check::lengthOf(ballast) - 4096) == 0);
    ::close(ballast);
  } else {
    disk.makeRoom();
  }
  View view(fd, 64 * kMiB, 64 * kKiB);
  view.control.growing = 1;
  view.bumpTo(65 * kKiB);
  view.at(64 * kKiB) = 1;
  CHECK(view.bits() == 0);
}

TEST(aFileThatSomebodyCutIsNotGrown) {
  View view(check::makeFile("cut", 4 * kMiB), 64 * kMiB, 4 * kMiB);
  CHECK(view.at(3 * kMiB) == 0);
  CHECK(::ftruncate(view.fd, 1 * kMiB) == 0);
  CHECK(view.at(3 * kMiB) == 0);
  CHECK(view.bits() == kFaultIo);
  CHECK(view.control.failed == 1);
  view.control.growing = 1;
  view.bumpTo(5 * kMiB);
  view.at(4 * kMiB) = 1;
  CHECK(view.bits() == kFaultIo);
  CHECK(growFile(&view.range, 6 * kMiB).code == Code::kIo);
  CHECK(check::lengthOf(view.fd) == static_cast<off_t>(1 * kMiB));
}

TEST(tooManyPatchesAskForANewMapping) {
  View view(check::makeFile("patches", 64 * kKiB), 64 * kMiB, 64 * kKiB);
  for (uint64_t at = 1 * kMiB; at < 61 * kMiB; at += 512 * kKiB) CHECK(view.at(at) == 0);
  CHECK(view.bits() == kFaultCorrupt);
  CHECK(repairRange(&view.range).code == Code::kStale);
  CHECK(view.map().ok());
  changeRange(&view.range, FaultKind::kView, view.fd, 0, &view.control);
  CHECK(repairRange(&view.range).ok());
  CHECK(view.at(0) == 0);
  CHECK(view.bits() == 0);
}

TEST(eightThreadsFaultAtOnce) {
  View view(check::makeFile("threads", 64 * kKiB), 64 * kMiB, 64 * kKiB);
  view.control.growing = 1;
  view.bumpTo(16 * kMiB);
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 8; thread++) {
    threads.emplace_back([&, thread] {
      ready++;
      while (ready < 8) std::this_thread::yield();
      for (uint64_t at = 64 * kKiB; at < 16 * kMiB; at += 4096) view.at(at + thread) = 1 + thread;
    });
  }
  for (std::thread& thread : threads) thread.join();
  bool whole = true;
  for (uint64_t at = 64 * kKiB; at < 16 * kMiB; at += 4096) {
    for (unsigned thread = 0; thread < 8; thread++) whole &= view.at(at + thread) == 1 + thread;
  }
  CHECK(whole);
  CHECK(view.bits() == 0);
}

TEST(eightThreadsOnAFullDisk) {
  SmallDisk disk;
  const int fd = disk.open("region");
  CHECK(growFileTo(fd, 64 * kKiB).ok());
  disk.fillUp();
  View view(fd, 64 * kMiB, 64 * kKiB);
  view.control.growing = 1;
  view.bumpTo(4 * kMiB);
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 8; thread++) {
    threads.emplace_back([&, thread] {
      for (uint64_t at = 64 * kKiB; at < 4 * kMiB; at += 4096) view.at(at + thread) = 1 + thread;
    });
  }
  for (std::thread& thread : threads) thread.join();
  bool whole = true;
  for (uint64_t at = 64 * kKiB; at < 4 * kMiB; at += 4096) {
    for (unsigned thread = 0; thread < 8; thread++) whole &= view.at(at + thread) == 1 + thread;
  }
  CHECK(whole);  // a second patch over the first would have lost a store
  CHECK(view.bits() == kFaultNoSpace);
}

int main() { return runWithHandler(); }
