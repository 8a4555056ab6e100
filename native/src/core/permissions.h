// Owner, group and permissions of a file that is made like another: the log and lock file of a
// region, a compacted copy of it.
//
// Only root can give a file to another owner, and only a member to a group. Where the group is not
// the one that it was to be, its members may do no more than everybody: they were others before.
#pragma once

#include <sys/stat.h>

#include "core/status.h"

namespace rstore {

/// Gives a file the owner and the group of `like`, or the group alone, or neither: as far as this
/// process may, and the file system has them. `*made`: what it has then.
Status giveOwnerOf(const struct stat& like, int fd, struct stat* made);

/// What is left of `mode` for a file that is `made` and was to be like `like`.
mode_t permittedMode(mode_t mode, const struct stat& made, const struct stat& like);

}  // namespace rstore
