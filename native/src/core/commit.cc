// The commit: handle.h tells the steps and why they are in this order.
#include <string.h>

#include <algorithm>
#include <bit>

#include "core/atomic-word.h"
#include "core/clock.h"
#include "core/crc32c.h"
#include "core/handle.h"
#include "core/io.h"
#include "core/pages.h"

namespace rstore {

namespace {

/// A checkpoint is due after so many distinct pages: applying them is what a fresh view pays.
constexpr uint64_t kCheckpointPages = 4096;
/// And urgent after at most so many: as many as a view keeps for itself.
constexpr uint64_t kUrgentPages = 4 * kCheckpointPages;
/// Memory for a record that is kept for the next one.
constexpr size_t kKeptRecordBytes = 4 << 20;

/// Bits of the lines of `page` in [firstLine, endLine).
uint64_t maskOfLines(uint64_t page, uint64_t firstLine, uint64_t endLine) {
  const uint64_t pageLine = page * kPageLines;
  const uint64_t from = std::max(firstLine, pageLine) - pageLine;
  const uint64_t to = std::min(endLine, pageLine + kPageLines) - pageLine;
  if (from >= to) return 0;
  const uint64_t upTo = to == kPageLines ? ~uint64_t{0} : (uint64_t{1} << to) - 1;
  return upTo & ~((uint64_t{1} << from) - 1);
}

template <typename Bytes, typename T>
void put(Bytes& record, size_t offset, const T& value) {
  memcpy(record.data() + offset, &value, sizeof value);
}

}  // namespace

Status Handle::commit(const Changes& changes, bool sync) {
  Status status = prepare(changes, sync);
  if (status.ok()) status = settle();
  if (status.ok()) finish();
  return status;
}

/// Steps 1 and 2, and the record in memory; on any thread (H6).
Status Handle::prepare(const Changes& changes, bool sync) {
  pending_.sync = sync;
  pending_.published = false;
  pending_.isMuch = pending_.isUrgent = false;
  pending_.tailPageCount = 0;
  if (changes.pageCount == 0 && changes.endUnits == view_.cursor().endUnits) {
    pending_.record.clear();
    return kSuccess;  // nothing was changed: no epoch
  }
  // The page in which the committed data ends is in the file as a whole.
  if (pagesForUnits(changes.endUnits) > pagesForUnits(view_.cursor().endUnits)) {
    const Status grown = grow(pagesForUnits(changes.endUnits) * kPageUnits);
    if (!grown.ok()) return grown;
  }
  if (!log_.isOpen()) {
    if (const Status begun = beginLog(); !begun.ok()) return begun;
  }
  if (const Status ahead = awaitAhead(); !ahead.ok()) return ahead;
  planTail(changes);
  gather(changes);
  // Zeros stood in for a page that there is no block for, or that could not be read, because
  // somebody cut the file.
  const uint32_t fault = atomicWord(view_.control().fault).load();
  if (fault == kFaultNoSpace) return failure(Code::kNoSpace, ENOSPC);
  if (fault != 0) return failure(Code::kIo, EIO);
  if (pending_.tailPageCount != 0 || ahead_.highPage != 0) {
    if (const Status wrote = writeTail(changes); !wrote.ok()) return fail(wrote);
  }
  return kSuccess;
}

/// H5.
Status Handle::beginLog() {
  const bool isHere = leadsTo(path_.c_str(), file_.fd) && lock_.hasItsName();
  if (!isHere) return notHere();  // H11
  SharedWords& words = lock_.words();
  uint64_t salt = 0;
  if (const Status random = randomBytes(&salt, sizeof salt); !random.ok()) return random;
  CheckpointSlot slot;
  if (const Status read = readSlot(file_.fd, file_.identity, &slot); !read.ok()) return read;
  if (slot.clean == 0) {  // an earlier beginning failed half way: nothing was logged yet
    slot.clean = 1;
    if (const Status wrote = writeSlot(file_.fd, &slot); !wrote.ok()) return latch(wrote);
  }
  if (const Status mirrored = syncOf(file_.fd); !mirrored.ok()) return latch(mirrored);
  const Status begun = log_.begin(logPath(), file_.identity, salt, file_.fd);
  if (!begun.ok()) return begun;
  slot.clean = 0;
  slot.logSalt = salt;
  slot.logPosition = positionOf(0);
  slot.logChecksum = foldSalt(salt);
  Status wrote = writeSlot(file_.fd, &slot);
  if (!wrote.ok()) {
    log_.close();
    return latch(wrote);
  }
  LogCursor cursor = cursorOfSlot(slot);
  view_.moveToLogOf(cursor);
  words.logSalt = salt;
  atomicWord(words.logBegun).store(1, std::memory_order_seq_cst);
  shareLog();
  return kSuccess;
}

/// Builds the record: header, page entries, checksums of the tail, lines.
void Handle::gather(const Changes& changes) {
  const LogCursor& at = view_.cursor();
  const uint64_t freshLine = linesForUnits(at.endUnits);
  const uint64_t endLine = linesForUnits(changes.endUnits);
  const uint64_t freshEnd = pending_.tailPageCount != 0 ? pending_.tailFirstPage * kPageLines
                                                        : std::max(endLine, freshLine);
  const uint64_t* bits = view_.lineBits();
  const uint64_t freshPage = freshLine / kPageLines;
  std::vector<uint32_t>& pages = pending_.pages;
  listPages(changes);
  const uint64_t endPage = pagesForUnits(at.endUnits);
  const bool boundaryListed = freshPage < endPage && bits[freshPage] != 0;
  if (freshEnd > freshLine) {
    for (uint64_t page = freshPage; page * kPageLines < freshEnd; page++) {
      if (page != freshPage || !boundaryListed) pages.push_back(static_cast<uint32_t>(page));
    }
  }
  uint64_t lineCount = 0;
  const auto maskOf = [&](uint32_t page) {
    return (page < endPage ? bits[page] : 0) | maskOfLines(page, freshLine, freshEnd);
  };
  for (const uint32_t page : pages) {
    view_.expect(page);
    lineCount += std::popcount(maskOf(page));
  }
  const size_t entriesAt = sizeof(RedoRecord);
  const size_t tailAt = entriesAt + pages.size() * sizeof(PageEntry);
  size_t lineAt = tailAt + tailChecksumBytes(pending_.tailPageCount);
  RecordBytes& record = pending_.record;
  record.resize(lineAt + lineCount * kLineBytes);
  for (size_t i = 0; i < pages.size(); i++) {
    PageEntry entry{};
    entry.page = pages[i];
    entry.mask = maskOf(pages[i]);
    put(record, entriesAt + i * sizeof entry, entry);
    const std::byte* page = view_.base() + uint64_t{entry.page} * kPageBytes;
    for (uint64_t mask = entry.mask; mask != 0; mask &= mask - 1) {
      memcpy(record.data() + lineAt, page + std::countr_zero(mask) * kLineBytes, kLineBytes);
      lineAt += kLineBytes;
    }
  }
  if (pending_.tailPageCount % 2 != 0) {
    put(record, tailAt + pending_.tailPageCount * sizeof(uint32_t), uint32_t{0});
  }
  putTailChecksums(record.data() + tailAt);
  RedoRecord header{};
  header.magic = kRecordMagic;
  header.epoch = at.epoch + 1;
  header.recordBytes = record.size();
  header.endUnits = changes.endUnits;
  header.durableTailEpoch = at.durableTailEpoch;
  if (lock_.words().unsyncedTailEpoch == 0 && pending_.tailPageCount == 0) {
    header.durableTailEpoch = header.epoch;
  }
  header.committedMs = static_cast<uint64_t>(roughWallClockMs());
  header.flags = pending_.sync ? kRecordSynced : 0;
  header.pageCount = static_cast<uint32_t>(pages.size());
  header.lineCount = static_cast<uint32_t>(lineCount);
  header.tailFirstPage =
      static_cast<uint32_t>(pending_.tailPageCount != 0 ? pending_.tailFirstPage : 0);
  header.tailPageCount = static_cast<uint32_t>(pending_.tailPageCount);
  header.writerPid = lock_.ownSlot().pid;
  header.logSalt = header.logSaltAgain = log_.salt();
  header.syncedEpoch = atomicWord(lock_.words().syncedEpoch).load(std::memory_order_seq_cst);
  put(record, 0, header);
}

/// A full log is a matter for the checkpointer first; only a reader that holds it back makes the
/// log longer than its limit.
Status Handle::reserveLog(uint64_t bytes) {
  const uint64_t epoch = view_.epoch() + 1;
  pending_.start = recordStart(view_.cursor().position);
  SharedWords& words = lock_.words();
  for (int tries = 0; tries < kCheckpointTries; tries++) {
    const Status got = log_.reserve(pending_.start, bytes, epoch, options_.segmentLimit);
    if (got.code != Code::kLogFull) return got;
    const uint64_t before = atomicWord(words.slotEpoch).load(std::memory_order_seq_cst);
    const uint32_t ticket = atomicWord(words.checkpointTicket).load(std::memory_order_seq_cst);
    uint64_t after = before;
    const Status done = checkpointer_->run(&after);
    if (done.code == Code::kBusy) {
      awaitCheckpoint(ticket);
    } else if (!done.ok()) {
      return fail(done);
    } else if (after == before) {
      break;
    }
  }
  return log_.reserve(pending_.start, bytes, epoch, kSegmentCountLimit);
}

/// Steps 3 to 5; on any thread. The write lock is held until the commit is published.
Status Handle::settle() {
  RecordBytes& record = pending_.record;
  if (record.empty()) return kSuccess;
  if (pending_.sync) {
    if (const Status synced = syncTail(); !synced.ok()) return latch(synced);
  }
  if (const Status reserved = reserveLog(record.size()); !reserved.ok()) return reserved;
  if (const Status sound = checkLock(); !sound.ok()) return sound;
  constexpr size_t kChecked = offsetof(RedoRecord, epoch);
  const uint32_t checksum =
      crc32c(view_.cursor().checksum, record.data() + kChecked, record.size() - kChecked);
  put(record, offsetof(RedoRecord, checksum), checksum);
  if (pending_.sync) {
    const Status wrote = log_.writeThrough(pending_.start, record.data(), record.size());
    if (!wrote.ok()) return fail(wrote);
    if (const Status synced = syncOf(log_.fd()); !synced.ok()) return latch(synced);
    if (lock_.isSuspect()) return latch(failure(Code::kIo, EIO));  // H7
  } else {
    (void)log_.takeFault();  // of before: from here on it is of what is written
    const Status wrote = log_.writeMapped(pending_.start, record.data(), record.size());
    if (!wrote.ok()) return fail(wrote);
    if (log_.takeFault()) return fail(failure(Code::kIo));
  }
  RedoRecord header;
  memcpy(&header, record.data(), sizeof header);
  pending_.cursor = Log::behind(header, pending_.start);
  SharedWords& words = lock_.words();
  countChanges();
  if (const Status sound = checkLock(); !sound.ok()) return sound;
  lock_.publish(header.epoch);
  // Not before: if we died in between and the record were not adopted, nobody would clear the tail.
  if (words.tailHighBytes != 0) atomicWord(words.tailHighBytes).store(0, std::memory_order_seq_cst);
  if (pending_.sync) atomicWord(words.syncedEpoch).store(header.epoch, std::memory_order_seq_cst);
  if (const Status sound = checkLock(); !sound.ok()) return sound;
  pending_.published = true;
  lock_.releaseWrite();  // our view follows in finish(); until then it is pinned where it was
  return kSuccess;
}

void Handle::countChanges() {
  SharedWords& words = lock_.words();
  const uint64_t durable = atomicWord(words.slotEpoch).load(std::memory_order_relaxed);
  uint64_t distinct = 0;
  for (const uint32_t page : pending_.pages) distinct += view_.isUnchangedSince(page, durable);
  const uint64_t bytes = pending_.record.size() + pending_.tailPageCount * kPageBytes;
  const auto add = [](uint64_t& word, uint64_t count) {
    return atomicWord(word).fetch_add(count, std::memory_order_relaxed) + count;
  };
  const uint64_t pages = add(words.distinctPagesSinceSlot, distinct);
  const uint64_t logged = add(words.logBytesSinceSlot, bytes);
  const uint64_t byteLimit = uint64_t{options_.segmentLimit} * kSegmentBytes / 2;
  const uint64_t urgentPages = std::clamp(options_.privatePages, kCheckpointPages, kUrgentPages);
  pending_.isUrgent = logged >= byteLimit || pages >= urgentPages;
  pending_.isMuch = pending_.isUrgent || pages >= kCheckpointPages;
}

/// The view follows its own commit.
void Handle::finish() {
  View& view = view_;
  forgetAhead();
  view.endBufferedTail();
  if (pending_.published) {
    for (const uint32_t page : pending_.pages) view.notePrivate(page, pending_.cursor.epoch);
    if (pending_.tailPageCount != 0) {
      view.giveBackTail(pending_.tailFirstPage, pending_.tailPageCount);
    }
    lock_.pin(pending_.cursor.epoch);
    view.moveTo(pending_.cursor);
  }
  view.giveBackPastEnd();
  if (pending_.record.capacity() > kKeptRecordBytes) pending_.record = {};
  view.control().growing = 0;
  transacting_ = false;
  if (lock_.holdsWrite()) lock_.releaseWrite();
  if (pending_.published) letFileFollow(false);
  // Not before: of a commit that is not published, or whose writer still pins the one before it, a
  // checkpoint takes nothing, and if none follows nobody would ask again.
  if (pending_.isMuch) checkpointer_->kick(pending_.isUrgent);
}

}  // namespace rstore
