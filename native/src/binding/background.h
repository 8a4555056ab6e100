// Work that waits for disks, off the JavaScript thread.
#pragma once

#include <functional>

#include "binding/status.h"

namespace rstore {

/// Runs `work` on a thread of the pool and resolves a promise to its number.
class NumberWorker : public Napi::AsyncWorker {
 public:
  NumberWorker(Napi::Env env, napi_deferred deferred, std::function<double()> work)
      : Napi::AsyncWorker(env), deferred_(deferred), work_(std::move(work)) {}
  void Execute() override { result_ = work_(); }
  /// The promise stays as it is where no JavaScript can run any more (ending.h, E4).
  void OnOK() override {
    (void)napi_resolve_deferred(Env(), deferred_, Napi::Number::New(Env(), result_));
  }

 private:
  napi_deferred deferred_;
  std::function<double()> work_;
  double result_ = 0;
};

/// A promise; empty, and nothing was begun, when there can be none (ending.h, E4).
inline Napi::Value numberInBackground(Napi::Env env, std::function<double()> work) {
  napi_deferred deferred = nullptr;
  napi_value promise = nullptr;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) {
    failedCall(env);
    return {};
  }
  (new NumberWorker(env, deferred, std::move(work)))->Queue();
  return {env, promise};
}

/// The promise resolves to the packed status of `work`.
inline Napi::Value inBackground(Napi::Env env, std::function<Status()> work) {
  return numberInBackground(env, [work = std::move(work)] { return pack(work()); });
}

}  // namespace rstore
