// Where a producer's bytes come from: a descriptor, or memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/status.h"

namespace rstore {

class ByteSource {
 public:
  static ByteSource ofFile(int fd) { return ByteSource(fd, nullptr, 0); }
  static ByteSource ofMemory(const std::byte* bytes, uint64_t count) {
    return ByteSource(-1, bytes, count);
  }

  /// At least one byte, at most `room`; 0 only at the end. Waits where the descriptor would not
  /// block. The target must be writable.
  Status read(void* to, size_t room, size_t* got);

  /// Takes back the last `bytes` that were read: the next reader gets them. False where that cannot
  /// be done: pipes, terminals, sockets.
  bool putBack(uint64_t bytes);

  /// Memory is named anew for each call of JavaScript: the bytes may not stay where they are.
  void moveTo(const std::byte* bytes) { bytes_ = bytes; }

 private:
  ByteSource(int fd, const std::byte* bytes, uint64_t count)
      : fd_(fd), bytes_(bytes), count_(count) {}

  int fd_;
  const std::byte* bytes_;
  uint64_t count_;
  uint64_t position_ = 0;
};

/// read(2), repeated when it was interrupted and waited for when it would block; minus an errno.
int64_t readWaiting(int fd, void* to, size_t bytes);

}  // namespace rstore
