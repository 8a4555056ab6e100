// Memory that the handler puts where the file has nothing to give (F5), and the bits that say so.
// Under the range's lock.
#pragma once

#include "core/fault.h"

namespace rstore {

/// Number of the system page at an offset of a range.
uint32_t pageOf(uint64_t offset);
/// What a patch has of some pages.
struct PatchPart {
  uint32_t firstPage = 0;
  uint32_t pageCount = 0;  // 0: nothing
  bool isAcross = false;   // several have, or the list is full: nothing was cut
};
/// Takes pages off the one patch that has some of them; what it has before them stays another one.
PatchPart cutPatch(FaultRange* range, uint32_t page, uint32_t count);

std::byte* addressOfPage(const FaultRange* range, uint32_t page);

/// Sets a bit of FAULT_… in the control block, where there is one, and what it is about.
void raiseFault(FaultRange* range, uint64_t offset, uint32_t bit, int error);

bool isPatched(const FaultRange* range, uint32_t page);
/// Pages from `page` on that no patch has, at most `wanted` and never past the range.
uint32_t freePages(const FaultRange* range, uint32_t page, uint32_t wanted);
/// False when the list is full.
bool listPatch(FaultRange* range, uint32_t page, uint32_t count);
/// Raises the bit and puts a page of zeros there. False when nothing can be done for the access.
bool patchOnePage(FaultRange* range, uint64_t offset, uint32_t bit, int error);
/// The same for bumping past the end, a piece at a time.
bool patchAhead(FaultRange* range, uint64_t offset, uint32_t bit, int error);
/// True to repeat an access although nothing was changed for it; not for ever.
bool mayRepeat(FaultRange* range, uint32_t page);

}  // namespace rstore
