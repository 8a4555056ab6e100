// How a plan is written: test-plan.h.
#include "core/seam/test-plan.h"

#ifdef RSTORE_TEST_SEAM

#include <errno.h>

#include <cstdlib>
#include <string>

namespace rstore {
namespace {

struct Named {
  const char* name;
  int value;
};

constexpr Named kErrors[] = {
    {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},
    {"EROFS", EROFS},   {"EINTR", EINTR},   {"EAGAIN", EAGAIN},
    {"ENOMEM", ENOMEM}, {"EACCES", EACCES}, {"EOPNOTSUPP", EOPNOTSUPP},
    {"EPERM", EPERM},
};

constexpr Named kActions[] = {
    {"fail", static_cast<int>(TestAction::kFail)},
    {"short", static_cast<int>(TestAction::kShort)},
    {"freeze", static_cast<int>(TestAction::kFreeze)},
    {"kill", static_cast<int>(TestAction::kKill)},
    {"tear", static_cast<int>(TestAction::kTear)},
    {"drop", static_cast<int>(TestAction::kDrop)},
    {"slow", static_cast<int>(TestAction::kSlow)},
};

template <size_t kCount>
bool find(const Named (&all)[kCount], const std::string& name, int* value) {
  for (const Named& one : all) {
    if (name == one.name) return *value = one.value, true;
  }
  return false;
}

bool parseNumber(const std::string& text, uint64_t* out) {
  char* end = nullptr;
  *out = std::strtoull(text.c_str(), &end, 10);
  return !text.empty() && text[0] >= '0' && text[0] <= '9' && *end == 0;
}

bool parseOperation(std::string text, TestPlan* plan) {
  if (!text.empty() && text.back() == '+') plan->fromThenOn = true, text.pop_back();
  if (text.starts_with('r')) plan->of = Counted::kReads;
  if (text.starts_with('t')) plan->of = Counted::kThreads;
  if (text.starts_with('s')) plan->of = Counted::kSyncs;
  if (plan->of != Counted::kChanges) text.erase(0, 1);
  return parseNumber(text, &plan->operation) && plan->operation > 0;
}

bool parseArgument(const std::string& text, TestPlan* plan) {
  if (plan->action == TestAction::kFail) return find(kErrors, text, &plan->error);
  if (plan->action == TestAction::kSlow) {
    return text.starts_with("ms=") && parseNumber(text.substr(3), &plan->delayMs);
  }
  return text.starts_with("seed=") && parseNumber(text.substr(5), &plan->seed);
}

}  // namespace

Status parseTestPlan(const char* text, TestPlan* out) {
  const std::string plan = text;
  *out = {};
  if (plan == "count") return kSuccess;
  const size_t at = plan.find('@');
  if (at == std::string::npos) return failure(Code::kInvalid);
  const std::string what = plan.substr(0, at);
  const size_t colon = what.find(':');
  int action = 0;
  bool good = find(kActions, what.substr(0, colon), &action);
  out->action = static_cast<TestAction>(action);
  good = good && parseOperation(plan.substr(at + 1), out);
  if (colon != std::string::npos) good = good && parseArgument(what.substr(colon + 1), out);
  if (out->action == TestAction::kFail && out->error == 0) good = false;
  const bool isSlow = out->action == TestAction::kSlow;
  if (isSlow != (out->of == Counted::kSyncs) || isSlow != (out->delayMs > 0)) good = false;
  return good ? kSuccess : failure(Code::kInvalid);
}

}  // namespace rstore

#endif  // RSTORE_TEST_SEAM
