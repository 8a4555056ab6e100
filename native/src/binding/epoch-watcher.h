// Waits for commits of any process on a thread of its own and tells JavaScript, without polling: a
// futex in the lock file.
#pragma once

#include <napi.h>

#include <atomic>
#include <thread>

#include "core/lock-file.h"

namespace rstore {

class EpochWatcher {
 public:
  /// `callback` gets each newest published epoch; the lock file must outlive the watcher.
  EpochWatcher(Napi::Env env, LockFile& lock, Napi::Function callback);
  ~EpochWatcher();

 private:
  void loop(uint64_t seen);

  LockFile& lock_;
  std::atomic<bool> stopping_{false};
  Napi::ThreadSafeFunction tell_;
  std::thread thread_;
};

}  // namespace rstore
