// Pages: how many something takes (the only place where bytes and units are rounded up to pages and
// lines), their checksums, and which of their lines are neighbours.
#pragma once

#include <bit>
#include <cstdint>

#include "core/crc32c.h"
#include "core/generated/layout.h"

namespace rstore {

inline constexpr uint64_t kPageUnits = kPageBytes / kUnitBytes;
inline constexpr uint64_t kPageLines = kPageBytes / kLineBytes;

constexpr uint64_t pagesForBytes(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes; }

/// Of data that ends there; also the number of the first page behind it.
constexpr uint64_t pagesForUnits(uint64_t endUnits) { return pagesForBytes(endUnits * kUnitBytes); }

/// The same in lines.
constexpr uint64_t linesForUnits(uint64_t endUnits) {
  return (endUnits * kUnitBytes + kLineBytes - 1) / kLineBytes;
}

/// The stored checksum of a page: never 0, which stands for a page that was never written.
inline uint32_t checksumOfPage(const void* page) {
  const uint32_t checksum = crc32c(0, page, kPageBytes);
  return checksum == 0 ? 1 : checksum;
}

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
