#include "core/region-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "core/clock.h"
#include "core/crc32c.h"
#include "core/file-lock.h"
#include "core/io.h"
#include "core/lock-file.h"
#include "core/temporary-file.h"

namespace rstore {

namespace {

constexpr uint64_t kFirstEpoch = 1;

bool isZero(const void* bytes, size_t count) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (size_t i = 0; i < count; i++) {
    if (at[i] != 0) return false;
  }
  return true;
}

Status checkIdentity(const Identity& identity, uint64_t gotBytes, uint32_t kind) {
  if (gotBytes < sizeof identity.magic || identity.magic != kRegionMagic) {
    return failure(Code::kNotRegion);
  }
  if (gotBytes < sizeof identity) return failure(Code::kCorrupt);
  if (identity.formatVersion > kFormatVersion) return failure(Code::kTooNew);
  if (identity.checksum != checksumOfIdentity(identity)) return failure(Code::kCorrupt);
  if (identity.formatVersion < kFormatVersion) return failure(Code::kTooOld);
  const bool sound = identity.pageBytes == kPageBytes && identity.flags == 0 &&
                     identity.capacityBytes >= kMinimumCapacityBytes &&
                     identity.capacityBytes <= kMaximumCapacityBytes &&
                     identity.capacityBytes % kSinkBytes == 0 &&
                     isZero(identity.reserved, sizeof identity.reserved);
  if (!sound) return failure(Code::kCorrupt);
  const uint32_t table = checksumPageCount(identity.capacityBytes);
  const bool placed =
      identity.checksumPageCount == table && identity.firstDataPage == kChecksumPage + table;
  if (identity.kind == kKindLive && !placed) return failure(Code::kCorrupt);
  const bool right = identity.kind == kind;
  return right ? kSuccess : failure(Code::kWrongKind, static_cast<int>(identity.kind));
}

bool slotIsValid(const CheckpointSlot& slot, const Identity& identity) {
  return slot.magic == kSlotMagic &&
         slot.checksum == crc32c(0, &slot, offsetof(CheckpointSlot, checksum)) &&
         slot.generation == identity.generation &&
         slot.endUnits <= identity.capacityBytes / kUnitBytes &&
         slot.endUnits >= identity.firstDataPage * kPageUnits;
}

Status writeSlotPage(int fd, const CheckpointSlot& slot, uint32_t index) {
  alignas(8) std::byte page[kPageBytes] = {};
  memcpy(page, &slot, sizeof slot);
  return writeFully(fd, page, sizeof page, uint64_t{kFirstSlotPage + index} * kPageBytes);
}

Status writeInitialContent(int fd, const NewRegion& what, Identity* made) {
  Identity& identity = *made;
  identity = newIdentity(kKindLive, what.capacityBytes);
  placeData(&identity);
  identity.createdMs = static_cast<uint64_t>(wallClockMs());
  const Status random = randomBytes(identity.uuid, sizeof identity.uuid);
  if (!random.ok()) return random;
  const uint64_t length = uint64_t{identity.firstDataPage} * kPageBytes;
  if (const int cut = io().truncate(fd, length); cut < 0) return statusFromErrno(-cut);
  if (const Status wrote = writeIdentity(fd, &identity); !wrote.ok()) return wrote;
  if (const Status wrote = writeInitialPages(fd, what.initialPages); !wrote.ok()) return wrote;
  uint32_t checksums[kInitialPages];
  for (uint32_t i = 0; i < kInitialPages; i++) {
    checksums[i] = checksumOfPage(what.initialPages + i * kPageBytes);
  }
  const Status table =
      writeFully(fd, checksums, sizeof checksums,
                 uint64_t{kChecksumPage} * kPageBytes + kAllocationPage * sizeof(uint32_t));
  if (!table.ok()) return table;
  CheckpointSlot slot =
      cleanSlot(identity.generation, kFirstEpoch, identity.firstDataPage * kPageUnits);
  if (const Status wrote = writeSlot(fd, &slot); !wrote.ok()) return wrote;
  return syncAll(fd);
}

}  // namespace

Status randomBytes(void* to, size_t bytes) {
  return getrandom(to, bytes, 0) == static_cast<ssize_t>(bytes) ? kSuccess : statusFromErrno(errno);
}

Identity newIdentity(uint32_t kind, uint64_t capacityBytes) {
  Identity identity{};
  identity.magic = kRegionMagic;
  identity.formatVersion = kFormatVersion;
  identity.kind = kind;
  identity.generation = 1;
  identity.capacityBytes = capacityBytes;
  identity.pageBytes = kPageBytes;
  return identity;
}

void placeData(Identity* identity) {
  identity->checksumPageCount = checksumPageCount(identity->capacityBytes);
  identity->firstDataPage = kChecksumPage + identity->checksumPageCount;
}

Status writeIdentity(int fd, Identity* identity) {
  identity->checksum = checksumOfIdentity(*identity);
  return writeFully(fd, identity, sizeof *identity, 0);
}

