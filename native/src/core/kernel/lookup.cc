#include "core/kernel/lookup.h"

#include <algorithm>
#include <cstring>

#include "core/generated/layout.h"

namespace rstore {
namespace {

constexpr uint32_t kGroup = 16;
/// Records whose fields are on their way from memory.
constexpr uint32_t kAhead = 32;
constexpr uintptr_t kCacheLineBytes = 64;
constexpr uint32_t kEntriesWord = sizeof(NodeHeader) / 4;
constexpr uint32_t kPageWords = kPageBytes / 4;

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline void prefetch(const std::byte* at) { __builtin_prefetch(at, 0, 3); }

inline uintptr_t lineOf(const std::byte* at) {
  return reinterpret_cast<uintptr_t>(at) / kCacheLineBytes;
}

/// Entries that fit into a node, and the word where its second array begins: as shapeOf in
/// lib/tree/fixed.ts.
struct Shape {
  uint32_t capacity;
  uint32_t valuesWord;
};

Shape shapeOf(uint32_t nodeWords, uint32_t keyWords, uint32_t valueWords) {
  uint32_t capacity = (nodeWords - kEntriesWord) / (keyWords + valueWords);
  for (;; capacity--) {
    const uint32_t keysEnd = kEntriesWord + capacity * keyWords;
    const uint32_t valuesWord = valueWords == 2 ? keysEnd + (keysEnd & 1) : keysEnd;
    if (valuesWord + capacity * valueWords <= nodeWords) return {capacity, valuesWord};
  }
}

/// A node that a lookup has come to, checked.
struct Node {
  const std::byte* at = nullptr;
  uint32_t count = 0;
  uint32_t level = 0;
  uint32_t words = 0;
};

template <typename Key>
class LookUp {
 public:
  LookUp(const WindowList& windows, uint32_t valueBytes, bool cells)
      : windows_(windows),
        valueBytes_(valueBytes),
        cells_(cells),
        inner_(shapeOf(kPageWords, kKeyWords, 1)) {}

  uint32_t run(uint32_t root, const Key* keys, uint32_t count, std::byte* values, Found* found) {
    uint32_t hits = 0;
    Node top;
    if (!enterTop(root, &top)) {
      std::fill(found, found + count, Found::kDamaged);
      return 0;
    }
    for (uint32_t from = 0; from < count; from += kGroup) {
      const uint32_t size = std::min(kGroup, count - from);
      hits += group(top, keys + from, size, values + static_cast<size_t>(from) * valueBytes_,
                    found + from);
    }
    return hits;
  }

 private:
  static constexpr uint32_t kKeyBytes = sizeof(Key);
  static constexpr uint32_t kKeyWords = kKeyBytes / 4;

  /// Q2.
  bool enter(uint32_t ref, uint32_t level, Node* node) const {
    const std::byte* at = windows_.at(ref, sizeof(NodeHeader));
    if (at == nullptr) return false;
    const auto header = load<NodeHeader>(at);
    const uint32_t words = (header.sizeAndFlags & kCellSizeMask) * 2;
    const bool inner = header.level > 0;
    if (header.kind != (inner ? kNodeInnerFixed : kNodeLeafFixed) || header.level != level)
      return false;
    if (words < kEntriesWord || words > kPageWords || windows_.at(ref, words * 4) == nullptr)
      return false;
    const Shape shape = inner ? inner_ : shapeOf(words, kKeyWords, valueBytes_ / 4);
    if (header.count > shape.capacity || (inner && words != kPageWords)) return false;
    *node = {at, header.count, level, words};
    return true;
  }

  bool enterTop(uint32_t root, Node* top) const {
    const std::byte* at = windows_.at(root, sizeof(NodeHeader));
    if (at == nullptr) return false;
    auto header = load<NodeHeader>(at);
    if (header.kind == kNodeAnchor) {
      root = header.firstChild;
      at = windows_.at(root, sizeof(NodeHeader));
      if (at == nullptr) return false;
      header = load<NodeHeader>(at);
    }
    return enter(root, header.level, top);
  }

