// A copy of a region's file that says how far it is, and can be ended.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/region-file.h"
#include "core/status.h"

namespace rstore {

struct CopyProgress {
  std::atomic<uint64_t> doneBytes{0};
  std::atomic<uint64_t> totalBytes{0};
  std::atomic<bool> cancelled{false};
};

/// Header pages, the used part of the checksum table, the data up to `endBytes`: the rest of the
/// table stays a hole, and so does what is one in `from`. kClosed when cancelled.
Status copyRegion(const RegionFile& from, int to, uint64_t endBytes, CopyProgress* progress);

}  // namespace rstore
