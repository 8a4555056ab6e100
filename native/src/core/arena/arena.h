// The arena: memory of array builders, in runs that end at a guard page.
//
// A run of class n is 2^n system pages: 2^n - 1 that can be written, and one behind them that
// cannot be touched. A loop that fills a run needs no bounds check: its first store too many faults
// at the guard, and fault.h lets it land.
//
//   segment  | run: □□□■ | run: □■ | run: □■ | run: □□□□□□□■ | not yet carved …
//
// Invariants
//  R1. Runs are carved from segments and never split, joined or unmapped while the arena lives:
//      JavaScript has buffers over the segments. A run that is given back goes to the list of its
//      class and is the next one of its class to be taken: its pages are still in the caches.
//  R2. The last page of every run that was ever carved is a guard, taken or not. Where the kernel
//      has guard markers (Linux 6.13) it costs no mapping, and giving back pages leaves it in
//      place; elsewhere it is a page without permissions, which are two mappings a run.
//  R3. Every segment is a registered fault range of kind kBuilder: a stray touch of a guard by
//      someone who armed no landing does not end the process. The page that is then put there is
//      taken away again when the run is given back (R2).
//  R4. Pages of free runs are kept up to a watermark; what is given back beyond it goes to the
//      system at once. Memory of a run that is taken may hold anything.
//  R5. Not shared between threads: one arena per environment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/address-space.h"
#include "core/fault.h"
#include "core/status.h"

namespace rstore {

enum class GuardMeans : uint32_t { kMarker, kProtection };

/// kMarker where the running kernel has it. Tried once.
GuardMeans bestGuardMeans();

struct Run {
  std::byte* base = nullptr;
  uint32_t sizeClass = 0;
  uint32_t segment = 0;  // index

  uint64_t writableBytes() const;
  /// The first byte that cannot be written.
  std::byte* guard() const { return base + writableBytes(); }
};

class Arena {
 public:
  static constexpr uint64_t kSegmentBytes = 32 * 1024 * 1024;
  /// Larger runs have a segment of their own, of huge pages where the system grants them.
  static constexpr uint64_t kSharedRunBytes = 2 * 1024 * 1024;
  static constexpr uint64_t kMaximumRunBytes = uint64_t{1} << 32;
  static constexpr uint64_t kWatermarkBytes = 8 * 1024 * 1024;

  explicit Arena(GuardMeans means = bestGuardMeans(), uint64_t watermarkBytes = kWatermarkBytes)
      : means_(means), watermarkBytes_(watermarkBytes) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// The smallest class with so many writable bytes.
  static uint32_t classFor(uint64_t bytes);

  /// kMemory when there is no address space, or mappings have run out; kInvalid beyond 4 GiB.
  Status take(uint64_t bytes, Run* out);
  void give(const Run& run);
  /// The taken run that begins at an address of ours.
  Run runAt(uint32_t segment, uint64_t offset, uint32_t sizeClass) const;

  size_t segmentCount() const { return segments_.size(); }
  Reservation segment(size_t index) const { return segments_[index]->memory; }

  uint64_t takenRuns() const { return takenRuns_; }
  uint64_t takenBytes() const { return takenBytes_; }
  /// Of free runs whose pages are kept; an upper bound.
  uint64_t warmBytes() const { return warmBytes_; }

 private:
  struct Segment {
    Reservation memory;
    uint64_t carvedBytes = 0;
    FaultRange range;
  };
  struct FreeRun {
    Run run;
    bool warm;
  };

  Status carve(uint32_t sizeClass, Run* out);
  Status addSegment(uint64_t bytes, bool huge);
  Status installGuard(const Run& run);

  GuardMeans means_;
  uint64_t watermarkBytes_;
  std::vector<std::unique_ptr<Segment>> segments_;
  size_t shared_ = SIZE_MAX;  // the segment that runs are carved from
  std::vector<FreeRun> free_[33];
  uint64_t takenRuns_ = 0;
  uint64_t takenBytes_ = 0;
  uint64_t warmBytes_ = 0;
};

}  // namespace rstore
