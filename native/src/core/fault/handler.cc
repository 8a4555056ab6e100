#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <cerrno>

#include "core/address-space.h"
#include "core/fault.h"
#include "core/fault/landings.h"
#include "core/fault/ranges.h"
#include "core/fault/serve.h"

namespace rstore {
namespace {

std::atomic<uint64_t> servedCount{0};
std::atomic<uint64_t> chainedCount{0};

struct sigaction previousActions[2];  // SIGSEGV, SIGBUS

struct sigaction& previousOf(int signal) { return previousActions[signal == SIGBUS ? 1 : 0]; }

/// The mask that the kernel would have set, had it called that handler itself.
void setMaskOf(const struct sigaction& action, int signal, const ucontext_t* context) {
  sigset_t mask = context->uc_sigmask;
  for (int other = 1; other <= 64; other++) {
    if (::sigismember(&action.sa_mask, other) == 1) ::sigaddset(&mask, other);
  }
  if (!(action.sa_flags & SA_NODEFER)) ::sigaddset(&mask, signal);
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

/// The default action. A fault happens again when the instruction is repeated; a signal that
/// somebody sent has to be sent again (it stays blocked until the handler has returned).
void endByDefault(int signal, const siginfo_t* info) {
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
  if (info->si_code <= 0) ::raise(signal);
}

void callPrevious(int signal, siginfo_t* info, void* context) {
  chainedCount.fetch_add(1, std::memory_order_relaxed);
  const struct sigaction previous = previousOf(signal);
  const bool sent = info->si_code <= 0;
  if (previous.sa_handler == SIG_IGN && sent) return;
  if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN) {
    return endByDefault(signal, info);
  }
  if (previous.sa_flags & static_cast<int>(SA_RESETHAND)) {
    previousOf(signal).sa_flags = 0;
    previousOf(signal).sa_handler = SIG_DFL;
  }
  setMaskOf(previous, signal, static_cast<const ucontext_t*>(context));
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(signal, info, context);
  } else {
    previous.sa_handler(signal);
  }
}

/// Leaves the handler for good: the mask is the one that the kernel would have put back.
[[noreturn]] void land(GuardLanding* landing, uintptr_t address, const void* context) {
  landing->address = reinterpret_cast<std::byte*>(address);
  const auto* interrupted = static_cast<const ucontext_t*>(context);
  ::pthread_sigmask(SIG_SETMASK, &interrupted->uc_sigmask, nullptr);
  siglongjmp(landing->jump, 1);
}

bool serveAddress(uintptr_t address, int signal, int code) {
  SlotUse use(address);
  FaultRange* range = use.range();
  if (!range || !serveFault(range, address, signal, code)) return false;
  servedCount.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void onFault(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  const bool fault = info->si_code > 0;  // sent by the kernel for an access
  if (fault) {
    if (GuardLanding* landing = takeLanding(address)) {
      errno = error;
      land(landing, address, context);
    }
  }
  const bool served = fault && serveAddress(address, signal, info->si_code);
  errno = error;
  if (!served) callPrevious(signal, info, context);
}

Status installFor(int signal) {
  struct sigaction ours = {};
  ours.sa_sigaction = onFault;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&ours.sa_mask);
  ::sigaddset(&ours.sa_mask, SIGSEGV);
  ::sigaddset(&ours.sa_mask, SIGBUS);
  // The previous action is kept first: another thread may fault as soon as ours is in place.
  if (::sigaction(signal, nullptr, &previousOf(signal)) < 0) return statusFromErrno(errno);
  if (::sigaction(signal, &ours, nullptr) < 0) return statusFromErrno(errno);
  return kSuccess;
}

/// A file that grows past the limit of the process (ulimit -f) gives EFBIG, and a signal that by
/// default ends the process. Where nobody wants that signal it is ignored: the error is enough.
void ignoreFileSizeSignal() {
  struct sigaction action;
  if (::sigaction(SIGXFSZ, nullptr, &action) < 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &action, nullptr);
}

bool isOurs(int signal) {
  struct sigaction action;
  return ::sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) &&
         action.sa_sigaction == onFault;
}

}  // namespace

Status installFaultHandler() {
  static const Status installed = [] {
    systemPageBytes();  // asked now, not within the handler
    ignoreFileSizeSignal();
    Status status = installFor(SIGSEGV);
    return status.ok() ? installFor(SIGBUS) : status;
  }();
  return installed;
}

bool faultHandlerIsCurrent() { return isOurs(SIGSEGV) && isOurs(SIGBUS); }

FaultCounters faultCounters() { return {servedCount.load(), filesGrown(), chainedCount.load()}; }

}  // namespace rstore
