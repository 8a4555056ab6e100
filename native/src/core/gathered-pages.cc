#include "core/gathered-pages.h"

#include <string.h>

#include <algorithm>

namespace rstore {

std::vector<const GatheredPages::Page*> GatheredPages::inOrder() const {
  std::vector<const Page*> order;
  order.reserve(pages_.size());
  for (const Page& page : pages_) order.push_back(&page);
  std::sort(order.begin(), order.end(),
            [](const Page* a, const Page* b) { return a->number < b->number; });
  return order;
}

void GatheredPages::patch(const Page& page, std::byte* to) const {
  for (uint64_t mask = page.mask; mask != 0; mask &= mask - 1) {
    const uint32_t line = std::countr_zero(mask);
    memcpy(to + line * kLineBytes, lines_[page.lines[line]].bytes, kLineBytes);
  }
}

void GatheredPages::clear() {
  std::fill(slots_.begin(), slots_.end(), kNone);
  pages_.clear();
  lines_.clear();
}

void GatheredPages::enlarge() {
  slots_.assign(std::max(kFirstSlots, slots_.size() * 2), kNone);
  for (uint32_t index = 0; index < pages_.size(); index++)
    slots_[slotOf(pages_[index].number)] = index;
}

}  // namespace rstore
