// The process-wide handler of SIGSEGV and SIGBUS: makes a touch of our addresses never fatal.
//
// A bump allocator without a capacity check, a file that somebody cut, a disk that is full or
// broken: each shows as a fault on an address of ours. The handler looks the address up, asks the
// file how long it is, makes it longer or puts anonymous memory there, sets bits in the view's
// ControlBlock, and the access is repeated. JavaScript looks at the bits before it returns a
// result.
//
// Invariants
//  F1. The handler uses: system calls through io() and mmap, mprotect, madvise, mremap; atomics;
//      memory of FaultRange, ControlBlock and its own stack. No allocation, no lock that its own
//      thread could hold when it faults, no thread-local storage (its first use in a library may
//      allocate). errno is kept.
//  F2. An address in no registered range goes to the handler that was there before, as if we were
//      not: with SA_SIGINFO, without, default (the instruction is repeated and ends the process),
//      ignored.
//  F3. A range is found only while it is registered. unregisterRange and changeRange return only
//      when no handler uses the old state any more (a count in the slot, sequentially consistent on
//      both sides).
//  F4. A view's file grows only while control->growing is 1, only within one chunk of the
//      allocation frontier, never past control->capacityUnits, and never when the file is shorter
//      than the committed end (then somebody cut it). It is never made shorter.
//  F5. Every piece of anonymous memory that the handler put is on the range's list of patches,
//      until repairRange maps the file there again; if the list was full, `restart` is set and the
//      whole view must be mapped again. Nothing that a fault handed out can therefore be taken for
//      content of the file later.
//  F6. Both signals are blocked while the handler runs: a fault inside ends the process by default,
//      it never recurses.
//  F7. Serving is done under the range's spin lock; a second thread that faulted on the same page
//      finds it provided and repeats its access. The holder never faults (F1), so it is never
//      waited for in vain.
//  F8. Where `buffersTail` is set, a transaction that has grown by kBufferedTailBytes gets
//      anonymous memory where the file is made longer for it, not pages of the file, each of which
//      the kernel would read only to copy it. Nobody has touched those pages yet, and they are zero
//      either way. The memory is a patch (F5), and its content is in no file until somebody writes
//      it there: ahead of the commit (tail.cc), or whoever ends the transaction, who writes
//      the whole tail straight to the file, and repairs the range. tail-memory.h.
//  F9. A view may have taken the right to touch pages away that it has not brought up to date
//      (pending-pages.h): SIGSEGV. The handler does that with system calls and gives the right
//      back; the access is repeated. It also reads the slot's epoch, the table of segments and
//      whether the log is suspect in the mapped lock file then, which are memory like the
//      ControlBlock of a snapshot.
//  F10. A thread may still read what was lent to it (a function of Node that works in a thread of
//      its own) when its owner closes. So an address that JavaScript has had is in a registered
//      range for as long as it is reserved: a reservation of the pool (address-space.h) is a
//      range of its own, the ground, on which views and others lie while they are open. They are
//      found first; when one is unregistered, what it covered is the ground's, kClosed, before and
//      after it is unmapped.
//  F11. While a range is mapped anew it is kMapping: nothing is put there, the access is repeated.
//      changeRange into it waits for the handler (F7), so no page that one has put comes to lie on
//      the new mapping, where F5 would not know it. A ground that is not kMapping any more looks
//      again, under its lock, whether something was registered on it meanwhile.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>

#include "core/generated/layout.h"
#include "core/status.h"

namespace rstore {

/// F9. What brings pages up to date before they are touched: pending-pages.h.
class FirstTouch {
 public:
  /// Under the range's lock, by the handler. False when nothing waited there.
  virtual bool fill(uint64_t offset) = 0;
  /// All in a stretch, taking the lock.
  virtual void fillAll(uint64_t offset, uint64_t bytes) = 0;

 protected:
  ~FirstTouch() = default;
};

enum class FaultKind : uint32_t {
  kNone = 0,
  /// Private mapping of a region file over its capacity: grows, see F4.
  kView,
  /// Shared mapping of a log. Anonymous page; FAULT_NO_SPACE (hole, disk full) or FAULT_IO.
  kLog,
  /// Shared mapping of a lock file. As kLog.
  kLock,
  /// Shared mapping of a vector. As kLog.
  kVector,
  /// mapReadOnly of a packed region. Written to: private page, FAULT_READ_ONLY. Unreadable:
  /// FAULT_IO.
  kPacked,
  /// Reserved, nothing mapped (pooled or closed). Zero page, FAULT_CORRUPT.
  kClosed,
  /// Being mapped by its owner's thread, which does not touch it: the access is repeated. F11
  kMapping,
  /// Memory of array builders with guard pages. A thread that armed a GuardLanding leaves its loop;
  /// otherwise a page is put there and FAULT_REGION_FULL set.
  kBuilder,
};

/// A stretch of the range that the handler provided instead of the file. Unit: system pages.
struct FaultPatch {
  uint32_t firstPage;
  uint32_t pageCount;
};

constexpr uint32_t kFaultPatchLimit = 62;

/// Memory for tails that waits to be used again: tail-memory.h.
struct TailMemory {
  std::byte* base = nullptr;
  uint32_t ready = 0;  // a bit for each unit that is there
};

/// F8. As many bytes of new pages go straight to the file anyway.
constexpr uint64_t kBufferedTailBytes = 64 * kPageBytes;

/// One registered range. Belongs to the view (or log, lock …) that registered it, never moves while
/// it is registered. Fields are set before registerRange and changed only by changeRange and the
/// handler.
struct FaultRange {
  std::byte* base = nullptr;
  uint64_t bytes = 0;  // multiple of the system page
  FaultKind kind = FaultKind::kNone;
  int fd = -1;                      // -1 where there is none
  uint64_t fileOffset = 0;          // offset in the file of `base`; 0 for views
  ControlBlock* control = nullptr;  // null: nobody is told
  uint32_t buffersTail = 0;         // kView, privately mapped: 1 when its owner knows F8
  uint32_t isGround = 0;            // 1: others may lie on it, and are found first (F10)

