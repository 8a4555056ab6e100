// A small region driven without Node: handles with memory of their own, transactions that mark
// lines as lib/space/marks.ts does, and a model that knows what every page must hold.
//
// The model's unit is a page's hash. Pages 0 to 2 and the checksum table are the core's own and
// have none; pages past the committed end must be zero.
#pragma once

#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/address-space.h"
#include "core/fault.h"
#include "core/handle.h"
#include "core/io.h"
#include "core/region-file.h"

namespace store {

using namespace rstore;

inline constexpr uint64_t kCapacityBytes = 4 << 20;
inline constexpr uint32_t kPages = kCapacityBytes / kPageBytes;
inline constexpr uint32_t kFirstDataPage = kChecksumPage + 1;
inline constexpr uint32_t kUnitsOfPage = kPageBytes / kUnitBytes;
inline constexpr uint32_t kUnitsOfLine = kLineBytes / kUnitBytes;
inline constexpr uint32_t kLinesOfPage = kPageBytes / kLineBytes;

using Line = std::array<std::byte, kLineBytes>;
using PageHashes = std::array<uint32_t, kPages>;

inline bool isOwnPage(uint32_t page) { return page < kAllocationPage || page == kChecksumPage; }
inline uint32_t pagesOf(uint64_t endUnits) {
  return static_cast<uint32_t>((endUnits + kUnitsOfPage - 1) / kUnitsOfPage);
}
inline uint64_t freshLineOf(uint64_t endUnits) { return (endUnits + 7) / 8; }

/// Not 0, which stands for a page of zeros.
inline uint32_t hashOfPage(const void* page) {
  uint64_t hash = 0x9e37'79b9'7f4a'7c15, any = 0;
  const auto* words = static_cast<const char*>(page);
  for (size_t at = 0; at < kPageBytes; at += 8) {
    uint64_t word;
    memcpy(&word, words + at, 8);
    any |= word;
    hash = (hash ^ word) * 0xff51'afd7'ed55'8ccd;
    hash ^= hash >> 32;
  }
  return any == 0 ? 0 : static_cast<uint32_t>(hash) | 1;
}

/// splitmix64
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = state += 0x9e37'79b9'7f4a'7c15;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t limit) { return next() % limit; }
};

/// A line is random bytes that also say where they belong.
inline Line lineOf(uint64_t line, Random& random) {
  Line bytes;
  for (size_t at = 0; at < kLineBytes; at += 8) {
    const uint64_t word = at == 0 ? line + 1 : random.next();
    memcpy(bytes.data() + at, &word, 8);
  }
  return bytes;
}

/// The pages that a region begins with. Their content does not matter here.
inline const std::vector<std::byte>& initialPages() {
  static const std::vector<std::byte> pages = [] {
    std::vector<std::byte> made(3 * kPageBytes);
    const uint32_t frontier = kFirstDataPage * kUnitsOfPage;
    memcpy(made.data(), &frontier, sizeof frontier);
    return made;
  }();
  return pages;
}

inline Status createRegion(const std::string& path) {
  NewRegion region;
  region.capacityBytes = kCapacityBytes;
  region.mode = 0600;
  region.initialPages = initialPages().data();
  return createRegionFile(path, region);
}

/// What the last commit holds, with what a running transaction changed on top.
class Model {
 public:
  uint64_t epoch = 1;
  uint64_t endUnits = uint64_t{kFirstDataPage} * kUnitsOfPage;

  Model() : bytes_(kCapacityBytes) {
    const std::vector<std::byte>& initial = initialPages();
    std::copy(initial.begin(), initial.end(), bytes_.begin() + kAllocationPage * kPageBytes);
  }

  void write(uint64_t line, const Line& content) {
    std::byte* at = bytes_.data() + line * kLineBytes;
    if (!undo_.contains(line)) memcpy(undo_[line].data(), at, kLineBytes);
    memcpy(at, content.data(), kLineBytes);
    pages_[line / kLinesOfPage] = true;
  }
  void forgetUndo() { undo_.clear(); }
  void rollback() {
    for (const auto& [line, content] : undo_) {
      memcpy(bytes_.data() + line * kLineBytes, content.data(), kLineBytes);
      pages_[line / kLinesOfPage] = true;
    }
    undo_.clear();
  }
  const PageHashes& hashes() {
    for (uint32_t page = 0; page < kPages; page++) {
      if (!pages_[page]) continue;
      hashes_[page] = isOwnPage(page) ? 0 : hashOfPage(bytes_.data() + page * kPageBytes);
      pages_[page] = false;
    }
    return hashes_;
  }
  /// Takes over what a view shows.
  void follow(const std::byte* content, uint64_t newEpoch, uint64_t newEnd) {
    epoch = newEpoch;
    endUnits = newEnd;
    undo_.clear();
    memset(bytes_.data(), 0, bytes_.size());
    memcpy(bytes_.data(), content, pagesOf(newEnd) * uint64_t{kPageBytes});
    pages_.assign(kPages, true);
  }

