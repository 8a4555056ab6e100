// The scripted workload of the crash tests, and what is kept about it outside of the process that
// runs it: the content of every commit that was tried, and what was promised to the caller.
#pragma once

#include "core/backup.h"
#include "core/seam/test-io.h"
#include "failures.h"
#include "store.h"

namespace workload {

using namespace store;

enum class Outcome : uint32_t { kTried, kAcknowledged, kFailed, kLost };

struct Attempt {
  uint64_t epoch;
  uint64_t endUnits;
  Outcome outcome;
  PageHashes hashes;
};

inline constexpr uint32_t kAttemptLimit = 512;
inline constexpr uint32_t kCopyLimit = 8;

/// Lives in memory shared with the parent, which reads it when the child is dead.
struct Journal {
  bool created;
  bool finished;
  uint64_t acknowledged;  // the last commit that its caller was told of
  uint64_t synced;        // the last that was promised to be on the disk
  uint64_t operations;
  uint64_t failures;
  uint64_t steps;
  uint32_t copyCount;
  uint64_t copyEpochs[kCopyLimit];
  char wrong[256];  // the first thing that was not as it must be
  uint32_t attemptCount;
  Attempt attempts[kAttemptLimit];

  const Attempt* find(uint64_t epoch, Outcome outcome) const {
    for (uint32_t i = attemptCount; i-- > 0;) {
      if (attempts[i].epoch == epoch && attempts[i].outcome == outcome) return &attempts[i];
    }
    return nullptr;
  }
};

enum class Do {
  kOpen,
  kClose,
  kCommit,
  kRollback,
  kAbandonTail,
  kFlush,
  kCheckpoint,
  kPin,
  kUnpin,
  kBackup,
  kFlushThenLines
};

struct Step {
  Do what;
  int who;             // 0 or 1
  uint32_t lines = 0;  // changed below the end
  uint32_t grow = 0;   // units past the end
  bool sync = false;
  bool ahead = false;  // what is new is written to the file ahead of the commit
};

constexpr uint32_t pagesToUnits(uint32_t pages) { return pages * kUnitsOfPage; }

/// Commits of all sizes with both durabilities, tails that go straight to the file, growth by parts
/// of a line, rollback, abandoned tails, checkpoints with and without a pin, a log of two segments
/// that wraps several times and grows beyond its limit, two handles, clean closes, backup.
inline const std::vector<Step>& script() {
  static const std::vector<Step> steps = [] {
    std::vector<Step> all = {
        {Do::kOpen, 0},
        {Do::kCommit, 0, 0, 40, true},
        {Do::kCommit, 0, 3, 0, false},
        {Do::kCommit, 0, 5, 1003, true},
        {Do::kRollback, 0, 6, 700},
        {Do::kCommit, 0, 2, 8, false},
        {Do::kFlush, 0},
        {Do::kOpen, 1},
        {Do::kCommit, 1, 4, pagesToUnits(70), false},
        {Do::kCommit, 0, 12, 5, false},
        {Do::kFlush, 1},
        {Do::kCheckpoint, 0},
        {Do::kCommit, 1, 90, 0, true},
        {Do::kAbandonTail, 0, 3, pagesToUnits(80), true},
        {Do::kCommit, 1, 1, 64, false},
        {Do::kCommit, 0, 2, pagesToUnits(66) + 13, true},
        {Do::kCommit, 1, 20, 0, true},
        {Do::kBackup, 0},
        {Do::kAbandonTail, 1, 0, pagesToUnits(65), false},
        {Do::kCommit, 0, 200, pagesToUnits(3), false},
        {Do::kCheckpoint, 1},
        {Do::kPin, 1},
    };
    // The log wraps; the pinned handle makes it grow beyond its limit.
    for (uint32_t i = 0; i < 6; i++) all.push_back({Do::kCommit, 0, 1500, 0, i % 2 == 1});
    all.insert(all.end(), {
                              {Do::kCheckpoint, 0},
                              {Do::kUnpin, 1},
                              {Do::kCommit, 0, 1200, 20, false},
                              {Do::kCheckpoint, 0},
                              {Do::kCommit, 1, 1800, 0, true},
                              {Do::kCommit, 1, 1800, 0, false},
                              {Do::kCommit, 0, 40, 0, true},
                              {Do::kCommit, 1, 0, pagesToUnits(90), false},
                              {Do::kFlushThenLines, 0, 60, 0, false},
                              {Do::kClose, 0},
                              {Do::kCommit, 1, 7, 0, true},
                              {Do::kCheckpoint, 1},
                              {Do::kAbandonTail, 1, 0, pagesToUnits(65), false},
                              {Do::kRollback, 1},  // has zeroed it
                              {Do::kClose, 1},     // has nothing else to sync
                              {Do::kOpen, 1},
                              {Do::kCommit, 1, 9, 9, false},
                              {Do::kOpen, 0},
                          });
    for (uint32_t i = 0; i < 24; i++) {
      all.push_back({Do::kCommit, static_cast<int>(i % 2), 1 + i % 5 * 3, i % 3 * 17, i % 4 != 3});
    }
    all.insert(all.end(), {
                              {Do::kCommit, 0, 3, pagesToUnits(64), false},
                              {Do::kCommit, 1, 3, pagesToUnits(64), true},
                              {Do::kRollback, 1, 2, pagesToUnits(5)},
                              {Do::kCheckpoint, 1},
                              {Do::kCommit, 0, 30, 0, false},
                              {Do::kBackup, 1},
                              {Do::kCommit, 0, 3, 12, true},
                              {Do::kAbandonTail, 0, 2, pagesToUnits(65), false},
                              {Do::kClose, 1},
                              {Do::kClose, 0},  // zeroes it
                          });
    return all;
  }();
  return steps;
}

/// Transactions that are written ahead, first one before the log is begun: committed, synced or not,
/// given up with and without a tail, with the frontier where it was and lowered (Run::changeAhead),
/// beside another handle and after it.
inline std::vector<Step> scriptOfAhead() {
  return {
      {Do::kOpen, 0},
      {Do::kRollback, 0, 4, pagesToUnits(12), false, true},
      {Do::kClose, 0},
      {Do::kCommit, 0, 9, pagesToUnits(40) + 5, false, true},
      {Do::kCommit, 0, 31, pagesToUnits(20) + 1, true, true},
      {Do::kRollback, 0, 7, pagesToUnits(20), false, true},
      {Do::kCommit, 1, 24, pagesToUnits(30) + 3, true, true},
      {Do::kCommit, 0, 5, 9, false},
      {Do::kCheckpoint, 0},
      {Do::kCommit, 1, 40, pagesToUnits(9), false, true},
      {Do::kFlush, 1},
      {Do::kAbandonTail, 0, 12, pagesToUnits(12), true, true},
      {Do::kCommit, 1, 3, 12, true},
      {Do::kCommit, 0, 60, pagesToUnits(70), false, true},
      {Do::kCommit, 0, 20, 0, false},
      {Do::kCheckpoint, 1},
      {Do::kBackup, 1},
      {Do::kAbandonTail, 1, 13, pagesToUnits(66), false, true},
      {Do::kClose, 0},
      {Do::kClose, 1},  // zeroes it
      {Do::kOpen, 0},
      {Do::kCommit, 0, 14, pagesToUnits(8), false, true},
      {Do::kClose, 0},
  };
}

/// Lines, units or pages: mostly few.
inline uint32_t fewOrMany(Random& random, uint32_t many) {
  return static_cast<uint32_t>(random.below(random.below(4) == 0 ? many : 1 + many / 20));
}

/// The same steps, in an order and of sizes that a seed gives: few pages are left over.
class RandomScript {
 public:
  explicit RandomScript(uint64_t seed) : random_{seed} {}

