// Crashes and failures at every operation of a scripted workload (workload.h): whatever is opened
// afterwards shows exactly one commit, none is missing that was promised, the file is whole.
//
//   crash-test                  every eighth operation, from a random one on (of some modes fewer)
//   crash-test seed=N           the same again
//   crash-test all [seed=N]     every operation, more seeds; recovery crashed at each of its own
//   crash-test tear 57 [seed=N] one mode at one operation
//   crash-test tear until-failure  what a sabotaged core is run with
//   crash-test random=N [seed=N]   so many scripts of random steps, each crashed in every mode
//   crash-test script=N tear 57 seed=N   one case of them again; 1 is the script of writing ahead,
//                                        which is run behind the other where none is named
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>

#include "check.h"
#include "workload.h"

namespace {

using namespace workload;
namespace fs = std::filesystem;

/// Who is left, and what the disk has, when the workload has stopped.
enum class After {
  kMachine,  // nobody; what was synced, and maybe more
  kProcess,  // nobody; everything that was written
  kBeside,   // another process that has the region open; everything that was written
};

struct Mode {
  const char* name;
  TestAction action;
  After after;
  int error = 0;
  bool fromThenOn = false;
  bool seeds = false;    // worth more than one seed
  uint32_t stride = 32;  // without "all": every so many operations
};

const Mode kModes[] = {
    {"freeze", TestAction::kFreeze, After::kMachine, 0, false, false, 8},
    {"tear", TestAction::kTear, After::kMachine, 0, false, true, 8},
    {"kill", TestAction::kKill, After::kProcess},
    {"beside", TestAction::kKill, After::kBeside},
    {"eio", TestAction::kFail, After::kProcess, EIO, false, false, 8},
    {"eio+", TestAction::kFail, After::kProcess, EIO, true},
    {"enospc", TestAction::kFail, After::kProcess, ENOSPC, false, false, 8},
    {"enospc+", TestAction::kFail, After::kProcess, ENOSPC, true},
    {"short", TestAction::kShort, After::kProcess},
    {"eintr", TestAction::kFail, After::kProcess, EINTR},
    {"drop", TestAction::kDrop, After::kMachine, 0, false, true},
};

struct Totals {
  uint64_t cases = 0;
  uint64_t secondCrashes = 0;
  uint64_t failures = 0;
};

Journal& journal() {
  static Journal* const shared = static_cast<Journal*>(
      ::mmap(nullptr, sizeof(Journal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return *shared;
}

/// Counts of the verifying process, shared for the same reason.
struct Shared {
  uint64_t recoveryOperations;
  char wrong[256];
};

Shared& shared() {
  static Shared* const it = static_cast<Shared*>(
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return *it;
}

/// What the workload is, and the seed it was made of: 0 and 1 for the fixed ones.
std::vector<Step> steps = script();
uint64_t stepsSeed = 0;

void useScript(uint64_t seed) {
  steps = seed == 0 ? script() : seed == 1 ? scriptOfAhead() : RandomScript(seed).make();
  stepsSeed = seed;
}

std::string folder() { return check::directory() + "/case"; }
std::string regionPath() { return folder() + "/a.region"; }

void emptyFolder(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
  fs::create_directory(path, ignored);
}

void copyFolder(const std::string& from, const std::string& to) {
  emptyFolder(to);
  for (const auto& entry : fs::directory_iterator(from)) {
    fs::copy_file(entry.path(), fs::path(to) / entry.path().filename());
  }
}

bool wrong(const char* what, uint64_t number = 0) {
  std::snprintf(shared().wrong, sizeof shared().wrong, "%s (%llu)", what,
                static_cast<unsigned long long>(number));
  return false;
}

// ── verification: runs in a process of its own ──

uint64_t leastEpoch(After after) {
  return after == After::kMachine ? journal().synced : journal().acknowledged;
}

/// Exactly one commit: one that was acknowledged, or the one that was tried when all ended.
bool isAllowed(const PageHashes& shown, uint64_t endUnits, uint64_t epoch, After after) {
  const Journal& kept = journal();
  if (epoch < leastEpoch(after)) return wrong("a commit is missing; shown is", epoch);
  for (uint32_t i = 0; i < kept.attemptCount; i++) {
    const Attempt& attempt = kept.attempts[i];
    if (attempt.epoch != epoch || attempt.hashes != shown || attempt.endUnits != endUnits) continue;
    if (attempt.outcome == Outcome::kAcknowledged) return true;
    if (epoch == kept.acknowledged + 1 && attempt.outcome != Outcome::kLost) return true;
  }
  const Attempt* was = kept.find(epoch, Outcome::kAcknowledged);
  if (was == nullptr) return wrong("a commit that nobody made", epoch);
  for (uint32_t page = 0; page < kPages; page++) {
    if (was->hashes[page] != shown[page]) return wrong("not what was committed: page", page);
  }
  return wrong("the end is another than was committed", epoch);
}

bool checkShown(Region& region, After after) {
  bool zeroBehind = false;
  const PageHashes shown = region.hashes(&zeroBehind);
  if (!zeroBehind) return wrong("not zero past the end of commit", region.epoch());
  return isAllowed(shown, region.handle.view().cursor().endUnits, region.epoch(), after);
}

/// A store that was opened again can be written, closed and opened once more.
bool checkUse(Region& region) {
  Random random{99};
  if (!region.begin(1000).ok()) return wrong("no transaction can begin");
  const uint64_t line = freshLineOf(region.endUnits);
  region.endUnits = (line + 3) * 8;
  if (!region.handle.grow(region.endUnits).ok()) return wrong("it cannot grow");
  region.write(line + 1, lineOf(line + 1, random));
  if (line > kFirstDataPage * kLinesOfPage) region.write(line - 1, lineOf(line - 1, random));
  if (!region.commit(true).ok()) return wrong("nothing can be committed");
  const uint64_t epoch = region.epoch();
  bool zeroBehind = false;
  const PageHashes before = region.hashes(&zeroBehind);
  region.close();
  const std::string problem = checkCleanFile(regionPath());
  if (!problem.empty()) return wrong(problem.c_str());
  Region again;
  if (!again.open(regionPath()).ok()) return wrong("it cannot be opened a second time");
  const bool same = again.epoch() == epoch && again.hashes(&zeroBehind) == before;
  return (same && zeroBehind) || wrong("the second time another commit");
}

bool checkCopy(uint32_t index) {
  const std::string path = regionPath() + ".copy" + std::to_string(index);
  const uint64_t epoch = journal().copyEpochs[index];
  const std::string problem = checkCleanFile(path);
  if (!problem.empty()) return wrong(("a backup: " + problem).c_str(), epoch);
  Region copy;
  bool zeroBehind = false;
  if (!copy.open(path).ok()) return wrong("a backup cannot be opened", epoch);
  const PageHashes shown = copy.hashes(&zeroBehind);
  const Journal& kept = journal();
  // What was copied may be lost since, and another commit have its number.
  const bool known =
      std::any_of(kept.attempts, kept.attempts + kept.attemptCount, [&](const Attempt& was) {
        const bool made = was.outcome == Outcome::kAcknowledged || was.outcome == Outcome::kLost;
        return made && was.epoch == epoch && was.hashes == shown &&
               was.endUnits == copy.handle.view().cursor().endUnits;
      });
  return known || wrong("a backup is another commit than", epoch);
}

bool openAndCheck(After after) {
  if (!journal().created && ::access(regionPath().c_str(), F_OK) != 0) return true;
  if (after == After::kMachine) ::unlink((regionPath() + "-lock").c_str());
  Region region;
  const Status opened = region.open(regionPath());
  if (!opened.ok()) return wrong("it cannot be opened", static_cast<uint64_t>(opened.code));
  if (!journal().created) return true;
  return checkShown(region, after) && checkUse(region);
}

// ── one case ──

/// The exit status of a child that does `body`; its signal plus 1000.
int inChild(const std::function<void()>& body) {
  const int status = check::inChild(body);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void runWorkload(const Mode& mode, uint64_t operation, uint64_t seed) {
  TestPlan plan;
  plan.action = mode.action;
  plan.operation = operation;
  plan.error = mode.error;
  plan.fromThenOn = mode.fromThenOn;
  plan.seed = seed;
  startTestIo(plan);
  // An interrupted call is made again: nobody has to be told.
  if (mode.error == EIO || mode.error == ENOSPC) failures::watch(mode.error);
  auto* run = new Run(journal(), regionPath(), steps, 1, mode.action == TestAction::kDrop,
                      mode.action == TestAction::kCount);
  run->runAll();
  ::_exit(0);  // whatever is still open ends here, as the process does
}

bool report(const char* mode, uint64_t operation, uint64_t seed, const char* what) {
  std::printf("\n  script=%llu %s %llu seed=%llu: %s\n", static_cast<unsigned long long>(stepsSeed),
              mode, static_cast<unsigned long long>(operation),
              static_cast<unsigned long long>(seed), what);
  std::fflush(stdout);
  return false;
}

bool verify(const Mode& mode, After after, uint64_t operation, uint64_t seed) {
  shared().wrong[0] = 0;
  const int status = inChild([&] { ::_exit(openAndCheck(after) ? 0 : 1); });
  if (status == 0) return true;
  char text[320];
  std::snprintf(text, sizeof text, "%s [exit %d, acknowledged %llu, synced %llu, step %llu]",
                shared().wrong, status, static_cast<unsigned long long>(journal().acknowledged),
                static_cast<unsigned long long>(journal().synced),
                static_cast<unsigned long long>(journal().steps));
  return report(mode.name, operation, seed, text);
}

/// Recovery is itself cut off after some of its operations, then done again.
bool crashRecovery(const Mode& mode, uint64_t operation, uint64_t seed, uint64_t stride,
                   Totals& totals) {
  const std::string kept = check::directory() + "/kept";
  copyFolder(folder(), kept);
  const auto reopen = [&](TestAction action, uint64_t at) {
    return inChild([&] {
      TestPlan plan;
      plan.action = action;
      plan.operation = at;
      plan.seed = seed + at;
      startTestIo(plan);
      auto* region = new Region;
      const bool opened = region->open(regionPath()).ok();
      if (opened) region->close();
      shared().recoveryOperations = testIoState().changes;
      ::_exit(0);
    });
  };
  ::unlink((regionPath() + "-lock").c_str());
  reopen(TestAction::kCount, 0);
  const uint64_t count = shared().recoveryOperations;
  for (uint64_t at = 1 + seed % stride; at <= count; at += stride) {
    for (const TestAction action : {TestAction::kTear, TestAction::kKill}) {
      copyFolder(kept, folder());
      ::unlink((regionPath() + "-lock").c_str());
      reopen(action, at);
      totals.secondCrashes++;
      if (!verify(mode, After::kMachine, operation, seed)) {
        std::printf("  (recovery %s at its operation %llu)\n",
                    action == TestAction::kTear ? "torn" : "killed",
                    static_cast<unsigned long long>(at));
        return false;
      }
    }
  }
  copyFolder(kept, folder());
  return true;
}

/// A process that has the region open all the time and goes on where the other died.
void liveBeside(int ready, int dead) {
  Region region;
  if (!region.open(regionPath()).ok()) ::_exit(wrong("the other cannot open") ? 0 : 1);
  region.handle.unpin();
  char byte = 1;
  (void)!::write(ready, &byte, 1);
  (void)!::read(dead, &byte, 1);
  const auto begun = std::chrono::steady_clock::now();
  if (!region.begin(2000).ok()) ::_exit(wrong("the other cannot begin") ? 0 : 1);
  const auto waited = std::chrono::steady_clock::now() - begun;
  if (waited > std::chrono::seconds(1)) ::_exit(wrong("the other waited too long") ? 0 : 1);
  bool good = checkShown(region, After::kBeside);
  region.rollback();
  good = good && region.handle.refresh().ok() && checkShown(region, After::kBeside);
  region.handle.unpin();
  if (good && !region.handle.checkpoint().ok()) good = wrong("the other cannot checkpoint");
  ::_exit(good && checkUse(region) ? 0 : 1);
}

bool runBeside(const Mode& mode, uint64_t operation, uint64_t seed) {
  if (!createRegion(regionPath()).ok()) return report(mode.name, operation, seed, "no region");
  journal().created = true;
  int ready[2], dead[2];
  if (::pipe(ready) != 0 || ::pipe(dead) != 0) std::abort();
  shared().wrong[0] = 0;
  const pid_t other = ::fork();
  if (other == 0) liveBeside(ready[1], dead[0]);
  char byte = 0;
  ::close(ready[1]);
  const bool isReady = ::read(ready[0], &byte, 1) == 1;
  if (isReady) inChild([&] { runWorkload(mode, operation, seed); });
  (void)!::write(dead[1], &byte, 1);
  int status = -1;
  ::waitpid(other, &status, 0);
  for (const int fd : {ready[0], dead[0], dead[1]}) ::close(fd);
  if (journal().wrong[0] != 0) return report(mode.name, operation, seed, journal().wrong);
  return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
         report(mode.name, operation, seed, shared().wrong);
}

bool checkCopies(const Mode& mode, uint64_t operation, uint64_t seed) {
  for (uint32_t i = 0; i < journal().copyCount; i++) {
    if (inChild([&] { ::_exit(checkCopy(i) ? 0 : 1); }) == 0) continue;
    return report(mode.name, operation, seed, shared().wrong);
  }
  return true;
}

void resetJournal() {
  Journal& kept = journal();
  kept.created = kept.finished = false;
  kept.acknowledged = kept.synced = kept.operations = kept.failures = kept.steps = 0;
  kept.copyCount = kept.attemptCount = 0;
  kept.wrong[0] = 0;
}

bool runCase(const Mode& mode, uint64_t operation, uint64_t seed, uint64_t recoveryStride,
             Totals& totals) {
  emptyFolder(folder());
  resetJournal();
  totals.cases++;
  if (mode.after == After::kBeside) return runBeside(mode, operation, seed);
  const int status = inChild([&] { runWorkload(mode, operation, seed); });
  if (status != 0 && status != 1000 + SIGKILL) {
    const std::string what = "the process ended with " + std::to_string(status);
    return report(mode.name, operation, seed, what.c_str());
  }
  if (journal().wrong[0] != 0) return report(mode.name, operation, seed, journal().wrong);
  if (recoveryStride != 0 && !crashRecovery(mode, operation, seed, recoveryStride, totals)) {
    return false;
  }
  return verify(mode, mode.after, operation, seed) && checkCopies(mode, operation, seed);
}

/// The script without any failure, all compared at every step; how many operations it has.
uint64_t countOperations() {
  Totals ignored;
  const Mode mode = {"count", TestAction::kCount, After::kProcess};
  const bool good = runCase(mode, 0, 0, 0, ignored);
  if (!good || !journal().finished || journal().failures != 0) return 0;
  return journal().operations;
}

struct Options {
  bool all = false;
  uint64_t seed = std::random_device{}();
  std::string mode;
  uint64_t operation = 0;
  bool untilFailure = false;
  uint64_t scripts = 0;  // random ones
  uint64_t script = 0;
};

/// Each mode at some operation, of a script that nobody wrote.
void runRandomScript(uint64_t seed, Totals& totals) {
  constexpr uint32_t kCasesOfMode = 3;
  useScript(seed);
  const uint64_t operations = countOperations();
  if (operations == 0) {
    totals.failures++;
    report("count", 0, 0, journal().wrong[0] != 0 ? journal().wrong : "a step failed");
    return;
  }
  Random random{seed};
  for (const Mode& mode : kModes) {
    for (uint32_t i = 0; i < kCasesOfMode; i++) {
      const uint64_t at = 1 + random.below(operations);
      const bool twice = mode.action == TestAction::kTear && i == 0;
      if (!runCase(mode, at, seed + i, twice ? 6 : 0, totals)) totals.failures++;
    }
  }
}

void runMode(const Mode& mode, uint64_t operations, const Options& options, Totals& totals) {
  const bool terminal = ::isatty(STDOUT_FILENO);
  const uint64_t step = options.all ? 1 : mode.stride;
  const uint64_t seeds = mode.seeds && options.all ? 3 : 1;
  const auto begun = std::chrono::steady_clock::now();
  uint64_t cases = 0;
  for (uint64_t at = options.all ? 1 : 1 + options.seed % step; at <= operations; at += step) {
    for (uint64_t i = 0; i < seeds; i++, cases++) {
      // Recovery is crashed for some cases only: every operation of it each time.
      const bool twice =
          mode.action == TestAction::kTear && i == 0 && (at + options.seed) % 96 < step;
      const uint64_t stride = !twice ? 0 : options.all ? 1 : 8;
      if (!runCase(mode, at, options.seed + at * 31 + i, stride, totals)) totals.failures++;
    }
    if (options.untilFailure && totals.failures != 0) return;
    if (!terminal) continue;
    std::printf("\r%-8s %llu of %llu ", mode.name, static_cast<unsigned long long>(at),
                static_cast<unsigned long long>(operations));
    std::fflush(stdout);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
  std::printf("%s%-8s %llu cases, %.1f s\n", terminal ? "\r" : "", mode.name,
              static_cast<unsigned long long>(cases), seconds.count());
}

uint64_t numberIn(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; i++) {
    const std::string argument = arguments[i];
    if (argument == "all") {
      options.all = true;
    } else if (argument == "until-failure") {
      options.untilFailure = true;
    } else if (argument.starts_with("seed=")) {
      options.seed = numberIn(argument.substr(5));
    } else if (argument.starts_with("random=")) {
      options.scripts = numberIn(argument.substr(7));
    } else if (argument.starts_with("script=")) {
      options.script = numberIn(argument.substr(7));
    } else if (argument[0] >= '0' && argument[0] <= '9') {
      options.operation = numberIn(argument);
    } else {
      options.mode = argument;
    }
  }
  return options;
}

int conclude(const Totals& totals) {
  std::printf("%llu cases, %llu second crashes, %llu failed\n",
              static_cast<unsigned long long>(totals.cases),
              static_cast<unsigned long long>(totals.secondCrashes),
              static_cast<unsigned long long>(totals.failures));
  return totals.failures == 0 ? 0 : 1;
}

int runRandomScripts(const Options& options) {
  std::printf("%llu random scripts, seed=%llu\n", static_cast<unsigned long long>(options.scripts),
              static_cast<unsigned long long>(options.seed));
  Totals totals;
  for (uint64_t i = 0; i < options.scripts; i++) runRandomScript(options.seed + i + 1, totals);
  return conclude(totals);
}

void runScript(uint64_t script, const Options& options, Totals& totals) {
  useScript(script);
  const uint64_t operations = countOperations();
  std::printf("script %llu, %llu operations, seed=%llu\n", static_cast<unsigned long long>(script),
              static_cast<unsigned long long>(operations),
              static_cast<unsigned long long>(options.seed));
  if (operations < (script == 0 ? 300 : 1)) {
    std::printf("FAILED: the script ends with \"%s\" after %llu steps\n", journal().wrong,
                static_cast<unsigned long long>(journal().steps));
    totals.failures++;
    return;
  }
  for (const Mode& mode : kModes) {
    if (!options.mode.empty() && options.mode != mode.name) continue;
    if (options.operation != 0) {
      if (!runCase(mode, options.operation, options.seed, 0, totals)) totals.failures++;
    } else {
      runMode(mode, operations, options, totals);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  // Syncs need not reach a disk: the seam decides what a crash leaves.
  if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
  const Options options = parse(count, arguments);
  if (options.scripts != 0) return runRandomScripts(options);
  Totals totals;
  runScript(options.script, options, totals);
  const bool isOne = options.script != 0 || options.operation != 0;
  if (!isOne && !(options.untilFailure && totals.failures != 0)) runScript(1, options, totals);
  return conclude(totals);
}
