// Faults of everything else that is mapped, of many threads that map and unmap, and of system calls
// on addresses of ours.
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "fault/mapped.h"

using namespace mapped;

TEST(aSharedMappingThatWasCut) {
  View log(check::makeFile("log", 1 * kMiB), 1 * kMiB, 0, FaultKind::kLog);
  log.at(5000) = 3;
  CHECK(::ftruncate(log.fd, 4096) == 0);
  log.at(9000) = 4;
  CHECK(log.bits() == kFaultIo);
  CHECK(log.control.failed == 1);
  CHECK(log.at(9000) == 4);
  CHECK(check::lengthOf(log.fd) == 4096);
}

TEST(aHoleOfASharedMappingOnAFullDisk) {
  SmallDisk disk;
  const int fd = disk.open("log");
  CHECK(::ftruncate(fd, 512 * kKiB) == 0);
  disk.fillUp();
  View log(fd, 512 * kKiB, 0, FaultKind::kVector);
  log.at(5000) = 3;
  CHECK(log.at(5000) == 3);
  if (disk.mounted) CHECK(log.bits() == kFaultNoSpace);
  CHECK(log.control.failed == 0);
  disk.makeRoom();
  CHECK(repairRange(&log.range).ok());
  log.at(5000) = 4;
  unsigned char stored = 0;
  CHECK(::pread(fd, &stored, 1, 5000) == 1 && stored == 4);
}

TEST(aStoreToAPackedPageStaysPrivate) {
  const int fd = check::makeFile("packed", 64 * kKiB);
  CHECK(writeFully(fd, "packed", 6, 4096).ok());
  View packed(fd, 64 * kKiB, 64 * kKiB, FaultKind::kPacked);
  packed.at(4096) = 'P';
  CHECK(packed.bits() == kFaultReadOnly);
  CHECK(std::memcmp(packed.reservation.base + 4096, "Packed", 6) == 0);
  char stored[6];
  CHECK(::pread(fd, stored, 6, 4096) == 6 && std::memcmp(stored, "packed", 6) == 0);
  CHECK(repairRange(&packed.range).ok());
  CHECK(packed.at(4096) == 'p');
  packed.at(4096) = 'Q';
  CHECK(packed.bits() == kFaultReadOnly);
}