  std::vector<Step> make() {
    std::vector<Step> all = {{Do::kOpen, 0}, {Do::kCommit, 0, 0, pagesToUnits(8), true}};
    const uint64_t count = 20 + random_.below(60);
    while (all.size() < count) all.push_back(next());
    all.push_back({Do::kClose, 1});
    all.push_back({Do::kClose, 0});
    return all;
  }

 private:
  Step next() {
    static constexpr Do kinds[] = {Do::kRollback,   Do::kAbandonTail,   Do::kFlush, Do::kCheckpoint,
                                   Do::kCheckpoint, Do::kPin,           Do::kUnpin, Do::kClose,
                                   Do::kBackup,     Do::kFlushThenLines};
    const uint64_t kind = random_.below(24);
    Step step{Do::kCommit, static_cast<int>(random_.below(2))};
    if (kind < std::size(kinds)) step.what = kinds[kind];
    if (step.what == Do::kBackup && ++backups_ > 3) step.what = Do::kFlush;
    if (step.what == Do::kClose && random_.below(2) == 0) step.what = Do::kCommit;
    step.lines = fewOrMany(random_, random_.below(6) == 0 ? 1200 : 120);
    step.sync = random_.below(2) == 0;
    const bool hasTail = step.what == Do::kAbandonTail || random_.below(10) == 0;
    const uint32_t pages = hasTail ? 64 + static_cast<uint32_t>(random_.below(12)) : 0;
    const uint32_t units = random_.below(3) == 0 ? fewOrMany(random_, 1500) : 0;
    if (pagesLeft_ >= pages + 5) step.grow = pagesToUnits(pages) + units;
    step.ahead = step.grow >= pagesToUnits(3) && step.grow % 2 == 0;
    if (step.grow != 0 && step.what == Do::kCommit) pagesLeft_ -= pages + 3;
    return step;
  }

