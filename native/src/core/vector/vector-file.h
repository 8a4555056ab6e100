// The file of a shared vector: making, opening, slots, growth, and what survives a machine.
//
// Nothing here takes part in push and pop beyond handing out blocks of the file; a process may die
// at any instruction.
//
//  F1. *Making*: the file gets its name when it is complete and synced (link of a temporary file).
//  F2. *Opening* holds the lock on VECTOR_OPEN_LOCK's byte, which the kernel frees with its holder,
//      so that at most one opener recovers; others wait for it, as long as they are told to.
//      Recovery can be repeated from any point.
//  F3. *Slots*: slot i is ours while we hold the lock on byte VECTOR_LOCK_BYTE + i.
//  F4. *Growth*: fallocate first, then `provided` is raised by compare-and-swap. Two who grow the
//      same bucket allocate the same blocks twice, which changes nothing; one who dies between
//      leaves blocks that the next finds there. `provided` is never lowered, blocks never freed.
//  F5. *The marker* says CLEAN on the disk only if every change that was begun after that flush is
//      preceded by a sync of a marker that does not say CLEAN:
//        DIRTY → FLUSHING (flush) → all data synced → CLEAN (flush, if nobody changed it) → synced
//        FLUSHING → DIRTY (whoever changes something; the disk says DIRTY or FLUSHING)
//        CLEAN → MARKING (whoever changes something first) → synced → DIRTY
//      Every flush raises the number in the state's upper bits, so that a swap from a value fails
//      when there was another flush since. Several who find MARKING each sync for themselves, and
//      the first to be through says DIRTY: none waits for another. Loads are acquire, swaps
//      sequentially consistent.
//      The size that goes with CLEAN is read after FLUSHING: an operation that was under way (past
//      its look at the marker) at that moment may or may not be in it and on the disk, although the
//      marker says CLEAN. It was concurrent with the flush, so either is right; there is at most
//      one for each slot, and recovery brings the cells in order.
//  F6. *After a crash of the machine* (another boot id) only cells are believed: each lies within
//      one sector, old or new. The vector is the longest run of present cells from 0. CLEAN: that
//      is the flushed state. Otherwise each element is what it was at the last flush or later, and
//      opening says so (`unflushed`) before anything is changed. Recovery makes cells of the run
//      that a pop was about to empty present again, empties those behind the run, makes a new
//      descriptor, and ends with a sync and CLEAN.
//  F7. After a failed sync the kernel may have dropped what it could not write: `failedSyncs` makes
//      the next flush dirty every page again before it syncs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "core/address-space.h"
#include "core/fault.h"
#include "core/generated/layout.h"
#include "core/region-file.h"
#include "core/status.h"
#include "core/vector/algorithm.h"

namespace rstore {

struct NewVector {
  uint64_t capacityBytes = 0;  // of the whole file, a multiple of 64 KiB
  uint32_t elementBytes = 0;
  uint32_t mode = 0666;
  std::string type;
};

constexpr uint64_t kVectorFirstCellOffset = uint64_t{kVectorFirstCellPage} * kPageBytes;

/// kExists when the name is taken.
Status createVectorFile(const std::string& path, const NewVector& what);

struct VectorOptions {
  bool acceptUnflushed = false;  // F6
  int64_t timeoutMs = 10'000;    // for others who are opening it
};

/// What opening found out, beside its status.
struct VectorOpening {
  std::string storedType;    // set as soon as the header was read
  bool typeDiffers = false;  // with kInvalid
  bool unflushed = false;    // with kStale: see F6. With kOk: it was accepted
  bool recovered = false;    // the machine was started anew since the file was last open
  uint64_t flushedSize = 0;  // elements at the last flush
  uint64_t foundSize = 0;    // elements that recovery found
};

/// The mapping and the words beside it. It may outlive the file: JavaScript's arrays keep it until
/// they are collected, so that none of them is ever over memory that is gone, and none has to be
/// detached (which would make every typed array of the thread slower).
struct VectorMapping {
  Reservation reservation{};
  FaultRange range{};
  /// Fault bits; once one is set the handle has pages of its own and is of no use.
  ControlBlock control{};
  VectorCall call{};

  VectorMapping() = default;
  VectorMapping(const VectorMapping&) = delete;
  VectorMapping& operator=(const VectorMapping&) = delete;
  ~VectorMapping();

  std::byte* cells() const { return reservation.base + kVectorFirstCellOffset; }
  uint64_t cellsBytes() const { return reservation.bytes - kVectorFirstCellOffset; }
};

/// Elements [0, end) are there, of which those before `checked` may be taken for present.
struct CellRun {
  uint64_t checked = 0;
  uint64_t end = 0;
};

class VectorFile {
 public:
  VectorFile() = default;
  ~VectorFile();
  VectorFile(const VectorFile&) = delete;
  VectorFile& operator=(const VectorFile&) = delete;

  /// `type` must be what the file was made with.
  Status open(const std::string& path, const std::string& type, const VectorOptions& options,
              VectorOpening* opening);

  /// Everything that was done before the call is on the disk afterwards. Blocks: not for the thread
  /// of JavaScript. Any thread.
  Status flush();

  const VectorMemory& memory() const { return memory_; }
  uint32_t slot() const { return slot_; }
  uint32_t elementBytes() const { return header_.elementBytes; }
  const std::shared_ptr<VectorMapping>& mapping() const { return mapping_; }

  /// Wakes everyone who sleeps for a size (wait.h).
  void wakeAll();

 private:
  CellArray<ReleasePolicy> cells() const { return {memory_.cells, memory_.elementBytes}; }
  Status readHeader(const std::string& type, VectorOpening* opening);
  Status map();
  Status recoverIfNeeded(bool acceptUnflushed, VectorOpening* opening);
  Status recover(bool clean, uint64_t flushedSize, uint64_t* found);
  Status findRun(bool clean, uint64_t flushedSize, CellRun* run);
  void keepLeaving(const CellRun& run);
  Status emptyCellsFrom(uint64_t size);
  void emptyCells(uint64_t from, uint64_t to);
  Status anySlotHeld(bool* held);
  Status takeSlot();
  Status growBucket(uint32_t bucket, uint64_t bytes);
  void makePresent(uint64_t beginBytes, uint64_t endBytes);
  Status allocateCells(uint64_t fromBytes, uint64_t toBytes);
  static std::atomic_ref<uint32_t> failuresOf(VectorMarker& marker);
  Status beginChange();
  Status markClean(uint64_t state, uint64_t size);
  void dirtyEveryPage();

  RegionFile file_;
  VectorHeader header_{};
  std::shared_ptr<VectorMapping> mapping_ = std::make_shared<VectorMapping>();
  VectorMemory memory_{};
  uint32_t slot_ = 0;
  std::atomic<uint64_t> stride_{0};  // bytes that makePresent went ahead last
  std::mutex flushing_;
};

}  // namespace rstore
