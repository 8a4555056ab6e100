// Histories of real threads and processes, checked for linearisability, and the interleaving of a
// delayed helper. Also compiled with ThreadSanitizer, where threads share one mapping.
//
// Usage: vector-threads SEED ROUNDS. Prints what was done; exits with 1 on an error.
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <thread>
#include <vector>

#include "core/vector/vector-file.h"
#include "vector-history.h"

using namespace rstore;
using history::Kind;
using history::Operation;

namespace {

constexpr uint32_t kMostThreads = 8;
constexpr uint32_t kMostOperations = 256;

struct Random {
  uint64_t state;
  uint64_t next() {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return state >> 33;
  }
  uint64_t below(uint64_t limit) { return next() % limit; }
};

thread_local Random jitter{1};

/// Gives the processor away before some accesses, so that two cores show many interleavings.
struct Jittery : ReleasePolicy {
  static void step(const void*) {
    if (jitter.below(64) == 0) sched_yield();
  }
};

/// What the workers and the coordinator share, also across fork().
struct Arena {
  std::atomic<uint32_t> round;     // raised to start one
  std::atomic<uint32_t> finished;  // workers that are through
  std::atomic<uint64_t> clock;
  std::atomic<bool> stop;
  std::atomic<bool> failed;
  uint32_t workers;
  uint32_t count;  // operations of each
  Operation operations[kMostThreads][kMostOperations];
};

Arena* arena;
uint32_t overlapping = 0;  // histories in which two threads were in the vector at once

void work(VectorCore<Jittery>& core, uint32_t worker, uint64_t seed) {
  jitter.state = seed * 31 + worker;
  for (uint32_t round = 1;; round++) {
    while (arena->round.load() < round) {
      if (arena->stop.load()) return;
      sched_yield();
    }
    for (uint32_t i = 0; i < arena->count; i++) {
      Operation& operation = arena->operations[worker][i];
      operation.called = arena->clock.fetch_add(1);
      if (!history::run(core, operation)) arena->failed.store(true);
      operation.returned = arena->clock.fetch_add(1);
    }
    arena->finished.fetch_add(1);
  }
}

/// Few values, so that a wrong one is often an equal one; among them what empty cells hold.
uint64_t randomValue(Random& random, uint32_t elementBytes) {
  const uint64_t values[] = {0, 1, 2, kVectorVacant & ~uint64_t{0} >> (64 - elementBytes * 8)};
  return values[random.below(4)];
}

Operation randomOperation(Random& random, uint32_t worker, uint32_t elementBytes) {
  static const Kind kDealt[] = {Kind::kPush, Kind::kPush, Kind::kPush,          Kind::kPop,
                                Kind::kPop,  Kind::kPop,  Kind::kGet,           Kind::kGet,
                                Kind::kSet,  Kind::kSet,  Kind::kCompareAndSet, Kind::kSize,
                                Kind::kBatch};
  Operation operation;
  operation.kind = kDealt[random.below(std::size(kDealt))];
  operation.thread = worker;
  operation.index = random.below(4);
  operation.value = randomValue(random, elementBytes);
  operation.expected = randomValue(random, elementBytes);
  return operation;
}

history::State contentOf(VectorCore<>& core) {
  history::State state;
  uint64_t size = 0, value = 0;
  (void)core.size(&size);
  for (uint64_t i = 0; i < size; i++) state.push_back(core.get(i, &value) ? value : 999);
  if (core.get(size, &value)) state.push_back(998);
  return state;
}

history::State begin(VectorCore<>& core, Random& random, uint32_t elementBytes) {
  Outcome outcome = Outcome::kDone;
  uint64_t value = 0;
  while (outcome == Outcome::kDone) (void)core.pop(&value, &outcome);
  for (uint64_t n = random.below(3); n > 0; n--) {
    const uint64_t element = randomValue(random, elementBytes);
    (void)core.push(&element, 1, &value);
  }
  return contentOf(core);
}

/// One history: set up, run by the workers, checked.
bool runRound(VectorCore<>& core, Random& random, uint32_t round, uint32_t elementBytes) {
  const history::State initial = begin(core, random, elementBytes);
  for (uint32_t worker = 0; worker < arena->workers; worker++) {
    for (uint32_t i = 0; i < arena->count; i++) {
      arena->operations[worker][i] = randomOperation(random, worker, elementBytes);
    }
  }
  arena->finished.store(0);
  arena->round.store(round);
  while (arena->finished.load() < arena->workers) sched_yield();
  std::vector<Operation> operations;
  for (uint32_t worker = 0; worker < arena->workers; worker++) {
    const Operation* first = arena->operations[worker];
    operations.insert(operations.end(), first, first + arena->count);
  }
  overlapping += history::overlaps(operations) ? 1 : 0;
  const history::State last = contentOf(core);
  if (!arena->failed.load() && history::Checker::isLinearisable(operations, initial, &last)) {
    return true;
  }
  std::printf("FAILED round %u: %s\n%sbefore: %s\nafter: %s\n", round,
              arena->failed.load() ? "an operation ended in an error" : "not linearisable",
              history::describe(operations).c_str(), history::describe(initial).c_str(),
              history::describe(last).c_str());
  return false;
}

struct Setup {
  const char* path;
  uint32_t elementBytes;
  uint32_t workers;
  uint32_t count;
  uint32_t rounds;
  uint64_t seed;
};

void prepare(const Setup& setup) {
  arena->round.store(0);
  arena->stop.store(false);
  arena->failed.store(false);
  arena->workers = setup.workers;
  arena->count = setup.count;
}

bool runRounds(VectorCore<>& core, const Setup& setup) {
  Random random{setup.seed};
  bool right = true;
  for (uint32_t round = 1; round <= setup.rounds && right; round++) {
    right = runRound(core, random, round, setup.elementBytes);
  }
  arena->stop.store(true);
  return right;
}

void mustOpen(VectorFile& file, const char* path) {
  VectorOpening opening;
  const Status status = file.open(path, "test", {}, &opening);
  if (status.ok()) return;
  std::printf("FAILED to open: code %u, errno %d\n", static_cast<unsigned>(status.code),
              status.error);
  exit(1);
}

/// Threads with a slot each, on one mapping.
bool withThreads(const Setup& setup) {
  prepare(setup);
  std::vector<std::unique_ptr<VectorFile>> files;
  for (uint32_t i = 0; i <= setup.workers; i++) {
    files.push_back(std::make_unique<VectorFile>());
    mustOpen(*files.back(), setup.path);
  }
  const VectorMemory& memory = files[0]->memory();
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < setup.workers; i++) {
    threads.emplace_back([&, i] {
      VectorCore<Jittery> core(memory, files[i + 1]->slot());
      work(core, i, setup.seed);
    });
  }
  VectorCore<> core(memory, files[0]->slot());
  const bool right = runRounds(core, setup);
  for (std::thread& thread : threads) thread.join();
  return right;
}

