// The newest content of the lines of many pages, gathered before it is written.
//
// Pages are found by open addressing in a table that is never more than half full, so that a search
// looks at one or two neighbouring entries; what is known of them lies in one piece of memory and
// is used again from one flush to the next: no allocation for a page or a line.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/generated/layout.h"

namespace rstore {

class GatheredPages {
 public:
  static constexpr uint32_t kLinesInPage = kPageBytes / kLineBytes;

  struct Page {
    uint32_t number;
    uint64_t mask = 0;
    std::array<uint32_t, kLinesInPage> lines;  // where those in `mask` are
  };

  size_t pageCount() const { return pages_.size(); }
  size_t lineCount() const { return lines_.size(); }

  /// An index for lineFor, good until the next clear().
  uint32_t indexOf(uint32_t number) {
    if (pages_.size() * 2 >= slots_.size()) enlarge();
    uint32_t& slot = slots_[slotOf(number)];
    if (slot == kNone) {
      slot = static_cast<uint32_t>(pages_.size());
      pages_.push_back({.number = number, .lines = {}});
    }
    return slot;
  }

  /// Where the content of a line belongs. Good until the next call.
  std::byte* lineFor(uint32_t index, uint32_t line) {
    Page& page = pages_[index];
    const uint64_t bit = uint64_t{1} << line;
    if ((page.mask & bit) == 0) {
      page.lines[line] = static_cast<uint32_t>(lines_.size());
      page.mask |= bit;
      lines_.emplace_back();
    }
    return lines_[page.lines[line]].bytes;
  }

  /// The pages in the order of their numbers.
  std::vector<const Page*> inOrder() const;
  /// Copies the lines of a page to their places in it.
  void patch(const Page& page, std::byte* to) const;
  void clear();

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kFirstSlots = 1024;

  struct Line {
    alignas(kLineBytes) std::byte bytes[kLineBytes];
  };

  /// The slot of a page, or the free one where it belongs.
  size_t slotOf(uint32_t number) const {
    const int shift = 32 - std::countr_zero(slots_.size());
    size_t slot = (number * 0x9e3779b1u) >> shift;  // Knuth's multiplicative hash
    while (slots_[slot] != kNone && pages_[slots_[slot]].number != number)
      slot = (slot + 1) & (slots_.size() - 1);
    return slot;
  }
  void enlarge();

  std::vector<uint32_t> slots_;
  std::vector<Page> pages_;
  std::vector<Line> lines_;
};

}  // namespace rstore
