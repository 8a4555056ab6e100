// Where a thread continues that ran into the guard pages of its builder.
#pragma once

#include "core/fault.h"

namespace rstore {

/// The landing of this thread that the address belongs to, disarmed; with it those inside of it.
/// nullptr when there is none. For the handler.
GuardLanding* takeLanding(uintptr_t address);

}  // namespace rstore
