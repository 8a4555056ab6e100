#include "core/page-check.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>

#include "core/atomic-word.h"
#include "core/io.h"
#include "core/pages.h"

namespace rstore {

namespace {

constexpr uint64_t kPiecePages = 1024;
constexpr size_t kSuspectLimit = 1000;

/// One look at the file. A buffer for pages and one for checksums are kept between pieces.
class PageReader {
 public:
  explicit PageReader(const RegionFile& file) : file_(file) {}

  Status read(uint64_t first, uint64_t count, std::vector<uint32_t>* damaged) {
    size_t got = 0;
    checksums_.assign(count, 0);
    Status status = readUpTo(file_.fd, checksums_.data(), count * sizeof(uint32_t),
                             file_.checksumOffset(first), &got);
    if (!status.ok()) return status;
    if (neverWritten(first, count)) return kSuccess;
    pages_.assign(count * kPageBytes, std::byte{0});
    status = readUpTo(file_.fd, pages_.data(), pages_.size(), first * kPageBytes, &got);
    if (!status.ok()) return status;
    for (uint64_t i = 0; i < count; i++) {
      if (!fits(pages_.data() + i * kPageBytes, checksums_[i])) {
        damaged->push_back(static_cast<uint32_t>(first + i));
      }
    }
    return kSuccess;
  }

  /// First page behind what the durable slot vouches for: K1.
  Status endPage(uint64_t* end) const {
    CheckpointSlot slot;
    const Status read = readSlot(file_.fd, file_.identity, &slot);
    if (read.ok()) *end = pagesForUnits(slot.endUnits);
    return read;
  }

 private:
  /// 0 stands for a page that was never written.
  static bool fits(const std::byte* page, uint32_t checksum) {
    if (checksum != 0) return checksumOfPage(page) == checksum;
    const auto isZero = [](std::byte byte) { return byte == std::byte{0}; };
    return std::all_of(page, page + kPageBytes, isZero);
  }

  /// K3. A hole reads as zeros, which belong to pages without a checksum.
  bool neverWritten(uint64_t first, uint64_t count) const {
    const auto isZero = [](uint32_t checksum) { return checksum == 0; };
    if (!std::all_of(checksums_.begin(), checksums_.end(), isZero)) return false;
    const off_t data = ::lseek(file_.fd, static_cast<off_t>(first * kPageBytes), SEEK_DATA);
    return data < 0 ? errno == ENXIO : static_cast<uint64_t>(data) >= (first + count) * kPageBytes;
  }

  const RegionFile& file_;
  std::vector<std::byte> pages_;
  std::vector<uint32_t> checksums_;
};

/// K2.
template <typename Look>
Status lockedAgainstCheckpoints(Handle& handle, Look look) {
  if (!handle.hasLock()) return look();
  if (const Status locked = handle.waitForCheckpointLock(); !locked.ok()) return locked;
  const Status status = look();
  handle.lock().releaseCheckpoint();
  return status;
}

/// K4. Under the checkpoint lock.
bool isHalfWritten(const LockFile& lock) {
  SharedWords& words = lock.words();
  return atomicWord(words.checkpointTarget).load() > atomicWord(words.slotEpoch).load();
}

}  // namespace

Status checkPages(Handle& handle, PageCheck* check) {
  PageReader reader(handle.file());
  std::vector<uint32_t> suspects;
  const uint64_t firstData = handle.identity().firstDataPage;
  uint64_t end = firstData;
  for (uint64_t first = kAllocationPage; first < end && suspects.size() < kSuspectLimit;) {
    if (check->cancelled.load()) return failure(Code::kClosed);
    const bool head = first < kChecksumPage;
    const Status done = lockedAgainstCheckpoints(handle, [&] {
      if (const Status ended = reader.endPage(&end); !ended.ok()) return ended;
      check->totalPages.store(end);
      const uint64_t last = head ? kChecksumPage : std::min(end, first + kPiecePages);
      return last <= first ? kSuccess : reader.read(first, last - first, &suspects);
    });
    if (!done.ok()) return done;
    first = head ? firstData : first + kPiecePages;
    check->donePages.store(std::min(first, end));
  }
  if (suspects.size() > kSuspectLimit) suspects.resize(kSuspectLimit);
  const bool isInDoubt = !suspects.empty() && handle.hasLock();
  const Status written = isInDoubt ? handle.checkpoint() : kSuccess;
  return lockedAgainstCheckpoints(handle, [&] {
    if (isInDoubt && isHalfWritten(handle.lock())) {
      return written.ok() ? failure(Code::kFailed) : written;
    }
    for (const uint32_t page : suspects) {
      if (const Status read = reader.read(page, 1, &check->damaged); !read.ok()) return read;
    }
    return kSuccess;
  });
}

}  // namespace rstore
