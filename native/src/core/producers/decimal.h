// One decimal number out of text, correctly rounded.
//
// The text must end in a byte that is no part of a number, with 8 readable bytes behind it.
// Integers of up to 2^53 times or by a power of ten up to 10^22 are both exact in a double, so that
// the one multiplication or division rounds correctly (Clinger, "How to Read Floating Point Numbers
// Accurately", 1990); everything else goes to std::from_chars.
#pragma once

#include <cstdint>

namespace rstore {

enum class Decimal : uint32_t { kOk, kMalformed, kOutOfRange };

/// Reads a number at `*at` and moves `*at` behind it. `*value` is set when the result is kOk. T is
/// double, float, or an integer of 1, 2, 4 or 8 bytes. Beyond the largest float there is infinity,
/// below the smallest 0, as in JavaScript; integers that do not fit are kOutOfRange.
template <typename T>
Decimal readDecimal(const char** at, T* value);

}  // namespace rstore
