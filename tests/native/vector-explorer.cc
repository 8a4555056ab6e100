// Every interleaving of two threads with a few operations each, on the algorithm itself.
//
// The threads are coroutines; before each access to shared memory a thread stops, and the explorer
// goes on with the one or with the other, depth first, from a copy of everything: shared memory,
// stacks, registers. Two situations are one when the shared memory is the same, each thread has
// seen the same values (and so is in the same place), and the operations finished so far are the
// same in the same order. At the end of each execution the history must be linearisable and the
// vector hold what the history says.
//
// The programs are some that were thought of and, after them, some that are drawn: any three
// operations of each thread, on a vector of up to two elements. The former then run on algorithms
// with one part taken out (no helping; no tags in cells): the explorer must find the error.
//
// Usage: vector-explorer SEED COUNT [all]: so many are drawn; without `all`, none of millions of
// situations. Prints a line for each program; exits with 1 on an error.
#include <ucontext.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/vector/algorithm.h"
#include "vector-history.h"

using namespace rstore;
using history::Kind;
using history::Operation;

namespace {

constexpr uint32_t kThreads = 2;
constexpr size_t kStackBytes = 32 * 1024;
constexpr uint32_t kCells = 4;
constexpr uint64_t kNothing = ~uint64_t{0};  // no descriptor has this index
constexpr uint64_t kStepLimit = 400;  // of one execution: beyond it somebody waits for somebody

uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e37'79b9'7f4a'7c15ull;
  return hash ^ hash >> 29;
}

struct Fiber {
  uint64_t seen;        // what it has read since its operation began, or began again
  uint64_t named;       // the descriptor word as it last was for this thread
  const void* address;  // of the access it stands before
  uint32_t next;        // operation under way or next
  uint32_t othersDone;  // operations of the other thread that had returned when this was called
  bool called;          // has just begun its operation
  bool finished;
};

/// What the threads share, and what is copied: the parts of the layouts that are used.
struct World {
  alignas(64) VectorWords words;
  alignas(64) VectorMarker marker;
  alignas(64) unsigned char slots[2 * kThreads * sizeof(VectorDescriptor)];
  alignas(64) unsigned char cells[kCells * 16];
};

World world;
Fiber fibers[kThreads];
ucontext_t contexts[kThreads];
alignas(64) unsigned char stacks[kThreads][kStackBytes];
ucontext_t explorer;
uint32_t running;
std::vector<Operation> operations[kThreads];
std::vector<Operation> finished;
uint64_t historyHash[kThreads];  // results, and what had returned before: all that is checked
uint64_t clockNow;

/// Whether nobody could tell if the other thread did something before this access.
///  - The first access of an operation is made together with its call.
///  - Words that nobody writes.
///  - A store to our own descriptor that the shared word does not name: the other thread gets to it
///    only by a shared word that it loaded before; and it still has the last one it loaded, or
///    none.
bool mayGoOn(Fiber& self, const void* address) {
  const auto* at = static_cast<const unsigned char*>(address);
  if (self.called) {
    self.called = false;
    return true;
  }
  const auto* words = reinterpret_cast<const unsigned char*>(&world.words);
  if (at >= words + 8 && at < words + sizeof world.words) return true;
  if (address == &world.marker.state) return true;
  if (at < world.slots || at >= world.slots + sizeof world.slots) return false;
  const auto index = static_cast<uint64_t>(at - world.slots) / sizeof(VectorDescriptor);
  const uint64_t mask = (1u << kVectorIndexBits) - 1;
  const Fiber& other = fibers[1 - running];
  return index / 2 == running && (world.words.descriptor & mask) != index &&
         (other.named & mask) != index;
}

