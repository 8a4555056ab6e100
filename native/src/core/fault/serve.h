// What is done for an access that faulted, by the kind of its range.
#pragma once

#include "core/fault.h"

namespace rstore {

/// True when the access can be repeated. For the handler.
bool serveFault(FaultRange* range, uintptr_t address, int signal, int code);

/// How many times a file was made longer.
uint64_t filesGrown();

}  // namespace rstore
