#include "binding/test-seam.h"

#ifdef RSTORE_TEST_SEAM

#include "core/seam/test-io.h"

namespace rstore {
namespace {

void start(const Napi::CallbackInfo& info) {
  TestPlan plan;
  const std::string text = info[0].ToString().Utf8Value();
  if (!parseTestPlan(text.c_str(), &plan).ok()) {
    throwError(info.Env(), ("\"" + text + "\" is not a plan (see test-plan.h)").c_str());
    return;
  }
  startTestIo(plan);
}

void stop(const Napi::CallbackInfo&) { stopTestIo(); }

Napi::Value state(const Napi::CallbackInfo& info) {
  const TestIoState now = testIoState();
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("changes", static_cast<double>(now.changes));
  out.Set("reads", static_cast<double>(now.reads));
  out.Set("syncs", static_cast<double>(now.syncs));
  out.Set("slowSyncs", static_cast<double>(now.slowSyncs));
  out.Set("reached", now.reached);
  out.Set("frozen", now.frozen);
  out.Set("unsyncedSectors", static_cast<double>(now.unsyncedSectors));
  return out;
}

}  // namespace

void exportTestSeam(Napi::Env env, Napi::Object exports) {
  Napi::Object seam = Napi::Object::New(env);
  seam.Set("start", Napi::Function::New<start>(env));
  seam.Set("stop", Napi::Function::New<stop>(env));
  seam.Set("state", Napi::Function::New<state>(env));
  exports.Set("testIo", seam);
}

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
