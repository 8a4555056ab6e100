// Recovery: what the first opener does with the log that a crash left. Nobody else has the region
// open (LockFile::open).
//
// V-prefix. After recovery the file holds exactly the commits up to the last record that is proven:
// its checksum fits the chain, and its tail is on the disk: said so by a durable slot or a later
// valid record, or proven page by page against the checksums in the record. What lies past the end
// is zeroed. Then a slot marked clean is written and the log is removed.
//  Y1. Idempotent: a crash anywhere before the clean slot is durable repeats it; after that the log
//      is not needed.
//  Y2. Bounded by the log and by tails since the last checkpoint, not by the file.
//  Y3. A torn page is harmless under one assumption: a 512-byte sector is old or new, never
//      garbage. Lines that a checkpoint was writing are all in the log; other bytes of the same
//      sector are the same before and after.
//  Y4. Log and unproven tails are written again before they are synced: pages whose sync failed
//      earlier look clean to the kernel.
//  Y5. An unclean slot whose log is missing or begins behind the slot is reported as damage, never
//      opened as if nothing had been lost.
//  Y6. The chain of records ends where the first one does not fit. A crash leaves that behind the
//      last commit that was synced. Each header says how far the log was on the disk when it was
//      written, in words that a sector boundary cannot tear apart unseen: when any header of this
//      log, wherever it lies, knows of a synced commit behind the end of the chain, a record of it
//      was damaged since. Then nothing is written, and nothing is opened.
#pragma once

#include <string>

#include "core/lock-file.h"
#include "core/log.h"
#include "core/region-file.h"
#include "core/status.h"

namespace rstore {

/// Recovers and leaves a clean file without a log. `*slot` is the slot afterwards.
Status recoverRegion(RegionFile& file, LockFile& lock, const std::string& logPath,
                     CheckpointSlot* slot);

/// Writes the tails of records behind `at` up to `lastEpoch` again, those newer than
/// `durableEpoch`: after a failed sync the kernel may have dropped pages that were never on the
/// disk, and does not tell who opens later. kIo: a tail is not what its record says. The caller
/// syncs.
Status rewriteTails(const RegionFile& file, const Log& log, LogCursor at, uint64_t lastEpoch,
                    uint64_t durableEpoch);

/// The last close, and the end of recovery: marks the slot clean, syncs, removes the log.
/// Everything must be on the disk, also what is behind the end: zeros, or nothing. `log` is a
/// descriptor of it, or -1: what else has its name stays.
Status markClean(RegionFile& file, const std::string& logPath, int log, CheckpointSlot* slot);

}  // namespace rstore
