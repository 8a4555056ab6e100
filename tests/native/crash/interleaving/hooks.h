// A table of file operations that lets a test in: what a hook does there, happens in the middle of
// another handle's operation, at exactly that moment.
#pragma once

#include <functional>

#include "core/io.h"

namespace interleaving {

using namespace rstore;

struct Hooks {
  /// Before a write; a negative errno is given back instead of writing.
  std::function<int(int fd, uint64_t offset, size_t bytes)> beforeWrite;
  std::function<void(int fd, uint64_t offset, size_t bytes)> afterWrite;
  std::function<int(int fd)> beforeSync;
  std::function<int(int fd, uint64_t offset)> afterRead;
  std::function<int(int fd)> beforeStartWriting;
};

inline Hooks hooks;

inline int64_t hookedWrite(int fd, const void* from, size_t bytes, uint64_t offset) {
  if (hooks.beforeWrite) {
    const auto hook = hooks.beforeWrite;
    if (const int error = hook(fd, offset, bytes); error < 0) return error;
  }
  const int64_t result = systemIo.pwrite(fd, from, bytes, offset);
  if (hooks.afterWrite) {
    const auto hook = hooks.afterWrite;
    hook(fd, offset, bytes);
  }
  return result;
}

inline int hookedSync(int fd) {
  if (hooks.beforeSync) {
    const auto hook = hooks.beforeSync;
    if (const int error = hook(fd); error < 0) return error;
  }
  return systemIo.fdatasync(fd);
}

inline int64_t hookedRead(int fd, void* to, size_t bytes, uint64_t offset) {
  const int64_t result = systemIo.pread(fd, to, bytes, offset);
  if (hooks.afterRead) {
    const auto hook = hooks.afterRead;
    if (const int error = hook(fd, offset); error < 0) return error;
  }
  return result;
}

inline int hookedStartWriting(int fd, uint64_t offset, uint64_t bytes) {
  if (hooks.beforeStartWriting) {
    const auto hook = hooks.beforeStartWriting;
    if (const int error = hook(fd); error < 0) return error;
  }
  return systemIo.startWriting(fd, offset, bytes);
}

inline void useHooks(Hooks wanted) {
  static const IoTable table = [] {
    IoTable made = systemIo;
    made.pwrite = hookedWrite;
    made.fdatasync = hookedSync;
    made.pread = hookedRead;
    made.startWriting = hookedStartWriting;
    return made;
  }();
  hooks = std::move(wanted);
  ioTable.store(&table);
}

inline void noHooks() {
  ioTable.store(&systemIo);
  hooks = {};
}

/// Only one at a time takes place inside the hook.
struct Once {
  bool inside = false;
  template <typename Body>
  void operator()(Body body) {
    if (inside) return;
    inside = true;
    body();
    inside = false;
  }
};

}  // namespace interleaving
