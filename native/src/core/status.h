// How the core reports failure: a code for the caller to decide by, and the errno behind it for
// people.
//
// No exceptions. A function that can fail in operation returns a Status and gives results through
// pointers; it is [[nodiscard]], because an ignored failure of a write is a lost commit.
#pragma once

#include <cerrno>
#include <cstdint>

namespace rstore {

enum class Code : uint32_t {
  kOk = 0,
  kNoSpace,     // disk, quota, or the limit of a file's size
  kIo,          // the disk did not do it, or the file is shorter than it must be
  kCorrupt,     // bytes that no correct program wrote
  kRegionFull,  // past the capacity
  kReadOnly,    // no permission to write, or a read-only file system
  kBusy,        // someone else holds it
  kNotFound,
  kExists,
  kNotRegion,       // the magic is another's
  kTooNew,          // made by a later format version
  kTooOld,          // made by a format version that is no longer read
  kWrongKind,       // live, packed or shared, and another was expected; `error` says which it is
  kStale,           // overtaken: begin again from the file
  kReplaced,        // the file was replaced by a compacted one: reopen
  kElsewhere,       // others have the region open by another name or lock file
  kFailed,          // this handle failed before and is latched
  kClosed,          // the handle was closed meanwhile
  kRevoked,         // a pin that does not count any more
  kUnsupported,     // the file system or the kernel cannot do it
  kMemory,          // no memory, no address space, too many mappings or descriptors
  kTooManyHandles,  // all reader slots of the region are taken
  kLogMissing,      // the slot needs a log that is not there
  kNeedsRecovery,   // a crash left a log, and the media cannot be written
  kInTheWay,        // where the log or the lock file belongs there is something else
  kUnderWay,        // someone else is just making the same file
  kLogFull,         // the log has all the segments it can have, and somebody still reads the oldest
  kOutOfReach,      // the file was replaced by a compacted one, which cannot be opened
  kNotOwner,        // a new file would shut out some who may open the one that it is to replace
  kLockDamaged,     // words in the lock file that no correct program wrote
  kInvalid,         // arguments that make no sense: our own mistake
};

/// What TypeScript calls them, in the same order: it decides by name, so that no number has two
/// truths.
inline constexpr const char* kCodeNames[] = {
    "ok",        "noSpace",     "io",       "corrupt",        "regionFull", "readOnly",
    "busy",      "notFound",    "exists",   "notRegion",      "tooNew",     "tooOld",
    "wrongKind", "stale",       "replaced", "elsewhere",      "failed",     "closed",
    "revoked",   "unsupported", "memory",   "tooManyHandles", "logMissing", "needsRecovery",
    "inTheWay",  "underWay",    "logFull",  "outOfReach",     "notOwner",   "lockDamaged",
    "invalid",
};
static_assert(sizeof kCodeNames / sizeof kCodeNames[0] ==
              static_cast<uint32_t>(Code::kInvalid) + 1);

struct [[nodiscard]] Status {
  Code code = Code::kOk;
  int error = 0;  // errno, or 0 when no system call is to blame

  constexpr bool ok() const { return code == Code::kOk; }
  constexpr explicit operator bool() const { return ok(); }
};

constexpr Status kSuccess{};

constexpr Status failure(Code code, int error = 0) { return Status{code, error}; }

/// The status that an errno (positive) stands for. What is not known is kIo: nothing was promised.
constexpr Status statusFromErrno(int error) {
  switch (error) {
    case 0: return kSuccess;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return failure(Code::kNoSpace, error);
    case EACCES:
    case EPERM:
    case EROFS: return failure(Code::kReadOnly, error);
    case ENOENT:
    case ENOTDIR: return failure(Code::kNotFound, error);
    case EEXIST: return failure(Code::kExists, error);
    case EAGAIN:
    case EBUSY: return failure(Code::kBusy, error);
    case ENOMEM:
    case EMFILE:
    case ENFILE: return failure(Code::kMemory, error);
    case EINVAL: return failure(Code::kInvalid, error);
    case EOPNOTSUPP:
    case ENOSYS: return failure(Code::kUnsupported, error);
    default: return failure(Code::kIo, error);
  }
}

}  // namespace rstore
