// A checksum is the remainder of a polynomial over GF(2) modulo P. The instruction takes 8 bytes
// with a latency of three cycles and a throughput of one, so a single chain uses a third of the
// unit: long input is cut into blocks of three equal lanes that run side by side. The lanes are
// then joined: the remainder of the first is advanced over the length of a lane (multiplied by
// x^(8n) mod P, which is linear, so four tables of 256 words do it) and added to the next.
#include "core/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#endif

namespace rstore {
namespace {

constexpr uint32_t kPolynomial = 0x82f6'3b78;  // reflected

/// Long lanes for pages and more, short ones for what is left: a line-sized rest is one chain.
constexpr size_t kLongLane = 1360;  // three of them and 16 bytes are a page
constexpr size_t kShortLane = 128;

using Table = std::array<std::array<uint32_t, 256>, 8>;

constexpr Table makeByteTables() {
  Table tables{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (kPolynomial & (0u - (crc & 1)));
    tables[0][byte] = crc;
  }
  for (size_t level = 1; level < 8; level++) {
    for (size_t byte = 0; byte < 256; byte++) {
      const uint32_t before = tables[level - 1][byte];
      tables[level][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}

constexpr Table kTables = makeByteTables();

inline uint64_t load64(const std::byte* from) {
  uint64_t word;
  std::memcpy(&word, from, 8);
  return word;
}

inline void store64(std::byte* to, uint64_t word) { std::memcpy(to, &word, 8); }

/// Eight bytes through the tables, one look-up for each.
inline uint32_t tableStep(uint32_t crc, uint64_t word) {
  word ^= crc;
  return kTables[7][word & 0xff] ^ kTables[6][(word >> 8) & 0xff] ^
         kTables[5][(word >> 16) & 0xff] ^ kTables[4][(word >> 24) & 0xff] ^
         kTables[3][(word >> 32) & 0xff] ^ kTables[2][(word >> 40) & 0xff] ^
         kTables[1][(word >> 48) & 0xff] ^ kTables[0][word >> 56];
}

inline uint32_t tableByteStep(uint32_t crc, uint8_t byte) {
  return (crc >> 8) ^ kTables[0][(crc ^ byte) & 0xff];
}

template <bool kCopies>
uint32_t tableRun(uint32_t crc, std::byte* to, const std::byte* from, size_t bytes) {
  for (; bytes >= 8; bytes -= 8, from += 8) {
    const uint64_t word = load64(from);
    crc = tableStep(crc, word);
    if constexpr (kCopies) store64(to, word), to += 8;
  }
  for (; bytes > 0; bytes--, from++) {
    const std::byte byte = *from;
    crc = tableByteStep(crc, static_cast<uint8_t>(byte));
    if constexpr (kCopies) *to++ = byte;
  }
  return crc;
}

// ── the instruction ──

#if defined(__x86_64__)
#define RSTORE_CRC_TARGET __attribute__((target("sse4.2")))
RSTORE_CRC_TARGET inline uint64_t step64(uint64_t crc, uint64_t word) {
  return _mm_crc32_u64(crc, word);
}
RSTORE_CRC_TARGET inline uint32_t step8(uint32_t crc, uint8_t byte) {
  return _mm_crc32_u8(crc, byte);
}
bool instructionIsThere() { return __builtin_cpu_supports("sse4.2"); }
constexpr const char* kInstructionName = "sse4.2";
#elif defined(__aarch64__)
// The compilers agree on the instructions, not on what they call them.
#if defined(__clang__)
#define RSTORE_CRC_TARGET __attribute__((target("crc")))
#define RSTORE_CRC_64 __builtin_arm_crc32cd
#define RSTORE_CRC_8 __builtin_arm_crc32cb
#else
#define RSTORE_CRC_TARGET __attribute__((target("+crc")))
#define RSTORE_CRC_64 __builtin_aarch64_crc32cx
#define RSTORE_CRC_8 __builtin_aarch64_crc32cb
#endif
RSTORE_CRC_TARGET inline uint64_t step64(uint64_t crc, uint64_t word) {
  return RSTORE_CRC_64(static_cast<uint32_t>(crc), word);
}
RSTORE_CRC_TARGET inline uint32_t step8(uint32_t crc, uint8_t byte) {
  return RSTORE_CRC_8(crc, byte);
}
bool instructionIsThere() {
#if defined(__linux__)
  return (::getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
  return true;  // every Apple processor of this kind has it
#endif
}
constexpr const char* kInstructionName = "armv8";
#endif

#ifdef RSTORE_CRC_TARGET

/// Multiplies a remainder by x^(8 * kLane) mod P: the checksum of what follows by kLane zero bytes.
using Advance = std::array<std::array<uint32_t, 256>, 4>;

constexpr Advance makeAdvance(size_t lane) {
  // The image of each single bit, then of each byte as a sum of bits.
  std::array<uint32_t, 32> image{};
  for (uint32_t bit = 0; bit < 32; bit++) {
    uint32_t crc = 1u << bit;
    for (size_t zero = 0; zero < lane; zero++) crc = (crc >> 8) ^ kTables[0][crc & 0xff];
    image[bit] = crc;
  }
  Advance tables{};
  for (uint32_t part = 0; part < 4; part++) {
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t sum = 0;
      for (uint32_t bit = 0; bit < 8; bit++) {
        if (byte >> bit & 1) sum ^= image[part * 8 + bit];
      }
      tables[part][byte] = sum;
    }
  }
  return tables;
}

const Advance kAdvanceLong = makeAdvance(kLongLane);
const Advance kAdvanceShort = makeAdvance(kShortLane);

inline uint32_t advance(const Advance& tables, uint32_t crc) {
  return tables[0][crc & 0xff] ^ tables[1][(crc >> 8) & 0xff] ^ tables[2][(crc >> 16) & 0xff] ^
         tables[3][crc >> 24];
}

template <bool kCopies, size_t kLane>
RSTORE_CRC_TARGET inline uint32_t threeLanes(const Advance& tables, uint32_t crc, std::byte* to,
                                             const std::byte* from) {
  uint64_t first = crc, second = 0, third = 0;
  for (size_t at = 0; at < kLane; at += 8) {
    const uint64_t a = load64(from + at);
    const uint64_t b = load64(from + kLane + at);
    const uint64_t c = load64(from + 2 * kLane + at);
    first = step64(first, a);
    second = step64(second, b);
    third = step64(third, c);
    if constexpr (kCopies) {
      store64(to + at, a);
      store64(to + kLane + at, b);
      store64(to + 2 * kLane + at, c);
    }
  }
  const uint32_t two =
      advance(tables, static_cast<uint32_t>(first)) ^ static_cast<uint32_t>(second);
  return advance(tables, two) ^ static_cast<uint32_t>(third);
}

template <bool kCopies>
RSTORE_CRC_TARGET uint32_t instructionRun(uint32_t crc, std::byte* to, const std::byte* from,
                                          size_t bytes) {
  const auto pass = [&](size_t count) {
    from += count;
    if constexpr (kCopies) to += count;
    bytes -= count;
  };
  while (bytes >= 3 * kLongLane) {
    crc = threeLanes<kCopies, kLongLane>(kAdvanceLong, crc, to, from);
    pass(3 * kLongLane);
  }
  while (bytes >= 3 * kShortLane) {
    crc = threeLanes<kCopies, kShortLane>(kAdvanceShort, crc, to, from);
    pass(3 * kShortLane);
  }
  uint64_t chain = crc;
  while (bytes >= 8) {
    const uint64_t word = load64(from);
    chain = step64(chain, word);
    if constexpr (kCopies) store64(to, word);
    pass(8);
  }
  crc = static_cast<uint32_t>(chain);
  while (bytes > 0) {
    const std::byte byte = *from;
    crc = step8(crc, static_cast<uint8_t>(byte));
    if constexpr (kCopies) *to = byte;
    pass(1);
  }
  return crc;
}

#endif  // RSTORE_CRC_TARGET

// ── what is used ──

struct Implementation {
  uint32_t (*plain)(uint32_t, std::byte*, const std::byte*, size_t);
  uint32_t (*copying)(uint32_t, std::byte*, const std::byte*, size_t);
  const char* name;
};

Implementation choose() {
#ifdef RSTORE_CRC_TARGET
  if (instructionIsThere()) {
    return {instructionRun<false>, instructionRun<true>, kInstructionName};
  }
#endif
  return {tableRun<false>, tableRun<true>, "table"};
}

const Implementation kChosen = choose();

}  // namespace

uint32_t crc32c(uint32_t seed, const void* ptr, size_t bytes) {
  return ~kChosen.plain(~seed, nullptr, static_cast<const std::byte*>(ptr), bytes);
}

uint32_t crc32cCopy(uint32_t seed, void* to, const void* from, size_t bytes) {
  return ~kChosen.copying(~seed, static_cast<std::byte*>(to), static_cast<const std::byte*>(from),
                          bytes);
}

uint32_t crc32cByTable(uint32_t seed, const void* ptr, size_t bytes) {
  return ~tableRun<false>(~seed, nullptr, static_cast<const std::byte*>(ptr), bytes);
}

const char* crc32cImplementation() { return kChosen.name; }

}  // namespace rstore
