#include "core/give-back.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/io.h"
#include "core/pages.h"

namespace rstore {

namespace {

constexpr uint64_t kPiecePages = 256;

bool isZero(const std::byte* page) {
  return *page == std::byte{0} && ::memcmp(page, page + 1, kPageBytes - 1) == 0;
}

/// B2. `bytes` is a buffer for a piece. What is no data to SEEK_DATA is read all the same: blocks
/// that were allocated and never written look like holes there, and are what there is to give back.
Status punchPiece(int fd, uint64_t first, uint64_t count, std::vector<std::byte>* bytes) {
  bytes->assign(count * kPageBytes, std::byte{0});
  size_t got = 0;
  const Status read = readUpTo(fd, bytes->data(), bytes->size(), first * kPageBytes, &got);
  if (!read.ok()) return read;
  for (uint64_t from = 0; from < count;) {
    uint64_t to = from;
    while (to < count && isZero(bytes->data() + to * kPageBytes)) to++;
    if (to > from) {
      const Status punched =
          punchFileRange(fd, (first + from) * kPageBytes, (to - from) * kPageBytes);
      if (!punched.ok()) return punched;
    }
    from = to + 1;
  }
  return kSuccess;
}

Status punchRun(int fd, uint64_t first, uint64_t count, std::vector<std::byte>* bytes) {
  for (uint64_t done = 0; done < count; done += kPiecePages) {
    const uint64_t pages = std::min(kPiecePages, count - done);
    if (const Status punched = punchPiece(fd, first + done, pages, bytes); !punched.ok()) {
      return punched;
    }
  }
  return kSuccess;
}

/// First page behind the committed end that the view shows.
uint64_t endPage(Handle& handle) { return pagesForUnits(handle.view().cursor().endUnits); }

}  // namespace

Status punchZeroPages(Handle& handle, const std::vector<PageRun>& runs) {
  const uint64_t end = endPage(handle);
  const auto isBefore = [end](const PageRun& run) {
    return uint64_t{run.first} + run.count <= end;
  };
  if (!std::all_of(runs.begin(), runs.end(), isBefore)) return failure(Code::kInvalid);
  if (const Status locked = handle.waitForCheckpointLock(); !locked.ok()) return locked;
  std::vector<std::byte> bytes;
  Status status = kSuccess;
  for (const PageRun& run : runs) {
    if (status.ok()) status = punchRun(handle.file().fd, run.first, run.count, &bytes);
  }
  handle.lock().releaseCheckpoint();
  return status;
}

Status punchTail(Handle& handle) {
  if (!handle.inTransaction()) return failure(Code::kInvalid);
  const int fd = handle.file().fd;
  uint64_t length = 0;
  if (const Status got = fileLength(fd, &length); !got.ok()) return got;
  const uint64_t lengthPages = pagesForBytes(length);
  // A page that is not there: only to be told whether the file system can.
  const Status can = punchFileRange(fd, lengthPages * kPageBytes, kPageBytes);
  const uint64_t end = endPage(handle);
  if (!can.ok() || end >= lengthPages) return can;
  if (const Status locked = handle.waitForCheckpointLock(); !locked.ok()) return locked;
  std::vector<std::byte> bytes;
  const Status status = punchRun(fd, end, lengthPages - end, &bytes);
  handle.lock().releaseCheckpoint();
  return status;
}

}  // namespace rstore