  bool readOnly = false;  // kLog: the file was opened for reading

  FirstTouch* pending = nullptr;  // kView: F9

  /// kPacked, lazily verified: the range begins without access, a chunk is opened and checked when
  /// it is first touched. `verified` has a byte for each chunk; null: everything is open from the
  /// start.
  uint8_t* verified = nullptr;
  uint64_t chunkBytes = 0;
  uint64_t checksumOffset = 0;  // in the file, of the table of page checksums
  uint64_t verifiedFrom = 0;    // what is before this offset has no page checksum
  uint64_t tableOffset = 0;     // nor has the table itself
  uint64_t tableBytes = 0;

  // What follows is the handler's.
  uint32_t lock = 0;          // spin lock (F7)
  uint32_t slot = 0;          // in the table, plus 1; 0 when not registered
  uint32_t retryPage = 0;     // page whose access was last repeated without a change, plus 1
  uint32_t retryCount = 0;    // how many times
  uint32_t tailBuffered = 0;  // 1 when a patch is part of a tail (F8)
  TailMemory tailMemory;
  uint32_t restart = 0;  // 1 when a patch could not be listed (F5)
  uint32_t patchCount = 0;
  FaultPatch patches[kFaultPatchLimit] = {};
};

/// Installs the handler, once for the process; later calls do nothing. Not for use in a signal
/// handler.
Status installFaultHandler();

/// Whether the process's current actions for both signals are still ours (somebody may have
/// replaced them).
bool faultHandlerIsCurrent();

/// kMemory when all 16,384 slots are taken; kInvalid when fields make no sense, or addresses
/// overlap with those of a range that is no ground (F10).
Status registerRange(FaultRange* range);

/// Does nothing when it is not registered. See F3.
void unregisterRange(FaultRange* range);

/// Changes what a registered range is, in one step as seen by the handler: close() turns kView into
/// kClosed. Patches are forgotten: call after (or instead of) mapping the whole range anew.
void changeRange(FaultRange* range, FaultKind kind, int fd, uint64_t fileOffset,
                 ControlBlock* control);

/// Number of bytes by which a file of this length grows at a time: length / 8 within 64 KiB … 16
/// MiB.
constexpr uint64_t growthChunkBytes(uint64_t fileBytes) {
  constexpr uint64_t kLeast = 64 * 1024, kMost = 16 * 1024 * 1024;
  const uint64_t eighth = fileBytes / 8;
  return eighth < kLeast ? kLeast : eighth > kMost ? kMost : eighth & ~(kLeast - 1);
}

/// Makes the file of a kView range at least `endBytes` long: for objects larger than a chunk, and
/// before a commit. The caller holds the write lock of the region. kRegionFull past
/// control->capacityUnits (and FAULT_REGION_FULL is set), kNoSpace (FAULT_NO_SPACE is set), kIo
/// when the file was cut (as in F4).
Status growFile(FaultRange* range, uint64_t endBytes);

/// Maps the file again wherever the handler had put other memory, and forgets the patches. To be
/// called after the fault bits were taken: after the rollback of a transaction, or when a reader is
/// told RSTORE_CORRUPT or RSTORE_IO. Pages that were patched and private lose their content, which
/// the rollback does not miss: patches are only where the file had nothing or the disk gave
/// nothing. kStale: patches were too many to list, or mapping failed: the view must be mapped and
/// filled anew. Works for all kinds that have a file, kPacked included, and for kClosed.
Status repairRange(FaultRange* range);

/// The fault bits of a view, taken: read and cleared in one step.
uint32_t takeFaultBits(ControlBlock* control);

/// Numbers for stats and tests.
struct FaultCounters {
  uint64_t served;   // faults on addresses of ours
  uint64_t grown;    // of them, those that made a file longer
  uint64_t chained;  // given to the previous handler
};
FaultCounters faultCounters();

// ── guard landings ──

/// Where a native producer continues when it runs into the guard pages behind its builder:
///
///   GuardLanding landing;
///   if (sigsetjmp(landing.jump, 0) == 0) {
///     armGuard(&landing, guardBase, guardBytes);
///     … the loop, without a bounds check …
///     disarmGuard(&landing);
///   } else {
///     … overflow: landing.address is the first byte that could not be written; it is disarmed …
///   }
///
/// Between arm and disarm nothing may be called that needs unwinding (the jump skips destructors),
/// and what the loop changes and the landing reads must be volatile or in memory. Only faults of
/// the thread that armed it, within the guard, land; landings nest.
struct GuardLanding {
  sigjmp_buf jump;
  std::byte* guardBase;
  uint64_t guardBytes;
  std::byte* address;
  GuardLanding* outer;
  uint32_t slot;  // of the thread, in the handler's table
};

/// kMemory when more than 1,024 threads have a landing at a time.
Status armGuard(GuardLanding* landing, std::byte* guardBase, uint64_t guardBytes);
void disarmGuard(GuardLanding* landing);

// ── pages that wait for their first touch ──

/// Before memory of a view is given to somebody whose touch the handler cannot serve: a system
/// call, or another thread (pending-pages.h, W5). Addresses may be anybody's.
void fillPending(const std::byte* base, uint64_t bytes);

}  // namespace rstore
