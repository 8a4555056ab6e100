#include "binding/observe.h"

#include <cstring>
#include <string>
#include <vector>

#include "binding/status.h"
#include "core/observe.h"

namespace rstore {
namespace {

Napi::Value arrayOr(Napi::Env env, Status status, const std::vector<uint8_t>& bytes) {
  if (!status.ok()) return packedStatus(env, status);
  auto array = Napi::Uint8Array::New(env, bytes.size());
  if (!bytes.empty() && !array.IsEmpty()) std::memcpy(array.Data(), bytes.data(), bytes.size());
  return array;
}

/// pagesInMemory(path): a byte for each page, or the packed status.
Napi::Value pagesInMemoryOf(const Napi::CallbackInfo& info) {
  std::vector<uint8_t> pages;
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  const Status status = pagesInMemory(path.c_str(), &pages);
  return arrayOr(info.Env(), status, pages);
}

/// heldBytes(path, first, count): a byte for each, or the packed status.
Napi::Value heldBytesOf(const Napi::CallbackInfo& info) {
  std::vector<uint8_t> held;
  bool lossless = false;
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  const uint64_t first = info[1].As<Napi::BigInt>().Uint64Value(&lossless);
  const uint32_t count = info[2].As<Napi::Number>().Uint32Value();
  const Status status = heldBytes(path.c_str(), first, count, &held);
  return arrayOr(info.Env(), status, held);
}

}  // namespace

void registerObserve(Napi::Env env, Napi::Object exports) {
  exports.Set("pagesInMemory", Napi::Function::New<pagesInMemoryOf>(env, "pagesInMemory"));
  exports.Set("heldBytes", Napi::Function::New<heldBytesOf>(env, "heldBytes"));
}

}  // namespace rstore
