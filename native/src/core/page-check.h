// Compares the pages of a live region's file with their checksums, while others read and write.
//
// K1. Only pages before the durable slot's end are looked at: what is behind it may be a tail whose
//     checksums are still in the log.
// K2. A piece is compared under the checkpoint lock, so that pages and checksums do not change. A
//     checkpoint that was killed may have left pages without their checksums; the next one writes
//     both again. So a page counts as damaged only when it differs after a checkpoint, too.
//     Where none can be made (the disk is full), its failure is the answer, unless K4 says that
//     there was nothing to write.
// K3. A piece without any checksum that is a hole in the file is not read: it is right.
// K4. A checkpoint that wrote anything and did not end leaves its target above the slot's epoch,
//     until another one ends: then, and only then, may sound pages differ.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "core/handle.h"
#include "core/status.h"

namespace rstore {

struct PageCheck {
  std::vector<uint32_t> damaged;  // the first 1,000 of them
  // For other threads; the pages of suspects are looked at twice, and counted once.
  std::atomic<uint64_t> donePages{0};
  std::atomic<uint64_t> totalPages{0};
  std::atomic<bool> cancelled{false};  // by one of them
};

/// Any thread.
Status checkPages(Handle& handle, PageCheck* check);

}  // namespace rstore
