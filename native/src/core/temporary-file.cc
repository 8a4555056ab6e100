#include "core/temporary-file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/file-lock.h"
#include "core/io.h"
#include "core/lock-file.h"

namespace rstore {

namespace {

bool leadsTo(const std::string& name, int fd) {
  struct stat byName;
  struct stat own;
  return io().statName(name.c_str(), &byName) == 0 && io().stat(fd, &own) == 0 &&
         byName.st_ino == own.st_ino && byName.st_dev == own.st_dev;
}

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
  } else if (leadsTo(name, fd)) {
    status = statusFromErrno(-io().unlink(name.c_str()));
  }
  closeFile(fd);
  return status;
}

}  // namespace

Status makeTemporary(const std::string& name, uint32_t mode, int* fd) {
  for (;;) {
    const Status made = openFile(name.c_str(), O_RDWR | O_CREAT | O_EXCL, mode, fd);
    if (made.ok() && !isHeldByAnother(*fd) && leadsTo(name, *fd)) return kSuccess;
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

void endTemporary(const std::string& name, int fd) {
  if (fd < 0) return;
  if (leadsTo(name, fd)) (void)io().unlink(name.c_str());
  closeFile(fd);
}

}  // namespace rstore
