// Every file operation of the core, through one table of functions, so that a test can make
// operation N fail, fall short, freeze or tear (seam/test-io.h). The release addon only ever has
// `systemIo` in it.
//
// Conventions
//  - A result is >= 0, or the errno with its sign turned: -ENOSPC. `errno` itself is not part of
//    it, so that the fault handler can use the same table.
//  - The entries are the system calls themselves: they may be interrupted and may fall short. The
//    functions below the table (readFully …) do what a caller wants.
//  - A pointer into a view or another registered range may be given to readFully and writeFully:
//    where the kernel answers EFAULT the pages are touched, so that the fault handler provides
//    them, and the call is repeated.
//  - Every descriptor is close-on-exec: `open` adds O_CLOEXEC.
#pragma once

#include <pthread.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/status.h"

namespace rstore {

/// What `allocate` does to a range of a file.
enum class Allocate : uint32_t {
  kGrow,   // blocks for the range; the file gets longer where the range is past its end
  kZero,   // the range reads as zero, its blocks stay; the file's length stays
  kPunch,  // the range reads as zero, its blocks are freed; the file's length stays
};

/// What fstatfs tells.
struct FileSystemInfo {
  int64_t type;  // f_type: the magic of the file system
  uint64_t blockBytes;
  uint64_t freeBlocks;  // for unprivileged users
};

struct IoTable {
  int (*open)(const char* path, int flags, mode_t mode);
  int (*close)(int fd);
  int64_t (*pread)(int fd, void* to, size_t bytes, uint64_t offset);
  int64_t (*preadv)(int fd, const iovec* parts, int count, uint64_t offset);
  int64_t (*pwrite)(int fd, const void* from, size_t bytes, uint64_t offset);
  int64_t (*pwritev)(int fd, const iovec* parts, int count, uint64_t offset);
  int (*fsync)(int fd);
  int (*fdatasync)(int fd);
  /// 0 also where there is no such thing, and where nothing was begun for want of memory.
  int (*startWriting)(int fd, uint64_t offset, uint64_t bytes);
  /// -EOPNOTSUPP where the file system cannot.
  int (*allocate)(int fd, Allocate what, uint64_t offset, uint64_t bytes);
  int (*truncate)(int fd, uint64_t bytes);
  int (*stat)(int fd, struct ::stat* out);
  int (*statName)(const char* path, struct ::stat* out);
  int (*statfs)(int fd, FileSystemInfo* out);
  /// Ids of -1 stay as they are.
  int (*setOwner)(int fd, uid_t user, gid_t group);
  int (*setMode)(int fd, mode_t mode);
  int (*rename)(const char* from, const char* to);
  int (*unlink)(const char* path);
  /// Another name for what `from` leads to, also as a symbolic link; -EEXIST when `to` is taken.
  int (*link)(const char* from, const char* to);
  /// Bytes copied; 0 at the end of the source; -EXDEV, -EOPNOTSUPP, -ENOSYS: copy by hand.
  int64_t (*copyRange)(int from, uint64_t fromOffset, int to, uint64_t toOffset, size_t bytes);
  /// Of no file, but what the system may refuse, too: -EAGAIN when there are too many.
  int (*startThread)(pthread_t* thread, void* (*run)(void*), void* argument);
  /// Called before bytes of a shared durable mapping of `fd` change through memory: `ptr` is where
  /// they are mapped, `offset` where they are in the file. Null in the release addon: use
  /// noteMappedWrite().
  void (*mappedWrite)(int fd, uint64_t offset, const void* ptr, size_t bytes);
  /// A durable shared mapping was made (mapped) or is about to go. Null in the release addon.
  void (*mapping)(int fd, uint64_t offset, void* base, uint64_t bytes, bool mapped);
};

/// The system calls.
extern const IoTable systemIo;

/// The table in use: `systemIo`, except in the test addon. Set before the first file is opened.
extern std::atomic<const IoTable*> ioTable;

inline const IoTable& io() { return *ioTable.load(std::memory_order_acquire); }

/// Must precede every change of a log (or of anything durable) through a shared mapping. One call
/// for each run of bytes that could reach the disk apart from the others. Costs a load in the
/// release addon.
inline void noteMappedWrite(int fd, uint64_t offset, const void* ptr, size_t bytes) {
  if (auto note = io().mappedWrite) note(fd, offset, ptr, bytes);
}

/// Reads exactly `bytes`, through interruptions and short reads. The file ends before: kIo, error
/// 0.
Status readFully(int fd, void* to, size_t bytes, uint64_t offset);

/// The same up to the end of the file: `*got` is less than `bytes` only there.
Status readUpTo(int fd, void* to, size_t bytes, uint64_t offset, size_t* got);

/// Writes exactly `bytes`. A failure may leave any part of them written.
Status writeFully(int fd, const void* from, size_t bytes, uint64_t offset);

/// Writes all parts one behind the other. `parts` is changed on the way (a short write advances
/// it). Any `count`: the limit of one system call is kept inside.
Status writePartsFully(int fd, iovec* parts, int count, uint64_t offset);

/// Reads into all parts; as readFully.
Status readPartsFully(int fd, iovec* parts, int count, uint64_t offset);

/// Page by page, so that the kernel caches it in single pages: small writes into a big folio walk
/// all of its blocks, and a store through a mapping makes the whole of it dirty.
Status writeZeros(int fd, uint64_t offset, uint64_t bytes);

/// `bytes` of zeros at `offset`: ZERO_RANGE, else punching, else by writing. May make the file
/// longer.
Status zeroFileRange(int fd, uint64_t offset, uint64_t bytes);

/// The range reads as zeros, and its blocks are freed: kUnsupported where that cannot be done.
Status punchFileRange(int fd, uint64_t offset, uint64_t bytes);

/// Makes the file at least `bytes` long with blocks behind what is new, never shorter. Where the
/// file system cannot allocate, the length alone is set.
Status growFileTo(int fd, uint64_t bytes);

/// The same, but where the file system cannot allocate, zeros are written: there are blocks.
Status allocateFileTo(int fd, uint64_t bytes);

/// Copies between files; by the kernel where it can, else through a buffer.
Status copyFileRange(int from, uint64_t fromOffset, int to, uint64_t toOffset, uint64_t bytes);

Status fileLength(int fd, uint64_t* bytes);

Status statOf(int fd, struct ::stat* out);

/// Whether both are of one file.
inline bool isSameFile(const struct ::stat& a, const struct ::stat& b) {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/// sync: data and what is needed to find it (fdatasync); syncAll: the times too (fsync).
Status syncData(int fd);
Status syncAll(int fd);

/// Sets the system to writing what is changed in the range, without waiting for it: a sync that
/// follows has less to wait for. Success promises nothing. A failure is one of a sync: a page may
/// be lost, whoever wrote it, and the next sync need not tell (ext4, when it can find no block for
/// it).
Status startWriting(int fd, uint64_t offset, uint64_t bytes);

/// Opens; kNotFound, kExists, kReadOnly … as errno says. Interruptions are repeated. The descriptor
/// is never 0, 1 or 2, where a stray print would land in the file.
Status openFile(const char* path, int flags, mode_t mode, int* fd);

/// Whether a name leads to the file of a descriptor; not when either cannot be asked.
bool leadsTo(const char* name, int fd);

/// A name of what a descriptor leads to, also where that has none; needs /proc.
std::string nameOfDescriptor(int fd);

/// Gives what `from` leads to, a file of one's own, another name: kExists when that is taken,
/// kUnsupported where the file system has no second names.
Status linkFile(const std::string& from, const std::string& to);

/// Never fails for the caller: the descriptor is gone in any case.
void closeFile(int fd);

/// Syncs the directory that holds `path`, after a file there was made, renamed or removed.
Status syncDirectoryOf(const char* path);

/// Touches (reads) each page of the range, so that faults are served now and not within a system
/// call.
void makePresent(const void* ptr, size_t bytes);

}  // namespace rstore
