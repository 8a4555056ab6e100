// What a machine crash would take back: older contents of sectors, lengths and directory entries
// that no sync has made durable.
//
//  J1. Before a sector of a file changes, its content is put at the end of the sector's versions.
//  J2. A sync that is done forgets the versions of that file; one that is not done forgets nothing.
//  J3. A crash gives each sector one of its versions or what it holds now, each equally likely and
//      independent of all others: that includes every order in which a disk could have written
//      them.
//  J4. A file's length goes back to that of the last sync, or stays, by the seed.
//
// Directory entries: files made, renamed and removed are safe only after the directory was synced;
// of those that were not, a prefix (by the seed) survives. To be able to take back what was
// replaced or removed, the seam keeps it under a name that ends in ".seam-N" until then.
#pragma once

#ifdef RSTORE_TEST_SEAM

#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rstore {

using FileId = std::pair<uint64_t, uint64_t>;  // device, inode

FileId idOf(const struct ::stat& info);

/// Another open file description of the same file.
int reopen(int fd, int flags);

/// Not safe for threads: the seam's mutex is held.
class CrashJournal {
 public:
  enum EntryKind { kMade, kRenamed, kRemoved };

  void begin(uint64_t seed) { random_ = seed; }
  /// These bytes are about to change (J1).
  void keepRange(int fd, uint64_t offset, uint64_t bytes);
  /// The length alone is about to change.
  void keepLength(int fd) { (void)journalOf(fd); }
  /// A second name for what is about to be replaced or removed; empty when there is nothing.
  std::string saveFile(const char* path);
  /// A change of a directory was done; `saved` is from `saveFile`.
  void noteEntry(EntryKind kind, const char* path, std::string from, std::string saved);

  /// J2.
  void forgetFile(FileId id);
  void forgetDirectory(FileId id);
  void forgetEntries();
  void forgetAll();

  /// J3, of one file, which is then forgotten.
  void dropUnsynced(FileId id);
  /// J3, J4 and the directories: what a machine leaves that stops here.
  void revert();

  /// Sectors whose fate a crash would decide now.
  uint64_t unsyncedSectors() const { return unsyncedSectors_; }

 private:
  static constexpr uint64_t kSectorBytes = 512;
  using Sector = std::array<std::byte, kSectorBytes>;

  struct File {
    int fd = -1;  // a description of our own: locks of the original are not prolonged
    uint64_t syncedBytes = 0;
    std::map<uint64_t, std::vector<Sector>> versions;
  };
  /// A change of a directory that can be taken back. `saved` holds what was replaced or removed.
  struct Entry {
    EntryKind kind;
    FileId directory;
    std::string path, from, saved;
  };

  File* journalOf(int fd);
  void keepSector(File& file, uint64_t sector);
  void revertSectors(File& file);
  void revertLength(File& file);
  uint64_t nextRandom();
  uint64_t randomBelow(uint64_t limit) { return nextRandom() % limit; }

  uint64_t random_ = 0;
  uint64_t savedCount_ = 0;
  uint64_t unsyncedSectors_ = 0;
  std::map<FileId, File> files_;
  std::vector<Entry> entries_;
};

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
