/**
 * See test-io.h. Everything is under one mutex: operations of several threads happen one after the
 * other, which a test of crashes may assume. The mutex is never held while memory of ours is
 * touched (old content is read through descriptors, not through mappings), so that the fault
 * handler may use the table too.
 *
 * The journal (kTear, kDrop)
 *  J1. Before a sector of a file changes, its content is put at the end of the sector's versions.
 *  J2. A sync that is done forgets the versions of that file; one that is not done forgets nothing.
 *  J3. A crash gives each sector one of its versions or what it holds now, each equally likely and
 *      independent of all others: that includes every order in which a disk could have written
 *      them.
 *  J4. A file's length goes back to that of the last sync, or stays, by the seed.
 */
#include "core/test-io.h"

#ifdef RSTORE_TEST_SEAM

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace rstore {
namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr size_t kVersionLimit = 4;

using Sector = std::array<std::byte, kSectorBytes>;
using FileId = std::pair<uint64_t, uint64_t>;  // device, inode

struct FileJournal {
  int fd = -1;  // a description of our own: locks of the original are not prolonged
  uint64_t syncedBytes = 0;
  std::map<uint64_t, std::vector<Sector>> versions;
};

/** A change of a directory that can be taken back. `saved` holds what was replaced or removed. */
struct EntryChange {
  enum Kind { kMade, kRenamed, kRemoved } kind;
  FileId directory;
  std::string path, from, saved;
};

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
  uint64_t random = 0;
  uint64_t savedCount = 0;
  std::map<FileId, FileJournal> journal;
  std::vector<EntryChange> entries;
  std::vector<Mapping> mappings;
};

Seam& seam() {
  static Seam* const one = new Seam;  // never destroyed: threads may outlive main
  return *one;
}

/** splitmix64 */
uint64_t nextRandom() {
  uint64_t z = seam().random += 0x9e37'79b9'7f4a'7c15;
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
  return z ^ (z >> 31);
}

uint64_t randomBelow(uint64_t limit) { return nextRandom() % limit; }

bool keepsJournal() {
  const TestAction action = seam().plan.action;
  return (action == TestAction::kTear || action == TestAction::kDrop) && !seam().state.frozen;
}

FileId idOf(const struct ::stat& info) {
  return {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino)};
}

int reopen(int fd, int flags) {
  char name[64];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  return ::open(name, flags | O_CLOEXEC);
}

// ── the journal ──

FileJournal* journalOf(int fd) {
  struct ::stat info;
  if (::fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) return nullptr;
  FileJournal& file = seam().journal[idOf(info)];
  if (file.fd < 0) {
    file.fd = reopen(fd, O_RDWR);
    file.syncedBytes = static_cast<uint64_t>(info.st_size);
  }
  return &file;
}

void keepSector(FileJournal& file, uint64_t sector) {
  Sector content = {};
  (void)!::pread(file.fd, content.data(), kSectorBytes, static_cast<off_t>(sector * kSectorBytes));
  std::vector<Sector>& versions = file.versions[sector];
  if (!versions.empty() && versions.back() == content) return;
  // The oldest stays: it is what the disk surely has.
  if (versions.size() == kVersionLimit) versions.erase(versions.begin() + 1);
  versions.push_back(content);
  if (versions.size() == 1) seam().state.unsyncedSectors++;
}

void keepRange(int fd, uint64_t offset, uint64_t bytes) {
  FileJournal* file = keepsJournal() && bytes > 0 ? journalOf(fd) : nullptr;
  if (!file) return;
  const uint64_t last = (offset + bytes - 1) / kSectorBytes;
  for (uint64_t sector = offset / kSectorBytes; sector <= last; sector++) {
    keepSector(*file, sector);
  }
}

/** The length alone is about to change. */
void keepLength(int fd) {
  if (keepsJournal()) journalOf(fd);
}

void forgetFile(FileId id) {
  const auto found = seam().journal.find(id);
  if (found == seam().journal.end()) return;
  seam().state.unsyncedSectors -= found->second.versions.size();
  ::close(found->second.fd);
  seam().journal.erase(found);
}

