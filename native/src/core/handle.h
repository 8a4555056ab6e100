// A handle: one open region with its lock file, log, view and checkpointer. Opening, transactions,
// commits, closing.
//
// A COMMIT, step by step, under the write lock; what a crash after each step leaves
//  1. The file is made long enough. Blocks past the committed end: zeroed or unused, recovery does
//     not care.
//  2. A large tail (many new pages past the committed end) is written straight to the region.
//     Before it, tailHighBytes and unsyncedTailEpoch are set. Crash: bytes past the end, which the
//     next holder zeroes (H3); nobody can reach them. What is finished of it may be written long
//     before, while the transaction runs: tail.cc.
//  3. For a syncing commit: the region is synced if any tail may not be.
//  4. The record is written: through the mapping, or by pwrite and synced. Crash: a torn record is
//     void (log.h, G1); a whole one is adopted by the next holder (H2) or found by recovery. Either
//     is right: the caller had no answer yet.
//  5. publishedEpoch is stored: from here on the commit exists for everyone.
//
// H1. Everything the file gets before step 5 lies past the committed end or in the log behind the
//     last published record, so no one can see half of a commit.
// H2. A new holder looks behind the last published record and adopts a valid one: its author died
//     before it could publish.
// H3. A new holder that finds tailHighBytes beyond the committed end zeroes what lies between
//     before it uses it. The last to close does the same, because the word goes with the lock file.
//     The zeros are on the disk before the slot is marked clean: nobody looks behind the end of a
//     file that was closed well. While it is not clean, recovery does.
// H4. A failed write or sync of log or region sets logSuspect. The kernel may have dropped the
//     pages without telling anyone who opens later, so the next holder does not adopt; with the
//     checkpoint lock held (a checkpoint under way writes the same pages) it checks every record
//     since the slot, writes the log again, voids what is behind, zeroes what the region has behind
//     its data (zeros may be lost, too), and syncs both files. What does not check is lost: nobody
//     writes any more until all have closed and recovery has taken the prefix. The failing handle
//     is latched: its view may differ from what is on the disk. A sync that failed counts whatever
//     its errno; a write that found the disk full does not. Before all is checked and written
//     again, views check what they take over from the log (view.h, V7).
// H5. The log is begun by the first transaction that commits: new salt, log file synced, then a
//     slot that is not clean, synced. A crash in between leaves a clean slot and a log of another
//     salt, which is ignored.
// H6. A commit that runs on another thread, since it waits for the disk and maybe for a checkpoint,
//     keeps the write lock until it is published; only then does anyone see it. Everybody's writers
//     wait meanwhile: so that thread is one that nothing else keeps busy (binding/work-thread.h).
// H7. The kernel reports a lost page once to each open file. Syncs through this handle's
//     descriptors are done under `syncing_`, and whoever gets the error sets logSuspect before
//     letting go of it. So a commit that finds logSuspect still 0 after its syncs has lost nothing;
//     otherwise it fails.
// H8. One lock file for one file, whatever names it has. A handle holds a shared lock on a byte of
//     the region file, too, before it reads a slot and until after it has let go of everything
//     else; the first opener goes on only when nobody else holds one. So a file that has a second
//     name (a link), or whose lock file somebody removed, is never opened twice by two who do not
//     know of each other.
// H9. The file is cut only by the last handle, while it holds the alive byte exclusively, so that
//     nobody else maps it and nobody can open it; behind the end that a synced slot says, and
//     before that slot is made clean, with a sync in between. A commit that lowers the end is made
//     by that handle alone, then, as its last one: no view lives on, and no record follows it in
//     the log. A crash before the slot leaves the longer file, or has recovery repeat the commit;
//     one after it finds a slot that is not clean, and recovery clears what is still behind the
//     end. A file that was replaced is left alone: the transaction would move over to another, of
//     which this says nothing.
// H10. What the file does not hold yet cannot be given back, and a writer makes such pages faster
//     than a checkpoint writes them. So whoever has, or would get, more than twice the pages that
//     it may keep sees to a checkpoint before it goes on: a writer behind its commit, when nobody
//     waits for it any more, and a reader before it moves, while it pins nothing. It takes about as
//     long as to take over the pages. Only a pin of somebody else makes it more.
// H11. A handle that has a log goes on with it wherever the names have gone (log.h, G6): what it
//     commits is in the log that the region's slot names by its salt, and is found by whoever
//     opens the region where both have gone together. Only with a region file that somebody
//     removed, or gave its name to another, do later commits go, too, as with any file. To begin a
//     log takes the names: a first commit of a handle whose region, or lock file, was moved,
//     replaced or removed fails (kElsewhere, or kNotFound) before anything is written, because
//     what has the names now, and the log beside it, may be somebody else's.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/checkpoint.h"
#include "core/lock-file.h"
#include "core/log.h"
#include "core/region-file.h"
#include "core/status.h"
#include "core/thread.h"
#include "core/view.h"

