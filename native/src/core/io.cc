#include "core/io.h"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/address-space.h"

#ifdef __linux__
#include <linux/falloc.h>
#endif

namespace rstore {

// ── the system calls ──

namespace {

template <typename Result>
Result orErrno(Result result) {
  return result < 0 ? static_cast<Result>(-errno) : result;
}

int systemOpen(const char* path, int flags, mode_t mode) {
  // Files do not notice O_NONBLOCK; at a pipe it keeps us from waiting for somebody who writes.
  return orErrno(::open(path, flags | O_CLOEXEC | O_NONBLOCK, mode));
}

int systemClose(int fd) { return orErrno(::close(fd)); }

int64_t systemPread(int fd, void* to, size_t bytes, uint64_t offset) {
  return orErrno<int64_t>(::pread(fd, to, bytes, static_cast<off_t>(offset)));
}

int64_t systemPreadv(int fd, const iovec* parts, int count, uint64_t offset) {
  return orErrno<int64_t>(::preadv(fd, parts, count, static_cast<off_t>(offset)));
}

int64_t systemPwrite(int fd, const void* from, size_t bytes, uint64_t offset) {
  return orErrno<int64_t>(::pwrite(fd, from, bytes, static_cast<off_t>(offset)));
}

int64_t systemPwritev(int fd, const iovec* parts, int count, uint64_t offset) {
  return orErrno<int64_t>(::pwritev(fd, parts, count, static_cast<off_t>(offset)));
}

int systemFsync(int fd) { return orErrno(::fsync(fd)); }

int systemFdatasync(int fd) { return orErrno(::fdatasync(fd)); }

int systemStartWriting(int fd, uint64_t offset, uint64_t bytes) {
  const int result = orErrno(::sync_file_range(fd, static_cast<off_t>(offset),
                                               static_cast<off_t>(bytes), SYNC_FILE_RANGE_WRITE));
  // There is no such thing here, or it is not allowed; what memory was short for is left as it was.
  for (const int harmless : {ENOSYS, EINVAL, ESPIPE, EOPNOTSUPP, EPERM, ENOMEM})
    if (result == -harmless) return 0;
  return result;
}

int systemAllocate(int fd, Allocate what, uint64_t offset, uint64_t bytes) {
  int mode = 0;
  if (what == Allocate::kZero) mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
  if (what == Allocate::kPunch) mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  return orErrno(::fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(bytes)));
}

int systemTruncate(int fd, uint64_t bytes) {
  return orErrno(::ftruncate(fd, static_cast<off_t>(bytes)));
}

int systemStat(int fd, struct ::stat* out) { return orErrno(::fstat(fd, out)); }

int systemStatName(const char* path, struct ::stat* out) { return orErrno(::stat(path, out)); }

int systemStatfs(int fd, FileSystemInfo* out) {
  struct ::statfs info;
  if (::fstatfs(fd, &info) < 0) return -errno;
  out->type = static_cast<int64_t>(info.f_type);
  out->blockBytes = static_cast<uint64_t>(info.f_bsize);
  out->freeBlocks = info.f_bavail;
  return 0;
}

int systemSetOwner(int fd, uid_t user, gid_t group) { return orErrno(::fchown(fd, user, group)); }

int systemSetMode(int fd, mode_t mode) { return orErrno(::fchmod(fd, mode)); }

int systemRename(const char* from, const char* to) { return orErrno(::rename(from, to)); }

int systemUnlink(const char* path) { return orErrno(::unlink(path)); }

int systemLink(const char* from, const char* to) {
  return orErrno(::linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW));
}

int64_t systemCopyRange(int from, uint64_t fromOffset, int to, uint64_t toOffset, size_t bytes) {
  off_t source = static_cast<off_t>(fromOffset), target = static_cast<off_t>(toOffset);
  return orErrno<int64_t>(::copy_file_range(from, &source, to, &target, bytes, 0));
}

int systemStartThread(pthread_t* thread, void* (*run)(void*), void* argument) {
  return -::pthread_create(thread, nullptr, run, argument);
}

}  // namespace

