#include "core/file-lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/clock.h"
#include "core/io.h"

namespace rstore {
namespace {

/// Commands for locks of the open file description. Linux has had them since 3.15.
#if defined(F_OFD_SETLK)
constexpr int kSetLock = F_OFD_SETLK;
constexpr int kWaitForLock = F_OFD_SETLKW;
constexpr int kGetLock = F_OFD_GETLK;
#else
#error "rstore needs locks that belong to an open file description (F_OFD_SETLK)"
#endif

struct ::flock bytes(uint64_t first, uint64_t count, short type) {
  struct ::flock lock = {};  // l_pid must be 0
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(first);
  lock.l_len = static_cast<off_t>(count);
  return lock;
}

short typeOf(LockMode mode) { return mode == LockMode::kShared ? F_RDLCK : F_WRLCK; }

Status statusOfLocking(int error) {
  switch (error) {
    case EAGAIN:
    case EACCES: return failure(Code::kBusy, error);
    case ENOLCK: return failure(Code::kMemory, error);
    // EINVAL: neither the kernel nor the file system knows these locks.
    case EINVAL:
    case EOPNOTSUPP:
    case ENOSYS: return failure(Code::kUnsupported, error);
    case EBADF: return failure(Code::kInvalid, error);
    default: return statusFromErrno(error);
  }
}

Status setLock(int fd, int command, uint64_t byte, short type) {
  struct ::flock lock = bytes(byte, 1, type);
  while (::fcntl(fd, command, &lock) < 0) {
    if (errno != EINTR) return statusOfLocking(errno);
  }
  return kSuccess;
}

struct KnownFileSystem {
  uint32_t magic;
  bool network;
  const char* name;
};

/// f_type of the file systems that are met, from statfs(2) and linux/magic.h. FUSE is taken for a
/// network: sshfs, GlusterFS, s3fs and many shared folders of virtual machines are behind it, and
/// none of them shares memory between machines.
constexpr KnownFileSystem kKnownFileSystems[] = {
    {0x0000'6969, true, "nfs"},       {0xff53'4d42, true, "cifs"},
    {0xfe53'4d42, true, "smb2"},      {0x0000'517b, true, "smb"},
    {0x0102'1997, true, "9p"},        {0x00c3'6400, true, "ceph"},
    {0x0bd0'0bd0, true, "lustre"},    {0x5346'414f, true, "afs"},
    {0x6b41'4653, true, "kafs"},      {0x7375'7245, true, "coda"},
    {0x6573'5546, true, "fuse"},      {0x0116'1970, true, "gfs2"},
    {0x7461'636f, true, "ocfs2"},     {0xaad7'aaea, true, "panfs"},
    {0x4750'4653, true, "gpfs"},      {0x0000'564c, true, "ncp"},
    {0x786f'4256, true, "vboxsf"},    {0xbacb'acbc, true, "vmhgfs"},
    {0x2003'0528, true, "orangefs"},  {0x1983'0326, true, "beegfs"},
    {0x0000'ef53, false, "ext4"},     {0x0102'1994, false, "tmpfs"},
    {0x5846'5342, false, "xfs"},      {0x9123'683e, false, "btrfs"},
    {0x794c'7630, false, "overlay"},  {0x2fc1'2fc1, false, "zfs"},
    {0xf2f5'2010, false, "f2fs"},     {0x8584'58f6, false, "ramfs"},
    {0xca45'1a4e, false, "bcachefs"}, {0x0000'4d44, false, "vfat"},
    {0x2011'bab0, false, "exfat"},    {0x7366'746e, false, "ntfs3"},
    {0x7371'7368, false, "squashfs"}, {0x0000'9660, false, "iso9660"},
    {0xe0f5'e1e2, false, "erofs"},
};

}  // namespace

Status openLockDescriptor(const char* path, bool readOnly, int* fd) {
  return openFile(path, readOnly ? O_RDONLY : O_RDWR, 0, fd);
}

Status tryLockByte(int fd, uint64_t byte, LockMode mode) {
  return setLock(fd, kSetLock, byte, typeOf(mode));
}

Status lockByte(int fd, uint64_t byte, LockMode mode) {
  return setLock(fd, kWaitForLock, byte, typeOf(mode));
}

Status lockByteWithin(int fd, uint64_t byte, LockMode mode, int64_t timeoutMs) {
  const int64_t deadline = monotonicMs() + timeoutMs;
  for (;;) {
    const Status locked = tryLockByte(fd, byte, mode);
    if (locked.code != Code::kBusy) return locked;
    if (monotonicMs() >= deadline) return failure(Code::kBusy, EBUSY);
    sleepMicroseconds(500);
  }
}

Status unlockByte(int fd, uint64_t byte) { return setLock(fd, kSetLock, byte, F_UNLCK); }

Status probeByte(int probeFd, uint64_t byte, LockMode mode, bool* held) {
  return probeBytes(probeFd, byte, 1, mode, held);
}

Status probeBytes(int probeFd, uint64_t first, uint64_t count, LockMode mode, bool* held) {
  struct ::flock lock = bytes(first, count, typeOf(mode));
  while (::fcntl(probeFd, kGetLock, &lock) < 0) {
    if (errno != EINTR) return statusOfLocking(errno);
  }
  *held = lock.l_type != F_UNLCK;
  return kSuccess;
}

Status isNetworkFileSystem(int fd, bool* network, const char** name) {
  FileSystemInfo info;
  int result;
  do result = io().statfs(fd, &info);
  while (result == -EINTR);
  if (result < 0) return statusFromErrno(-result);
  const auto magic = static_cast<uint32_t>(info.type);
  *network = false;
  *name = "unknown";
  for (const KnownFileSystem& known : kKnownFileSystems) {
    if (known.magic != magic) continue;
    *network = known.network;
    *name = known.name;
  }
  return kSuccess;
}

}  // namespace rstore
