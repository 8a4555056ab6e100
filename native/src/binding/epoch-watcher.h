// Waits for commits of any process on a thread of its own and tells JavaScript, without polling: a
// futex in the lock file.
#pragma once

#include <atomic>

#include "binding/ending.h"
#include "core/lock-file.h"
#include "core/thread.h"

namespace rstore {

class EpochWatcher {
 public:
  /// `callback` gets each newest published epoch behind `seen` (0: behind the last one), and 0 when
  /// the file was replaced; the lock file must outlive the watcher.
  EpochWatcher(Napi::Env env, LockFile& lock, Napi::Function callback, uint64_t seen);
  ~EpochWatcher();

  /// Once; until then, and after a failure, nothing is told.
  Status start();

  uint64_t seen() const { return seen_.load(); }

 private:
  void loop();
  void tell(uint64_t epoch);

  LockFile& lock_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> seen_;
  Napi::ThreadSafeFunction tell_;
  Thread thread_;
};

}  // namespace rstore
