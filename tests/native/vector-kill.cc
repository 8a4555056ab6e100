// Processes that die by SIGKILL: between every two accesses to shared memory of push and pop,
// before and after the system calls of a push that grows the file after a flush, while they help
// another that died, and at random moments. The others go on; nothing is lost or doubled
// but what was in flight, which is either there or not.
//
// Usage: vector-kill SEED MILLISECONDS (of the random part). Exits with 1 on an error.
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/io.h"
#include "core/vector/vector-file.h"
#include "vector-history.h"

using namespace rstore;

namespace {

uint32_t stepsToLive = 0;  // of this process; 0: for ever

void step() {
  if (stepsToLive != 0 && --stepsToLive == 0) kill(getpid(), SIGKILL);
}

struct Mortal : ReleasePolicy {
  static void step(const void*) { ::step(); }
};

/// System calls that a push may make are steps, too, before them and after.
const IoTable& mortalIo() {
  static const IoTable table = [] {
    IoTable calls = systemIo;
    calls.allocate = [](int fd, Allocate what, uint64_t offset, uint64_t bytes) {
      step();
      const int result = systemIo.allocate(fd, what, offset, bytes);
      step();
      return result;
    };
    calls.fdatasync = [](int fd) {
      step();
      const int result = systemIo.fdatasync(fd);
      step();
      return result;
    };
    return calls;
  }();
  return table;
}

bool allRight = true;

void expect(bool condition, const char* what, uint64_t detail) {
  if (condition) return;
  std::printf("FAILED %s (%llu)\n", what, static_cast<unsigned long long>(detail));
  allRight = false;
}

void mustOpen(VectorFile& file, const std::string& path) {
  VectorOpening opening;
  if (file.open(path, "test", {}, &opening).ok()) return;
  std::printf("FAILED to open\n");
  _exit(3);
}

void create(const std::string& path) {
  NewVector what;
  what.capacityBytes = kVectorFirstCellOffset + (16 << 20);
  what.elementBytes = 8;
  what.type = "test";
  unlink(path.c_str());
  if (!createVectorFile(path, what).ok()) exit(1);
}

/// In a child: true when it lived. The parent has nothing mapped, so that a child can map.
template <class Body>
bool childLives(Body body) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  expect(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL,
         "a child ended with status", status);
  return WIFEXITED(status);
}

enum class Action { kPush, kBatch, kPop };

constexpr uint64_t kBatch = 3;

void act(const std::string& path, Action action, uint64_t value, uint32_t steps) {
  VectorFile file;
  mustOpen(file, path);
  VectorCore<Mortal> core(file.memory(), file.slot());
  const uint64_t values[kBatch] = {value, value + 1, value + 2};
  uint64_t index = 0, popped = 0;
  Outcome outcome = Outcome::kAbsent;
  ioTable.store(&mortalIo());
  stepsToLive = steps;
  if (action == Action::kPop)
    (void)core.pop(&popped, &outcome);
  else
    (void)core.push(values, action == Action::kBatch ? kBatch : 1, &index);
  stepsToLive = 0;
}

history::State contentOf(const std::string& path) {
  VectorFile file;
  mustOpen(file, path);
  expect(file.slot() == 0, "slots are lost to the dead: this handle got slot", file.slot());
  VectorCore<> core(file.memory(), file.slot());
  history::State state;
  uint64_t size = 0, value = 0;
  expect(core.size(&size).ok(), "size", 0);
  for (uint64_t i = 0; i < size; i++) {
    expect(core.get(i, &value), "an element below the size is not there", i);
    state.push_back(value);
  }
  expect(!core.get(size, &value), "there is an element at the size", size);
  return state;
}

history::State after(history::State state, Action action, uint64_t value) {
  if (action == Action::kPop) {
    if (!state.empty()) state.pop_back();
  } else {
    for (uint64_t i = 0; i < (action == Action::kBatch ? kBatch : 1); i++) {
      state.push_back(value + i);
    }
  }
  return state;
}

/// Begins with three elements.
history::State begin(const std::string& path) {
  create(path);
  (void)childLives([&] {
    for (uint64_t value : {11, 12, 13}) act(path, Action::kPush, value, 0);
  });
  return {11, 12, 13};
}

