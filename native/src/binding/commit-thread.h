// The thread on which a handle commits while JavaScript goes on.
//
// It is the handle's own, and none of the pool: a commit holds the write lock of all processes, and
// the pool may be busy for any time with whatever else the program gave it, and with waits of ours.
// Begun with the first such commit; where the system has no thread, JavaScript waits for the disk.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "binding/ending.h"
#include "core/handle.h"
#include "core/thread.h"

namespace rstore {

/// All of a commit but its last step, on whichever thread comes first: the handle's own, or
/// JavaScript when it cannot wait.
struct CommitJob {
  Changes changes;
  std::mutex mutex;
  std::condition_variable done;
  enum class State { kQueued, kRunning, kFinished } state = State::kQueued;
  Status status;

  void runOrWait(Handle& handle);
  bool isFinished();
};

class CommitThread {
 public:
  /// The handle outlives it.
  CommitThread(Napi::Env env, Handle& handle);
  /// Whatever it was given has ended by then.
  ~CommitThread();

  /// Runs the job. Gives a promise of its packed status; empty, and nothing was begun, when there
  /// can be none (ending.h, E4). The one before was answered.
  Napi::Value run(Napi::Env env, std::shared_ptr<CommitJob> job);
  /// Settles the promise of the last job if that has ended. It stays as it is where no JavaScript
  /// can run any more (ending.h, E4).
  void answer(Napi::Env env);

 private:
  static void told(Napi::Env env, Napi::Function, CommitThread* self, void*);
  bool start();
  void loop();

  Handle& handle_;
  // JavaScript's: the last job, until its promise is settled.
  std::shared_ptr<CommitJob> unanswered_;
  napi_deferred deferred_ = nullptr;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<CommitJob> next_;
  bool stopping_ = false;
  Napi::TypedThreadSafeFunction<CommitThread, void, &CommitThread::told> tell_;
  Thread thread_;
};

}  // namespace rstore
