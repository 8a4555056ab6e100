#include "core/page-changes.h"

#include <algorithm>
#include <array>

namespace rstore {

namespace {

constexpr uint32_t kDigitBits = 11;
constexpr uint32_t kDigitCount = 1 << kDigitBits;

uint32_t digitOf(uint32_t page, uint32_t shift) { return page >> shift & (kDigitCount - 1); }

}  // namespace

std::span<const PageChange> PageChanges::sort() {
  uint32_t highest = 0;
  for (const PageChange& change : changes_) highest = std::max(highest, change.page);
  other_.resize(changes_.size());
  for (uint32_t shift = 0; shift < 32 && highest >> shift != 0; shift += kDigitBits) {
    std::array<uint32_t, kDigitCount> next{};
    for (const PageChange& change : changes_) next[digitOf(change.page, shift)]++;
    uint32_t before = 0;
    for (uint32_t& place : next) {
      const uint32_t count = place;
      place = before;
      before += count;
    }
    for (const PageChange& change : changes_) other_[next[digitOf(change.page, shift)]++] = change;
    changes_.swap(other_);
  }
  return changes_;
}

}  // namespace rstore
