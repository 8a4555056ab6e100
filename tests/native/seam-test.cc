// The seam of test-io.h itself: what it counts, fails, freezes and tears.
#include <cstring>
#include <csignal>
#include <set>
#include <thread>

#include "check.h"
#include "core/address-space.h"
#include "core/clock.h"
#include "core/io.h"
#include "core/seam/test-io.h"

using namespace rstore;

namespace {

TestPlan planOf(const std::string& text) {
  TestPlan plan;
  CHECK(parseTestPlan(text.c_str(), &plan).ok());
  return plan;
}

/// A file of `sectors` sectors, all 'a', on the disk.
int makeSynced(const char* name, int sectors) {
  const int fd = check::makeFile(name, 0);
  const std::string content(static_cast<size_t>(sectors) * 512, 'a');
  (void)!::pwrite(fd, content.data(), content.size(), 0);
  return fd;
}

std::string contentOf(const char* name) {
  std::string content(1 << 20, 0);
  const int fd = ::open(check::pathOf(name).c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? 0 : ::pread(fd, content.data(), content.size(), 0);
  ::close(fd);
  content.resize(static_cast<size_t>(got));
  return content;
}

/// First characters of the sectors.
std::string sectorsOf(const char* name) {
  std::string out;
  const std::string content = contentOf(name);
  for (size_t at = 0; at < content.size(); at += 512) out += content[at];
  return out;
}

bool exists(const char* name) { return ::access(check::pathOf(name).c_str(), F_OK) == 0; }

Status fill(int fd, int sector, int count, char letter) {
  const std::string content(static_cast<size_t>(count) * 512, letter);
  return writeFully(fd, content.data(), content.size(), static_cast<uint64_t>(sector) * 512);
}

bool wasKilled(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }

}  // namespace

TEST(plansAreRead) {
  CHECK(planOf("count").operation == 0);
  const TestPlan fail = planOf("fail:ENOSPC@17+");
  CHECK(fail.action == TestAction::kFail && fail.error == ENOSPC && fail.operation == 17);
  CHECK(fail.fromThenOn && fail.of == Counted::kChanges);
  CHECK(planOf("fail:EIO@r3").of == Counted::kReads);
  CHECK(planOf("fail:EAGAIN@t3").of == Counted::kThreads);
  CHECK(planOf("tear:seed=99@5").seed == 99);
  const TestPlan slow = planOf("slow:ms=250@s2+");
  CHECK(slow.of == Counted::kSyncs && slow.delayMs == 250 && slow.operation == 2);
  TestPlan plan;
  for (const char* wrong : {"", "fail@3", "fail:EIO", "fail:EWHAT@3", "freeze@0", "freeze@x",
                            "tear:seed=@4", "shorten@4", "freeze@-1", "slow:ms=5@3", "slow@s3",
                            "slow:ms=0@s3", "slow:seed=5@s3", "fail:EIO@s3"}) {
    CHECK(parseTestPlan(wrong, &plan).code == Code::kInvalid);
  }
}

TEST(operationNFailsOnceOrFromThenOn) {
  const int fd = makeSynced("fail", 1);
  startTestIo(planOf("fail:ENOSPC@2"));
  CHECK(fill(fd, 0, 1, 'b').ok());
  CHECK(!testIoState().reached);
  CHECK(fill(fd, 0, 1, 'c').code == Code::kNoSpace);
  CHECK(testIoState().reached);
  CHECK(sectorsOf("fail") == "b");
  CHECK(syncData(fd).ok());
  CHECK(testIoState().changes == 3);
  startTestIo(planOf("fail:EIO@2+"));
  CHECK(fill(fd, 0, 1, 'd').ok());
  CHECK(syncData(fd).code == Code::kIo && syncAll(fd).code == Code::kIo);
  CHECK(growFileTo(fd, 4096).code == Code::kIo);
  startTestIo(planOf("fail:EIO@r2"));
  char byte;
  CHECK(readFully(fd, &byte, 1, 0).ok() && readFully(fd, &byte, 1, 0).error == EIO);
  CHECK(readFully(fd, &byte, 1, 0).ok() && testIoState().reads == 3);
  startTestIo(planOf("fail:EINTR@1"));
  CHECK(fill(fd, 0, 1, 'e').ok());
  stopTestIo();
  CHECK(sectorsOf("fail") == "e");
  ::close(fd);
}

TEST(aSyncIsSlowAndNothingElse) {
  const int fd = makeSynced("slow", 1);
  startTestIo(planOf("slow:ms=500@s2"));
  CHECK(fill(fd, 0, 1, 'b').ok() && syncData(fd).ok() && !testIoState().reached);
  const int64_t begun = monotonicMs();
  std::thread syncing([fd] { CHECK(syncAll(fd).ok()); });
  while (testIoState().syncs < 2) std::this_thread::yield();
  CHECK(fill(fd, 0, 1, 'c').ok());
  CHECK(testIoState().slowSyncs == 1);
  syncing.join();
  CHECK(monotonicMs() - begun >= 500);
  CHECK(testIoState().slowSyncs == 0 && testIoState().syncs == 2 && testIoState().reached);
  CHECK(syncData(fd).ok() && testIoState().syncs == 3);
  stopTestIo();
  CHECK(sectorsOf("slow") == "c");
  ::close(fd);
}

TEST(shortWritesAreCompleted) {
  const int fd = makeSynced("halves", 4);
  startTestIo(planOf("short@1+"));
  CHECK(fill(fd, 0, 4, 'b').ok());
  CHECK(testIoState().changes > 5);
  iovec parts[2];
  std::string first(700, 'c'), second(1348, 'd');
  parts[0] = {first.data(), first.size()};
  parts[1] = {second.data(), second.size()};
  CHECK(writePartsFully(fd, parts, 2, 0).ok());
  stopTestIo();
  CHECK(contentOf("halves") == first + second);
  ::close(fd);
}

TEST(frozenNothingReachesTheDisk) {
  const int fd = makeSynced("frozen", 8);
  Reservation memory;
  CHECK(reserveAddressSpace(4096, &memory).ok());
  startTestIo(planOf("freeze@3"));
  CHECK(mapShared(memory.base, fd, 0, 4096, Shared::kDurable).ok());
  noteMappedWrite(fd, 0, memory.base, 1);
  memory.base[0] = std::byte{'m'};
  CHECK(fill(fd, 1, 1, 'b').ok());
  CHECK(fill(fd, 2, 1, 'c').ok());
  CHECK(testIoState().frozen);
  memory.base[3 * 512] = std::byte{'n'};
  CHECK(memory.base[3 * 512] == std::byte{'n'});
  CHECK(syncData(fd).ok() && growFileTo(fd, 100'000).ok());
  CHECK(io().rename(check::pathOf("frozen").c_str(), check::pathOf("moved").c_str()) == 0);
  CHECK(io().unlink(check::pathOf("frozen").c_str()) == 0);
  int made = -1;
  CHECK(openFile(check::pathOf("made").c_str(), O_RDWR | O_CREAT, 0600, &made).ok());
  CHECK(fill(made, 0, 1, 'x').ok());
  CHECK(unmapShared(memory.base, fd, 4096, Shared::kDurable).ok());
  stopTestIo();
  CHECK(sectorsOf("frozen") == "mbaaaaaa");
  CHECK(!exists("made") && !exists("moved"));
  releaseAddressSpace(memory);
  ::close(fd), ::close(made);
}

TEST(tearingKeepsAnySubsetOfWhatWasNotSynced) {
  std::set<std::string> outcomes;
  for (int seed = 0; seed < 60; seed++) {
    const int fd = makeSynced("torn", 4);
    const int status = check::inChild([&] {
      startTestIo(planOf("tear:seed=" + std::to_string(seed) + "@6"));
      if (!fill(fd, 0, 1, 'b').ok()) ::_exit(1);
      if (!syncData(fd).ok()) ::_exit(1);  // what is before this is safe
      if (!fill(fd, 1, 2, 'c').ok()) ::_exit(1);
      if (!fill(fd, 2, 1, 'd').ok()) ::_exit(1);
      if (!fill(fd, 4, 1, 'e').ok()) ::_exit(1);  // past the end
      if (!syncData(fd).ok()) ::_exit(1);         // the operation that does not happen
    });
    CHECK(wasKilled(status));
    outcomes.insert(sectorsOf("torn"));
    ::close(fd);
  }
  const std::string zero(1, '\0');
  for (const std::string& outcome : outcomes) {
    CHECK(outcome[0] == 'b' && outcome[3] == 'a');
    CHECK(outcome[1] == 'a' || outcome[1] == 'c');
    CHECK(outcome[2] == 'a' || outcome[2] == 'c' || outcome[2] == 'd');
    CHECK(outcome.size() == 4 || outcome[4] == 'e' || outcome.substr(4) == zero);
  }
  CHECK(outcomes.size() == 2 * 3 * 3);  // all of them
}

TEST(storesThroughAMappingAreTornToo) {
  std::set<std::string> outcomes;
  for (int seed = 0; seed < 30; seed++) {
    const int fd = makeSynced("mapped", 8);
    const int status = check::inChild([&] {
      Reservation memory;
      if (!reserveAddressSpace(4096, &memory).ok()) ::_exit(1);
      startTestIo(planOf("tear:seed=" + std::to_string(seed) + "@3"));
      if (!mapShared(memory.base, fd, 0, 4096, Shared::kDurable).ok()) ::_exit(1);
      for (uint64_t sector = 0; sector < 3; sector++) {
        noteMappedWrite(fd, sector * 512, memory.base + sector * 512, 512);
        std::memset(memory.base + sector * 512, 'b', 512);
      }
    });
    CHECK(wasKilled(status));
    outcomes.insert(sectorsOf("mapped").substr(0, 3));
    ::close(fd);
  }
  CHECK((outcomes == std::set<std::string>{"aaa", "aba", "baa", "bba"}));
}

TEST(directoryEntriesNeedTheirOwnSync) {
  std::set<std::string> outcomes;
  for (int seed = 0; seed < 40; seed++) {
    ::close(makeSynced("old", 1));
    ::close(makeSynced("removed", 1));
    const int status = check::inChild([&] {
      startTestIo(planOf("tear:seed=" + std::to_string(seed) + "@7"));
      int fd = -1;
      if (!openFile(check::pathOf("new").c_str(), O_RDWR | O_CREAT, 0600, &fd).ok()) ::_exit(1);
      if (!fill(fd, 0, 1, 'n').ok() || !syncAll(fd).ok()) ::_exit(1);
      io().rename(check::pathOf("new").c_str(), check::pathOf("old").c_str());
      io().unlink(check::pathOf("removed").c_str());
      if (!syncAll(fd).ok() || !syncAll(fd).ok()) ::_exit(1);
    });
    CHECK(wasKilled(status));
    outcomes.insert(sectorsOf("old") + (exists("new") ? "+new" : "") +
                    (exists("removed") ? "+removed" : ""));
    ::unlink(check::pathOf("new").c_str());
    CHECK(std::system(("ls '" + check::directory() + "' | grep -q seam-").c_str()) != 0);
  }
  CHECK((outcomes == std::set<std::string>{"a+removed", "a+new+removed", "n+removed", "n"}));
}

TEST(aSyncedDirectoryKeepsItsEntries) {
  ::close(makeSynced("target", 1));
  const int status = check::inChild([&] {
    startTestIo(planOf("tear:seed=1@6"));
    int fd = -1;
    if (!openFile(check::pathOf("source").c_str(), O_RDWR | O_CREAT, 0600, &fd).ok()) ::_exit(1);
    if (!fill(fd, 0, 1, 'n').ok() || !syncAll(fd).ok()) ::_exit(1);
    io().rename(check::pathOf("source").c_str(), check::pathOf("target").c_str());
    if (!syncDirectoryOf(check::pathOf("target").c_str()).ok()) ::_exit(1);
    if (!fill(fd, 1, 1, 'z').ok()) ::_exit(1);
  });
  CHECK(wasKilled(status));
  CHECK(sectorsOf("target")[0] == 'n' && !exists("source"));
}

TEST(aDroppedSyncLosesPagesAndSaysSo) {
  std::set<std::string> outcomes;
  for (int seed = 0; seed < 30; seed++) {
    const int fd = makeSynced("dropped", 2);
    startTestIo(planOf("drop:seed=" + std::to_string(seed) + "@1"));
    CHECK(fill(fd, 0, 2, 'b').ok());
    CHECK(syncData(fd).code == Code::kIo);
    CHECK(syncData(fd).ok());  // as the kernel does: the second says nothing
    stopTestIo();
    outcomes.insert(sectorsOf("dropped"));
    ::close(fd);
  }
  CHECK((outcomes == std::set<std::string>{"aa", "ab", "ba", "bb"}));
}

TEST(theEnvironmentStartsIt) {
  ::setenv("RSTORE_TEST_IO", "kill@2", 1);
  const int fd = makeSynced("environment", 1);
  const int status = check::inChild([&] {
    if (!startTestIoFromEnvironment()) ::_exit(1);
    if (!fill(fd, 0, 1, 'b').ok()) ::_exit(1);
    (void)!fill(fd, 0, 1, 'c').ok();
  });
  ::unsetenv("RSTORE_TEST_IO");
  CHECK(wasKilled(status));
  CHECK(sectorsOf("environment") == "b");
  CHECK(!startTestIoFromEnvironment());
  ::close(fd);
}

int main() { return check::runAll(); }
