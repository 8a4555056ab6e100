#include "binding/lock-object.h"

#include <fcntl.h>

#include <string>

#include "binding/environment.h"
#include "binding/status.h"
#include "core/file-lock.h"
#include "core/io.h"

namespace rstore {

namespace {

class LockObject : public Napi::ObjectWrap<LockObject>, public Closable {
 public:
  static void registerClass(Napi::Env env, Napi::Object exports) {
    exports.Set("ByteLock", DefineClass(env, "ByteLock",
                                        {
                                            InstanceMethod<&LockObject::open>("open"),
                                            InstanceMethod<&LockObject::tryLock>("tryLock"),
                                            InstanceMethod<&LockObject::unlock>("unlock"),
                                            InstanceMethod<&LockObject::isHeld>("isHeld"),
                                            InstanceMethod<&LockObject::close>("close"),
                                        }));
  }
  explicit LockObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LockObject>(info) {}
  ~LockObject() override { end(); }
  void closeForExit() override { end(); }

 private:
  /// open(path, readOnly): makes the file where it is missing, unless it is only to be read, when
  /// only shared locks can be had; the packed status.
  Napi::Value open(const Napi::CallbackInfo& info) {
    const std::string path = info[0].As<Napi::String>().Utf8Value();
    const bool readOnly = info[1].As<Napi::Boolean>();
    const Status opened =
        openFile(path.c_str(), readOnly ? O_RDONLY : O_RDWR | O_CREAT, 0666, &fd_);
    if (opened.ok()) Environment::of(info.Env()).opened(this);
    return packedStatus(info.Env(), opened);
  }

  /// tryLock(byte, exclusive): whether it was had. What is held is converted.
  Napi::Value tryLock(const Napi::CallbackInfo& info) {
    const auto byte = static_cast<uint64_t>(info[0].As<Napi::Number>().DoubleValue());
    const LockMode mode = info[1].As<Napi::Boolean>() ? LockMode::kExclusive : LockMode::kShared;
    return Napi::Boolean::New(info.Env(), fd_ >= 0 && tryLockByte(fd_, byte, mode).ok());
  }

  void unlock(const Napi::CallbackInfo& info) {
    if (fd_ >= 0)
      (void)unlockByte(fd_, static_cast<uint64_t>(info[0].As<Napi::Number>().DoubleValue()));
  }

  /// isHeld(first, count): whether others hold any of these bytes; also where that cannot be known.
  Napi::Value isHeld(const Napi::CallbackInfo& info) {
    const auto first = static_cast<uint64_t>(info[0].As<Napi::Number>().DoubleValue());
    const auto count = static_cast<uint64_t>(info[1].As<Napi::Number>().DoubleValue());
    bool held = true;
    if (fd_ >= 0 && count > 0 && !probeBytes(fd_, first, count, LockMode::kExclusive, &held).ok())
      held = true;
    return Napi::Boolean::New(info.Env(), count > 0 && held);
  }

  void close(const Napi::CallbackInfo&) { end(); }

  void end() {
    if (fd_ < 0) return;
    Environment::of(Env()).closed(this);
    closeFile(fd_);
    fd_ = -1;
  }

  int fd_ = -1;
};

}  // namespace

void registerLock(Napi::Env env, Napi::Object exports) { LockObject::registerClass(env, exports); }

}  // namespace rstore
