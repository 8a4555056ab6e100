// What the test addon exports beside the release one: the I/O seam of core/seam/test-io.h.
#pragma once

#ifdef RSTORE_TEST_SEAM

#include "binding/ending.h"

namespace rstore {

/// Sets `testIo` on the exports:
///   start(plan): puts the seam in place for this process, counts at 0; throws when the plan (a
///     string as in RSTORE_TEST_IO) cannot be read
///   stop(): back to the system calls
///   state(): { changes, reads, syncs, slowSyncs, reached, frozen, unsyncedSectors }, see
///     TestIoState
void exportTestSeam(Napi::Env env, Napi::Object exports);

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
