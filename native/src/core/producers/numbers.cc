#include "core/producers/numbers.h"

#include <algorithm>
#include <cstring>

#include "core/address-space.h"
#include "core/fault.h"
#include "core/producers/decimal.h"

namespace rstore {
namespace {

/// Fits the second-level cache. A field that is longer is no number.
constexpr size_t kBufferBytes = 256 * 1024;
/// P2: an end of line, and what decimal.h may read behind it.
constexpr size_t kPaddingBytes = 16;

}  // namespace

uint32_t bytesOf(NumberKind kind) {
  constexpr uint32_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  return kBytes[static_cast<uint32_t>(kind)];
}

NumberParser::NumberParser(NumberKind kind, char delimiter)
    : kind_(kind), delimiter_(delimiter), buffer_(new char[kBufferBytes + kPaddingBytes]) {
  place_.token = buffer_.get();
  seal();
}

NumberParser::Result NumberParser::run(ByteSource& source, std::byte* to, std::byte* guard) {
  GuardLanding landing;
  std::byte* end = to;
  Status status;
  if (sigsetjmp(landing.jump, 0) == 0) {
    const Status armed = armGuard(&landing, guard, systemPageBytes());
    if (!armed) return {Stop::kRead, 0, armed};
    const Stop stop = fillAny(source, to, &end, &status);
    disarmGuard(&landing);
    return {stop, static_cast<uint64_t>(end - to) / bytesOf(kind_), status};
  }
  const auto stored = static_cast<uint64_t>(landing.address - to);
  return {Stop::kGuard, stored / bytesOf(kind_), kSuccess};
}

size_t NumberParser::fieldBytes() const {
  const char* at = place_.token;
  const char* last = buffer_.get() + filled_;
  const char* end = at;
  while (end < last && *end != delimiter_ && *end != '\n') end++;
  while (end > at && isBlank(end[-1])) end--;
  return static_cast<size_t>(end - at);
}

Stop NumberParser::fillAny(ByteSource& source, std::byte* to, std::byte** end, Status* status) {
  const auto as = [&]<typename T>(T* first) {
    T* last = first;
    const Stop stop = fill(source, first, &last, status);
    *end = reinterpret_cast<std::byte*>(last);
    return stop;
  };
  switch (kind_) {
    case NumberKind::kU8: return as(reinterpret_cast<uint8_t*>(to));
    case NumberKind::kI8: return as(reinterpret_cast<int8_t*>(to));
    case NumberKind::kU16: return as(reinterpret_cast<uint16_t*>(to));
    case NumberKind::kI16: return as(reinterpret_cast<int16_t*>(to));
    case NumberKind::kU32: return as(reinterpret_cast<uint32_t*>(to));
    case NumberKind::kI32: return as(reinterpret_cast<int32_t*>(to));
    case NumberKind::kF32: return as(reinterpret_cast<float*>(to));
    case NumberKind::kF64: return as(reinterpret_cast<double*>(to));
    case NumberKind::kU64: return as(reinterpret_cast<uint64_t*>(to));
    case NumberKind::kI64: return as(reinterpret_cast<int64_t*>(to));
  }
  return Stop::kEnd;
}

template <typename T>
Stop NumberParser::fill(ByteSource& source, T* to, T** end, Status* status) {
  for (;;) {
    const Stop stop = fillFromBuffer(&to);
    *end = to;
    if (stop != Stop::kEnd || ended_) return stop;
    if (!refill(source, status)) return Stop::kRead;
    if (complete_ == 0 && filled_ == kBufferBytes) return Stop::kMalformed;
  }
}

/// Everything up to `complete_`. The store is what faults. It is volatile, so that it stays between
/// the stores of this and of the next place: P1.
template <typename T>
Stop NumberParser::fillFromBuffer(T** to) {
  T* out = *to;
  const char* at = place_.token;
  const char* const limit = buffer_.get() + complete_;
  Stop stop = Stop::kEnd;
  bool open = place_.open;
  for (;;) {
    while (at < limit && isBlank(*at) && *at != delimiter_) at++;
    place_.token = at;
    if (at >= limit) {
      if (open && ended_) stop = Stop::kEmpty;
      break;
    }
    if (*at == '\n') {
      if (open && delimiter_ != '\n') {
        stop = Stop::kEmpty;
        break;
      }
      beginLine(++at);
      continue;
    }
    if (*at == delimiter_) {
      if (!isBlank(delimiter_)) {
        stop = Stop::kEmpty;
        break;
      }
      at++;
      continue;
    }
    T value;
    const char* end = at;
    const Decimal read = readDecimal(&end, &value);
    if (read != Decimal::kOk) {
      stop = read == Decimal::kMalformed ? Stop::kMalformed : Stop::kOutOfRange;
      break;
    }
    const bool apart = isBlank(*end);
    while (isBlank(*end) && *end != delimiter_ && end < limit) end++;
    const bool delimited = *end == delimiter_;
    if (!delimited && *end != '\n' && end < limit && !(apart && isBlank(delimiter_))) {
      stop = Stop::kMalformed;
      break;
    }
    *const_cast<volatile T*>(out++) = value;
    open = delimited && delimiter_ != '\n' && !isBlank(delimiter_) && end < limit;
    place_.open = open;
    at = end;
    if (delimited && delimiter_ != '\n' && end < limit) at++;
  }
  *to = out;
  return stop;
}

void NumberParser::beginLine(const char* at) {
  place_.line = place_.line + 1;
  place_.lineOffset = bufferOffset_ + static_cast<uint64_t>(at - buffer_.get());
}

/// What is not used yet goes to the front of the buffer, then as much as there is behind it.
bool NumberParser::refill(ByteSource& source, Status* status) {
  char* base = buffer_.get();
  const auto used = static_cast<size_t>(place_.token - base);
  std::memmove(base, base + used, filled_ - used);
  filled_ -= used;
  bufferOffset_ += used;
  place_.token = base;
  size_t got = 0;
  *status = source.read(base + filled_, kBufferBytes - filled_, &got);
  ended_ = status->ok() && got == 0 && filled_ < kBufferBytes;
  filled_ += got;
  seal();
  return status->ok();
}

/// P2.
void NumberParser::seal() {
  char* base = buffer_.get();
  complete_ = filled_;
  if (!ended_) {
    const bool blanks = isBlank(delimiter_);
    const auto ends = [this, blanks](char c) {
      return c == delimiter_ || c == '\n' || (blanks && isBlank(c));
    };
    while (complete_ > 0 && !ends(base[complete_ - 1])) complete_--;
  }
  std::memset(base + filled_, 0, kPaddingBytes);
  base[filled_] = '\n';
}

}  // namespace rstore
