// Whole transfers and ranges of files, against system calls that fall short; and address space.
#include "core/io.h"

#include <sys/mman.h>

#include <cstring>

#include "check.h"
#include "core/address-space.h"

using namespace rstore;

namespace {

/// Calls that do a little, are interrupted now and then, or say that they cannot.
int calls = 0;
int unsupported = 0;

size_t little(size_t bytes) { return std::min<size_t>(bytes, 1 + calls % 700); }

int64_t lazyPread(int fd, void* to, size_t bytes, uint64_t offset) {
  return ++calls % 3 == 0 ? -EINTR : systemIo.pread(fd, to, little(bytes), offset);
}
int64_t lazyPwrite(int fd, const void* from, size_t bytes, uint64_t offset) {
  return ++calls % 3 == 0 ? -EINTR : systemIo.pwrite(fd, from, little(bytes), offset);
}
int64_t lazyPwritev(int fd, const iovec* parts, int count, uint64_t offset) {
  if (++calls % 3 == 0) return -EINTR;
  if (count > 1 && calls % 2 == 0) return systemIo.pwritev(fd, parts, count - 1, offset);
  return systemIo.pwrite(fd, parts[0].iov_base, little(parts[0].iov_len), offset);
}
int64_t lazyPreadv(int fd, const iovec* parts, int, uint64_t offset) {
  return ++calls % 3 == 0 ? -EINTR
                          : systemIo.pread(fd, parts[0].iov_base, little(parts[0].iov_len), offset);
}
int64_t lazyCopy(int from, uint64_t fromOffset, int to, uint64_t toOffset, size_t bytes) {
  if (unsupported) return -EXDEV;
  return ++calls % 3 == 0 ? -EINTR
                          : systemIo.copyRange(from, fromOffset, to, toOffset, little(bytes));
}
int lazyAllocate(int fd, Allocate what, uint64_t offset, uint64_t bytes) {
  if (++calls % 3 == 0) return -EINTR;
  if (unsupported > 1 || (unsupported == 1 && what != Allocate::kPunch)) return -EOPNOTSUPP;
  return systemIo.allocate(fd, what, offset, bytes);
}

struct Lazy {
  IoTable table = systemIo;
  explicit Lazy(int without = 0) {
    unsupported = without;
    table.pread = lazyPread;
    table.pwrite = lazyPwrite;
    table.preadv = lazyPreadv;
    table.pwritev = lazyPwritev;
    table.copyRange = lazyCopy;
    table.allocate = lazyAllocate;
    ioTable.store(&table);
  }
  ~Lazy() { ioTable.store(&systemIo); }
};

std::vector<unsigned char> noise(size_t bytes) {
  std::vector<unsigned char> out(bytes);
  uint32_t state = 9;
  for (unsigned char& byte : out) byte = (state = state * 1664525 + 1013904223) >> 24;
  return out;
}

bool holds(int fd, const std::vector<unsigned char>& data, uint64_t offset) {
  std::vector<unsigned char> found(data.size());
  return ::pread(fd, found.data(), found.size(), static_cast<off_t>(offset)) ==
             static_cast<ssize_t>(data.size()) &&
         found == data;
}

}  // namespace

