// Other people's handlers and faults. The handler can be installed only once in a process: the last
// test does.
#include <csignal>

#include "fault/mapped.h"

using namespace mapped;

namespace {

void setAction(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  ::sigaction(signal, &action, nullptr);
}

void openThePage(int, siginfo_t* info, void*) {
  auto page = reinterpret_cast<uintptr_t>(info->si_addr) & ~uintptr_t{4095};
  ::mprotect(reinterpret_cast<void*>(page), 4096, PROT_READ | PROT_WRITE);
}

void exitWith42(int) { ::_exit(42); }

}  // namespace

TEST(chainsToAHandlerWithInfoThatResumes) {
  const int status = check::inChild([] {
    struct sigaction action = {};
    action.sa_sigaction = openThePage;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGSEGV, &action, nullptr);
    if (!installFaultHandler().ok()) ::_exit(1);
    auto* page = static_cast<volatile char*>(foreignPage());
    page[5] = 7;
    ::_exit(page[5] == 7 && faultCounters().chained == 1 ? 0 : 2);
  });
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(chainsToAPlainHandler) {
  const int status = check::inChild([] {
    setAction(SIGSEGV, exitWith42);
    if (!installFaultHandler().ok()) ::_exit(1);
    *static_cast<volatile char*>(foreignPage()) = 1;
  });
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

TEST(aForeignFaultEndsTheProcessByDefault) {
  const int status = check::inChild([] {
    setAction(SIGSEGV, SIG_DFL);
    if (!installFaultHandler().ok()) ::_exit(1);
    *static_cast<volatile char*>(foreignPage()) = 1;
  });
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(aSignalThatWasSentKeepsItsMeaning) {
  const int ended = check::inChild([] {
    setAction(SIGBUS, SIG_DFL);
    if (!installFaultHandler().ok()) ::_exit(1);
    ::raise(SIGBUS);
  });
  CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGBUS);
  const int ignored = check::inChild([] {
    setAction(SIGSEGV, SIG_IGN);
    if (!installFaultHandler().ok()) ::_exit(1);
    ::raise(SIGSEGV);
    ::_exit(3);
  });
  CHECK(WIFEXITED(ignored) && WEXITSTATUS(ignored) == 3);
}

TEST(theHandlerIsInstalledOnce) {
  CHECK(!faultHandlerIsCurrent());
  CHECK(installFaultHandler().ok());
  CHECK(installFaultHandler().ok());
  CHECK(faultHandlerIsCurrent());
}

int main() { return check::runAll(); }
