#include "binding/epoch-watcher.h"

#include <signal.h>

namespace rstore {

EpochWatcher::EpochWatcher(Napi::Env env, LockFile& lock, Napi::Function callback)
    : lock_(lock),
      tell_(Napi::ThreadSafeFunction::New(env, callback, "rstore epochs", 0, 1)),
      thread_([this, seen = atomicWord(lock.words().publishedEpoch).load()] { loop(seen); }) {}

EpochWatcher::~EpochWatcher() {
  stopping_.store(true);
  auto& ticket = atomicWord(lock_.words().epochTicket);
  ticket.fetch_add(1, std::memory_order_seq_cst);
  futexWake(ticket, INT32_MAX);
  thread_.join();
  tell_.Abort();
}

void EpochWatcher::loop(uint64_t seen) {
  constexpr int64_t kLookMs = 1000;  // should a waker ever die between publishing and waking
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, SIGSEGV);
  sigdelset(&all, SIGBUS);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  SharedWords& words = lock_.words();
  atomicWord(words.epochWaiters).fetch_add(1, std::memory_order_seq_cst);
  while (!stopping_.load()) {
    const uint32_t ticket = atomicWord(words.epochTicket).load(std::memory_order_seq_cst);
    const uint64_t published = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
    if (published != seen) {
      seen = published;
      tell_.NonBlockingCall([published](Napi::Env env, Napi::Function callback) {
        if (env != nullptr) callback.Call({Napi::Number::New(env, static_cast<double>(published))});
      });
    } else if (!stopping_.load()) {
      futexWait(atomicWord(words.epochTicket), ticket, kLookMs);
    }
  }
  atomicWord(words.epochWaiters).fetch_sub(1, std::memory_order_seq_cst);
}

}  // namespace rstore