TEST(aPackedFileThatWasCut) {
  View packed(check::makeFile("short", 64 * kKiB), 64 * kKiB, 64 * kKiB, FaultKind::kPacked);
  packed.at(40'000) = 1;  // private and listed, and then the file goes away beneath it
  CHECK(::ftruncate(packed.fd, 4096) == 0);
  CHECK(packed.at(32'000) == 0);
  CHECK(packed.at(40'000) == 0);
  CHECK((packed.bits() & kFaultIo) != 0);
}

TEST(aClosedReservationReadsZero) {
  ReservationPool pool;
  Reservation first, second;
  bool pooled = true;
  CHECK(pool.take(16 * kMiB, &first, &pooled).ok());
  CHECK(!pooled);
  CHECK(mapZero(first.base, first.bytes).ok());
  first.base[5000] = std::byte{7};
  CHECK(pool.give(first).ok());
  CHECK(*(volatile std::byte*)&first.base[5000] == std::byte{0});
  *(volatile std::byte*)&first.base[9 * kMiB] = std::byte{1};
  CHECK(pool.take(16 * kMiB, &second, &pooled).ok());
  CHECK(pooled && second.base == first.base && pool.count() == 0);
  CHECK(mapZero(second.base, second.bytes).ok());
  CHECK(second.base[9 * kMiB] == std::byte{0});
  CHECK(pool.give(second).ok());
  pool.release(second.base);
  CHECK(pool.count() == 0);
}

/// What a thread of Node does that still reads an array when its region is closed, and when the
/// next one is opened in the same place (F10, F11). The file is shorter than what is mapped of it,
/// as when somebody cut it: to read it there faults also while it is mapped.
TEST(whoStillReadsAClosedReservationEndsNothing) {
  constexpr uint64_t kBytes = 1 * kMiB, kFileBytes = 256 * kKiB;
  const int fd = check::makeFile("stale", kFileBytes);
  const std::vector<unsigned char> full(kFileBytes, 0x77);
  CHECK(writeFully(fd, full.data(), full.size(), 0).ok());
  ReservationPool pool;
  Reservation memory;
  bool pooled = false;
  CHECK(pool.take(kBytes, &memory, &pooled).ok());
  std::byte* const base = memory.base;
  CHECK(pool.give(memory).ok());
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (uint64_t reader = 0; reader < 2; reader++) {
    readers.emplace_back([&, reader] {
      while (!stop) {
        for (uint64_t at = reader * 4096; at < kBytes && !stop; at += 2 * 4096) {
          const auto byte = *(volatile std::byte*)&base[at];
          CHECK(byte == std::byte{0} || byte == std::byte{0x77});
        }
      }
    });
  }
  for (int round = 0; round < 400; round++) {
    CHECK(pool.take(kBytes, &memory, &pooled).ok());
    CHECK(pooled && memory.base == base);
    const bool packed = round % 2 == 0;
    CHECK((packed ? mapReadOnly(base, fd, 0, kBytes) : mapPrivate(base, fd, 0, kBytes)).ok());
    ControlBlock control = {};
    FaultRange range;
    range.base = base;
    range.bytes = kBytes;
    range.kind = packed ? FaultKind::kPacked : FaultKind::kView;
    range.fd = fd;
    range.control = &control;
    CHECK(registerRange(&range).ok());
    pool.mapped(memory);
    for (uint64_t at = 0; at < kFileBytes; at += 4096) {
      CHECK(*(volatile std::byte*)&base[at] == std::byte{0x77});  // F5: no page of the time before
    }
    CHECK(*(volatile std::byte*)&base[kFileBytes + 5] == std::byte{0});
    CHECK(control.faultCount > 0);
    unregisterRange(&range);
    CHECK(pool.give(memory).ok());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  ::close(fd);
}

TEST(overlappingAndSenselessRangesAreRefused) {
  View view(check::makeFile("overlap", 64 * kKiB), 64 * kMiB, 64 * kKiB);
  FaultRange other;
  other.kind = FaultKind::kClosed;
  other.base = view.reservation.base + 1 * kMiB;
  other.bytes = 1 * kMiB;
  CHECK(registerRange(&other).code == Code::kInvalid);
  other.bytes = 5;
  CHECK(registerRange(&other).code == Code::kInvalid);
  CHECK(registerRange(&view.range).code == Code::kInvalid);
  unregisterRange(&other);
}

TEST(rangesComeAndGoWhileOthersFault) {
  Reservation stable, passing;
  CHECK(reserveAddressSpace(4 * kMiB, &stable).ok());
  CHECK(reserveAddressSpace(4 * kMiB, &passing).ok());
  std::atomic<bool> stop{false};
  std::thread registrar([&] {
    while (!stop) {
      auto range = std::make_unique<FaultRange>();
      range->base = passing.base;
      range->bytes = passing.bytes;
      range->kind = FaultKind::kClosed;
      CHECK(registerRange(range.get()).ok());
      CHECK(*(volatile std::byte*)&passing.base[4096] == std::byte{0});
      unregisterRange(range.get());
      CHECK(unmapToReserved(passing.base, passing.bytes).ok());
    }
  });
  FaultRange range;
  range.base = stable.base;
  range.bytes = stable.bytes;
  range.kind = FaultKind::kClosed;
  CHECK(registerRange(&range).ok());
  for (int round = 0; round < 60; round++) {
    for (uint64_t at = 0; at < stable.bytes; at += 256 * kKiB) {
      CHECK(*(volatile std::byte*)&stable.base[at] == std::byte{0});
    }
    CHECK(repairRange(&range).ok());
  }
  stop = true;
  registrar.join();
  unregisterRange(&range);
  releaseAddressSpace(stable);
  releaseAddressSpace(passing);
}

TEST(systemCallsOnAViewAreServedToo) {
  View view(check::makeFile("efault", 64 * kKiB), 64 * kMiB, 64 * kKiB);
  const int source = check::makeFile("source", 3 * kMiB);
  CHECK(writeFully(source, "end", 3, 3 * kMiB - 3).ok());
  view.control.growing = 1;
  view.bumpTo(4 * kMiB);
  CHECK(readFully(source, view.reservation.base + 64 * kKiB, 3 * kMiB, 0).ok());
  CHECK(std::memcmp(view.reservation.base + 64 * kKiB + 3 * kMiB - 3, "end", 3) == 0);
  CHECK(writeFully(source, view.reservation.base + 3500 * kKiB, 500 * kKiB, 0).ok());
  CHECK(view.bits() == 0);
  CHECK(readFully(source, view.reservation.base, 4, 3 * kMiB - 2).code == Code::kIo);
  CHECK(writeFully(source, foreignPage(), 0, 0).ok());
  ::close(source);
}

int main() { return runWithHandler(); }