template <bool Helps, uint64_t TagMask>
struct Explored {
  static void step(const void* address) {
    Fiber& self = fibers[running];
    self.address = address;
    if (mayGoOn(self, address)) return;
    self.seen = mix(self.seen, 77);  // a store changes the place, if nothing else
    swapcontext(&contexts[running], &explorer);
  }
  static void saw(uint64_t value) {
    Fiber& self = fibers[running];
    self.seen = mix(self.seen, value + 1);
    if (self.address == &world.words.descriptor) self.named = world.words.descriptor;
  }
  static void restart() { fibers[running].seen = 0, fibers[running].named = kNothing; }
  static void relax(uint32_t) {}
  static constexpr bool kHelps = Helps;
  static constexpr uint64_t kTagMask = TagMask;
};

using Whole = Explored<true, ~uint64_t{0}>;
using WithoutHelp = Explored<false, ~uint64_t{0}>;
using WithoutTags = Explored<true, kCellStateMask>;

VectorMemory memoryOf(uint32_t elementBytes) {
  VectorMemory memory;
  memory.marker = &world.marker;
  memory.words = &world.words;
  memory.slots = reinterpret_cast<std::byte*>(world.slots);
  memory.cells = reinterpret_cast<std::byte*>(world.cells);
  memory.elementBytes = elementBytes;
  memory.capacityElements = kCells;
  memory.wake = [](void*) {};
  return memory;
}

VectorMemory memory;

uint32_t doneBy(uint32_t thread) { return fibers[thread].next; }

template <class Policy>
void threadMain(uint32_t thread) {
  VectorCore<Policy> core(memory, thread);
  Fiber& self = fibers[thread];
  while (self.next < operations[thread].size()) {
    Operation operation = operations[thread][self.next];
    Policy::step(nullptr);  // the call is made when the thread is next chosen
    self.called = true;
    self.othersDone = doneBy(1 - thread);
    operation.called = ++clockNow;
    if (!history::run(core, operation)) operation.found = false;
    operation.returned = ++clockNow;
    for (uint64_t part : {operation.result, uint64_t{operation.found}, uint64_t{self.othersDone}}) {
      historyHash[thread] = mix(historyHash[thread], part + 1);
    }
    finished.push_back(operation);
    self.next++;
    self.seen = 0;
  }
  self.finished = true;
  for (;;) Policy::step(nullptr);
}

// ── copies of everything ──

struct Snapshot {
  World world;
  std::vector<unsigned char> stacks[kThreads];
  ucontext_t contexts[kThreads];
  Fiber fibers[kThreads];
  uint64_t historyHash[kThreads];
  size_t finishedCount;
  uint64_t clock;
};

uintptr_t stackPointerOf(const ucontext_t& context) {
#if defined(__aarch64__)
  return context.uc_mcontext.sp;
#else
  return static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RSP]);
#endif
}

size_t usedStack(uint32_t thread) {
  const uintptr_t pointer = stackPointerOf(contexts[thread]);
  const auto top = reinterpret_cast<uintptr_t>(stacks[thread] + kStackBytes);
  return std::min<size_t>(top - pointer + 256, kStackBytes);  // with the red zone
}

/// Only what is used of the pages.
void copyWorld(World& to, const World& from) {
  to.words.descriptor = from.words.descriptor;
  for (uint32_t i = 0; i < 2 * kThreads; i++) {
    memcpy(to.slots + i * sizeof(VectorDescriptor), from.slots + i * sizeof(VectorDescriptor), 64);
  }
  memcpy(to.cells, from.cells, sizeof to.cells);
}

void save(Snapshot& to) {
  copyWorld(to.world, world);
  for (uint32_t i = 0; i < kThreads; i++) {
    to.stacks[i].assign(stacks[i] + kStackBytes - usedStack(i), stacks[i] + kStackBytes);
  }
  memcpy(to.contexts, contexts, sizeof contexts);
  memcpy(to.fibers, fibers, sizeof fibers);
  memcpy(to.historyHash, historyHash, sizeof historyHash);
  to.finishedCount = finished.size();
  to.clock = clockNow;
}

