#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>

#include "check.h"
#include "core/address-space.h"
#include "core/clock.h"
#include "core/generated/layout.h"
#include "core/io.h"
#include "core/log-mapper.h"
#include "core/seam/test-io.h"

using namespace rstore;

namespace {

constexpr uint64_t kSegments = 4;

struct Segments {
  int fd = makeFile("segments", kSegments* kSegmentBytes);
  std::byte* base = static_cast<std::byte*>(
      ::mmap(nullptr, kSegments* kSegmentBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));

  static int makeFile(const char* name, uint64_t bytes) {
    const int fd = check::makeFile(name, static_cast<off_t>(bytes));
    if (!writeZeros(fd, 0, bytes).ok()) std::abort();
    return fd;
  }
  ~Segments() {
    ::munmap(base, kSegments * kSegmentBytes);
    ::close(fd);
  }

  std::byte* at(uint64_t segment) const { return base + segment * kSegmentBytes; }

  LogMapper::Step step(uint64_t written, std::byte* next) const {
    return {.written = at(written), .next = next};
  }

  /// How many of its pages this process has mapped: bit 63 of an entry of the page map.
  uint64_t mapped(uint64_t segment) const {
    constexpr uint64_t kPages = kSegmentBytes / kPageBytes;
    uint64_t entries[kPages];
    const int map = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    const auto offset = reinterpret_cast<uint64_t>(at(segment)) / kPageBytes * sizeof(uint64_t);
    if (::pread(map, entries, sizeof entries, static_cast<off_t>(offset)) != sizeof entries)
      std::abort();
    ::close(map);
    uint64_t count = 0;
    for (const uint64_t entry : entries) count += entry >> 63;
    return count;
  }

  bool becomes(uint64_t segment, uint64_t pages) const {
    for (int tries = 0; tries < 5'000; tries++) {
      if (mapped(segment) == pages) return true;
      sleepMicroseconds(1'000);
    }
    return false;
  }
};

constexpr uint64_t kAll = kSegmentBytes / kPageBytes;

}  // namespace

TEST(theNextIsMappedAndTheWrittenIsNot) {
  const Segments segments;
  LogMapper mapper;
  std::memset(segments.at(0), 'a', kSegmentBytes);
  CHECK(segments.mapped(0) == kAll);
  CHECK(segments.mapped(1) == 0);
  mapper.goOn(segments.step(0, segments.at(1)));
  CHECK(segments.becomes(1, kAll));
  CHECK(segments.becomes(0, 0));
  mapper.goOn(segments.step(1, nullptr));
  CHECK(segments.becomes(1, 0));
  CHECK(segments.mapped(2) == 0);
  mapper.stop();
  CHECK(std::memchr(segments.at(0), 0, kSegmentBytes) == nullptr);  // nothing is lost
}

TEST(storesBesideItStay) {
  const Segments segments;
  LogMapper mapper;
  for (int round = 0; round < 200; round++) {
    const int value = round % 250 + 1;
    for (uint64_t segment = 0; segment < kSegments; segment++) {
      mapper.goOn(segments.step((segment + kSegments - 1) % kSegments, segments.at(segment)));
      // Still at the one that is being unmapped, as nobody should be, and at the next.
      std::memset(segments.at((segment + kSegments - 1) % kSegments), value, kSegmentBytes);
      std::memset(segments.at(segment), value, kSegmentBytes);
    }
    for (uint64_t byte = 0; byte < kSegments * kSegmentBytes; byte += 509)
      CHECK(segments.base[byte] == static_cast<std::byte>(value));
  }
}

TEST(stopsAtOnceAndBeginsAgain) {
  const Segments segments;
  LogMapper mapper;
  mapper.stop();
  for (int round = 0; round < 100; round++) {
    for (uint64_t segment = 1; segment < kSegments; segment++)
      mapper.goOn(segments.step(segment - 1, segments.at(segment)));
    mapper.stop();
  }
  mapper.goOn(segments.step(0, segments.at(1)));
  CHECK(segments.becomes(1, kAll));
}

TEST(atOnceIsOnTheThreadOfTheCaller) {
  const Segments segments;
  LogMapper mapper;
  std::memset(segments.at(0), 'a', kSegmentBytes);
  mapper.goOnAtOnce(segments.step(0, segments.at(1)));
  CHECK(segments.mapped(1) == kAll);
  CHECK(segments.mapped(0) == 0);
}

TEST(withoutAThreadTheCallerDoesIt) {
  const Segments segments;
  startTestIo({.action = TestAction::kFail, .of = Counted::kThreads, .operation = 1, .error = 11});
  LogMapper mapper;
  std::memset(segments.at(0), 'a', kSegmentBytes);
  mapper.goOn(segments.step(0, segments.at(1)));
  CHECK(segments.mapped(1) == kAll);
  CHECK(segments.mapped(0) == 0);
  CHECK(testIoState().threads == 1);
  mapper.goOn(segments.step(1, segments.at(2)));  // now there is one
  CHECK(segments.becomes(2, kAll));
  CHECK(testIoState().threads == 2);
  mapper.stop();
  stopTestIo();
}

int main() { return check::runAll(); }