const IoTable systemIo = {
    .open = systemOpen,
    .close = systemClose,
    .pread = systemPread,
    .preadv = systemPreadv,
    .pwrite = systemPwrite,
    .pwritev = systemPwritev,
    .fsync = systemFsync,
    .fdatasync = systemFdatasync,
    .startWriting = systemStartWriting,
    .allocate = systemAllocate,
    .truncate = systemTruncate,
    .stat = systemStat,
    .statName = systemStatName,
    .statfs = systemStatfs,
    .setOwner = systemSetOwner,
    .setMode = systemSetMode,
    .rename = systemRename,
    .unlink = systemUnlink,
    .link = systemLink,
    .copyRange = systemCopyRange,
    .startThread = systemStartThread,
    .mappedWrite = nullptr,
    .mapping = nullptr,
};

std::atomic<const IoTable*> ioTable{&systemIo};

// ── whole transfers ──

namespace {

/// Parts that one system call takes (IOV_MAX on Linux).
constexpr int kPartLimit = 1024;

/// Linux transfers at most 0x7ffff000 bytes at a time.
constexpr size_t kTransferLimit = 0x7fff'f000;

/// Decides what follows a failed transfer: true to repeat it. Interruptions always; EFAULT after
/// the pages were touched, as long as the call got on since (each touch may be undone by another
/// thread).
class Retry {
 public:
  bool after(int64_t result, const void* ptr, size_t bytes) {
    if (result == -EINTR) return true;
    if (result != -EFAULT || ++faults_ > kFaultLimit) return false;
    makePresent(ptr, std::min(bytes, kTransferLimit));
    return true;
  }
  void progressed() { faults_ = 0; }

 private:
  static constexpr int kFaultLimit = 4;
  int faults_ = 0;
};

/// Moves the start of the parts by `bytes`; returns how many parts are used up.
int advance(iovec* parts, int count, size_t bytes) {
  int used = 0;
  while (used < count && bytes >= parts[used].iov_len) bytes -= parts[used++].iov_len;
  if (used < count && bytes > 0) {
    parts[used].iov_base = static_cast<std::byte*>(parts[used].iov_base) + bytes;
    parts[used].iov_len -= bytes;
  }
  return used;
}

using PartsCall = int64_t (*)(int, const iovec*, int, uint64_t);

Status movePartsFully(PartsCall call, int fd, iovec* parts, int count, uint64_t offset) {
  Retry retry;
  int done = advance(parts, count, 0);
  while (done < count) {
    const int64_t moved = call(fd, parts + done, std::min(count - done, kPartLimit), offset);
    if (moved > 0) {
      retry.progressed();
      offset += static_cast<uint64_t>(moved);
      done += advance(parts + done, count - done, static_cast<size_t>(moved));
    } else if (moved == 0) {
      return failure(Code::kIo);
    } else if (!retry.after(moved, parts[done].iov_base, parts[done].iov_len)) {
      return statusFromErrno(static_cast<int>(-moved));
    }
  }
  return kSuccess;
}

}  // namespace

Status readUpTo(int fd, void* to, size_t bytes, uint64_t offset, size_t* got) {
  Retry retry;
  auto* target = static_cast<std::byte*>(to);
  *got = 0;
  while (*got < bytes) {
    const size_t want = std::min(bytes - *got, kTransferLimit);
    const int64_t moved = io().pread(fd, target + *got, want, offset + *got);
    if (moved == 0) break;
    if (moved > 0) {
      retry.progressed();
      *got += static_cast<size_t>(moved);
    } else if (!retry.after(moved, target + *got, want)) {
      return statusFromErrno(static_cast<int>(-moved));
    }
  }
  return kSuccess;
}

Status readFully(int fd, void* to, size_t bytes, uint64_t offset) {
  size_t got = 0;
  if (Status status = readUpTo(fd, to, bytes, offset, &got); !status) return status;
  return got == bytes ? kSuccess : failure(Code::kIo);
}

Status writeFully(int fd, const void* from, size_t bytes, uint64_t offset) {
  Retry retry;
  auto* source = static_cast<const std::byte*>(from);
  size_t done = 0;
  while (done < bytes) {
    const size_t want = std::min(bytes - done, kTransferLimit);
    const int64_t moved = io().pwrite(fd, source + done, want, offset + done);
    if (moved > 0) {
      retry.progressed();
      done += static_cast<size_t>(moved);
    } else if (moved == 0) {
      return failure(Code::kIo);
    } else if (!retry.after(moved, source + done, want)) {
      return statusFromErrno(static_cast<int>(-moved));
    }
  }
  return kSuccess;
}

