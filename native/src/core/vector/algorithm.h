// A lock-free growable vector shared by threads and processes.
//
// After D. Dechev, P. Pirkelbauer, B. Stroustrup, "Lock-free dynamically resizable arrays" (2006):
// a two-level array, a descriptor that holds the size and a pending write, and helping: whoever
// finds a pending write completes it before anything else is published. Ours lives in a mapped file
// and may lose any of its processes at any instruction; three things differ from the paper.
//
//  - *Descriptors are not allocated.* A slot (one for each open handle, kept by a lock on a byte of
//    the file) has two, and publishes through the word `descriptor` = (tag of 52 bits, index). The
//    word can name at most one of the two, and only the slot's owner ever makes it name one: so the
//    other is free by construction, nothing is ever handed back, and threads of dead processes
//    can take along no more than their slot, which the kernel frees with its lock.
//  - *Cells carry a tag* (cell.h). In the paper a helper that stalls before its compare-and-swap
//    can wake after others have popped and pushed and overwrite the newer value with an equal old
//    one.
//  - *pop and set meet in the cell.* In the paper a pop returns the value it read before its
//    compare-and-swap on the descriptor, and a set in between is lost although it returned. Here a
//    pop closes the cell to sets, with the value that the cell holds at that instant as its result,
//    and then empties it.
//
// State. W is the descriptor word, D(W) the descriptor it names: a size, and a pending operation:
// push of `count` elements at [size − count, size), or pop of the element at index `size`.
// The states of a cell and the steps of its tag are in cell.h. The pending push is *applied* to a
// cell by a compare-and-swap from (anything, the tag noted in the entry), empty, to (element, tag +
// 1), present; set and compareAndSet go from present to present. A pop takes three steps, each by
// whoever gets to it: the cell becomes *leaving*, with its element; this is recorded in the
// descriptor as the result; the cell is *emptied*, its element replaced by VECTOR_VACANT. Elements
// of a push are applied in order, each only after the one before was seen applied.
//
//  V1. D(W) does not change while W has one value. The owner writes to a descriptor only after it
//      has read a W that does not name it, and only the owner can make W name it.
//      So a reader that loads W, then fields, then the same W again, has fields of D(W): tags of W
//      never repeat (2^52 operations), and so W was the same all the time between.
//  V2. W is replaced only by a thread that has seen D(W) complete (complete() returned kComplete,
//      and the compare-and-swap found W unchanged since).
//  V3. Cell i holds an element exactly when i < s, s being the *abstract size*: size of D(W) when
//      its operation is complete or none; between, size − count plus the elements applied (push),
//      size + 1 until the cell is emptied (pop); a leaving one holds its element. By V2 at most one
//      operation is pending; a push starts from empty cells at [size − count, size) whose tags were
//      read under the W that it replaces (complete, so by V3 they were empty and stay so until W
//      changes).
//  V4. Every application happens exactly once, while its W is current. Push: the compare-and-swap
//      needs the noted tag, and tags only grow; W cannot move on before it has happened (V2). Pop:
//      a thread loads the cell, then finds W unchanged: if the cell was present then, the pop had
//      not closed it before the load, and the compare-and-swap needs the loaded tag, so nothing
//      happened since. Even when the thread is delayed for long, between its check and the swap.
//      The same for emptying it, from the tag of the leaving cell.
//  V5. The result of a pop is recorded once, before the cell is emptied: by a 16-byte
//      compare-and-swap from the open state of this very publication (tag * 2) to (element, tag * 2
//      + 1). The element was loaded after the tag that said leaving, with W unchanged afterwards: a
//      leaving cell keeps its element until it is emptied, and if it was emptied by then, the
//      result had been recorded. So whoever finds the cell empty while W stands finds the pop
//      complete.
//  V6. Linearisation: push at the application to its cell (a batch is `count` pushes, next to each
//      other), pop where it empties the cell, an unsuccessful pop and size() at the moment D(W) was
//      found or made complete, or at the load of W if it was complete then; set, compareAndSet and
//      get at their access to the cell; a set or compareAndSet that met a leaving cell and found it
//      empty then, where it was emptied.
//  V7. get loads the element, and what it loads is there at that moment if it is neither zero nor
//      VECTOR_VACANT: element and tag change together, and no empty cell holds anything else. For
//      one of these two it loads the tag, and if that says that an element is there, the element
//      again. From that tag on the cell is never again one that was not used, so a zero is an
//      element, there when it was loaded. A VECTOR_VACANT is one if the tag is still the same
//      afterwards; no double or float is stored as that, but whole numbers may be. JavaScript does
//      the same, by typed-array reads in the order above (lib/vector/cells.ts). It orders reads of
//      one cell only: on arm64 two gets of different cells may take effect in either order.
//  V8. Progress: a failed compare-and-swap on W means that another operation was published; one on
//      a cell, that a set or an application succeeded. No thread waits for another, dead or alive.
//      (After a lost race on W a thread keeps away for a bounded time: Backoff.)
//  V9. Cells are really there before they are published: provide() (fallocate) succeeds for all
//      cells of a push before its compare-and-swap on W. On a full disk nothing has changed.
//
// What a tag is good for. W: a thread would have to sleep while exactly k * 2^52 operations pass;
// at 20 million a second that is 7 years. Cells of 1, 2 and 8 bytes: 56, 48 and 64 bits, out of
// reach alike. Cells of 4 bytes have 32 bits: a helper would have to be stopped between its load of
// the cell and the compare-and-swap (a few instructions), for at least 40 s at full speed of
// everyone else on this one cell, and be continued while the tag is at precisely a multiple of 2^32
// steps, with the same 4 bytes in the cell as before. A stopped thread that satisfies all the
// rest hits this with a probability below 2^-30 for each time it is continued (a change of the cell
// takes four steps); we accept that, and give the width away nowhere else.
//
// Memory order. On x86-64 all loads are acquire, all stores release, all swaps sequentially
// consistent anyway; what follows is what arm64 needs.
//  - Loads of W: acquire, pairs with the swap that published it: fields and entries of D(W) are
//  seen.
//  - Fields and entries of descriptors: stored with release, loaded with acquire. Acquire keeps the
//    second load of W behind them; release/acquire makes a reader that saw a *rewritten* field see
//    a newer W then (the owner had seen one, with acquire, before it wrote): V1.
//  - Cells: loads acquire (the check of W, or of an element, comes after), swaps sequentially
//    consistent.
//  - W, cells against `awaitedSize`: a waiter registers and then asks for the size; a pusher
//    applies and then looks for waiters. One of the two must see the other: both sides are
//    sequentially consistent (the swap on the cell, the load of awaitedSize; the swap on
//    awaitedSize, the loads of W and of the cell after it, which is a full barrier on both
//    processors).
//  - `provided`: acquire, pairs with the swap by whoever allocated.
//  - `marker.state`: acquire; see vector-file.h.
//
// `Policy` is empty in the release addon. Tests stop a thread, switch to another or kill the
// process at step(), which comes before every access to shared memory (atomic.h), and take single
// parts of the algorithm out to see that the tests notice.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/generated/layout.h"
#include "core/status.h"
#include "core/vector/cell.h"