 private:
  std::vector<std::byte> bytes_;
  std::map<uint64_t, Line> undo_;
  std::vector<bool> pages_ = std::vector<bool>(kPages, true);
  PageHashes hashes_{};
};

/// Hashes of what a view shows. `*zeroBehind`: what lies past the end is zero, as a transaction
/// must find it (a mere reader may see what an unfinished commit wrote there).
inline PageHashes hashView(const std::byte* base, uint64_t endUnits, uint64_t fileBytes,
                           bool* zeroBehind) {
  PageHashes hashes{};
  *zeroBehind = true;
  for (uint32_t page = 0; page < kPages; page++) {
    if (isOwnPage(page) || (page + 1) * uint64_t{kPageBytes} > fileBytes) continue;
    const uint32_t hash = hashOfPage(base + page * uint64_t{kPageBytes});
    if (page < pagesOf(endUnits))
      hashes[page] = hash;
    else if (hash != 0)
      *zeroBehind = false;
  }
  const uint64_t end = freshLineOf(endUnits) * kLineBytes;
  for (uint64_t at = end; at < pagesOf(endUnits) * uint64_t{kPageBytes}; at++) {
    if (base[at] != std::byte{0}) *zeroBehind = false;
  }
  return hashes;
}

/// A handle, its memory, and a transaction as TypeScript makes one.
class Region {
 public:
  Handle handle;
  ControlBlock control{};
  uint64_t endUnits = 0;  // the frontier of the transaction

  Region() = default;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region() { close(); }

  static HandleOptions smallLog() {
    HandleOptions options;
    options.segmentLimit = 2;
    options.privatePages = 24;
    options.waiting = {.fromPages = 8, .leastInChunk = 1};  // sometimes
    return options;
  }

  /// Without the thread for checkpoints, so that a run is the same every time.
  Status open(const std::string& path, const HandleOptions& options = smallLog(),
              uint64_t epoch = UINT64_MAX) {
    if (const Status installed = installFaultHandler(); !installed.ok()) return installed;
    if (const Status opened = handle.open(path, options); !opened.ok()) return opened;
    if (handle.checkpointer()) handle.checkpointer()->stop();
    memory_.windowBytes = ViewMemory::windowBytesFor(kCapacityBytes);
    const uint64_t bytes = ViewMemory::reservationBytesFor(memory_.windowBytes);
    const Status reserved = reserveAddressSpace(bytes, &memory_.reservation);
    const Status attached = reserved.ok() ? handle.attach(memory_, &control, epoch) : reserved;
    if (!attached.ok()) close();
    return attached;
  }
  void close() {
    handle.close();
    releaseAddressSpace(memory_.reservation);
    memory_ = {};
    clear();
  }

  /// Of what is shown now.
  PageHashes hashes(bool* zeroBehind) {
    uint64_t fileBytes = 0;
    *zeroBehind = fileLength(handle.file().fd, &fileBytes).ok();
    return hashView(base(), handle.view().cursor().endUnits, fileBytes, zeroBehind);
  }
  const std::byte* base() const { return memory_.windows(); }
  uint64_t epoch() { return handle.view().epoch(); }

