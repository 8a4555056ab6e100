// Gives pages of a live region's file that hold nothing but zeros back to the file system.
//
// B1. Pages before the committed end of the file are written by checkpoints and by the repair of a
//     log, both under the checkpoint lock; what is behind it, by the holder of the write lock. The
//     committed end only moves on. So under the one lock the first, and under both all of them stay
//     what they are.
// B2. A page that is read as zeros under such a lock is one of zeros when it is punched, and
//     afterwards. So neither what the file holds changes, nor a checksum, whether the page is free
//     or not, and whatever comes first to the disk: a crash at any point leaves the same bytes.
//     Views see the same: a page that they share with the file is mapped anew when it is next
//     touched, and one that is private to them is not taken away (the kernel leaves copies alone).
// B3. What can be wrong is only that blocks are missing later: a page that was punched is written
//     by a checkpoint, or as a tail, and the disk is full. Both are told so as of any write, and
//     what was committed stays in the log until there is room.
// B4. The length of the file stays: views map all of it. The last handle may cut it: handle.h, H9.
#pragma once

#include <cstdint>
#include <vector>

#include "core/handle.h"
#include "core/status.h"

namespace rstore {

/// Pages of the file, one behind the other.
struct PageRun {
  uint32_t first = 0;
  uint32_t count = 0;
};

/// Those of the pages that hold zeros; they lie before the end that the handle's view shows. Any
/// thread. kUnsupported where the file system cannot.
Status punchZeroPages(Handle& handle, const std::vector<PageRun>& runs);

/// The same of what the file has behind the committed end, inside a transaction that has not grown
/// it. kUnsupported also where there is nothing to punch: nothing has changed then.
Status punchTail(Handle& handle);

}  // namespace rstore
