#pragma once

#include "binding/ending.h"

namespace rstore {

/// Exports lookUp, readFields.
void registerKernel(Napi::Env env, Napi::Object exports);

}  // namespace rstore
