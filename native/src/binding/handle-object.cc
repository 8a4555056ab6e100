#include "binding/handle-object.h"

#include <algorithm>

#include "binding/background.h"
#include "binding/status.h"
#include "core/atomic-word.h"
#include "core/give-back.h"
#include "core/io.h"

namespace rstore {

namespace {

Napi::Value number(Napi::Env env, uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

uint64_t wordOf(uint64_t& word) { return atomicWord(word).load(std::memory_order_seq_cst); }

HandleOptions optionsFrom(const Napi::Object& given) {
  HandleOptions options;
  options.readOnly = given.Get("readOnly").ToBoolean();
  options.timeoutMs = given.Get("timeoutMs").ToNumber().Int64Value();
  options.privatePages = static_cast<uint64_t>(given.Get("privatePages").ToNumber().Int64Value());
  options.segmentLimit = given.Get("segmentLimit").ToNumber().Uint32Value();
  return options;
}

}  // namespace

void HandleObject::registerClass(Napi::Env env, Napi::Object exports) {
  exports.Set(
      "Handle",
      DefineClass(
          env, "Handle",
          {
              InstanceMethod<&HandleObject::open>("open"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::usePages>>("usePages"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::commitLater>>("commitLater"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::finishLater>>("finishLater"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::rollback>>("rollback"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::noteTouched>>("noteTouched"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::windowPair>>("windowPair"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::writeAhead>>("writeAhead"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::grow>>("grow"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::repair>>("repair"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::flush>>("flush"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::checkpoint>>("checkpoint"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::stats>>("stats"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::readers>>("readers"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::pause>>("pause"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::resume>>("resume"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::keepSnapshot>>("keepSnapshot"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::isRevoked>>("isRevoked"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::revoke>>("revoke"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::backup>>("backup"),
              InstanceMethod<&HandleObject::backupProgress>("backupProgress"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::watchEpochs>>("watchEpochs"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::checkPages>>("checkPages"),
              InstanceMethod<&HandleObject::pageCheckProgress>("pageCheckProgress"),
              InstanceMethod<&HandleObject::cancelPageCheck>("cancelPageCheck"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::damagedPages>>("damagedPages"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::identity>>("identity"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::isReplaced>>("isReplaced"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::checkName>>("checkName"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::replaceWith>>("replaceWith"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::punchZeroPages>>(
                  "punchZeroPages"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::punchTail>>("punchTail"),
              InstanceMethod<&HandleObject::whenOpen<&HandleObject::becomeAlone>>("becomeAlone"),
              InstanceMethod<&HandleObject::close>("close"),
          }));
}

HandleObject::HandleObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HandleObject>(info) {}

HandleObject::~HandleObject() { closeNow(); }

/// open(path, options, epoch): `epoch` 0 shows the last commit; else a snapshot of exactly this
/// one.
Napi::Value HandleObject::open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Environment& environment = Environment::of(env);
  const HandleOptions options = optionsFrom(info[1].As<Napi::Object>());
  if (environment.hasEnded()) return {};
  handle_ = std::make_shared<Handle>();
  Status status = handle_->open(info[0].As<Napi::String>().Utf8Value(), options);
  const auto fail = [&] {
    handle_.reset();
    return packedStatus(env, status);
  };
  if (!status.ok()) return fail();
  status = environment.takeMemory(env, handle_->identity().capacityBytes, &memory_);
  if (!status.ok()) return fail();
  const double epoch = info[2].As<Napi::Number>().DoubleValue();
  auto control =
      epoch == 0 ? Napi::ArrayBuffer::New(env, sizeof(ControlBlock)) : sharedControl(env);
  control_ = Napi::Reference<Napi::ArrayBuffer>::New(control, 1);
  environment.opened(this);
  number_ = environment.number(this);
  if (environment.hasEnded()) {  // perhaps without a control block
    closeNow();
    return {};
  }
  status = handle_->attach(memory_->memory, reinterpret_cast<ControlBlock*>(control.Data()),
                           epoch == 0 ? UINT64_MAX : static_cast<uint64_t>(epoch));
  environment.mapped(*memory_);
  if (status.code == Code::kReplaced && epoch == 0) {
    status = refresh(env);
  }
  if (!status.ok()) {
    closeNow();
    return packedStatus(env, status);
  }
  return describe(env);
}

/// A snapshot's control block is where whoever revokes it can reach it; on media without a lock
/// file nobody does.
Napi::ArrayBuffer HandleObject::sharedControl(Napi::Env env) {
  if (!handle_->hasLock()) return Napi::ArrayBuffer::New(env, sizeof(ControlBlock));
  LockFile& lock = handle_->lock();
  (void)lock.changeState(kReaderHandle, kReaderSnapshot);
  return Napi::ArrayBuffer::New(env, &lock.snapshotControl(lock.ownSlotIndex()),
                                sizeof(ControlBlock), [](Napi::Env, void*) {});
}

Napi::Object HandleObject::describe(Napi::Env env) {
  const Identity& identity = handle_->identity();
  auto result = Napi::Object::New(env);
  result.Set("number", number(env, number_));
  result.Set("lineBits", memory_->lineBits.Value());
  result.Set("control", control_.Value());
  result.Set("capacityBytes", number(env, identity.capacityBytes));
  result.Set("firstDataPage", number(env, identity.firstDataPage));
  result.Set("locked", Napi::Boolean::New(env, handle_->hasLock()));
  return result;
}

/// Does a step, on the file that the region's name leads to now.
template <typename Step>
Status HandleObject::following(Napi::Env env, Step step) {
  constexpr int kTries = 100;  // each is another compaction
  Status status = step();
  for (int tries = 0; status.code == Code::kReplaced && tries < kTries; tries++) {
    if (const Status moved = moveOver(env); !moved.ok()) return moved;
    status = step();
  }
  return status;
}

/// What runs on other threads with this handle is waited for, or begun anew.
Status HandleObject::moveOver(Napi::Env env) {
  const std::lock_guard<std::shared_mutex> guard(busy_->open);
  const uint64_t seen = watcher_ ? watcher_->seen() : 0;
  watcher_.reset();
  const Status moved = handle_->moveOver();
  if (!moved.ok() || watching_.IsEmpty()) return moved;
  const Status watched = watch(env, seen);
  if (!watched.ok()) watching_.Value().Call({Napi::Number::New(env, -pack(watched))});
  return moved;
}

Status HandleObject::refresh(Napi::Env env) {
  return following(env, [this] { return handle_->refresh(); });
}

Status HandleObject::begin(Napi::Env env, int64_t timeoutMs, uint32_t* holderPid) {
  return following(env, [&] { return handle_->begin(timeoutMs, holderPid); });
}

Status HandleObject::commit(uint32_t pageCount, bool sync) {
  Changes listed;
  const Status known = changes(pageCount, &listed);
  return known.ok() ? handle_->commit(listed, sync) : known;
}

/// usePages(pages): from now on the changed pages of a commit are listed here, until another list
/// is named.
void HandleObject::usePages(const Napi::CallbackInfo& info) {
  const auto pages = info[0].As<Napi::Uint32Array>();
  pages_ = Napi::Reference<Napi::Uint32Array>::New(pages, 1);
  pageData_ = pages.Data();
  pageLimit_ = pages.ElementLength();
}

/// kInvalid: so many pages were not listed (ending.h, E3).
Status HandleObject::changes(uint32_t pageCount, Changes* out) const {
  if (pageCount > pageLimit_) return failure(Code::kInvalid);
  *out = {pageData_, pageCount, handle_->view().control().frontierUnits};
  return kSuccess;
}

/// identity(): [uuid, generation]
Napi::Value HandleObject::identity(const Napi::CallbackInfo& info) {
  const Identity& identity = handle_->identity();
  auto result = Napi::Array::New(info.Env(), 2);
  result.Set(uint32_t{0},
             Napi::Buffer<uint8_t>::Copy(info.Env(), identity.uuid, sizeof identity.uuid));
  result.Set(uint32_t{1}, number(info.Env(), identity.generation));
  return result;
}

Napi::Value HandleObject::isReplaced(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), handle_->isReplaced());
}

/// checkName(): whether the file that is shown has the region's name; a packed status.
Napi::Value HandleObject::checkName(const Napi::CallbackInfo& info) {
  return packedStatus(info.Env(), handle_->checkName());
}

/// replaceWith(temporary): between begin and rollback.
Napi::Value HandleObject::replaceWith(const Napi::CallbackInfo& info) {
  const std::string temporary = info[0].As<Napi::String>().Utf8Value();
  return packedStatus(info.Env(), handle_->replaceWith(temporary));
}

/// punchZeroPages(runs): first page and number of pages of each. A promise of the packed status.
Napi::Value HandleObject::punchZeroPages(const Napi::CallbackInfo& info) {
  const auto numbers = info[0].As<Napi::Uint32Array>();
  std::vector<PageRun> runs(numbers.ElementLength() / 2);
  for (size_t i = 0; i < runs.size(); i++) {
    runs[i] = {numbers.Data()[2 * i], numbers.Data()[2 * i + 1]};
  }
  return inBackground(info.Env(), [handle = handle_, busy = busy_, runs = std::move(runs)] {
    const InTurn turn(*busy);
    return handle->isOpen() ? rstore::punchZeroPages(*handle, runs) : failure(Code::kClosed);
  });
}

/// For what may be done while somebody holds the write lock. Where the system has no thread the
/// pool does it: JavaScript cannot wait for a whole file.
Napi::Value HandleObject::onOwnThread(Napi::Env env, std::function<Status()> work) {
  if (!worker_) worker_ = std::make_unique<WorkThread>(env, "rstore work", AtExit::kCutOff);
  if (!worker_->start()) return inBackground(env, std::move(work));
  return worker_->run(env, std::make_shared<Job>(std::move(work)));
}

/// punchTail(): between begin and rollback. A promise of the packed status.
Napi::Value HandleObject::punchTail(const Napi::CallbackInfo& info) {
  return onOwnThread(info.Env(), [handle = handle_, busy = busy_] {
    const InTurn turn(*busy);
    return handle->isOpen() ? rstore::punchTail(*handle) : failure(Code::kClosed);
  });
}

/// becomeAlone(): whether nobody else has the region open. A transaction may follow, and `close`.
Napi::Value HandleObject::becomeAlone(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), handle_->becomeAlone());
}

/// commitLater(pageCount): a promise of the packed status; finishLater() must follow before
/// anything else, and until then nobody changes the list of pages or the memory.
Napi::Value HandleObject::commitLater(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Changes listed;
  const Status known = changes(info[0].As<Napi::Number>().Uint32Value(), &listed);
  const auto job = std::make_shared<Job>([handle = handle_, known, listed] {
    const Status prepared = known.ok() ? handle->prepare(listed, true) : known;
    return prepared.ok() ? handle->settle() : prepared;
  });
  if (!committer_) {
    committer_ = std::make_unique<WorkThread>(env, "rstore commits", AtExit::kAwaited);
  }
  const Napi::Value promise = committer_->run(env, job);
  if (!promise.IsEmpty()) job_ = job;
  return promise;
}

/// finishLater(): waits for the commit under way, or does it here; the packed status.
Napi::Value HandleObject::finishLater(const Napi::CallbackInfo& info) {
  if (!job_) return Napi::Number::New(info.Env(), 0);
  const std::shared_ptr<Job> job = job_;
  finishJob(info.Env());
  if (job->status().ok()) handle_->finish();
  return packedStatus(info.Env(), job->status());
}

/// Behind it another one may be begun, or the handle closed.
void HandleObject::finishJob(Napi::Env env) {
  if (!job_) return;
  job_->runOrWait();
  job_.reset();
  committer_->answer(env);
}

/// rollback(pageCount)
void HandleObject::rollback(const Napi::CallbackInfo& info) {
  const uint32_t count = info[0].As<Napi::Number>().Uint32Value();
  handle_->rollback(pageData_, static_cast<uint32_t>(std::min<size_t>(count, pageLimit_)));
}

/// noteTouched(pages)
void HandleObject::noteTouched(const Napi::CallbackInfo& info) {
  const auto pages = info[0].As<Napi::Uint32Array>();
  handle_->view().noteTouched(pages.Data(), static_cast<uint32_t>(pages.ElementLength()));
}

/// windowPair(index): the buffer over it, within the capacity.
Napi::Value HandleObject::windowPair(const Napi::CallbackInfo& info) {
  return memory_->windowPair(info.Env(), info[0].As<Napi::Number>().Uint32Value());
}

/// writeAhead(endUnits, changed): between begin and the commit; the packed status.
Napi::Value HandleObject::writeAhead(const Napi::CallbackInfo& info) {
  const auto endUnits = static_cast<uint64_t>(info[0].As<Napi::Number>().DoubleValue());
  const auto pages = info[1].As<Napi::Uint32Array>();
  const std::vector<uint32_t> changed(pages.Data(), pages.Data() + pages.ElementLength());
  return packedStatus(info.Env(), handle_->writeAhead(endUnits, changed));
}

Napi::Value HandleObject::grow(const Napi::CallbackInfo& info) {
  const double endUnits = info[0].As<Napi::Number>().DoubleValue();
  return packedStatus(info.Env(), handle_->grow(static_cast<uint64_t>(endUnits)));
}

/// repair(): takes the fault bits and maps the file again where the fault handler had put other
/// memory.
Napi::Value HandleObject::repair(const Napi::CallbackInfo& info) {
  const uint32_t bits = takeFaultBits(&handle_->view().control());
  if (!repairRange(&handle_->view().faultRange()).ok()) handle_->view().requireRestart();
  return Napi::Number::New(info.Env(), bits);
}

Napi::Value HandleObject::flush(const Napi::CallbackInfo& info) {
  const Status prepared = handle_->prepareFlush();
  if (!prepared.ok()) return packedStatus(info.Env(), prepared);
  return inBackground(info.Env(), [handle = handle_, busy = busy_] {
    const std::shared_lock<std::shared_mutex> guard(busy->open);
    return handle->isOpen() ? handle->flush() : failure(Code::kClosed);
  });
}

/// checkpoint(): a promise of the packed status, or minus the process of whoever has one under way
/// that does not end.
Napi::Value HandleObject::checkpoint(const Napi::CallbackInfo& info) {
  return numberInBackground(info.Env(), [handle = handle_, busy = busy_] {
    const InTurn turn(*busy);
    uint32_t holderPid = 0;
    const Status done = handle->isOpen() ? handle->checkpoint(&holderPid) : failure(Code::kClosed);
    return done.code == Code::kBusy && holderPid != 0 ? -static_cast<double>(holderPid)
                                                      : pack(done);
  });
}

Napi::Value HandleObject::stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto result = Napi::Object::New(env);
  uint64_t fileBytes = 0;
  (void)fileLength(handle_->file().fd, &fileBytes);
  result.Set("fileBytes", number(env, fileBytes));
  result.Set("privateBytes", number(env, handle_->view().privatePageCount() * kPageBytes));
  const bool locked = handle_->hasLock();
  SharedWords none{};
  SharedWords& words = locked ? handle_->lock().words() : none;
  result.Set("checkpointEpoch",
             number(env, locked ? wordOf(words.slotEpoch) : handle_->view().epoch()));
  result.Set("publishedEpoch", number(env, wordOf(words.publishedEpoch)));
  result.Set("logBytes", number(env, uint64_t{words.logSegmentCount} * kSegmentBytes));
  return result;
}

/// readers(): every handle that is open, pinned or not.
Napi::Value HandleObject::readers(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto result = Napi::Array::New(env);
  if (!handle_->hasLock()) return result;
  LockFile& lock = handle_->lock();
  for (uint32_t i = 0; i < kReaderSlotCount; i++) {
    ReaderSlot& slot = lock.slot(i);
    const uint32_t state = atomicWord(slot.state).load();
    if (state == 0 || state == kReaderIdle || !lock.isAlive(i, atomicWord(slot.generation).load()))
      continue;
    const uint64_t pin = state == kReaderRevoked ? 0 : wordOf(slot.pinEpoch);
    auto reader = Napi::Object::New(env);
    reader.Set("pid", number(env, slot.pid));
    reader.Set("slot", number(env, i));
    reader.Set("snapshot", Napi::Boolean::New(env, state != kReaderHandle));
    reader.Set("epoch", number(env, pin));
    reader.Set("ageMs", number(env, pin == 0 ? 0 : static_cast<uint64_t>(lock.pinAgeMs(i))));
    result.Set(result.Length(), reader);
  }
  return result;
}

// ── snapshots ────────────────────────────────────────────────────────────────────────────────────

/// pause(): false when this snapshot has to be closed; also when other threads may still work with
/// it.
Napi::Value HandleObject::pause(const Napi::CallbackInfo& info) {
  const bool shared = backup_ || pageCheck_ || job_ || watcher_;
  return Napi::Boolean::New(info.Env(), !shared && handle_->pause());
}

/// resume(epoch): the packed status; after a failure it has to be closed.
Napi::Value HandleObject::resume(const Napi::CallbackInfo& info) {
  const auto epoch = static_cast<uint64_t>(info[0].As<Napi::Number>().DoubleValue());
  return packedStatus(info.Env(), handle_->resume(epoch));
}

/// keepSnapshot(): gives out memory in place; false when it was revoked before.
Napi::Value HandleObject::keepSnapshot(const Napi::CallbackInfo& info) {
  if (handle_->hasLock()) {
    (void)handle_->lock().changeState(kReaderSnapshot, kReaderSnapshotKept);
  }
  return Napi::Boolean::New(info.Env(), !handle_->hasLock() || !handle_->lock().isRevoked());
}

Napi::Value HandleObject::isRevoked(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), handle_->hasLock() && handle_->lock().isRevoked());
}

/// revoke(slot, olderThanMs): false when the slot is not (any more) that of a snapshot of this age
/// that can be revoked.
Napi::Value HandleObject::revoke(const Napi::CallbackInfo& info) {
  const uint32_t slot = info[0].As<Napi::Number>().Uint32Value();
  const int64_t olderThanMs = info[1].As<Napi::Number>().Int64Value();
  return Napi::Boolean::New(info.Env(), handle_->lock().revoke(slot, olderThanMs));
}

// ── backup and epochs ────────────────────────────────────────────────────────────────────────────

/// backup(path): of the commit that this handle, a snapshot that is used for nothing else
/// meanwhile, pins.
Napi::Value HandleObject::backup(const Napi::CallbackInfo& info) {
  backup_ = std::make_shared<CopyProgress>();
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  return inBackground(info.Env(), [handle = handle_, busy = busy_, progress = backup_, path] {
    const InTurn turn(*busy);
    return handle->isOpen() ? backupRegion(*handle, path, progress.get()) : failure(Code::kClosed);
  });
}

/// checkPages(mayWait): a promise of the packed status; then `damagedPages` has what was found.
/// `mayWait`: for the pool, which has fewer threads than there may be handles.
Napi::Value HandleObject::checkPages(const Napi::CallbackInfo& info) {
  cancelPageCheck(info);  // nobody waits for it any more
  pageCheck_ = std::make_shared<PageCheck>();
  auto work = [handle = handle_, busy = busy_, check = pageCheck_] {
    const InTurn turn(*busy);
    return handle->isOpen() ? rstore::checkPages(*handle, check.get()) : failure(Code::kClosed);
  };
  return info[0].As<Napi::Boolean>() ? inBackground(info.Env(), std::move(work))
                                     : onOwnThread(info.Env(), std::move(work));
}

/// cancelPageCheck(): it ends soon, with kClosed.
void HandleObject::cancelPageCheck(const Napi::CallbackInfo&) {
  if (pageCheck_) pageCheck_->cancelled.store(true);
}

/// pageCheckProgress(): [pages done, pages in all] of the last `checkPages`.
Napi::Value HandleObject::pageCheckProgress(const Napi::CallbackInfo& info) {
  auto result = Napi::Array::New(info.Env(), 2);
  result.Set(uint32_t{0}, number(info.Env(), pageCheck_ ? pageCheck_->donePages.load() : 0));
  result.Set(uint32_t{1}, number(info.Env(), pageCheck_ ? pageCheck_->totalPages.load() : 0));
  return result;
}

/// damagedPages(): of the last `checkPages`.
Napi::Value HandleObject::damagedPages(const Napi::CallbackInfo& info) {
  auto result = Napi::Array::New(info.Env());
  if (!pageCheck_) return result;
  for (const uint32_t page : pageCheck_->damaged) {
    result.Set(result.Length(), number(info.Env(), page));
  }
  return result;
}

/// backupProgress(): [bytes done, bytes in all].
Napi::Value HandleObject::backupProgress(const Napi::CallbackInfo& info) {
  auto result = Napi::Array::New(info.Env(), 2);
  result.Set(uint32_t{0}, number(info.Env(), backup_ ? backup_->doneBytes.load() : 0));
  result.Set(uint32_t{1}, number(info.Env(), backup_ ? backup_->totalBytes.load() : 0));
  return result;
}

/// watchEpochs(callback): tells of every newest commit, 0 while the file is a replaced one, and a
/// status, negated, when it had to be begun anew and could not; watchEpochs() ends it. Gives the
/// packed status.
Napi::Value HandleObject::watchEpochs(const Napi::CallbackInfo& info) {
  watcher_.reset();
  watching_.Reset();
  if (!info[0].IsFunction() || !handle_->hasLock()) return packedStatus(info.Env(), kSuccess);
  watching_ = Napi::Persistent(info[0].As<Napi::Function>());
  const Status watched = watch(info.Env(), 0);
  if (!watched.ok()) watching_.Reset();
  return packedStatus(info.Env(), watched);
}

Status HandleObject::watch(Napi::Env env, uint64_t seen) {
  auto watcher = std::make_unique<EpochWatcher>(env, handle_->lock(), watching_.Value(), seen);
  const Status started = watcher->start();
  if (started.ok()) watcher_ = std::move(watcher);
  return started;
}

void HandleObject::close(const Napi::CallbackInfo&) {
  const bool shared =
      handle_ && handle_->hasLock() && !control_.IsEmpty() &&
      control_.Value().Data() == &handle_->lock().snapshotControl(handle_->lock().ownSlotIndex());
  if (shared) control_.Value().Detach();  // the lock file is about to be unmapped
  closeNow();
}

void HandleObject::closeNow() {
  if (!handle_) return;
  finishJob(Env());
  committer_.reset();
  watcher_.reset();
  watching_.Reset();
  if (backup_) backup_->cancelled.store(true);
  if (pageCheck_) pageCheck_->cancelled.store(true);
  handle_->cancelWaits();
  {
    const std::lock_guard<std::shared_mutex> guard(busy_->open);
    handle_->close();
  }
  if (worker_) worker_->end(Env());  // what it has not begun finds the handle closed
  worker_.reset();
  Environment& environment = Environment::of(Env());
  environment.closed(this);
  environment.forget(number_);
  if (memory_) environment.giveMemory(std::move(memory_));
  memory_.reset();
  pages_.Reset();
  pageData_ = nullptr;
  pageLimit_ = 0;
  handle_.reset();
}

}  // namespace rstore