  Random random_;
  uint32_t pagesLeft_ = 900;
  uint32_t backups_ = 0;
};

/// Runs a script in this process, through whatever the seam does to it.
class Run {
 public:
  /// @param mayLose pages that were never synced may vanish under the running process (plan "drop")
  /// @param careful compare all that is shown with the model at every step
  Run(Journal& journal, std::string path, const std::vector<Step>& steps, uint64_t seed,
      bool mayLose, bool careful)
      : journal_(journal),
        path_(std::move(path)),
        steps_(steps),
        random_{seed},
        mayLose_(mayLose),
        careful_(careful) {}

  void runAll() {
    if (!journal_.created) journal_.created = isDone(createRegion(path_)) && !isFrozen();
    journal_.acknowledged = journal_.synced = 1;
    if (!journal_.created) return;
    note(Outcome::kAcknowledged, 1);
    for (const Step& step : steps_) {
      if (isFrozen() || journal_.wrong[0] != 0) return;
      const uint64_t failures = journal_.failures;
      failures::noted().clear();
      openingFailures_ = 0;
      const bool done = perform(step);
      checkFailures(step, journal_.failures != failures);
      if (!done) recover();
      journal_.steps++;
      if (journal_.failures > 12) break;
    }
    for (auto& region : regions_) region.reset();
    journal_.operations = testIoState().changes;
    journal_.finished = true;
  }

 private:
  bool isFrozen() const { return testIoState().frozen; }

  bool isDone(Status status) {
    if (status.ok()) return true;
    journal_.failures++;
    lastStatus_ = status;
    return false;
  }

  void wrong(const char* what, uint64_t number = 0) {
    if (journal_.wrong[0] != 0 || isFrozen()) return;
    std::snprintf(journal_.wrong, sizeof journal_.wrong, "step %u: %s (%llu)",
                  static_cast<unsigned>(journal_.steps), what,
                  static_cast<unsigned long long>(number));
  }

  Attempt* note(Outcome outcome, uint64_t epoch) {
    Attempt& attempt = journal_.attempts[journal_.attemptCount];
    attempt.epoch = epoch;
    attempt.endUnits = model_.endUnits;
    attempt.outcome = outcome;
    attempt.hashes = model_.hashes();
    if (++journal_.attemptCount == kAttemptLimit) std::abort();
    return &attempt;
  }

  void promise(uint64_t epoch) {
    if (!isFrozen()) journal_.synced = std::max(journal_.synced, epoch);
  }

  bool ensureOpen(int who) {
    if (regions_[who]) return true;
    auto region = std::make_unique<Region>();
    if (!isDone(region->open(path_))) return false;
    follow(*region);
    regions_[who] = std::move(region);
    regions_[who]->handle.unpin();
    return true;
  }

  /// After all had closed, a commit whose author was told that it failed may be there after all.
  void follow(Region& region) {
    const uint64_t epoch = region.epoch();
    const bool others = regions_[0] || regions_[1];
    if (epoch == model_.epoch && matches(region)) return;
    if (others) return wrong("an open handle shows another commit", epoch);
    const bool lost = mayLose_ && epoch >= journal_.synced && epoch < model_.epoch;
    if (epoch > model_.epoch + 1 || (epoch < model_.epoch && !lost)) {
      return wrong("reopening shows another commit", epoch);
    }
    bool zeroBehind = false;
    const PageHashes shown = region.hashes(&zeroBehind);
    if (!zeroBehind) return wrong("not zero past the end of commit", epoch);
    if (!isKnown(shown, epoch)) return wrong("reopening shows no commit that was tried", epoch);
    for (uint32_t i = 0; i < journal_.attemptCount; i++) {
      Attempt& attempt = journal_.attempts[i];
      if (attempt.epoch > epoch) attempt.outcome = Outcome::kLost;
      if (attempt.epoch == epoch) {
        attempt.outcome = attempt.hashes == shown ? Outcome::kAcknowledged : Outcome::kLost;
      }
    }
    journal_.acknowledged = epoch;
    model_.follow(region.base(), epoch, region.handle.view().cursor().endUnits);
  }

