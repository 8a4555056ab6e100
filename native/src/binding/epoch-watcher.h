// Waits for commits of any process on a thread of its own and tells JavaScript, without polling: a
// futex in the lock file. However many come while JavaScript is busy, it is told once, of the last.
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
  static void told(Napi::Env env, Napi::Function callback, EpochWatcher* self, void*);
  void loop();
  void tell(uint64_t epoch);
  void tellReplaced();

  LockFile& lock_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> seen_;
  /// What JavaScript is about to be told; kNothing when it knows all.
  static constexpr uint64_t kNothing = UINT64_MAX;
  std::atomic<uint64_t> untold_{kNothing};
  Napi::TypedThreadSafeFunction<EpochWatcher, void, &EpochWatcher::told> tell_;
  Thread thread_;
};

}  // namespace rstore
