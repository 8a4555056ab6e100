// A view: one private mapping of the region file and the epoch it shows. Reader, writer and
// snapshot are views in three states.
//
// WHY A VIEW IS RIGHT. Call S the durable slot's epoch, T the announced checkpoint target, E the
// view's epoch, C(p) the last commit that changed page p.
//  V1. A page of the view that is not private is read from the file. A page is private from the
//      moment a record that changes it is applied, or a transaction writes to it, until it is given
//      back.
//  V2. While the view may be read, E >= T >= S (lock-file.h, L3). The file differs from commit S
//      only in lines of records in (S, T]. Every page such a record changes is private (V1, since E
//      >= T), unless it was given back, for which see V4. So pages that are not private have the
//      content of every commit in [C(p), E].
//  V3. Applying records (E, E'] in order, on top of a file that a checkpoint is writing up to T <=
//      E', ends in commit E': each line that the checkpoint may have changed is overwritten by a
//      record that is applied, and lines that no record in (S, E'] names are the same in the file
//      all the time. A page copied by the kernel in the middle of a checkpoint's write is therefore
//      harmless.
//  V4. A private page is given back when C(p) <= S: the file holds its content. A later checkpoint
//      that changes it goes to at most the lowest pin, so not beyond E while this view is pinned;
//      and when C(p) > S again, it was made private by V1.
//  V5. Unpinned, a view is not read. If a checkpoint overtook it (S > E), records it needs may be
//      gone from the log: it starts again: gives all pages back, takes the slot's epoch, applies
//      what is behind. That of a closed snapshot is such a view until the next one has it.
//      Where the records behind a view change many pages, the lines of most are not copied until a
//      page is first touched: pending-pages.h, W1 to W8. Such a page counts as private from the
//      moment its record is applied, and shows what it would show then.
//  V6. Past the committed end a view that begins a transaction holds zeros (handle.h, H3), and then
//      what the transaction wrote. When that has ended, however it did, the pages behind the last
//      one are the file's again: another process may commit a tail there, which no record has to
//      show (control->highUnits says how far a savepoint that was rolled back went). In the last
//      page they may be its own, because the file had something else when it was read: of a
//      transaction that was given up, since a sync failed (H4). A reader may see there what an
//      unfinished commit of another process wrote straight to the file; nothing it can reach refers
//      to it.
//  V7. Published records are whole, and are not checked: whoever published one had written all of
//      it. But when a write or sync of the log fails, the kernel may drop pages of it; from when
//      that is known (logSuspect) until a writer has set it right (handle.h, H4), a view checks the
//      records that it applies, before and, since they may go meanwhile, afterwards. What does not
//      check is not shown: kIo. So it is when pages that wait are filled (W4). Nor is anything
//      shown for which zeros stood in, because the log could not be read or was cut by somebody.
#pragma once

#include <cstdint>
#include <vector>

#include "core/address-space.h"
#include "core/fault.h"
#include "core/generated/layout.h"
#include "core/lock-file.h"
#include "core/log.h"
#include "core/pending-pages.h"
#include "core/region-file.h"
#include "core/status.h"

namespace rstore {

/// Memory of a view, one reservation: the windows, a bit for each line, an epoch for each page.
struct ViewMemory {
  Reservation reservation;
  uint64_t windowBytes = 0;  // all windows together: at least the capacity

  static uint64_t windowBytesFor(uint64_t capacityBytes);
  static uint64_t bitBytesFor(uint64_t windowBytes) { return windowBytes / kLineBytes / 8; }
  static uint64_t reservationBytesFor(uint64_t windowBytes) {
    return windowBytes + bitBytesFor(windowBytes) + windowBytes / kPageBytes * sizeof(uint64_t);
  }
  std::byte* windows() const { return reservation.base; }
  std::byte* lineBits() const { return reservation.base + windowBytes; }
  uint64_t* pageEpochs() const {
    return reinterpret_cast<uint64_t*>(lineBits() + bitBytesFor(windowBytes));
  }
};

/// When a view lets changed pages wait for their first touch (pending-pages.h).
struct Waiting {
  uint32_t fromPages = 1024;  // in all records together: 5 ms
  uint32_t leastInChunk = 8;  // of 16 pages
};

class View {
 public:
  View(RegionFile& file, LockFile& lock, Log& log)
      : file_(file), lock_(lock), log_(log), pending_(file, lock, log, faultRange_) {}
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() { close(); }