void restore(const Snapshot& from) {
  copyWorld(world, from.world);
  for (uint32_t i = 0; i < kThreads; i++) {
    const auto& stack = from.stacks[i];
    memcpy(stacks[i] + kStackBytes - stack.size(), stack.data(), stack.size());
  }
  memcpy(contexts, from.contexts, sizeof contexts);
  memcpy(fibers, from.fibers, sizeof fibers);
  memcpy(historyHash, from.historyHash, sizeof historyHash);
  finished.resize(from.finishedCount);
  clockNow = from.clock;
}

// ── the search ──

struct Search {
  std::unordered_set<uint64_t> visited;
  uint64_t executions = 0;
  std::string error;
  history::State initial;
  std::vector<std::unique_ptr<Snapshot>> pool;
};

uint64_t hashOfSituation() {
  uint64_t hash = mix(1, world.words.descriptor);
  const auto bytes = [&hash](const unsigned char* from, size_t count) {
    for (size_t i = 0; i < count; i += 8) {
      uint64_t word;
      memcpy(&word, from + i, 8);
      hash = mix(hash, word);
    }
  };
  for (uint32_t i = 0; i < 2 * kThreads; i++) bytes(world.slots + i * sizeof(VectorDescriptor), 64);
  bytes(world.cells, sizeof world.cells);
  for (uint32_t i = 0; i < kThreads; i++) {
    const Fiber& fiber = fibers[i];
    hash = mix(mix(hash, fiber.seen), fiber.next << 1 | (fiber.finished ? 1 : 0));
    hash = mix(mix(hash, historyHash[i]), fiber.othersDone);
  }
  return hash;
}

/// What is in the vector now, by the whole algorithm; empty memory is not touched.
history::State content() {
  VectorCore<> core(memory, 0);
  history::State state;
  uint64_t size = 0, value = 0;
  if (!core.size(&size).ok()) return {~uint64_t{0}};
  for (uint64_t i = 0; i < kCells; i++) {
    if (core.get(i, &value)) state.push_back(value);
    if (core.get(i, &value) != (i < size)) return {~uint64_t{0}};
  }
  return state;
}

void checkEnd(Search& search) {
  search.executions++;
  const World before = world;
  const history::State last = content();
  world = before;
  if (history::Checker::isLinearisable(finished, search.initial, &last)) return;
  search.error = history::describe(finished) + "in the vector:";
  for (uint64_t value : last) search.error += " " + std::to_string(value);
}

void explore(Search& search, uint64_t depth) {
  if (!search.error.empty() || !search.visited.insert(hashOfSituation()).second) return;
  if (fibers[0].finished && fibers[1].finished) return checkEnd(search);
  if (depth > kStepLimit) {
    search.error = "an operation does not end: somebody waits for somebody";
    return;
  }
  if (search.pool.size() <= depth) search.pool.push_back(std::make_unique<Snapshot>());
  Snapshot& here = *search.pool[depth];
  save(here);
  for (uint32_t thread = 0; thread < kThreads; thread++) {
    if (here.fibers[thread].finished) continue;
    if (thread > 0) restore(here);
    running = thread;
    swapcontext(&explorer, &contexts[thread]);
    explore(search, depth + 1);
  }
}

// ── programs ──

struct Program {
  std::string name;
  std::vector<Operation> threads[kThreads];
  history::State initial;
  bool large = false;  // millions of situations: only in "all"
};

Operation make(Kind kind, uint64_t index = 0, uint64_t value = 0, uint64_t expected = 0) {
  Operation operation;
  operation.kind = kind;
  operation.index = index;
  operation.value = value;
  operation.expected = expected;
  return operation;
}
Operation push(uint64_t value) { return make(Kind::kPush, 0, value); }
Operation pop() { return make(Kind::kPop); }
Operation get(uint64_t index) { return make(Kind::kGet, index); }
Operation set(uint64_t index, uint64_t value) { return make(Kind::kSet, index, value); }
Operation swap(uint64_t index, uint64_t expected, uint64_t value) {
  return make(Kind::kCompareAndSet, index, value, expected);
}
Operation size() { return make(Kind::kSize); }
Operation batch(uint64_t one, uint64_t other) { return make(Kind::kBatch, 0, one, other); }

