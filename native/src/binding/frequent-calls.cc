// What every read and every transaction calls. A method of a wrapped object costs each time the way
// from the object to the handle, which is a property that only native code sees: longer than the
// shortest of these calls. They name the handle by a number instead, and take and give small
// integers, straight through Node-API.
#include "binding/frequent-calls.h"

#include "binding/environment.h"
#include "binding/handle-object.h"
#include "binding/status.h"

namespace rstore {
namespace {

constexpr size_t kMaximumArguments = 3;

/// The arguments of a call: the number of a handle, and integers.
class Call {
 public:
  Call(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = kMaximumArguments;
    void* environment = nullptr;
    napi_get_cb_info(env, info, &count, arguments_, nullptr, &environment);
    uint32_t number = UINT32_MAX;
    napi_get_value_uint32(env, arguments_[0], &number);
    handle_ = static_cast<Environment*>(environment)->numbered(number);
    if (handle_ == nullptr) throwError(env, "rstore: a handle that is not open was used");
  }

  /// Null, and an exception is pending, when it is not open. TypeScript looks before it calls; this
  /// is for when it errs, and for an environment that is ending (ending.h, E2).
  HandleObject* handle() const { return handle_; }

  int64_t integer(size_t index) const {
    int64_t value = 0;
    napi_get_value_int64(env_, arguments_[index], &value);
    return value;
  }

  napi_value number(double value) const {
    napi_value result = nullptr;
    napi_create_double(env_, value, &result);
    return result;
  }

 private:
  napi_env env_;
  napi_value arguments_[kMaximumArguments] = {};
  HandleObject* handle_ = nullptr;
};

/// refresh(number): the packed status.
napi_value refresh(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle() == nullptr) return nullptr;
  return call.number(pack(call.handle()->refresh(env)));
}

/// unpin(number)
napi_value unpin(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle() != nullptr) call.handle()->unpin();
  return nullptr;
}

/// begin(number, timeoutMs): the packed status, or minus the holder's process id when it is busy.
napi_value begin(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle() == nullptr) return nullptr;
  uint32_t holderPid = 0;
  const Status status = call.handle()->begin(env, call.integer(1), &holderPid);
  const bool busy = status.code == Code::kBusy && holderPid != 0;
  return call.number(busy ? -static_cast<double>(holderPid) : pack(status));
}

/// commit(number, pageCount, sync): the packed status; `sync` is 0 or 1.
napi_value commit(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle() == nullptr) return nullptr;
  const auto pageCount = static_cast<uint32_t>(call.integer(1));
  return call.number(pack(call.handle()->commit(pageCount, call.integer(2) != 0)));
}

}  // namespace

void registerFrequentCalls(Napi::Env env, Napi::Object exports) {
  const auto add = [&](const char* name, napi_callback callback) {
    napi_value function = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, &Environment::of(env), &function);
    exports.Set(name, Napi::Value(env, function));
  };
  add("refresh", refresh);
  add("unpin", unpin);
  add("begin", begin);
  add("commit", commit);
}

}  // namespace rstore
