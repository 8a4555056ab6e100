// What a process that dies leaves to the others: locks, slots, records and tails (L1, L2, C1, G1,
// H2, H3).
#include "core/atomic-word.h"
#include "scenes.h"

namespace {

using namespace interleaving;

TEST(aCompleteRecordIsAdopted) {  // H2
  const std::string path = newRegion();
  Region other;
  CHECK(other.open(path).ok() && stamp(other, 1).ok());
  other.handle.unpin();
  const uint64_t epoch = other.epoch();
  CHECK(dies("beforePublishing", path));
  CHECK(other.handle.refresh().ok() && stampShown(other) == 1);
  CHECK(secondsOf([&] { CHECK(other.begin(2000).ok()); }) < 0.5);
  CHECK(other.epoch() == epoch + 1 && stampShown(other) == 2);
  other.rollback();
  CHECK(stamp(other, 3, true).ok());
}

TEST(aTornRecordIsVoid) {  // G1, H2
  const std::string path = newRegion();
  Region other;
  CHECK(other.open(path).ok() && stamp(other, 1).ok());
  other.handle.unpin();
  CHECK(dies("tornRecord", path));
  CHECK(other.begin(2000).ok() && stampShown(other) == 1);
  other.rollback();
  CHECK(stamp(other, 3, true).ok());
  other.close();
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 3);
}

TEST(anAbandonedTailIsZeroed) {  // H3
  const std::string path = newRegion();
  Region other;
  CHECK(other.open(path).ok() && stamp(other, 1).ok());
  other.handle.unpin();
  CHECK(dies("behindATail", path));
  bool zeroBehind = true;
  (void)other.hashes(&zeroBehind);
  CHECK(!zeroBehind);
  CHECK(other.begin(2000).ok());
  (void)other.hashes(&zeroBehind);
  CHECK(zeroBehind && stampShown(other) == 1);
  other.rollback();
}

TEST(theLastCloseZeroesAnAbandonedTail) {  // H3: the word that says so goes with the lock file
  const std::string path = newRegion();
  {
    Region other;
    CHECK(other.open(path).ok() && stamp(other, 1).ok());
    other.handle.unpin();
    CHECK(dies("behindATail", path));
  }
  CHECK(checkCleanFile(path).empty());
  Region again;
  bool zeroBehind = false;
  CHECK(again.open(path).ok() && again.begin().ok());
  (void)again.hashes(&zeroBehind);
  CHECK(zeroBehind && stampShown(again) == 1);
  again.rollback();
}

TEST(whatADeadOwnerHeldIsFreeAtOnce) {  // L1, C1
  const std::string path = newRegion();
  Region other;
  CHECK(other.open(path).ok() && stamp(other, 1).ok());
  other.handle.unpin();
  CHECK(dies("inTransaction", path));
  CHECK(words(other).writeLock != 0);
  CHECK(secondsOf([&] { CHECK(stamp(other, 2).ok()); }) < 0.5);
  other.handle.unpin();
  for (uint32_t writes = 1; writes <= 12; writes++) {
    CHECK(stamp(other, 10 + writes, false, 1).ok());
    other.handle.unpin();
    CHECK(dies("inCheckpoint", path, writes));
    CHECK(other.handle.refresh().ok() && stampShown(other) == 10 + writes);
    other.handle.unpin();
    CHECK(secondsOf([&] { CHECK(other.handle.checkpoint().ok()); }) < 0.5);
    CHECK(slotEpoch(other) == other.epoch());  // neither its pin nor its slot counts any more
    Region fresh;
    CHECK(fresh.open(path).ok() && stampShown(fresh) == 10 + writes);
  }
}

TEST(aSlotIsTakenOverWithANewGeneration) {  // L2
  const std::string path = newRegion();
  Region other;
  CHECK(other.open(path).ok() && stamp(other, 1).ok());
  other.handle.unpin();
  uint32_t slots[2] = {};
  uint64_t word = 0;
  CHECK(dies("inTransaction", path));
  word = words(other).writeLock;
  slots[0] = static_cast<uint32_t>(word) - 1;
  Region next;  // takes the dead owner's slot; the word in the lock must not look like its own
  CHECK(next.open(path).ok());
  slots[1] = next.handle.lock().ownSlotIndex();
  CHECK(slots[0] == slots[1]);
  CHECK(words(other).writeLock == word && !next.handle.lock().holdsWrite());
  next.handle.unpin();
  CHECK(secondsOf([&] { CHECK(stamp(other, 2).ok()); }) < 0.5);
  atomicWord(words(other).checkpointLock).store(word);
  other.handle.unpin();
  CHECK(secondsOf([&] { CHECK(next.handle.checkpoint().ok()); }) < 0.5);
  CHECK(slotEpoch(other) == other.epoch());
}

TEST(aBusyLockNamesItsHolder) {
  const std::string path = newRegion();
  Region first, second;
  CHECK(first.open(path).ok() && second.open(path).ok() && first.begin().ok());
  uint32_t holder = 0;
  const double waited =
      secondsOf([&] { CHECK(second.handle.begin(60, &holder).code == Code::kBusy); });
  CHECK(holder == static_cast<uint32_t>(::getpid()) && waited > 0.05 && waited < 0.5);
  first.rollback();
  CHECK(stamp(second, 1).ok());
}

}  // namespace

int main(int count, char** arguments) { return playOrRunAll(count, arguments); }