  static Key keyAt(const Node& node, uint32_t index) {
    return load<Key>(node.at + sizeof(NodeHeader) + static_cast<size_t>(index) * kKeyBytes);
  }

  /// Where a key between two separators ought to be, if keys were spread evenly.
  static uint32_t guess(uint32_t count, double low, double high, double key) {
    const double share = (key - low) / (high - low);
    return share > 0 && share < 1    ? static_cast<uint32_t>(share * count)
           : share >= 1 && count > 0 ? count - 1
                                     : 0;
  }

  /// The number of keys in a node that are below `key` (or, with `orEqual`, not above it), searched
  /// for around a guess.
  template <bool orEqual>
  static uint32_t rank(const Node& node, Key key, uint32_t from) {
    const auto before = [&](uint32_t index) {
      return orEqual ? keyAt(node, index) <= key : keyAt(node, index) < key;
    };
    uint32_t low = 0;
    uint32_t high = node.count;
    uint32_t step = 4;
    if (from < high && before(from)) {
      low = from + 1;
      for (uint32_t at = low + step; at < high; at += step *= 2) {
        if (!before(at)) {
          high = at;
          break;
        }
        low = at + 1;
      }
    } else if (from < high) {
      high = from;
      while (high > step && !before(high - step)) {
        high -= step;
        step *= 2;
      }
      if (high > step) low = high - step + 1;
    }
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      if (before(middle))
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  uint32_t group(const Node& top, const Key* keys, uint32_t size, std::byte* values, Found* found) {
    Node nodes[kGroup];
    uint32_t refs[kGroup];
    uint32_t guesses[kGroup];
    double lows[kGroup];
    double highs[kGroup];
    for (uint32_t i = 0; i < size; i++) {
      nodes[i] = top;
      found[i] = Found::kMissing;
      lows[i] = top.count > 0 ? static_cast<double>(keyAt(top, 0)) : 0;
      highs[i] = top.count > 0 ? static_cast<double>(keyAt(top, top.count - 1)) : 0;
      guesses[i] = guess(top.count, lows[i], highs[i], static_cast<double>(keys[i]));
    }
    for (uint32_t level = top.level; level > 0; level--) {
      for (uint32_t i = 0; i < size; i++) {
        if (found[i] == Found::kDamaged) continue;
        const Node& node = nodes[i];
        const uint32_t slot = rank<true>(node, keys[i], guesses[i]);
        if (slot > 0) lows[i] = static_cast<double>(keyAt(node, slot - 1));
        if (slot < node.count) highs[i] = static_cast<double>(keyAt(node, slot));
        refs[i] = slot == 0 ? load<NodeHeader>(node.at).firstChild
                            : load<uint32_t>(node.at + (inner_.valuesWord + slot - 1) * 4);
        if (const std::byte* at = windows_.at(refs[i], kPageBytes))
          prefetch(at);
        else
          found[i] = Found::kDamaged;
      }
      for (uint32_t i = 0; i < size; i++) {
        if (found[i] == Found::kDamaged) continue;
        if (!enter(refs[i], level - 1, &nodes[i])) {
          found[i] = Found::kDamaged;
          continue;
        }
        guesses[i] = guess(nodes[i].count, lows[i], highs[i], static_cast<double>(keys[i]));
        prefetch(nodes[i].at + sizeof(NodeHeader) + static_cast<size_t>(guesses[i]) * kKeyBytes);
      }
    }
    return takeValues(nodes, guesses, keys, size, values, found);
  }

  uint32_t takeValues(const Node* nodes, const uint32_t* guesses, const Key* keys, uint32_t size,
                      std::byte* values, Found* found) {
    const std::byte* at[kGroup];
    uint32_t hits = 0;
    for (uint32_t i = 0; i < size; i++) {
      if (found[i] == Found::kDamaged) continue;
      const Node& node = nodes[i];
      const uint32_t index = rank<false>(node, keys[i], guesses[i]);
      if (index == node.count || keyAt(node, index) != keys[i]) continue;
      found[i] = Found::kFound;
      hits++;
      const Shape shape = shapeOf(node.words, kKeyWords, valueBytes_ / 4);
      at[i] = node.at + shape.valuesWord * 4 + static_cast<size_t>(index) * valueBytes_;
      prefetch(at[i]);
    }
    for (uint32_t i = 0; i < size; i++) {
      if (found[i] != Found::kFound) continue;
      std::memcpy(values + static_cast<size_t>(i) * valueBytes_, at[i], valueBytes_);
      if (!cells_) continue;
      if (const std::byte* cell = windows_.at(load<uint32_t>(at[i]), 8)) prefetch(cell);
    }
    return hits;
  }

  const WindowList& windows_;
  const uint32_t valueBytes_;
  const bool cells_;
  const Shape inner_;
};

template <typename Key>
uint32_t lookUpKeys(const WindowList& windows, uint32_t root, const void* keys, uint32_t count,
                    uint32_t valueBytes, bool cells, void* values, Found* found) {
  return LookUp<Key>(windows, valueBytes, cells)
      .run(root, static_cast<const Key*>(keys), count, static_cast<std::byte*>(values), found);
}

/// A field of each record, as elements of the column; the number of those that were not read.
/// Always kAhead records behind the one that is read are on their way from memory.
template <typename Stored, typename Element>
uint32_t readColumn(const WindowList& windows, const uint32_t* refs, uint32_t count,
                    uint32_t typeId, uint32_t offset, Element* column, Found* found) {
  const auto ask = [&](uint32_t i) {
    const std::byte* at = windows.at(refs[i], offset + sizeof(Stored));
    if (at == nullptr) return;
    prefetch(at);
    if (lineOf(at + offset) != lineOf(at)) prefetch(at + offset);
  };
  uint32_t unread = 0;
  for (uint32_t i = 0; i < std::min(kAhead, count); i++) ask(i);
  for (uint32_t i = 0; i < count; i++) {
    if (i + kAhead < count) ask(i + kAhead);
    const bool wanted = found[i] == Found::kFound;
    const std::byte* at = wanted ? windows.at(refs[i], offset + sizeof(Stored)) : nullptr;
    if (at != nullptr && load<CellHeader>(at).typeId == typeId) {
      // A field of type i8 keeps its sign. NOLINTNEXTLINE(bugprone-signed-char-misuse)
      column[i] = static_cast<Element>(load<Stored>(at + offset));
    } else {
      unread++;
      if (wanted) found[i] = Found::kDamaged;
    }
  }
  return unread;
}

}  // namespace

uint32_t lookUp(const WindowList& windows, uint32_t root, KeyForm form, const void* keys,
                uint32_t count, uint32_t valueBytes, bool cells, void* values, Found* found) {
  switch (form) {
    case KeyForm::kU32:
      return lookUpKeys<uint32_t>(windows, root, keys, count, valueBytes, cells, values, found);
    case KeyForm::kF64:
      return lookUpKeys<double>(windows, root, keys, count, valueBytes, cells, values, found);
    case KeyForm::kU64:
      return lookUpKeys<uint64_t>(windows, root, keys, count, valueBytes, cells, values, found);
  }
  return 0;
}

uint32_t readFields(const WindowList& windows, const uint32_t* refs, uint32_t count,
                    uint32_t typeId, uint32_t offset, FieldKind kind, void* column, Found* found) {
  const auto read = [&]<typename Stored, typename Element>(Stored, Element) {
    return readColumn<Stored>(windows, refs, count, typeId, offset, static_cast<Element*>(column),
                              found);
  };
  switch (kind) {
    case FieldKind::kU8: return read(uint8_t{}, uint32_t{});
    case FieldKind::kU16: return read(uint16_t{}, uint32_t{});
    case FieldKind::kU32: return read(uint32_t{}, uint32_t{});
    case FieldKind::kI8: return read(int8_t{}, int32_t{});
    case FieldKind::kI16: return read(int16_t{}, int32_t{});
    case FieldKind::kI32: return read(int32_t{}, int32_t{});
    case FieldKind::kF32: return read(float{}, double{});
    case FieldKind::kF64: return read(double{}, double{});
  }
  return count;
}

}  // namespace rstore