TEST(shortAndInterruptedTransfersAreCompleted) {
  const Lazy lazy;
  const int fd = check::makeFile("short", 0);
  const auto data = noise(20'000);
  CHECK(writeFully(fd, data.data(), data.size(), 100).ok());
  CHECK(holds(fd, data, 100));
  std::vector<unsigned char> found(data.size());
  CHECK(readFully(fd, found.data(), found.size(), 100).ok());
  CHECK(found == data);
  size_t got = 0;
  CHECK(readUpTo(fd, found.data(), found.size(), 10'100, &got).ok() && got == 10'000);
  const Status status = readFully(fd, found.data(), found.size(), 10'100);
  CHECK(status.code == Code::kIo && status.error == 0);
  CHECK(writeFully(-1, data.data(), 1, 0).error == EBADF);
  ::close(fd);
}

TEST(partsAreWrittenAndReadInOrder) {
  for (const bool isLazy : {false, true}) {
    const Lazy* lazy = isLazy ? new Lazy : nullptr;
    const int fd = check::makeFile("parts", 0);
    auto data = noise(64 * 3'000);
    std::vector<iovec> parts;
    for (size_t at = 0; at < data.size(); at += 64) {
      parts.push_back({&data[at], 64});
      if (at % 640 == 0) parts.push_back({nullptr, 0});
    }
    std::vector<iovec> again = parts;
    CHECK(writePartsFully(fd, parts.data(), static_cast<int>(parts.size()), 8).ok());
    CHECK(holds(fd, data, 8));
    const auto expected = data;
    std::fill(data.begin(), data.end(), 0);
    std::vector<iovec> tooMany = again;
    CHECK(readPartsFully(fd, again.data(), static_cast<int>(again.size()), 8).ok());
    CHECK(data == expected);
    CHECK(readPartsFully(fd, tooMany.data(), static_cast<int>(tooMany.size()), 9).code ==
          Code::kIo);
    ::close(fd);
    delete lazy;
  }
}

TEST(rangesBecomeZeroWhateverTheFileSystemCan) {
  for (int without = 0; without <= 2; without++) {
    const Lazy lazy(without);
    const int fd = check::makeFile("zero", 0);
    auto data = noise(300'000);
    CHECK(writeFully(fd, data.data(), data.size(), 0).ok());
    CHECK(zeroFileRange(fd, 5'000, 200'000).ok());
    std::fill(data.begin() + 5'000, data.begin() + 205'000, 0);
    CHECK(holds(fd, data, 0));
    CHECK(zeroFileRange(fd, 299'000, 11'000).ok());
    CHECK(check::lengthOf(fd) == 310'000);
    CHECK(zeroFileRange(fd, 0, 0).ok());
    ::close(fd);
  }
}

TEST(blocksAreProvidedWhateverTheFileSystemCan) {
  for (int without = 0; without <= 2; without++) {
    const Lazy lazy(without);
    const int fd = check::makeFile("blocks", 0);
    const auto data = noise(10'000);
    CHECK(writeFully(fd, data.data(), data.size(), 0).ok());
    CHECK(allocateFileTo(fd, 100'000).ok() && check::lengthOf(fd) == 100'000);
    CHECK(allocateFileTo(fd, 50'000).ok() && check::lengthOf(fd) == 100'000);
    CHECK(holds(fd, data, 0) && holds(fd, std::vector<unsigned char>(90'000), 10'000));
    struct stat info;
    CHECK(::fstat(fd, &info) == 0 && info.st_blocks * 512 >= 100'000);
    ::close(fd);
  }
}

TEST(filesOnlyGetLonger) {
  for (int without = 0; without <= 2; without++) {
    const Lazy lazy(without);
    const int fd = check::makeFile("longer", 0);
    CHECK(growFileTo(fd, 100'000).ok() && check::lengthOf(fd) == 100'000);
    CHECK(growFileTo(fd, 50'000).ok() && check::lengthOf(fd) == 100'000);
    uint64_t length = 0;
    CHECK(fileLength(fd, &length).ok() && length == 100'000);
    CHECK(syncData(fd).ok() && syncAll(fd).ok());
    ::close(fd);
  }
  CHECK(growFileTo(-1, 1).error == EBADF);
}

TEST(rangesAreCopiedByTheKernelOrByHand) {
  for (int without = 0; without <= 1; without++) {
    const Lazy lazy(without);
    const int from = check::makeFile("from", 0), to = check::makeFile("to", 0);
    const auto data = noise(100'000);
    CHECK(writeFully(from, data.data(), data.size(), 50).ok());
    CHECK(copyFileRange(from, 50, to, 7, data.size()).ok());
    CHECK(holds(to, data, 7));
    CHECK(copyFileRange(from, 60'000, to, 0, 60'000).code == Code::kIo);
    ::close(from), ::close(to);
  }
}

TEST(openingKeepsAwayFromTheStandardDescriptors) {
  const std::string path = check::pathOf("standard");
  ::close(check::makeFile("standard", 0));
  const int status = check::inChild([&] {
    ::close(0);
    int fd = -1;
    if (!openFile(path.c_str(), O_RDWR, 0, &fd).ok()) ::_exit(1);
    ::_exit(fd > 2 && (::fcntl(fd, F_GETFD) & FD_CLOEXEC) && ::fcntl(0, F_GETFD) < 0 ? 0 : 2);
  });
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  int fd = 3;
  CHECK(openFile((path + "/x").c_str(), O_RDWR, 0, &fd).code == Code::kNotFound && fd == -1);
  CHECK(openFile(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &fd).code == Code::kExists);
  CHECK(syncDirectoryOf(path.c_str()).ok());
  CHECK(syncDirectoryOf("just-a-name").ok());
  CHECK(syncDirectoryOf("/name").ok());
  closeFile(-1);
}

// ── address space ──

TEST(reservationsAreAlignedAndCanBeMappedOver) {
  Reservation large;
  CHECK(reserveAddressSpace(uint64_t{32} << 30, &large).ok());
  CHECK(reinterpret_cast<uintptr_t>(large.base) % (2 << 20) == 0);
  const int fd = check::makeFile("mapped", 16'384);
  CHECK(writeFully(fd, "content", 7, 4096).ok());
  CHECK(mapPrivate(large.base, fd, 0, large.bytes).ok());
  CHECK(std::memcmp(large.base + 4096, "content", 7) == 0);
  large.base[4096] = std::byte{'C'};
  CHECK(giveBackPages(large.base, 16'384).ok());
  CHECK(std::memcmp(large.base + 4096, "content", 7) == 0);
  CHECK(mapZero(large.base + 4096, 4096).ok());
  CHECK(large.base[4096] == std::byte{0});
  CHECK(mapPrivate(large.base + 4096, fd, 4096, 4096).ok());
  CHECK(large.base[4096] == std::byte{'c'});
  CHECK(unmapToReserved(large.base, large.bytes).ok());
  releaseAddressSpace(large);
  CHECK(mapPrivate(nullptr, -1, 0, 4096).code != Code::kOk);
  ::close(fd);
}

TEST(mappingsAreNotInherited) {
  Reservation memory;
  CHECK(reserveAddressSpace(1 << 20, &memory).ok());
  CHECK(mapZero(memory.base, memory.bytes).ok());
  memory.base[0] = std::byte{1};
  const int status = check::inChild([&] {
    // In the child there is nothing at these addresses: the kernel says so without a fault.
    unsigned char present;
    ::_exit(::mincore(memory.base, 1, &present) < 0 && errno == ENOMEM ? 0 : 1);
  });
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  releaseAddressSpace(memory);
}

TEST(sharedStoresReachTheFile) {
  Reservation memory;
  CHECK(reserveAddressSpace(1 << 20, &memory).ok());
  const int fd = check::makeFile("shared", 1 << 20);
  CHECK(mapShared(memory.base, fd, 0, memory.bytes, Shared::kDurable).ok());
  memory.base[70'000] = std::byte{'s'};
  char stored = 0;
  CHECK(::pread(fd, &stored, 1, 70'000) == 1 && stored == 's');
  CHECK(unmapShared(memory.base, fd, memory.bytes, Shared::kDurable).ok());
  releaseAddressSpace(memory);
  ::close(fd);
}

int main() { return check::runAll(); }
