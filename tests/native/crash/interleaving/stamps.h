// Regions whose commits can be told apart: each stamps lines of many pages with its number.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>

#include "../store.h"
#include "check.h"
#include "core/atomic-word.h"

namespace interleaving {

using namespace store;

inline int regionCount = 0;

inline std::string newRegion() {
  const std::string path = check::pathOf(("r" + std::to_string(regionCount++)).c_str());
  if (!createRegion(path).ok()) std::abort();
  return path;
}

inline constexpr uint64_t kFirstLine = uint64_t{kFirstDataPage} * kLinesOfPage;
inline constexpr uint32_t kStampCount = 12;

/// The lines that each commit stamps with its number lie in pages of their own.
inline uint64_t stampLine(uint32_t index) { return kFirstLine + index * kLinesOfPage + index * 5; }

inline Line stampOf(uint64_t number) {
  Line line;
  for (size_t at = 0; at < kLineBytes; at += 8) memcpy(line.data() + at, &number, 8);
  return line;
}

/// Commits number N: every stamp says N, and `extraPages` more pages are written over.
inline Status stamp(Region& region, uint64_t number, bool sync = false, uint32_t extraPages = 0) {
  if (const Status begun = region.begin(); !begun.ok()) return begun;
  const uint64_t least = (kFirstLine + std::max(40u, 14 + extraPages) * kLinesOfPage) * 8;
  region.endUnits = std::max(region.endUnits, least);
  if (const Status grown = region.handle.grow(region.endUnits); !grown.ok()) return grown;
  for (uint32_t i = 0; i < kStampCount; i++) region.write(stampLine(i), stampOf(number));
  for (uint64_t i = 0; i < extraPages * uint64_t{kLinesOfPage}; i++) {
    region.write(kFirstLine + 14 * kLinesOfPage + i, stampOf(number));
  }
  const Status committed = region.commit(sync);
  if (!committed.ok()) region.rollback();
  return committed;
}

/// The number that all stamps agree on, or UINT64_MAX when they do not.
inline uint64_t stampShown(const Region& region) {
  uint64_t first = 0;
  for (uint32_t i = 0; i < kStampCount; i++) {
    for (size_t at = 0; at < kLineBytes; at += 8) {
      uint64_t word;
      memcpy(&word, region.base() + stampLine(i) * kLineBytes + at, 8);
      if (i == 0 && at == 0) first = word;
      if (word != first) return UINT64_MAX;
    }
  }
  return first;
}

inline uint64_t& wordOf(uint64_t& word) { return word; }
inline SharedWords& words(Region& region) { return region.handle.lock().words(); }
inline uint64_t slotEpoch(Region& region) {
  return atomicWord(wordOf(words(region).slotEpoch)).load();
}

/// Commits go on until the log would have to wrap several times.
inline void fillLog(Region& region, uint64_t* number) {
  for (int i = 0; i < 40; i++) CHECK(stamp(region, ++*number, false, 16).ok());
  region.handle.unpin();
}

}  // namespace interleaving
