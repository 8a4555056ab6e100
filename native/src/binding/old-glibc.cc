// What newer versions of glibc have under newer symbol versions, in terms of older ones or of the
// kernel: an addon that was linked on a new system so loads on glibc 2.28, the oldest that Node 20
// runs on. Most of it is what the C++ runtime calls, which is linked into the addon (binding.gyp).
//
// 1. They are hidden: only this addon calls them.
// 2. Functions that glibc 2.34 moved from libpthread into libc are called by their first version,
//    which every glibc has.
// 3. The kernel's struct stat is glibc's on both 64-bit architectures.
// 4. That threads may run is always right to assume.
#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__aarch64__))
#include <gnu/libc-version.h>

#if defined(__x86_64__)
#define RSTORE_FIRST_GLIBC "GLIBC_2.2.5"
#else
#define RSTORE_FIRST_GLIBC "GLIBC_2.17"
#endif
#define RSTORE_OWN extern "C" __attribute__((visibility("hidden")))

/// `name` is its first version. <pthread.h> is not included: its types are pointers and words.
#define RSTORE_FIRST(name, parameters, arguments)                    \
  extern "C" int first_##name parameters noexcept;                   \
  __asm__(".symver first_" #name ", " #name "@" RSTORE_FIRST_GLIBC); \
  RSTORE_OWN int name parameters noexcept { return first_##name arguments; }

RSTORE_FIRST(pthread_create,
             (pthread_t * thread, const void* attributes, void* (*run)(void*), void* argument),
             (thread, attributes, run, argument))
RSTORE_FIRST(pthread_join, (pthread_t thread, void** result), (thread, result))
RSTORE_FIRST(pthread_detach, (pthread_t thread), (thread))
RSTORE_FIRST(pthread_once, (pthread_once_t * once, void (*run)()), (once, run))
RSTORE_FIRST(pthread_key_create, (pthread_key_t * key, void (*end)(void*)), (key, end))
RSTORE_FIRST(pthread_key_delete, (pthread_key_t key), (key))
RSTORE_FIRST(pthread_setspecific, (pthread_key_t key, const void* value), (key, value))
RSTORE_FIRST(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
RSTORE_FIRST(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
RSTORE_FIRST(pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock))
RSTORE_FIRST(pthread_sigmask, (int how, const sigset_t* set, sigset_t* old), (how, set, old))

extern "C" void* first_pthread_getspecific(pthread_key_t key) noexcept;
__asm__(".symver first_pthread_getspecific, pthread_getspecific@" RSTORE_FIRST_GLIBC);
RSTORE_OWN void* pthread_getspecific(pthread_key_t key) noexcept {
  return first_pthread_getspecific(key);
}

/// glibc 2.32; read by the reference counts of the C++ runtime.
RSTORE_OWN char __libc_single_threaded;
char __libc_single_threaded = 0;

/// glibc 2.33; before, they were inline.
RSTORE_OWN int stat64(const char* path, struct stat64* out) noexcept {
  return static_cast<int>(::syscall(SYS_newfstatat, AT_FDCWD, path, out, 0));
}

RSTORE_OWN int fstat64(int fd, struct stat64* out) noexcept {
  return static_cast<int>(::syscall(SYS_newfstatat, fd, "", out, AT_EMPTY_PATH));
}

/// glibc 2.36; std::random_device names it, which comes with the strings and is not used.
RSTORE_OWN uint32_t arc4random() noexcept {
  uint32_t number = 0;
  while (::getrandom(&number, sizeof number, 0) != sizeof number) {
  }
  return number;
}

namespace rstore {

/// A C library that is not glibc has no such function and refuses the addon.
extern const char* (*const kGlibcVersion)();
__attribute__((used)) const char* (*const kGlibcVersion)() = ::gnu_get_libc_version;

}  // namespace rstore

#endif
