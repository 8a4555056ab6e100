// The two files beside a region: its lock file and its redo log.
//
//  S1. They are as private as the region, and let in whoever it lets in: owner, group and
//      permissions are the region's, whatever process makes them, under whatever umask. Before they
//      have their name, where the file system allows: nobody meets one that is not yet for him.
//      Only root can give a file to another owner, and only a member to a group; where the group is
//      another's it may do no more than everybody. A log that is there and lets in more, of before
//      the region's permissions were taken back, is not filled, but made anew; so is one of
//      somebody else, where the folder lets us remove it.
//  S2. Whoever reads writes to the lock file, too. Its owner always may; others who may only read
//      the region may not, because they could disturb those who write. A lock file that cannot be
//      given to the region's owner is its maker's, and whoever may read it may write to it: the
//      owner must not be shut out by a reader.
//  S3. Both are emptied by whoever begins them. So only a plain file is taken for one of them: not
//      what a symbolic link leads to, and not what begins like a region of any kind, which may have
//      such a name of its own.
#pragma once

#include <cstdint>
#include <string>

#include "core/status.h"

namespace rstore {

enum class SideFile : uint32_t { kLock, kLog };

/// Opens it for writing, made where missing (S1). kInTheWay: S3. `region` is a descriptor.
Status makeSideFile(const std::string& path, SideFile what, int region, int* fd);

/// Opens what is there; kNotFound, and kInTheWay as above.
Status openSideFile(const std::string& path, bool wantWrite, int* fd);

/// Opens once more, in its own right, the file that a descriptor is of: its name may have gone.
Status openSideFileAgain(int descriptor, bool wantWrite, int* fd);

}  // namespace rstore
