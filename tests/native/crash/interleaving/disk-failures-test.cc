// Writes and syncs that fail in the middle, and who must hear of it (A4, H4, H7).
#include <thread>

#include "core/atomic-word.h"
#include "scenes.h"

namespace {

using namespace interleaving;

TEST(aFailedSyncVoidsTheRecord) {  // H4
  for (const int error : {-EIO, -ENOSPC}) {
    const std::string path = newRegion();
    Region failing, other;
    CHECK(failing.open(path).ok() && other.open(path).ok() && stamp(other, 1).ok());
    other.handle.unpin();
    const int region = failing.handle.file().fd;
    useHooks({{}, {}, [region, error](int fd) { return fd == region ? 0 : error; }});
    CHECK(!stamp(failing, 2, true).ok());
    noHooks();
    CHECK(failing.control.failed == 1 && failing.handle.refresh().code == Code::kFailed);
    CHECK(words(other).logSuspect == 1);
    CHECK(other.handle.flush().code == Code::kIo);  // nothing may be promised before the repair
    CHECK(other.begin().ok() && stampShown(other) == 1);
    CHECK(words(other).logSuspect == 0);
    other.rollback();
    CHECK(stamp(other, 3, true).ok());
    failing.close();
    other.close();
    CHECK(checkCleanFile(path).empty());
  }
}

/// As when the kernel drops a page that it could not write.
void dropFromLog(const std::string& path, uint64_t offset) {
  const int log = ::open((path + "-wal").c_str(), O_RDWR);
  const std::byte zeros[64] = {};
  CHECK(::pwrite(log, zeros, sizeof zeros, static_cast<off_t>(offset)) == sizeof zeros);
  ::close(log);
}

TEST(aCheckpointDoesNotTakeWhatIsGone) {  // A4
  const std::string path = newRegion();
  {
    Region region;
    CHECK(region.open(path).ok() && stamp(region, 1, true).ok());
    region.handle.unpin();
    CHECK(region.handle.checkpoint().ok());
    const uint64_t begin = region.handle.view().cursor().position;
    CHECK(stamp(region, 2).ok());
    region.handle.unpin();
    dropFromLog(path, begin + 600);
    CHECK(region.handle.checkpoint().code == Code::kIo);
  }
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 1);
}

TEST(aCheckpointDoesNotTakeWhatGoesMeanwhile) {  // A4, when the lines are copied
  const std::string path = newRegion();
  {
    Region region;
    CHECK(region.open(path).ok() && stamp(region, 1, true).ok());
    region.handle.unpin();
    CHECK(region.handle.checkpoint().ok());
    const uint64_t begin = region.handle.view().cursor().position;
    CHECK(stamp(region, 2).ok());
    region.handle.unpin();
    bool isGone = false;
    useHooks({.afterRead = [&](int, uint64_t offset) {
      const bool isOfAPage = offset >= kFirstLine * kLineBytes;
      if (isOfAPage && !isGone) dropFromLog(path, begin + 600);
      isGone |= isOfAPage;
      return 0;
    }});
    CHECK(region.handle.checkpoint().code == Code::kIo);
    noHooks();
    CHECK(isGone);
  }
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 1);
}

TEST(aPageThatIsLostBeforeTheSyncIsLostToTheSync) {  // A5, C2
  constexpr uint32_t kMany = 700;
  const std::string path = newRegion();
  Region region, other;
  CHECK(region.open(path).ok() && other.open(path).ok());
  other.handle.unpin();
  CHECK(stamp(region, 1, true, kMany).ok());
  region.handle.unpin();
  CHECK(region.handle.checkpoint().ok());
  CHECK(other.handle.refresh().ok());  // holds the checkpoint of so much back
  CHECK(stamp(region, 2, false, kMany).ok());
  region.handle.unpin();
  CHECK(region.handle.checkpoint().ok() && slotEpoch(region) == region.handle.view().epoch() - 1);
  other.handle.unpin();
  for (const int error : {-EIO, -ENOSPC}) {
    const uint64_t slot = slotEpoch(region);
    int starts = 0;
    useHooks({.beforeStartWriting = [&](int) { return ++starts == 2 ? error : 0; }});
    CHECK(!region.handle.checkpoint().ok());
    noHooks();
    CHECK(starts == 2 && slotEpoch(region) == slot);
    CHECK(words(region).logSuspect == 1);
    // Nothing may be promised before the first repair, which syncs all there is.
    CHECK(error != -EIO || other.handle.flush().code == Code::kIo);
    CHECK(other.begin().ok() && stampShown(other) == 2);
    CHECK(words(region).logSuspect == 0);
    other.rollback();
    other.handle.unpin();
  }
  CHECK(region.handle.checkpoint().ok() && slotEpoch(region) == region.handle.view().epoch());
  region.close();
  other.close();
  CHECK(checkCleanFile(path).empty());
}

TEST(repairStopsAtARecordThatIsGone) {  // H4
  const std::string path = newRegion();
  {
    Region other;
    CHECK(other.open(path).ok() && stamp(other, 1, true).ok());
    const uint64_t good = other.handle.view().cursor().position;
    CHECK(stamp(other, 2).ok() && stamp(other, 3).ok());
    dropFromLog(path, good + 200);
    atomicWord(words(other).logSuspect).store(1);
    CHECK(other.begin().code == Code::kIo);
    CHECK(words(other).logSuspect != 0);
  }
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 1);
  CHECK(stamp(again, 4, true).ok());
}