  bool isKnown(const PageHashes& shown, uint64_t epoch) const {
    for (uint32_t i = 0; i < journal_.attemptCount; i++) {
      const Attempt& attempt = journal_.attempts[i];
      if (attempt.epoch == epoch && attempt.hashes == shown) return true;
    }
    return false;
  }

  bool matches(Region& region) {
    bool zeroBehind = false;
    return region.hashes(&zeroBehind) == model_.hashes() &&
           region.handle.view().cursor().endUnits == model_.endUnits;
  }

  void compare(Region& region, const char* when) {
    if (isFrozen()) return;
    if (region.epoch() != model_.epoch) return wrong(when, region.epoch());
    bool zeroBehind = true;
    if (!careful_) return;
    if (region.hashes(&zeroBehind) != model_.hashes()) wrong(when, region.epoch());
    if (!zeroBehind) wrong("not zero past the end", region.epoch());
  }

  /// An operation failed: whoever is latched, or met a failing disk, is replaced.
  void recover() {
    for (auto& region : regions_) {
      if (!region) continue;
      const bool latched = region->control.failed != 0;
      if (latched || lastStatus_.code == Code::kIo || lastStatus_.code == Code::kCorrupt) {
        region.reset();
      }
    }
  }

  /// What fails is told, and a failed sync is remembered (handle.h, H4). What may fail silently is
  /// listed in mayBeUntold; all that a close does may, it is left to the next opener's recovery.
  void checkFailures(const Step& step, bool told) {
    if (step.what == Do::kClose) return;
    for (const failures::Failed& failed : failures::noted()) {
      const bool opening = &failed < failures::noted().data() + openingFailures_;
      if (!told && !mayBeUntold(step, failed, opening)) wrongOf("a failure was not told", failed);
      if (!isRemembered(step, failed)) wrongOf("nobody remembers a failure", failed);
    }
  }

  bool mayBeUntold(const Step& step, const failures::Failed& failed, bool opening) const {
    using failures::File, failures::Kind;
    // A name that is left is removed by the next that makes the same file (temporary-file.h).
    if (failed.kind == Kind::kUnlink) return failed.file == File::kOther;
    if (failed.kind == Kind::kAllocate) {
      // Room ahead of what is needed, on a full disk: then only that is asked for.
      const bool ahead = failed.file == File::kRegion && failed.what == Allocate::kGrow &&
                         failures::watched().error == ENOSPC;
      // A segment of the log that nobody needs: it keeps its blocks.
      const bool givenBack = failed.file == File::kLog && failed.what == Allocate::kPunch;
      return ahead || givenBack;
    }
    // A checkpoint that is made on the way (H10), through descriptors of its own.
    const bool ofCheckpoint = failed.kind == Kind::kWrite || failed.kind == Kind::kSync;
    const bool own = regions_[step.who] && failed.fd == regions_[step.who]->handle.file().fd;
    const bool ofLog = failed.file == File::kLog && failed.kind == Kind::kSync;
    const bool moves = opening || movesView(step.what);
    return moves && ofCheckpoint && !own && (failed.file == File::kRegion || ofLog);
  }

  /// Whether a step refreshes a view or ends a transaction: who does may be far ahead of the file.
  /// So may who opens it, which any step does first when a failure has closed the handle.
  static bool movesView(Do what) {
    switch (what) {
      case Do::kCommit:
      case Do::kRollback:
      case Do::kAbandonTail:
      case Do::kPin:
      case Do::kBackup:
      case Do::kFlushThenLines: return true;
      case Do::kOpen:
      case Do::kClose:
      case Do::kFlush:
      case Do::kCheckpoint:
      case Do::kUnpin: break;
    }
    return false;
  }

