// Work that waits for disks, off the JavaScript thread.
#pragma once

#include <napi.h>

#include <functional>

#include "binding/status.h"

namespace rstore {

/// Runs `work` on a thread of the pool; the promise resolves to its number.
class NumberWorker : public Napi::AsyncWorker {
 public:
  NumberWorker(Napi::Env env, std::function<double()> work)
      : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)) {}
  void Execute() override { result_ = work_(); }
  void OnOK() override { deferred_.Resolve(Napi::Number::New(Env(), result_)); }
  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  Napi::Promise::Deferred deferred_;
  std::function<double()> work_;
  double result_ = 0;
};

inline Napi::Value numberInBackground(Napi::Env env, std::function<double()> work) {
  auto* worker = new NumberWorker(env, std::move(work));
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

/// The promise resolves to the packed status of `work`.
inline Napi::Value inBackground(Napi::Env env, std::function<Status()> work) {
  return numberInBackground(env, [work = std::move(work)] { return pack(work()); });
}

}  // namespace rstore
