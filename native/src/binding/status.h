// A status as JavaScript gets it: code + errno * 256; 0 is success.
#pragma once

#include "binding/ending.h"
#include "core/status.h"

namespace rstore {

inline double pack(Status status) {
  return static_cast<double>(static_cast<uint32_t>(status.code)) +
         256.0 * static_cast<double>(static_cast<uint32_t>(status.error));
}

inline Napi::Value packedStatus(Napi::Env env, Status status) {
  return Napi::Number::New(env, pack(status));
}

}  // namespace rstore