Status writePartsFully(int fd, iovec* parts, int count, uint64_t offset) {
  return movePartsFully(io().pwritev, fd, parts, count, offset);
}

Status readPartsFully(int fd, iovec* parts, int count, uint64_t offset) {
  return movePartsFully(io().preadv, fd, parts, count, offset);
}

// ── length and content of ranges ──

namespace {

Status allocateRange(int fd, Allocate what, uint64_t offset, uint64_t bytes) {
  int result;
  do result = io().allocate(fd, what, offset, bytes);
  while (result == -EINTR);
  return statusFromErrno(-result);
}

/// The file is made longer by its length alone: no blocks. Checked again, so as not to shorten it.
Status lengthenTo(int fd, uint64_t bytes) {
  uint64_t length = 0;
  if (Status status = fileLength(fd, &length); !status) return status;
  if (length >= bytes) return kSuccess;
  int result;
  do result = io().truncate(fd, bytes);
  while (result == -EINTR);
  return statusFromErrno(-result);
}

Status copyThroughBuffer(int from, uint64_t fromOffset, int to, uint64_t toOffset, uint64_t bytes) {
  constexpr size_t kBufferBytes = 1 << 20;
  auto* buffer = static_cast<std::byte*>(std::malloc(kBufferBytes));
  if (!buffer) return failure(Code::kMemory, ENOMEM);
  Status status = kSuccess;
  while (bytes > 0 && status.ok()) {
    const size_t part = static_cast<size_t>(std::min<uint64_t>(bytes, kBufferBytes));
    status = readFully(from, buffer, part, fromOffset);
    if (status.ok()) status = writeFully(to, buffer, part, toOffset);
    fromOffset += part;
    toOffset += part;
    bytes -= part;
  }
  std::free(buffer);
  return status;
}

}  // namespace

Status writeZeros(int fd, uint64_t offset, uint64_t bytes) {
  static const std::byte zeros[4096] = {};
  while (bytes > 0) {
    const size_t part = static_cast<size_t>(std::min<uint64_t>(bytes, sizeof zeros));
    if (Status status = writeFully(fd, zeros, part, offset); !status) return status;
    offset += part;
    bytes -= part;
  }
  return kSuccess;
}

Status zeroFileRange(int fd, uint64_t offset, uint64_t bytes) {
  if (bytes == 0) return kSuccess;
  if (Status status = lengthenTo(fd, offset + bytes); !status) return status;
  Status status = allocateRange(fd, Allocate::kZero, offset, bytes);
  if (status.code == Code::kUnsupported) {
    status = punchFileRange(fd, offset, bytes);
  }
  return status.code == Code::kUnsupported ? writeZeros(fd, offset, bytes) : status;
}

Status punchFileRange(int fd, uint64_t offset, uint64_t bytes) {
  return allocateRange(fd, Allocate::kPunch, offset, bytes);
}

namespace {

/// kUnsupported: the file is `*length` long still, and must get longer by other means.
Status growByBlocks(int fd, uint64_t bytes, uint64_t* length) {
  if (Status status = fileLength(fd, length); !status) return status;
  return *length < bytes ? allocateRange(fd, Allocate::kGrow, *length, bytes - *length) : kSuccess;
}

}  // namespace

Status growFileTo(int fd, uint64_t bytes) {
  uint64_t length = 0;
  const Status status = growByBlocks(fd, bytes, &length);
  return status.code == Code::kUnsupported ? lengthenTo(fd, bytes) : status;
}

Status allocateFileTo(int fd, uint64_t bytes) {
  uint64_t length = 0;
  const Status status = growByBlocks(fd, bytes, &length);
  return status.code == Code::kUnsupported ? writeZeros(fd, length, bytes - length) : status;
}

