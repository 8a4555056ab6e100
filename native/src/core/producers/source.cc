#include "core/producers/source.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rstore {

int64_t readWaiting(int fd, void* to, size_t bytes) {
  for (;;) {
    const ssize_t got = ::read(fd, to, bytes);
    if (got >= 0) return got;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd ready = {fd, POLLIN, 0};
      (void)::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      return -errno;
    }
  }
}

Status ByteSource::read(void* to, size_t room, size_t* got) {
  if (fd_ < 0) {
    *got = std::min<uint64_t>(room, count_ - position_);
    if (*got > 0) std::memcpy(to, bytes_ + position_, *got);
    position_ += *got;
    return kSuccess;
  }
  const int64_t result = readWaiting(fd_, to, room);
  *got = result < 0 ? 0 : static_cast<size_t>(result);
  return result < 0 ? statusFromErrno(static_cast<int>(-result)) : kSuccess;
}

bool ByteSource::putBack(uint64_t bytes) {
  if (bytes == 0) return true;
  if (fd_ >= 0) return ::lseek(fd_, -static_cast<off_t>(bytes), SEEK_CUR) >= 0;
  position_ -= bytes;
  return true;
}

}  // namespace rstore