namespace rstore {

/// What the algorithm works on, and what it needs of the file. Same for all threads of a handle.
struct VectorMemory {
  VectorMarker* marker = nullptr;
  VectorWords* words = nullptr;
  std::byte* slots = nullptr;
  std::byte* cells = nullptr;
  uint32_t elementBytes = 0;
  uint64_t capacityElements = 0;

  void* context = nullptr;
  /// Makes `provided[bucket]` at least `bytes`.
  Status (*grow)(void* context, uint32_t bucket, uint64_t bytes) = nullptr;
  /// Called before the first change after a flush.
  Status (*beginChange)(void* context) = nullptr;
  /// Bytes of cells that this process has in its page tables, as far as is known; a push beyond
  /// asks for more at once. Of this handle alone, and only a matter of speed.
  mutable uint64_t presentBytes = ~uint64_t{0};
  void (*makePresent)(void* context, uint64_t beginBytes, uint64_t endBytes) = nullptr;
  /// A push has reached a size that somebody sleeps for.
  void (*wake)(void* context) = nullptr;

  VectorDescriptor& descriptor(uint32_t index) const {
    return reinterpret_cast<VectorDescriptor*>(slots)[index];
  }
};

/// Keeps away from the shared words for a while after a lost race, longer each time: the winner
/// goes on from its own cache meanwhile. Bounded, and waits for nobody.
template <class Policy>
class Backoff {
 public:
  void pause() {
    Policy::relax(length_);
    length_ = std::min(length_ * 2, kMost);
  }

