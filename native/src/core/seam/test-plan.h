// Plans, as written in RSTORE_TEST_IO ("@17" is operation 17, "@17+" that and all that follow,
// "@r17" is read 17, "@t17" the start of thread 17, "@s17" sync 17):
//
//   count
//     Nothing happens; operations are counted.
//   fail:EIO@17
//     The operation is not done and gives the errno: EIO, ENOSPC, EDQUOT, EROFS, EINTR, EAGAIN,
//     ENOMEM, EACCES, EPERM or EOPNOTSUPP. A mapped write cannot fail and is not affected.
//   short@17
//     A read, write or copy does only about half; other operations are done.
//   freeze@17
//     From this operation on nothing reaches the disk: all report success, stores to durable
//     mappings stay private. What the process does from then on means nothing; the test ends it.
//     A view cannot grow any more and finds the disk full.
//   kill@17
//     SIGKILL instead of the operation.
//   tear:seed=7@33
//     A machine crash right after the operation (if it is a sync: instead of it). Every 512-byte
//     sector that was changed since its file was last synced gets one of the contents it has had
//     since, by the seed; lengths of files and directory entries likewise; then SIGKILL.
//   drop:seed=7@33
//     The first sync (or startWriting) of a file from operation 33 on fails with EIO, and sectors
//     of that file that were not synced get an older content, by the seed: as when the kernel drops
//     pages that it could not write. The process goes on.
//   slow:ms=200@s17
//     The sync takes that much longer, as on a disk that is busy. Other threads go on meanwhile.
#pragma once

#ifdef RSTORE_TEST_SEAM

#include <cstdint>

#include "core/status.h"

namespace rstore {

enum class TestAction : uint32_t { kCount, kFail, kShort, kFreeze, kKill, kTear, kDrop, kSlow };

/// What has numbers of its own.
enum class Counted : uint32_t { kChanges, kReads, kThreads, kSyncs };

struct TestPlan {
  TestAction action = TestAction::kCount;
  Counted of = Counted::kChanges;
  bool fromThenOn = false;
  uint64_t operation = 0;  // 0: never
  int error = 0;           // kFail
  uint64_t seed = 0;       // kTear, kDrop
  uint64_t delayMs = 0;    // kSlow
};

/// kInvalid for anything that is not written as above.
Status parseTestPlan(const char* text, TestPlan* out);

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
