#include "core/address-space.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/fault.h"
#include "core/io.h"

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

namespace rstore {
namespace {

/// mmap over what is reserved, not inherited by fork.
Status mapOver(std::byte* base, uint64_t bytes, int protection, int flags, int fd,
               uint64_t offset) {
  bytes = roundUpToSystemPage(bytes);
  void* at = ::mmap(base, bytes, protection, flags | MAP_FIXED | MAP_NORESERVE, fd,
                    static_cast<off_t>(offset));
  if (at == MAP_FAILED) return statusFromErrno(errno);
#ifdef MADV_DONTFORK
  if (::madvise(base, bytes, MADV_DONTFORK) < 0) return statusFromErrno(errno);
#endif
  return kSuccess;
}

}  // namespace

uint64_t systemPageBytes() {
  static const auto bytes = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

uint64_t roundUpToSystemPage(uint64_t bytes) {
  const uint64_t mask = systemPageBytes() - 1;
  return (bytes + mask) & ~mask;
}

Status reserveAddressSpace(uint64_t bytes, Reservation* out) {
  bytes = roundUpToSystemPage(bytes);
  const uint64_t more = bytes + kLargePageBytes;
  void* found =
      ::mmap(nullptr, more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (found == MAP_FAILED) return statusFromErrno(errno);
  auto* low = static_cast<std::byte*>(found);
  const uint64_t over = reinterpret_cast<uintptr_t>(low) % kLargePageBytes;
  const uint64_t before = over == 0 ? 0 : kLargePageBytes - over;
  if (before > 0) ::munmap(low, before);
  ::munmap(low + before + bytes, more - before - bytes);
  *out = {low + before, bytes};
#ifdef MADV_DONTFORK
  ::madvise(out->base, bytes, MADV_DONTFORK);
#endif
  return kSuccess;
}

void releaseAddressSpace(Reservation reservation) {
  if (reservation.base) ::munmap(reservation.base, reservation.bytes);
}

Status mapPrivate(std::byte* base, int fd, uint64_t offset, uint64_t bytes) {
  return mapOver(base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, offset);
}

Status mapShared(std::byte* base, int fd, uint64_t offset, uint64_t bytes, Shared use) {
  Status status = mapOver(base, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
  if (status.ok() && use == Shared::kDurable) {
    if (auto tell = io().mapping) tell(fd, offset, base, roundUpToSystemPage(bytes), true);
  }
  return status;
}

Status mapReadOnly(std::byte* base, int fd, uint64_t offset, uint64_t bytes) {
  return mapOver(base, bytes, PROT_READ, MAP_PRIVATE, fd, offset);
}

Status mapZero(std::byte* base, uint64_t bytes) {
  return mapOver(base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

Status unmapToReserved(std::byte* base, uint64_t bytes) {
  return mapOver(base, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

Status unmapShared(std::byte* base, int fd, uint64_t bytes, Shared use) {
  if (use == Shared::kDurable) {
    if (auto tell = io().mapping) tell(fd, 0, base, roundUpToSystemPage(bytes), false);
  }
  return unmapToReserved(base, bytes);
}

Status giveBackPages(std::byte* base, uint64_t bytes) {
  if (bytes == 0) return kSuccess;
  if (::madvise(base, roundUpToSystemPage(bytes), MADV_DONTNEED) < 0) {
    return statusFromErrno(errno);
  }
  return kSuccess;
}

bool moveMemory(std::byte* from, std::byte* to, uint64_t bytes) {
#ifdef MREMAP_MAYMOVE
  constexpr int kDontUnmap = 4;  // MREMAP_DONTUNMAP: Linux 5.7; older headers do not know it
  constexpr int kFlags = MREMAP_MAYMOVE | MREMAP_FIXED | kDontUnmap;
  return ::mremap(from, bytes, bytes, kFlags, to) == to;
#else
  (void)from, (void)to, (void)bytes;
  return false;
#endif
}

void populatePages([[maybe_unused]] std::byte* base, [[maybe_unused]] uint64_t bytes) {
#ifdef MADV_POPULATE_WRITE
  (void)::madvise(base, roundUpToSystemPage(bytes), MADV_POPULATE_WRITE);
#endif
}

void willNeed(std::byte* base, uint64_t bytes) {
  ::madvise(base, roundUpToSystemPage(bytes), MADV_WILLNEED);
}

// ── the pool ──

ReservationPool::~ReservationPool() {
  for (Entry& entry : taken_) unregisterRange(entry.ground.get());
  for (Entry& entry : entries_) {
    unregisterRange(entry.ground.get());
    releaseAddressSpace(entry.reservation);
  }
}

ReservationPool::Entries::iterator ReservationPool::find(Entries& entries, const std::byte* base) {
  return std::find_if(entries.begin(), entries.end(),
                      [&](const Entry& entry) { return entry.reservation.base == base; });
}

Status ReservationPool::take(uint64_t bytes, Reservation* out, bool* pooled) {
  bytes = roundUpToSystemPage(bytes);
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& entry) {
    return entry.reservation.bytes == bytes;
  });
  *pooled = found != entries_.rend();
  if (*pooled) {
    changeRange(found->ground.get(), FaultKind::kMapping, -1, 0, nullptr);
    *out = found->reservation;
    taken_.push_back(std::move(*found));
    entries_.erase(std::next(found).base());
    return kSuccess;
  }
  if (const Status reserved = reserveAddressSpace(bytes, out); !reserved.ok()) return reserved;
  auto ground = std::make_unique<FaultRange>();
  ground->base = out->base;
  ground->bytes = out->bytes;
  ground->kind = FaultKind::kMapping;
  ground->isGround = 1;
  if (const Status registered = registerRange(ground.get()); !registered.ok()) {
    releaseAddressSpace(*out);
    return registered;
  }
  taken_.push_back({*out, std::move(ground)});
  return kSuccess;
}

void ReservationPool::mapped(const Reservation& reservation) {
  changeRange(find(taken_, reservation.base)->ground.get(), FaultKind::kClosed, -1, 0, nullptr);
}

Status ReservationPool::give(Reservation reservation) {
  const auto found = find(taken_, reservation.base);
  const Status unmapped = unmapToReserved(reservation.base, reservation.bytes);
  changeRange(found->ground.get(), FaultKind::kClosed, -1, 0, nullptr);
  if (!unmapped.ok()) return unmapped;
  entries_.push_back(std::move(*found));
  taken_.erase(found);
  return kSuccess;
}

void ReservationPool::release(std::byte* base) {
  const auto found = find(entries_, base);
  if (found == entries_.end()) return;
  unregisterRange(found->ground.get());
  releaseAddressSpace(found->reservation);
  entries_.erase(found);
}

}  // namespace rstore
