// See test-io.h. Everything is under one mutex: operations of several threads happen one after the
// other, which a test of crashes may assume. The mutex is never held while memory of ours is
// touched (old content is read through descriptors, not through mappings), so that the fault
// handler may use the table too.
#include "core/seam/test-io.h"

#ifdef RSTORE_TEST_SEAM

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/io.h"
#include "core/seam/crash-journal.h"

namespace rstore {
namespace {

struct Mapping {
  int fd;
  uint64_t offset;
  void* base;
  uint64_t bytes;
};

struct Seam {
  std::mutex mutex;
  TestPlan plan;
  TestIoState state = {};
  CrashJournal journal;  // kTear, kDrop
  std::vector<Mapping> mappings;
  /// Files that were made since the disk froze: their names lead nowhere else.
  std::map<std::string, struct ::stat> madeFrozen;
};

Seam& seam() {
  static Seam* const one = new Seam;  // never destroyed: threads may outlive main
  return *one;
}

bool keepsJournal() {
  const TestAction action = seam().plan.action;
  return (action == TestAction::kTear || action == TestAction::kDrop) && !seam().state.frozen;
}

void keepRange(int fd, uint64_t offset, uint64_t bytes) {
  if (keepsJournal()) seam().journal.keepRange(fd, offset, bytes);
}

void keepLength(int fd) {
  if (keepsJournal()) seam().journal.keepLength(fd);
}

std::string saveFile(const char* path) {
  return keepsJournal() ? seam().journal.saveFile(path) : std::string();
}

void noteEntry(CrashJournal::EntryKind kind, const char* path, const char* from,
               const std::string& saved) {
  if (keepsJournal()) seam().journal.noteEntry(kind, path, from, saved);
}

// ── what the plans do ──

[[noreturn]] void endProcess() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

[[noreturn]] void crash() {
  seam().journal.revert();
  endProcess();
}

/// Stores to a durable mapping go to private pages from now on.
void freezeMapping(const Mapping& mapping) {
  ::mmap(mapping.base, mapping.bytes, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, mapping.fd, static_cast<off_t>(mapping.offset));
}

void freeze() {
  seam().journal.forgetEntries();
  for (const Mapping& mapping : seam().mappings) freezeMapping(mapping);
  seam().state.frozen = true;
}

/// A file that is nowhere on the disk, but under its name for whoever asks this table.
int makeFrozen(const char* path) {
  const int fd = ::memfd_create("rstore-frozen", MFD_CLOEXEC);
  struct ::stat info;
  if (fd >= 0 && ::fstat(fd, &info) == 0) seam().madeFrozen[path] = info;
  return fd;
}

struct Turn {
  bool apply = true;
  bool shortened = false;
  bool crashAfter = false;
  int error = 0;
};

bool isReached(uint64_t number) {
  const TestPlan& plan = seam().plan;
  if (plan.operation == 0 || number < plan.operation) return false;
  if (number > plan.operation && !plan.fromThenOn) return false;
  return seam().state.reached = true;
}

/// What is to become of the operation that is about to be done.
Turn nextChange() {
  Seam& the = seam();
  const uint64_t number = ++the.state.changes;
  if (the.state.frozen) return {.apply = false};
  if (the.plan.of != Counted::kChanges || !isReached(number)) return {};
  switch (the.plan.action) {
    case TestAction::kFail: return {.apply = false, .error = the.plan.error};
    case TestAction::kShort: return {.shortened = true};
    case TestAction::kFreeze: freeze(); return {.apply = false};
    case TestAction::kKill: the.journal.forgetEntries(); endProcess();
    case TestAction::kTear: return {.crashAfter = true};
    case TestAction::kDrop:
    case TestAction::kSlow:
    case TestAction::kCount: break;
  }
  return {};
}

Turn nextRead() {
  Seam& the = seam();
  const uint64_t number = ++the.state.reads;
  if (the.plan.of != Counted::kReads || !isReached(number)) return {};
  if (the.plan.action == TestAction::kFail) return {.apply = false, .error = the.plan.error};
  if (the.plan.action == TestAction::kShort) return {.shortened = true};
  if (the.plan.action == TestAction::kKill) endProcess();
  return {};
}

/// One operation: counted, kept in the journal, done (or not), followed by the crash if it is due.
template <typename Result, typename Keep, typename Apply>
Result change(Result pretended, Keep keep, Apply apply) {
  const std::lock_guard guard(seam().mutex);
  const Turn turn = nextChange();
  if (turn.error != 0) return static_cast<Result>(-turn.error);
  if (!turn.apply) return pretended;
  keep();
  const Result result = apply(turn.shortened);
  if (turn.crashAfter) crash();
  return result;
}

size_t half(size_t bytes) { return bytes > 1 ? bytes / 2 : bytes; }

uint64_t totalOf(const iovec* parts, int count) {
  uint64_t total = 0;
  for (int index = 0; index < count; index++) total += parts[index].iov_len;
  return total;
}

/// The first parts, cut to half of the total.
std::vector<iovec> halfOf(const iovec* parts, int count) {
  std::vector<iovec> out;
  uint64_t left = half(totalOf(parts, count));
  for (int index = 0; index < count && left > 0; index++) {
    out.push_back({parts[index].iov_base, std::min<size_t>(parts[index].iov_len, left)});
    left -= out.back().iov_len;
  }
  return out;
}

// ── the table ──

/// A file without a name: a crash leaves nothing of it, and a frozen disk has nothing of it.
int openUnnamed(const char* path, int flags, mode_t mode) {
  const std::lock_guard guard(seam().mutex);
  const Turn turn = nextChange();
  if (turn.error != 0) return -turn.error;
  const int fd = systemIo.open(path, flags, mode);
  if (turn.crashAfter) crash();
  return fd;
}

int seamOpen(const char* path, int flags, mode_t mode) {
  if ((flags & O_TMPFILE) == O_TMPFILE) return openUnnamed(path, flags, mode);
  const bool changes = (flags & (O_CREAT | O_TRUNC)) != 0;
  if (!changes) return systemIo.open(path, flags, mode);
  const bool there = ::access(path, F_OK) == 0;
  if (there && !(flags & O_TRUNC)) return systemIo.open(path, flags, mode);
  const std::lock_guard guard(seam().mutex);
  const Turn turn = nextChange();
  if (turn.error != 0) return -turn.error;
  if (!turn.apply) {
    return there ? systemIo.open(path, flags & ~O_TRUNC, mode) : makeFrozen(path);
  }
  if (there && keepsJournal()) {
    const int before = systemIo.open(path, O_RDWR, 0);
    struct ::stat info;
    if (before >= 0 && ::fstat(before, &info) == 0) {
      keepRange(before, 0, static_cast<uint64_t>(info.st_size));
    }
    ::close(before);
  }
  const int fd = systemIo.open(path, flags, mode);
  if (fd >= 0 && !there) noteEntry(CrashJournal::kMade, path, "", {});
  if (turn.crashAfter) crash();
  return fd;
}

int seamStatName(const char* path, struct ::stat* out) {
  const std::lock_guard guard(seam().mutex);
  const auto made = seam().madeFrozen.find(path);
  if (made == seam().madeFrozen.end()) return systemIo.statName(path, out);
  *out = made->second;
  return 0;
}

int64_t seamPread(int fd, void* to, size_t bytes, uint64_t offset) {
  Turn turn;
  {
    const std::lock_guard guard(seam().mutex);
    turn = nextRead();
  }
  if (turn.error != 0) return -turn.error;
  return systemIo.pread(fd, to, turn.shortened ? half(bytes) : bytes, offset);
}

int64_t seamPreadv(int fd, const iovec* parts, int count, uint64_t offset) {
  Turn turn;
  {
    const std::lock_guard guard(seam().mutex);
    turn = nextRead();
  }
  if (turn.error != 0) return -turn.error;
  if (!turn.shortened) return systemIo.preadv(fd, parts, count, offset);
  const std::vector<iovec> some = halfOf(parts, count);
  return systemIo.preadv(fd, some.data(), static_cast<int>(some.size()), offset);
}

int64_t seamPwrite(int fd, const void* from, size_t bytes, uint64_t offset) {
  return change<int64_t>(
      static_cast<int64_t>(bytes), [&] { keepRange(fd, offset, bytes); },
      [&](bool shortened) {
        return systemIo.pwrite(fd, from, shortened ? half(bytes) : bytes, offset);
      });
}

int64_t seamPwritev(int fd, const iovec* parts, int count, uint64_t offset) {
  const uint64_t total = totalOf(parts, count);
  return change<int64_t>(
      static_cast<int64_t>(total), [&] { keepRange(fd, offset, total); },
      [&](bool shortened) {
        if (!shortened) return systemIo.pwritev(fd, parts, count, offset);
        const std::vector<iovec> some = halfOf(parts, count);
        return systemIo.pwritev(fd, some.data(), static_cast<int>(some.size()), offset);
      });
}

/// kDrop: what a failed sync may do to the file it was asked for.
int failSync(FileId id) {
  seam().plan.action = TestAction::kCount;
  seam().state.reached = true;
  seam().journal.dropUnsynced(id);
  return -EIO;
}

/// `isPromise`: what it was asked for is on the disk when it succeeds.
template <typename Call>
int syncThrough(int fd, bool isPromise, Call call) {
  const std::lock_guard guard(seam().mutex);
  const Turn turn = nextChange();
  if (turn.error != 0) return -turn.error;
  if (turn.crashAfter) crash();
  if (!turn.apply) return 0;
  struct ::stat info;
  if (::fstat(fd, &info) < 0) return -errno;
  const TestPlan& plan = seam().plan;
  const bool dropIsDue = plan.action == TestAction::kDrop && plan.operation != 0 &&
                         seam().state.changes >= plan.operation && S_ISREG(info.st_mode);
  if (dropIsDue) return failSync(idOf(info));
  const int result = call();
  if (result < 0 || !isPromise) return result;
  CrashJournal& journal = seam().journal;
  S_ISDIR(info.st_mode) ? journal.forgetDirectory(idOf(info)) : journal.forgetFile(idOf(info));
  return result;
}

/// kSlow. Outside of the mutex: what other threads do is not slow.
void delaySync() {
  Seam& the = seam();
  uint64_t delayMs = 0;
  {
    const std::lock_guard guard(the.mutex);
    const uint64_t number = ++the.state.syncs;
    if (the.plan.of != Counted::kSyncs || !isReached(number)) return;
    the.state.slowSyncs++;
    delayMs = the.plan.delayMs;
  }
  sleepMicroseconds(static_cast<int64_t>(delayMs) * 1000);
  const std::lock_guard guard(the.mutex);
  if (the.state.slowSyncs > 0) the.state.slowSyncs--;  // another plan counts anew
}

int seamFsync(int fd) {
  delaySync();
  return syncThrough(fd, true, [fd] { return systemIo.fsync(fd); });
}

int seamFdatasync(int fd) {
  delaySync();
  return syncThrough(fd, true, [fd] { return systemIo.fdatasync(fd); });
}

/// Promises nothing when it succeeds, loses what a sync does when it fails.
int seamStartWriting(int fd, uint64_t offset, uint64_t bytes) {
  return syncThrough(fd, false, [=] { return systemIo.startWriting(fd, offset, bytes); });
}

int seamAllocate(int fd, Allocate what, uint64_t offset, uint64_t bytes) {
  const auto keep = [&] {
    what == Allocate::kGrow ? keepLength(fd) : keepRange(fd, offset, bytes);
  };
  return change<int>(0, keep, [&](bool) { return systemIo.allocate(fd, what, offset, bytes); });
}

int seamTruncate(int fd, uint64_t bytes) {
  const auto keep = [&] {
    struct ::stat info;
    keepLength(fd);
    if (::fstat(fd, &info) < 0 || static_cast<uint64_t>(info.st_size) <= bytes) return;
    keepRange(fd, bytes, static_cast<uint64_t>(info.st_size) - bytes);
  };
  return change<int>(0, keep, [&](bool) { return systemIo.truncate(fd, bytes); });
}

int seamSetOwner(int fd, uid_t user, gid_t group) {
  return change<int>(0, [] {}, [&](bool) { return systemIo.setOwner(fd, user, group); });
}

int seamSetMode(int fd, mode_t mode) {
  return change<int>(0, [] {}, [&](bool) { return systemIo.setMode(fd, mode); });
}

int seamRename(const char* from, const char* to) {
  std::string saved;
  return change<int>(
      0, [&] { saved = saveFile(to); },
      [&](bool) {
        const int result = systemIo.rename(from, to);
        if (result < 0 && !saved.empty()) ::unlink(saved.c_str());
        if (result == 0) noteEntry(CrashJournal::kRenamed, to, from, saved);
        return result;
      });
}

int seamUnlink(const char* path) {
  std::string saved;
  return change<int>(
      0, [&] { saved = saveFile(path); },
      [&](bool) {
        const int result = systemIo.unlink(path);
        if (result == 0) noteEntry(CrashJournal::kRemoved, path, "", saved);
        return result;
      });
}

int seamLink(const char* from, const char* to) {
  return change<int>(
      0, [] {},
      [&](bool) {
        const int result = systemIo.link(from, to);
        if (result == 0) noteEntry(CrashJournal::kMade, to, "", {});
        return result;
      });
}

int64_t seamCopyRange(int from, uint64_t fromOffset, int to, uint64_t toOffset, size_t bytes) {
  return change<int64_t>(
      static_cast<int64_t>(bytes), [&] { keepRange(to, toOffset, bytes); },
      [&](bool shortened) {
        const size_t part = shortened ? half(bytes) : bytes;
        return systemIo.copyRange(from, fromOffset, to, toOffset, part);
      });
}

int seamStartThread(pthread_t* thread, void* (*run)(void*), void* argument) {
  {
    const std::lock_guard guard(seam().mutex);
    const TestPlan& plan = seam().plan;
    const uint64_t number = ++seam().state.threads;
    const bool isDue = plan.of == Counted::kThreads && isReached(number);
    if (isDue && plan.action == TestAction::kFail) return -plan.error;
  }
  return systemIo.startThread(thread, run, argument);
}

void seamMappedWrite(int fd, uint64_t offset, const void*, size_t bytes) {
  change<int>(0, [&] { keepRange(fd, offset, bytes); }, [](bool) { return 0; });
}

void seamMapping(int fd, uint64_t offset, void* base, uint64_t bytes, bool mapped) {
  const std::lock_guard guard(seam().mutex);
  std::vector<Mapping>& mappings = seam().mappings;
  std::erase_if(mappings, [&](const Mapping& other) {
    if (other.base != base) return false;
    ::close(other.fd);
    return true;
  });
  if (!mapped) return;
  const Mapping mapping{reopen(fd, O_RDWR), offset, base, bytes};
  mappings.push_back(mapping);
  if (seam().state.frozen) freezeMapping(mapping);
}

/// What cannot change anything goes to the system as it is.
const IoTable& seamTable() {
  static const IoTable table = {
      .open = seamOpen,
      .close = systemIo.close,
      .pread = seamPread,
      .preadv = seamPreadv,
      .pwrite = seamPwrite,
      .pwritev = seamPwritev,
      .fsync = seamFsync,
      .fdatasync = seamFdatasync,
      .startWriting = seamStartWriting,
      .allocate = seamAllocate,
      .truncate = seamTruncate,
      .stat = systemIo.stat,
      .statName = seamStatName,
      .statfs = systemIo.statfs,
      .setOwner = seamSetOwner,
      .setMode = seamSetMode,
      .rename = seamRename,
      .unlink = seamUnlink,
      .link = seamLink,
      .copyRange = seamCopyRange,
      .startThread = seamStartThread,
      .mappedWrite = seamMappedWrite,
      .mapping = seamMapping,
  };
  return table;
}

}  // namespace

void startTestIo(const TestPlan& plan) {
  stopTestIo();
  const std::lock_guard guard(seam().mutex);
  seam().plan = plan;
  seam().journal.begin(plan.seed);
  seam().state = {};
  seam().madeFrozen.clear();
  ioTable.store(&seamTable(), std::memory_order_release);
}

bool startTestIoFromEnvironment() {
  const char* text = std::getenv("RSTORE_TEST_IO");
  if (!text) return false;
  TestPlan plan;
  if (!parseTestPlan(text, &plan).ok()) {
    std::fprintf(stderr, "RSTORE_TEST_IO: \"%s\" is not a plan (see test-plan.h)\n", text);
    std::abort();
  }
  startTestIo(plan);
  return true;
}

void stopTestIo() {
  ioTable.store(&systemIo, std::memory_order_release);
  const std::lock_guard guard(seam().mutex);
  seam().journal.forgetAll();
}

TestIoState testIoState() {
  const std::lock_guard guard(seam().mutex);
  TestIoState state = seam().state;
  state.unsyncedSectors = seam().journal.unsyncedSectors();
  return state;
}

namespace {

[[maybe_unused]] const bool startedOnLoading = startTestIoFromEnvironment();

}  // namespace

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
