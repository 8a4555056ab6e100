#include "core/file-lock.h"

#include <csignal>
#include <thread>

#include "check.h"
#include "core/io.h"

using namespace rstore;

namespace {

struct LockFile {
  std::string path;
  explicit LockFile(const char* name) : path(check::pathOf(name)) {
    ::close(check::makeFile(name, 4096));
  }
  int open(bool readOnly = false) const {
    int fd = -1;
    CHECK(openLockDescriptor(path.c_str(), readOnly, &fd).ok());
    return fd;
  }
};

bool isHeld(int probeFd, uint64_t byte, LockMode mode = LockMode::kExclusive) {
  bool held = false;
  CHECK(probeByte(probeFd, byte, mode, &held).ok());
  return held;
}

}  // namespace

TEST(descriptorsOfOneProcessExcludeEachOther) {
  const LockFile file("exclude");
  const int first = file.open(), second = file.open(), probe = file.open();
  CHECK(tryLockByte(first, 100, LockMode::kExclusive).ok());
  CHECK(tryLockByte(second, 100, LockMode::kExclusive).code == Code::kBusy);
  CHECK(tryLockByte(second, 100, LockMode::kShared).code == Code::kBusy);
  CHECK(tryLockByte(second, 101, LockMode::kExclusive).ok());
  CHECK(isHeld(probe, 100) && isHeld(probe, 101) && !isHeld(probe, 102));
  CHECK(!isHeld(first, 100));  // the trap: one's own lock looks free
  CHECK(unlockByte(first, 100).ok());
  CHECK(!isHeld(probe, 100));
  ::close(second);
  CHECK(!isHeld(probe, 101));
  ::close(first), ::close(probe);
}

TEST(theFirstIsAloneAndDowngrades) {
  const LockFile file("alive");
  const int first = file.open(), second = file.open(), probe = file.open();
  CHECK(tryLockByte(first, 0, LockMode::kExclusive).ok());
  CHECK(tryLockByte(first, 0, LockMode::kShared).ok());
  CHECK(tryLockByte(second, 0, LockMode::kShared).ok());
  CHECK(tryLockByte(second, 0, LockMode::kExclusive).code == Code::kBusy);
  CHECK(isHeld(probe, 0) && !isHeld(probe, 0, LockMode::kShared));
  ::close(first);
  CHECK(tryLockByte(second, 0, LockMode::kExclusive).ok());
  ::close(second), ::close(probe);
}

TEST(probingDoesNotDestroyALock) {
  const LockFile file("probe");
  const int holder = file.open(), probe = file.open();
  CHECK(tryLockByte(holder, 7, LockMode::kExclusive).ok());
  for (int round = 0; round < 3; round++) CHECK(isHeld(probe, 7));
  ::close(probe);  // with locks of the process this would have freed it
  const int another = file.open();
  CHECK(isHeld(another, 7));
  ::close(another), ::close(holder);
}

TEST(aKilledProcessHoldsNothing) {
  const LockFile file("killed");
  int ready[2];
  CHECK(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = file.open();
    if (!tryLockByte(fd, 3, LockMode::kExclusive).ok()) ::_exit(1);
    (void)!::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char byte;
  CHECK(::read(ready[0], &byte, 1) == 1);
  const int probe = file.open();
  CHECK(isHeld(probe, 3));
  ::kill(child, SIGKILL);
  int status;
  ::waitpid(child, &status, 0);
  CHECK(!isHeld(probe, 3));
  ::close(probe), ::close(ready[0]), ::close(ready[1]);
}

TEST(waitingEndsWhenTheLockIsFreed) {
  const LockFile file("wait");
  const int holder = file.open();
  CHECK(tryLockByte(holder, 9, LockMode::kExclusive).ok());
  std::thread waiter([&] {
    const int fd = file.open();
    CHECK(lockByte(fd, 9, LockMode::kExclusive).ok());
    ::close(fd);
  });
  ::usleep(20'000);
  CHECK(unlockByte(holder, 9).ok());
  waiter.join();
  ::close(holder);
}

TEST(waitingEndsInTime) {
  const LockFile file("in-time");
  const int holder = file.open(), other = file.open();
  CHECK(tryLockByte(holder, 9, LockMode::kExclusive).ok());
  const Status refused = lockByteWithin(other, 9, LockMode::kExclusive, 20);
  CHECK(refused.code == Code::kBusy && refused.error == EBUSY);
  std::thread waiter([&] { CHECK(lockByteWithin(other, 9, LockMode::kShared, 10'000).ok()); });
  ::usleep(20'000);
  CHECK(unlockByte(holder, 9).ok());
  waiter.join();
  ::close(holder), ::close(other);
}

TEST(descriptorsAreCloseOnExecAndReadersTakeSharedLocks) {
  const LockFile file("flags");
  const int reader = file.open(true);
  CHECK((::fcntl(reader, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(tryLockByte(reader, 1, LockMode::kShared).ok());
  CHECK(!tryLockByte(reader, 1, LockMode::kExclusive).ok());
  int fd = 5;
  CHECK(openLockDescriptor(check::pathOf("absent").c_str(), false, &fd).code == Code::kNotFound);
  CHECK(fd == -1);
  ::close(reader);
}

namespace {

int64_t pretendedType = 0;

int pretendedStatfs(int fd, FileSystemInfo* out) {
  const int result = systemIo.statfs(fd, out);
  out->type = pretendedType;
  return result;
}

}  // namespace

TEST(fileSystemsOfOtherMachinesAreKnown) {
  const LockFile file("type");
  const int fd = file.open();
  bool network = true;
  const char* name = nullptr;
  CHECK(isNetworkFileSystem(fd, &network, &name).ok());
  std::printf("  the tests run on %s\n", name);
  IoTable table = systemIo;
  table.statfs = pretendedStatfs;
  ioTable.store(&table);
  const struct {
    int64_t type;
    bool network;
    const char* name;
  } cases[] = {{0x6969, true, "nfs"},        {int64_t{0xff534d42}, true, "cifs"},
               {-0xacb2be, true, "cifs"},  // the same where f_type is a signed 32-bit word
               {0x01021997, true, "9p"},     {0xef53, false, "ext4"},
               {0x01021994, false, "tmpfs"}, {0x12345678, false, "unknown"}};
  for (const auto& one : cases) {
    pretendedType = one.type;
    CHECK(isNetworkFileSystem(fd, &network, &name).ok());
    CHECK(network == one.network && std::string(name) == one.name);
  }
  ioTable.store(&systemIo);
  CHECK(isNetworkFileSystem(-1, &network, &name).code != Code::kOk);
  ::close(fd);
}

int main() { return check::runAll(); }
