// Checkpoint: file to file, off the JavaScript thread. Never touches a view.
//
// THE ORDER, and what a crash after each step leaves
//  1. Announce target T, scan pins, lower T to the lowest (lock-file.h, L3). Shared memory only.
//  2. Sync the log up to T, whatever the durability of its records. Recovery has all of (S, T].
//  3. If there is a tail in (S, T] that no slot vouches for: sync the region, write a slot that
//     does (epoch still S), sync. From now on recovery need not prove it by its pages, so lines may
//     be written over them. That somebody synced the region before is not enough: recovery must
//     know.
//  4. Write lines and checksums of (S, T] to the region. Recovery writes them again (A1).
//  5. Sync the region. The same.
//  6. Write the slot for T, sync. Old or new slot; both are right.
//  7. Publish slotEpoch = T: only now is log space up to T reused (log.h, G3).
//
// C1. One at a time: checkpointLock, which a dead owner does not keep. Whoever takes over reads the
//     slot from the file and starts at 1; a slot newer than slotEpoch may not be on the disk and is
//     written again.
// C2. A suspect log is left alone: the next writer repairs it first (handle.h, H4). That is looked
//     at again after the sync of step 2, and any failed sync here, or early beginning of one
//     (file-applier.h, A5), makes the log suspect: the kernel reports a lost page once to each open
//     file, or to the one who found it, and it may be one of the writer's.
// C3. Both files are open a second time here. On the writer's own descriptors a sync of this thread
//     would take away the error that the writer must see.
// C4. A checkpoint that follows another at once writes much the same pages again, and competes with
//     the writers for the processor and for memory. So a handle's thread rests between two for as
//     long as the first of them took, at most a second, unless it becomes urgent: the log fills up,
//     or a fresh view would have to take over many pages. That it was urgent before the last one
//     says nothing: the counters are lowered at its end, and each commit judges anew.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "core/log.h"
#include "core/region-file.h"
#include "core/status.h"
#include "core/thread.h"

namespace rstore {

class Checkpointer {
 public:
  /// For the region `file`, which is at `path`.
  Checkpointer(const RegionFile& file, LockFile& lock, std::string path)
      : file_(file), lock_(lock), log_(lock), path_(std::move(path)) {}
  ~Checkpointer() { stop(); }

  /// A descriptor of the log, open for as long as this lives: what it is opened by (C3) when its
  /// name has gone.
  void useLog(int fd) { sharedLog_.store(fd, std::memory_order_relaxed); }
  /// Runs one now, on this thread. kBusy when another handle's is under way. `*epoch`: that of the
  /// durable slot afterwards.
  Status run(uint64_t* epoch);
  /// Asks the background thread (begun at the first call) for one, `urgently` when it is not to
  /// rest first (C4). Where no thread can be had, it is left to the next call, to a writer that
  /// finds the log full, or to the last that closes.
  void kick(bool urgently);
  /// Ends the thread; a checkpoint under way is finished.
  void stop();

 private:
  Status runLocked(uint64_t* epoch);
  uint64_t announceTarget();
  bool isReplaced() const;
  Status suspect(Status status);
  Status openOwnFile();
  Status finishSlot(CheckpointSlot* slot);
  bool hasUnprovenTail(const CheckpointSlot& slot, uint64_t target) const;
  Status makeTailsDurable(CheckpointSlot* slot, uint64_t target);
  Status openLog(const CheckpointSlot& slot);
  void loop();
  void rest(std::unique_lock<std::mutex>& guard, int64_t untilMs);
  void endRest(bool* because);

  const RegionFile& file_;
  LockFile& lock_;
  Log log_;
  RegionFile own_;  // C3
  std::string path_;
  std::atomic<int> sharedLog_ = -1;
  std::mutex running_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Thread thread_;
  bool wanted_ = false;
  bool urgent_ = false;
  std::atomic<uint32_t> restsEnded_ = 0;
  bool stopping_ = false;
};

}  // namespace rstore
