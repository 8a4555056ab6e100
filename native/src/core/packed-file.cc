#include "core/packed-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "core/io.h"
#include "core/pages.h"

namespace rstore {

namespace {

constexpr uint64_t kLeastChunkBytes = 256 * 1024;
/// Each open chunk between closed ones is a mapping of its own, and the kernel has a limit on
/// those.
constexpr uint64_t kMostChunks = 16'384;

}  // namespace

Status PackedFile::open(const std::string& path) {
  if (const Status opened = file_.open(path, false, kKindPacked); !opened.ok()) return opened;
  return check();
}

Status PackedFile::openDescriptor(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return statusFromErrno(errno);
  if (const Status read = file_.adopt(copy, kKindPacked); !read.ok()) return read;
  return check();
}

Status PackedFile::check() {
  if (const Status got = fileLength(file_.fd, &fileBytes_); !got.ok()) return got;
  const uint64_t end = pagesForUnits(file_.identity.endUnits) * kPageBytes;
  const bool sound = file_.identity.endUnits <= file_.identity.capacityBytes / kUnitBytes &&
                     file_.identity.endUnits >= file_.firstDataUnits() && fileBytes_ >= end;
  if (sound) return kSuccess;
  close();
  return failure(Code::kCorrupt);
}

uint64_t PackedFile::mappedBytes() const {
  return pagesForUnits(file_.identity.endUnits) * kPageBytes;
}

Status PackedFile::attach(std::byte* base, uint64_t windowBytes, ControlBlock* control,
                          PackedVerify verify) {
  const uint64_t bytes = mappedBytes();
  if (const Status mapped = mapReadOnly(base, file_.fd, 0, bytes); !mapped.ok()) return mapped;
  base_ = base;
  *control = {};
  control->endUnits = static_cast<uint32_t>(file_.identity.endUnits);
  control->frontierUnits = control->endUnits;
  control->capacityUnits = control->endUnits;
  control->epoch = 1;
  range_.base = base;
  range_.bytes = roundUpToSystemPage(bytes);
  range_.kind = FaultKind::kPacked;
  range_.fd = file_.fd;
  range_.control = control;
  if (verify == PackedVerify::kLazy) {
    range_.chunkBytes = std::bit_ceil(std::max(kLeastChunkBytes, bytes / kMostChunks));
    verified_.assign((range_.bytes + range_.chunkBytes - 1) / range_.chunkBytes, 0);
    range_.verified = verified_.data();
    range_.checksumOffset = file_.checksumOffset(0);
    range_.verifiedFrom = uint64_t{kAllocationPage} * kPageBytes;
    range_.tableOffset = uint64_t{kChecksumPage} * kPageBytes;
    range_.tableBytes = uint64_t{file_.identity.checksumPageCount} * kPageBytes;
    if (mprotect(base, range_.bytes, PROT_NONE) != 0) return statusFromErrno(errno);
  }
  if (const Status registered = registerRange(&range_); !registered.ok()) return registered;
  if (range_.bytes >= windowBytes) return kSuccess;
  rest_.base = base + range_.bytes;
  rest_.bytes = windowBytes - range_.bytes;
  rest_.kind = FaultKind::kClosed;
  rest_.control = control;
  return registerRange(&rest_);
}

Status PackedFile::verifyAll(uint64_t* badPage) const {
  constexpr uint64_t kPiecePages = 256;
  std::vector<std::byte> pages(kPiecePages * kPageBytes);
  std::vector<uint32_t> expected(kPiecePages);
  const uint64_t end = mappedBytes() / kPageBytes;
  const uint64_t tableEnd = uint64_t{kChecksumPage} + file_.identity.checksumPageCount;
  for (uint64_t first = kAllocationPage; first < end; first += kPiecePages) {
    const uint64_t count = std::min(kPiecePages, end - first);
    Status read = readFully(file_.fd, pages.data(), count * kPageBytes, first * kPageBytes);
    if (read.ok()) {
      read = readFully(file_.fd, expected.data(), count * sizeof(uint32_t),
                       file_.checksumOffset(first));
    }
    if (!read.ok()) return read;
    for (uint64_t i = 0; i < count; i++) {
      const uint64_t page = first + i;
      if (page >= kChecksumPage && page < tableEnd) continue;
      if (checksumOfPage(pages.data() + i * kPageBytes) == expected[i]) continue;
      *badPage = page;
      return failure(Code::kCorrupt);
    }
  }
  return kSuccess;
}

void PackedFile::populate() { willNeed(base_, mappedBytes()); }

Status PackedFile::lockInMemory() {
  return mlock(base_, mappedBytes()) == 0 ? kSuccess : statusFromErrno(errno);
}

void PackedFile::close() {
  if (base_ != nullptr) {
    unregisterRange(&range_);
    unregisterRange(&rest_);
    (void)unmapToReserved(base_, range_.bytes + rest_.bytes);
  }
  base_ = nullptr;
  file_.close();
}

}  // namespace rstore
