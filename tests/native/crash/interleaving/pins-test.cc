// Readers, the checkpointer and the log's segments at the points where the arguments of pins (L3,
// L4, G3, V3 to V5) could break; and all of them at once.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "core/atomic-word.h"
#include "scenes.h"

namespace {

using namespace interleaving;

TEST(aPinHoldsTheCheckpointBack) {  // L3
  const std::string path = newRegion();
  Region writer, reader;
  CHECK(writer.open(path).ok() && reader.open(path).ok());
  CHECK(stamp(writer, 1).ok());
  CHECK(reader.handle.refresh().ok());
  const uint64_t pinned = reader.epoch();
  CHECK(stamp(writer, 2, true).ok() && stamp(writer, 3).ok());
  writer.handle.unpin();
  CHECK(writer.handle.checkpoint().ok());
  CHECK(slotEpoch(writer) == pinned);
  CHECK(stampShown(reader) == 1 && reader.epoch() == pinned);
  reader.handle.unpin();
  CHECK(writer.handle.checkpoint().ok());
  CHECK(slotEpoch(writer) == pinned + 2);
  CHECK(reader.handle.refresh().ok() && stampShown(reader) == 3);
}

TEST(aReaderMovesInTheMiddleOfACheckpoint) {  // V3, V5, L3
  const std::string path = newRegion();
  Region writer, pinned;
  CHECK(writer.open(path).ok() && pinned.open(path).ok());
  uint64_t number = 0;
  for (int round = 0; round < 4; round++) {
    CHECK(stamp(writer, ++number, round % 2 == 0, 3).ok());
    CHECK(pinned.handle.refresh().ok());
    CHECK(stamp(writer, ++number).ok());
    writer.handle.unpin();
    if (round % 2 == 1) pinned.handle.unpin();
    Region reader;  // idle since a commit that the checkpoint overtakes
    CHECK(reader.open(path).ok());
    reader.handle.unpin();
    CHECK(stamp(writer, ++number, false, 2).ok());
    writer.handle.unpin();
    uint32_t looks = 0;
    Once once;
    const auto look = [&] {
      once([&] {
        looks++;
        CHECK(reader.handle.refresh().ok());
        CHECK(stampShown(reader) == number);
        if (looks % 3 != 0) reader.handle.unpin();
        Region fresh;
        CHECK(fresh.open(path).ok() && stampShown(fresh) == number);
      });
    };
    useHooks({[&](int, uint64_t, size_t) {
                look();
                return 0;
              },
              [&](int, uint64_t, size_t) { look(); },
              [&](int) {
                look();
                return 0;
              }});
    CHECK(writer.handle.checkpoint().ok());
    noHooks();
    CHECK(looks > 4);
    if (round % 2 == 0) CHECK(stampShown(pinned) == number - 2);
  }
}

TEST(aPinKeepsTheLog) {  // L4, G3
  const std::string path = newRegion();
  Region writer, reader, idle;
  CHECK(writer.open(path).ok() && reader.open(path).ok() && idle.open(path).ok());
  uint64_t number = 0;
  CHECK(stamp(writer, ++number).ok());
  CHECK(reader.handle.refresh().ok() && idle.handle.refresh().ok());
  idle.handle.unpin();
  const uint64_t held = reader.epoch();
  fillLog(writer, &number);
  CHECK(words(writer).logSegmentCount > 2);
  CHECK(stampShown(reader) == 1 && reader.epoch() == held);
  CHECK(idle.handle.refresh().ok() && stampShown(idle) == number);
  idle.handle.unpin();
  CHECK(reader.handle.refresh().ok() && stampShown(reader) == number);
  reader.handle.unpin();
  const uint32_t longest = words(writer).logSegmentCount;
  for (int i = 0; i < 4; i++) fillLog(writer, &number);
  CHECK(words(writer).logSegmentCount <= longest);
  CHECK(reader.handle.refresh().ok() && stampShown(reader) == number);
}

TEST(aPinThatComesLateKeepsTheLog) {  // L4: between the scan of pins and the new slotEpoch
  const std::string path = newRegion();
  HandleOptions roomy = Region::smallLog();  // so that no commit asks for a checkpoint
  roomy.privatePages = 1000;
  Region writer, reader;
  CHECK(writer.open(path, roomy).ok() && reader.open(path).ok());
  uint64_t number = 0;
  CHECK(stamp(writer, ++number).ok() && reader.handle.refresh().ok());
  reader.handle.unpin();
  CHECK(stamp(writer, ++number, false, 70).ok());  // the last record of the first segment
  writer.handle.unpin();
  const uint64_t epoch = reader.epoch();
  const auto pin = [&] {
    if (slotEpoch(writer) < epoch) reader.handle.lock().pin(epoch);
  };
  useHooks({[&](int, uint64_t, size_t) {
              pin();
              return 0;
            },
            {},
            {}});
  CHECK(writer.handle.checkpoint().ok());
  noHooks();
  CHECK(slotEpoch(writer) == epoch + 1);
  fillLog(writer, &number);
  // The reader, had it been slow, would go on here with the record behind its epoch.
  Log log(writer.handle.lock());
  RedoRecord record;
  uint64_t start = 0;
  CHECK(log.open(path + "-wal", writer.handle.identity(), words(writer).logSalt, false).ok());
  const LogCursor& at = reader.handle.view().cursor();
  CHECK(log.peek(at, &record, &start) && log.isValid(at, record, start));
}

TEST(pagesAreGivenBackOnlyWhenTheFileHoldsThem) {  // V4
  const std::string path = newRegion();
  HandleOptions none = Region::smallLog();
  none.privatePages = 0;
  Region writer, reader;
  CHECK(writer.open(path).ok() && reader.open(path, none).ok());
  const uint64_t held = writer.epoch();
  CHECK(stamp(writer, 1).ok());
  writer.handle.lock().pin(held);  // so that the reader itself can do nothing about it
  CHECK(reader.handle.refresh().ok() && reader.handle.refresh().ok());
  CHECK(reader.handle.view().privatePageCount() >= kStampCount);  // only the log has them
  writer.handle.unpin();
  CHECK(writer.handle.checkpoint().ok());
  CHECK(reader.handle.refresh().ok());
  CHECK(reader.handle.view().privatePageCount() == 0 && stampShown(reader) == 1);
  CHECK(stamp(writer, 2).ok());
  writer.handle.unpin();
  CHECK(writer.handle.checkpoint().ok());
  CHECK(stampShown(reader) == 1);
}

TEST(aSnapshotShowsExactlyItsEpoch) {
  const std::string path = newRegion();
  Region writer, holder, snapshot, late;
  CHECK(writer.open(path).ok() && holder.open(path).ok());
  CHECK(stamp(writer, 1).ok() && stamp(writer, 2).ok());
  CHECK(holder.handle.refresh().ok());
  const uint64_t epoch = holder.epoch();
  CHECK(stamp(writer, 3).ok());
  writer.handle.unpin();
  CHECK(writer.handle.checkpoint().ok());
  CHECK(stamp(writer, 4).ok());
  writer.handle.unpin();
  // As between the two stores of a checkpointer, or for ever when it died there.
  atomicWord(words(writer).checkpointTarget).store(epoch + 2);
  CHECK(snapshot.open(path, Region::smallLog(), epoch).ok());
  CHECK(snapshot.epoch() == epoch && stampShown(snapshot) == 2);
  holder.handle.unpin();
  CHECK(writer.handle.checkpoint().ok());
  CHECK(stampShown(snapshot) == 2 && slotEpoch(writer) == epoch);
  snapshot.close();
  CHECK(writer.handle.checkpoint().ok());
  CHECK(late.open(path, Region::smallLog(), epoch).code == Code::kStale);
}

TEST(aClockThatIsSetRevokesNobody) {
  const std::string path = newRegion();
  Region writer, reader;
  CHECK(writer.open(path).ok() && stamp(writer, 1).ok() && reader.open(path).ok());
  LockFile& held = reader.handle.lock();
  CHECK(held.changeState(kReaderHandle, kReaderSnapshot));
  LockFile& lock = writer.handle.lock();
  const uint32_t slot = held.ownSlotIndex();
  held.ownSlot().pinnedMs -= 3'600'000;  // as if the time of day had been put forward
  CHECK(lock.pinAgeMs(slot) < 60'000 && !lock.revoke(slot, 60'000) && !held.isRevoked());
  held.ownSlot().pinnedMs += 7'200'000;  // … and back
  held.ownSlot().pinnedTickMs -= 61'000;
  CHECK(lock.pinAgeMs(slot) > 60'000 && lock.revoke(slot, 60'000) && held.isRevoked());
}