 private:
  static constexpr uint32_t kMost = 1024;
  uint32_t length_ = 128;
};

enum class Outcome : uint32_t { kDone, kAbsent, kDifferent };

template <class Policy = ReleasePolicy>
class VectorCore {
 public:
  /// `slot` is kept by the caller; at most one thread at a time publishes with it.
  VectorCore(const VectorMemory& memory, uint32_t slot)
      : m_(memory), cells_(memory.cells, memory.elementBytes), slot_(slot) {}

  /// Appends `count` (1 … VECTOR_BATCH_LIMIT) elements next to each other; `*index` is that of the
  /// first. kRegionFull, kNoSpace, kIo: nothing was appended.
  Status push(const uint64_t* values, uint32_t count, uint64_t* index) {
    for (Backoff<Policy> backoff;; backoff.pause()) {
      Current current;
      if (const Status status = loadComplete(&current); !status.ok()) return status;
      const uint64_t first = current.size;
      if (first + count > m_.capacityElements) return failure(Code::kRegionFull);
      if (const Status status = prepareChange(first, count); !status.ok()) return status;
      const uint32_t mine = freeDescriptor(current.word);
      if (!writePush(mine, first, values, count)) {
        if (loadWord() == current.word) return failure(Code::kCorrupt);  // V3
        continue;
      }
      if (publish(current.word, mine)) {
        *index = first;
        return complete({nextWord(current.word, mine), first + count, kVectorPush, count}).status;
      }
    }
  }

  /// kAbsent when there is nothing to pop.
  Status pop(uint64_t* value, Outcome* outcome) {
    for (Backoff<Policy> backoff;; backoff.pause()) {
      Current current;
      if (const Status status = loadComplete(&current); !status.ok()) return status;
      if (current.size == 0) {
        *outcome = Outcome::kAbsent;
        return kSuccess;
      }
      if (const Status status = prepareChange(0, 0); !status.ok()) return status;
      const uint32_t mine = freeDescriptor(current.word);
      writePop(mine, current.size - 1, current.word);
      if (publish(current.word, mine)) {
        *outcome = Outcome::kDone;
        const Current own{nextWord(current.word, mine), current.size - 1, kVectorPop, 0};
        if (const Status status = complete(own).status; !status.ok()) return status;
        const VectorDescriptor& fields = m_.descriptor(mine);
        *value = A::load64(fields.resultValue, std::memory_order_acquire);
        const uint64_t tag = A::load64(fields.resultTag, std::memory_order_acquire);
        // No result: there was no element, against V3.
        return tag == (tagOf(own.word) * 2 | 1) ? kSuccess : failure(Code::kCorrupt);
      }
    }
  }

  Status size(uint64_t* size) {
    Current current;
    const Status status = loadComplete(&current);
    *size = current.size;
    return status;
  }

  /// V7. Never helps.
  bool get(uint64_t index, uint64_t* value) const {
    return isProvided(index) && read(index, value);
  }

  /// get of a cell that the file has. Looks again only when the cell was changed meanwhile.
  bool read(uint64_t index, uint64_t* value) const {
    for (;;) {
      *value = cells_.loadValue(index);
      if (*value != 0 && *value != cells_.vacant()) return true;
      const CellImage seen = cells_.load(index);
      if (!seen.there()) return false;
      *value = seen.value;
      if (seen.value != cells_.vacant() || cells_.loadTag(index) == seen.tag) return true;
    }
  }

