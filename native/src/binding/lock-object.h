// Locks on single bytes of a file, for JavaScript: core/file-lock.h.
#pragma once

#include "binding/ending.h"

namespace rstore {

void registerLock(Napi::Env env, Napi::Object exports);

}  // namespace rstore
