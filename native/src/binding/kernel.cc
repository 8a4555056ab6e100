#include "binding/kernel.h"

#include "binding/environment.h"
#include "core/kernel/lookup.h"

namespace rstore {
namespace {

WindowList windowsOf(const Napi::Value& value) {
  const auto arrays = value.As<Napi::Array>();
  WindowList windows;
  for (uint32_t i = 0; i < arrays.Length() && i < kMaximumWindows; i++) {
    const auto array = arrays.Get(i).As<Napi::Uint8Array>();
    windows.base[i] = reinterpret_cast<const std::byte*>(array.Data());
    windows.bytes[i] = array.ByteLength();
  }
  return windows;
}

void* dataOf(const Napi::Value& value) {
  const auto array = value.As<Napi::TypedArray>();
  return static_cast<std::byte*>(array.ArrayBuffer().Data()) + array.ByteOffset();
}

Found* foundOf(const Napi::Value& value) {
  return reinterpret_cast<Found*>(value.As<Napi::Uint8Array>().Data());
}

/// lookUp(windows, root, keyForm, keys, valueBytes, values, found, cells): the number found.
Napi::Value lookUpAll(const Napi::CallbackInfo& info) {
  const WindowList windows = windowsOf(info[0]);
  if (Environment::of(info.Env()).hasEnded()) return {};
  const uint32_t root = info[1].As<Napi::Number>().Uint32Value();
  const auto form = static_cast<KeyForm>(info[2].As<Napi::Number>().Uint32Value());
  const auto count = static_cast<uint32_t>(info[3].As<Napi::TypedArray>().ElementLength());
  const uint32_t valueBytes = info[4].As<Napi::Number>().Uint32Value();
  const uint32_t hits = lookUp(windows, root, form, dataOf(info[3]), count, valueBytes,
                               info[7].As<Napi::Boolean>(), dataOf(info[5]), foundOf(info[6]));
  return Napi::Number::New(info.Env(), hits);
}

/// readFields(windows, refs, typeId, offset, kind, column, found): the number not read.
Napi::Value readAllFields(const Napi::CallbackInfo& info) {
  const WindowList windows = windowsOf(info[0]);
  if (Environment::of(info.Env()).hasEnded()) return {};
  const auto refs = info[1].As<Napi::Uint32Array>();
  const uint32_t unread =
      readFields(windows, refs.Data(), static_cast<uint32_t>(refs.ElementLength()),
                 info[2].As<Napi::Number>().Uint32Value(), info[3].As<Napi::Number>().Uint32Value(),
                 static_cast<FieldKind>(info[4].As<Napi::Number>().Uint32Value()), dataOf(info[5]),
                 foundOf(info[6]));
  return Napi::Number::New(info.Env(), unread);
}

}  // namespace

void registerKernel(Napi::Env env, Napi::Object exports) {
  exports.Set("lookUp", Napi::Function::New<lookUpAll>(env, "lookUp"));
  exports.Set("readFields", Napi::Function::New<readAllFields>(env, "readFields"));
}

}  // namespace rstore
