// Pages that wait for their first touch (pending-pages.h), at the points where W1 to W8 could
// break. What is right is what a view shows that lets none wait.
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <new>

#include "scenes.h"

namespace {

std::atomic<size_t> largestAllocation{0};

}  // namespace

void* operator new(size_t bytes) {
  if (bytes > largestAllocation) largestAllocation = bytes;
  void* made = std::malloc(bytes);
  if (made == nullptr) std::abort();
  return made;
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return operator new(bytes); }
void operator delete(void* made) noexcept { std::free(made); }
void operator delete(void* made, size_t) noexcept { std::free(made); }

namespace {

using namespace interleaving;

HandleOptions roomy() {
  HandleOptions options = Region::smallLog();  // so that nobody asks for a checkpoint
  options.privatePages = 1000;
  return options;
}

HandleOptions atOnce() {
  HandleOptions options = roomy();
  options.waiting.fromPages = UINT32_MAX;
  return options;
}

PageHashes shownBy(Region& region) {
  bool zeroBehind = false;
  return region.hashes(&zeroBehind);
}

size_t waitingIn(Region& region) { return region.handle.view().pending().chunkCount(); }

/// What the last commit holds.
PageHashes published(const std::string& path) {
  Region plain;
  if (!plain.open(path, atOnce()).ok()) std::abort();
  CHECK(waitingIn(plain) == 0);
  return shownBy(plain);
}

/// Two commits that change the same pages, of which none is in the file.
struct Backlog {
  std::string path = newRegion();
  Region writer;
  uint64_t number = 0;
  Backlog() {
    CHECK(writer.open(path, roomy()).ok());
    for (int i = 0; i < 2; i++) CHECK(stamp(writer, ++number, false, 40).ok());
    writer.handle.unpin();
  }
};

TEST(onlyWhatIsTouchedIsCopied) {  // W1
  Backlog backlog;
  const PageHashes right = published(backlog.path);
  Region reader;
  CHECK(reader.open(backlog.path, roomy()).ok());
  const size_t waiting = waitingIn(reader);
  CHECK(waiting >= 2);
  const uint64_t page = PendingPages::kChunkPages + 1;
  CHECK(hashOfPage(reader.base() + page * kPageBytes) == right[page]);
  CHECK(waitingIn(reader) == waiting - 1);
  CHECK(shownBy(reader) == right && waitingIn(reader) == 0);
  CHECK(stampShown(reader) == backlog.number);
}

TEST(theFileHoldsWhatIsGoneFromTheLog) {  // W3
  Backlog backlog;
  const PageHashes right = published(backlog.path);
  Region reader, between;
  CHECK(reader.open(backlog.path, roomy()).ok());
  CHECK(backlog.writer.handle.checkpoint().ok());
  CHECK(slotEpoch(backlog.writer) == reader.epoch());
  for (int i = 0; i < 4; i++) fillLog(backlog.writer, &backlog.number);
  CHECK(waitingIn(reader) >= 2);
  CHECK(shownBy(reader) == right);
  CHECK(reader.handle.refresh().ok() && stampShown(reader) == backlog.number);
}

TEST(theFileHoldsTheFirstOfTwoRecords) {  // W3
  Backlog backlog;
  Region early, reader;
  CHECK(early.open(backlog.path, roomy()).ok());
  const uint64_t first = early.epoch();
  CHECK(stamp(backlog.writer, ++backlog.number, false, 3).ok());
  backlog.writer.handle.unpin();
  const PageHashes right = published(backlog.path);
  CHECK(reader.open(backlog.path, roomy()).ok());
  CHECK(backlog.writer.handle.checkpoint().ok() && slotEpoch(backlog.writer) == first);
  for (int i = 0; i < 4; i++) fillLog(backlog.writer, &backlog.number);
  CHECK(waitingIn(reader) >= 2 && shownBy(reader) == right);
}

TEST(theSlotMovesWhileAPageIsFilled) {  // W3
  Backlog backlog;
  const PageHashes right = published(backlog.path);
  Region reader;
  CHECK(reader.open(backlog.path, roomy()).ok());
  Once once;
  int moved = 0;
  // The handler blocks the signals that the writer may need: filled as for a buffer.
  useHooks({{}, {}, {}, [&](int, uint64_t) {
              once([&] {
                if (moved++ != 0) return;
                CHECK(backlog.writer.handle.checkpoint().ok());
                for (int i = 0; i < 4; i++) fillLog(backlog.writer, &backlog.number);
              });
              return 0;
            }});
  // What was read before the log went is overwritten by what is there now.
  fillPending(reader.base(), kCapacityBytes);
  noHooks();
  CHECK(moved > 0 && slotEpoch(backlog.writer) == reader.epoch());
  CHECK(waitingIn(reader) == 0 && shownBy(reader) == right);
}

TEST(aViewMovesOnWhilePagesWait) {  // W2, W3: private ones, and those of the file
  Backlog backlog;
  Region reader;
  CHECK(reader.open(backlog.path, roomy()).ok());
  for (int round = 0; round < 12; round++) {
    CHECK(stamp(backlog.writer, ++backlog.number, false, 3 * (round % 14)).ok());
    backlog.writer.handle.unpin();
    CHECK(reader.handle.refresh().ok());
    if (round % 4 == 3) CHECK(shownBy(reader) == published(backlog.path));
    if (round % 3 == 2) CHECK(backlog.writer.handle.checkpoint().ok());
  }
  CHECK(shownBy(reader) == published(backlog.path));
}

TEST(privatePagesThatWaitAreReadAgain) {  // W3: what is private of a page is older than the file
  Backlog backlog;
  Region reader;
  CHECK(reader.open(backlog.path, roomy()).ok());
  (void)shownBy(reader);  // all of it private
  for (int i = 0; i < 2; i++) CHECK(stamp(backlog.writer, ++backlog.number, false, 40).ok());
  backlog.writer.handle.unpin();
  const PageHashes right = published(backlog.path);
  CHECK(reader.handle.refresh().ok() && waitingIn(reader) >= 2);
  CHECK(backlog.writer.handle.checkpoint().ok());
  CHECK(slotEpoch(backlog.writer) == reader.epoch());
  for (int i = 0; i < 4; i++) fillLog(backlog.writer, &backlog.number);
  CHECK(shownBy(reader) == right);
}

TEST(listsDoNotGrow) {  // W3: a reader that never looks
  Backlog backlog;
  Region reader;
  CHECK(reader.open(backlog.path, roomy()).ok());
  for (int round = 0; round < 50; round++) {
    CHECK(stamp(backlog.writer, ++backlog.number, false, 40).ok());
    backlog.writer.handle.unpin();
    CHECK(reader.handle.refresh().ok());
    if (round % 2 == 1) CHECK(backlog.writer.handle.checkpoint().ok());
  }
  CHECK(reader.handle.view().pending().changeCount() < 200);
  CHECK(shownBy(reader) == published(backlog.path));
}

TEST(pagesThatWaitAreGivenBack) {  // W6
  Backlog backlog;
  HandleOptions few = roomy();
  few.privatePages = 30;
  Region reader;
  CHECK(reader.open(backlog.path, few).ok());
  CHECK(waitingIn(reader) >= 2);
  CHECK(backlog.writer.handle.checkpoint().ok() && reader.handle.refresh().ok());
  CHECK(reader.handle.view().privatePageCount() <= 30);
  CHECK(shownBy(reader) == published(backlog.path));
  CHECK(stamp(backlog.writer, ++backlog.number).ok());
  CHECK(reader.handle.refresh().ok() && shownBy(reader) == published(backlog.path));
}

TEST(transactionsOverPagesThatWait) {
  for (const bool commits : {false, true}) {
    Backlog backlog;
    const PageHashes before = published(backlog.path);
    Region other;
    CHECK(other.open(backlog.path, roomy()).ok() && other.begin().ok());
    CHECK(waitingIn(other) >= 2);
    for (uint64_t page = 0; page < 50; page += 7) {
      other.write(kFirstLine + page * kLinesOfPage, stampOf(99));
    }
    if (commits) {
      CHECK(other.commit(false).ok());
    } else {
      other.rollback();
    }
    other.handle.unpin();
    const PageHashes after = published(backlog.path);
    CHECK((after == before) != commits);
    CHECK(other.handle.refresh().ok() && shownBy(other) == after);
  }
}

TEST(aLogThatCannotBeRead) {  // W4
  Backlog backlog;
  const PageHashes right = published(backlog.path);
  Region reader;
  CHECK(reader.open(backlog.path, roomy()).ok());
  useHooks({{}, {}, {}, [&](int, uint64_t) { return -EIO; }});
  const uint64_t page = PendingPages::kChunkPages + 1;
  CHECK(hashOfPage(reader.base() + page * kPageBytes) == 0);
  noHooks();
  CHECK(reader.control.failed == 1 && (takeFaultBits(&reader.control) & kFaultIo) != 0);
  CHECK(!repairRange(&reader.handle.view().faultRange()).ok());
  CHECK(reader.handle.refresh().code == Code::kFailed);
  reader.close();
  CHECK(reader.open(backlog.path).ok() && shownBy(reader) == right);
}

TEST(aLogThatMayHaveLostPages) {  // W4, V7
  Backlog backlog;
  const PageHashes right = published(backlog.path);
  Region reader, other;
  CHECK(reader.open(backlog.path, roomy()).ok() && other.open(backlog.path, roomy()).ok());
  atomicWord(words(backlog.writer).logSuspect).store(1);
  CHECK(shownBy(other) == right);  // none is lost
  const int log = ::open((backlog.path + "-wal").c_str(), O_RDWR);
  const std::byte zeros[64] = {};
  const uint64_t last = backlog.writer.handle.view().cursor().position - sizeof zeros;
  CHECK(::pwrite(log, zeros, sizeof zeros, static_cast<off_t>(last)) == sizeof zeros);
  ::close(log);
  const uint64_t page = PendingPages::kChunkPages + 1;
  CHECK(hashOfPage(reader.base() + page * kPageBytes) == 0);
  CHECK(reader.control.failed == 1 && (takeFaultBits(&reader.control) & kFaultIo) != 0);
}

TEST(manySmallRecordsDoNotWait) {
  const std::string path = newRegion();
  Region writer, reader;
  HandleOptions hundred = roomy();
  hundred.waiting.fromPages = 1000;
  CHECK(writer.open(path, roomy()).ok());
  for (uint64_t number = 1; number <= 90; number++) {  // 12 pages each, the same ones
    CHECK(stamp(writer, number).ok());
  }
  CHECK(reader.open(path, hundred).ok());
  CHECK(waitingIn(reader) == 0 && stampShown(reader) == 90);
}

/// Mappings of the process that the view's windows are divided into.
size_t mappingsOf(const Region& region) {
  const auto base = reinterpret_cast<uintptr_t>(region.base());
  size_t count = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const uintptr_t at = std::stoull(line, nullptr, 16);
    count += at >= base && at < base + kCapacityBytes ? 1 : 0;
  }
  return count;
}

