#include "core/copy-progress.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "core/io.h"

namespace rstore {

namespace {

constexpr uint64_t kPieceBytes = 8 << 20;

/// Where data goes on from `offset` on, SEEK_DATA, or ends, SEEK_HOLE; `unknown` where the file
/// system does not tell.
uint64_t seekUpTo(int fd, uint64_t offset, int what, uint64_t end, uint64_t unknown) {
  const off_t found = ::lseek(fd, static_cast<off_t>(offset), what);
  if (found < 0) return errno == ENXIO ? end : unknown;
  return std::clamp(static_cast<uint64_t>(found), offset, end);
}

/// Whether it reads as zeros. File systems have told of holes where there were data that had not
/// reached the disk yet: a copy does not rest on what they tell.
Status readsAsZeros(int fd, uint64_t offset, uint64_t bytes, std::vector<std::byte>* piece,
                    bool* zeros) {
  piece->resize(bytes);
  size_t got = 0;
  const Status read = readUpTo(fd, piece->data(), bytes, offset, &got);
  *zeros = got == 0 || (piece->front() == std::byte{0} &&
                        ::memcmp(piece->data(), piece->data() + 1, got - 1) == 0);
  return read;
}

/// The bytes from `offset` up to `end`, to the same place of another file, which is a hole. What
/// is a hole stays one; what is written there meanwhile, the caller has by other means.
Status copyPieces(int from, int to, uint64_t offset, uint64_t end, CopyProgress* progress) {
  std::vector<std::byte> piece;
  while (offset < end) {
    if (progress->cancelled.load()) return failure(Code::kClosed);
    const uint64_t data = seekUpTo(from, offset, SEEK_DATA, end, offset);
    const bool isHole = data > offset;
    const uint64_t stop = isHole ? data : seekUpTo(from, offset, SEEK_HOLE, end, end);
    const uint64_t count = std::min(kPieceBytes, (stop > offset ? stop : end) - offset);
    bool zeros = false;
    if (isHole) {
      const Status read = readsAsZeros(from, offset, count, &piece, &zeros);
      if (!read.ok()) return read;
    }
    const Status copied = zeros ? kSuccess : copyFileRange(from, offset, to, offset, count);
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
  const Status data = copyPieces(from.fd, to, dataStart, endBytes, progress);
  // What somebody cut off looks like a hole at the end.
  uint64_t length = 0;
  const Status measured = data.ok() ? fileLength(from.fd, &length) : data;
  return measured.ok() && length < endBytes ? failure(Code::kIo) : measured;
}

}  // namespace rstore
