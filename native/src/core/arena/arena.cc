#include "core/arena/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

namespace rstore {
namespace {

/// Linux 6.13; the headers that we are compiled with may be older than the kernel.
constexpr int kGuardInstall = 102;

uint64_t runBytes(uint32_t sizeClass) { return systemPageBytes() << sizeClass; }

/// Looks whether the marker works: emulators of the kernel say yes to advice that they do not know.
/// A system call that is given a guarded address returns EFAULT.
bool kernelHasMarkers() {
#ifdef __linux__
  const uint64_t page = systemPageBytes();
  void* probe = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return false;
  const bool has = ::madvise(probe, page, kGuardInstall) == 0 &&
                   ::access(static_cast<const char*>(probe), F_OK) < 0 && errno == EFAULT;
  ::munmap(probe, page);
  return has;
#else
  return false;
#endif
}

}  // namespace

GuardMeans bestGuardMeans() {
  static const GuardMeans means =
      kernelHasMarkers() ? GuardMeans::kMarker : GuardMeans::kProtection;
  return means;
}

uint64_t Run::writableBytes() const { return runBytes(sizeClass) - systemPageBytes(); }

Arena::~Arena() {
  for (const auto& segment : segments_) {
    unregisterRange(&segment->range);
    releaseAddressSpace(segment->memory);
  }
}

uint32_t Arena::classFor(uint64_t bytes) {
  const uint64_t pages = roundUpToSystemPage(bytes) / systemPageBytes() + 1;
  const auto sizeClass = static_cast<uint32_t>(std::bit_width(pages - 1));
  return sizeClass == 0 ? 1 : sizeClass;
}

Status Arena::take(uint64_t bytes, Run* out) {
  if (bytes >= kMaximumRunBytes) return failure(Code::kInvalid);
  const uint32_t sizeClass = classFor(bytes);
  auto& list = free_[sizeClass];
  if (list.empty()) {
    if (const Status carved = carve(sizeClass, out); !carved) return carved;
  } else {
    if (list.back().warm) warmBytes_ -= list.back().run.writableBytes();
    *out = list.back().run;
    list.pop_back();
  }
  takenRuns_++;
  takenBytes_ += out->writableBytes();
  return kSuccess;
}

void Arena::give(const Run& run) {
  const uint64_t bytes = run.writableBytes();
  takenRuns_--;
  takenBytes_ -= bytes;
  FaultRange& range = segments_[run.segment]->range;
  if (range.patchCount != 0) (void)repairRange(&range);  // R3
  const bool warm = warmBytes_ + bytes <= watermarkBytes_;
  if (warm) {
    warmBytes_ += bytes;
  } else {
    (void)giveBackPages(run.base, bytes);
  }
  free_[run.sizeClass].push_back({run, warm});
}

Run Arena::runAt(uint32_t segment, uint64_t offset, uint32_t sizeClass) const {
  return {segments_[segment]->memory.base + offset, sizeClass, segment};
}

Status Arena::carve(uint32_t sizeClass, Run* out) {
  const uint64_t bytes = runBytes(sizeClass);
  size_t index = shared_;
  if (bytes > kSharedRunBytes) {
    if (const Status added = addSegment(bytes, true); !added) return added;
    index = segments_.size() - 1;
  } else if (index == SIZE_MAX || kSegmentBytes - segments_[index]->carvedBytes < bytes) {
    if (const Status added = addSegment(kSegmentBytes, false); !added) return added;
    index = shared_ = segments_.size() - 1;
  }
  Segment& segment = *segments_[index];
  *out = {segment.memory.base + segment.carvedBytes, sizeClass, static_cast<uint32_t>(index)};
  if (const Status guarded = installGuard(*out); !guarded) return guarded;
  segment.carvedBytes += bytes;
  return kSuccess;
}

Status Arena::addSegment(uint64_t bytes, bool huge) {
  auto segment = std::make_unique<Segment>();
  if (const Status made = reserveAddressSpace(bytes, &segment->memory); !made) return made;
  Status status = mapZero(segment->memory.base, bytes);
#ifdef MADV_HUGEPAGE
  if (huge) ::madvise(segment->memory.base, bytes, MADV_HUGEPAGE);
#else
  (void)huge;
#endif
  if (status.ok()) {
    segment->range.base = segment->memory.base;
    segment->range.bytes = bytes;
    segment->range.kind = FaultKind::kBuilder;
    status = registerRange(&segment->range);
  }
  if (!status.ok()) {
    releaseAddressSpace(segment->memory);
    return status;
  }
  segments_.push_back(std::move(segment));
  return kSuccess;
}

/// R2.
Status Arena::installGuard(const Run& run) {
  const int done = means_ == GuardMeans::kMarker
                       ? ::madvise(run.guard(), systemPageBytes(), kGuardInstall)
                       : ::mprotect(run.guard(), systemPageBytes(), PROT_NONE);
  return done < 0 ? statusFromErrno(errno) : kSuccess;
}

}  // namespace rstore
