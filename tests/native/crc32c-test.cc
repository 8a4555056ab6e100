#include <cstring>
#include <memory>

#include "check.h"
#include "core/crc32c.h"

using namespace rstore;

namespace {

std::vector<unsigned char> noise(size_t bytes) {
  std::vector<unsigned char> out(bytes);
  uint32_t state = 1;
  for (unsigned char& byte : out) byte = (state = state * 1664525 + 1013904223) >> 24;
  return out;
}

}  // namespace

TEST(knownValues) {
  CHECK(crc32c(0, "123456789", 9) == 0xe306'9283);
  CHECK(crc32c(0, "", 0) == 0);
  // RFC 3720, B.4
  unsigned char bytes[32] = {};
  CHECK(crc32c(0, bytes, 32) == 0x8a91'36aa);
  std::memset(bytes, 0xff, 32);
  CHECK(crc32c(0, bytes, 32) == 0x62a8'ab43);
  for (unsigned char byte = 0; byte < 32; byte++) bytes[byte] = byte;
  CHECK(crc32c(0, bytes, 32) == 0x46dd'794e);
}

TEST(everyLengthAgreesWithTheTable) {
  const auto data = noise(12'000);
  for (size_t bytes = 0; bytes < 11'000; bytes += bytes < 1'000 ? 1 : 37) {
    for (size_t offset = 0; offset < 9; offset += 4) {
      // A heap block of exactly this size: the sanitizer sees a read or a write beyond it.
      const auto from = std::make_unique<unsigned char[]>(bytes);
      const auto to = std::make_unique<unsigned char[]>(bytes);
      if (bytes > 0) std::memcpy(from.get(), &data[offset], bytes);
      const auto seed = static_cast<uint32_t>(bytes * 2654435761u);
      const uint32_t expected = crc32cByTable(seed, from.get(), bytes);
      CHECK(crc32c(seed, from.get(), bytes) == expected);
      CHECK(crc32cCopy(seed, to.get(), from.get(), bytes) == expected);
      CHECK(bytes == 0 || std::memcmp(to.get(), from.get(), bytes) == 0);
    }
  }
}

TEST(callsChain) {
  const auto data = noise(9'000);
  const uint32_t whole = crc32c(7, data.data(), data.size());
  for (size_t cut = 0; cut <= data.size(); cut += 61) {
    CHECK(crc32c(crc32c(7, data.data(), cut), &data[0] + cut, data.size() - cut) == whole);
  }
}

int main() {
  std::printf("implementation: %s\n", crc32cImplementation());
  return check::runAll();
}
