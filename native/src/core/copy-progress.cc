#include "core/copy-progress.h"

#include <algorithm>

#include "core/io.h"

namespace rstore {

Status copyPieces(int from, int to, uint64_t offset, uint64_t end, CopyProgress* progress) {
  constexpr uint64_t kPieceBytes = 8 << 20;
  while (offset < end) {
    if (progress->cancelled.load()) return failure(Code::kClosed);
    const uint64_t count = std::min(kPieceBytes, end - offset);
    const Status copied = copyFileRange(from, offset, to, offset, count);
    if (!copied.ok()) return copied;
    offset += count;
    progress->doneBytes.fetch_add(count);
  }
  return kSuccess;
}

}  // namespace rstore
