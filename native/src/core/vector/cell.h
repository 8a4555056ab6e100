// Cells: an element and a tag, changed together by one compare-and-swap.
//
//   elements of 1, 2, 4 bytes   one word of 8 bytes: element in the low bits, tag in the 56, 48, 32
//                               bits above it
//   elements of 8 bytes         two words: element, tag of 64 bits
//
// The two low bits of the tag are the cell's state:
//
//   0   empty: the element bits are VECTOR_VACANT, or zero in a cell that was never used, such as
//       those in holes of a sparse file
//   1   present: the element is there
//   3   leaving: it is there until the pop that is pending has noted it, and nobody may set it
//
// The tag is raised by every change of the cell, so no cell ever holds the same tag twice (it wraps
// after 2^56, 2^48, 2^32, 2^64 steps of this one cell, of which a set takes four, a push with its
// pop as many; see algorithm.h, "What a tag is good for").
//
// Reading the two halves of a 16-byte cell one after the other, tag first, gives a pair that may
// never have been there. That is enough for who changes it: a compare-and-swap from such a pair
// fails. Who only reads goes by the element first, which says by itself that it is there unless it
// is zero or VECTOR_VACANT (algorithm.h, V7).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/generated/layout.h"
#include "core/vector/atomic.h"

namespace rstore {

/// Bytes of a cell.
constexpr uint32_t cellBytesFor(uint32_t elementBytes) { return elementBytes == 8 ? 16 : 8; }

constexpr uint64_t kCellStateMask = 3;
constexpr uint64_t kCellEmpty = 0, kCellPresent = 1, kCellLeaving = 3;

/// What a change adds to the tag.
constexpr uint64_t kCellPush = 1, kCellLeave = 2, kCellEmptied = 1, kCellSet = 4;

struct CellImage {
  uint64_t value;
  uint64_t tag;

  uint64_t state() const { return tag & kCellStateMask; }
  /// Present or leaving.
  bool there() const { return (tag & 1) != 0; }
};

template <class Policy>
class CellArray {
 public:
  CellArray(std::byte* base, uint32_t elementBytes)
      : base_(base), shift_(elementBytes * 8), wide_(elementBytes == 8) {}

  uint64_t valueMask() const { return wide_ ? ~uint64_t{0} : (uint64_t{1} << shift_) - 1; }

  /// The element bits of a cell that was emptied.
  uint64_t vacant() const { return kVectorVacant & valueMask(); }

  /// Tags are compared modulo this many bits.
  uint64_t tagMask() const { return wide_ ? ~uint64_t{0} : ~uint64_t{0} >> shift_; }

  uint64_t loadTag(uint64_t index) const {
    const uint64_t* word = at(index);
    return wide_ ? A::load64(word[1], std::memory_order_acquire)
                 : A::load64(word[0], std::memory_order_acquire) >> shift_;
  }

  uint64_t loadValue(uint64_t index) const {
    return A::load64(*at(index), std::memory_order_acquire) & valueMask();
  }

  /// Tag first; both with acquire, so that what is loaded next is loaded later.
  CellImage load(uint64_t index) const {
    const uint64_t* word = at(index);
    if (wide_) {
      const uint64_t tag = A::load64(word[1], std::memory_order_acquire);
      return {A::load64(word[0], std::memory_order_acquire), tag};
    }
    const uint64_t both = A::load64(word[0], std::memory_order_acquire);
    return {both & valueMask(), both >> shift_};
  }

  /// Sequentially consistent. False may be without a cause.
  bool compareExchange(uint64_t index, CellImage expected, CellImage desired) const {
    uint64_t* word = at(index);
    if (wide_) {
      return A::compareExchangePair(word, {expected.value, expected.tag},
                                    {desired.value, desired.tag});
    }
    return A::compareExchange64(*word, pack(expected), pack(desired));
  }

 private:
  using A = Atomics<Policy>;

  uint64_t* at(uint64_t index) const {
    return reinterpret_cast<uint64_t*>(base_ + index * (wide_ ? 16 : 8));
  }
  uint64_t pack(CellImage image) const { return image.tag << shift_ | (image.value & valueMask()); }

  std::byte* const base_;
  const uint32_t shift_;
  const bool wide_;
};

// ── the two-level array ──

/// Where an element is: the buckets lie end to end, so its address is linear in its index.
struct BucketPlace {
  uint32_t bucket;
  uint64_t firstIndex;  // of the bucket
};

/// The published computation: the highest bit of (index + 8) names the bucket.
constexpr BucketPlace bucketOf(uint64_t index) {
  constexpr uint32_t kFirstBits = std::countr_zero(kVectorFirstBucketElements);
  const uint64_t position = index + kVectorFirstBucketElements;
  const uint32_t highBit = 63 - static_cast<uint32_t>(std::countl_zero(position));
  return {highBit - kFirstBits, (uint64_t{1} << highBit) - kVectorFirstBucketElements};
}

constexpr uint64_t bucketElements(uint32_t bucket) {
  return uint64_t{kVectorFirstBucketElements} << bucket;
}

static_assert(bucketOf(0).bucket == 0 && bucketOf(7).bucket == 0 && bucketOf(8).bucket == 1);
static_assert(bucketOf(23).bucket == 1 && bucketOf(24).bucket == 2);
static_assert(bucketOf(24).firstIndex == 24);

}  // namespace rstore
