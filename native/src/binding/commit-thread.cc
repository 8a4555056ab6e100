#include "binding/commit-thread.h"

#include <cstdlib>
#include <utility>

#include "binding/status.h"

namespace rstore {

namespace {

/// Commits that were given to threads and have not ended. Where the process exits without cleanup
/// hooks, as Node's main thread does, it waits for them: the pool's work is waited for, too.
class UnderWay {
 public:
  void add() {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (!registered_) registered_ = std::atexit(awaitAll) == 0;
    count_++;
  }
  void end() {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (--count_ == 0) none_.notify_all();
  }

 private:
  static void awaitAll();

  std::mutex mutex_;
  std::condition_variable none_;
  size_t count_ = 0;
  bool registered_ = false;
};

/// Never destroyed: threads may end one while the process exits.
UnderWay& underWay() {
  static auto& commits = *new UnderWay;
  return commits;
}

void UnderWay::awaitAll() {
  UnderWay& commits = underWay();
  std::unique_lock<std::mutex> guard(commits.mutex_);
  commits.none_.wait(guard, [&commits] { return commits.count_ == 0; });
}

}  // namespace

void CommitJob::runOrWait(Handle& handle) {
  std::unique_lock<std::mutex> guard(mutex);
  if (state == State::kQueued) {
    state = State::kRunning;
    guard.unlock();
    const Status prepared = handle.prepare(changes, true);
    const Status settled = prepared.ok() ? handle.settle() : prepared;
    guard.lock();
    status = settled;
    state = State::kFinished;
    done.notify_all();
  }
  done.wait(guard, [this] { return state == State::kFinished; });
}

bool CommitJob::isFinished() {
  const std::lock_guard<std::mutex> guard(mutex);
  return state == State::kFinished;
}

CommitThread::CommitThread(Napi::Env env, Handle& handle)
    : handle_(handle), tell_(decltype(tell_)::New(env, "rstore commits", 0, 1, this)) {
  tell_.Unref(env);  // only a commit under way keeps the program alive
}

CommitThread::~CommitThread() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
  tell_.Abort();
}

Napi::Value CommitThread::run(Napi::Env env, std::shared_ptr<CommitJob> job) {
  napi_value promise = nullptr;
  if (napi_create_promise(env, &deferred_, &promise) != napi_ok) {
    failedCall(env);
    return {};
  }
  unanswered_ = job;
  if (!start()) {
    job->runOrWait(handle_);
    answer(env);
    return {env, promise};
  }
  tell_.Ref(env);
  const std::lock_guard<std::mutex> guard(mutex_);
  if (!next_) underWay().add();
  next_ = std::move(job);
  wake_.notify_one();
  return {env, promise};
}

bool CommitThread::start() {
  return thread_.isRunning() || thread_.start([this] { loop(); }).ok();
}

void CommitThread::answer(Napi::Env env) {
  if (!unanswered_ || !unanswered_->isFinished()) return;
  const Status status = unanswered_->status;
  unanswered_.reset();
  tell_.Unref(env);
  const Napi::HandleScope scope(env);  // the environment's cleanup hook has none
  (void)napi_resolve_deferred(env, std::exchange(deferred_, nullptr),
                              Napi::Number::New(env, pack(status)));
}

/// What was answered meanwhile, and the next one begun, is told of in vain.
void CommitThread::told(Napi::Env env, Napi::Function, CommitThread* self, void*) {
  if (env != nullptr) self->answer(env);
}

void CommitThread::loop() {
  std::unique_lock<std::mutex> guard(mutex_);
  for (;;) {
    wake_.wait(guard, [this] { return next_ || stopping_; });
    if (!next_) return;
    const std::shared_ptr<CommitJob> job = std::move(next_);
    guard.unlock();
    job->runOrWait(handle_);
    underWay().end();
    tell_.NonBlockingCall();
    guard.lock();
  }
}

}  // namespace rstore
