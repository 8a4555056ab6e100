/**
 * Faults as they really happen: on files that are too short, cut, full or read-only, from one
 * thread and from eight. The tests of chaining come first: the handler can be installed only once
 * in a process.
 */
#include "core/fault.h"

#include <sys/mman.h>
#include <sys/mount.h>

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <memory>
#include <thread>

#include "check.h"
#include "core/address-space.h"
#include "core/io.h"

using namespace rstore;

namespace {

constexpr uint64_t kKiB = 1024, kMiB = 1024 * kKiB;

/** A view as the core makes it: reservation, private mapping, control block, registered range. */
struct View {
  Reservation reservation;
  ControlBlock control = {};
  FaultRange range;
  int fd;

  View(int file, uint64_t capacity, uint64_t committed, FaultKind kind = FaultKind::kView)
      : fd(file) {
    CHECK(reserveAddressSpace(capacity, &reservation).ok());
    control.capacityUnits = static_cast<uint32_t>((capacity - kSinkBytes) / 8);
    control.endUnits = control.frontierUnits = static_cast<uint32_t>(committed / 8);
    range.base = reservation.base;
    range.bytes = capacity;
    range.kind = kind;
    range.fd = fd;
    range.control = &control;
    CHECK(map().ok());
    CHECK(registerRange(&range).ok());
  }
  ~View() {
    unregisterRange(&range);
    releaseAddressSpace(reservation);
    ::close(fd);
  }
  Status map() {
    if (range.kind == FaultKind::kView) return mapPrivate(range.base, fd, 0, range.bytes);
    if (range.kind == FaultKind::kPacked) return mapReadOnly(range.base, fd, 0, range.bytes);
    if (range.kind == FaultKind::kClosed) return unmapToReserved(range.base, range.bytes);
    return mapShared(range.base, fd, 0, range.bytes, Shared::kDurable);
  }
  volatile unsigned char& at(uint64_t offset) {
    return reinterpret_cast<volatile unsigned char*>(reservation.base)[offset];
  }
  void bumpTo(uint64_t bytes) { control.frontierUnits = static_cast<uint32_t>(bytes / 8); }
  uint32_t bits() { return takeFaultBits(&control); }
};

/** A file system of one MiB. Where mounting is denied, the seam below makes the disk full. */
struct SmallDisk {
  std::string path = check::pathOf("small");
  bool mounted;

  SmallDisk() {
    ::mkdir(path.c_str(), 0700);
    mounted = ::mount("none", path.c_str(), "tmpfs", 0, "size=1m") == 0;
    if (!mounted) replaceTable();
  }
  ~SmallDisk() {
    if (mounted) ::umount2(path.c_str(), MNT_DETACH);
    ioTable.store(&systemIo);
  }
  void makeRoom() {
    if (mounted) ::unlink((path + "/ballast").c_str());
    full = false;
  }
  void fillUp() {
    full = true;
    if (!mounted) return;
    const int fd = ::open((path + "/ballast").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (off_t at = 0; ::fallocate(fd, 0, at, 4096) == 0; at += 4096) continue;
    ::close(fd);
  }
  int open(const char* name) {
    return ::open((path + "/" + name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  }

  static inline bool full = false;
  static int allocateUnlessFull(int fd, Allocate what, uint64_t offset, uint64_t bytes) {
    return full ? -ENOSPC : systemIo.allocate(fd, what, offset, bytes);
  }
  static void replaceTable() {
    static IoTable table = systemIo;
    table.allocate = allocateUnlessFull;
    ioTable.store(&table);
  }
};

void* foreignPage() { return ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

void setAction(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

void openThePage(int, siginfo_t* info, void*) {
  auto page = reinterpret_cast<uintptr_t>(info->si_addr) & ~uintptr_t{4095};
  ::mprotect(reinterpret_cast<void*>(page), 4096, PROT_READ | PROT_WRITE);
}

void exitWith42(int) { ::_exit(42); }

}  // namespace

// ── before the handler is installed: children that install it over something ──

TEST(chainsToAHandlerWithInfoThatResumes) {
  const int status = check::inChild([] {
    struct sigaction action = {};
    action.sa_sigaction = openThePage;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSEGV, &action, nullptr);
    if (!installFaultHandler().ok()) ::_exit(1);
    auto* page = static_cast<volatile char*>(foreignPage());
    page[5] = 7;
    ::_exit(page[5] == 7 && faultCounters().chained == 1 ? 0 : 2);
  });
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(chainsToAPlainHandler) {
  const int status = check::inChild([] {
    setAction(SIGSEGV, exitWith42);
    if (!installFaultHandler().ok()) ::_exit(1);
    *static_cast<volatile char*>(foreignPage()) = 1;
  });
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

TEST(aForeignFaultEndsTheProcessByDefault) {
  const int status = check::inChild([] {
    setAction(SIGSEGV, SIG_DFL);
    if (!installFaultHandler().ok()) ::_exit(1);
    *static_cast<volatile char*>(foreignPage()) = 1;
  });
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(aSignalThatWasSentKeepsItsMeaning) {
  const int ended = check::inChild([] {
    setAction(SIGBUS, SIG_DFL);
    if (!installFaultHandler().ok()) ::_exit(1);
    ::raise(SIGBUS);
  });
  CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGBUS);
  const int ignored = check::inChild([] {
    setAction(SIGSEGV, SIG_IGN);
    if (!installFaultHandler().ok()) ::_exit(1);
    ::raise(SIGSEGV);
    ::_exit(3);
  });
  CHECK(WIFEXITED(ignored) && WEXITSTATUS(ignored) == 3);
}

TEST(theHandlerIsInstalledOnce) {
  CHECK(!faultHandlerIsCurrent());
  CHECK(installFaultHandler().ok());
  CHECK(installFaultHandler().ok());
  CHECK(faultHandlerIsCurrent());
}

// ── views ──

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

// ── other kinds ──

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

// ── system calls on addresses of ours ──

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

// ── guard landings ──

namespace {

[[gnu::noinline]] void storeForEver(std::byte* from) {
  for (auto* at = reinterpret_cast<volatile uint32_t*>(from);; at++) *at = 0x1234;
}

/** Stores from `from` on, without a bound, until the guard; where the landing was. */
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

int main() { return check::runAll(); }
