// The little that the C++ tests need: named tests, checks that say where they failed, temporary
// files. A program of tests runs all of them, prints one line for each and exits with 1 if one
// failed.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

inline void failed(const char* file, int line, const char* what) {
  std::printf("  %s:%d: %s\n", file, line, what);
  std::fflush(stdout);
  failures()++;
}

/// A directory that is removed, with the files in it, at the end of the program.
inline const std::string& directory() {
  struct Directory {
    std::string path;
    pid_t owner = ::getpid();
    Directory() {
      const char* base = std::getenv("TMPDIR");
      path = std::string(base ? base : "/tmp") + "/rstore-native-XXXXXX";
      if (!::mkdtemp(path.data())) std::abort();
    }
    ~Directory() {
      if (::getpid() == owner) (void)!std::system(("rm -rf '" + path + "'").c_str());
    }
  };
  static const Directory made;
  return made.path;
}

inline std::string pathOf(const char* name) { return directory() + "/" + name; }

/// A new file of `bytes` zeros, open for reading and writing.
inline int makeFile(const char* name, off_t bytes) {
  const int fd = ::open(pathOf(name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, bytes) < 0) std::abort();
  return fd;
}

inline off_t lengthOf(int fd) {
  struct stat info;
  return ::fstat(fd, &info) == 0 ? info.st_size : -1;
}

/// Runs `body` in a child; its status as from waitpid.
template <typename Body>
int inChild(Body body) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

inline int runAll() {
  for (const Test& test : tests()) {
    const int before = failures();
    test.run();
    std::printf("%s %s\n", failures() == before ? "ok" : "FAILED", test.name);
    std::fflush(stdout);
  }
  return failures() == 0 ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                                  \
  static void name();                                               \
  static const check::Registration name##Registration(#name, name); \
  static void name()

#define CHECK(condition) ((condition) ? void() : check::failed(__FILE__, __LINE__, #condition))
