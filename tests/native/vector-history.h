// Histories of vector operations and a check that they are linearisable, after J. Wing and C. Gong,
// "Testing and verifying concurrent objects" (1993), with G. Lowe's memory of configurations that
// were tried before.
//
// A history is a list of operations, each with the moments of its call and its return. It is
// linearisable when the operations can be put in an order that a sequential vector could have gone
// through, in which no operation comes before one that had returned before it was called. An
// operation without a return (its process died) may have taken effect or not.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/status.h"
#include "core/vector/algorithm.h"

namespace history {

/// A batch is two pushes: of `value` and, next to it, of `expected`.
enum class Kind : uint32_t { kPush, kPop, kGet, kSet, kCompareAndSet, kSize, kBatch };

constexpr uint32_t kKinds = 7;

constexpr uint64_t kNever = ~uint64_t{0};

struct Operation {
  Kind kind = Kind::kSize;
  uint32_t thread = 0;
  uint64_t index = 0;     // get, set, compareAndSet
  uint64_t value = 0;     // push, set, compareAndSet
  uint64_t expected = 0;  // compareAndSet; batch: the second element
  bool found = false;     // result: get, pop, set, compareAndSet (done)
  uint64_t result = 0;    // push: index; pop, get: element; size
  uint64_t called = 0;
  uint64_t returned = kNever;
};

using State = std::vector<uint64_t>;

/// Applies the operation; false when its result is not what the sequential vector would give.
inline bool apply(const Operation& operation, State& state) {
  const bool known = operation.returned != kNever;
  const bool there = operation.index < state.size();
  switch (operation.kind) {
    case Kind::kPush:
      state.push_back(operation.value);
      return !known || operation.result == state.size() - 1;
    case Kind::kPop: {
      if (state.empty()) return !known || !operation.found;
      const uint64_t last = state.back();
      state.pop_back();
      return !known || (operation.found && operation.result == last);
    }
    case Kind::kGet:
      if (!known) return true;
      return there == operation.found && (!there || state[operation.index] == operation.result);
    case Kind::kSet:
      if (there) state[operation.index] = operation.value;
      return !known || there == operation.found;
    case Kind::kCompareAndSet: {
      const bool fits = there && state[operation.index] == operation.expected;
      if (fits) state[operation.index] = operation.value;
      return !known || fits == operation.found;
    }
    case Kind::kSize: return !known || operation.result == state.size();
    case Kind::kBatch: break;  // see asPushes
  }
  return false;
}

/// What a batch promises: each element takes effect for itself, in order, with nothing in between
/// at the end of the vector, which the indexes say.
inline std::vector<Operation> asPushes(const std::vector<Operation>& operations) {
  std::vector<Operation> pushes;
  for (Operation operation : operations) {
    const bool isBatch = operation.kind == Kind::kBatch;
    if (isBatch) operation.kind = Kind::kPush;
    pushes.push_back(operation);
    if (!isBatch) continue;
    operation.value = operation.expected;
    operation.result++;
    pushes.push_back(operation);
  }
  return pushes;
}

class Checker {
 public:
  /// `initial`: what was in the vector before. `last`, if not null: what must be there after.
  static bool isLinearisable(const std::vector<Operation>& operations, const State& initial = {},
                             const State* last = nullptr) {
    const std::vector<Operation> single = asPushes(operations);
    Checker checker(single, last);
    return checker.search(State(initial), 0);
  }

 private:
  Checker(const std::vector<Operation>& operations, const State* last)
      : operations_(operations), last_(last), done_(operations.size(), false) {}

  bool search(State state, size_t count) {
    if (isFinished(count) && (last_ == nullptr || state == *last_)) return true;
    if (!tried_.insert(key(state)).second) return false;
    const uint64_t bound = earliestReturn();
    for (size_t i = 0; i < operations_.size(); i++) {
      if (done_[i] || operations_[i].called > bound) continue;
      State next = state;
      if (!apply(operations_[i], next)) continue;
      done_[i] = true;
      if (search(std::move(next), count + 1)) return true;
      done_[i] = false;
    }
    return false;
  }

  bool isFinished(size_t count) const {
    if (count == operations_.size()) return true;
    for (size_t i = 0; i < operations_.size(); i++) {
      if (!done_[i] && operations_[i].returned != kNever) return false;
    }
    return true;
  }

  uint64_t earliestReturn() const {
    uint64_t earliest = kNever;
    for (size_t i = 0; i < operations_.size(); i++) {
      if (!done_[i] && operations_[i].returned < earliest) earliest = operations_[i].returned;
    }
    return earliest;
  }

  std::string key(const State& state) const {
    std::string key(done_.begin(), done_.end());
    key.append(reinterpret_cast<const char*>(state.data()), state.size() * sizeof(uint64_t));
    return key;
  }

  const std::vector<Operation>& operations_;
  const State* last_;
  std::vector<bool> done_;
  std::unordered_set<std::string> tried_;
};

/// Whether two threads were inside an operation at the same time.
inline bool overlaps(const std::vector<Operation>& operations) {
  for (const Operation& one : operations) {
    for (const Operation& other : operations) {
      if (one.thread != other.thread && one.called < other.returned && other.called < one.returned)
        return true;
    }
  }
  return false;
}

inline std::string describe(const Operation& operation) {
  static const char* const kNames[] = {"push",          "pop",  "get",  "set",
                                       "compareAndSet", "size", "batch"};
  char text[200];
  snprintf(text, sizeof text,
           "thread %u: %s index %llu value %llu expected %llu -> %s %llu  [%llu, %llu]\n",
           operation.thread, kNames[static_cast<int>(operation.kind)],
           static_cast<unsigned long long>(operation.index),
           static_cast<unsigned long long>(operation.value),
           static_cast<unsigned long long>(operation.expected),
           operation.returned == kNever ? "died"
           : operation.found            ? "found"
                                        : "absent",
           static_cast<unsigned long long>(operation.result),
           static_cast<unsigned long long>(operation.called),
           static_cast<unsigned long long>(operation.returned));
  return text;
}

inline std::string describe(const std::vector<Operation>& operations) {
  std::string text;
  for (const Operation& operation : operations) text += describe(operation);
  return text;
}

inline std::string describe(const State& state) {
  std::string text;
  for (uint64_t value : state) text += " " + std::to_string(value);
  return text;
}

/// Does the operation on a vector and notes its results. False: an error that must not be.
template <class Core>
bool run(Core& core, Operation& operation) {
  rstore::Outcome outcome = rstore::Outcome::kAbsent;
  rstore::Status status;
  switch (operation.kind) {
    case Kind::kPush:
      status = core.push(&operation.value, 1, &operation.result);
      operation.found = status.ok();
      return status.ok();
    case Kind::kBatch: {
      const uint64_t values[] = {operation.value, operation.expected};
      status = core.push(values, 2, &operation.result);
      operation.found = status.ok();
      return status.ok();
    }
    case Kind::kPop: status = core.pop(&operation.result, &outcome); break;
    case Kind::kGet: operation.found = core.get(operation.index, &operation.result); return true;
    case Kind::kSet: status = core.set(operation.index, operation.value, &outcome); break;
    case Kind::kCompareAndSet:
      status = core.compareAndSet(operation.index, operation.expected, operation.value, &outcome);
      break;
    case Kind::kSize:
      status = core.size(&operation.result);
      outcome = rstore::Outcome::kDone;
      break;
  }
  operation.found = outcome == rstore::Outcome::kDone;
  return status.ok();
}

}  // namespace history
