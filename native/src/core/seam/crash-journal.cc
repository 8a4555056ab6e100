#include "core/seam/crash-journal.h"

#ifdef RSTORE_TEST_SEAM

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace rstore {
namespace {

constexpr size_t kVersionLimit = 4;

bool directoryIdOf(const char* path, FileId* id) {
  std::string directory = path;
  const size_t slash = directory.rfind('/');
  directory = slash == std::string::npos ? "." : directory.substr(0, std::max<size_t>(1, slash));
  struct ::stat info;
  if (::stat(directory.c_str(), &info) < 0) return false;
  *id = idOf(info);
  return true;
}

void removeSaved(const std::string& saved) {
  if (!saved.empty()) ::unlink(saved.c_str());
}

}  // namespace

FileId idOf(const struct ::stat& info) {
  return {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino)};
}

int reopen(int fd, int flags) {
  char name[64];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  return ::open(name, flags | O_CLOEXEC);
}

/// splitmix64
uint64_t CrashJournal::nextRandom() {
  uint64_t z = random_ += 0x9e37'79b9'7f4a'7c15;
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
  return z ^ (z >> 31);
}

// ── files ──

CrashJournal::File* CrashJournal::journalOf(int fd) {
  struct ::stat info;
  if (::fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) return nullptr;
  File& file = files_[idOf(info)];
  if (file.fd < 0) {
    file.fd = reopen(fd, O_RDWR);
    file.syncedBytes = static_cast<uint64_t>(info.st_size);
  }
  return &file;
}

void CrashJournal::keepSector(File& file, uint64_t sector) {
  Sector content = {};
  (void)!::pread(file.fd, content.data(), kSectorBytes, static_cast<off_t>(sector * kSectorBytes));
  std::vector<Sector>& versions = file.versions[sector];
  if (!versions.empty() && versions.back() == content) return;
  // The oldest stays: it is what the disk surely has.
  if (versions.size() == kVersionLimit) versions.erase(versions.begin() + 1);
  versions.push_back(content);
  if (versions.size() == 1) unsyncedSectors_++;
}

void CrashJournal::keepRange(int fd, uint64_t offset, uint64_t bytes) {
  File* file = bytes > 0 ? journalOf(fd) : nullptr;
  if (!file) return;
  const uint64_t last = (offset + bytes - 1) / kSectorBytes;
  for (uint64_t sector = offset / kSectorBytes; sector <= last; sector++) {
    keepSector(*file, sector);
  }
}

void CrashJournal::forgetFile(FileId id) {
  const auto found = files_.find(id);
  if (found == files_.end()) return;
  unsyncedSectors_ -= found->second.versions.size();
  ::close(found->second.fd);
  files_.erase(found);
}

void CrashJournal::revertSectors(File& file) {
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

void CrashJournal::revertLength(File& file) {
  if (randomBelow(2) == 0) (void)!::ftruncate(file.fd, static_cast<off_t>(file.syncedBytes));
}

void CrashJournal::dropUnsynced(FileId id) {
  const auto found = files_.find(id);
  if (found != files_.end()) revertSectors(found->second);
  forgetFile(id);
}

// ── directories ──

std::string CrashJournal::saveFile(const char* path) {
  std::string saved = std::string(path) + ".seam-" + std::to_string(++savedCount_);
  return ::link(path, saved.c_str()) == 0 ? saved : std::string();
}

void CrashJournal::noteEntry(EntryKind kind, const char* path, std::string from,
                             std::string saved) {
  Entry entry{kind, {}, path, std::move(from), std::move(saved)};
  if (directoryIdOf(path, &entry.directory)) entries_.push_back(std::move(entry));
}

void CrashJournal::forgetDirectory(FileId id) {
  for (const Entry& entry : entries_) {
    if (entry.directory == id) removeSaved(entry.saved);
  }
  std::erase_if(entries_, [&](const Entry& entry) { return entry.directory == id; });
}

void CrashJournal::forgetEntries() {
  for (const Entry& entry : entries_) removeSaved(entry.saved);
  entries_.clear();
}

// ── everything ──

void CrashJournal::forgetAll() {
  while (!files_.empty()) forgetFile(files_.begin()->first);
  forgetEntries();
}

void CrashJournal::revert() {
  for (auto& [id, file] : files_) {
    revertSectors(file);
    revertLength(file);
  }
  const size_t surviving = randomBelow(entries_.size() + 1);
  while (entries_.size() > surviving) {
    const Entry& last = entries_.back();
    if (last.kind == kMade) ::unlink(last.path.c_str());
    if (last.kind == kRenamed) ::rename(last.path.c_str(), last.from.c_str());
    if (!last.saved.empty()) ::rename(last.saved.c_str(), last.path.c_str());
    entries_.pop_back();
  }
  forgetEntries();
}

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
