#pragma once

#include "binding/ending.h"

namespace rstore {

/// Exports refresh, unpin, begin, commit.
void registerFrequentCalls(Napi::Env env, Napi::Object exports);

}  // namespace rstore
