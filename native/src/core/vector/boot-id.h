// Which start of the operating system this is: memory that was not synced is lost between two.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rstore {

constexpr size_t kBootIdBytes = 16;

/// 16 bytes that differ for every start of the system; false when they cannot be had.
bool readBootId(uint8_t* to);

}  // namespace rstore
