/**
 * The seam for tests: an IoTable in which operation N fails, falls short, is the last that reaches
 * the disk, or is followed by a crash that keeps any subset of what was not synced.
 *
 * Compiled only with RSTORE_TEST_SEAM; the release addon has none of it. The test addon starts it
 * when it is loaded, from the environment variable RSTORE_TEST_IO.
 *
 * What is counted. Each operation that can change the disk has a number, from 1 on, across all
 * threads: pwrite, pwritev, allocate, truncate, copyRange, rename, link, unlink, an open that makes
 * or empties a file, fsync, fdatasync, and each noteMappedWrite. Reads (pread, preadv) are counted
 * apart. One process only: what other processes do is neither counted nor undone.
 *
 * Plans, as written in RSTORE_TEST_IO ("@17" is operation 17, "@17+" that and all that follow,
 * "@r17" is read 17):
 *
 *   count
 *     Nothing happens; operations are counted.
 *   fail:EIO@17
 *     The operation is not done and gives the errno: EIO, ENOSPC, EDQUOT, EROFS, EINTR, EAGAIN,
 *     ENOMEM, EACCES or EOPNOTSUPP. A mapped write cannot fail and is not affected.
 *   short@17
 *     A read, write or copy does only about half; other operations are done.
 *   freeze@17
 *     From this operation on nothing reaches the disk: all report success, stores to durable
 *     mappings stay private. What the process does from then on means nothing; the test ends it.
 *     A view cannot grow any more and finds the disk full.
 *   kill@17
 *     SIGKILL instead of the operation.
 *   tear:seed=7@33
 *     A machine crash right after the operation (if it is a sync: instead of it). Every 512-byte
 *     sector that was changed since its file was last synced gets one of the contents it has had
 *     since, by the seed; lengths of files and directory entries likewise; then SIGKILL.
 *   drop:seed=7@33
 *     The first sync of a file from operation 33 on fails with EIO, and sectors of that file that
 *     were not synced get an older content, by the seed: as when the kernel drops pages that it
 *     could not write. The process goes on.
 *
 * Directory entries: files made, renamed and removed are safe only after the directory was synced;
 * of those that were not, a prefix (by the seed) survives. To be able to take back what was
 * replaced or removed, the seam keeps it under a name that ends in ".seam-N" until then.
 */
#pragma once

#ifdef RSTORE_TEST_SEAM

#include <cstdint>

#include "core/io.h"

namespace rstore {

enum class TestAction : uint32_t { kCount, kFail, kShort, kFreeze, kKill, kTear, kDrop };

struct TestPlan {
  TestAction action = TestAction::kCount;
  bool ofReads = false;
  bool fromThenOn = false;
  uint64_t operation = 0;  // 0: never
  int error = 0;           // kFail
  uint64_t seed = 0;       // kTear, kDrop
};

/** kInvalid for anything that is not written as above. */
Status parseTestPlan(const char* text, TestPlan* out);

/** Puts the seam in place, all counts at 0. Files that are open already take part from now on. */
void startTestIo(const TestPlan& plan);

/**
 * From RSTORE_TEST_IO; false when it is not set. A plan that cannot be read ends the process.
 * Called by itself when the program or the addon is loaded.
 */
bool startTestIoFromEnvironment();

/** Back to the system calls; the journal is forgotten. */
void stopTestIo();

struct TestIoState {
  uint64_t changes;  // operations counted so far
  uint64_t reads;
  bool reached;  // the plan's operation has come
  bool frozen;
  uint64_t unsyncedSectors;  // kTear and kDrop: sectors whose fate a crash would decide now
};
TestIoState testIoState();

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
