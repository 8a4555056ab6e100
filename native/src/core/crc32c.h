// CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected), as in iSCSI, ext4 and SSE 4.2.
//
// `crc32c(seed, …)` inverts on entry and on exit, so calls chain: crc32c(crc32c(0, a), b) is the
// checksum of a followed by b, and crc32c(0, "123456789", 9) is 0xE3069283.
// The instruction of the processor is used where it is found at run time, three independent streams
// at a time for long input; a table otherwise. Reads nothing but [ptr, ptr + bytes); any alignment.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rstore {

uint32_t crc32c(uint32_t seed, const void* ptr, size_t bytes);

/// Copies `bytes` from `from` to `to` (which must not overlap) and returns the checksum of what was
/// *copied*: each byte is read once, so the result fits the copy even if somebody changes the
/// source.
uint32_t crc32cCopy(uint32_t seed, void* to, const void* from, size_t bytes);

/// For tests: the table alone, and what was found at run time ("sse4.2", "armv8", "table").
uint32_t crc32cByTable(uint32_t seed, const void* ptr, size_t bytes);
const char* crc32cImplementation();

}  // namespace rstore