TEST(aLogThatLostPagesIsNotShown) {  // V7
  const std::string path = newRegion();
  Region writer, reader, late;
  CHECK(writer.open(path).ok() && stamp(writer, 1).ok());
  auto& suspect = atomicWord(words(writer).logSuspect);
  suspect.store(1);
  CHECK(reader.open(path).ok() && stampShown(reader) == 1);  // it is whole
  suspect.store(0);
  const uint64_t good = writer.handle.view().cursor().position;
  CHECK(stamp(writer, 2).ok());
  dropFromLog(path, good + 600);
  suspect.store(1);
  CHECK(reader.handle.refresh().code == Code::kIo);
  CHECK(late.open(path).code == Code::kIo);
  reader.close();
  writer.close();
  CHECK(late.open(path).ok() && stampShown(late) == 1);
}

TEST(aLogThatIsCutIsNotShown) {  // V7
  const std::string path = newRegion();
  Region writer, reader;
  CHECK(writer.open(path).ok() && stamp(writer, 1).ok() && reader.open(path).ok());
  const uint64_t begin = writer.handle.view().cursor().position;
  CHECK(stamp(writer, 2, false, 40).ok());
  const uint64_t kept = (begin / kPageBytes + 1) * kPageBytes;  // the header, and some of the pages
  CHECK(::truncate((path + "-wal").c_str(), static_cast<off_t>(kept)) == 0);
  CHECK(!reader.handle.refresh().ok());
  CHECK(!reader.handle.refresh().ok());
}

TEST(aCheckpointIsMadeWhenTheLogCanBeReadAgain) {
  const std::string path = newRegion();
  Region region, reader;
  CHECK(region.open(path).ok() && stamp(region, 1, false, 40).ok());
  CHECK(reader.open(path).ok());  // its pin keeps checkpoints away until the log is cut
  CHECK(stamp(region, 2, false, 40).ok());
  const int log = ::open((path + "-wal").c_str(), O_RDWR);
  std::vector<std::byte> content(static_cast<size_t>(check::lengthOf(log)));
  const auto bytes = static_cast<ssize_t>(content.size());
  CHECK(::pread(log, content.data(), content.size(), 0) == bytes);
  CHECK(::ftruncate(log, kPageBytes) == 0);
  reader.close();
  region.handle.unpin();
  CHECK(!region.handle.checkpoint().ok());
  CHECK(::pwrite(log, content.data(), content.size(), 0) == bytes);
  ::close(log);
  const auto& durable = atomicWord(words(region).slotEpoch);
  CHECK(durable.load() < words(region).publishedEpoch);
  CHECK(region.handle.checkpoint().ok() && durable.load() == words(region).publishedEpoch);
}

TEST(repairWaitsForACheckpointUnderWay) {  // H4
  const std::string path = newRegion();
  HandleOptions hasty = Region::smallLog();
  hasty.timeoutMs = 40;
  Region checkpointing, other;
  CHECK(checkpointing.open(path).ok() && other.open(path, hasty).ok());
  CHECK(stamp(other, 1).ok());
  other.handle.unpin();
  checkpointing.handle.unpin();
  int tries = 0;
  Once once;
  useHooks({[&](int, uint64_t, size_t) {
              once([&] {
                atomicWord(words(other).logSuspect).store(1);
                if (tries++ == 0) CHECK(other.begin().code == Code::kBusy);
              });
              return 0;
            },
            {},
            {}});
  CHECK(checkpointing.handle.checkpoint().ok());
  noHooks();
  CHECK(tries > 0);
  CHECK(other.begin().ok() && stampShown(other) == 1);
  other.rollback();
  CHECK(words(other).logSuspect == 0);
}

TEST(anotherThreadsFailedSyncFailsTheCommit) {  // H7
  const std::string path = newRegion();
  Region region, other;
  CHECK(region.open(path).ok() && other.open(path).ok() && stamp(region, 1, true).ok());
  useHooks({{}, {}, [&](int) {
              atomicWord(words(region).logSuspect).store(1);
              return 0;
            }});
  CHECK(!stamp(region, 2, true).ok());
  noHooks();
  CHECK(other.begin().ok() && stampShown(other) == 1);
  other.rollback();
}

TEST(anOpenThatFailsHalfWay) {
  const std::string path = newRegion();
  for (uint32_t failing = 1; failing <= 3; failing++) {
    IoTable table = systemIo;
    static uint32_t left;
    left = failing;
    table.allocate = [](int, Allocate, uint64_t, uint64_t) { return --left == 0 ? -ENOSPC : 0; };
    table.truncate = [](int fd, uint64_t bytes) {
      return --left == 0 ? -EIO : systemIo.truncate(fd, bytes);
    };
    ioTable.store(&table);
    Region region;
    (void)region.open(path);
    region.close();
    noHooks();
    Region after;
    CHECK(after.open(path).ok());
  }
}

}  // namespace

int main(int count, char** arguments) { return playOrRunAll(count, arguments); }