  bool isRemembered(const Step& step, const failures::Failed& failed) {
    using failures::File, failures::Kind;
    const bool matters = failed.file == File::kRegion || failed.file == File::kLog;
    if (failed.kind != Kind::kSync || !matters || !regions_[step.who]) return true;
    Region& region = *regions_[step.who];
    const SharedWords& words = region.handle.lock().words();
    if (failed.file == File::kLog && words.logBegun == 0) return true;  // nothing is in it yet
    return failed.syncedSince || region.control.failed != 0 || words.logSuspect != 0;
  }

  void wrongOf(const char* what, const failures::Failed& failed) {
    const std::string text =
        std::string(what) + ": " + nameOf(failed.kind) + " of the " + nameOf(failed.file);
    wrong(text.c_str());
  }

  bool perform(const Step& step) {
    if (step.what == Do::kClose) return regions_[step.who].reset(), true;
    if (!ensureOpen(step.who)) return false;
    openingFailures_ = failures::noted().size();
    Region& region = *regions_[step.who];
    switch (step.what) {
      case Do::kCommit: return commit(region, step);
      case Do::kRollback:
      case Do::kAbandonTail: return abandon(region, step);
      case Do::kFlush: return flush(region);
      case Do::kCheckpoint: return checkpoint(region);
      case Do::kPin: return isDone(region.handle.refresh());
      case Do::kUnpin: return unpinLate(region);
      case Do::kBackup: return backup(region);
      case Do::kFlushThenLines:
        // Lines go over a tail that was synced by nobody but a flush: checkpoint.h, step 3.
        return commit(region, step) && flush(region) && checkpoint(region);
      case Do::kOpen:
      case Do::kClose: break;
    }
    return true;
  }

  void change(Region& region, const Step& step) {
    const uint64_t first = uint64_t{kFirstDataPage} * kLinesOfPage;
    const uint64_t old = freshLineOf(model_.endUnits);
    for (uint32_t i = 0; i < step.lines && old > first; i++) {
      // Half of them are neighbours, the others anywhere.
      const uint64_t line = i % 2 == 0 ? first + random_.below(old - first)
                                       : first + (i * 7 + journal_.steps) % (old - first);
      put(region, line);
    }
    region.endUnits += step.grow;
    const uint64_t end = freshLineOf(region.endUnits);
    if (!isDone(region.handle.grow(region.endUnits))) return;
    if (step.ahead) return changeAhead(region, step);
    // Some of what is new stays zero.
    for (uint64_t line = old; line < end; line++) {
      if (random_.below(8) != 0) put(region, line);
    }
  }

  /// In two stretches. Lines that were written are changed while a thread writes them, and behind
  /// it; then the frontier comes down, into either stretch, and goes up a little.
  void changeAhead(Region& region, const Step& step) {
    const uint64_t old = freshLineOf(model_.endUnits), end = region.endUnits;
    uint64_t line = old;
    for (const uint64_t units : {end - step.grow / 2, end}) {
      for (; line < freshLineOf(units); line++) put(region, line);
      if (!isDone(region.writeAhead(units))) return;
      changeSome(region, step.lines, old, line);
      if (!isDone(region.handle.awaitAhead())) return;
      changeSome(region, step.lines / 2, old, line);
    }
    if (step.lines % 3 == 0) return;
    const uint64_t lower = old + random_.below(line - old);
    region.lowerTo(lower * kUnitsOfLine);
    for (uint64_t at = lower; at < line; at++) model_.write(at, Line{});
    region.endUnits += std::min<uint64_t>(end - region.endUnits, 8 + step.lines * 16);
    for (uint64_t at = lower; at < freshLineOf(region.endUnits); at++) put(region, at);
    changeSome(region, step.lines / 2, old, freshLineOf(region.endUnits));
  }

  void changeSome(Region& region, uint32_t count, uint64_t from, uint64_t end) {
    for (uint32_t i = 0; i < count && from < end; i++)
      put(region, from + random_.below(end - from));
  }

  void put(Region& region, uint64_t line) {
    const Line content = lineOf(line, random_);
    region.write(line, content);
    model_.write(line, content);
  }

  bool beginChange(Region& region, const Step& step) {
    if (!isDone(region.begin())) return false;
    compare(region, "a transaction begins with another commit");
    const uint64_t failures = journal_.failures;
    change(region, step);
    if (journal_.failures == failures) return true;
    rollback(region);
    return false;
  }

  void rollback(Region& region) {
    region.rollback();
    model_.rollback();
    region.handle.unpin();
  }

