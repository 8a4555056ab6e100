#include "core/thaw.h"

#include <sys/stat.h>

#include "core/clock.h"
#include "core/io.h"
#include "core/region-file.h"
#include "core/temporary-file.h"

namespace rstore {

namespace {

Status writeLiveCopy(const RegionFile& packed, int to, CopyProgress* progress) {
  uint64_t length = 0;
  if (const Status got = fileLength(packed.fd, &length); !got.ok()) return got;
  if (const Status copied = copyRegion(packed, to, length, progress); !copied.ok()) return copied;
  Identity identity = packed.identity;
  identity.kind = kKindLive;
  identity.rootRef = identity.rootType = 0;
  identity.endUnits = 0;
  identity.createdMs = static_cast<uint64_t>(wallClockMs());
  if (const Status random = randomBytes(identity.uuid, sizeof identity.uuid); !random.ok())
    return random;
  if (const Status wrote = writeIdentity(to, &identity); !wrote.ok()) return wrote;
  CheckpointSlot slot = cleanSlot(identity.generation, 1, packed.identity.endUnits);
  if (const Status wrote = writeSlot(to, &slot); !wrote.ok()) return wrote;
  return syncAll(to);
}

}  // namespace

Status thawFile(const std::string& from, const std::string& to, CopyProgress* progress,
                uint32_t* root) {
  RegionFile packed;
  if (const Status opened = packed.open(from, false, kKindPacked); !opened.ok()) return opened;
  struct stat found;
  if (const Status got = statOf(packed.fd, &found); !got.ok()) return got;
  const mode_t readable = found.st_mode & 0444;
  const std::string temporary = to + ".thaw.tmp";
  int fd = -1;
  Status status = makeTemporary(temporary, readable | readable >> 1 | 0600, &fd);
  if (!status.ok()) return status;
  status = writeLiveCopy(packed, fd, progress);
  if (status.ok()) status = linkFile(temporary, to);
  endTemporary(temporary, fd);
  *root = packed.identity.rootRef;
  return status.ok() ? syncDirectoryOf(to.c_str()) : status;
}

}  // namespace rstore
