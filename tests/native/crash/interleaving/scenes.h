// Deaths are those of real processes: a scene is what a process does that is killed on the way, a
// program of its own, so that it inherits nothing.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <string>

#include "hooks.h"
#include "stamps.h"

namespace interleaving {

[[noreturn]] inline void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

inline double secondsOf(const std::function<void()>& body) {
  const auto begun = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

/// What a process does that dies on the way: a program of its own, so that it inherits nothing.
struct Scene {
  const char* name;
  void (*play)(const std::string& path, uint32_t number);
};

/// Plays the scene in a new process; true when that was killed, as it must be.
inline bool dies(const char* scene, const std::string& path, uint32_t number = 0) {
  const std::string text = std::to_string(number);
  const int status = check::inChild(
      [&] { ::execl("/proc/self/exe", "scene", scene, path.c_str(), text.c_str(), nullptr); });
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/// At the sync of the log that belongs to its commit.
inline void dieBeforePublishing(const std::string& path, uint32_t) {
  Region dying;
  if (!dying.open(path).ok()) return;
  const int region = dying.handle.file().fd;
  useHooks({{}, {}, [region](int fd) {
              if (fd != region) die();
              return 0;
            }});
  (void)stamp(dying, 2, true);
}

/// With the last line of its record not written.
inline void dieWithATornRecord(const std::string& path, uint32_t) {
  Region dying;
  if (!dying.open(path).ok()) return;
  useHooks({{},
            [](int fd, uint64_t offset, size_t bytes) {
              if (bytes < 500) return;
              const std::byte zeros[64] = {};
              (void)systemIo.pwrite(fd, zeros, sizeof zeros, offset + bytes - sizeof zeros);
              die();
            },
            {}});
  (void)stamp(dying, 2, true);
}

/// Leaves a tail of 70 pages in the file and no record of it.
inline void dieBehindATail(const std::string& path, uint32_t) {
  Region dying;
  if (!dying.open(path).ok() || !dying.begin().ok()) return;
  const uint64_t first = freshLineOf(dying.endUnits);
  dying.endUnits = (first + 70 * kLinesOfPage) * 8;
  if (!dying.handle.grow(dying.endUnits).ok()) return;
  for (uint64_t i = 0; i < 70 * kLinesOfPage; i++) dying.write(first + i, stampOf(77));
  if (dying.handle.prepare(dying.changes(), true).ok()) die();
}

/// With the write lock and a pin.
inline void dieInTransaction(const std::string& path, uint32_t) {
  Region dying;
  if (dying.open(path).ok() && dying.begin().ok()) die();
}

/// After so many of its writes.
inline void dieInCheckpoint(const std::string& path, uint32_t number) {
  Region dying;
  if (!dying.open(path).ok()) return;
  dying.handle.unpin();
  uint32_t writes = 0;
  useHooks({{},
            [&](int, uint64_t, size_t) {
              if (++writes == number) die();
            },
            {}});
  (void)dying.handle.checkpoint();
  die();
}

inline void dieAfterTwoCommits(const std::string& path, uint32_t) {
  Region region;
  if (region.open(path).ok() && stamp(region, 1).ok() && stamp(region, 2, true).ok()) die();
}

/// Records are 96 bytes, 16 for each page, 64 for each line: the last one fills the segment.
inline void dieAtTheEndOfASegment(const std::string& path, uint32_t) {
  Region region;
  if (!region.open(path).ok() || !stamp(region, 1).ok()) return;
  for (bool last = false; !last;) {
    const uint64_t left = kSegmentBytes - region.handle.view().cursor().position % kSegmentBytes;
    last = left <= 30'000;
    const uint64_t pages = !last ? 4 : 4 + ((left - 96) / 16) % 4;
    const uint64_t lines = !last ? 250 : (left - 96 - pages * 16) / 64;
    if (!region.begin().ok()) return;
    for (uint64_t i = 0; i < lines; i++) {
      const uint64_t page = 14 + i % pages;
      region.write(kFirstLine + page * kLinesOfPage + i / pages, stampOf(5));
    }
    if (!region.commit(false).ok()) return;
  }
  region.handle.unpin();
  const uint64_t position = region.handle.view().cursor().position;
  const bool atStart = position % kSegmentBytes == sizeof(SegmentHeader);
  if (atStart && position > kSegmentBytes && region.handle.checkpoint().ok()) die();
}

/// Behind the slot that names the new log, before anybody is told.
inline void dieBeginningTheLog(const std::string& path, uint32_t) {
  Region dying;
  if (!dying.open(path).ok()) return;
  uint32_t slots = 0;
  useHooks({{},
            [&](int fd, uint64_t, size_t) {
              if (fd == dying.handle.file().fd && ++slots == 2) die();
            },
            {}});
  (void)stamp(dying, 1, true);
}

/// Another log is begun, and a view that has seen the first one's slot writes the first record.
inline void dieBehindTheSecondLog(const std::string& path, uint32_t) {
  Region beginner, seer;
  if (!beginner.open(path).ok()) return;
  beginner.handle.unpin();
  if (!dies("beginningTheLog", path) || !seer.open(path).ok() || !beginner.begin().ok()) return;
  seer.handle.unpin();
  beginner.write(kAllocationPage * uint64_t{kLinesOfPage}, stampOf(3));
  if (!beginner.handle.prepare(beginner.changes(), true).ok()) return;
  beginner.rollback();
  beginner.handle.unpin();
  if (stamp(seer, 7, true).ok()) die();
}

HandleOptions longLog() {
  HandleOptions options = Region::smallLog();
  options.segmentLimit = 8;
  return options;
}

/// Between the header of the third segment and the table.
inline void dieBehindAHeader(const std::string& path, uint32_t) {
  Region dying;
  uint64_t number = 100;
  if (!dying.open(path, longLog()).ok()) return;
  useHooks({{},
            [](int, uint64_t offset, size_t bytes) {
              if (bytes == sizeof(SegmentHeader) && offset == 2 * kSegmentBytes) die();
            },
            {}});
  fillLog(dying, &number);
}

/// The first segment is free meanwhile, the third has the header of the next number.
inline void dieAfterReuse(const std::string& path, uint32_t) {
  Region region;
  if (!region.open(path, longLog()).ok() || !stamp(region, 1).ok()) return;
  region.handle.unpin();
  if (!dies("behindAHeader", path) || !region.begin().ok()) return;
  region.rollback();
  region.handle.unpin();
  if (!region.handle.checkpoint().ok()) return;
  for (uint64_t i = 0; i < 2; i++) {
    if (!stamp(region, 200 + i, true, 16).ok()) return;
  }
  die();
}

inline constexpr Scene kScenes[] = {
    {"beforePublishing", dieBeforePublishing},
    {"tornRecord", dieWithATornRecord},
    {"behindATail", dieBehindATail},
    {"inTransaction", dieInTransaction},
    {"inCheckpoint", dieInCheckpoint},
    {"twoCommits", dieAfterTwoCommits},
    {"endOfASegment", dieAtTheEndOfASegment},
    {"behindAHeader", dieBehindAHeader},
    {"afterReuse", dieAfterReuse},
    {"beginningTheLog", dieBeginningTheLog},
    {"behindTheSecondLog", dieBehindTheSecondLog},
};

/// The program of a test file: plays the scene that it is asked for, or runs the tests.
inline int playOrRunAll(int count, char** arguments) {
  for (const Scene& scene : kScenes) {
    if (count < 4 || scene.name != std::string(arguments[1])) continue;
    scene.play(arguments[2], static_cast<uint32_t>(std::atoi(arguments[3])));
    return 1;
  }
  return check::runAll();
}

}  // namespace interleaving
