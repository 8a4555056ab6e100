#include "core/vector/vector-file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "core/clock.h"
#include "core/crc32c.h"
#include "core/file-lock.h"
#include "core/io.h"
#include "core/temporary-file.h"
#include "core/vector/boot-id.h"
#include "core/vector/wait.h"

namespace rstore {
namespace {

constexpr uint64_t kStateMask = 3;

constexpr uint64_t offsetOf(uint32_t page) { return uint64_t{page} * kPageBytes; }

uint64_t capacityElements(uint64_t capacityBytes, uint32_t elementBytes) {
  return (capacityBytes - kVectorFirstCellOffset) / cellBytesFor(elementBytes);
}

Status allocate(int fd, uint64_t offset, uint64_t bytes) {
  int result;
  do result = io().allocate(fd, Allocate::kGrow, offset, bytes);
  while (result == -EINTR);
  return result < 0 ? statusFromErrno(-result) : kSuccess;
}

// ── making ──

Status writeVectorIdentity(int fd, const NewVector& what) {
  Identity identity = newIdentity(kKindShared, what.capacityBytes);
  identity.firstDataPage = kVectorFirstCellPage;
  identity.createdMs = static_cast<uint64_t>(wallClockMs());
  if (const Status random = randomBytes(identity.uuid, sizeof identity.uuid); !random.ok()) {
    return random;
  }
  return writeIdentity(fd, &identity);
}

uint32_t checksumOf(const VectorHeader& header) {
  return crc32c(0, &header, offsetof(VectorHeader, checksum));
}

Status writeHeader(int fd, const NewVector& what) {
  VectorHeader header{};
  header.magic = kVectorMagic;
  header.elementBytes = what.elementBytes;
  header.cellBytes = cellBytesFor(what.elementBytes);
  header.slotCount = kVectorSlotCount;
  header.capacityElements = capacityElements(what.capacityBytes, what.elementBytes);
  header.firstCellPage = kVectorFirstCellPage;
  header.typeBytes = static_cast<uint32_t>(what.type.size());
  memcpy(header.type, what.type.data(), what.type.size());
  header.checksum = checksumOf(header);
  return writeFully(fd, &header, sizeof header, offsetOf(kVectorHeaderPage));
}

Status writeMarker(int fd) {
  VectorMarker marker{};
  marker.state = kMarkClean;
  (void)readBootId(marker.bootId);
  marker.flushedMs = static_cast<uint64_t>(wallClockMs());
  return writeFully(fd, &marker, sizeof marker, offsetOf(kVectorMarkerPage));
}

Status writeNewVector(int fd, const NewVector& what) {
  if (const int cut = io().truncate(fd, what.capacityBytes); cut < 0) return statusFromErrno(-cut);
  Status status = writeVectorIdentity(fd, what);
  if (status.ok()) status = writeHeader(fd, what);
  if (status.ok()) status = writeMarker(fd);
  // The words, and descriptor 0, which they name: all zero.
  if (status.ok()) status = allocate(fd, offsetOf(kVectorWordsPage), kPageBytes);
  if (status.ok()) status = allocate(fd, offsetOf(kVectorFirstSlotPage), kPageBytes);
  return status.ok() ? syncAll(fd) : status;
}

bool isSound(const VectorHeader& header, uint64_t capacityBytes) {
  const uint32_t element = header.elementBytes;
  const bool knownSize = element == 1 || element == 2 || element == 4 || element == 8;
  return knownSize && header.cellBytes == cellBytesFor(element) &&
         header.slotCount == kVectorSlotCount && header.firstCellPage == kVectorFirstCellPage &&
         header.typeBytes <= kVectorTypeBytes && capacityBytes > kVectorFirstCellOffset &&
         header.capacityElements == capacityElements(capacityBytes, element);
}

}  // namespace

Status createVectorFile(const std::string& path, const NewVector& what) {
  return makeWhole(path, what.mode, [&](int fd) { return writeNewVector(fd, what); });
}

// ── opening ──

VectorMapping::~VectorMapping() {
  unregisterRange(&range);
  releaseAddressSpace(reservation);
}

/// The addresses may live on, without a file: a mapping of it would keep its open file description,
/// and with that the locks, although the descriptor is closed. Closing file_ ends the slot's lock.
VectorFile::~VectorFile() {
  if (mapping_->reservation.base == nullptr) return;
  changeRange(&mapping_->range, FaultKind::kClosed, -1, 0, &mapping_->control);
  (void)unmapToReserved(mapping_->reservation.base, mapping_->reservation.bytes);
}

Status VectorFile::open(const std::string& path, const std::string& type,
                        const VectorOptions& options, VectorOpening* opening) {
  if (const Status status = file_.open(path, true, kKindShared); !status.ok()) return status;
  bool network = false;
  const char* name = nullptr;
  Status status = isNetworkFileSystem(file_.fd, &network, &name);
  if (status.ok() && network) status = failure(Code::kUnsupported);
  if (status.ok()) {
    status = lockByteWithin(file_.fd, kVectorLockByte + kVectorOpenLock, LockMode::kExclusive,
                            options.timeoutMs);
  }
  if (status.ok()) status = readHeader(type, opening);
  if (status.ok()) status = map();
  if (status.ok()) status = recoverIfNeeded(options.acceptUnflushed, opening);
  if (status.ok()) status = takeSlot();
  if (!status.ok()) return status;
  return unlockByte(file_.fd, kVectorLockByte + kVectorOpenLock);
}

Status VectorFile::readHeader(const std::string& type, VectorOpening* opening) {
  uint64_t length = 0;
  if (const Status status = fileLength(file_.fd, &length); !status.ok()) return status;
  if (length < file_.identity.capacityBytes) return failure(Code::kCorrupt);
  const Status read = readFully(file_.fd, &header_, sizeof header_, offsetOf(kVectorHeaderPage));
  if (!read.ok()) return read;
  const bool whole = header_.magic == kVectorMagic && header_.checksum == checksumOf(header_);
  if (!whole || !isSound(header_, file_.identity.capacityBytes)) return failure(Code::kCorrupt);
  opening->storedType.assign(reinterpret_cast<const char*>(header_.type), header_.typeBytes);
  if (opening->storedType == type) return kSuccess;
  opening->typeDiffers = true;
  return failure(Code::kInvalid);
}

Status VectorFile::map() {
  if (const Status status = installFaultHandler(); !status.ok()) return status;
  const uint64_t bytes = file_.identity.capacityBytes;
  Reservation& reserved = mapping_->reservation;
  if (const Status status = reserveAddressSpace(bytes, &reserved); !status.ok()) return status;
  // kMemory: changes by single words, and the marker says what is on the disk (F5).
  const Status mapped = mapShared(reserved.base, file_.fd, 0, bytes, Shared::kMemory);
  if (!mapped.ok()) return mapped;
  FaultRange& range = mapping_->range;
  range.base = reserved.base;
  range.bytes = reserved.bytes;
  range.kind = FaultKind::kVector;
  range.fd = file_.fd;
  range.control = &mapping_->control;
  const auto at = [&](uint32_t page) { return reserved.base + offsetOf(page); };
  memory_.marker = reinterpret_cast<VectorMarker*>(at(kVectorMarkerPage));
  memory_.words = reinterpret_cast<VectorWords*>(at(kVectorWordsPage));
  memory_.slots = at(kVectorFirstSlotPage);
  memory_.cells = mapping_->cells();
  memory_.elementBytes = header_.elementBytes;
  memory_.capacityElements = header_.capacityElements;
  memory_.context = this;
  memory_.grow = [](void* self, uint32_t bucket, uint64_t bytes) {
    return static_cast<VectorFile*>(self)->growBucket(bucket, bytes);
  };
  memory_.beginChange = [](void* self) { return static_cast<VectorFile*>(self)->beginChange(); };
  memory_.presentBytes = 0;
  memory_.makePresent = [](void* self, uint64_t beginBytes, uint64_t endBytes) {
    static_cast<VectorFile*>(self)->makePresent(beginBytes, endBytes);
  };
  memory_.wake = [](void* self) { static_cast<VectorFile*>(self)->wakeAll(); };
  return registerRange(&range);
}

Status VectorFile::takeSlot() {
  for (slot_ = 0; slot_ < kVectorSlotCount; slot_++) {
    const Status status = tryLockByte(file_.fd, kVectorLockByte + slot_, LockMode::kExclusive);
    if (status.ok()) return allocate(file_.fd, offsetOf(kVectorFirstSlotPage + slot_), kPageBytes);
    if (status.code != Code::kBusy) return status;
  }
  return failure(Code::kTooManyHandles);
}

Status VectorFile::anySlotHeld(bool* held) {
  *held = false;
  for (uint32_t slot = 0; slot < kVectorSlotCount && !*held; slot++) {
    const Status status = probeByte(file_.fd, kVectorLockByte + slot, LockMode::kExclusive, held);
    if (!status.ok()) return status;
  }
  return kSuccess;
}

// ── after a crash of the machine ──

Status VectorFile::recoverIfNeeded(bool acceptUnflushed, VectorOpening* opening) {
  VectorMarker& marker = *memory_.marker;
  uint8_t now[kBootIdBytes];
  const bool known = readBootId(now);
  if (known && memcmp(marker.bootId, now, sizeof now) == 0) return kSuccess;
  bool held = false;
  if (const Status status = anySlotHeld(&held); !status.ok()) return status;
  // Somebody of this start of the system has it open, who can only have come past this check.
  if (held) return known ? failure(Code::kBusy) : kSuccess;
  const uint64_t state = Memory::load64(marker.state, std::memory_order_acquire);
  const bool clean = (state & kStateMask) == kMarkClean;
  opening->flushedSize = Memory::load64(marker.flushedSize, std::memory_order_acquire);
  opening->unflushed = !clean;
  if (!clean && !acceptUnflushed) {
    CellRun run;
    const Status status = findRun(false, 0, &run);
    opening->foundSize = run.end;
    return status.ok() ? failure(Code::kStale) : status;
  }
  const Status status = recover(clean, opening->flushedSize, &opening->foundSize);
  if (!status.ok()) return status;
  opening->recovered = true;
  if (known) memcpy(marker.bootId, now, sizeof now);
  return markClean(state, opening->foundSize);
}

Status VectorFile::recover(bool clean, uint64_t flushedSize, uint64_t* found) {
  VectorWords& words = *memory_.words;
  CellRun run;
  if (const Status status = findRun(clean, flushedSize, &run); !status.ok()) return status;
  *found = run.end;
  keepLeaving(run);
  if (const Status status = emptyCellsFrom(*found); !status.ok()) return status;
  for (uint64_t& bytes : words.provided) Memory::store64(bytes, 0, std::memory_order_release);
  if (const Status status = VectorCore<>(memory_, 0).reserve(*found); !status.ok()) return status;
  const Status status = allocate(file_.fd, offsetOf(kVectorFirstSlotPage), kPageBytes);
  if (!status.ok()) return status;
  VectorDescriptor& fields = memory_.descriptor(0);
  Memory::store64(fields.size, *found, std::memory_order_release);
  Memory::store32(fields.kind, kVectorNone, std::memory_order_release);
  Memory::store32(fields.count, 0, std::memory_order_release);
  const uint64_t word = Memory::load64(words.descriptor, std::memory_order_acquire);
  const uint64_t tag = (word >> kVectorIndexBits) + 1;
  Memory::store64(words.descriptor, tag << kVectorIndexBits, std::memory_order_release);
  Memory::store64(words.awaitedSize, 0, std::memory_order_release);
  return syncData(file_.fd);
}

/// F6. CLEAN: only operations that were under way at the flush can have moved the end.
Status VectorFile::findRun(bool clean, uint64_t flushedSize, CellRun* run) {
  const uint64_t capacity = memory_.capacityElements;
  if (flushedSize > capacity) return failure(Code::kCorrupt);
  const uint64_t inFlight = std::min<uint64_t>(flushedSize, kVectorSlotCount);
  const uint64_t lowest = clean ? flushedSize - inFlight : 0;
  uint64_t end = lowest;
  while (end < capacity && cells().load(end).there()) end++;
  if (clean && end == lowest && lowest != 0) return failure(Code::kCorrupt);
  *run = {lowest, end};
  return mapping_->control.fault == 0 ? kSuccess : failure(Code::kIo);
}

/// No pop is pending any more that would empty them, and no set may change them as they are.
void VectorFile::keepLeaving(const CellRun& run) {
  for (uint64_t index = run.checked; index < run.end; index++) {
    for (CellImage seen = cells().load(index); seen.state() == kCellLeaving;) {
      const CellImage present{seen.value, (seen.tag + kCellLeave) & cells().tagMask()};
      (void)cells().compareExchange(index, seen, present);
      seen = cells().load(index);
    }
  }
}

/// Walks what the file has behind the run; holes are empty already.
Status VectorFile::emptyCellsFrom(uint64_t size) {
  const auto end = static_cast<off_t>(file_.identity.capacityBytes);
  auto at = static_cast<off_t>(kVectorFirstCellOffset + size * header_.cellBytes);
  while (at < end) {
    const off_t data = ::lseek(file_.fd, at, SEEK_DATA);
    if (data < 0) return errno == ENXIO ? kSuccess : statusFromErrno(errno);
    const off_t hole = ::lseek(file_.fd, data, SEEK_HOLE);
    if (hole < 0) return statusFromErrno(errno);
    const auto index = [this](off_t offset) {
      return (static_cast<uint64_t>(offset) - kVectorFirstCellOffset) / header_.cellBytes;
    };
    emptyCells(std::max(index(std::max(data, at)), size),
               std::min(index(hole), header_.capacityElements));
    at = hole;
  }
  return kSuccess;
}

void VectorFile::emptyCells(uint64_t from, uint64_t to) {
  for (uint64_t index = from; index < to; index++) {
    for (CellImage seen = cells().load(index); seen.state() != kCellEmpty;) {
      const uint64_t tag = ((seen.tag | kCellStateMask) + kCellEmptied) & cells().tagMask();
      (void)cells().compareExchange(index, seen, {cells().vacant(), tag});
      seen = cells().load(index);
    }
  }
}

// ── growth ──

Status VectorFile::allocateCells(uint64_t fromBytes, uint64_t toBytes) {
  const uint64_t begin = (kVectorFirstCellOffset + fromBytes) & ~uint64_t{kPageBytes - 1};
  const uint64_t end = kVectorFirstCellOffset + toBytes;
  return allocate(file_.fd, begin, (end - begin + kPageBytes - 1) & ~uint64_t{kPageBytes - 1});
}

/// F4. In steps of a quarter of the bucket; on a disk that has no such step, in smaller ones.
Status VectorFile::growBucket(uint32_t bucket, uint64_t bytes) {
  constexpr uint64_t kLeast = 64 * 1024, kMost = 16 * 1024 * 1024;
  const uint64_t first = bucketElements(bucket) - kVectorFirstBucketElements;
  const uint64_t elements = std::min(bucketElements(bucket), header_.capacityElements - first);
  const uint64_t whole = elements * header_.cellBytes;
  const uint64_t start = first * header_.cellBytes;
  uint64_t& provided = memory_.words->provided[bucket];
  const uint64_t there = Memory::load64(provided, std::memory_order_acquire);
  const uint64_t pageEnd = ((start + bytes + kPageBytes - 1) & ~uint64_t{kPageBytes - 1}) - start;
  Status status = failure(Code::kNoSpace);
  uint64_t target = 0;
  for (const uint64_t step : {std::clamp(whole / 4, kLeast, kMost), kLeast, uint64_t{0}}) {
    target = std::min(whole, std::max(pageEnd, there + step));
    status = allocateCells(start + there, start + target);
    if (status.code != Code::kNoSpace) break;
  }
  if (!status.ok()) return status;
  for (uint64_t seen = there; seen < target;) {
    if (Memory::compareExchange64(provided, seen, target)) return kSuccess;
    seen = Memory::load64(provided, std::memory_order_acquire);
  }
  return kSuccess;
}

/// One fault for many pages: a handle that goes on where it was goes ever further ahead, up to 256
/// KiB, within what the file has. Where the kernel cannot (before 5.14), pages come one by one.
void VectorFile::makePresent(uint64_t beginBytes, uint64_t endBytes) {
  constexpr uint64_t kLeast = 16 * 1024, kMost = 256 * 1024;
  const std::atomic_ref<uint64_t> present(memory_.presentBytes);
  const uint64_t before = present.load(std::memory_order_relaxed);
  const uint64_t last = stride_.load(std::memory_order_relaxed);
  const bool goesOn = beginBytes <= before + last;
  const uint64_t stride = goesOn ? std::clamp(last * 2, kLeast, kMost) : kLeast;
  const uint64_t begin = (goesOn ? before : beginBytes) & ~uint64_t{kPageBytes - 1};
  const uint64_t there = VectorCore<>(memory_, slot_).providedElements() * header_.cellBytes;
  const uint64_t end = std::max(endBytes, std::min(endBytes + stride, there));
  populatePages(mapping_->cells() + begin, end - begin);
  stride_.store(stride, std::memory_order_relaxed);
  present.store(end, std::memory_order_relaxed);
}

// ── flush ──

/// F7. Counted, so that whoever has made up for those that he knew of forgets no later one.
std::atomic_ref<uint32_t> VectorFile::failuresOf(VectorMarker& marker) {
  return std::atomic_ref<uint32_t>(marker.failedSyncs);
}

/// F5: leaves the state DIRTY, and the disk anything but CLEAN.
Status VectorFile::beginChange() {
  uint64_t& word = memory_.marker->state;
  for (;;) {
    const uint64_t state = Memory::load64(word, std::memory_order_acquire);
    const uint64_t number = state & ~kStateMask;
    switch (state & kStateMask) {
      case kMarkDirty: return kSuccess;
      case kMarkFlushing: (void)Memory::compareExchange64(word, state, number | kMarkDirty); break;
      case kMarkClean: (void)Memory::compareExchange64(word, state, number | kMarkMarking); break;
      default:
        if (const Status status = syncData(file_.fd); !status.ok()) {
          failuresOf(*memory_.marker).fetch_add(1);  // dirties the page for the next sync
          return status;
        }
        (void)Memory::compareExchange64(word, state, number | kMarkDirty);
    }
  }
}

Status VectorFile::flush() {
  const std::lock_guard<std::mutex> guard(flushing_);
  const uint64_t lock = kVectorLockByte + kVectorFlushLock;
  Status status = lockByte(file_.fd, lock, LockMode::kExclusive);
  if (!status.ok()) return status;
  VectorMarker& marker = *memory_.marker;
  uint64_t size = 0;
  status = VectorCore<>(memory_, slot_).size(&size);  // completes what is pending
  uint64_t state = Memory::load64(marker.state, std::memory_order_acquire);
  uint32_t failures = failuresOf(marker).load();
  if (status.ok() && (failures != 0 || (state & kStateMask) != kMarkClean)) {
    status = beginChange();
    state = Memory::load64(marker.state, std::memory_order_acquire);
    const uint64_t flushing = ((state & ~kStateMask) + kStateMask + 1) | kMarkFlushing;
    const bool begun = status.ok() && Memory::compareExchange64(marker.state, state, flushing);
    // Again: until the swap, others may have changed it by any number.
    if (status.ok()) status = VectorCore<>(memory_, slot_).size(&size);
    if (failures != 0) dirtyEveryPage();
    if (status.ok()) status = syncData(file_.fd);
    if (status.ok() && begun) status = markClean(flushing, size);
  } else if (status.ok()) {
    status = syncData(file_.fd);  // whoever said CLEAN may have died before its last sync
  }
  if (!status.ok())
    failuresOf(marker).fetch_add(1);
  else if (failures != 0)
    failuresOf(marker).compare_exchange_strong(failures, 0);
  const Status unlocked = unlockByte(file_.fd, lock);
  if (mapping_->control.fault != 0 && status.ok()) status = failure(Code::kIo);
  return status.ok() ? unlocked : status;
}

/// The data is on the disk: says so if nothing was changed since the state was `state`.
Status VectorFile::markClean(uint64_t state, uint64_t size) {
  VectorMarker& marker = *memory_.marker;
  Memory::store64(marker.flushedSize, size, std::memory_order_release);
  const auto now = static_cast<uint64_t>(wallClockMs());
  Memory::store64(marker.flushedMs, now, std::memory_order_release);
  (void)Memory::compareExchange64(marker.state, state, (state & ~kStateMask) | kMarkClean);
  return syncData(file_.fd);
}

/// F7: an addition of 0 is a write.
void VectorFile::dirtyEveryPage() {
  const auto touch = [](std::byte* page) {
    std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(page)).fetch_add(0);
  };
  touch(reinterpret_cast<std::byte*>(memory_.marker));
  touch(reinterpret_cast<std::byte*>(memory_.words));
  const uint64_t bytes = VectorCore<>(memory_, slot_).providedElements() * header_.cellBytes;
  for (uint64_t at = 0; at < bytes; at += kPageBytes) touch(mapping_->cells() + at);
}

void VectorFile::wakeAll() { wakeSizeWaiters(*memory_.words); }

}  // namespace rstore
