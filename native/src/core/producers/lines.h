// Text split into lines: the bytes are read straight into the memory of a builder, and beside them
// one span (start and length) is stored for each line. The text between the spans stays where it
// is.
//
// A line ends at \n or \r\n, the last one also at the end of the text. As in numbers.h there is no
// bounds check on the spans, and (P1) what the next line begins with is in memory before it is
// stored. The bytes are bounded by the read itself, which is given as much room as there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/producers/numbers.h"
#include "core/producers/source.h"

namespace rstore {

/// Bytes of one string, from the base of its chunk.
struct TextSpan {
  uint32_t start;
  uint32_t bytes;
};

class LineSplitter {
 public:
  /// @param text whether lines must be UTF-8
  explicit LineSplitter(bool text) : text_(text) {}

  /// Memory for bytes: `first` of them are in use.
  struct Chunk {
    std::byte* base;
    uint64_t first;
    uint64_t bytes;
  };
  struct Result {
    Stop stop;
    uint64_t count;  // of spans stored
    Status status;
  };

  /// May be called again, after kGuard with other spans, after kFull with another chunk: the
  /// beginning of the line that did not fit is moved there. The old chunk must still be there.
  Result run(ByteSource& source, const Chunk& chunk, TextSpan* to, std::byte* guard);

  uint64_t line() const { return line_; }
  uint64_t column() const { return column_; }
  uint64_t offset() const { return offset_; }
  /// Where the chunk's free bytes begin: behind the last line that was stored.
  uint64_t usedBytes() const { return lineStart_; }
  /// What was read and not used.
  const std::byte* rest() const { return base_ + lineStart_; }
  size_t restBytes() const { return static_cast<size_t>(filled_ - lineStart_); }

 private:
  Stop fill(ByteSource& source, TextSpan** to, Status* status);
  Stop splitFilled(TextSpan** to);
  bool store(TextSpan** to, uint64_t end, uint64_t next);
  bool readMore(ByteSource& source, Status* status);
  void moveTo(const Chunk& chunk);

  const bool text_;
  std::byte* base_ = nullptr;
  uint64_t chunkBytes_ = 0;
  volatile uint64_t lineStart_ = 0;  // of the line that is being read, in the chunk
  volatile uint64_t offset_ = 0;     // of the same, in all text
  volatile uint64_t line_ = 1;
  uint64_t column_ = 1;
  uint64_t searched_ = 0;  // up to here there is no end of line
  uint64_t filled_ = 0;
  bool plain_ = true;  // nothing but ASCII since the line began
  bool ended_ = false;
};

/// Index of the first byte that is not UTF-8; `bytes` when there is none.
uint64_t findBadUtf8(const std::byte* text, uint64_t bytes);

}  // namespace rstore
