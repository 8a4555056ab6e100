// Sleeping on a word of shared memory until another process wakes.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>

namespace rstore {

inline constexpr int kEverybody = INT_MAX;

/// How many were woken, at most `count`.
inline long futexWake(std::atomic<uint32_t>& word, int count) {
  return syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

/// Sleeps while the word is `seen`, at most `timeoutMs`; may wake for no reason.
inline void futexWait(std::atomic<uint32_t>& word, uint32_t seen, int64_t timeoutMs) {
  timespec duration{timeoutMs / 1000, (timeoutMs % 1000) * 1'000'000};
  syscall(SYS_futex, &word, FUTEX_WAIT, seen, &duration, nullptr, 0);
}

}  // namespace rstore