  Status set(uint64_t index, uint64_t value, Outcome* outcome) {
    return change(index, nullptr, value, outcome);
  }

  /// kDifferent: the cell holds something else. Elements are compared as bits.
  Status compareAndSet(uint64_t index, uint64_t expected, uint64_t value, Outcome* outcome) {
    return change(index, &expected, value, outcome);
  }

  /// Provides cells for `elements` elements, without changing the size.
  Status reserve(uint64_t elements) {
    if (elements > m_.capacityElements) return failure(Code::kRegionFull);
    return provide(0, elements);
  }

  /// Elements from 0 whose cells have blocks in the file; never less than the size. Only grows.
  uint64_t providedElements() const {
    for (uint32_t bucket = 0;; bucket++) {
      const uint64_t first = bucketElements(bucket) - kVectorFirstBucketElements;
      if (first >= m_.capacityElements) return m_.capacityElements;
      const uint64_t whole = std::min(bucketElements(bucket), m_.capacityElements - first);
      const uint64_t there = loadProvided(bucket) / cellBytesFor(m_.elementBytes);
      if (there < whole) return first + there;
    }
  }

 private:
  using A = Atomics<Policy>;

  /// W and the fields of D(W), consistent (V1).
  struct Current {
    uint64_t word = 0;
    uint64_t size = 0;
    uint32_t kind = 0;
    uint32_t count = 0;
  };

  struct Completion {
    bool complete;  // false: W has moved on, so somebody else saw it complete
    Status status;
  };

  static constexpr uint64_t kIndexMask = (uint64_t{1} << kVectorIndexBits) - 1;

  static uint64_t tagOf(uint64_t word) { return word >> kVectorIndexBits; }
  static uint64_t nextWord(uint64_t word, uint32_t index) {
    return (tagOf(word) + 1) << kVectorIndexBits | index;
  }

  uint64_t loadWord() const { return A::load64(m_.words->descriptor, std::memory_order_acquire); }

  uint64_t loadProvided(uint32_t bucket) const {
    return A::load64(m_.words->provided[bucket], std::memory_order_acquire);
  }

  bool isProvided(uint64_t index) const {
    if (index >= m_.capacityElements) return false;
    const BucketPlace place = bucketOf(index);
    const uint64_t end = (index - place.firstIndex + 1) * cellBytesFor(m_.elementBytes);
    return end <= loadProvided(place.bucket);
  }

  /// V1. kCorrupt: no program of ours wrote this.
  Status loadCurrent(Current* current) const {
    for (;;) {
      Policy::restart();
      const uint64_t word = loadWord();
      const uint64_t index = word & kIndexMask;
      if (index >= 2 * kVectorSlotCount) return failure(Code::kCorrupt);
      const VectorDescriptor& fields = m_.descriptor(static_cast<uint32_t>(index));
      current->word = word;
      current->size = A::load64(fields.size, std::memory_order_acquire);
      current->kind = A::load32(fields.kind, std::memory_order_acquire);
      current->count = A::load32(fields.count, std::memory_order_acquire);
      if (loadWord() == word) return isSound(*current) ? kSuccess : failure(Code::kCorrupt);
    }
  }

  bool isSound(const Current& current) const {
    const uint64_t cells = current.size + (current.kind == kVectorPop ? 1 : 0);
    return current.kind <= kVectorPop && cells <= m_.capacityElements &&
           current.count <= kVectorBatchLimit && current.count <= current.size &&
           (current.count != 0) == (current.kind == kVectorPush);
  }

  /// Loads D(W) and completes it: V2, and what makes the structure survive the dead.
  Status loadComplete(Current* current) {
    for (;;) {
      if (const Status status = loadCurrent(current); !status.ok()) return status;
      if constexpr (!Policy::kHelps) return kSuccess;
      const Completion done = complete(*current);
      if (!done.status.ok() || done.complete) return done.status;
    }
  }