namespace rstore {

struct HandleOptions {
  bool readOnly = false;
  int64_t timeoutMs = 10'000;      // for an opener's recovery, a checkpoint of another handle
  uint64_t privatePages = 16'384;  // 64 MiB
  uint32_t segmentLimit = 256;     // 64 MiB
  Waiting waiting;                 // of pages, for their first touch
};

/// How often a checkpoint of somebody else is waited for, 50 ms each time, before going on without.
inline constexpr int kCheckpointTries = 40;

/// What a transaction changed: the pages with marked lines, and the new end.
struct Changes {
  const uint32_t* pages = nullptr;
  uint32_t pageCount = 0;
  uint64_t endUnits = 0;
};

class Handle {
 public:
  Handle() : log_(lock_), view_(file_, lock_, log_) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { close(); }

  /// Opens the files, recovers when first. The view is opened by `attach`, which needs the capacity
  /// for its memory.
  Status open(const std::string& path, const HandleOptions& options);
  /// Gives the view its memory and shows the last commit; `epoch` for a snapshot of one that the
  /// caller pins, else UINT64_MAX.
  Status attach(const ViewMemory& memory, ControlBlock* control, uint64_t epoch);
  void close();
  /// Whether nobody else has the region open; then nobody can open it until `close`, which cuts the
  /// file behind its data (H9), and one transaction may come before. When not, only `close` may
  /// follow.
  bool becomeAlone();

  /// Of a snapshot: its view is kept for another one, unpinned. False when that cannot be: it was
  /// revoked, has given out memory, met a fault, or has more private pages than are worth it.
  bool pause();
  /// Shows exactly this epoch, which the caller pins, and is a snapshot again.
  Status resume(uint64_t epoch);

  /// Shows the last commit and pins it until `unpin`. kReplaced: `moveOver` must come first.
  Status refresh();
  void unpin();

  /// Takes the write lock and shows the last commit. After a failure nothing is held; kReplaced:
  /// as for `refresh`.
  Status begin(int64_t timeoutMs, uint32_t* holderPid);
  /// Ends a transaction by committing. After a failure the caller must still call `rollback`.
  Status commit(const Changes& changes, bool sync);
  /// The same in three steps, all but the last one on any thread: H6.
  Status prepare(const Changes& changes, bool sync);
  Status settle();
  void finish();
  /// Ends a transaction without committing; the caller has put the old lines back.
  void rollback(const uint32_t* pages, uint32_t count);

  /// Whether the file was replaced by a compacted one: replacement.cc.
  bool isReplaced() const;
  /// Whether the file that is shown has the region's name.
  Status checkName() const;
  /// Leaves the replaced file for the one that has its name; `refresh` or `begin` must follow.
  /// Nobody may use the handle on another thread meanwhile.
  Status moveOver();
  /// Gives the region's name to a compacted file of the next generation, inside a transaction that
  /// changed nothing and is then rolled back.
  Status replaceWith(const std::string& temporary);

  /// Inside a transaction: writes what is new before `endUnits` to the file, whole pages, ahead of
  /// the commit, on a thread of its own. `control.aheadUnits` is how far it goes; whoever changes
  /// it from now on lists its pages for the commit. `changed` are those of the last stretch that
  /// were changed since the call for it. After a failure `rollback` must follow.
  Status writeAhead(uint64_t endUnits, const std::vector<uint32_t>& changed);
  /// Returns when that has ended, with how it went.
  Status awaitAhead();

  /// Makes the file long enough for data up to `endUnits`, inside a transaction.
  Status grow(uint64_t endUnits);
  /// Syncs what was committed without: `prepareFlush` on the thread of the view, then `flush` on
  /// any.
  Status prepareFlush();
  Status flush();
  /// Any thread. Returns when the file holds everything that was published at the call, or the
  /// lowest pin. kBusy: another handle's did not end in time; `holderPid` says whose, if known.
  Status checkpoint(uint32_t* holderPid = nullptr);
  /// So that no checkpoint runs; given back by `lock().releaseCheckpoint()`. kBusy as above.
  Status waitForCheckpointLock();
  /// Any thread. `close` is about to come: whoever waits for a checkpoint of another handle in one
  /// of the two above gives up, with kClosed, and so does whoever comes later.
  void cancelWaits() { cancelled_.store(true, std::memory_order_relaxed); }
  bool isOpen() const { return file_.fd >= 0; }
  Checkpointer* checkpointer() { return checkpointer_.get(); }

