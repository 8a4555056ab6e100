// Many keys looked up at a time in a tree with keys of 4 or 8 bytes, and one field read of many
// records.
//
// One lookup waits for memory at every step: node, key, record. So sixteen go down together, each
// step of all of them before the next step of any, and what a step will need is prefetched by the
// one before it.
//
//  Q1. Nothing is written but the results.
//  Q2. Every ref is checked against the windows, every count against the size of its node, every
//      level against its parent's: damaged nodes end a lookup with Found::kDamaged, never outside
//      of the memory or in a loop.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rstore {

inline constexpr size_t kMaximumWindows = 16;

/// The windows of a space.
struct WindowList {
  const std::byte* base[kMaximumWindows] = {};
  uint64_t bytes[kMaximumWindows] = {};

  /// The address of a unit with so many bytes behind it; null outside of the windows.
  const std::byte* at(uint32_t ref, uint64_t needed) const {
    const uint32_t window = ref >> 28;
    const uint64_t offset = static_cast<uint64_t>(ref & 0x0fffffffu) * 8;
    if (window >= kMaximumWindows || offset + needed > bytes[window]) return nullptr;
    return base[window] + offset;
  }
};

enum class Found : uint8_t { kMissing, kFound, kDamaged };

/// How keys lie in a node.
enum class KeyForm : uint8_t { kU32, kF64, kU64 };

/// Looks up keys (uint32_t, double or uint64_t, as the form says). For each: what was found and, of
/// values of 4 or 8 bytes, the value, as they are in the leaf. Where they are refs to `cells`,
/// those are prefetched: whoever reads them next finds them near. Returns the number found.
uint32_t lookUp(const WindowList& windows, uint32_t root, KeyForm form, const void* keys,
                uint32_t count, uint32_t valueBytes, bool cells, void* values, Found* found);

/// Kinds of fields, in the order of lib/map/column.ts.
enum class FieldKind : uint8_t { kU8, kU16, kU32, kI8, kI16, kI32, kF32, kF64 };

/// Reads one field of the records that `refs` name, where `found` says so, into `column`: int32_t
/// or uint32_t for integers by their sign, double for floats. A record whose cell is not of the
/// type becomes Found::kDamaged: somebody else has to look. Returns the number not read.
uint32_t readFields(const WindowList& windows, const uint32_t* refs, uint32_t count,
                    uint32_t typeId, uint32_t offset, FieldKind kind, void* column, Found* found);

}  // namespace rstore
