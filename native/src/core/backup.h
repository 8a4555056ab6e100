// Backup: a consistent, self-contained copy of one commit, taken while others write.
//
//  B1. The snapshot's pin is lowered to the durable slot's epoch S for the time of the copy, so no
//      checkpoint goes beyond S: in the file only tails past the end of the snapshot change, and
//      whatever a checkpoint that was already announced still writes, up to the snapshot's epoch E
//      at most (view.h, V2).
//  B2. Records (S, E] are kept by that pin and applied to the copy (file-applier.h, A1): it ends in
//      commit E whatever was copied of them.
//  B3. The copy has a name only when it is complete and synced (temporary-file.h, T1).
#pragma once

#include <string>

#include "core/copy-progress.h"
#include "core/handle.h"
#include "core/status.h"

namespace rstore {

/// `snapshot` shows and pins the commit to copy, and is not used otherwise meanwhile. kExists when
/// `path` is taken, kUnderWay when somebody else is just backing up to it.
Status backupRegion(Handle& snapshot, const std::string& path, CopyProgress* progress);

}  // namespace rstore
