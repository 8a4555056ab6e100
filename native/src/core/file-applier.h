// Brings the region file from one commit to a later one, out of the log. Used by checkpoint,
// recovery and backup; never looks at a view.
//
// A1. Lines are written in the order of their records, so the file ends in the last commit applied,
//     whatever it held of it before: applying twice, or again after a crash in the middle, gives
//     the same bytes.
// A2. Every page that is written gets its checksum, and so does every page of a tail (from its
//     record, unless lines follow).
// A3. A page that was committed before is not made of zeros where somebody cut the file: its new
//     checksum would hide that.
// A4. Each record is checked once more, and its lines again when they are copied: what the kernel
//     dropped of them since the record was published, after a sync that failed, does not get into
//     a file that passes for sound.
// A5. Nothing is synced here: the caller orders the syncs. But where much is written the disk is
//     set to it at once, so that it works on that while the next is prepared, and the sync finds
//     little to do. A failure of that is one of the sync: what it tells, the sync need not tell
//     again.
// A6. One at a time: whoever applies holds the checkpoint lock, or recovers, or has a file that
//     nobody knows yet. So a part of the table of checksums may be read, changed and written back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/log.h"
#include "core/page-changes.h"
#include "core/region-file.h"
#include "core/status.h"

namespace rstore {

class FileApplier {
 public:
  /// `fd` is the file that is written; usually, not for a backup, `file.fd`.
  FileApplier(const RegionFile& file, const Log& log, int fd) : file_(file), log_(log), fd_(fd) {}

  /// Applies the published (or proven) records behind `at` up to `epoch`, and leaves `at` behind
  /// the last.
  Status applyUpTo(uint64_t epoch, LogCursor* at);
  /// A5: a failure of `applyUpTo` was one of a sync.
  bool hasFailedToSync() const { return failedToSync_; }

 private:
  struct Checksum {
    uint32_t page;
    uint32_t checksum;
  };

  Status collect(const RedoRecord& record, uint64_t start);
  Status collectTail(const RedoRecord& record, uint64_t start);
  Status flush();
  Status flushRun(uint32_t firstPage, uint32_t pageCount, std::span<const PageChange> changes);
  Status patch(std::span<const PageChange> changes, std::byte* page);
  Status flushChecksums();

  const RegionFile& file_;
  const Log& log_;
  int fd_;
  uint64_t committedPages_ = 0;  // those before are in the file
  bool failedToSync_ = false;
  PageChanges changes_;
  std::vector<Checksum> checksums_;  // in the order in which they came to be: the last one counts
};

}  // namespace rstore
