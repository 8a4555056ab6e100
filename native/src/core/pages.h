// How many pages something takes: the only place where bytes and units are rounded up to them.
#pragma once

#include <cstdint>

#include "core/generated/layout.h"

namespace rstore {

constexpr uint64_t pagesForBytes(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes; }

/// Of data that ends there; also the number of the first page behind it.
constexpr uint64_t pagesForUnits(uint64_t endUnits) { return pagesForBytes(endUnits * kUnitBytes); }

}  // namespace rstore
