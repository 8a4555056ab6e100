#include "binding/ending.h"

#include "binding/environment.h"

namespace rstore {

namespace {

/// Whether a call was refused because the environment is ending, by the status it left: an
/// exception is said to be pending, and none is.
bool wasRefused(napi_env env) {
  const napi_extended_error_info* last = nullptr;
  if (napi_get_last_error_info(env, &last) != napi_ok) return false;
  if (last->error_code == napi_cannot_run_js) return true;
  if (last->error_code != napi_pending_exception) return false;
  bool pending = false;
  return napi_is_exception_pending(env, &pending) == napi_ok && !pending;
}

/// Behind a call that should have thrown: if it could not, that was silent.
void endUnlessThrown(napi_env env) {
  bool pending = false;
  (void)napi_is_exception_pending(env, &pending);
  if (!pending) Environment::end(env);
}

}  // namespace

void failedCall(napi_env env) {
  if (env == nullptr) return;
  if (wasRefused(env)) {
    Environment::end(env);
    return;
  }
  Napi::Error::New(env).ThrowAsJavaScriptException();
  endUnlessThrown(env);
}

void throwError(napi_env env, const char* message) {
  (void)napi_throw_error(env, nullptr, message);
  endUnlessThrown(env);
}

}  // namespace rstore
