#include "core/copy-progress.h"

#include <algorithm>

#include "core/io.h"

namespace rstore {

namespace {

/// The bytes from `offset` up to `end`, to the same place of another file.
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

}  // namespace

Status copyRegion(const RegionFile& from, int to, uint64_t endBytes, CopyProgress* progress) {
  const uint64_t dataStart = uint64_t{from.identity.firstDataPage} * kPageBytes;
  const uint64_t tableEnd = from.checksumOffset(endBytes / kPageBytes);
  progress->totalBytes.store(tableEnd + (endBytes - dataStart));
  if (const int cut = io().truncate(to, endBytes); cut < 0) return statusFromErrno(-cut);
  if (const Status head = copyPieces(from.fd, to, 0, tableEnd, progress); !head.ok()) return head;
  return copyPieces(from.fd, to, dataStart, endBytes, progress);
}

}  // namespace rstore