/// Killed before each of its accesses; found afterwards: what was before, or after.
uint32_t killAtEveryStep(const std::string& path, Action action) {
  history::State before = begin(path);
  bool both[2] = {false, false};
  for (uint32_t step = 1;; step++) {
    const uint64_t value = 1000 * step;
    const bool lived = childLives([&] { act(path, action, value, step); });
    const history::State found = contentOf(path);
    const history::State done = after(before, action, value);
    expect(found == before || found == done, "killed at step", step);
    both[found == done] = true;
    before = found;
    if (before.size() < 2) before = begin(path);
    if (before.size() > 200) before = begin(path);
    if (!lived) continue;
    expect(both[0] && both[1], "kills before and after the operation took effect", step);
    return step;
  }
}

/// Eight elements fill the first bucket; all is flushed: a push has to grow and to say DIRTY.
history::State beginFull(const std::string& path) {
  create(path);
  history::State state;
  (void)childLives([&] {
    for (uint64_t value = 1; value <= kVectorFirstBucketElements; value++) {
      act(path, Action::kPush, value, 0);
    }
    VectorFile file;
    mustOpen(file, path);
    if (!file.flush().ok()) _exit(6);
  });
  for (uint64_t value = 1; value <= kVectorFirstBucketElements; value++) state.push_back(value);
  return state;
}

/// As killAtEveryStep, each time from a full bucket and a clean marker.
uint32_t killWhileGrowing(const std::string& path, Action action) {
  for (uint32_t step = 1;; step++) {
    const history::State before = beginFull(path);
    const bool lived = childLives([&] { act(path, action, 500, step); });
    const history::State found = contentOf(path);
    const history::State done = after(before, action, 500);
    expect(lived ? found == done : found == before || found == done, "killed growing", step);
    expect(childLives([&] { act(path, action, 600, 0); }), "nobody can go on after step", step);
    expect(contentOf(path) == after(found, action, 600), "going on after step", step);
    if (lived) return step;
  }
}

/// One dies in an operation, another while it completes that and does its own.
uint32_t killHelpers(const std::string& path, Action first, Action second, uint32_t stride,
                     uint32_t offset) {
  uint32_t cases = 0;
  bool firstLived = false;
  for (uint32_t step = 1 + offset; !firstLived; step += stride) {
    bool secondLived = false;
    for (uint32_t other = 1 + offset % 3; !secondLived; other += stride) {
      const history::State start = begin(path);
      firstLived = childLives([&] { act(path, first, 100, step); });
      secondLived = childLives([&] { act(path, second, 200, other); });
      const history::State found = contentOf(path);
      const history::State one = after(start, first, 100);
      const bool right = found == start || found == one || found == after(start, second, 200) ||
                         found == after(one, second, 200);
      expect(right, "killed while helping, steps", uint64_t{step} * 1000 + other);
      cases++;
    }
  }
  return cases;
}

// ── at random ──

constexpr uint32_t kProcesses = 4;
constexpr uint32_t kGenerations = 4096;

/// What a process has done, kept by memory that outlives it.
struct Journal {
  std::atomic<uint64_t> pushing;  // value in flight, or 0
  std::atomic<uint64_t> popping;  // 1 while a pop is in flight
  std::atomic<uint64_t> pushed;   // highest value that push returned for
  std::atomic<uint64_t> poppedCount;
  std::atomic<uint64_t> popped[1 << 14];
};

struct Journals {
  std::atomic<uint32_t> used;
  Journal of[kGenerations];
};

void pushAndPop(const std::string& path, Journal& journal, uint64_t generation) {
  VectorFile file;
  mustOpen(file, path);
  VectorCore<> core(file.memory(), file.slot());
  for (uint64_t count = 1; count < (1 << 14); count++) {
    const uint64_t value = generation << 32 | count;
    uint64_t index = 0, popped = 0;
    Outcome outcome = Outcome::kAbsent;
    journal.pushing.store(value);
    if (!core.push(&value, 1, &index).ok()) _exit(4);
    journal.pushed.store(value);
    journal.pushing.store(0);
    if (count % 64 == 0) continue;
    journal.popping.store(1);
    if (!core.pop(&popped, &outcome).ok()) _exit(5);
    if (outcome == Outcome::kDone) {
      journal.popped[journal.poppedCount.load()].store(popped);
      journal.poppedCount.fetch_add(1);
    }
    journal.popping.store(0);
  }
}