Status writeInitialPages(int fd, const std::byte* pages) {
  return writeFully(fd, pages, kInitialPages * kPageBytes, uint64_t{kAllocationPage} * kPageBytes);
}

CheckpointSlot cleanSlot(uint64_t generation, uint64_t epoch, uint64_t endUnits) {
  CheckpointSlot slot{};
  slot.clean = 1;
  slot.generation = generation;
  slot.epoch = slot.durableTailEpoch = epoch;
  slot.endUnits = endUnits;
  return slot;
}

uint32_t checksumOfIdentity(const Identity& identity) {
  return crc32c(0, &identity, offsetof(Identity, checksum));
}

bool isLaterGeneration(const Identity& later, const Identity& earlier) {
  return memcmp(later.uuid, earlier.uuid, sizeof later.uuid) == 0 &&
         later.generation > earlier.generation;
}

Status RegionFile::open(const std::string& path, bool wantWrite, uint32_t kind) {
  int opened = -1;
  const Status status = openFile(path.c_str(), wantWrite ? O_RDWR : O_RDONLY, 0, &opened);
  if (!status.ok()) return status;
  writable = wantWrite;
  return adopt(opened, kind);
}

Status RegionFile::adopt(int descriptor, uint32_t kind) {
  close();
  fd = descriptor;
  struct stat found;
  if (statOf(fd, &found).ok() && S_ISFIFO(found.st_mode)) {
    close();
    return failure(Code::kNotRegion);
  }
  size_t got = 0;
  const Status read = readUpTo(fd, &identity, sizeof identity, 0, &got);
  const Status checked = read.ok() ? checkIdentity(identity, got, kind) : read;
  if (!checked.ok()) close();
  return checked;
}

Status RegionFile::isSameAs(const RegionFile& other) const {
  const Identity& theirs = other.identity;
  if (memcmp(identity.uuid, theirs.uuid, sizeof theirs.uuid) != 0 ||
      identity.generation != theirs.generation) {
    return failure(Code::kReplaced);
  }
  struct stat own;
  struct stat found;
  if (const Status got = statOf(fd, &own); !got.ok()) return got;
  if (const Status got = statOf(other.fd, &found); !got.ok()) return got;
  return isSameFile(own, found) ? kSuccess : failure(Code::kElsewhere);
}

void RegionFile::close() {
  if (fd >= 0) closeFile(fd);
  fd = -1;
}

namespace {

/// `like`: only the very region that has this identity, if one is given.
Status removeNew(const std::string& path, const Identity* like) {
  RegionFile file;
  if (const Status opened = file.open(path, true, kKindLive); !opened.ok()) return opened;
  const Identity& found = file.identity;
  if (like != nullptr && memcmp(found.uuid, like->uuid, sizeof found.uuid) != 0) {
    return failure(Code::kExists);
  }
  const Status alone = tryLockByte(file.fd, kAliveByte, LockMode::kExclusive);
  if (!alone.ok()) return alone;
  CheckpointSlot slot;
  if (const Status read = readSlot(file.fd, file.identity, &slot); !read.ok()) return read;
  const bool isNamed = leadsTo(path.c_str(), file.fd);
  if (!isNamed || slot.clean != 1 || slot.epoch != kFirstEpoch) return failure(Code::kExists);
  return statusFromErrno(-io().unlink(path.c_str()));
}

}  // namespace

Status createRegionFile(const std::string& path, const NewRegion& what) {
  Identity identity{};
  const Status made =
      makeWhole(path, what.mode, [&](int fd) { return writeInitialContent(fd, what, &identity); });
  // It may have failed when the file had its name, which was not brought to the disk.
  if (!made.ok()) (void)removeNew(path, &identity);
  return made;
}

Status removeNewRegionFile(const std::string& path) { return removeNew(path, nullptr); }

Status readSlot(int fd, const Identity& identity, CheckpointSlot* slot) {
  CheckpointSlot found[2];
  bool valid[2];
  for (uint32_t i = 0; i < 2; i++) {
    const Status read =
        readFully(fd, &found[i], sizeof found[i], uint64_t{kFirstSlotPage + i} * kPageBytes);
    valid[i] = read.ok() && slotIsValid(found[i], identity);
  }
  if (!valid[0] && !valid[1]) return failure(Code::kCorrupt);
  const bool second = valid[1] && (!valid[0] || found[1].sequence > found[0].sequence);
  *slot = found[second ? 1 : 0];
  return kSuccess;
}

Status writeSlot(int fd, CheckpointSlot* slot) {
  slot->magic = kSlotMagic;
  slot->sequence++;
  slot->writtenMs = static_cast<uint64_t>(wallClockMs());
  slot->checksum = crc32c(0, slot, offsetof(CheckpointSlot, checksum));
  if (const Status wrote = writeSlotPage(fd, *slot, 0); !wrote.ok()) return wrote;
  if (const Status synced = syncData(fd); !synced.ok()) return synced;
  return writeSlotPage(fd, *slot, 1);
}

}  // namespace rstore
