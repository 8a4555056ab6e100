#include "binding/arena.h"
#include "binding/ending.h"
#include "binding/environment.h"
#include "binding/frequent-calls.h"
#include "binding/handle-object.h"
#include "binding/kernel.h"
#include "binding/lock-object.h"
#include "binding/observe.h"
#include "binding/pack-object.h"
#include "binding/pool.h"
#include "binding/status.h"
#include "binding/vector.h"
#include "binding/test-seam.h"
#include "core/fault.h"
#include "core/file-lock.h"
#include "core/io.h"
#include "core/region-file.h"

namespace rstore {

namespace {

/// createRegion(path, capacityBytes, mode, initialPages): the packed status.
Napi::Value createRegion(const Napi::CallbackInfo& info) {
  NewRegion what;
  what.capacityBytes = static_cast<uint64_t>(info[1].As<Napi::Number>().DoubleValue());
  what.mode = info[2].As<Napi::Number>().Uint32Value();
  what.initialPages = reinterpret_cast<const std::byte*>(info[3].As<Napi::Uint8Array>().Data());
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  return packedStatus(info.Env(), createRegionFile(path, what));
}

/// removeNewRegion(path): the packed status.
Napi::Value removeNewRegion(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  return packedStatus(info.Env(), removeNewRegionFile(path));
}

/// networkFileSystem(path): its name, or '' when the path is on a local one or cannot be opened.
Napi::Value networkFileSystem(const Napi::CallbackInfo& info) {
  int fd = -1;
  bool network = false;
  const char* name = "";
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  if (openFile(path.c_str(), 0, 0, &fd).ok()) {
    (void)isNetworkFileSystem(fd, &network, &name);
    closeFile(fd);
  }
  return Napi::String::New(info.Env(), network ? name : "");
}

/// bufferOver(window, offset, bytes): a buffer of its own over part of a window. JavaScript
/// detaches it when its lease ends.
Napi::Value bufferOver(const Napi::CallbackInfo& info) {
  auto* base = reinterpret_cast<std::byte*>(info[0].As<Napi::Uint8Array>().Data());
  const auto offset = static_cast<size_t>(info[1].As<Napi::Number>().DoubleValue());
  const auto bytes = static_cast<size_t>(info[2].As<Napi::Number>().DoubleValue());
  fillPending(base + offset, bytes);
  return Napi::ArrayBuffer::New(info.Env(), base + offset, bytes, [](Napi::Env, void*) {});
}

/// detach(buffers): what was made by bufferOver; its arrays are empty from now on.
void detach(const Napi::CallbackInfo& info) {
  const auto buffers = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < buffers.Length(); i++) {
    buffers.Get(i).As<Napi::ArrayBuffer>().Detach();
  }
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment(env));
  (void)installFaultHandler();
  HandleObject::registerClass(env, exports);
  registerFrequentCalls(env, exports);
  registerLock(env, exports);
  registerObserve(env, exports);
  registerPack(env, exports);
  registerVector(env, exports);
  registerArena(env, exports);
  registerPool(env, exports);
  registerKernel(env, exports);
  auto names = Napi::Array::New(env);
  for (const char* name : kCodeNames) names.Set(names.Length(), name);
  exports.Set("statusNames", names);
  exports.Set("bufferOver", Napi::Function::New<bufferOver>(env));
  exports.Set("detach", Napi::Function::New<detach>(env));
  exports.Set("createRegion", Napi::Function::New<createRegion>(env));
  exports.Set("removeNewRegion", Napi::Function::New<removeNewRegion>(env));
  exports.Set("networkFileSystem", Napi::Function::New<networkFileSystem>(env));
#ifdef RSTORE_TEST_SEAM
  exportTestSeam(env, exports);
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(rstore, initialize)

}  // namespace rstore