/// An element that looks like what is left in an emptied cell, in cells of any width.
constexpr uint64_t kVacant = kVectorVacant;

/// Zeros among the elements: an empty cell that was never used holds zero, too.
std::vector<Program> programs() {
  return {
      {"push push push | push push pop", {{push(1), push(2)}, {push(3), push(4), pop()}}, {}},
      {"push pop push | push pop pop",
       {{push(0), pop(), push(2)}, {push(3), pop(), pop()}},
       {},
       true},
      {"push pop push | pop push pop",
       {{push(0), pop(), push(0)}, {pop(), push(4), pop()}},
       {},
       true},
      {"pop push pop | pop push pop",
       {{pop(), push(1), pop()}, {pop(), push(2), pop()}},
       {7, 8},
       true},
      {"pop push get | set pop push", {{pop(), push(1), get(0)}, {set(0, 5), pop(), push(0)}}, {7}},
      {"set set get | pop push pop",
       {{set(0, 5), set(0, 6), get(0)}, {pop(), push(9), pop()}},
       {7}},
      {"swap get swap | pop push swap",
       {{swap(0, 7, 5), get(0), swap(0, 9, 7)}, {pop(), push(9), swap(0, 5, 7)}},
       {7}},
      {"size get push | push pop size", {{size(), get(0), push(4)}, {push(5), pop(), size()}}, {}},
      {"get get size | push pop push", {{get(1), get(0), size()}, {push(5), pop(), push(6)}}, {7}},
      {"pop pop pop | push push push", {{pop(), pop(), pop()}, {push(1), push(2), push(3)}}, {}},
      {"get get size | pop push pop, of zeros",
       {{get(0), get(0), size()}, {pop(), push(0), pop()}},
       {0}},
      {"get get get | pop push set, of vacant ones",
       {{get(0), get(0), get(0)}, {pop(), push(kVacant), set(0, 0)}},
       {kVacant}},
      {"set get pop | pop push swap, of vacant ones",
       {{set(0, kVacant), get(0), pop()}, {pop(), push(0), swap(0, kVacant, 5)}},
       {kVacant}},
      {"batch get pop | pop get batch",
       {{batch(1, 2), get(1), pop()}, {pop(), get(0), batch(3, 0)}},
       {}},
  };
}

struct Random {
  uint64_t state;
  uint64_t below(uint64_t limit) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 33) % limit;
  }
};

/// Few values, so that a wrong one is often an equal one; what is appended has room in any case.
/// Each pop multiplies the situations by about five.
Program drawn(Random& random, uint32_t mostPops) {
  static constexpr uint64_t kValues[] = {0, 7, kVacant};
  const auto value = [&random] { return kValues[random.below(3)]; };
  static const char* const kNames[] = {"push", "pop", "get", "set", "swap", "size", "batch"};
  Program program;
  for (uint64_t n = random.below(3); n > 0; n--) program.initial.push_back(value());
  uint64_t appended = program.initial.size();
  program.name = "drawn, of " + std::to_string(appended) + ":";
  for (uint32_t thread = 0; thread < kThreads; thread++) {
    if (thread > 0) program.name += " |";
    while (program.threads[thread].size() < 3) {
      const auto kind = static_cast<Kind>(random.below(history::kKinds));
      const uint64_t more = kind == Kind::kBatch ? 2 : kind == Kind::kPush ? 1 : 0;
      if (appended + more > kCells || (kind == Kind::kPop && mostPops == 0)) continue;
      appended += more;
      mostPops -= kind == Kind::kPop ? 1 : 0;
      program.threads[thread].push_back(make(kind, random.below(2), value(), value()));
      program.name += std::string(" ") + kNames[static_cast<uint32_t>(kind)];
    }
  }
  return program;
}