/** J3. */
void revertSectors(FileJournal& file) {
  for (const auto& [sector, versions] : file.versions) {
    const uint64_t choice = randomBelow(versions.size() + 1);
    if (choice == versions.size()) continue;
    struct ::stat info;
    const auto offset = static_cast<off_t>(sector * kSectorBytes);
    if (::fstat(file.fd, &info) < 0 || offset >= info.st_size) continue;
    const auto bytes = std::min<off_t>(info.st_size - offset, kSectorBytes);
    (void)!::pwrite(file.fd, versions[choice].data(), static_cast<size_t>(bytes), offset);
  }
}

/** J4. */
void revertLength(FileJournal& file) {
  if (randomBelow(2) == 0) (void)!::ftruncate(file.fd, static_cast<off_t>(file.syncedBytes));
}

// ── directories ──

bool directoryIdOf(const char* path, FileId* id) {
  std::string directory = path;
  const size_t slash = directory.rfind('/');
  directory = slash == std::string::npos ? "." : directory.substr(0, std::max<size_t>(1, slash));
  struct ::stat info;
  if (::stat(directory.c_str(), &info) < 0) return false;
  *id = idOf(info);
  return true;
}

/** A second name for what is about to be replaced or removed; empty when there is nothing. */
std::string saveFile(const char* path) {
  std::string saved = std::string(path) + ".seam-" + std::to_string(++seam().savedCount);
  return ::link(path, saved.c_str()) == 0 ? saved : std::string();
}

void noteEntry(EntryChange::Kind kind, const char* path, std::string from, std::string saved) {
  EntryChange change{kind, {}, path, std::move(from), std::move(saved)};
  if (directoryIdOf(path, &change.directory)) seam().entries.push_back(std::move(change));
}

void removeSaved(const EntryChange& change) {
  if (!change.saved.empty()) ::unlink(change.saved.c_str());
}

void revertEntry(const EntryChange& change) {
  switch (change.kind) {
    case EntryChange::kMade: ::unlink(change.path.c_str()); break;
    case EntryChange::kRenamed: ::rename(change.path.c_str(), change.from.c_str()); break;
    case EntryChange::kRemoved: break;
  }
  if (!change.saved.empty()) ::rename(change.saved.c_str(), change.path.c_str());
}

void forgetDirectory(FileId id) {
  std::vector<EntryChange>& entries = seam().entries;
  for (const EntryChange& change : entries) {
    if (change.directory == id) removeSaved(change);
  }
  std::erase_if(entries, [&](const EntryChange& change) { return change.directory == id; });
}

void forgetAllEntries() {
  for (const EntryChange& change : seam().entries) removeSaved(change);
  seam().entries.clear();
}

// ── what the plans do ──

[[noreturn]] void endProcess() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

[[noreturn]] void crash() {
  Seam& the = seam();
  for (auto& [id, file] : the.journal) {
    revertSectors(file);
    revertLength(file);
  }
  const size_t surviving = randomBelow(the.entries.size() + 1);
  while (the.entries.size() > surviving) {
    revertEntry(the.entries.back());
    the.entries.pop_back();
  }
  forgetAllEntries();
  endProcess();
}

/** Stores to a durable mapping go to private pages from now on. */
void freezeMapping(const Mapping& mapping) {
  ::mmap(mapping.base, mapping.bytes, PROT_READ | PROT_WRITE,
         MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, mapping.fd, static_cast<off_t>(mapping.offset));
}