Status copyFileRange(int from, uint64_t fromOffset, int to, uint64_t toOffset, uint64_t bytes) {
  while (bytes > 0) {
    const size_t part = static_cast<size_t>(std::min<uint64_t>(bytes, kTransferLimit));
    const int64_t moved = io().copyRange(from, fromOffset, to, toOffset, part);
    if (moved == -EINTR) continue;
    if (moved == 0) return failure(Code::kIo);
    if (moved < 0) {
      const bool byHand =
          moved == -EXDEV || moved == -EOPNOTSUPP || moved == -ENOSYS || moved == -EINVAL;
      if (!byHand) return statusFromErrno(static_cast<int>(-moved));
      return copyThroughBuffer(from, fromOffset, to, toOffset, bytes);
    }
    fromOffset += static_cast<uint64_t>(moved);
    toOffset += static_cast<uint64_t>(moved);
    bytes -= static_cast<uint64_t>(moved);
  }
  return kSuccess;
}

Status statOf(int fd, struct ::stat* out) { return statusFromErrno(-io().stat(fd, out)); }

Status fileLength(int fd, uint64_t* bytes) {
  struct ::stat info;
  if (const Status got = statOf(fd, &info); !got.ok()) return got;
  *bytes = static_cast<uint64_t>(info.st_size);
  return kSuccess;
}

// ── syncing, opening ──

Status syncData(int fd) {
  int result;
  do result = io().fdatasync(fd);
  while (result == -EINTR);
  return statusFromErrno(-result);
}

Status startWriting(int fd, uint64_t offset, uint64_t bytes) {
  int result;
  do result = io().startWriting(fd, offset, bytes);
  while (result == -EINTR);
  return statusFromErrno(-result);
}

Status syncAll(int fd) {
  int result;
  do result = io().fsync(fd);
  while (result == -EINTR);
  return statusFromErrno(-result);
}

namespace {

int openOnce(const char* path, int flags, mode_t mode) {
  int fd;
  do fd = io().open(path, flags, mode);
  while (fd == -EINTR);
  return fd;
}

/// A program that runs without standard descriptors would get one of them from open.
int awayFromStandard(int fd) {
  if (fd < 0 || fd > 2) return fd;
  const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  const int error = errno;
  io().close(fd);
  return moved < 0 ? -error : moved;
}

}  // namespace

Status openFile(const char* path, int flags, mode_t mode, int* fd) {
  const int opened = awayFromStandard(openOnce(path, flags, mode));
  *fd = opened < 0 ? -1 : opened;
  return opened < 0 ? statusFromErrno(-opened) : kSuccess;
}

bool leadsTo(const char* name, int fd) {
  struct ::stat byName;
  struct ::stat own;
  return io().statName(name, &byName) == 0 && io().stat(fd, &own) == 0 && isSameFile(byName, own);
}

std::string nameOfDescriptor(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Status linkFile(const std::string& from, const std::string& to) {
  const int linked = io().link(from.c_str(), to.c_str());
  // With this, and not with EOPNOTSUPP, Linux says that the file system has no links: link(2).
  return linked == -EPERM ? failure(Code::kUnsupported, EPERM) : statusFromErrno(-linked);
}

void closeFile(int fd) {
  // Never repeated: on Linux the descriptor is gone even after EINTR, and may be another's by now.
  if (fd >= 0) io().close(fd);
}

Status syncDirectoryOf(const char* path) {
  const char* slash = std::strrchr(path, '/');
  char directory[4096] = ".";
  if (slash) {
    const size_t bytes = std::max<size_t>(1, static_cast<size_t>(slash - path));
    if (bytes >= sizeof directory) return failure(Code::kInvalid, ENAMETOOLONG);
    std::memcpy(directory, path, bytes);
    directory[bytes] = 0;
  }
  int fd = -1;
  if (Status status = openFile(directory, O_RDONLY | O_DIRECTORY, 0, &fd); !status) {
    return status;
  }
  Status status = syncAll(fd);
  closeFile(fd);
  // Some file systems (and FUSE) cannot sync a directory and say EINVAL: nothing more can be done.
  return status.code == Code::kInvalid ? kSuccess : status;
}

void makePresent(const void* ptr, size_t bytes) {
  if (bytes == 0) return;
  const auto* at = static_cast<const volatile unsigned char*>(ptr);
  const auto step = static_cast<size_t>(systemPageBytes());
  const size_t first = reinterpret_cast<uintptr_t>(ptr) % step;
  (void)at[0];
  for (size_t offset = step - first; offset < bytes; offset += step) (void)at[offset];
}

}  // namespace rstore
