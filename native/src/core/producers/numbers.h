// Delimited decimal text into the memory of a builder.
//
// Fields are separated by a delimiter or by the end of a line; blanks around them and lines without
// anything on them are skipped. The loop that stores the numbers has no bounds check: it is left at
// the guard behind its memory.
//
//  P1. Before a number is stored, the place of its text is in `Place`, in memory. So after a
//      landing (or a mistake in the text) reading goes on exactly there: no number is lost or read
//      twice.
//  P2. The text in the buffer ends at a delimiter or at the end of all text; behind it come an end
//      of line and 8 bytes more, which is what decimal.h needs.
//  P3. Nothing between arming and landing owns anything that would have to be destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/producers/source.h"
#include "core/status.h"

namespace rstore {

enum class NumberKind : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kF64, kU64, kI64 };

uint32_t bytesOf(NumberKind kind);

/// Why a producer stopped. Named in lib/builder/native.ts.
enum class Stop : uint32_t {
  kEnd,         // of the text
  kGuard,       // the next element does not fit
  kMalformed,   // what is there is no number; of lines: no UTF-8
  kOutOfRange,  // an integer that the element cannot hold
  kEmpty,       // a field without anything in it
  kRead,        // the descriptor gave an error
  kFull,        // of lines: the bytes do not fit, the elements would
};

class NumberParser {
 public:
  NumberParser(NumberKind kind, char delimiter);

  struct Result {
    Stop stop;
    uint64_t count;  // of elements stored
    Status status;   // for kRead, and when no landing could be had (kMemory)
  };

  /// Stores from `to` on until the guard page that begins at `guard`. May be called again.
  Result run(ByteSource& source, std::byte* to, std::byte* guard);

  /// Lines and columns (in bytes) count from 1; the offset (in bytes, of all text) from 0.
  uint64_t line() const { return place_.line; }
  uint64_t column() const { return offset() - place_.lineOffset + 1; }
  uint64_t offset() const { return bufferOffset_ + (place_.token - buffer_.get()); }
  /// The field that reading would go on with: of kMalformed and its like, the offender.
  const char* field() const { return place_.token; }
  size_t fieldBytes() const;

  /// What was read and not used; goes back to the source where that is possible.
  const char* rest() const { return place_.token; }
  size_t restBytes() const { return static_cast<size_t>(buffer_.get() + filled_ - place_.token); }

 private:
  /// P1. Volatile: what a landing reads.
  struct Place {
    const char* volatile token;
    volatile uint64_t line = 1;
    volatile uint64_t lineOffset = 0;  // of the first byte of the line
    volatile bool open = false;        // a delimiter was read and no field behind it
  };

  template <typename T>
  Stop fill(ByteSource& source, T* to, T** end, Status* status);
  template <typename T>
  Stop fillFromBuffer(T** to);
  Stop fillAny(ByteSource& source, std::byte* to, std::byte** end, Status* status);
  bool refill(ByteSource& source, Status* status);
  void seal();
  bool isBlank(char c) const { return c == ' ' || c == '\t' || c == '\r'; }
  void beginLine(const char* at);

  NumberKind kind_;
  char delimiter_;
  std::unique_ptr<char[]> buffer_;
  size_t filled_ = 0;          // bytes in the buffer
  size_t complete_ = 0;        // of them, up to the last delimiter or the end of all text: P2
  uint64_t bufferOffset_ = 0;  // in all text
  bool ended_ = false;
  Place place_;
};

}  // namespace rstore