TEST(mappingsBecomeOneAgain) {  // W8
  Backlog backlog;
  for (int i = 0; i < 2; i++) CHECK(stamp(backlog.writer, ++backlog.number, false, 600).ok());
  backlog.writer.handle.unpin();
  const PageHashes right = published(backlog.path);
  Region reader;
  CHECK(reader.open(backlog.path, roomy()).ok());
  CHECK(waitingIn(reader) >= 30);
  for (uint64_t odd = 0; odd < 2; odd++) {
    for (uint64_t chunk = odd; chunk < 36; chunk += 2) {
      const uint64_t page = chunk * PendingPages::kChunkPages + 5;
      CHECK(hashOfPage(reader.base() + page * kPageBytes) == right[page]);
    }
  }
  CHECK(shownBy(reader) == right && waitingIn(reader) == 0);
  CHECK(mappingsOf(reader) == 1);
}

TEST(allViewsTogetherHaveALimit) {  // W7
  struct rlimit files;
  CHECK(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  CHECK(::setrlimit(RLIMIT_NOFILE, &files) == 0);
  Backlog backlog;
  CHECK(stamp(backlog.writer, ++backlog.number, false, 950).ok());
  CHECK(stamp(backlog.writer, ++backlog.number, false, 950).ok());
  backlog.writer.handle.unpin();
  std::vector<std::unique_ptr<Region>> readers;
  for (int i = 0; i < 150; i++) {
    readers.push_back(std::make_unique<Region>());
    CHECK(readers.back()->open(backlog.path, roomy()).ok());
  }
  CHECK(PendingPages::chunksOfProcess() == PendingPages::kMostOfProcess);
  CHECK(waitingIn(*readers.back()) == 0);
  CHECK(shownBy(*readers.front()) == shownBy(*readers.back()));
  readers.clear();
  CHECK(PendingPages::chunksOfProcess() == 0);
}

TEST(mappingsOfTheProcessAreUsedUp) {
  Backlog backlog;
  Region early, late;
  CHECK(early.open(backlog.path, roomy()).ok() && late.open(backlog.path, atOnce()).ok());
  late.close();
  CHECK(late.open(backlog.path, roomy()).ok());
  (void)shownBy(late);
  for (int i = 0; i < 2; i++) CHECK(stamp(backlog.writer, ++backlog.number, false, 40).ok());
  backlog.writer.handle.unpin();
  const PageHashes right = published(backlog.path);
  CHECK(waitingIn(early) >= 2);
  std::vector<void*> taken;
  for (int protection = PROT_READ;; protection ^= PROT_WRITE) {
    void* at = ::mmap(nullptr, kPageBytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) break;
    taken.push_back(at);
  }
  const uint64_t page = PendingPages::kChunkPages + 1;
  const uint32_t shown = hashOfPage(early.base() + page * kPageBytes);
  const bool moved = late.handle.refresh().ok();
  const size_t left = waitingIn(early) + waitingIn(late);
  for (void* at : taken) ::munmap(at, kPageBytes);
  CHECK(taken.size() > 1000 && shown != 0 && moved && left == 0);
  CHECK(shownBy(late) == right);
  CHECK(early.handle.refresh().ok() && shownBy(early) == right);
}

TEST(aLogOfAnyLengthIsListedInPieces) {
  Backlog backlog;
  Region early;
  CHECK(early.open(backlog.path, roomy()).ok());  // holds the log back
  CHECK(stamp(backlog.writer, ++backlog.number, false, 950).ok());
  for (int i = 0; i < 650; i++) {
    CHECK(backlog.writer.begin().ok());
    for (uint64_t page = 0; page < 950; page++) {
      backlog.writer.write(kFirstLine + page * kLinesOfPage + i % 60, stampOf(1000 + i));
    }
    CHECK(backlog.writer.commit(false).ok());
  }
  backlog.writer.handle.unpin();
  const PageHashes right = published(backlog.path);
  largestAllocation = 0;
  Region reader;
  CHECK(reader.open(backlog.path, roomy()).ok());
  CHECK(largestAllocation < 20 << 20);
  CHECK(shownBy(reader) == right);
}

/// Not repeated for ever: what cannot be served ends the process, as anywhere else.
void touchWithoutMemory(const std::string& path, uint32_t) {
  Region reader;
  if (!reader.open(path, roomy()).ok() || waitingIn(reader) < 2) return;
  const struct rlimit limit{1 << 20, 1 << 20};
  if (::setrlimit(RLIMIT_DATA, &limit) != 0) return;
  ::alarm(5);
  const std::byte* page = reader.base() + (PendingPages::kChunkPages + 1) * kPageBytes;
  ::_exit(static_cast<int>(*static_cast<const volatile std::byte*>(page)) == 0 ? 2 : 3);
}

TEST(aTouchThatCannotBeServedEnds) {  // W4
  Backlog backlog;
  const int status = check::inChild([&] {
    ::execl("/proc/self/exe", "scene", "withoutMemory", backlog.path.c_str(), "0", nullptr);
  });
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

}  // namespace

int main(int count, char** arguments) {
  const bool isOurs = count == 4 && arguments[1] == std::string("withoutMemory");
  if (isOurs) touchWithoutMemory(arguments[2], 0);
  return isOurs ? 1 : playOrRunAll(count, arguments);
}
