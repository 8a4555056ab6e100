// Shared vectors as JavaScript sees them: the class `Vector` and `createVector`.
#pragma once

#include "binding/ending.h"

namespace rstore {

void registerVector(Napi::Env env, Napi::Object exports);

}  // namespace rstore
