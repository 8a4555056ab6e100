// What the system knows of a file that somebody else uses. Nothing here writes, locks, or brings a
// page into memory.
#pragma once

#include <cstdint>
#include <vector>

#include "core/status.h"

namespace rstore {

/// For each page of 4 KiB of the file: 1 when it is in the page cache, 0 when it would have to be
/// read. A moment later it may be otherwise. kUnsupported when the system does not tell: to those
/// who neither own the file nor may write it, Linux says that everything is there.
Status pagesInMemory(const char* path, std::vector<uint8_t>* pages);

/// For each byte from `first` on: 1 when some open file description holds a lock on it.
Status heldBytes(const char* path, uint64_t first, uint32_t count, std::vector<uint8_t>* held);

}  // namespace rstore
