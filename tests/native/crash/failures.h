// Which operations a failing disk failed, and whether that was told: a table around the one of the
// seam notes every operation that came back with the error of the plan.
#pragma once

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/io.h"

namespace failures {

using namespace rstore;

enum class Kind { kOpen, kWrite, kSync, kAllocate, kTruncate, kRename, kLink, kUnlink, kCopy };
enum class File { kRegion, kLog, kLock, kOther };

struct Failed {
  Kind kind;
  File file;
  int fd;                           // -1: it has none
  Allocate what = Allocate::kGrow;  // kAllocate
  bool syncedSince = false;         // kSync: another sync of the same file succeeded
};

inline const char* nameOf(Kind kind) {
  static constexpr const char* names[] = {"open",   "write", "sync",   "allocate", "truncate",
                                          "rename", "link",  "unlink", "copy"};
  return names[static_cast<int>(kind)];
}

inline const char* nameOf(File file) {
  static constexpr const char* names[] = {"region", "log", "lock", "other"};
  return names[static_cast<int>(file)];
}

inline std::vector<Failed>& noted() {
  static std::vector<Failed> all;
  return all;
}

struct Watched {
  const IoTable* under = nullptr;
  int error = 0;
};
inline Watched& watched() {
  static Watched it;
  return it;
}

inline File fileOf(const std::string& path) {
  if (path.ends_with(".region")) return File::kRegion;
  if (path.ends_with(".region-wal")) return File::kLog;
  return path.ends_with(".region-lock") ? File::kLock : File::kOther;
}

/// Files that were made without a name, and got one: their descriptors do not tell it.
inline std::map<std::pair<dev_t, ino_t>, File>& named() {
  static std::map<std::pair<dev_t, ino_t>, File> all;
  return all;
}

inline File fileOf(int fd) {
  struct stat found;
  if (::fstat(fd, &found) == 0) {
    const auto known = named().find({found.st_dev, found.st_ino});
    if (known != named().end()) return known->second;
  }
  char name[32];
  char path[512];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  const ssize_t length = ::readlink(name, path, sizeof path);
  return length < 0 ? File::kOther : fileOf(std::string(path, static_cast<size_t>(length)));
}

inline void noteName(const char* path) {
  struct stat found;
  if (::stat(path, &found) == 0) named()[{found.st_dev, found.st_ino}] = fileOf(std::string(path));
}

/// As the operation gave it; noted when it is the failure that was planned.
template <typename Result>
Result note(Result result, Kind kind, int fd) {
  if (result == -watched().error) noted().push_back({kind, fileOf(fd), fd});
  return result;
}

template <typename Result>
Result note(Result result, Kind kind, const char* path) {
  if (result == -watched().error) noted().push_back({kind, fileOf(std::string(path)), -1});
  return result;
}

inline int noteSync(int result, int fd) {
  if (result == 0) {
    const File file = fileOf(fd);
    for (Failed& failed : noted()) {
      if (failed.kind == Kind::kSync && failed.file == file) failed.syncedSince = true;
    }
  }
  return note(result, Kind::kSync, fd);
}

inline const IoTable& watchingTable() {
  static const IoTable table = [] {
    IoTable made = *watched().under;
    made.open = [](const char* path, int flags, mode_t mode) {
      return note(watched().under->open(path, flags, mode), Kind::kOpen, path);
    };
    made.pwrite = [](int fd, const void* from, size_t bytes, uint64_t offset) {
      return note(watched().under->pwrite(fd, from, bytes, offset), Kind::kWrite, fd);
    };
    made.pwritev = [](int fd, const iovec* parts, int count, uint64_t offset) {
      return note(watched().under->pwritev(fd, parts, count, offset), Kind::kWrite, fd);
    };
    made.fsync = [](int fd) { return noteSync(watched().under->fsync(fd), fd); };
    made.fdatasync = [](int fd) { return noteSync(watched().under->fdatasync(fd), fd); };
    made.allocate = [](int fd, Allocate what, uint64_t offset, uint64_t bytes) {
      const int done =
          note(watched().under->allocate(fd, what, offset, bytes), Kind::kAllocate, fd);
      if (done == -watched().error) noted().back().what = what;
      return done;
    };
    made.truncate = [](int fd, uint64_t bytes) {
      return note(watched().under->truncate(fd, bytes), Kind::kTruncate, fd);
    };
    made.rename = [](const char* from, const char* to) {
      return note(watched().under->rename(from, to), Kind::kRename, to);
    };
    made.unlink = [](const char* path) {
      return note(watched().under->unlink(path), Kind::kUnlink, path);
    };
    made.link = [](const char* from, const char* to) {
      const int done = watched().under->link(from, to);
      if (done == 0) noteName(to);
      return note(done, Kind::kLink, to);
    };
    made.copyRange = [](int from, uint64_t fromOffset, int to, uint64_t toOffset, size_t bytes) {
      const int64_t copied = watched().under->copyRange(from, fromOffset, to, toOffset, bytes);
      return note(copied, Kind::kCopy, to);
    };
    return made;
  }();
  return table;
}

/// From now on, in this process.
inline void watch(int error) {
  watched() = {ioTable.load(), error};
  ioTable.store(&watchingTable());
}

}  // namespace failures
