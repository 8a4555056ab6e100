#include "core/permissions.h"

#include "core/io.h"

namespace rstore {

Status giveOwnerOf(const struct stat& like, int fd, struct stat* made) {
  constexpr auto kSameOwner = static_cast<uid_t>(-1);
  if (io().setOwner(fd, like.st_uid, like.st_gid) < 0) {
    (void)io().setOwner(fd, kSameOwner, like.st_gid);
  }
  return statOf(fd, made);
}

mode_t permittedMode(mode_t mode, const struct stat& made, const struct stat& like) {
  const mode_t ofOthers = (mode & 07) << 3;
  return made.st_gid == like.st_gid ? mode : mode & (0707 | ofOthers);
}

}  // namespace rstore