void freeze() {
  forgetAllEntries();
  for (const Mapping& mapping : seam().mappings) freezeMapping(mapping);
  seam().state.frozen = true;
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

/** What is to become of the operation that is about to be done. */
Turn nextChange() {
  Seam& the = seam();
  const uint64_t number = ++the.state.changes;
  if (the.state.frozen) return {.apply = false};
  if (the.plan.ofReads || !isReached(number)) return {};
  switch (the.plan.action) {
    case TestAction::kFail: return {.apply = false, .error = the.plan.error};
    case TestAction::kShort: return {.shortened = true};
    case TestAction::kFreeze: freeze(); return {.apply = false};
    case TestAction::kKill: forgetAllEntries(); endProcess();
    case TestAction::kTear: return {.crashAfter = true};
    case TestAction::kDrop:
    case TestAction::kCount: break;
  }
  return {};
}

Turn nextRead() {
  Seam& the = seam();
  const uint64_t number = ++the.state.reads;
  if (!the.plan.ofReads || !isReached(number)) return {};
  if (the.plan.action == TestAction::kFail) return {.apply = false, .error = the.plan.error};
  if (the.plan.action == TestAction::kShort) return {.shortened = true};
  if (the.plan.action == TestAction::kKill) endProcess();
  return {};
}

/**
 * One operation: counted, kept in the journal, done (or not), followed by the crash if it is due.
 */
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

/** The first parts, cut to half of the total. */
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

int seamOpen(const char* path, int flags, mode_t mode) {
  const bool changes = (flags & (O_CREAT | O_TRUNC)) != 0;
  if (!changes) return systemIo.open(path, flags, mode);
  const bool there = ::access(path, F_OK) == 0;
  if (there && !(flags & O_TRUNC)) return systemIo.open(path, flags, mode);
  const std::lock_guard guard(seam().mutex);
  const Turn turn = nextChange();
  if (turn.error != 0) return -turn.error;
  if (!turn.apply) {
    return there ? systemIo.open(path, flags & ~O_TRUNC, mode)
                 : ::memfd_create("rstore-frozen", MFD_CLOEXEC);
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
  if (fd >= 0 && !there && keepsJournal()) noteEntry(EntryChange::kMade, path, {}, {});
  if (turn.crashAfter) crash();
  return fd;
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

/** kDrop: what a failed sync may do to the file it was asked for. */
int failSync(FileId id) {
  seam().plan.action = TestAction::kCount;
  seam().state.reached = true;
  const auto found = seam().journal.find(id);
  if (found != seam().journal.end()) revertSectors(found->second);
  forgetFile(id);
  return -EIO;
}

int syncThrough(int (*call)(int), int fd) {
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
  const int result = call(fd);
  if (result < 0) return result;
  S_ISDIR(info.st_mode) ? forgetDirectory(idOf(info)) : forgetFile(idOf(info));
  return result;
}

int seamFsync(int fd) { return syncThrough(systemIo.fsync, fd); }
int seamFdatasync(int fd) { return syncThrough(systemIo.fdatasync, fd); }

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

int seamRename(const char* from, const char* to) {
  std::string saved;
  const auto keep = [&] {
    if (keepsJournal()) saved = saveFile(to);
  };
  return change<int>(0, keep, [&](bool) {
    const int result = systemIo.rename(from, to);
    if (result < 0 && !saved.empty()) ::unlink(saved.c_str());
    if (result == 0 && keepsJournal()) noteEntry(EntryChange::kRenamed, to, from, saved);
    return result;
  });
}

int seamUnlink(const char* path) {
  std::string saved;
  const auto keep = [&] {
    if (keepsJournal()) saved = saveFile(path);
  };
  return change<int>(0, keep, [&](bool) {
    const int result = systemIo.unlink(path);
    if (result == 0 && keepsJournal()) noteEntry(EntryChange::kRemoved, path, {}, saved);
    return result;
  });
}

int seamLink(const char* from, const char* to) {
  return change<int>(
      0, [] {},
      [&](bool) {
        const int result = systemIo.link(from, to);
        if (result == 0 && keepsJournal()) noteEntry(EntryChange::kMade, to, {}, {});
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

/** What cannot change anything goes to the system as it is. */
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
      .allocate = seamAllocate,
      .truncate = seamTruncate,
      .stat = systemIo.stat,
      .statfs = systemIo.statfs,
      .rename = seamRename,
      .unlink = seamUnlink,
      .link = seamLink,
      .copyRange = seamCopyRange,
      .mappedWrite = seamMappedWrite,
      .mapping = seamMapping,
  };
  return table;
}

// ── plans ──

struct Named {
  const char* name;
  int value;
};

constexpr Named kErrors[] = {
    {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},
    {"EROFS", EROFS},   {"EINTR", EINTR},   {"EAGAIN", EAGAIN},
    {"ENOMEM", ENOMEM}, {"EACCES", EACCES}, {"EOPNOTSUPP", EOPNOTSUPP},
};

constexpr Named kActions[] = {
    {"fail", static_cast<int>(TestAction::kFail)},
    {"short", static_cast<int>(TestAction::kShort)},
    {"freeze", static_cast<int>(TestAction::kFreeze)},
    {"kill", static_cast<int>(TestAction::kKill)},
    {"tear", static_cast<int>(TestAction::kTear)},
    {"drop", static_cast<int>(TestAction::kDrop)},
};

template <size_t kCount>
bool find(const Named (&all)[kCount], const std::string& name, int* value) {
  for (const Named& one : all) {
    if (name == one.name) return *value = one.value, true;
  }
  return false;
}

bool parseNumber(const std::string& text, uint64_t* out) {
  char* end = nullptr;
  *out = std::strtoull(text.c_str(), &end, 10);
  return !text.empty() && text[0] >= '0' && text[0] <= '9' && *end == 0;
}

bool parseOperation(std::string text, TestPlan* plan) {
  if (!text.empty() && text.back() == '+') plan->fromThenOn = true, text.pop_back();
  if (!text.empty() && text.front() == 'r') plan->ofReads = true, text.erase(0, 1);
  return parseNumber(text, &plan->operation) && plan->operation > 0;
}

bool parseArgument(const std::string& text, TestPlan* plan) {
  if (plan->action == TestAction::kFail) return find(kErrors, text, &plan->error);
  return text.starts_with("seed=") && parseNumber(text.substr(5), &plan->seed);
}

}  // namespace

Status parseTestPlan(const char* text, TestPlan* out) {
  const std::string plan = text;
  *out = {};
  if (plan == "count") return kSuccess;
  const size_t at = plan.find('@');
  if (at == std::string::npos) return failure(Code::kInvalid);
  const std::string what = plan.substr(0, at);
  const size_t colon = what.find(':');
  int action = 0;
  bool good = find(kActions, what.substr(0, colon), &action);
  out->action = static_cast<TestAction>(action);
  good = good && parseOperation(plan.substr(at + 1), out);
  if (colon != std::string::npos) good = good && parseArgument(what.substr(colon + 1), out);
  if (out->action == TestAction::kFail && out->error == 0) good = false;
  return good ? kSuccess : failure(Code::kInvalid);
}

void startTestIo(const TestPlan& plan) {
  stopTestIo();
  const std::lock_guard guard(seam().mutex);
  seam().plan = plan;
  seam().random = plan.seed;
  seam().state = {};
  ioTable.store(&seamTable(), std::memory_order_release);
}

bool startTestIoFromEnvironment() {
  const char* text = std::getenv("RSTORE_TEST_IO");
  if (!text) return false;
  TestPlan plan;
  if (!parseTestPlan(text, &plan).ok()) {
    std::fprintf(stderr, "RSTORE_TEST_IO: \"%s\" is not a plan (see test-io.h)\n", text);
    std::abort();
  }
  startTestIo(plan);
  return true;
}

void stopTestIo() {
  ioTable.store(&systemIo, std::memory_order_release);
  const std::lock_guard guard(seam().mutex);
  while (!seam().journal.empty()) forgetFile(seam().journal.begin()->first);
  forgetAllEntries();
}

TestIoState testIoState() {
  const std::lock_guard guard(seam().mutex);
  return seam().state;
}

namespace {

[[maybe_unused]] const bool startedOnLoading = startTestIoFromEnvironment();

}  // namespace

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
