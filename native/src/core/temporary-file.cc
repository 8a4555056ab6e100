#include "core/temporary-file.h"

#include <errno.h>
#include <fcntl.h>

#include "core/clock.h"
#include "core/file-lock.h"
#include "core/io.h"
#include "core/lock-file.h"

namespace rstore {

namespace {

bool isHeldByAnother(int fd) {
  return tryLockByte(fd, kTemporaryByte, LockMode::kExclusive).code == Code::kBusy;
}

/// T2.
Status removeLeft(const std::string& name) {
  int fd = -1;
  const Status opened = openFile(name.c_str(), O_RDWR, 0, &fd);
  if (opened.code == Code::kNotFound) return kSuccess;
  if (!opened.ok()) return opened;
  Status status = kSuccess;
  if (isHeldByAnother(fd)) {
    status = failure(Code::kUnderWay);
  } else if (leadsTo(name.c_str(), fd)) {
    status = statusFromErrno(-io().unlink(name.c_str()));
  }
  closeFile(fd);
  return status;
}

std::string folderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// What file systems, and kernels, say that have no files without a name.
bool hasNoUnnamed(int error) {
  return error == EOPNOTSUPP || error == EISDIR || error == EINVAL || error == ENOSYS;
}

}  // namespace

Status makeUnnamed(const std::string& path, uint32_t mode, int* fd) {
#ifdef O_TMPFILE
  const Status made = openFile(folderOf(path).c_str(), O_RDWR | O_TMPFILE, mode, fd);
  if (!made.ok()) return hasNoUnnamed(made.error) ? failure(Code::kUnsupported) : made;
  if (leadsTo(nameOfDescriptor(*fd).c_str(), *fd)) return kSuccess;
  closeFile(*fd);  // without /proc it could never get a name
  *fd = -1;
#endif
  return failure(Code::kUnsupported);
}

Status nameUnnamed(int fd, const std::string& name) { return linkFile(nameOfDescriptor(fd), name); }

/// T1: the lock is had before the name.
Status nameTemporary(int fd, const std::string& name) {
  (void)isHeldByAnother(fd);
  for (;;) {
    const Status named = nameUnnamed(fd, name);
    if (named.code != Code::kExists) return named;
    if (const Status removed = removeLeft(name); !removed.ok()) return removed;
  }
}

Status makeTemporary(const std::string& name, uint32_t mode, int* fd) {
  for (;;) {
    const Status made = openFile(name.c_str(), O_RDWR | O_CREAT | O_EXCL, mode, fd);
    if (made.ok() && !isHeldByAnother(*fd) && leadsTo(name.c_str(), *fd)) return kSuccess;
    if (made.ok()) {
      closeFile(*fd);  // T3
      *fd = -1;
    } else if (made.code != Code::kExists) {
      return made;
    } else if (const Status removed = removeLeft(name); !removed.ok()) {
      return removed;
    }
  }
}

namespace {

/// Others that make the same file are at it for no longer than a few syncs.
Status makeTemporaryInTurn(const std::string& name, uint32_t mode, int* fd) {
  constexpr int64_t kPatienceMs = 10'000;
  const int64_t deadline = monotonicMs() + kPatienceMs;
  Status made = makeTemporary(name, mode, fd);
  while (made.code == Code::kUnderWay && monotonicMs() < deadline) {
    sleepMicroseconds(500);
    made = makeTemporary(name, mode, fd);
  }
  return made;
}

}  // namespace

Status makeWhole(const std::string& path, uint32_t mode,
                 const std::function<Status(int fd)>& fill) {
  int fd = -1;
  std::string temporary;
  Status status = makeUnnamed(path, mode, &fd);
  if (status.code == Code::kUnsupported) {
    temporary = path + ".new.tmp";
    status = makeTemporaryInTurn(temporary, mode, &fd);
  }
  if (!status.ok()) return status;
  status = fill(fd);
  // A link refuses a name that is taken, in one step; a rename would replace it.
  if (status.ok()) {
    status = temporary.empty() ? nameUnnamed(fd, path) : linkFile(temporary, path);
  }
  // Not every file system brings the first name to the disk with the folder that has it.
  if (status.ok() && temporary.empty()) status = syncAll(fd);
  if (temporary.empty()) {
    closeFile(fd);
  } else {
    endTemporary(temporary, fd);
  }
  return status.ok() ? syncDirectoryOf(path.c_str()) : status;
}

void endTemporary(const std::string& name, int fd) {
  if (fd < 0) return;
  if (leadsTo(name.c_str(), fd)) (void)io().unlink(name.c_str());
  closeFile(fd);
}

}  // namespace rstore
