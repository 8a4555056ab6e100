// A handle as JavaScript sees it: arguments are already checked there, results are packed statuses
// (code + errno << 8).
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>

#include "binding/environment.h"
#include "binding/epoch-watcher.h"
#include "binding/work-thread.h"
#include "core/backup.h"
#include "core/handle.h"
#include "core/page-check.h"

namespace rstore {

/// What a handle does on other threads: of the pool, and its own.
struct Busy {
  /// Shared by all of it; exclusive while the handle is closed, or moves over to another file.
  std::shared_mutex open;
  /// Whatever needs the checkpoint lock, or may take long, is done one after the other. A sync need
  /// not wait for that.
  std::mutex turns;
};

/// Holds both while it lives.
class InTurn {
 public:
  explicit InTurn(Busy& busy) : open_(busy.open), turn_(busy.turns) {}

 private:
  const std::shared_lock<std::shared_mutex> open_;
  const std::lock_guard<std::mutex> turn_;
};

class HandleObject : public Napi::ObjectWrap<HandleObject>, public Closable {
 public:
  static void registerClass(Napi::Env env, Napi::Object exports);
  explicit HandleObject(const Napi::CallbackInfo& info);
  ~HandleObject() override;

  void closeForExit() override { closeNow(); }

  // What frequent-calls.cc calls, of an open handle.

  /// Shows the last commit and pins it.
  Status refresh(Napi::Env env);
  void unpin() { handle_->unpin(); }
  /// Takes the write lock; `holderPid` says whose it is when it could not be had in time.
  Status begin(Napi::Env env, int64_t timeoutMs, uint32_t* holderPid);
  /// Everything up to the frontier: the first `pageCount` of the pages that `usePages` named.
  Status commit(uint32_t pageCount, bool sync);

 private:
  /// Nothing but `open` and `close` is possible when there is no open handle. TypeScript looks
  /// before it calls; this is for when it errs.
  template <auto method>
  auto whenOpen(const Napi::CallbackInfo& info) -> decltype((this->*method)(info)) {
    if (handle_) return (this->*method)(info);
    throwError(info.Env(), "rstore: a handle that is not open was used");
    return decltype((this->*method)(info))();
  }

  Napi::Value open(const Napi::CallbackInfo& info);
  void usePages(const Napi::CallbackInfo& info);
  Napi::Value commitLater(const Napi::CallbackInfo& info);
  Napi::Value finishLater(const Napi::CallbackInfo& info);
  void rollback(const Napi::CallbackInfo& info);
  void noteTouched(const Napi::CallbackInfo& info);
  Napi::Value windowPair(const Napi::CallbackInfo& info);
  Napi::Value writeAhead(const Napi::CallbackInfo& info);
  Napi::Value grow(const Napi::CallbackInfo& info);
  Napi::Value repair(const Napi::CallbackInfo& info);
  Napi::Value flush(const Napi::CallbackInfo& info);
  Napi::Value checkpoint(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value readers(const Napi::CallbackInfo& info);
  Napi::Value pause(const Napi::CallbackInfo& info);
  Napi::Value resume(const Napi::CallbackInfo& info);
  Napi::Value keepSnapshot(const Napi::CallbackInfo& info);
  Napi::Value isRevoked(const Napi::CallbackInfo& info);
  Napi::Value revoke(const Napi::CallbackInfo& info);
  Napi::Value identity(const Napi::CallbackInfo& info);
  Napi::Value isReplaced(const Napi::CallbackInfo& info);
  Napi::Value checkName(const Napi::CallbackInfo& info);
  Napi::Value replaceWith(const Napi::CallbackInfo& info);
  Napi::Value punchZeroPages(const Napi::CallbackInfo& info);
  Napi::Value becomeAlone(const Napi::CallbackInfo& info);
  Napi::Value punchTail(const Napi::CallbackInfo& info);
  Napi::Value backup(const Napi::CallbackInfo& info);
  Napi::Value checkPages(const Napi::CallbackInfo& info);
  Napi::Value pageCheckProgress(const Napi::CallbackInfo& info);
  void cancelPageCheck(const Napi::CallbackInfo& info);
  Napi::Value damagedPages(const Napi::CallbackInfo& info);
  Napi::Value backupProgress(const Napi::CallbackInfo& info);
  Napi::Value watchEpochs(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  Napi::ArrayBuffer sharedControl(Napi::Env env);
  Napi::Object describe(Napi::Env env);
  Status changes(uint32_t pageCount, Changes* out) const;
  void finishJob(Napi::Env env);
  Napi::Value onOwnThread(Napi::Env env, std::function<Status()> work);
  void closeNow();
  template <typename Step>
  Status following(Napi::Env env, Step step);
  Status moveOver(Napi::Env env);
  Status watch(Napi::Env env, uint64_t seen);

  std::shared_ptr<Handle> handle_;
  std::shared_ptr<PooledMemory> memory_;
  uint32_t number_ = 0;
  Napi::Reference<Napi::Uint32Array> pages_;
  const uint32_t* pageData_ = nullptr;
  size_t pageLimit_ = 0;
  Napi::Reference<Napi::ArrayBuffer> control_;
  std::shared_ptr<Job> job_;  // the commit under way
  std::unique_ptr<WorkThread> committer_;
  std::unique_ptr<WorkThread> worker_;  // of what a commit need not wait for
  std::shared_ptr<CopyProgress> backup_;
  std::shared_ptr<PageCheck> pageCheck_;
  std::unique_ptr<EpochWatcher> watcher_;
  Napi::FunctionReference watching_;
  std::shared_ptr<Busy> busy_ = std::make_shared<Busy>();
};

}  // namespace rstore
