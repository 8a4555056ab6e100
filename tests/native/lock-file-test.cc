// The lock file where the disk or somebody else does what it must not: L5 and L6 of lock-file.h.
#include "core/lock-file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "check.h"
#include "core/atomic-word.h"
#include "core/io.h"
#include "core/region-file.h"

using namespace rstore;

namespace {

int cannotAllocate(int, Allocate, uint64_t, uint64_t) { return -EOPNOTSUPP; }

/// A region that its first opener has joined.
struct Joined {
  std::string path;
  RegionFile file;
  LockFile lock;

  explicit Joined(const char* name) : path(check::pathOf(name)) {
    const std::vector<std::byte> pages(3 * kPageBytes);
    bool first = false;
    const NewRegion what{1 << 20, 0600, pages.data()};
    CHECK(installFaultHandler().ok() && createRegionFile(path, what).ok());
    CHECK(file.open(path, true, kKindLive).ok());
    CHECK(lock.open(lockPath(), file.fd, 100, &first).ok() && first);
    CHECK(lock.build(file).ok() && lock.check().ok());
  }
  std::string lockPath() const { return path + "-lock"; }
};

}  // namespace

TEST(pagesHaveBlocksWhereNothingCanBeAllocated) {
  IoTable table = systemIo;
  table.allocate = cannotAllocate;
  ioTable.store(&table);
  {
    const Joined joined("without-blocks");
    struct stat made;
    CHECK(::stat(joined.lockPath().c_str(), &made) == 0);
    CHECK(static_cast<uint64_t>(made.st_blocks) * 512 >= kLockFileBytes);
  }
  ioTable.store(&systemIo);
}

TEST(whatSomebodyCutOffIsNotTakenForShared) {
  Joined joined("cut");
  uint32_t holder = 0;
  CHECK(joined.lock.lowestPin(UINT64_MAX) == UINT64_MAX);
  CHECK(::truncate(joined.lockPath().c_str(), 0) == 0);
  CHECK(joined.lock.acquireWrite(100, &holder).ok());
  const Status found = joined.lock.check();
  CHECK(found.code == Code::kIo && found.error == EIO);
  CHECK(joined.lock.lowestPin(UINT64_MAX) == 0);
}

TEST(wordsThatNobodyCanHaveStoredAreDamage) {
  Joined joined("damaged");
  SharedWords& words = joined.lock.words();
  uint32_t holder = 0;
  for (const uint64_t word : {uint64_t{kReaderSlotCount} + 1, uint64_t{1} << 32, ~uint64_t{0}}) {
    atomicWord(words.writeLock).store(word);
    CHECK(joined.lock.acquireWrite(100, &holder).code == Code::kLockDamaged);
    atomicWord(words.checkpointLock).store(word);
    CHECK(joined.lock.tryAcquireCheckpoint().code == Code::kLockDamaged);
    CHECK(joined.lock.checkpointHolderPid() == 0);
  }
  atomicWord(words.writeLock).store(0);
  atomicWord(words.checkpointLock).store(0);
  CHECK(joined.lock.acquireWrite(100, &holder).ok());
  CHECK(joined.lock.tryAcquireCheckpoint().ok() && joined.lock.check().ok());
  words.logSegmentCount = kSegmentCountLimit + 1;
  CHECK(joined.lock.check().code == Code::kLockDamaged);
}

int main() { return check::runAll(); }
