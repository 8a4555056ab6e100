// Reserved address space and what is mapped into it.
//
// A reservation is a stretch of addresses without memory (PROT_NONE, MAP_NORESERVE). It never moves
// and outlives what is mapped into it: JavaScript keeps its typed arrays on it, so a touch of it
// must not end the process even after a region was closed (see fault.h, F10). Everything mapped
// replaces what was there in one step (MAP_FIXED): no other thread can get in between.
//
// All of it is MADV_DONTFORK: a child of fork() neither copies page tables of gigabytes nor sees a
// view. Addresses and sizes are multiples of systemPageBytes() (4096, on some arm64 systems 16384
// or 65536); sizes that are not are rounded up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/status.h"

namespace rstore {

struct Reservation {
  std::byte* base = nullptr;
  uint64_t bytes = 0;
};

struct FaultRange;

/// Where the system has pages of this size, memory that is aligned to it costs one fault each.
inline constexpr uint64_t kLargePageBytes = 2 * 1024 * 1024;

uint64_t systemPageBytes();
uint64_t roundUpToSystemPage(uint64_t bytes);

/// Reserves addresses; the base is a multiple of 2 MiB. kMemory when there are none.
Status reserveAddressSpace(uint64_t bytes, Reservation* out);

/// Gives the addresses back to the system. Nobody may hold a pointer into them any more.
void releaseAddressSpace(Reservation reservation);

/// Whether a shared mapping is of a file that must survive (log, vector) or of memory (lock file).
enum class Shared : uint32_t { kDurable, kMemory };

/// A private, writable view of the file. May be longer than the file (fault.h serves what is
/// beyond).
Status mapPrivate(std::byte* base, int fd, uint64_t offset, uint64_t bytes);

/// Shared and writable: what is stored is seen by everyone who has the file mapped.
Status mapShared(std::byte* base, int fd, uint64_t offset, uint64_t bytes, Shared use);

/// Private and read-only: for packed regions (fault kind kPacked), and logs read by others.
Status mapReadOnly(std::byte* base, int fd, uint64_t offset, uint64_t bytes);

/// Anonymous zero memory, private and writable, in place of whatever was there.
Status mapZero(std::byte* base, uint64_t bytes);

/// Back to PROT_NONE: what was mapped is gone, the addresses stay reserved. `fd` and `use` as they
/// were given to mapShared; anything else: unmapToReserved(base, bytes).
Status unmapToReserved(std::byte* base, uint64_t bytes);
Status unmapShared(std::byte* base, int fd, uint64_t bytes, Shared use);

/// Forgets private pages (MADV_DONTNEED): the next touch of a private file mapping reads the file
/// again, of anonymous memory zero. Does not change the number of mappings.
Status giveBackPages(std::byte* base, uint64_t bytes);

/// Moves anonymous memory, as it is, to where other memory is mapped, which goes; zeros are left
/// where it was. Units of 2 MiB on both sides cost a few microseconds each. False where the system
/// cannot, and nothing was moved.
bool moveMemory(std::byte* from, std::byte* to, uint64_t bytes);

/// Maps pages that will be written in a moment in one go, instead of with a fault for each
/// (MADV_POPULATE_WRITE). A hint: never fails; where pages cannot be had, the write faults.
void populatePages(std::byte* base, uint64_t bytes);

/// Asks the system to read ahead what will be needed (MADV_WILLNEED). A hint: never fails.
void willNeed(std::byte* base, uint64_t bytes);

/// Reservations of one environment (a thread of JavaScript), kept for reuse, because a new window
/// of gigabytes costs a full garbage collection. Each is the ground of what is mapped there
/// (fault.h, F10), from `take` to `mapped` kMapping, else kClosed: where nothing is registered on
/// it, a touch is answered by a zero page. While one is in the pool it has no memory. Not shared
/// between threads; the destructor gives all that is inside back, so by then no typed array may be
/// left on it.
class ReservationPool {
 public:
  ReservationPool() = default;
  ~ReservationPool();
  ReservationPool(const ReservationPool&) = delete;
  ReservationPool& operator=(const ReservationPool&) = delete;

  /// One of exactly `bytes` from the pool, or a new one. `*pooled`: it comes from the pool.
  /// Whatever another thread still reads there waits until `mapped` or `give`: soon.
  Status take(uint64_t bytes, Reservation* out, bool* pooled);

  /// All that is to be mapped is, and its ranges are registered.
  void mapped(const Reservation& reservation);

  /// Unmaps what is inside, where no range is registered any more, and keeps the addresses.
  Status give(Reservation reservation);

  /// Takes one that is in the pool out and releases its addresses: its typed arrays were detached.
  void release(std::byte* base);

  size_t count() const { return entries_.size(); }

 private:
  struct Entry {
    Reservation reservation;
    std::unique_ptr<FaultRange> ground;
  };
  using Entries = std::vector<Entry>;
  static Entries::iterator find(Entries& entries, const std::byte* base);

  Entries entries_;  // in the pool
  Entries taken_;
};

}  // namespace rstore
