// Work that waits for disks, off the JavaScript thread.
#pragma once

#include <napi.h>

#include <functional>

#include "binding/status.h"

namespace rstore {

/// Runs `work` on a thread of the pool; the promise resolves to its packed status.
class StatusWorker : public Napi::AsyncWorker {
 public:
  StatusWorker(Napi::Env env, std::function<Status()> work)
      : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)) {}
  void Execute() override { status_ = work_(); }
  void OnOK() override { deferred_.Resolve(Napi::Number::New(Env(), pack(status_))); }
  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<Status()> work_;
  Status status_;
};

inline Napi::Value inBackground(Napi::Env env, std::function<Status()> work) {
  auto* worker = new StatusWorker(env, std::move(work));
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

}  // namespace rstore
