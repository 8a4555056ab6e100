// The lock file, mapped shared by every handle: epochs, the write lock, reader slots, the table of
// log segments.
//
// WHAT EACH SHARED WORD MEANS, WHO WRITES IT, IN WHICH ORDER
//
//   publishedEpoch    Last commit that anybody may see. Written by the holder of the write lock
//                     after the record is complete (and synced, where asked): release. Read with
//                     acquire: who sees epoch N sees the whole record N.
//   writeLock         0 or the holder. Taken by compare-and-swap (acquire), given back by a store
//                     (seq_cst, so that the load of writeWaiters behind it cannot move before it).
//   slotEpoch         Epoch of the durable checkpoint slot. Written by the holder of
//                     checkpointLock, after the slot is synced.
//   checkpointTarget  Never below slotEpoch. Written by the holder of checkpointLock before it
//                     scans pins, and again, lower, when the scan found an older pin.
//   unsyncedTailEpoch, tailHighBytes, logBegun, logSalt, the segment table
//                     The holder of the write lock. The first is also cleared by whoever synced the
//                     region after the commit it names.
//   syncedEpoch       The same, upwards only.
//   replaced          Set by the holder of the write lock before it gives the region's name to a
//                     compacted file; cleared by the next when it did not come to that.
//   logSuspect        Set by whoever saw a sync or a write fail; cleared by the holder of both the
//                     write lock and the checkpoint lock, after the repair.
//   ReaderSlot        Its owner, who holds the open-file-description lock on the slot's byte. A
//                     dead owner's pin does not count.
//
// L1. A dead process holds nothing up: liveness is the lock on the slot's byte, which the kernel
//     drops with the last descriptor.
// L2. A slot's generation is raised whenever it is taken, so that a lock word left by a dead owner
//     never looks like the new owner's.
// L3. PIN AGAINST CHECKPOINT. A reader stores its pin E, then loads slotEpoch and checkpointTarget.
//     A checkpointer stores its target T, then scans pins. All four are seq_cst, so at least one of
//     them sees the other: either the checkpointer lowers T to E, or the reader sees T > E, knows
//     that pages of its epoch may be changing in the file, and refreshes to at least T before it
//     reads.
// L4. PIN AGAINST LOG REUSE. The writer reuses a segment only when its last epoch is at most
//     slotEpoch, read before the scan of pins, and at most every pin. A reader that finds slotEpoch
//     <= E after storing pin E therefore finds every record behind E in the log until it moves the
//     pin: a later slotEpoch is stored after the reader's load, so the writer that sees it also
//     sees the pin.
// L5. A page that the disk cannot give, or that somebody cut off, becomes memory of this process
//     alone (fault.h): there the locks are free, nothing is pinned, and nobody sees what is stored.
//     The fault handler says so in control_ before it puts the memory there, and the file is not
//     mapped again until the region is opened anew. So what was read or stored counts only when
//     `check` is asked behind it, and finds nothing: behind the taking of the write lock, before a
//     segment of the log is chosen or a record written, before and behind a publication, behind a
//     refresh (which pins), before a checkpoint or the last to close takes what is published for
//     all there is. A handle that finds something is latched.
//     Where pins cannot be seen, everything counts as pinned.
// L6. Anybody can write to the file. A word that no handle can have stored is told as damage, and
//     never taken for an index.
// L7. Nobody waits for ever. The lock goes to whoever is there, not to who has waited longest: a
//     commit is shorter than waking somebody. But a handle that keeps retaking it while others wait
//     steps aside now and then, and where it has woken one of them, until somebody else has had the
//     lock: on a busy machine one that is awake may have to wait for a processor. Such a one is
//     not found asleep, like the dead: only after a while is it taken for one of them, and
//     counted out, and when it looks again it counts itself in.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/address-space.h"
#include "core/atomic-word.h"
#include "core/fault.h"
#include "core/generated/layout.h"
#include "core/region-file.h"
#include "core/status.h"

namespace rstore {

/// Bytes of the lock file, and where its parts are.
inline constexpr uint64_t kSharedWordsOffset = kPageBytes;
inline constexpr uint64_t kReaderSlotsOffset = 2 * kPageBytes;
inline constexpr uint64_t kSegmentTableOffset =
    kReaderSlotsOffset + kReaderSlotCount * sizeof(ReaderSlot);
inline constexpr uint64_t kSnapshotControlsOffset =
    kSegmentTableOffset + uint64_t{kSegmentCountLimit} * sizeof(SegmentEntry);
inline constexpr uint64_t kLockFileBytes =
    kSnapshotControlsOffset + uint64_t{kReaderSlotCount} * sizeof(ControlBlock);

/// Bytes of the file that are locked, far behind its content.
inline constexpr uint64_t kAliveByte = uint64_t{1} << 40;
inline constexpr uint64_t kFirstSlotByte = kAliveByte + 1;
inline constexpr uint64_t kRetireByte = kAliveByte - 1;
inline constexpr uint64_t kTemporaryByte = kAliveByte - 2;  // temporary-file.h

class LockFile {
 public:
  LockFile() = default;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile() { close(); }

