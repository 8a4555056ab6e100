// Atomic access to words of a shared mapping. Everything that more than one thread may touch goes
// through here, plain memory of the mapping is never read or written otherwise.
//
// std::atomic_ref covers 4 and 8 bytes. 16 bytes are done by hand, because compilers leave them to
// a library that may take a lock of its own process: cmpxchg16b on x86-64 (every 64-bit processor
// but the very first), ldaxp/stlxp on arm64. Both are sequentially consistent as we use them and
// are one access to an aligned 16-byte word: a load of either half sees the half of some whole
// value that was there.
//
// compareExchange16 may fail without a cause (arm64): callers look again before they conclude.
#pragma once

#include <atomic>
#include <cstdint>

namespace rstore {

/// Two words that change together; `word` points to the first, 16-byte aligned.
struct Pair {
  uint64_t low;
  uint64_t high;
};

#if defined(__SANITIZE_THREAD__)

// The sanitizer does not see into assembly: it is told what is touched and what is ordered. (Its
// own 16-byte swap takes a lock of the process, which excludes no other process.)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);

inline void tellSanitizer(uint64_t* word, bool before) {
  if (!before) return __tsan_acquire(word);
  for (int half = 0; half < 2; half++) {
    (void)std::atomic_ref<uint64_t>(word[half]).load(std::memory_order_relaxed);
  }
  __tsan_release(word);
}

#else

inline void tellSanitizer(uint64_t*, bool) {}

#endif

#if defined(__x86_64__)

inline bool compareExchange16(uint64_t* word, Pair expected, Pair desired) {
  bool done;
  tellSanitizer(word, true);
  __asm__ __volatile__("lock cmpxchg16b %1"
                       : "=@ccz"(done), "+m"(*reinterpret_cast<Pair*>(word)), "+a"(expected.low),
                         "+d"(expected.high)
                       : "b"(desired.low), "c"(desired.high)
                       : "memory");
  tellSanitizer(word, false);
  return done;
}

#elif defined(__aarch64__)

inline bool compareExchange16(uint64_t* word, Pair expected, Pair desired) {
  uint64_t low, high;
  uint32_t failed;
  tellSanitizer(word, true);
  // One block: nothing may touch memory between the exclusive load and the store.
  __asm__ __volatile__(
      "ldaxp %[low], %[high], [%[word]]\n\t"
      "mov %w[failed], #1\n\t"
      "cmp %[low], %[expectedLow]\n\t"
      "ccmp %[high], %[expectedHigh], #0, eq\n\t"
      "b.ne 1f\n\t"
      "stlxp %w[failed], %[desiredLow], %[desiredHigh], [%[word]]\n\t"
      "b 2f\n"
      "1:\tclrex\n"
      "2:\tdmb ish"
      : [low] "=&r"(low), [high] "=&r"(high), [failed] "=&r"(failed)
      : [word] "r"(word), [expectedLow] "r"(expected.low), [expectedHigh] "r"(expected.high),
        [desiredLow] "r"(desired.low), [desiredHigh] "r"(desired.high)
      : "cc", "memory");
  tellSanitizer(word, false);
  return failed == 0;
}

#else
#error "rstore needs a 16-byte compare-and-swap: x86-64 or arm64"
#endif

/// The accesses. `Policy::step()` comes before each and gets its address, `Policy::saw()` what each
/// load and swap found; `Policy::restart()` says that an operation begins again and remembers
/// nothing. All are empty in the release addon (ReleasePolicy).
template <class Policy>
struct Atomics {
  static uint64_t load64(const uint64_t& word, std::memory_order order) {
    Policy::step(&word);
    const uint64_t value = std::atomic_ref<uint64_t>(const_cast<uint64_t&>(word)).load(order);
    Policy::saw(value);
    return value;
  }

  static uint32_t load32(const uint32_t& word, std::memory_order order) {
    Policy::step(&word);
    const uint32_t value = std::atomic_ref<uint32_t>(const_cast<uint32_t&>(word)).load(order);
    Policy::saw(value);
    return value;
  }

  static void store64(uint64_t& word, uint64_t value, std::memory_order order) {
    Policy::step(&word);
    std::atomic_ref<uint64_t>(word).store(value, order);
  }

  static void store32(uint32_t& word, uint32_t value, std::memory_order order) {
    Policy::step(&word);
    std::atomic_ref<uint32_t>(word).store(value, order);
  }

  /// Sequentially consistent.
  static bool compareExchange64(uint64_t& word, uint64_t expected, uint64_t desired) {
    Policy::step(&word);
    const bool done = std::atomic_ref<uint64_t>(word).compare_exchange_strong(
        expected, desired, std::memory_order_seq_cst);
    Policy::saw(done);
    return done;
  }

  static bool compareExchangePair(uint64_t* word, Pair expected, Pair desired) {
    Policy::step(word);
    const bool done = compareExchange16(word, expected, desired);
    Policy::saw(done);
    return done;
  }
};

/// Without tests: nothing happens between two accesses.
struct ReleasePolicy {
  static void step(const void*) {}
  static void saw(uint64_t) {}
  static void restart() {}
  /// About `count` times as long as a processor's hint that somebody spins.
  static void relax(uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#else
      __asm__ __volatile__("yield");
#endif
    }
  }
  static constexpr bool kHelps = true;
  static constexpr uint64_t kTagMask = ~uint64_t{0};
};

using Memory = Atomics<ReleasePolicy>;

}  // namespace rstore
