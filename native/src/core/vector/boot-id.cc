#include "core/vector/boot-id.h"

#include <fcntl.h>

#include <cstring>

#include "core/io.h"

namespace rstore {
namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

bool readBootId(uint8_t* to) {
  int fd = -1;
  if (!openFile("/proc/sys/kernel/random/boot_id", O_RDONLY, 0, &fd).ok()) return false;
  char text[40] = {};
  size_t got = 0;
  const bool read = readUpTo(fd, text, sizeof text - 1, 0, &got).ok();
  closeFile(fd);
  if (!read) return false;
  uint32_t digits = 0;
  memset(to, 0, kBootIdBytes);
  for (size_t i = 0; i < got && digits < 2 * kBootIdBytes; i++) {
    const int digit = hexDigit(text[i]);
    if (digit < 0) continue;
    to[digits / 2] = static_cast<uint8_t>(to[digits / 2] << 4 | digit);
    digits++;
  }
  return digits == 2 * kBootIdBytes;
}

}  // namespace rstore
