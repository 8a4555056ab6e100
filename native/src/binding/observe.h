// What the system knows of a file, for JavaScript: core/observe.h.
#pragma once

#include "binding/ending.h"

namespace rstore {

void registerObserve(Napi::Env env, Napi::Object exports);

}  // namespace rstore
