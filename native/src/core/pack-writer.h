// A region while it is being packed or compacted: mapped shared, without a log, under no name that
// anybody looks for.
//
// What a crash leaves after each step
//  1. Content is written to a file without a name (or to memory).   Nothing.
//  2. finish: checksums, identity, permissions, sync.               Nothing.
//  3. The name is given in one step, by a link, then the folder is synced: the whole file or none.
//     To replace another it is linked as `path.pack.tmp` and renamed: a crash in between leaves
//     that, whole, and the next that replaces this file removes it (temporary-file.h).
// Where the file system has no files without a name, it is `path.pack.tmp` from the beginning: one
// at a time, and what a crash leaves is removed by the next.
// In place it has its name from the beginning: for those who tell by other means whether it is
// whole, and remove what a crash leaves. A compacted region is filled under a temporary name that
// is always the same (temporary-file.h), and gets its own by `nameLive`, or by replacement.cc.
#pragma once

#include <sys/stat.h>

#include <string>

#include "core/address-space.h"
#include "core/fault.h"
#include "core/region-file.h"
#include "core/status.h"

namespace rstore {

struct PackRoot {
  uint32_t ref = 0;
  uint32_t typeId = 0;
  uint64_t endUnits = 0;
  uint8_t uuid[16] = {};
};

/// What a compacted region is: another generation of one, or a region of its own.
struct LiveContent {
  uint8_t uuid[16] = {};  // all zero: a new one
  uint64_t generation = 1;
  uint64_t epoch = 1;
  uint64_t endUnits = 0;
  struct stat permissions{};  // of the file that it is a copy of
};

/// Under which name it is written. The order is TypeScript's, too
/// (lib/region/packed/pack-session.ts).
enum class PackPlace : uint32_t {
  kBeside,     // none, or one of its own
  kInPlace,    // that which it is to have
  kTemporary,  // the same for all that make this file: one at a time
};

class PackWriter {
 public:
  PackWriter() = default;
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;
  ~PackWriter() { discard(); }

  /// Begins a file beside `path`, or there, or memory when it is empty. `initialPages` as for a new
  /// region. `mode`: permissions of the file, less the umask, and once it is frozen those to write;
  /// a temporary one is its owner's. kUnderWay: somebody else has the temporary name.
  Status begin(const std::string& path, PackPlace place, uint64_t capacityBytes,
               const std::byte* initialPages, uint32_t mode);
  /// Maps it at the start of a reservation of at least the capacity.
  Status attach(std::byte* base, ControlBlock* control);
  Status grow(uint64_t endUnits) { return growFile(&range_, endUnits * kUnitBytes); }
  /// Freezes it. After a failure nothing is left behind, as after `discard`. Without `sync` the
  /// name may outlive its content when the machine crashes: whoever opens it checks every page.
  Status finish(const PackRoot& root, bool replace, bool sync);
  /// Makes a live region of it, complete and synced; nothing can be written any more, and `discard`
  /// removes the name it was begun with, unless it was renamed.
  Status finishLive(const LiveContent& content);
  /// Gives it another name. kExists when that is taken.
  Status nameLive(const std::string& path);
  void discard();
  /// After `finish` without a path: the memory, which the caller owns now.
  int takeDescriptor();

  const Identity& identity() const { return identity_; }

 private:
  Status freeze(const PackRoot& root, bool sync);
  Status seal();
  Status openBeside(mode_t mode);
  Status publish(bool replace, bool sync);
  Status giveName(bool replace, bool sync);
  Status cutAndCheck(uint64_t endUnits);
  Status writeChecksums(uint64_t endPage);
  Status writeLive(const LiveContent& content);
  Status permitLike(const struct stat& like);
  void detach();
  std::string temporaryName() const { return path_ + ".pack.tmp"; }

  std::string path_;
  /// What the file is called until it has its name; that, in place; empty where it has none yet.
  /// Removed by `discard`.
  std::string temporary_;
  Identity identity_{};
  int fd_ = -1;
  std::byte* base_ = nullptr;
  FaultRange range_;
};

}  // namespace rstore