  const Identity& identity() const { return file_.identity; }
  LockFile& lock() { return lock_; }
  bool hasLock() const { return lock_.isOpen(); }
  View& view() { return view_; }
  const RegionFile& file() const { return file_; }
  const std::string& path() const { return path_; }
  std::string logPath() const { return path_ + "-wal"; }
  /// -1 where no log was begun.
  int logDescriptor() const { return log_.fd(); }
  bool inTransaction() const { return transacting_; }

 private:
  /// Leaves new elements as they are: a record is written from end to end anyway.
  template <typename T>
  struct Unfilled : std::allocator<T> {
    template <typename U>
    struct rebind {
      using other = Unfilled<U>;
    };
    void construct(T*) noexcept {}
  };
  using RecordBytes = std::vector<std::byte, Unfilled<std::byte>>;

  struct Pending {
    RecordBytes record;
    uint64_t start = 0;
    LogCursor cursor;
    uint64_t tailFirstPage = 0;
    uint64_t tailPageCount = 0;
    std::vector<uint32_t> pages;
    std::vector<uint32_t> again;  // pages of the tail that changed after they were written ahead
    bool sync = false;
    bool published = false;
    bool isMuch = false;    // with what was before it: a checkpoint is due
    bool isUrgent = false;  // so much that it must not wait
  };

  /// The tail of the running transaction as far as it was written ahead: tail.cc.
  struct Ahead {
    uint64_t highPage = 0;            // how far it ever was written; 0: nothing was
    std::vector<uint32_t> checksums;  // of its pages, from the first on
    // The stretch that is being written, or was and is not shown from the file yet.
    uint64_t firstPage = 0;
    uint64_t endPage = 0;
    Status written;  // the thread's while that runs
    Status shown;
    Thread writer;
  };

  Status openShared();
  Status claimFile(bool first);
  Status joinThisGeneration();
  Status joinOrFinishReplacement();
  Status openWithoutLock();
  Status becomeFirst();
  Status openLogWhenBegun();
  Status notHere() const;
  Status claimName();
  Status checkLock();
  void shareLog();
  Status refreshHere();
  Status heal();
  Status waitForCheckpoint(uint32_t seenTicket, int64_t deadline);
  Status repairLog();
  void awaitCheckpoint(uint32_t seenTicket);
  uint64_t pagesAhead() const;
  void letFileFollow(bool moving);
  Status rewriteSinceSlot();
  Status zeroPastEnd() const;
  Status zeroAbandonedTail();
  Status adopt();
  Status beginLog();
  uint64_t aheadPage() const;
  Status writeStretch(uint32_t* checksums) const;
  Status showAhead(const std::vector<uint32_t>& changed);
  void planTail(const Changes& changes);
  void listPages(const Changes& changes);
  void putTailChecksums(std::byte* to) const;
  Status writePages(uint64_t firstPage, uint64_t endPage) const;
  Status writeTail(const Changes& changes);
  Status syncTail();
  void forgetAhead();
  void gather(const Changes& changes);
  Status reserveLog(uint64_t bytes);
  void countChanges();
  void closeAsLast();
  Status finishFile(RegionFile& writable);
  Status cutFile(RegionFile& writable);
  Status syncOf(int fd);
  Status fail(Status status);
  Status latch(Status status);

  std::string path_;
  HandleOptions options_;
  RegionFile file_;
  LockFile lock_;
  Log log_;
  View view_;
  std::unique_ptr<Checkpointer> checkpointer_;
  Pending pending_;
  Ahead ahead_;
  bool transacting_ = false;
  bool alone_ = false;
  bool moving_ = false;  // between two files
  std::atomic<bool> cancelled_{false};
  uint64_t capacityBytes_ = 0;
  // H10: how far a checkpoint came at last, and how many pages ahead make it worth another one.
  uint64_t heldBackAt_ = 0;
  uint64_t heldBackPages_ = 0;
  std::mutex syncing_;  // H7
};

}  // namespace rstore