  /// Of a commit or flush that failed: H4. A log that was not begun yet is nobody's, and a segment
  /// that could not be provided is not used. A full disk latches nobody, but where it fails a sync
  /// of our own: one of the log may be the checkpoint's.
  void checkLatched(Region& region, size_t failuresBefore, bool flushing) {
    using failures::File, failures::Kind;
    if (region.control.failed != 0) return;
    const bool begun = region.handle.lock().words().logBegun != 0;
    const bool full = failures::watched().error == ENOSPC;
    const std::vector<failures::Failed>& all = failures::noted();
    for (size_t i = failuresBefore; i < all.size(); i++) {
      const bool isSync = all[i].kind == Kind::kSync;
      const bool ofRegion = all[i].fd == region.handle.file().fd;
      const bool ofLog = isSync && all[i].file == File::kLog && begun && (flushing || !full);
      const bool latches = isSync || (all[i].kind == Kind::kWrite && !full);
      if (ofLog || (ofRegion && latches)) wrongOf("the handle did not latch", all[i]);
    }
  }

  bool commit(Region& region, const Step& step) {
    if (!beginChange(region, step)) return false;
    const uint64_t end = model_.endUnits;
    model_.endUnits = region.endUnits;
    Attempt* attempt = note(Outcome::kTried, model_.epoch + 1);
    const bool wasEmpty = region.changes().pageCount == 0 && region.endUnits == end;
    const size_t failures = failures::noted().size();
    const bool done = isDone(region.commit(step.sync));
    if (isFrozen()) return true;
    if (!done) {
      checkLatched(region, failures, false);
      attempt->outcome = Outcome::kFailed;
      model_.endUnits = end;
      rollback(region);
      return false;
    }
    if (wasEmpty) {  // there was nothing to change: no epoch
      journal_.attemptCount--;
      region.handle.unpin();
      return true;
    }
    attempt->outcome = Outcome::kAcknowledged;
    journal_.acknowledged = ++model_.epoch;
    if (step.sync) promise(model_.epoch);
    model_.forgetUndo();
    compare(region, "after a commit");
    region.handle.unpin();
    return true;
  }

  /// A transaction that is given up, at the latest when its tail is already in the file.
  bool abandon(Region& region, const Step& step) {
    if (!beginChange(region, step)) return false;
    const bool prepared =
        step.what != Do::kAbandonTail || isDone(region.handle.prepare(region.changes(), step.sync));
    rollback(region);
    return prepared;
  }

  bool flush(Region& region) {
    const uint64_t epoch = journal_.acknowledged;
    const size_t failures = failures::noted().size();
    if (!isDone(region.handle.prepareFlush()) || !isDone(region.handle.flush())) {
      checkLatched(region, failures, true);
      return false;
    }
    promise(epoch);
    return true;
  }

  bool checkpoint(Region& region) { return isDone(region.handle.checkpoint()); }

  /// What a pin held is still what it was.
  bool unpinLate(Region& region) {
    bool zeroBehind = false;
    const Attempt* was = journal_.find(region.epoch(), Outcome::kAcknowledged);
    const bool pinned = region.handle.lock().pinnedEpoch() != 0;
    if (pinned && !mayLose_ && !isFrozen() && (!was || was->hashes != region.hashes(&zeroBehind))) {
      wrong("a pinned view changed", region.epoch());
    }
    region.handle.unpin();
    return true;
  }

  bool backup(Region& region) {
    if (!isDone(region.handle.refresh())) return false;
    const std::string path = path_ + ".copy" + std::to_string(journal_.copyCount);
    Region snapshot;
    CopyProgress progress;
    const bool done = isDone(snapshot.open(path_, Region::smallLog(), region.epoch())) &&
                      isDone(backupRegion(snapshot.handle, path, &progress));
    const uint64_t epoch = region.epoch();
    snapshot.close();
    region.handle.unpin();
    if (!done) return false;
    if (!isFrozen()) journal_.copyEpochs[journal_.copyCount++] = epoch;
    return true;
  }

  Journal& journal_;
  std::string path_;
  const std::vector<Step>& steps_;
  Random random_;
  bool mayLose_;
  size_t openingFailures_ = 0;  // of those noted, while the step that is performed opened a handle
  bool careful_;
  Model model_;
  Status lastStatus_;
  std::unique_ptr<Region> regions_[2];
};

}  // namespace workload
