// A file under a temporary name beside the one that it is to get. That name is always the same, so
// that what a killed process left is found, and removed, by the next that makes the same file.
//
//  T1. The name belongs to whoever holds the lock on a byte of the file that it leads to: only they
//      link it, rename it or remove it. So nobody gives a name to what another is still writing.
//  T2. The lock ends with its process: what can be locked was left by one that died. Whoever finds
//      it removes it, under that lock.
//  T3. Another may come between the making of a file and its lock, and take it for one that was
//      left. So whoever has a lock looks whether the name still leads to the file, and else begins
//      again.
//  T4. A file may also have no name at all until it is whole: then nothing is left of a process
//      that died. It gets its name by a link, which does not replace; what is to replace another
//      is linked under a temporary name first, and renamed.
//  Where a file system has no locks (a backup may go to one) nobody can be known of: there whatever
//  has the name is taken for left.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/status.h"

namespace rstore {

/// Makes a file that has its name only when it is whole; `fill` writes and syncs it. kExists when
/// the name is taken. Of a process that is killed nothing is left, or what the next that makes this
/// file removes.
Status makeWhole(const std::string& path, uint32_t mode, const std::function<Status(int fd)>& fill);

/// kUnderWay: somebody else is making this very file.
Status makeTemporary(const std::string& name, uint32_t mode, int* fd);

/// T4: in the folder of `path`. kUnsupported where there are no such files.
Status makeUnnamed(const std::string& path, uint32_t mode, int* fd);

/// Gives it its name: kExists when that is taken.
Status nameUnnamed(int fd, const std::string& name);

/// Gives it a temporary name: kUnderWay: somebody else has it.
Status nameTemporary(int fd, const std::string& name);

/// Takes the name away if it still leads to `fd`, and closes that.
void endTemporary(const std::string& name, int fd);

}  // namespace rstore
