#include "core/producers/lines.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/address-space.h"
#include "core/fault.h"

namespace rstore {
namespace {

/// Read at a time, so that what is searched is still in the cache.
constexpr uint64_t kReadBytes = 256 * 1024;

bool isAscii(const std::byte* text, uint64_t bytes) {
  uint64_t all = 0;
  uint64_t at = 0;
  for (; at + 8 <= bytes; at += 8) {
    uint64_t word;
    std::memcpy(&word, text + at, 8);
    all |= word;
  }
  for (; at < bytes; at++) all |= static_cast<uint64_t>(text[at]);
  return (all & 0x8080808080808080) == 0;
}

/// Bytes of the character that begins here, 0 when it is none: RFC 3629.
uint32_t characterBytes(const std::byte* text, uint64_t left) {
  const auto byte = [text](uint32_t index) { return static_cast<uint32_t>(text[index]); };
  const uint32_t first = byte(0);
  if (first < 0x80) return 1;
  const uint32_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes > left) return 0;
  for (uint32_t index = 1; index < bytes; index++) {
    if ((byte(index) & 0xc0) != 0x80) return 0;
  }
  const bool tooLong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool tooLarge = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
  return tooLong || tooLarge ? 0 : bytes;
}

}  // namespace

uint64_t findBadUtf8(const std::byte* text, uint64_t bytes) {
  uint64_t at = 0;
  while (at < bytes) {
    const uint32_t length = characterBytes(text + at, bytes - at);
    if (length == 0) return at;
    at += length;
  }
  return bytes;
}

LineSplitter::Result LineSplitter::run(ByteSource& source, const Chunk& chunk, TextSpan* to,
                                       std::byte* guard) {
  if (chunk.base != base_) moveTo(chunk);
  GuardLanding landing;
  TextSpan* end = to;
  Status status;
  if (sigsetjmp(landing.jump, 0) == 0) {
    const Status armed = armGuard(&landing, guard, systemPageBytes());
    if (!armed) return {Stop::kRead, 0, armed};
    const Stop stop = fill(source, &end, &status);
    disarmGuard(&landing);
    return {stop, static_cast<uint64_t>(end - to), status};
  }
  searched_ = lineStart_;
  const auto stored = static_cast<uint64_t>(landing.address - reinterpret_cast<std::byte*>(to));
  return {Stop::kGuard, stored / sizeof(TextSpan), kSuccess};
}

void LineSplitter::moveTo(const Chunk& chunk) {
  const uint64_t carried = filled_ - lineStart_;
  if (carried > 0) std::memcpy(chunk.base + chunk.first, base_ + lineStart_, carried);
  searched_ = chunk.first + (searched_ - lineStart_);
  base_ = chunk.base;
  chunkBytes_ = chunk.bytes;
  lineStart_ = chunk.first;
  filled_ = chunk.first + carried;
}

Stop LineSplitter::fill(ByteSource& source, TextSpan** to, Status* status) {
  for (;;) {
    if (const Stop stop = splitFilled(to); stop != Stop::kEnd) return stop;
    if (ended_) break;
    if (filled_ == chunkBytes_) return Stop::kFull;
    if (!readMore(source, status)) return Stop::kRead;
  }
  if (lineStart_ < filled_ && !store(to, filled_, filled_)) return Stop::kMalformed;
  return Stop::kEnd;
}

Stop LineSplitter::splitFilled(TextSpan** to) {
  while (searched_ < filled_) {
    const void* found = std::memchr(base_ + searched_, '\n', filled_ - searched_);
    if (found == nullptr) break;
    const auto end = static_cast<uint64_t>(static_cast<const std::byte*>(found) - base_);
    if (!store(to, end, end + 1)) return Stop::kMalformed;
    searched_ = end + 1;
  }
  searched_ = filled_;
  return Stop::kEnd;
}

/// Stores the line that ends before `end`; the next one begins at `next`. False: no UTF-8.
bool LineSplitter::store(TextSpan** to, uint64_t end, uint64_t next) {
  const uint64_t start = lineStart_;
  uint64_t bytes = end - start;
  if (next > end && bytes > 0 && base_[end - 1] == std::byte{'\r'}) bytes--;
  if (text_ && !plain_) {
    const uint64_t bad = findBadUtf8(base_ + start, bytes);
    if (bad != bytes) {
      column_ = bad + 1;
      return false;
    }
  }
  **to = {static_cast<uint32_t>(start), static_cast<uint32_t>(bytes)};
  std::atomic_signal_fence(std::memory_order_seq_cst);
  (*to)++;
  lineStart_ = next;
  offset_ = offset_ + (next - start);
  line_ = line_ + 1;
  return true;
}

/// `plain_` holds for everything in the chunk from the start of the line on.
bool LineSplitter::readMore(ByteSource& source, Status* status) {
  size_t got = 0;
  *status = source.read(base_ + filled_, std::min(kReadBytes, chunkBytes_ - filled_), &got);
  if (!status->ok()) return false;
  ended_ = got == 0;
  filled_ += got;
  plain_ = !text_ || isAscii(base_ + lineStart_, filled_ - lineStart_);
  return true;
}

}  // namespace rstore
