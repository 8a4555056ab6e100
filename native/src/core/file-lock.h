// Locks on single bytes of a file, owned by an open file description (F_OFD_…), not by a process.
//
//  - They end when the last descriptor of that description is closed: when the process dies,
//    however, or when a terminated worker's descriptors are closed by its cleanup hook. Process ids
//    are never needed.
//  - Threads, handles and processes exclude each other alike, as long as each opens the file by
//    itself. dup() and fork() share the description and so the lock; every descriptor is
//    close-on-exec.
//  - TRAP: a probe or a lock through the holder's own description succeeds at once, may convert
//    what is held, and an unlock destroys it. Liveness is therefore probed through a descriptor of
//    its own, opened with openLockDescriptor, on which no lock is ever taken.
//  - Locks may be taken on bytes past the end of the file; they do not touch content.
#pragma once

#include <cstdint>

#include "core/status.h"

namespace rstore {

enum class LockMode : uint32_t { kShared, kExclusive };

/// Opens with O_RDWR | O_CLOEXEC (O_RDONLY when `readOnly`: such a one can only take shared locks).
Status openLockDescriptor(const char* path, bool readOnly, int* fd);

/// Locks one byte, at once or not at all: kBusy. What this description holds on the byte is
/// converted (exclusive to shared is the downgrade; it cannot fail). kUnsupported: the file system
/// has no locks.
Status tryLockByte(int fd, uint64_t byte, LockMode mode);

/// Tries it until it is had, at most so long: then kBusy, EBUSY. For setup paths only.
Status lockByteWithin(int fd, uint64_t byte, LockMode mode, int64_t timeoutMs);

/// Waits for it, in the kernel, for as long as its holder likes: never on the thread of JavaScript.
/// EINTR is repeated.
/// Converting shared to exclusive from two sides would wait for ever: release first.
Status lockByte(int fd, uint64_t byte, LockMode mode);

Status unlockByte(int fd, uint64_t byte);

/// Whether any description other than `probeFd`'s holds the byte in a way that excludes `mode`
/// (kExclusive: anybody at all). `probeFd` never holds locks itself.
Status probeByte(int probeFd, uint64_t byte, LockMode mode, bool* held);

/// The same for any of `count` bytes, of which there is at least one. What `probeFd`'s description
/// holds itself is passed over.
Status probeBytes(int probeFd, uint64_t first, uint64_t count, LockMode mode, bool* held);

/// Whether the file is on a file system that other machines may have mounted (NFS, SMB, 9P, Ceph,
/// Lustre, AFS, FUSE …): shared memory and locks do not reach across. `*name` is a literal for
/// messages, also for local ones ("ext4", "tmpfs", "unknown").
Status isNetworkFileSystem(int fd, bool* network, const char** name);

}  // namespace rstore
