#include "core/observe.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/file-lock.h"
#include "core/generated/layout.h"
#include "core/io.h"
#include "core/pages.h"

namespace rstore {
namespace {

/// Mapped at a time: bounds the address space that is needed.
constexpr uint64_t kMappedBytes = 1ull << 30;

class OpenFile {
 public:
  explicit OpenFile(const char* path) : status(openFile(path, O_RDONLY, 0, &fd)) {}
  ~OpenFile() {
    if (status.ok()) closeFile(fd);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int fd = -1;
  const Status status;
};

bool isToldTheTruth(const char* path, const struct ::stat& file) {
  return file.st_uid == ::geteuid() || ::faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

/// Of `bytes` from `offset`, which is a multiple of kMappedBytes.
Status look(int fd, uint64_t offset, uint64_t bytes, uint8_t* pages) {
  const auto systemPage = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  void* base = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(offset));
  if (base == MAP_FAILED) return statusFromErrno(errno);
  std::vector<uint8_t> found((bytes + systemPage - 1) / systemPage);
  const int result = ::mincore(base, bytes, found.data());
  const int error = errno;
  ::munmap(base, bytes);
  if (result < 0) return statusFromErrno(error);
  for (uint64_t page = 0; page * kPageBytes < bytes; page++) {
    pages[page] = found[page * kPageBytes / systemPage] & 1;
  }
  return kSuccess;
}

}  // namespace

Status pagesInMemory(const char* path, std::vector<uint8_t>* pages) {
  const OpenFile file(path);
  if (!file.status.ok()) return file.status;
  struct ::stat info;
  if (const Status got = statOf(file.fd, &info); !got.ok()) return got;
  if (!isToldTheTruth(path, info)) return failure(Code::kUnsupported);
  const auto length = static_cast<uint64_t>(info.st_size);
  pages->assign(pagesForBytes(length), 0);
  for (uint64_t done = 0; done < length; done += kMappedBytes) {
    const Status looked = look(file.fd, done, std::min(kMappedBytes, length - done),
                               pages->data() + done / kPageBytes);
    if (!looked.ok()) return looked;
  }
  return kSuccess;
}

Status heldBytes(const char* path, uint64_t first, uint32_t count, std::vector<uint8_t>* held) {
  const OpenFile file(path);
  if (!file.status.ok()) return file.status;
  held->assign(count, 0);
  for (uint32_t i = 0; i < count; i++) {
    bool isHeld = false;
    const Status probed = probeByte(file.fd, first + i, LockMode::kExclusive, &isHeld);
    if (!probed.ok()) return probed;
    (*held)[i] = isHeld ? 1 : 0;
  }
  return kSuccess;
}

}  // namespace rstore
