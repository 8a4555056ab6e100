// The seam for tests: an IoTable in which operation N fails, falls short, is the last that reaches
// the disk, or is followed by a crash that keeps any subset of what was not synced.
//
// Compiled only with RSTORE_TEST_SEAM; the release addon has none of it. The test addon starts it
// when it is loaded, from the environment variable RSTORE_TEST_IO.
//
// What is counted. Each operation that can change the disk has a number, from 1 on, across all
// threads: pwrite, pwritev, allocate, truncate, setOwner, setMode, copyRange, rename, link, unlink,
// an open that makes or empties a file, fsync, fdatasync, startWriting, and each noteMappedWrite.
// Reads (pread, preadv) are counted apart, and so are the starts of threads, which can only fail.
// Syncs have numbers of their own besides: those of plans that only make them slow. One process
// only: what other processes do is neither counted nor undone.
// Plans: test-plan.h.
#pragma once

#ifdef RSTORE_TEST_SEAM

#include <cstdint>

#include "core/seam/test-plan.h"

namespace rstore {

/// Puts the seam in place, all counts at 0. Files that are open already take part from now on.
void startTestIo(const TestPlan& plan);

/// From RSTORE_TEST_IO; false when it is not set. A plan that cannot be read ends the process.
/// Called by itself when the program or the addon is loaded.
bool startTestIoFromEnvironment();

/// Back to the system calls; the journal is forgotten.
void stopTestIo();

struct TestIoState {
  uint64_t changes;  // operations counted so far
  uint64_t reads;
  uint64_t threads;
  uint64_t syncs;      // begun so far
  uint64_t slowSyncs;  // kSlow: those that are being made slow now
  bool reached;        // the plan's operation has come
  bool frozen;
  uint64_t unsyncedSectors;  // kTear and kDrop: sectors whose fate a crash would decide now
};
TestIoState testIoState();

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
