// A copy of a file that says how far it is, and can be ended.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/status.h"

namespace rstore {

struct CopyProgress {
  std::atomic<uint64_t> doneBytes{0};
  std::atomic<uint64_t> totalBytes{0};
  std::atomic<bool> cancelled{false};
};

/// The bytes from `offset` up to `end`, to the same place of another file. kClosed when cancelled.
Status copyPieces(int from, int to, uint64_t offset, uint64_t end, CopyProgress* progress);

}  // namespace rstore
