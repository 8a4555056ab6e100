#pragma once

#include "binding/ending.h"

namespace rstore {

/// Exports Arena, NumberParser, LineSplitter, readInto, provide.
void registerArena(Napi::Env env, Napi::Object exports);

}  // namespace rstore