  Status begin(int64_t timeoutMs = 10'000) {
    uint32_t holder = 0;
    const Status begun = handle.begin(timeoutMs, &holder);
    if (begun.ok()) endUnits = handle.view().cursor().endUnits;
    control.highUnits = 0;
    return begun;
  }
  void write(uint64_t line, const Line& content) {
    std::byte* at = memory_.windows() + line * kLineBytes;
    const uint64_t ahead = control.aheadUnits / kUnitsOfLine;
    if (line < std::max(freshLineOf(handle.view().cursor().endUnits), ahead)) mark(line, at);
    memcpy(at, content.data(), kLineBytes);
  }
  /// As lib/space/contiguous-space.ts does it; on a thread that runs on.
  Status writeAhead(uint64_t units) {
    std::vector<uint32_t> changed;
    for (const uint32_t page : pages_) {
      if (page >= aheadFrom_ && (page + 1) * kUnitsOfPage <= control.aheadUnits) {
        changed.push_back(page);
      }
    }
    control.frontierUnits = static_cast<uint32_t>(endUnits);
    const uint64_t from = std::max<uint64_t>(handle.view().cursor().endUnits, control.aheadUnits);
    const Status begun = handle.writeAhead(units, changed);
    aheadFrom_ = pagesOf(from);
    return begun;
  }
  /// As a savepoint that is rolled back does it.
  void lowerTo(uint64_t units) {
    const uint64_t from = units * kUnitBytes, to = freshLineOf(endUnits) * kLineBytes;
    memset(memory_.windows() + from, 0, to - from);
    control.highUnits = std::max(control.highUnits, static_cast<uint32_t>(endUnits));
    if (units < control.aheadUnits) {
      control.aheadUnits = static_cast<uint32_t>(units / kUnitsOfPage * kUnitsOfPage);
    }
    endUnits = units;
  }
  Changes changes() const {
    return {pages_.data(), static_cast<uint32_t>(pages_.size()), endUnits};
  }
  Status commit(bool sync) {
    const Status committed = handle.commit(changes(), sync);
    if (committed.ok()) clear();
    return committed;
  }
  void rollback() {
    for (const auto& [line, content] : undo_) {
      memcpy(memory_.windows() + line * kLineBytes, content.data(), kLineBytes);
    }
    const std::vector<uint32_t> pages = pages_;
    clear();
    handle.rollback(pages.data(), static_cast<uint32_t>(pages.size()));
  }

 private:
  void mark(uint64_t line, const std::byte* at) {
    uint64_t& bits = handle.view().lineBits()[line / kLinesOfPage];
    const uint64_t bit = uint64_t{1} << line % kLinesOfPage;
    if (bits == 0) pages_.push_back(static_cast<uint32_t>(line / kLinesOfPage));
    if ((bits & bit) == 0) memcpy(undo_[line].data(), at, kLineBytes);
    bits |= bit;
  }
  void clear() {
    if (memory_.windowBytes != 0 && memory_.reservation.base != nullptr) {
      for (const uint32_t page : pages_) handle.view().lineBits()[page] = 0;
    }
    pages_.clear();
    undo_.clear();
  }

  ViewMemory memory_;
  std::vector<uint32_t> pages_;
  std::map<uint64_t, Line> undo_;
  uint64_t aheadFrom_ = 0;
};

/// A region that was closed cleanly, checked as bytes: identity, a clean slot, no log, no lock
/// file, the checksum of every page, zeros past the end. Empty when all is well, else what is
/// wrong.
inline std::string checkCleanFile(const std::string& path) {
  RegionFile file;
  CheckpointSlot slot;
  uint64_t length = 0;
  if (!file.open(path, false, kKindLive).ok()) return "the identity cannot be read";
  if (!readSlot(file.fd, file.identity, &slot).ok()) return "no slot is valid";
  if (slot.clean != 1) return "the slot is not clean";
  if (::access((path + "-wal").c_str(), F_OK) == 0) return "the log is still there";
  if (::access((path + "-lock").c_str(), F_OK) == 0) return "the lock file is still there";
  if (!fileLength(file.fd, &length).ok()) return "no length";
  if (length < pagesOf(slot.endUnits) * uint64_t{kPageBytes}) return "the file is too short";
  std::vector<std::byte> page(kPageBytes);
  for (uint32_t index = kAllocationPage; index * uint64_t{kPageBytes} < length; index++) {
    if (index == kChecksumPage) continue;
    size_t got = 0;
    uint32_t stored = 0;
    std::fill(page.begin(), page.end(), std::byte{0});
    if (!readUpTo(file.fd, page.data(), kPageBytes, index * uint64_t{kPageBytes}, &got).ok() ||
        !readUpTo(file.fd, &stored, sizeof stored, file.checksumOffset(index), &got).ok()) {
      return "a page cannot be read";
    }
    const bool zero = hashOfPage(page.data()) == 0;
    const bool past = index >= pagesOf(slot.endUnits);
    const bool right =
        past ? zero && stored == 0 : stored == checksumOfPage(page.data()) || (stored == 0 && zero);
    if (!right) {
      const std::string what = past ? "past the end: page " : "checksum of page ";
      return what + std::to_string(index);
    }
  }
  return {};
}

}  // namespace store