  Status open(const ViewMemory& memory, ControlBlock* control, const Waiting& waiting = {});
  void close();
  bool isOpen() const { return base_ != nullptr; }

  /// Shows the last published commit and pins it. Begins again from the file when it must.
  Status refresh() { return advanceTo(UINT64_MAX); }
  /// The same, to exactly this epoch, which somebody pins until this returns (so that no checkpoint
  /// goes beyond it, whatever is announced for a moment): snapshots. kStale: it cannot be shown.
  Status advanceTo(uint64_t epoch);
  /// Without a lock file: the clean slot's commit, for media that cannot be written.
  Status showSlot(const CheckpointSlot& slot);

  const LogCursor& cursor() const { return cursor_; }
  uint64_t epoch() const { return cursor_.epoch; }
  std::byte* base() const { return base_; }
  uint64_t* lineBits() const { return reinterpret_cast<uint64_t*>(memory_.lineBits()); }
  ControlBlock& control() const { return *control_; }
  FaultRange& faultRange() { return faultRange_; }

  /// After a commit of one's own: the cursor behind it.
  void moveTo(const LogCursor& cursor);
  /// A log was begun: the same commit, another place to go on from.
  void moveToLogOf(const LogCursor& cursor) { cursor_ = cursor; }
  /// Applies one valid record behind the cursor: adoption.
  Status apply(const RedoRecord& record, uint64_t start);
  void notePrivate(uint64_t page, uint64_t epoch);
  /// Pages that a savepoint wrote to which was rolled back: they are as in the commit that is
  /// shown, and private (V1).
  void noteTouched(const uint32_t* pages, uint32_t count);
  /// True when a page was not among those changed since the durable slot: for the count of distinct
  /// pages.
  bool isUnchangedSince(uint64_t page, uint64_t epoch) const {
    return memory_.pageEpochs()[page] <= epoch;
  }
  /// `isUnchangedSince` and `notePrivate` of it come soon: what they look at may lie anywhere.
  void expect(uint64_t page) const { __builtin_prefetch(&memory_.pageEpochs()[page], 1); }
  /// A tail was written to the file as it is here: its pages need not stay private.
  void giveBackTail(uint64_t firstPage, uint64_t pageCount);
  /// After a commit: what the transaction wrote past the end that it has in the end.
  void giveBackPastEnd();
  /// The file is shown again where the tail of a transaction was in other memory (fault.h, F8).
  void endBufferedTail();
  /// After a rollback: the pages it made private and everything past the committed end. kStale:
  /// refresh begins again.
  void forget(const uint32_t* pages, uint32_t count);
  /// Gives private pages back that the file holds, when there are more than `budgetPages`.
  void trim(uint64_t budgetPages);
  uint64_t privatePageCount() const { return private_.size(); }
  const PendingPages& pending() const { return pending_; }
  void requireRestart() { restart_ = true; }
  /// V6, before the first transaction after every new beginning from the file.
  void prepareToWrite() {
    if (!lastPageIsClear_) clearLastPage();
  }
  /// The file is about to be closed, and another one to be shown at the next `refresh`.
  void leaveFile();

 private:
  Status restart();
  Status applyUpTo(uint64_t epoch);
  Status applyFromHere(uint64_t epoch);
  Status proveIfSuspect(const LogCursor& from, uint64_t epoch) const;
  Status applyLines(const RedoRecord& record, uint64_t start);
  bool isFarBehind(uint64_t epoch) const;
  Status applyLater(uint64_t epoch);
  template <typename Do>
  Status forEachChange(const RedoRecord& record, uint64_t start, Do apply) const;
  Status applyNow(const PendingPages::Change& change);
  void clearLastPage();
  void clearPastEnd();
  void giveBackRuns(std::vector<uint32_t>::iterator next, std::vector<uint32_t>::iterator end);
  void showInControl();

  RegionFile& file_;
  LockFile& lock_;
  Log& log_;
  ViewMemory memory_;
  std::byte* base_ = nullptr;
  ControlBlock* control_ = nullptr;
  FaultRange faultRange_;
  PendingPages pending_;
  Waiting waiting_;
  LogCursor cursor_;
  std::vector<uint32_t> private_;
  uint64_t trimmedAt_ = 0;  // the durable slot's epoch when pages were last given back
  bool restart_ = true;
  bool lastPageIsClear_ = false;
};

}  // namespace rstore
