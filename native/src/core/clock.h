// What time it is, and waiting for it to pass.
#pragma once

#include <time.h>

#include <cstdint>

namespace rstore {

inline int64_t clockMs(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

/// Somebody may set it.
inline int64_t wallClockMs() { return clockMs(CLOCK_REALTIME); }
/// For people: behind the other by at most one tick of the system, some milliseconds, and a quarter
/// of its cost, which each small commit would notice.
inline int64_t roughWallClockMs() { return clockMs(CLOCK_REALTIME_COARSE); }
/// Only ever goes on, the same for all processes.
inline int64_t monotonicMs() { return clockMs(CLOCK_MONOTONIC); }

inline void sleepMicroseconds(int64_t microseconds) {
  timespec duration{microseconds / 1'000'000, (microseconds % 1'000'000) * 1000};
  nanosleep(&duration, nullptr);
}

}  // namespace rstore
