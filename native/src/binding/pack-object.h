// Packing and loading packed regions, as JavaScript sees them. Results are packed statuses, as in
// handle-object.h.
#pragma once

#include "binding/ending.h"

namespace rstore {

void registerPack(Napi::Env env, Napi::Object exports);

}  // namespace rstore
