// A packed region as a file that is only read: one mapping, shared by all processes through the
// page cache, in constant time.
//
//  P1. Nobody writes to it: its mapping is read-only, its file has no write permission, and a stray
//      store makes the page private and raises a flag (fault.h, kPacked).
//  P2. The rest of its windows answers with zero pages and a flag: a ref that leads out of the file
//      never ends the process.
//  P3. With lazy verification a chunk is checked against the page checksums when it is first
//      touched, whoever touches it; the flag is looked at before a result is returned.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/address-space.h"
#include "core/fault.h"
#include "core/region-file.h"
#include "core/status.h"

namespace rstore {

enum class PackedVerify : uint32_t { kNone, kLazy, kFull };

class PackedFile {
 public:
  PackedFile() = default;
  PackedFile(const PackedFile&) = delete;
  PackedFile& operator=(const PackedFile&) = delete;
  ~PackedFile() { close(); }

  /// Opens and checks identity and length.
  Status open(const std::string& path);
  /// The same for memory that holds one (memfd); the descriptor is duplicated.
  Status openDescriptor(int fd);
  /// Maps it at the start of windows of `windowBytes`, at least `mappedBytes`.
  Status attach(std::byte* base, uint64_t windowBytes, ControlBlock* control, PackedVerify verify);
  /// Reads every page and compares its checksum; kCorrupt and the page.
  Status verifyAll(uint64_t* badPage) const;
  /// Reads ahead, and keeps in memory, what was asked for.
  void populate();
  Status lockInMemory();
  void close();

  uint64_t mappedBytes() const;
  const Identity& identity() const { return file_.identity; }
  int fd() const { return file_.fd; }
  uint64_t fileBytes() const { return fileBytes_; }

 private:
  Status check();

  RegionFile file_;
  uint64_t fileBytes_ = 0;
  std::byte* base_ = nullptr;
  FaultRange range_;
  FaultRange rest_;  // P2
  std::vector<uint8_t> verified_;
};

}  // namespace rstore
