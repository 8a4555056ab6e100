// The region file as bytes: identity, checkpoint slots, page checksums. Nothing here knows of views
// or logs.
//
// R1. The identity is written once, before the file has its name.
// R2. A slot is written to slot 0 and synced, then mirrored to slot 1, which the next checkpoint's
//     sync of the region makes durable before it touches slot 0 again. Whatever sector is torn or
//     rots, the other slot is whole; the higher sequence counts.
// R3. A page's checksum is kept for every page that a checkpoint, a tail or a recovery wrote; 0
//     means never written: all zero.
#pragma once

#include <cstdint>
#include <string>

#include "core/generated/layout.h"
#include "core/pages.h"
#include "core/status.h"

namespace rstore {

struct RegionFile {
  int fd = -1;
  bool writable = false;
  Identity identity{};

  RegionFile() = default;
  RegionFile(const RegionFile&) = delete;
  RegionFile& operator=(const RegionFile&) = delete;
  ~RegionFile() { close(); }

  /// Opens and checks the identity. Not a region, too new, corrupt, another kind: the status says
  /// which.
  Status open(const std::string& path, bool wantWrite, uint32_t kind);
  /// The same for a descriptor, which is the file's from now on.
  Status adopt(int descriptor, uint32_t kind);
  void close();
  /// Whether another, open one is this very file: kReplaced when it is of another region or
  /// generation, kElsewhere when it is a copy.
  Status isSameAs(const RegionFile& other) const;

  uint64_t firstDataUnits() const { return identity.firstDataPage * kPageUnits; }
  uint64_t checksumOffset(uint64_t page) const {
    return uint64_t{kChecksumPage} * kPageBytes + page * sizeof(uint32_t);
  }
};

/// ALLOCATION_PAGE, CATALOG_PAGE and TYPES_PAGE, one behind the other.
inline constexpr uint32_t kInitialPages = 3;

/// What a new file begins with.
struct NewRegion {
  uint64_t capacityBytes = 0;
  uint32_t mode = 0666;
  const std::byte* initialPages = nullptr;
};

/// Pages of the checksum table for a capacity.
constexpr uint32_t checksumPageCount(uint64_t capacityBytes) {
  const uint64_t tableBytes = capacityBytes / kPageBytes * sizeof(uint32_t);
  return static_cast<uint32_t>(pagesForBytes(tableBytes));
}

/// Makes a region file under its name in one step: there is either the whole file or none. kExists
/// when the name is taken.
Status createRegionFile(const std::string& path, const NewRegion& what);

/// Removes a region that has no commit yet, and that nobody has open or can open meanwhile
/// (handle.h, H8): one that could be made, but not opened. kExists: it is not such a one any more.
Status removeNewRegionFile(const std::string& path);

/// What is the same in new files of a kind. Without uuid, time and places: of the last, regions get
/// theirs by `placeData`.
Identity newIdentity(uint32_t kind, uint64_t capacityBytes);
/// By the capacity: where the checksum table ends, and data begin.
void placeData(Identity* identity);
/// Completes an identity with its checksum and writes it.
Status writeIdentity(int fd, Identity* identity);
Status writeInitialPages(int fd, const std::byte* pages);

/// Of a file that is complete without a log.
CheckpointSlot cleanSlot(uint64_t generation, uint64_t epoch, uint64_t endUnits);

uint32_t checksumOfIdentity(const Identity& identity);
/// Whether a file is of the same region as `earlier`, and of a later generation.
bool isLaterGeneration(const Identity& later, const Identity& earlier);

/// The valid slot with the higher sequence. kCorrupt when neither is valid.
Status readSlot(int fd, const Identity& identity, CheckpointSlot* slot);
/// Completes and writes a slot as R2 says. `slot->sequence` is raised. Syncs the file once; the
/// mirror is synced by the next.
Status writeSlot(int fd, CheckpointSlot* slot);

Status randomBytes(void* to, size_t bytes);

}  // namespace rstore