template <class Policy>
void start(const Program& program, uint32_t elementBytes) {
  memset(static_cast<void*>(&world), 0, sizeof world);
  world.words.provided[0] = sizeof world.cells;
  memory = memoryOf(elementBytes);
  VectorCore<> core(memory, 0);
  uint64_t index = 0;
  for (uint64_t value : program.initial) (void)core.push(&value, 1, &index);
  finished.clear();
  clockNow = 0;
  memset(historyHash, 0, sizeof historyHash);
  for (uint32_t i = 0; i < kThreads; i++) {
    operations[i] = program.threads[i];
    for (Operation& operation : operations[i]) operation.thread = i;
    fibers[i] = Fiber{};
    fibers[i].named = kNothing;
    getcontext(&contexts[i]);
    contexts[i].uc_stack = {.ss_sp = stacks[i], .ss_flags = 0, .ss_size = kStackBytes};
    contexts[i].uc_link = nullptr;
    makecontext(&contexts[i], reinterpret_cast<void (*)()>(threadMain<Policy>), 1, i);
  }
}

template <class Policy>
Search exploreProgram(Program program, uint32_t elementBytes) {
  const uint64_t mask = ~uint64_t{0} >> (64 - elementBytes * 8);
  for (uint64_t& value : program.initial) value &= mask;
  for (std::vector<Operation>& thread : program.threads) {
    for (Operation& operation : thread) {
      operation.value &= mask;
      operation.expected &= mask;
    }
  }
  Search search;
  search.initial = program.initial;
  start<Policy>(program, elementBytes);
  explore(search, 0);
  return search;
}

/// Returns whether all is right.
bool runWhole(const Program& program, uint32_t elementBytes) {
  const auto begun = std::chrono::steady_clock::now();
  const Search search = exploreProgram<Whole>(program, elementBytes);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf("%s %s, elements of %u bytes: %zu situations, %llu ends, %.1f s\n%s",
              search.error.empty() ? "ok" : "FAILED", program.name.c_str(), elementBytes,
              search.visited.size(), static_cast<unsigned long long>(search.executions), seconds,
              search.error.c_str());
  std::fflush(stdout);
  return search.error.empty();
}

/// How many programs show the error of a broken algorithm.
template <class Policy>
bool isCaught(const char* what, uint32_t elementBytes) {
  int caught = 0;
  std::string example;
  for (const Program& program : programs()) {
    const Search search = exploreProgram<Policy>(program, elementBytes);
    if (search.error.empty()) continue;
    if (caught++ == 0) example = program.name + "\n" + search.error;
  }
  std::printf("%s %s: found by %d programs, first by %s\n", caught > 0 ? "ok" : "FAILED", what,
              caught, example.c_str());
  return caught > 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  Random random{strtoull(argv[1], nullptr, 10)};
  const bool all = argc > 3 && strcmp(argv[3], "all") == 0;
  bool right = true;
  for (const Program& program : programs()) {
    // A get reads the halves of a wide cell one by one, as JavaScript does those of any.
    const bool reads = program.name.find("get") != std::string::npos;
    if (all || !program.large) right = runWhole(program, 4) && right;
    if (all || (!program.large && reads)) right = runWhole(program, 8) && right;
  }
  for (int i = 0; i < atoi(argv[2]); i++) {
    right = runWhole(drawn(random, all ? 4 : 2), i % 2 == 0 ? 4 : 8) && right;
  }
  right = isCaught<WithoutHelp>("without helping", 4) && right;
  right = isCaught<WithoutTags>("without tags in cells", 4) && right;
  return right ? 0 : 1;
}
