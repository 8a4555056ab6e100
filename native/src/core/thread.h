// A thread of our own. The system may have none left, which std::thread tells by an exception: here
// that would end the process.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <functional>
#include <utility>

#include "core/io.h"
#include "core/status.h"

namespace rstore {

class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { join(); }

  /// Not while it runs. kMemory, with the errno: there is none, and `start` may be tried again.
  Status start(std::function<void()> body) {
    body_ = std::move(body);
    const int error = -io().startThread(&thread_, run, this);
    running_ = error == 0;
    return running_ ? kSuccess : failure(Code::kMemory, error);
  }

  /// From `start` to `join`.
  bool isRunning() const { return running_; }

  void join() {
    if (running_) pthread_join(thread_, nullptr);
    running_ = false;
  }

 private:
  /// The program's signals belong to its own threads; faults are those of whoever makes them.
  static void* run(void* self) {
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    static_cast<Thread*>(self)->body_();
    return nullptr;
  }

  std::function<void()> body_;
  pthread_t thread_{};
  bool running_ = false;
};

}  // namespace rstore
