/**
 * Interleavings of two processes or threads at the points where the arguments of the core (L1 …
 * H7) could break. A step in the middle of another handle's operation is taken from the I/O table:
 * what a hook does there, happens at exactly that moment. Deaths are those of real processes.
 */
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "check.h"
#include "store.h"

namespace {

using namespace store;

// ── a table that lets a test in ──

struct Hooks {
  /** Before a write; a negative errno is given back instead of writing. */
  std::function<int(int fd, uint64_t offset, size_t bytes)> beforeWrite;
  std::function<void(int fd, uint64_t offset, size_t bytes)> afterWrite;
  std::function<int(int fd)> beforeSync;
};

Hooks hooks;

int64_t hookedWrite(int fd, const void* from, size_t bytes, uint64_t offset) {
  if (hooks.beforeWrite) {
    const auto hook = hooks.beforeWrite;
    if (const int error = hook(fd, offset, bytes); error < 0) return error;
  }
  const int64_t result = systemIo.pwrite(fd, from, bytes, offset);
  if (hooks.afterWrite) {
    const auto hook = hooks.afterWrite;
    hook(fd, offset, bytes);
  }
  return result;
}

int hookedSync(int fd) {
  if (hooks.beforeSync) {
    const auto hook = hooks.beforeSync;
    if (const int error = hook(fd); error < 0) return error;
  }
  return systemIo.fdatasync(fd);
}

void useHooks(Hooks wanted) {
  static const IoTable table = [] {
    IoTable made = systemIo;
    made.pwrite = hookedWrite;
    made.fdatasync = hookedSync;
    return made;
  }();
  hooks = std::move(wanted);
  ioTable.store(&table);
}

void noHooks() {
  ioTable.store(&systemIo);
  hooks = {};
}

/** Only one at a time takes place inside the hook. */
struct Once {
  bool inside = false;
  template <typename Body>
  void operator()(Body body) {
    if (inside) return;
    inside = true;
    body();
    inside = false;
  }
};

// ── regions whose commits can be told apart ──

int regionCount = 0;

std::string newRegion() {
  const std::string path = check::pathOf(("r" + std::to_string(regionCount++)).c_str());
  if (!createRegion(path).ok()) std::abort();
  return path;
}

constexpr uint64_t kFirstLine = uint64_t{kFirstDataPage} * kLinesOfPage;
constexpr uint32_t kStampCount = 12;

/** The lines that each commit stamps with its number lie in pages of their own. */
uint64_t stampLine(uint32_t index) { return kFirstLine + index * kLinesOfPage + index * 5; }

Line stampOf(uint64_t number) {
  Line line;
  for (size_t at = 0; at < kLineBytes; at += 8) memcpy(line.data() + at, &number, 8);
  return line;
}

/** Commits number N: every stamp says N, and `extraPages` more pages are written over. */
Status stamp(Region& region, uint64_t number, bool sync = false, uint32_t extraPages = 0) {
  if (const Status begun = region.begin(); !begun.ok()) return begun;
  const uint64_t least = (kFirstLine + std::max(40u, 14 + extraPages) * kLinesOfPage) * 8;
  region.endUnits = std::max(region.endUnits, least);
  if (const Status grown = region.handle.grow(region.endUnits); !grown.ok()) return grown;
  for (uint32_t i = 0; i < kStampCount; i++) region.write(stampLine(i), stampOf(number));
  for (uint64_t i = 0; i < extraPages * uint64_t{kLinesOfPage}; i++) {
    region.write(kFirstLine + 14 * kLinesOfPage + i, stampOf(number));
  }
  const Status committed = region.commit(sync);
  if (!committed.ok()) region.rollback();
  return committed;
}

/** The number that all stamps agree on, or UINT64_MAX when they do not. */
uint64_t stampShown(const Region& region) {
  uint64_t first = 0;
  for (uint32_t i = 0; i < kStampCount; i++) {
    for (size_t at = 0; at < kLineBytes; at += 8) {
      uint64_t word;
      memcpy(&word, region.base() + stampLine(i) * kLineBytes + at, 8);
      if (i == 0 && at == 0) first = word;
      if (word != first) return UINT64_MAX;
    }
  }
  return first;
}

uint64_t& wordOf(uint64_t& word) { return word; }
SharedWords& words(Region& region) { return region.handle.lock().words(); }
uint64_t slotEpoch(Region& region) { return atomicWord(wordOf(words(region).slotEpoch)).load(); }

/** Commits go on until the log would have to wrap several times. */
void fillLog(Region& region, uint64_t* number) {
  for (int i = 0; i < 40; i++) CHECK(stamp(region, ++*number, false, 16).ok());
  region.handle.unpin();
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

double secondsOf(const std::function<void()>& body) {
  const auto begun = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

// ── deaths are those of other processes ──

/** What a process does that dies on the way: a program of its own, so that it inherits nothing. */
struct Scene {
  const char* name;
  void (*play)(const std::string& path, uint32_t number);
};

/** Plays the scene in a new process; true when that was killed, as it must be. */
bool dies(const char* scene, const std::string& path, uint32_t number = 0) {
  const std::string text = std::to_string(number);
  const int status = check::inChild(
      [&] { ::execl("/proc/self/exe", "scene", scene, path.c_str(), text.c_str(), nullptr); });
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/** At the sync of the log that belongs to its commit. */
void dieBeforePublishing(const std::string& path, uint32_t) {
  Region dying;
  if (!dying.open(path).ok()) return;
  const int region = dying.handle.file().fd;
  useHooks({{}, {}, [region](int fd) {
              if (fd != region) die();
              return 0;
            }});
  (void)stamp(dying, 2, true);
}

/** With the last line of its record not written. */
void dieWithATornRecord(const std::string& path, uint32_t) {
  Region dying;
  if (!dying.open(path).ok()) return;
  useHooks({{},
            [](int fd, uint64_t offset, size_t bytes) {
              if (bytes < 500) return;
              const std::byte zeros[64] = {};
              (void)systemIo.pwrite(fd, zeros, sizeof zeros, offset + bytes - sizeof zeros);
              die();
            },
            {}});
  (void)stamp(dying, 2, true);
}

/** Leaves a tail of 70 pages in the file and no record of it. */
void dieBehindATail(const std::string& path, uint32_t) {
  Region dying;
  if (!dying.open(path).ok() || !dying.begin().ok()) return;
  const uint64_t first = freshLineOf(dying.endUnits);
  dying.endUnits = (first + 70 * kLinesOfPage) * 8;
  if (!dying.handle.grow(dying.endUnits).ok()) return;
  for (uint64_t i = 0; i < 70 * kLinesOfPage; i++) dying.write(first + i, stampOf(77));
  if (dying.handle.prepare(dying.changes(), true).ok()) die();
}

/** With the write lock and a pin. */
void dieInTransaction(const std::string& path, uint32_t) {
  Region dying;
  if (dying.open(path).ok() && dying.begin().ok()) die();
}

/** After so many of its writes. */
void dieInCheckpoint(const std::string& path, uint32_t number) {
  Region dying;
  if (!dying.open(path).ok()) return;
  dying.handle.unpin();
  uint32_t writes = 0;
  useHooks({{},
            [&](int, uint64_t, size_t) {
              if (++writes == number) die();
            },
            {}});
  (void)dying.handle.checkpoint();
  die();
}

void dieAfterTwoCommits(const std::string& path, uint32_t) {
  Region region;
  if (region.open(path).ok() && stamp(region, 1).ok() && stamp(region, 2, true).ok()) die();
}

/** Records are 96 bytes, 16 for each page, 64 for each line: the last one fills the segment. */
void dieAtTheEndOfASegment(const std::string& path, uint32_t) {
  Region region;
  if (!region.open(path).ok() || !stamp(region, 1).ok()) return;
  for (bool last = false; !last;) {
    const uint64_t left = kSegmentBytes - region.handle.view().cursor().position % kSegmentBytes;
    last = left <= 30'000;
    const uint64_t pages = !last ? 4 : 4 + ((left - 96) / 16) % 4;
    const uint64_t lines = !last ? 250 : (left - 96 - pages * 16) / 64;
    if (!region.begin().ok()) return;
    for (uint64_t i = 0; i < lines; i++) {
      const uint64_t page = 14 + i % pages;
      region.write(kFirstLine + page * kLinesOfPage + i / pages, stampOf(5));
    }
    if (!region.commit(false).ok()) return;
  }
  region.handle.unpin();
  const uint64_t position = region.handle.view().cursor().position;
  const bool atStart = position % kSegmentBytes == sizeof(SegmentHeader);
  if (atStart && position > kSegmentBytes && region.handle.checkpoint().ok()) die();
}

/** Behind the slot that names the new log, before anybody is told. */
void dieBeginningTheLog(const std::string& path, uint32_t) {
  Region dying;
  if (!dying.open(path).ok()) return;
  uint32_t slots = 0;
  useHooks({{},
            [&](int fd, uint64_t, size_t) {
              if (fd == dying.handle.file().fd && ++slots == 2) die();
            },
            {}});
  (void)stamp(dying, 1, true);
}

/** Another log is begun, and a view that has seen the first one's slot writes the first record. */
void dieBehindTheSecondLog(const std::string& path, uint32_t) {
  Region beginner, seer;
  if (!beginner.open(path).ok()) return;
  beginner.handle.unpin();
  if (!dies("beginningTheLog", path) || !seer.open(path).ok() || !beginner.begin().ok()) return;
  seer.handle.unpin();
  beginner.write(kAllocationPage * uint64_t{kLinesOfPage}, stampOf(3));
  if (!beginner.handle.prepare(beginner.changes(), true).ok()) return;
  beginner.rollback();
  beginner.handle.unpin();
  if (stamp(seer, 7, true).ok()) die();
}

HandleOptions longLog() {
  HandleOptions options = Region::smallLog();
  options.segmentLimit = 8;
  return options;
}

/** Between the header of the third segment and the table. */
void dieBehindAHeader(const std::string& path, uint32_t) {
  Region dying;
  uint64_t number = 100;
  if (!dying.open(path, longLog()).ok()) return;
  useHooks({{},
            [](int, uint64_t offset, size_t bytes) {
              if (bytes == sizeof(SegmentHeader) && offset == 2 * kSegmentBytes) die();
            },
            {}});
  fillLog(dying, &number);
}

/** The first segment is free meanwhile, the third has the header of the next number. */
void dieAfterReuse(const std::string& path, uint32_t) {
  Region region;
  if (!region.open(path, longLog()).ok() || !stamp(region, 1).ok()) return;
  region.handle.unpin();
  if (!dies("behindAHeader", path) || !region.begin().ok()) return;
  region.rollback();
  region.handle.unpin();
  if (!region.handle.checkpoint().ok()) return;
  for (uint64_t i = 0; i < 2; i++) {
    if (!stamp(region, 200 + i, true, 16).ok()) return;
  }
  die();
}

constexpr Scene kScenes[] = {
    {"beforePublishing", dieBeforePublishing},
    {"tornRecord", dieWithATornRecord},
    {"behindATail", dieBehindATail},
    {"inTransaction", dieInTransaction},
    {"inCheckpoint", dieInCheckpoint},
    {"twoCommits", dieAfterTwoCommits},
    {"endOfASegment", dieAtTheEndOfASegment},
    {"behindAHeader", dieBehindAHeader},
    {"afterReuse", dieAfterReuse},
    {"beginningTheLog", dieBeginningTheLog},
    {"behindTheSecondLog", dieBehindTheSecondLog},
};

// ── pins ──

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
  Region writer, reader;
  CHECK(writer.open(path).ok() && reader.open(path).ok());
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
  CHECK(log.open(path + "-wal", writer.handle.identity(), words(writer).logSalt).ok());
  const LogCursor& at = reader.handle.view().cursor();
  CHECK(log.peek(at, &record, &start) && log.isValid(at, record, start));
}

TEST(pagesAreGivenBackOnlyWhenTheFileHoldsThem) {  // V4
  const std::string path = newRegion();
  HandleOptions none = Region::smallLog();
  none.privatePages = 0;
  Region writer, reader;
  CHECK(writer.open(path).ok() && reader.open(path, none).ok());
  CHECK(stamp(writer, 1).ok());
  CHECK(reader.handle.refresh().ok() && reader.handle.refresh().ok());
  CHECK(reader.handle.view().privatePageCount() >= kStampCount);  // only the log has them
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

// ── deaths ──

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

// ── failures of the disk ──

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

/** As when the kernel drops a page that it could not write. */
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

// ── opening and closing ──

TEST(aLogThatEndsWithASegmentIsComplete) {  // Y5
  const std::string path = newRegion();
  CHECK(dies("endOfASegment", path));
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 1);
}

TEST(aLogThatWasBegunTwiceIsOneChain) {  // H5
  const std::string path = newRegion();
  CHECK(dies("behindTheSecondLog", path));
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 7);
}

TEST(aLogThatCannotBeBegunIsBegunAgain) {
  const std::string path = newRegion();
  Region region;
  CHECK(region.open(path).ok());
  IoTable table = systemIo;
  table.truncate = [](int, uint64_t) { return -ENOSPC; };
  ioTable.store(&table);
  CHECK(stamp(region, 1).code == Code::kNoSpace);
  noHooks();
  CHECK(stamp(region, 2, true).ok() && stampShown(region) == 2);
}

TEST(noTwoSegmentsClaimOneNumber) {  // G3
  const std::string path = newRegion();
  CHECK(dies("afterReuse", path));
  Region again;
  CHECK(again.open(path).ok() && stampShown(again) == 201);
}

TEST(ofThoseThatCloseTogetherOneIsTheLast) {
  for (int round = 0; round < 25; round++) {
    const std::string path = newRegion();
    Region first, second;
    CHECK(first.open(path).ok() && second.open(path).ok() && stamp(first, 1).ok());
    std::atomic<int> ready{0};
    const auto close = [&](Region& region) {
      ready.fetch_add(1);
      while (ready.load() < 2) continue;
      region.close();
    };
    std::thread other([&] { close(second); });
    close(first);
    other.join();
    CHECK(checkCleanFile(path).empty());
  }
}

TEST(openersWaitForRecovery) {
  const std::string path = newRegion();
  CHECK(dies("twoCommits", path));
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&] {
      Region region;
      if (region.open(path).ok() && stampShown(region) == 2) right.fetch_add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right.load() == 4);
  CHECK(checkCleanFile(path).empty());
}

// ── all at once ──

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

int main(int count, char** arguments) {
  for (const Scene& scene : kScenes) {
    if (count < 4 || scene.name != std::string(arguments[1])) continue;
    scene.play(arguments[2], static_cast<uint32_t>(std::atoi(arguments[3])));
    return 1;
  }
  return check::runAll();
}