/// Processes with a mapping each. They are forked before anything is mapped here.
bool withProcesses(const Setup& setup) {
  prepare(setup);
  std::fflush(stdout);
  for (uint32_t i = 0; i < setup.workers; i++) {
    if (fork() != 0) continue;
    VectorFile file;
    mustOpen(file, setup.path);
    VectorCore<Jittery> core(file.memory(), file.slot());
    work(core, i, setup.seed);
    _exit(0);
  }
  VectorFile file;
  mustOpen(file, setup.path);
  VectorCore<> core(file.memory(), file.slot());
  bool right = runRounds(core, setup);
  for (uint32_t i = 0; i < setup.workers; i++) {
    int status = 0;
    wait(&status);
    right = right && status == 0;
  }
  return right;
}

// ── the delayed helper ──

thread_local std::atomic<int>* gate = nullptr;  // of the thread that is to be delayed
thread_local const void* gateAddress = nullptr;
thread_local int gateCount = 0;  // accesses to that address, down to the one to stop before

/// Stops before one access to one address.
struct Delayed : ReleasePolicy {
  static void step(const void* address) {
    if (gate == nullptr || address != gateAddress || --gateCount != 0) return;
    gate->store(1);
    while (gate->load() != 2) sched_yield();
    gate = nullptr;
  }
};

/// The same on cells whose tag is their state alone: what the published algorithm does.
struct DelayedWithoutTags : Delayed {
  static constexpr uint64_t kTagMask = kCellStateMask;
};

