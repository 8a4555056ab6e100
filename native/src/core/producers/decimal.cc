#include "core/producers/decimal.h"

#include <locale.h>
#include <stdlib.h>

#include <charconv>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

namespace rstore {
namespace {

constexpr double kTens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                            1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

template <typename T>
struct Exact;
template <>
struct Exact<double> {
  static constexpr uint64_t kMantissa = uint64_t{1} << 53;
  static constexpr int64_t kPower = 22;
};
template <>
struct Exact<float> {
  static constexpr uint64_t kMantissa = uint64_t{1} << 24;
  static constexpr int64_t kPower = 10;
};

bool isDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

/// Whether all of 8 bytes are digits.
bool areDigits(uint64_t bytes) {
  return ((bytes & 0xf0f0f0f0f0f0f0f0) |
          (((bytes + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) == 0x3333333333333333;
}

/// The number of 8 digits, the first in the lowest byte: pairs, fours, eight at a time.
uint32_t numberOf(uint64_t bytes) {
  bytes -= 0x3030303030303030;
  bytes = bytes * 10 + (bytes >> 8);
  constexpr uint64_t mask = 0x000000ff000000ff;
  constexpr uint64_t low = 0x000f424000000064, high = 0x0000271000000001;
  return static_cast<uint32_t>(((bytes & mask) * low + ((bytes >> 16) & mask) * high) >> 32);
}

/// Appends digits to `*number`, which wraps when there are too many: the caller counts them.
const char* readDigits(const char* at, uint64_t* number) {
  uint64_t bytes;
  std::memcpy(&bytes, at, 8);
  while (areDigits(bytes)) {
    *number = *number * 100'000'000 + numberOf(bytes);
    at += 8;
    std::memcpy(&bytes, at, 8);
  }
  while (isDigit(*at)) *number = *number * 10 + static_cast<uint64_t>(*at++ - '0');
  return at;
}

/// Behind an exponent, or `at` when there is none that is complete.
const char* readExponent(const char* at, int64_t* exponent) {
  const char* digits = at + 1;
  const bool negative = *digits == '-';
  if (*digits == '-' || *digits == '+') digits++;
  if (!isDigit(*digits)) return at;
  int64_t number = 0;
  for (; isDigit(*digits); digits++) {
    if (number < 1'000'000) number = number * 10 + (*digits - '0');
  }
  *exponent += negative ? -number : number;
  return digits;
}

/// What the standard leaves open: the double nearest to a number that is out of range.
template <typename T>
T beyondRange(const char* first, const char* last) {
  static const locale_t plain = ::newlocale(LC_ALL_MASK, "C", nullptr);
  const std::string text(first, last);
  if constexpr (std::is_same_v<T, float>) return ::strtof_l(text.c_str(), nullptr, plain);
  return static_cast<T>(::strtod_l(text.c_str(), nullptr, plain));
}

template <typename T>
[[gnu::noinline]] Decimal readSlowly(const char* first, const char* last, T* value) {
  const auto [end, error] = std::from_chars(first, last, *value);
  if (end != last) return Decimal::kMalformed;
  if (error == std::errc::result_out_of_range) *value = beyondRange<T>(first, last);
  return Decimal::kOk;
}

/// NaN, Infinity and -Infinity, written as JavaScript writes them.
template <typename T>
Decimal readWord(const char** at, bool negative, T* value) {
  const char* text = *at + (negative ? 1 : 0);
  if (!negative && std::strncmp(text, "NaN", 3) == 0) {
    *value = std::numeric_limits<T>::quiet_NaN();
    *at = text + 3;
    return Decimal::kOk;
  }
  if (std::strncmp(text, "Infinity", 8) != 0) return Decimal::kMalformed;
  *value = negative ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
  *at = text + 8;
  return Decimal::kOk;
}

template <typename T>
Decimal readFloat(const char** at, T* value) {
  const char* text = *at;
  const bool negative = *text == '-';
  const char* first = text + (*text == '-' || *text == '+');
  uint64_t mantissa = 0;
  const char* end = readDigits(first, &mantissa);
  int64_t digits = end - first;
  int64_t power = 0;
  if (*end == '.') {
    const char* fraction = end + 1;
    end = readDigits(fraction, &mantissa);
    power = -(end - fraction);
    digits -= power;
  }
  if (digits == 0) return readWord(at, negative, value);
  if ((*end | 0x20) == 'e') end = readExponent(end, &power);
  *at = end;
  if (digits > 19 || mantissa > Exact<T>::kMantissa || power > Exact<T>::kPower ||
      power < -Exact<T>::kPower) {
    return readSlowly(negative ? text : first, end, value);
  }
  T number = static_cast<T>(mantissa);
  number =
      power < 0 ? number / static_cast<T>(kTens[-power]) : number * static_cast<T>(kTens[power]);
  *value = negative ? -number : number;
  return Decimal::kOk;
}

/// Up to 19 digits cannot overflow 64 bits.
Decimal readLongInteger(const char* first, const char* last, uint64_t* number) {
  while (first < last && *first == '0') first++;
  const auto [end, error] = std::from_chars(first, last, *number);
  return error == std::errc() || first == last ? Decimal::kOk : Decimal::kOutOfRange;
}

template <typename T>
Decimal readInteger(const char** at, T* value) {
  const char* text = *at;
  const bool negative = *text == '-';
  const char* first = text + (*text == '-' || *text == '+');
  uint64_t number = 0;
  const char* end = readDigits(first, &number);
  if (end == first) return Decimal::kMalformed;
  if (end - first > 19) {
    number = 0;
    const Decimal read = readLongInteger(first, end, &number);
    if (read != Decimal::kOk) return read;
  }
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<T>::max());
  const uint64_t most = !negative ? kMost : std::is_signed_v<T> ? kMost + 1 : 0;
  if (number > most) return Decimal::kOutOfRange;
  *value = static_cast<T>(negative ? 0 - number : number);
  *at = end;
  return Decimal::kOk;
}

}  // namespace

template <typename T>
Decimal readDecimal(const char** at, T* value) {
  if constexpr (std::is_floating_point_v<T>) {
    return readFloat(at, value);
  } else {
    return readInteger(at, value);
  }
}

template Decimal readDecimal(const char**, double*);
template Decimal readDecimal(const char**, float*);
template Decimal readDecimal(const char**, uint8_t*);
template Decimal readDecimal(const char**, int8_t*);
template Decimal readDecimal(const char**, uint16_t*);
template Decimal readDecimal(const char**, int16_t*);
template Decimal readDecimal(const char**, uint32_t*);
template Decimal readDecimal(const char**, int32_t*);
template Decimal readDecimal(const char**, uint64_t*);
template Decimal readDecimal(const char**, int64_t*);

}  // namespace rstore