  Completion complete(const Current& current) {
    if (current.kind == kVectorPush) return completePush(current);
    if (current.kind == kVectorPop) return completePop(current);
    return {true, kSuccess};
  }

  // ── push ──

  /// False when one of the cells is not empty: others have pushed, or the file is damaged.
  bool writePush(uint32_t index, uint64_t first, const uint64_t* values, uint32_t count) const {
    VectorDescriptor& fields = m_.descriptor(index);
    A::store64(fields.size, first + count, std::memory_order_release);
    A::store32(fields.kind, kVectorPush, std::memory_order_release);
    A::store32(fields.count, count, std::memory_order_release);
    for (uint32_t i = 0; i < count; i++) {
      const uint64_t tag = cells_.loadTag(first + i);
      if ((tag & kCellStateMask) != kCellEmpty) return false;
      A::store64(fields.entries[2 * i], values[i], std::memory_order_release);
      A::store64(fields.entries[2 * i + 1], tag, std::memory_order_release);
    }
    return true;
  }

  Completion completePush(const Current& current) {
    const VectorDescriptor& fields = m_.descriptor(indexOf(current.word));
    const uint64_t first = current.size - current.count;
    // Applied in order: when the last is, all are.
    if (!isPending(fields, current.count - 1, current.size - 1)) return stillCurrent(current.word);
    for (uint32_t i = 0; i < current.count; i++) {
      const uint64_t value = A::load64(fields.entries[2 * i], std::memory_order_acquire);
      const uint64_t tag = A::load64(fields.entries[2 * i + 1], std::memory_order_acquire);
      if (loadWord() != current.word) return {false, kSuccess};
      if ((tag & kCellStateMask) != kCellEmpty) return {true, failure(Code::kCorrupt)};
      applyPush(first + i, {value, tag});
    }
    wakeWaiters(current.size);
    return {true, kSuccess};
  }

  bool isPending(const VectorDescriptor& fields, uint32_t entry, uint64_t index) const {
    const uint64_t tag = A::load64(fields.entries[2 * entry + 1], std::memory_order_acquire);
    return cells_.loadTag(index) == tag;
  }

  /// V4. Returns when the element is there, whoever put it there.
  void applyPush(uint64_t index, CellImage entry) const {
    for (;;) {
      const CellImage seen = cells_.load(index);
      if (seen.tag != entry.tag) return;
      if (cells_.compareExchange(index, seen, {entry.value, raised(seen.tag, kCellPush)})) return;
    }
  }

  // ── pop ──

  void writePop(uint32_t index, uint64_t size, uint64_t replaced) const {
    VectorDescriptor& fields = m_.descriptor(index);
    A::store64(fields.size, size, std::memory_order_release);
    A::store32(fields.kind, kVectorPop, std::memory_order_release);
    A::store32(fields.count, 0, std::memory_order_release);
    // First the value, then the tag: while the old, odd tag stands, nobody's swap can succeed.
    A::store64(fields.resultValue, 0, std::memory_order_release);
    A::store64(fields.resultTag, tagOf(nextWord(replaced, 0)) * 2, std::memory_order_release);
  }

  Completion completePop(const Current& current) {
    VectorDescriptor& fields = m_.descriptor(indexOf(current.word));
    const uint64_t open = tagOf(current.word) * 2;
    for (;;) {
      const CellImage seen = cells_.load(current.size);
      if (loadWord() != current.word) return {false, kSuccess};
      if (!seen.there()) return {true, kSuccess};
      if (seen.state() == kCellPresent) {
        const CellImage leaving{seen.value, raised(seen.tag, kCellLeave)};
        (void)cells_.compareExchange(current.size, seen, leaving);  // V4; then look again
        continue;
      }
      (void)A::compareExchangePair(&fields.resultValue, {0, open}, {seen.value, open | 1});  // V5
      if (A::load64(fields.resultTag, std::memory_order_acquire) == open) {
        // The swap failed without a cause, or because the descriptor is damaged.
        const uint64_t value = A::load64(fields.resultValue, std::memory_order_acquire);
        const bool stillOpen = A::load64(fields.resultTag, std::memory_order_acquire) == open;
        if (value != 0 && stillOpen) return {true, failure(Code::kCorrupt)};
        continue;
      }
      const CellImage emptied{cells_.vacant(), raised(seen.tag, kCellEmptied)};
      (void)cells_.compareExchange(current.size, seen, emptied);  // V4
    }
  }

