#include "binding/work-thread.h"

#include <cstdlib>
#include <utility>

#include "binding/status.h"

namespace rstore {

namespace {

/// Commits that were given to threads and have not ended: W3.
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
  static auto& jobs = *new UnderWay;
  return jobs;
}

void UnderWay::awaitAll() {
  UnderWay& jobs = underWay();
  std::unique_lock<std::mutex> guard(jobs.mutex_);
  jobs.none_.wait(guard, [&jobs] { return jobs.count_ == 0; });
}

}  // namespace

void Job::runOrWait() {
  std::unique_lock<std::mutex> guard(mutex_);
  if (state_ == State::kQueued) {
    state_ = State::kRunning;
    guard.unlock();
    const Status status = work_();
    guard.lock();
    status_ = status;
    state_ = State::kFinished;
    done_.notify_all();
  }
  done_.wait(guard, [this] { return state_ == State::kFinished; });
}

bool Job::isFinished() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return state_ == State::kFinished;
}

WorkThread::WorkThread(Napi::Env env, const char* name, AtExit atExit)
    : atExit_(atExit), tell_(decltype(tell_)::New(env, name, 0, 1, this)) {
  tell_.Unref(env);  // only a job under way keeps the program alive
}

WorkThread::~WorkThread() {
  stop();
  tell_.Abort();
}

void WorkThread::stop() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  thread_.join();
}

void WorkThread::end(Napi::Env env) {
  stop();
  answer(env);
}

Napi::Value WorkThread::run(Napi::Env env, std::shared_ptr<Job> job) {
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) {
    failedCall(env);
    return {};
  }
  if (unanswered_.empty()) tell_.Ref(env);
  unanswered_.push_back({job, deferred});
  if (!start()) {
    job->runOrWait();
    answer(env);
    return {env, promise};
  }
  if (atExit_ == AtExit::kAwaited) underWay().add();
  const std::lock_guard<std::mutex> guard(mutex_);
  queue_.push_back(std::move(job));
  wake_.notify_one();
  return {env, promise};
}

bool WorkThread::start() {
  return thread_.isRunning() || thread_.start([this] { loop(); }).ok();
}

void WorkThread::answer(Napi::Env env) {
  if (unanswered_.empty()) return;
  const Napi::HandleScope scope(env);  // the environment's cleanup hook has none
  while (!unanswered_.empty() && unanswered_.front().job->isFinished()) {
    const auto [job, deferred] = std::move(unanswered_.front());
    unanswered_.pop_front();
    (void)napi_resolve_deferred(env, deferred, Napi::Number::New(env, pack(job->status())));
  }
  if (unanswered_.empty()) tell_.Unref(env);
}

/// What was answered meanwhile, and the next one begun, is told of in vain.
void WorkThread::told(Napi::Env env, Napi::Function, WorkThread* self, void*) {
  if (env != nullptr) self->answer(env);
}

void WorkThread::loop() {
  std::unique_lock<std::mutex> guard(mutex_);
  for (;;) {
    wake_.wait(guard, [this] { return !queue_.empty() || stopping_; });
    if (queue_.empty()) return;
    const std::shared_ptr<Job> job = std::move(queue_.front());
    queue_.pop_front();
    guard.unlock();
    job->runOrWait();
    if (atExit_ == AtExit::kAwaited) underWay().end();
    tell_.NonBlockingCall();
    guard.lock();
  }
}

}  // namespace rstore
