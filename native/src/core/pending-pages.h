// Pages of a view that records have changed and that nobody has looked at since: what the records
// say is copied when a page is first touched.
//
// WHY. To take a page over from the log the kernel finds memory, copies the page of the file into
// it, and only then are the lines copied: 3 to 10 microseconds a page, most of it for the memory.
// A view that has a log of 64 MiB to take over, because it is new or was overtaken (view.h, V5),
// would do that 16,384 times before it shows anything; most readers look at few of those pages.
// So where many pages are changed close to each other, the view only notes where in the log their
// lines are and takes the right to touch them away, a chunk of 16 pages at a time. The fault
// handler brings a chunk up to date at the first touch and gives the right back.
//
// W1. A page is here only while its chunk cannot be touched. Lists are changed under the lock of
//     the range, by the thread of the view; a chunk leaves by being filled, or with the whole view.
// W2. The lines of a page are those of all records that change it, in order, from some epoch D up
//     to the view's E; without them the page is what it was at D: private, or the file's.
// W3. WHERE A RECORD MAY BE GONE. Filling reads the slot's epoch S. If no record of the page is at
//     or below S, all of them are in the log (lock-file.h, L4). Else the file holds the page as it
//     was at S (V3): what is private of it is given back first, and only records behind S are
//     applied. Those are in the log as long as S does not move: it is read again afterwards, and
//     when it has come to one of the records that were read, all is done again. It never moves
//     beyond E while the view may be read, so that ends, in the page of commit E. While a view
//     moves, S may come to be beyond E: then the file's page is right for what comes next (V3).
// W4. The handler does this with system calls into the page: a log or a file that cannot be read is
//     an error there, and no fault in the handler. So is a log of which pages may be lost (view.h,
//     V7), when a record in it does not check. The chunk's pages are then zero, the handle is
//     latched, and the view begins again before it shows anything (FaultRange::restart).
// W5. Only the thread of the view touches these pages. Others (a system call, a thread of Node that
//     compresses) may get memory that is a buffer of its own: `fillPending` fills it before.
// W6. A page that was given back (V4) may still be here: all its records are at or below S, and
//     by W3 it shows the file.
// W7. Pages of the last chunk and behind the committed end are never here: handles look at them and
//     give them back on their own (V6). Nor are there more than kMostChunks chunks, or
//     kMostOfProcess of all views: each may cost the process two mappings, of which it has 65,530.
// W8. Chunks that were filled are one mapping again only where the kernel keeps their private pages
//     in one list, which it makes for a mapping at the first store. So a page is stored to before a
//     mapping is divided: else each part gets a list of its own, and they stay divided for good.
#pragma once

#include <cstdint>
#include <vector>

#include "core/fault.h"
#include "core/lock-file.h"
#include "core/log.h"
#include "core/region-file.h"

namespace rstore {

class PendingPages final : public FirstTouch {
 public:
  static constexpr uint32_t kChunkPages = 16;
  static constexpr size_t kMostChunks = 2048;
  static constexpr size_t kMostOfProcess = 8192;

  /// What a record says of a page. Without a line: that there was a record, which S has passed.
  struct Change {
    uint32_t page;
    uint64_t mask;
    uint64_t epoch;
    uint64_t lineAt;  // position in the log
  };

  PendingPages(const RegionFile& file, LockFile& lock, Log& log, FaultRange& range)
      : file_(file), lock_(lock), log_(log), range_(range) {}
  PendingPages(const PendingPages&) = delete;
  PendingPages& operator=(const PendingPages&) = delete;

  /// Whether pages can wait at all in this process.
  static bool canWait();

  bool isEmpty() const { return waiting_ == 0; }
  size_t chunkCount() const { return waiting_; }
  static size_t chunksOfProcess();
  size_t changeCount() const { return changes_.size(); }

  /// Takes `changes` over, in the order of their records, except those of pages that had better
  /// not wait: they are left in `changes`, to be applied now, page by page in order. Of a chunk
  /// `leastInChunk` pages must be changed for it to wait; `endPage`: W7.
  void add(std::vector<Change>& changes, uint32_t leastInChunk, uint64_t endPage);

  /// For the fault handler, under the range's lock: brings the chunk of an offset up to date. False
  /// when it was never here.
  bool fill(uint64_t offset) override;
  /// The same for all chunks in a stretch, taking the lock.
  void fillAll(uint64_t offset, uint64_t bytes) override;
  /// Nothing waits any more: all was mapped anew, or (`unlock`) will not be looked at again.
  void clear();
  void unlock();

 private:
  struct Chunk {
    uint32_t number;
    bool waits;
    uint32_t first, end;  // of its changes
  };

  Chunk* find(uint64_t number);
  void fillChunk(Chunk& chunk);
  bool fillPage(const Change* first, const Change* end, bool* readsLog);
  uint32_t endOfPage(const Chunk& chunk, uint32_t first) const;
  void giveUp(const Chunk& chunk);
  bool readLines(const Change& change);
  bool isLogWhole() const;
  void openAll();
  void setWaiting(size_t count);
  void settle(uint64_t durable);
  std::vector<Change> waitingChanges(uint64_t durable) const;
  void install(std::vector<Change>&& changes, std::vector<Chunk>&& chunks);
  bool allow(uint64_t first, uint64_t count) const;
  uint64_t durableEpoch() const;
  std::byte* addressOf(uint64_t page) const { return range_.base + page * kPageBytes; }

  const RegionFile& file_;
  LockFile& lock_;
  Log& log_;
  FaultRange& range_;
  std::vector<Change> changes_;  // by page, then by record
  std::vector<Chunk> chunks_;    // by number
  size_t waiting_ = 0;
  uint64_t lastEpoch_ = 0;  // of all that was listed
};

}  // namespace rstore
