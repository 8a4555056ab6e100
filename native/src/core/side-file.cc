#include "core/side-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/generated/layout.h"
#include "core/io.h"
#include "core/permissions.h"
#include "core/temporary-file.h"

namespace rstore {

namespace {

constexpr mode_t kOwnerOnly = 0600;

/// S3.
Status checkContent(int fd) {
  struct stat found;
  if (const Status got = statOf(fd, &found); !got.ok()) return got;
  if (!S_ISREG(found.st_mode)) return failure(Code::kInTheWay);
  uint64_t magic = 0;
  size_t got = 0;
  if (const Status read = readUpTo(fd, &magic, sizeof magic, 0, &got); !read.ok()) return read;
  return magic == kRegionMagic ? failure(Code::kInTheWay) : kSuccess;
}

/// What a name says that leads to a symbolic link, a folder, or a socket.
bool isNoFile(int error) { return error == ELOOP || error == EISDIR || error == ENXIO; }

mode_t modeLike(const struct stat& region) { return (region.st_mode & 0666) | kOwnerOnly; }

/// S1, S2. What is refused here, also by file systems without owners, leaves the file to its maker.
void makeLike(int fd, const struct stat& region, SideFile what) {
  struct stat made;
  if (!giveOwnerOf(region, fd, &made).ok()) return;
  mode_t mode = permittedMode(modeLike(region), made, region);
  if (made.st_uid != region.st_uid && what == SideFile::kLock) mode |= (mode & 0444) >> 1;
  (void)io().setMode(fd, mode);
}

int accessFor(bool wantWrite) { return wantWrite ? O_RDWR : O_RDONLY; }

void letGo(int* fd) {
  closeFile(*fd);
  *fd = -1;
}

/// S1, of a log that is there: `*fd` is closed, and the file removed, where it is not kept.
Status keepLog(const std::string& path, int region, int* fd) {
  struct stat found;
  struct stat like;
  if (const Status got = statOf(*fd, &found); !got.ok()) return got;
  if (const Status got = statOf(region, &like); !got.ok()) return got;
  const bool tooOpen = (found.st_mode & 0777 & ~modeLike(like)) != 0;
  const bool isTheirs = found.st_uid != like.st_uid && found.st_uid != geteuid();
  if (!tooOpen && !isTheirs) return kSuccess;
  const int gone = io().unlink(path.c_str());
  if (gone < 0 && !tooOpen) return kSuccess;  // in folders where one removes only what is one's own
  letGo(fd);
  return statusFromErrno(gone < 0 ? -gone : 0);
}

/// Under its name from the start, where it cannot get one later.
Status makeNamed(const std::string& path, const struct stat& like, SideFile what, int* fd) {
  const Status made = openFile(path.c_str(), O_RDWR | O_CREAT | O_EXCL, kOwnerOnly, fd);
  if (made.ok()) makeLike(*fd, like, what);
  return made;
}

/// kExists: somebody else has made it meanwhile.
Status makeNew(const std::string& path, SideFile what, int region, int* fd) {
  struct stat like;
  if (const Status got = statOf(region, &like); !got.ok()) return got;
  const Status made = makeUnnamed(path, kOwnerOnly, fd);
  if (made.code == Code::kUnsupported) return makeNamed(path, like, what, fd);
  if (!made.ok()) return made;
  makeLike(*fd, like, what);
  const Status named = nameUnnamed(*fd, path);
  if (named.ok()) return named;
  letGo(fd);
  // Some may give a file away, but not name it then.
  return named.error == EPERM ? makeNamed(path, like, what, fd) : named;
}

}  // namespace

Status openSideFile(const std::string& path, bool wantWrite, int* fd) {
  const Status opened = openFile(path.c_str(), accessFor(wantWrite) | O_NOFOLLOW, 0, fd);
  if (isNoFile(opened.error)) return failure(Code::kInTheWay);
  if (!opened.ok()) return opened;
  const Status checked = checkContent(*fd);
  if (!checked.ok()) letGo(fd);
  return checked;
}

Status openSideFileAgain(int descriptor, bool wantWrite, int* fd) {
  return openFile(nameOfDescriptor(descriptor).c_str(), accessFor(wantWrite), 0, fd);
}

Status makeSideFile(const std::string& path, SideFile what, int region, int* fd) {
  for (;;) {
    *fd = -1;
    const Status opened = openSideFile(path, true, fd);
    if (!opened.ok() && opened.code != Code::kNotFound) return opened;
    if (opened.ok() && what == SideFile::kLog) {
      if (const Status kept = keepLog(path, region, fd); !kept.ok()) return kept;
    }
    if (*fd >= 0) return kSuccess;
    const Status made = makeNew(path, what, region, fd);
    if (made.code != Code::kExists) return made;
  }
}

}  // namespace rstore
