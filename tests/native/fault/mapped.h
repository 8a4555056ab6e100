// What the tests of faults stand on: mapped views, a disk that can be full, somebody else's page.
#pragma once

#include <sys/mman.h>
#include <sys/mount.h>

#include "check.h"
#include "core/address-space.h"
#include "core/fault.h"
#include "core/io.h"

namespace mapped {

using namespace rstore;

constexpr uint64_t kKiB = 1024, kMiB = 1024 * kKiB;

/// A view as the core makes it: reservation, private mapping, control block, registered range.
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

/// A file system of one MiB. Where mounting is denied, the seam below makes the disk full.
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

inline void* foreignPage() {
  return ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/// What every program but that of chaining begins with.
inline int runWithHandler() {
  CHECK(installFaultHandler().ok());
  return check::runAll();
}

}  // namespace mapped