/// A thread pushes and stalls before the swap on its cell. Another pops that element, pushes and
/// pops others, until the cell looks as it did. When the first goes on its swap must fail. Gives
/// what is found in the vector then, behind the one element before that cell.
template <class Policy>
history::State delayHelper(VectorFile& file, VectorFile& other) {
  const VectorMemory& memory = file.memory();
  VectorCore<Policy> quick(memory, other.slot());
  Outcome outcome = Outcome::kDone;
  uint64_t value = 0, index = 0;
  while (outcome == Outcome::kDone) (void)quick.pop(&value, &outcome);
  const uint64_t five = 5, six = 6;
  (void)quick.push(&six, 1, &index);
  (void)quick.push(&five, 1, &index);  // for a cell that was used
  (void)quick.pop(&value, &outcome);
  std::atomic<int> stopped{0};
  std::thread helper([&] {
    gateAddress = memory.cells + cellBytesFor(memory.elementBytes);  // the cell of element 1
    // The swap, which comes after one load of the element, or, where tag and element are one word,
    // after three.
    gateCount = memory.elementBytes == 8 ? 2 : 4;
    gate = &stopped;
    VectorCore<Policy> core(memory, file.slot());
    uint64_t where = 0;
    (void)core.push(&five, 1, &where);
  });
  while (stopped.load() != 1) sched_yield();
  (void)quick.pop(&value, &outcome);  // applies the push, then takes it out again
  (void)quick.push(&six, 1, &index);
  (void)quick.pop(&value, &outcome);
  (void)quick.push(&five, 1, &index);
  (void)quick.pop(&value, &outcome);  // emptied: as before
  (void)quick.pop(&value, &outcome);
  (void)quick.push(&six, 1, &index);  // what is pending now says nothing of that cell
  stopped.store(2);
  helper.join();
  history::State found = contentOf(*std::make_unique<VectorCore<>>(memory, other.slot()));
  found.erase(found.begin());
  return found;
}

bool delayedHelper(const char* path) {
  VectorFile file, other;
  mustOpen(file, path);
  mustOpen(other, path);
  const history::State right = delayHelper<Delayed>(file, other);
  std::printf("%s delayed helper: %zu elements too many\n", right.empty() ? "ok" : "FAILED",
              right.size());
  return right.empty();
}

/// Last, because it breaks the vector.
bool delayedHelperWithoutTags(const char* path) {
  VectorFile file, other;
  mustOpen(file, path);
  mustOpen(other, path);
  const history::State wrong = delayHelper<DelayedWithoutTags>(file, other);
  std::printf("%s delayed helper without tags: %zu elements too many\n",
              wrong.empty() ? "FAILED" : "ok", wrong.size());
  return !wrong.empty();
}

void create(const char* path, uint32_t elementBytes) {
  NewVector what;
  what.capacityBytes = kVectorFirstCellOffset + (1 << 20);
  what.elementBytes = elementBytes;
  what.type = "test";
  unlink(path);
  if (!createVectorFile(path, what).ok()) exit(1);
}

bool runAll(uint64_t seed, uint32_t rounds) {
  const std::string path = "vector-threads." + std::to_string(getpid()) + ".region";
  bool right = true;
  uint32_t histories = 0;
  const auto report = [&](bool one, const char* what, const Setup& setup, uint32_t bytes) {
    std::printf("%s %u %s, %u operations each, elements of %u bytes, %u histories\n",
                one ? "ok" : "FAILED", setup.workers, what, setup.count, bytes, setup.rounds);
    std::fflush(stdout);
    right = right && one;
    histories += setup.rounds;
  };
  for (uint32_t elementBytes : {8u, 4u, 2u, 1u}) {
    create(path.c_str(), elementBytes);
    for (uint32_t workers = 2; workers <= kMostThreads; workers++) {
      const Setup quick{path.c_str(),          elementBytes, workers,
                        workers > 5 ? 2u : 4u, rounds / 56,  seed + workers};
      report(withProcesses(quick), "processes", quick, elementBytes);
      report(withThreads(quick), "threads", quick, elementBytes);
    }
    const Setup lengthy{path.c_str(), elementBytes, 4, 200, 4, seed};
    report(withProcesses(lengthy), "processes", lengthy, elementBytes);
    report(withThreads(lengthy), "threads", lengthy, elementBytes);
    right = delayedHelper(path.c_str()) && right;
    right = delayedHelperWithoutTags(path.c_str()) && right;
  }
  unlink(path.c_str());
  std::printf("%u histories, %u with threads in the vector at once, seed %llu\n", histories,
              overlapping, static_cast<unsigned long long>(seed));
  return right;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  void* shared =
      mmap(nullptr, sizeof(Arena), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  arena = new (shared) Arena();
  return runAll(strtoull(argv[1], nullptr, 10), atoi(argv[2])) ? 0 : 1;
}
