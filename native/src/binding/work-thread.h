// A thread of a handle's own, on which it works while JavaScript goes on.
//
// None of the pool: what is done here is done while the write lock of all processes is held, by the
// handle itself (a commit, the giving back of the tail) or by that of a compaction (the check of
// pages). The pool may be busy for any time with whatever else the program gave it, and with waits
// of ours. Begun with the first job; where the system has no thread, the caller sees to it.
//
//  W1. Jobs are done one after the other, in the order in which they were given, and their promises
//      are settled in that order.
//  W2. The thread ends, and is waited for, when the handle is closed: by the environment's cleanup
//      hook at the latest, so that it never outlives the environment that it tells.
//  W3. Where the process exits without such hooks, as Node's main thread does, a commit is waited
//      for: what was being committed is committed. Other jobs are cut off, as by a kill, which they
//      can be anywhere: K2 of core/page-check.h, and B2 of core/give-back.h.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "binding/ending.h"
#include "core/status.h"
#include "core/thread.h"

namespace rstore {

/// Done by whichever thread comes first: the handle's own, or JavaScript when it cannot wait.
class Job {
 public:
  explicit Job(std::function<Status()> work) : work_(std::move(work)) {}
  void runOrWait();
  bool isFinished();
  /// Of a finished one.
  Status status() const { return status_; }

 private:
  const std::function<Status()> work_;
  std::mutex mutex_;
  std::condition_variable done_;
  enum class State { kQueued, kRunning, kFinished } state_ = State::kQueued;
  Status status_;
};

/// What becomes of the jobs that have not ended when the process exits: W3.
enum class AtExit { kAwaited, kCutOff };

class WorkThread {
 public:
  /// What its jobs work on outlives it.
  WorkThread(Napi::Env env, const char* name, AtExit atExit);
  /// Whatever it was given has ended by then.
  ~WorkThread();

  /// False when the system has no thread.
  bool start();
  /// Runs the job, here where there is no thread. Gives a promise of its packed status; empty, and
  /// nothing was begun, when there can be none (ending.h, E4).
  Napi::Value run(Napi::Env env, std::shared_ptr<Job> job);
  /// Settles the promises of the jobs that have ended. They stay as they are where no JavaScript
  /// can run any more (ending.h, E4).
  void answer(Napi::Env env);
  /// Waits for all jobs and settles their promises; nothing may be given to it any more.
  void end(Napi::Env env);

 private:
  struct Unanswered {
    std::shared_ptr<Job> job;
    napi_deferred deferred;
  };

  static void told(Napi::Env env, Napi::Function, WorkThread* self, void*);
  void loop();
  void stop();

  const AtExit atExit_;
  std::deque<Unanswered> unanswered_;  // JavaScript's

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Job>> queue_;
  bool stopping_ = false;
  Napi::TypedThreadSafeFunction<WorkThread, void, &WorkThread::told> tell_;
  Thread thread_;
};

}  // namespace rstore