  /// Opens (making it where missing, for the region that `region` is a descriptor of) and takes the
  /// alive byte: exclusively when nobody else has the region open, else shared. `first` says which.
  /// Waits up to `timeoutMs` for another opener's recovery. A first opener must call `build`,
  /// recover and then `announceReady`; until it does so, others wait.
  Status open(const std::string& path, int region, int64_t timeoutMs, bool* first);

  /// First opener: makes the file anew for this region and takes a slot.
  Status build(const RegionFile& region);
  void announceReady();

  /// Anyone but the first opener: checks the header against the region and takes a slot.
  /// kElsewhere: it is the lock file of another file, which had this name before.
  Status join(const RegionFile& region);

  /// After `join` failed: whether the lock file is that of an earlier generation of the region.
  bool isOfFormer(const Identity& identity) const;
  /// Takes the names of a replaced region's log and of this lock file away, unless somebody has
  /// done so: replacement.cc, P4. kBusy where somebody who is at it does not end in time.
  Status retire(const std::string& logPath, int64_t timeoutMs);

  /// True when nobody else has the region open; then holds the alive byte exclusively, until
  /// `close`. When not, the alive byte is no longer held at all: only `close` may follow.
  bool becomeLast();
  /// Whether the name still leads to the file that is open.
  bool hasItsName() const;
  /// L5, L6. kIo: some of it is memory of this process alone. kLockDamaged: words make no sense.
  Status check() const;
  /// Removes the file's name; only as first or last.
  void remove();
  void close();
  bool isOpen() const { return fd_ >= 0; }

  SharedWords& words() const { return *words_; }
  /// A write or sync of log or region has failed, and no writer has set right what may be lost.
  bool isSuspect() const {
    return atomicWord(words_->logSuspect).load(std::memory_order_seq_cst) != 0;
  }
  ReaderSlot& slot(uint32_t index) const { return slots_[index]; }
  ReaderSlot& ownSlot() const { return slots_[ownSlot_]; }
  uint32_t ownSlotIndex() const { return ownSlot_; }
  SegmentEntry& segment(uint32_t index) const { return segments_[index]; }

  /// Takes the write lock. kBusy after `timeoutMs`, with the process id of the holder.
  /// kLockDamaged: L6.
  Status acquireWrite(int64_t timeoutMs, uint32_t* holderPid);
  void releaseWrite();
  bool holdsWrite() const;

  /// The same for checkpoints, without waiting.
  Status tryAcquireCheckpoint();
  void releaseCheckpoint();
  /// The process of whoever has it, 0 when nobody does.
  uint32_t checkpointHolderPid() const;

  /// One slot, one pin: moving it from an epoch to a later one leaves no gap.
  void pin(uint64_t epoch);
  void unpin();
  uint64_t pinnedEpoch() const;

  /// The lowest epoch that a live reader pins, UINT64_MAX when none does, 0 when that cannot be
  /// seen (L5). Liveness is looked up only for pins lower than `below`: others hold nothing up.
  uint64_t lowestPin(uint64_t below);

  /// True while the handle that took `slot` with `generation` has it open.
  bool isAlive(uint32_t slot, uint32_t generation);

  /// A snapshot's control block, where others can reach it.
  ControlBlock& snapshotControl(uint32_t slot) const {
    return reinterpret_cast<ControlBlock*>(base_ + kSnapshotControlsOffset)[slot];
  }
  /// Moves one's own slot between READER_… states; false when it was not in `from`.
  bool changeState(uint32_t from, uint32_t to);
  bool isRevoked() const;
  /// How long a slot's owner has been reading, whatever is done to the time of day meanwhile.
  int64_t pinAgeMs(uint32_t slot) const;
  /// Takes a snapshot's pin away; false when the slot is not, or not any more, that of one that is
  /// older and can be revoked. Its owner looks at the fault word after each read: the bit is set
  /// before the pin ceases to count, so it never takes changed bytes for its own.
  bool revoke(uint32_t slot, int64_t olderThanMs);

  void publish(uint64_t epoch);

 private:
  Status map();
  Status takeSlot();
  Status openProbe();
  bool tryTake(std::atomic<uint64_t>& word);
  void giveWay(int64_t atMostMs);
  bool stealFromDead(std::atomic<uint64_t>& word, uint64_t seen);
  uint64_t ownWord() const;

  std::string path_;
  int fd_ = -1;
  int probeFd_ = -1;
  std::byte* base_ = nullptr;
  SharedWords* words_ = nullptr;
  ReaderSlot* slots_ = nullptr;
  SegmentEntry* segments_ = nullptr;
  uint32_t ownSlot_ = UINT32_MAX;
  Reservation memory_;
  FaultRange faultRange_;
  mutable ControlBlock control_{};  // of the fault handler: L5
  /// L7: since when this handle meets others who wait; the ticket as it left it with one who was
  /// woken, for as long as nobody else has; since when it has woken nobody though some wait.
  static constexpr uint64_t kNobodyAwaits = UINT64_MAX;
  int64_t busySinceMs_ = 0;
  uint64_t awaitedTicket_ = kNobodyAwaits;
  int64_t vainSinceMs_ = 0;
};

}  // namespace rstore
