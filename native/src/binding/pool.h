// Memory of a pool of blocks, for JavaScript: lib/pool/memory.ts.
#pragma once

#include "binding/ending.h"

namespace rstore {

void registerPool(Napi::Env env, Napi::Object exports);

}  // namespace rstore
