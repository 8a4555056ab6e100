// A region while it is being packed: mapped shared, without a log, under no name that anybody looks
// for.
//
// What a crash leaves after each step
//  1. Content is written to `path.….tmp` (or to memory).      A file that nobody opens; removed by
//     hand.
//  2. finish: checksums, identity, permissions, sync.          The same.
//  3. The name is given in one step (link, or rename to replace), then the folder is synced: the
//     whole file or none.
// In place it has its name from the beginning: for those who tell by other means whether it is
// whole, and remove what a crash leaves.
#pragma once

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

class PackWriter {
 public:
  PackWriter() = default;
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;
  ~PackWriter() { discard(); }

  /// Begins a file beside `path`, or there, or memory when it is empty. `initialPages` as for a new
  /// region.
  Status begin(const std::string& path, bool inPlace, uint64_t capacityBytes,
               const std::byte* initialPages);
  /// Maps it at the start of a reservation of at least the capacity.
  Status attach(std::byte* base, ControlBlock* control);
  Status grow(uint64_t endUnits) { return growFile(&range_, endUnits * kUnitBytes); }
  /// Freezes it. After a failure nothing is left behind, as after `discard`. Without `sync` the
  /// name may outlive its content when the machine crashes: whoever opens it checks every page.
  Status finish(const PackRoot& root, bool replace, bool sync);
  void discard();
  /// After `finish` without a path: the memory, which the caller owns now.
  int takeDescriptor();

  const Identity& identity() const { return identity_; }

 private:
  Status freeze(const PackRoot& root, bool sync);
  Status seal();
  Status publish(bool replace, bool sync);
  Status writeChecksums(uint64_t endPage);
  void detach();

  std::string path_;
  /// What the file is called until it has its name; that, in place. Removed by `discard`.
  std::string temporary_;
  Identity identity_{};
  int fd_ = -1;
  std::byte* base_ = nullptr;
  FaultRange range_;
};

}  // namespace rstore
