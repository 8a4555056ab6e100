#include "core/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/atomic-word.h"
#include "core/file-applier.h"
#include "core/io.h"
#include "core/pages.h"
#include "core/temporary-file.h"

namespace rstore {

namespace {

/// B1. Lowering the pin and finding the slot unchanged afterwards means that nothing goes beyond it
///     any more.
Status pinDurableSlot(Handle& snapshot, CheckpointSlot* slot) {
  constexpr int kTries = 1000;
  const RegionFile& file = snapshot.file();
  for (int tries = 0; tries < kTries; tries++) {
    if (const Status read = readSlot(file.fd, file.identity, slot); !read.ok()) continue;
    if (!snapshot.hasLock()) return kSuccess;
    snapshot.lock().pin(std::min(slot->epoch, snapshot.view().epoch()));
    const uint64_t durable =
        atomicWord(snapshot.lock().words().slotEpoch).load(std::memory_order_seq_cst);
    if (durable <= slot->epoch) return kSuccess;
  }
  return failure(Code::kBusy);
}

Status writeCopy(Handle& snapshot, int to, CopyProgress* progress) {
  const RegionFile& file = snapshot.file();
  const LogCursor& shown = snapshot.view().cursor();
  CheckpointSlot slot;
  if (const Status pinned = pinDurableSlot(snapshot, &slot); !pinned.ok()) return pinned;
  const uint64_t endBytes = pagesForUnits(shown.endUnits) * kPageBytes;
  const Status copied = copyRegion(file, to, endBytes, progress);
  if (!copied.ok()) return copied;
  if (slot.epoch < shown.epoch) {
    Log log(snapshot.lock());
    const Status opened =
        log.join(snapshot.logPath(), snapshot.logDescriptor(), file.identity, slot.logSalt, false);
    if (!opened.ok()) return opened;
    LogCursor at = cursorOfSlot(slot);
    FileApplier applier(file, log, to);
    if (const Status applied = applier.applyUpTo(shown.epoch, &at); !applied.ok()) return applied;
  }
  CheckpointSlot own = cleanSlot(slot.generation, shown.epoch, shown.endUnits);
  own.sequence = slot.sequence;  // its slots were copied, too
  if (const Status wrote = writeSlot(to, &own); !wrote.ok()) return wrote;
  return syncAll(to);
}

}  // namespace

Status backupRegion(Handle& snapshot, const std::string& path, CopyProgress* progress) {
  const std::string temporary = path + ".backup.tmp";
  int to = -1;
  struct stat found;
  // Looked at again by the link, but before a large file is copied for nothing.
  if (io().statName(path.c_str(), &found) == 0) return failure(Code::kExists, EEXIST);
  const bool known = statOf(snapshot.file().fd, &found).ok();
  const uint32_t mode = known ? found.st_mode & 0777 : 0600;  // as private as the region
  const Status made = makeTemporary(temporary, mode, &to);
  if (!made.ok()) return made;
  Status status = writeCopy(snapshot, to, progress);
  // Its pin did not count any more: a checkpoint may have gone on under the copy, and the log may
  // have been written over.
  const bool revoked = snapshot.hasLock() && snapshot.lock().isRevoked();
  const bool isOfThat = status.ok() || status.code == Code::kIo || status.code == Code::kCorrupt;
  if (isOfThat && revoked) status = failure(Code::kRevoked);
  if (status.ok()) status = linkFile(temporary, path);
  endTemporary(temporary, to);
  if (status.ok()) status = syncDirectoryOf(path.c_str());
  if (snapshot.hasLock()) snapshot.lock().pin(snapshot.view().epoch());
  return status;
}

}  // namespace rstore
