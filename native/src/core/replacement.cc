// The replacement of a region's file by a compacted one.
//
// Names: `F` the region file, `F-wal` its log, `F-lock` its lock file. A generation is one file of
// the region with a log and a lock file of its own; the new file has the same uuid and the next
// generation, a slot that is clean, and an epoch one higher than the last commit of the old one.
//
// WHO MAY DO WHAT
//  P1. The compactor holds the write lock of the old generation from before it copies until the new
//      file has its name: nothing is committed in between that the copy would miss. It dies with
//      the lock, which the next writer takes over.
//  P2. `replaced` is set before the rename, in the old lock file. Whoever takes the write lock of
//      the old generation looks at it; when it is set, the name decides: it leads to a file of the
//      same uuid and a later generation, and the handle moves over before it changes anything; or
//      to the file that is open, because the compactor died or failed before its rename, and the
//      word is cleared. Where it leads to anything else, to nothing, or to a file that this process
//      cannot open, nothing is read or changed, and the word stays: the old file may have no name
//      any more. So after the rename nobody commits to the old file: who did not see the word set
//      had the lock before the compactor.
//  P3. Readers look at the word when they refresh, and move over between two commits, never within
//      one: a pinned view, a snapshot, a read() keeps file, log and lock file of its generation
//      open, which live on without names for as long as somebody does.
//  P4. The old log and lock file lose their names only after the folder was synced: a machine crash
//      finds the old file with its log, or the new one, which needs none. The log goes first. While
//      `F-lock` is still the old one, nobody can begin a log of the new generation, so `F-wal` is
//      surely the old one; and when it has gone, the next opener makes a lock file anew. Whoever
//      finds a new region file beside an old lock file does it, under a lock on a byte of that very
//      file, and only when the name still leads to it: the lock file of the new generation is never
//      taken for it.
//      Whoever opens or moves over meanwhile may find that the log, or the name, has gone on to
//      another generation between two of its steps: it looks at `replaced`, lets go of everything
//      and begins again at the name.
//  P5. The last handle of the old generation closes without touching anything: the lock file it has
//      is not the one of that name any more, or the region file is not of its generation.
//  P6. Who could open the old file can open the new one: otherwise they would lose their data, and
//      P2 would keep them out for good. Before the rename the new file has its owner, group and
//      permissions, and they are compared; the owner is taken for a member of the file's group.
//
// WHAT A CRASH LEAVES
//   while copying          `F` as it was, and a temporary file, which the next compaction removes.
//   after `replaced`       The same; the next writer clears the word (P2).
//   after the rename       The new file. The old log and lock file are removed by the next opener
//                          (P4), or built anew by it when it is the first: a clean slot needs no
//                          log. A machine crash may undo the rename: then everything is as before.
//   after the log          The same.
//   after the lock file    Done.
#include "core/atomic-word.h"
#include "core/futex.h"
#include "core/handle.h"
#include "core/io.h"

namespace rstore {

bool Handle::isReplaced() const { return moving_ || checkName().code == Code::kReplaced; }

/// P2. kReplaced: the name leads to a file of a later generation. kElsewhere: to nothing, or to a
/// file that is none of ours (a copy that somebody moved there).
Status Handle::checkName() const {
  if (!hasLock() || atomicWord(lock_.words().replaced).load(std::memory_order_seq_cst) == 0) {
    return kSuccess;
  }
  if (leadsTo(path_.c_str(), file_.fd)) return kSuccess;
  RegionFile found;
  const Status opened = found.open(path_, false, kKindLive);
  if (opened.code == Code::kMemory) return opened;
  if (opened.code == Code::kNotFound) return failure(Code::kElsewhere);
  if (!opened.ok()) return failure(Code::kOutOfReach, opened.error);
  const bool isOurs = isLaterGeneration(found.identity, file_.identity);
  return failure(isOurs ? Code::kReplaced : Code::kElsewhere);
}

/// P2, by the holder of the write lock.
Status Handle::claimName() {
  auto& replaced = atomicWord(lock_.words().replaced);
  if (replaced.load(std::memory_order_seq_cst) == 0) return kSuccess;
  const Status named = checkName();
  if (named.ok()) replaced.store(0, std::memory_order_seq_cst);
  return named;
}

/// P3. After a failure there is no file: the next try begins at the same place.
Status Handle::moveOver() {
  moving_ = true;
  checkpointer_.reset();
  view_.leaveFile();
  log_.close();
  lock_.close();
  if (const Status opened = openShared(); !opened.ok()) {
    checkpointer_.reset();
    lock_.close();
    return opened;
  }
  if (file_.identity.capacityBytes != capacityBytes_) return failure(Code::kReplaced);
  view_.control().replacements++;
  moving_ = false;
  return kSuccess;
}

namespace {

/// P6: whether all who may read or write the one file may do that with the other.
bool admitsAllOf(const struct stat& before, const struct stat& now) {
  const bool sameOwner = now.st_uid == before.st_uid;
  const bool sameGroup = now.st_gid == before.st_gid;
  const auto covers = [](mode_t wide, mode_t narrow) { return (narrow & ~wide & 6) == 0; };
  const mode_t owner = now.st_mode >> 6, group = now.st_mode >> 3, others = now.st_mode;
  const mode_t ofGroup = sameGroup ? group : others;
  return covers(sameOwner ? owner : ofGroup, before.st_mode >> 6) &&
         covers(ofGroup, before.st_mode >> 3) && covers(others, before.st_mode) &&
         covers(group, sameGroup ? 0 : before.st_mode);  // its members were others before
}

Status checkAccess(int before, int now) {
  struct stat old;
  struct stat fresh;
  if (const Status got = statOf(before, &old); !got.ok()) return got;
  if (const Status got = statOf(now, &fresh); !got.ok()) return got;
  return admitsAllOf(old, fresh) ? kSuccess : failure(Code::kNotOwner);
}

}  // namespace

/// P1 to P4, by the compactor, inside a transaction that changed nothing.
Status Handle::replaceWith(const std::string& temporary) {
  if (!transacting_) return failure(Code::kInvalid);
  RegionFile fresh;
  if (const Status opened = fresh.open(temporary, false, kKindLive); !opened.ok()) return opened;
  if (!isLaterGeneration(fresh.identity, file_.identity)) return failure(Code::kInvalid);
  if (const Status same = checkAccess(file_.fd, fresh.fd); !same.ok()) return same;  // P6
  SharedWords& words = lock_.words();
  atomicWord(words.replaced).store(1, std::memory_order_seq_cst);
  const int renamed = io().rename(temporary.c_str(), path_.c_str());
  if (renamed < 0) {
    atomicWord(words.replaced).store(0, std::memory_order_seq_cst);
    return statusFromErrno(-renamed);
  }
  const Status synced = syncDirectoryOf(path_.c_str());
  // Or the next opener does.
  if (synced.ok()) (void)lock_.retire(logPath(), options_.timeoutMs);
  auto& ticket = atomicWord(words.epochTicket);
  ticket.fetch_add(1, std::memory_order_seq_cst);
  futexWake(ticket, kEverybody);
  return synced;
}

}  // namespace rstore
