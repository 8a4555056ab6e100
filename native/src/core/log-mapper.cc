#include "core/log-mapper.h"

#include "core/address-space.h"
#include "core/generated/layout.h"

namespace rstore {

/// The next one first: its writer is under way there.
void LogMapper::carryOut(const Step& step) {
  if (step.next != nullptr) populatePages(step.next, kSegmentBytes);
  (void)giveBackPages(step.written, kSegmentBytes);
}

void LogMapper::goOn(const Step& step) {
  if (!thread_.isRunning() && !thread_.start([this] { loop(); }).ok()) {
    carryOut(step);
    return;
  }
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    asked_.push_back(step);
  }
  wake_.notify_one();
}

void LogMapper::goOnAtOnce(const Step& step) {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    for (Step& passed : asked_) passed.next = nullptr;
  }
  carryOut(step);
}

void LogMapper::stop() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    stopping_ = true;
    asked_.clear();
  }
  wake_.notify_one();
  thread_.join();
  stopping_ = false;
}

void LogMapper::loop() {
  std::unique_lock<std::mutex> guard(mutex_);
  for (;;) {
    wake_.wait(guard, [this] { return !asked_.empty() || stopping_; });
    if (stopping_) return;
    Step step = asked_.front();
    asked_.pop_front();
    if (!asked_.empty()) step.next = nullptr;  // its writer is past it already
    guard.unlock();
    carryOut(step);
    guard.lock();
  }
}

}  // namespace rstore
