// How many pages something takes: the only place where bytes and units are rounded up to them.
// And which lines of a page are neighbours.
#pragma once

#include <bit>
#include <cstdint>

#include "core/generated/layout.h"

namespace rstore {

constexpr uint64_t pagesForBytes(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes; }

/// Of data that ends there; also the number of the first page behind it.
constexpr uint64_t pagesForUnits(uint64_t endUnits) { return pagesForBytes(endUnits * kUnitBytes); }

/// Lines of a page that are neighbours: in a record, too.
struct LineRun {
  uint64_t line, count;
};

/// Takes the first run out of a mask that is not 0.
constexpr LineRun takeRun(uint64_t* mask) {
  const int line = std::countr_zero(*mask);
  const int count = std::countr_one(*mask >> line);
  const uint64_t taken = count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
  *mask &= ~(taken << line);
  return {static_cast<uint64_t>(line), static_cast<uint64_t>(count)};
}

}  // namespace rstore