  Completion stillCurrent(uint64_t word) const { return {loadWord() == word, kSuccess}; }

  // ── set ──

  Status change(uint64_t index, const uint64_t* expected, uint64_t value, Outcome* outcome) {
    bool helped = false;
    for (;;) {
      if (!isProvided(index)) break;
      const CellImage seen = cells_.load(index);
      if (seen.state() != kCellPresent) {
        // Complete what is pending before it is called absent: one that is leaving has left then.
        if (helped) break;
        helped = true;
        uint64_t ignored;
        if (const Status status = size(&ignored); !status.ok()) return status;
        continue;
      }
      if (expected != nullptr && seen.value != *expected) {
        // The halves may be of two times; then the swap would fail: make sure by the tag.
        if (cells_.loadTag(index) != seen.tag) continue;
        *outcome = Outcome::kDifferent;
        return kSuccess;
      }
      if (const Status status = prepareChange(0, 0); !status.ok()) return status;
      if (cells_.compareExchange(index, seen, {value, raised(seen.tag, kCellSet)})) {
        *outcome = Outcome::kDone;
        return kSuccess;
      }
    }
    *outcome = Outcome::kAbsent;
    return kSuccess;
  }

  // ── common ──

  uint64_t raised(uint64_t tag, uint64_t by) const {
    return (tag + by) & cells_.tagMask() & Policy::kTagMask;
  }

  static uint32_t indexOf(uint64_t word) { return static_cast<uint32_t>(word & kIndexMask); }

  /// V1: the one of our two that W, as we loaded it, does not name.
  uint32_t freeDescriptor(uint64_t word) const {
    const uint32_t mine = slot_ * 2;
    return indexOf(word) == mine ? mine + 1 : mine;
  }

  bool publish(uint64_t from, uint32_t mine) const {
    return A::compareExchange64(m_.words->descriptor, from, nextWord(from, mine));
  }

  Status prepareChange(uint64_t first, uint64_t count) {
    const uint64_t state = A::load64(m_.marker->state, std::memory_order_acquire);
    if ((state & 3) != kMarkDirty) {
      if (const Status status = m_.beginChange(m_.context); !status.ok()) return status;
    }
    if (count == 0) return kSuccess;
    if (const Status status = provide(first, first + count); !status.ok()) return status;
    const uint64_t cellBytes = cellBytesFor(m_.elementBytes);
    const uint64_t end = (first + count) * cellBytes;
    const std::atomic_ref<uint64_t> present(m_.presentBytes);
    if (end > present.load(std::memory_order_relaxed)) {
      m_.makePresent(m_.context, first * cellBytes, end);
    }
    return kSuccess;
  }

  /// V9.
  Status provide(uint64_t from, uint64_t to) const {
    while (from < to) {
      const BucketPlace place = bucketOf(from);
      const uint64_t end = std::min(place.firstIndex + bucketElements(place.bucket), to);
      const uint64_t bytes = (end - place.firstIndex) * cellBytesFor(m_.elementBytes);
      if (loadProvided(place.bucket) < bytes) {
        const Status status = m_.grow(m_.context, place.bucket, bytes);
        if (!status.ok()) return status;
      }
      from = end;
    }
    return kSuccess;
  }

  void wakeWaiters(uint64_t size) const {
    const uint64_t awaited = A::load64(m_.words->awaitedSize, std::memory_order_seq_cst);
    if (awaited != 0 && size >= awaited) m_.wake(m_.context);
  }

  const VectorMemory& m_;
  const CellArray<Policy> cells_;
  const uint32_t slot_;
};

}  // namespace rstore