/// Every value is exactly once in the vector or among the popped, other than those in flight.
void checkJournals(const Journals& journals, const history::State& content) {
  std::vector<uint64_t> seen(content);
  uint64_t popsInFlight = 0, lost = 0;
  for (uint32_t i = 0; i < journals.used.load(); i++) {
    const Journal& journal = journals.of[i];
    for (uint64_t k = 0; k < journal.poppedCount.load(); k++) seen.push_back(journal.popped[k]);
    popsInFlight += journal.popping.load();
  }
  std::sort(seen.begin(), seen.end());
  expect(std::adjacent_find(seen.begin(), seen.end()) == seen.end(), "a value is there twice", 0);
  for (uint32_t i = 0; i < journals.used.load(); i++) {
    const uint64_t first = uint64_t{i + 1} << 32;
    for (uint64_t value = first + 1; value <= journals.of[i].pushed.load(); value++) {
      if (!std::binary_search(seen.begin(), seen.end(), value)) lost++;
    }
  }
  // A pop that was in flight may have taken one out and not told.
  expect(lost <= popsInFlight, "values that returned from push are gone:", lost);
}

void killAtRandom(const std::string& path, Journals& journals, uint64_t seed, int milliseconds) {
  create(path);
  srand48(static_cast<long>(seed));
  pid_t children[kProcesses] = {};
  const auto start = [&](uint32_t i) {
    const uint32_t generation = journals.used.fetch_add(1);
    if (generation >= kGenerations) return;
    children[i] = fork();
    if (children[i] != 0) return;
    pushAndPop(path, journals.of[generation], generation + 1);
    _exit(0);
  };
  std::fflush(stdout);
  for (uint32_t i = 0; i < kProcesses; i++) start(i);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  uint32_t kills = 0;
  while (std::chrono::steady_clock::now() < end && journals.used.load() < kGenerations - 8) {
    usleep(static_cast<useconds_t>(lrand48() % 3000));
    const auto i = static_cast<uint32_t>(lrand48() % kProcesses);
    kill(children[i], SIGKILL);
    int status = 0;
    waitpid(children[i], &status, 0);
    expect(!WIFEXITED(status) || WEXITSTATUS(status) == 0, "a process failed", status);
    kills++;
    start(i);
  }
  for (pid_t child : children) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  checkJournals(journals, contentOf(path));
  std::printf("%u processes killed at random, seed %llu\n", kills,
              static_cast<unsigned long long>(seed));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const uint64_t seed = strtoull(argv[1], nullptr, 10);
  const std::string path = "vector-kill." + std::to_string(getpid()) + ".region";
  const uint32_t push = killAtEveryStep(path, Action::kPush);
  const uint32_t batch = killAtEveryStep(path, Action::kBatch);
  const uint32_t pop = killAtEveryStep(path, Action::kPop);
  std::printf("killed at %u steps of push, %u of a batch, %u of pop\n", push, batch, pop);
  const uint32_t growing = killWhileGrowing(path, Action::kPush);
  const uint32_t batches = killWhileGrowing(path, Action::kBatch);
  std::printf("killed at %u steps of a push that grows the file, %u of a batch\n", growing,
              batches);
  uint32_t helpers = 0;
  const auto offset = static_cast<uint32_t>(seed % 7);
  helpers += killHelpers(path, Action::kPush, Action::kPop, 7, offset);
  helpers += killHelpers(path, Action::kPop, Action::kPush, 7, offset);
  helpers += killHelpers(path, Action::kPop, Action::kPop, 7, offset);
  std::printf("%u times two of them, one while it helped\n", helpers);
  void* shared = mmap(nullptr, sizeof(Journals), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  killAtRandom(path, *new (shared) Journals, seed, atoi(argv[2]));
  unlink(path.c_str());
  std::printf("%s\n", allRight ? "ok" : "FAILED");
  return allRight ? 0 : 1;
}