TEST(writersReadersAndCheckpointsAtOnce) {
  const std::string path = newRegion();
  std::atomic<uint64_t> number{0};
  std::atomic<bool> ending{false};
  std::atomic<uint32_t> wrongs{0}, reads{0};
  {
    Region first;
    CHECK(first.open(path).ok() && stamp(first, ++number).ok());
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; i++) {
      threads.emplace_back([&, i] {
        Region writer;
        if (!writer.open(path).ok()) wrongs++;
        for (uint32_t n = 0; !ending; n++) {
          const bool good = stamp(writer, ++number, n % 7 == 0, n % 5 == 0 ? 9 : 0).ok();
          if (!good) wrongs++;
          writer.handle.unpin();
          if (n % 16 == 3u * static_cast<uint32_t>(i) && !writer.handle.checkpoint().ok()) wrongs++;
        }
      });
      threads.emplace_back([&, i] {
        Region reader;
        if (!reader.open(path).ok()) wrongs++;
        uint64_t last = 0;
        for (uint32_t n = 0; !ending; n++) {
          if (!reader.handle.refresh().ok()) wrongs++;
          for (int again = 0; again < (i == 0 ? 1 : 20); again++) {
            const uint64_t shown = stampShown(reader);
            if (shown == UINT64_MAX || (again > 0 && shown != last)) wrongs++;
            last = shown;
            if (i == 1) std::this_thread::yield();
          }
          if (n % 3 != 0) reader.handle.unpin();
          reads++;
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    ending = true;
    for (std::thread& thread : threads) thread.join();
  }
  CHECK(wrongs.load() == 0);
  CHECK(reads.load() > 20);
  CHECK(checkCleanFile(path).empty());
}

}  // namespace

int main(int count, char** arguments) { return playOrRunAll(count, arguments); }
