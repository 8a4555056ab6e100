// The memory that a transaction's tail is in until it is in the file: fault.h, F8.
//
// A large transaction writes its tail ahead of the commit (tail.cc), a stretch at a time, and is
// shown the file there. Memory that becomes free with that is cleared and used for what the file
// grows by next. What comes from the kernel has to be found and cleared first: on a virtual machine
// that costs more than all else that is done for a page.
//
//  M1. The units lie in a reservation of their own while they wait; a bit of `ready` says which are
//      there, all zero. Only under the range's lock, which the handler has when it takes one.
//  M2. Memory is moved, not copied, and zeros are left where it was (moveMemory): no address is
//      without a mapping for a moment, in which another thread could get it.
#pragma once

#include <cstdint>

#include "core/fault.h"
#include "core/status.h"

namespace rstore {

/// F8. Memory for what the file has just been made longer by, from `length` on. Under the range's
/// lock.
void bufferTail(FaultRange* range, uint64_t length);

/// Shows the file in [offset, offset + bytes) of a kView range, where its content now is what was
/// here; the memory waits to be used again. Where this fails, what was here may be lost.
Status showFile(FaultRange* range, uint64_t offset, uint64_t bytes);

/// What waits goes back to the system.
void dropTailMemory(FaultRange* range);
/// And its addresses, too, where the range is registered no more.
void releaseTailMemory(FaultRange* range);

}  // namespace rstore
