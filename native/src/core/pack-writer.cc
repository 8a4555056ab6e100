#include "core/pack-writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "core/clock.h"
#include "core/io.h"
#include "core/pages.h"
#include "core/permissions.h"
#include "core/temporary-file.h"

namespace rstore {

Status PackWriter::openBeside(mode_t mode) {
  const Status unnamed = makeUnnamed(path_, mode, &fd_);
  if (unnamed.code != Code::kUnsupported) return unnamed;
  const Status made = makeTemporary(temporaryName(), mode, &fd_);
  if (made.ok()) temporary_ = temporaryName();
  return made;
}

Status PackWriter::begin(const std::string& path, PackPlace place, uint64_t capacityBytes,
                         const std::byte* initialPages, uint32_t mode) {
  path_ = path;
  Status status = kSuccess;
  if (path.empty()) {
    fd_ = memfd_create("rstore", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd_ < 0) status = statusFromErrno(errno);
  } else if (place == PackPlace::kBeside) {
    status = openBeside(mode);
  } else {
    status = place == PackPlace::kTemporary
                 ? makeTemporary(path, 0600, &fd_)
                 : openFile(path.c_str(), O_RDWR | O_CREAT | O_EXCL, mode, &fd_);
    if (status.ok()) temporary_ = path;
  }
  if (!status.ok()) return status;
  identity_ = newIdentity(kKindPacked, capacityBytes);
  placeData(&identity_);
  const int sized = io().truncate(fd_, uint64_t{identity_.firstDataPage} * kPageBytes);
  if (sized < 0) return statusFromErrno(-sized);
  return writeInitialPages(fd_, initialPages);
}

Status PackWriter::attach(std::byte* base, ControlBlock* control) {
  const Status mapped = mapShared(base, fd_, 0, identity_.capacityBytes, Shared::kMemory);
  if (!mapped.ok()) return mapped;
  base_ = base;
  *control = {};
  const uint64_t first = identity_.firstDataPage * kPageUnits;
  control->capacityUnits =
      static_cast<uint32_t>((identity_.capacityBytes - kSinkBytes) / kUnitBytes);
  control->endUnits = control->frontierUnits = static_cast<uint32_t>(first);
  control->growing = 1;
  control->epoch = 1;
  range_.base = base;
  range_.bytes = roundUpToSystemPage(identity_.capacityBytes);
  range_.kind = FaultKind::kView;
  range_.fd = fd_;
  range_.control = control;
  return registerRange(&range_);
}

Status PackWriter::finish(const PackRoot& root, bool replace, bool sync) {
  Status status = freeze(root, sync);
  detach();
  if (status.ok()) status = path_.empty() ? seal() : publish(replace, sync);
  if (!status.ok() || !path_.empty()) discard();
  return status;
}

/// Memory has no permissions, but this: not even whoever has the descriptor can write to it.
Status PackWriter::seal() {
  const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  return fcntl(fd_, F_ADD_SEALS, seals) == 0 ? kSuccess : statusFromErrno(errno);
}

Status PackWriter::publish(bool replace, bool sync) {
  const bool inPlace = temporary_ == path_;
  if (!inPlace) {
    if (const Status named = giveName(replace, sync); !named.ok()) return named;
  }
  const Status status = sync ? syncDirectoryOf(path_.c_str()) : kSuccess;
  if (status.ok() && inPlace) temporary_.clear();
  return status;
}

Status PackWriter::giveName(bool replace, bool sync) {
  if (temporary_.empty() && !replace) {
    const Status named = nameUnnamed(fd_, path_);
    // Not every file system brings the first name to the disk with the folder that has it.
    return named.ok() && sync ? syncAll(fd_) : named;
  }
  if (temporary_.empty()) {
    if (const Status named = nameTemporary(fd_, temporaryName()); !named.ok()) return named;
    temporary_ = temporaryName();
  }
  return replace ? statusFromErrno(-io().rename(temporary_.c_str(), path_.c_str()))
                 : linkFile(temporary_, path_);
}

Status PackWriter::freeze(const PackRoot& root, bool sync) {
  if (const Status cut = cutAndCheck(root.endUnits); !cut.ok()) return cut;
  identity_.rootRef = root.ref;
  identity_.rootType = root.typeId;
  identity_.endUnits = root.endUnits;
  memcpy(identity_.uuid, root.uuid, sizeof identity_.uuid);
  if (const Status wrote = writeIdentity(fd_, &identity_); !wrote.ok()) return wrote;
  if (path_.empty()) return kSuccess;
  struct stat made;
  if (const Status got = statOf(fd_, &made); !got.ok()) return got;
  const int frozen = io().setMode(fd_, made.st_mode & 0444);
  if (frozen < 0) return statusFromErrno(-frozen);
  return sync ? syncAll(fd_) : kSuccess;
}

/// Nothing behind the frontier, and checksums for what is before it.
Status PackWriter::cutAndCheck(uint64_t endUnits) {
  const uint64_t endPage = pagesForUnits(endUnits);
  if (const Status grown = grow(endPage * kPageUnits); !grown.ok()) return grown;
  const int cut = io().truncate(fd_, endPage * kPageBytes);
  if (cut < 0) return statusFromErrno(-cut);
  return writeChecksums(endPage);
}

Status PackWriter::finishLive(const LiveContent& content) {
  const Status status = writeLive(content);
  detach();
  return status;
}

Status PackWriter::writeLive(const LiveContent& content) {
  if (const Status cut = cutAndCheck(content.endUnits); !cut.ok()) return cut;
  identity_.kind = kKindLive;
  identity_.generation = content.generation;
  identity_.createdMs = static_cast<uint64_t>(wallClockMs());
  memcpy(identity_.uuid, content.uuid, sizeof identity_.uuid);
  const uint8_t none[sizeof identity_.uuid] = {};
  if (memcmp(identity_.uuid, none, sizeof none) == 0) {
    const Status random = randomBytes(identity_.uuid, sizeof identity_.uuid);
    if (!random.ok()) return random;
  }
  if (const Status wrote = writeIdentity(fd_, &identity_); !wrote.ok()) return wrote;
  CheckpointSlot slot = cleanSlot(content.generation, content.epoch, content.endUnits);
  if (const Status marked = writeSlot(fd_, &slot); !marked.ok()) return marked;
  if (const Status given = permitLike(content.permissions); !given.ok()) return given;
  return syncAll(fd_);
}

Status PackWriter::permitLike(const struct stat& like) {
  struct stat made;
  if (const Status given = giveOwnerOf(like, fd_, &made); !given.ok()) return given;
  return statusFromErrno(-io().setMode(fd_, permittedMode(like.st_mode & 0777, made, like)));
}

Status PackWriter::nameLive(const std::string& path) {
  const Status named = linkFile(temporary_, path);
  return named.ok() ? syncDirectoryOf(path.c_str()) : named;
}

/// Of every page with content of its own: not the table itself, nor what is before the allocation
/// state.
Status PackWriter::writeChecksums(uint64_t endPage) {
  constexpr uint64_t kPiecePages = 1024;
  std::vector<uint32_t> checksums;
  for (uint64_t first = kAllocationPage; first < endPage;) {
    const bool head = first < kChecksumPage;
    const uint64_t last = head ? kChecksumPage : std::min(endPage, first + kPiecePages);
    checksums.clear();
    for (uint64_t page = first; page < last; page++) {
      checksums.push_back(checksumOfPage(base_ + page * kPageBytes));
    }
    const uint64_t offset = uint64_t{kChecksumPage} * kPageBytes + first * sizeof(uint32_t);
    const Status wrote =
        writeFully(fd_, checksums.data(), checksums.size() * sizeof(uint32_t), offset);
    if (!wrote.ok()) return wrote;
    first = head ? identity_.firstDataPage : last;
  }
  return kSuccess;
}

void PackWriter::detach() {
  if (base_ == nullptr) return;
  unregisterRange(&range_);
  (void)unmapToReserved(base_, roundUpToSystemPage(identity_.capacityBytes));
  base_ = nullptr;
}

void PackWriter::discard() {
  detach();
  if (!temporary_.empty()) {
    endTemporary(temporary_, fd_);
  } else if (fd_ >= 0) {
    closeFile(fd_);
  }
  fd_ = -1;
  temporary_.clear();
}

int PackWriter::takeDescriptor() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

}  // namespace rstore
