#include "binding/epoch-watcher.h"

#include "core/atomic-word.h"
#include "core/futex.h"

namespace rstore {

EpochWatcher::EpochWatcher(Napi::Env env, LockFile& lock, Napi::Function callback, uint64_t seen)
    : lock_(lock),
      seen_(seen != 0 ? seen : atomicWord(lock.words().publishedEpoch).load()),
      tell_(decltype(tell_)::New(env, callback, "rstore epochs", 0, 1, this)) {}

Status EpochWatcher::start() {
  return thread_.start([this] { loop(); });
}

EpochWatcher::~EpochWatcher() {
  stopping_.store(true);
  auto& ticket = atomicWord(lock_.words().epochTicket);
  ticket.fetch_add(1, std::memory_order_seq_cst);
  futexWake(ticket, kEverybody);
  thread_.join();
  tell_.Abort();
}

void EpochWatcher::tell(uint64_t epoch) {
  if (untold_.exchange(epoch) == kNothing) tell_.NonBlockingCall();
}

/// Not in the place of a commit, which is told once; this is told again.
void EpochWatcher::tellReplaced() {
  uint64_t nothing = kNothing;
  if (untold_.compare_exchange_strong(nothing, 0)) tell_.NonBlockingCall();
}

/// The callback may end the watcher.
void EpochWatcher::told(Napi::Env env, Napi::Function callback, EpochWatcher* self, void*) {
  // Refused, and passed over, where the environment is ending (ending.h, E4).
  if (env == nullptr) return;
  const uint64_t epoch = self->untold_.exchange(kNothing);
  callback.Call({Napi::Number::New(env, static_cast<double>(epoch))});
}

void EpochWatcher::loop() {
  constexpr int64_t kLookMs = 1000;  // should a waker ever die between publishing and waking
  SharedWords& words = lock_.words();
  atomicWord(words.epochWaiters).fetch_add(1, std::memory_order_seq_cst);
  while (!stopping_.load()) {
    const uint32_t ticket = atomicWord(words.epochTicket).load(std::memory_order_seq_cst);
    const uint64_t published = atomicWord(words.publishedEpoch).load(std::memory_order_seq_cst);
    if (published != seen_.load()) {
      seen_.store(published);
      tell(published);
    } else if (!stopping_.load()) {
      if (atomicWord(words.replaced).load(std::memory_order_seq_cst) != 0) tellReplaced();
      futexWait(atomicWord(words.epochTicket), ticket, kLookMs);
    }
  }
  atomicWord(words.epochWaiters).fetch_sub(1, std::memory_order_seq_cst);
}

}  // namespace rstore
