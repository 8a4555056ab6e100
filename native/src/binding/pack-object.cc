#include "binding/pack-object.h"

#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "binding/environment.h"
#include "binding/background.h"
#include "binding/status.h"
#include "core/io.h"
#include "core/pack-writer.h"
#include "core/packed-file.h"
#include "core/thaw.h"

namespace rstore {

namespace {

/// Memory that packed regions of this process are in, by the number that their tokens carry. It is
/// freed when the last thread that has it lets go.
class SharedMemories {
 public:
  uint64_t add(int fd) {
    const std::lock_guard<std::mutex> guard(mutex_);
    entries_[++last_] = {fd, 1};
    return last_;
  }
  /// The descriptor, held once more; -1 when it was freed.
  int hold(uint64_t id) {
    const std::lock_guard<std::mutex> guard(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return -1;
    found->second.holders++;
    return found->second.fd;
  }
  void letGo(uint64_t id) {
    const std::lock_guard<std::mutex> guard(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end() || --found->second.holders != 0) return;
    closeFile(found->second.fd);
    entries_.erase(found);
  }

 private:
  struct Entry {
    int fd;
    uint32_t holders;
  };
  std::mutex mutex_;
  std::map<uint64_t, Entry> entries_;
  uint64_t last_ = 0;
};

SharedMemories& sharedMemories() {
  static auto* memories = new SharedMemories();  // outlives every thread
  return *memories;
}

/// Windows and control block of something mapped.
struct Mapped {
  std::shared_ptr<PooledMemory> memory;
  Napi::Reference<Napi::ArrayBuffer> control;

  Status take(Napi::Env env, uint64_t bytes) {
    const Status taken = Environment::of(env).takeMemory(env, bytes, &memory);
    if (!taken.ok()) return taken;
    control = Napi::Reference<Napi::ArrayBuffer>::New(
        Napi::ArrayBuffer::New(env, sizeof(ControlBlock)), 1);
    if (control.IsEmpty()) return failure(Code::kClosed);  // the environment is ending
    return mapZero(memory->memory.lineBits(), ViewMemory::bitBytesFor(memory->memory.windowBytes));
  }
  /// windowPair(index): the buffer over it, within what was taken; nothing after `give`.
  Napi::Value windowPair(const Napi::CallbackInfo& info) {
    if (!memory) return info.Env().Undefined();
    return memory->windowPair(info.Env(), info[0].As<Napi::Number>().Uint32Value());
  }
  ControlBlock* block() { return static_cast<ControlBlock*>(control.Value().Data()); }
  /// Nothing when it was given before: a finalizer may run when the environment's data is gone.
  void give(Napi::Env env, Closable* owner) {
    if (!memory) return;
    Environment::of(env).closed(owner);
    Environment::of(env).giveMemory(std::move(memory));
    memory.reset();
  }
  Napi::Object describe(Napi::Env env, const Identity& identity) {
    auto result = Napi::Object::New(env);
    result.Set("lineBits", memory->lineBits.Value());
    result.Set("control", control.Value());
    result.Set("capacityBytes",
               Napi::Number::New(env, static_cast<double>(identity.capacityBytes)));
    result.Set("firstDataPage", Napi::Number::New(env, identity.firstDataPage));
    result.Set("rootRef", Napi::Number::New(env, identity.rootRef));
    result.Set("rootType", Napi::Number::New(env, identity.rootType));
    result.Set("endUnits", Napi::Number::New(env, static_cast<double>(identity.endUnits)));
    result.Set("uuid", Napi::Buffer<uint8_t>::Copy(env, identity.uuid, sizeof identity.uuid));
    return result;
  }
};

class PackWriterObject : public Napi::ObjectWrap<PackWriterObject>, public Closable {
 public:
  static void registerClass(Napi::Env env, Napi::Object exports) {
    exports.Set("PackWriter",
                DefineClass(env, "PackWriter",
                            {
                                InstanceMethod<&PackWriterObject::begin>("begin"),
                                InstanceMethod<&PackWriterObject::windowPair>("windowPair"),
                                InstanceMethod<&PackWriterObject::grow>("grow"),
                                InstanceMethod<&PackWriterObject::finish>("finish"),
                                InstanceMethod<&PackWriterObject::finishLive>("finishLive"),
                                InstanceMethod<&PackWriterObject::nameLive>("nameLive"),
                                InstanceMethod<&PackWriterObject::discard>("discard"),
                            }));
  }
  explicit PackWriterObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<PackWriterObject>(info) {}
  ~PackWriterObject() override { end(); }
  void closeForExit() override { end(); }

 private:
  /// begin(path, place, capacityBytes, initialPages, mode): '' for memory; `place`: a PackPlace.
  Napi::Value begin(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto place = static_cast<PackPlace>(info[1].As<Napi::Number>().Uint32Value());
    const auto capacity = static_cast<uint64_t>(info[2].As<Napi::Number>().DoubleValue());
    const auto* pages = reinterpret_cast<const std::byte*>(info[3].As<Napi::Uint8Array>().Data());
    const uint32_t mode = info[4].As<Napi::Number>().Uint32Value();
    const std::string path = info[0].As<Napi::String>().Utf8Value();
    Status status = writer_.begin(path, place, capacity, pages, mode);
    if (status.ok()) status = mapped_.take(env, capacity);
    if (status.ok()) status = writer_.attach(mapped_.memory->memory.windows(), mapped_.block());
    if (status.ok()) Environment::of(env).mapped(*mapped_.memory);
    if (!status.ok()) {
      end();
      return packedStatus(env, status);
    }
    Environment::of(env).opened(this);
    return mapped_.describe(env, writer_.identity());
  }

  Napi::Value windowPair(const Napi::CallbackInfo& info) { return mapped_.windowPair(info); }

  Napi::Value grow(const Napi::CallbackInfo& info) {
    return packedStatus(
        info.Env(), writer_.grow(static_cast<uint64_t>(info[0].As<Napi::Number>().DoubleValue())));
  }

  /// finish(rootRef, rootType, endUnits, uuid, replace, sync): a packed status; of memory, minus
  /// its number, and it is held until `discard`, or until the environment ends.
  Napi::Value finish(const Napi::CallbackInfo& info) {
    PackRoot root;
    root.ref = info[0].As<Napi::Number>().Uint32Value();
    root.typeId = info[1].As<Napi::Number>().Uint32Value();
    root.endUnits = static_cast<uint64_t>(info[2].As<Napi::Number>().DoubleValue());
    std::memcpy(root.uuid, info[3].As<Napi::Uint8Array>().Data(), sizeof root.uuid);
    const Status status =
        writer_.finish(root, info[4].As<Napi::Boolean>(), info[5].As<Napi::Boolean>());
    const int fd = status.ok() ? writer_.takeDescriptor() : -1;
    end();
    if (fd < 0) return packedStatus(info.Env(), status);
    memoryId_ = sharedMemories().add(fd);
    Environment::of(info.Env()).opened(this);
    return Napi::Number::New(info.Env(), -static_cast<double>(memoryId_));
  }

  /// finishLive(like, uuid, generation, epoch, endUnits): a packed status.
  /// `like`: the file whose permissions it gets.
  Napi::Value finishLive(const Napi::CallbackInfo& info) {
    const auto numberAt = [&](size_t at) {
      return static_cast<uint64_t>(info[at].As<Napi::Number>().DoubleValue());
    };
    LiveContent content;
    const std::string like = info[0].As<Napi::String>().Utf8Value();
    const int got = io().statName(like.c_str(), &content.permissions);
    if (got < 0) return packedStatus(info.Env(), statusFromErrno(-got));
    std::memcpy(content.uuid, info[1].As<Napi::Uint8Array>().Data(), sizeof content.uuid);
    content.generation = numberAt(2);
    content.epoch = numberAt(3);
    content.endUnits = numberAt(4);
    const Status status = writer_.finishLive(content);
    mapped_.give(info.Env(), this);
    return packedStatus(info.Env(), status);
  }

  /// nameLive(path): another name.
  Napi::Value nameLive(const Napi::CallbackInfo& info) {
    return packedStatus(info.Env(), writer_.nameLive(info[0].As<Napi::String>().Utf8Value()));
  }

  void discard(const Napi::CallbackInfo&) { end(); }

  void end() {
    writer_.discard();
    mapped_.give(Env(), this);
    if (memoryId_ == 0) return;
    Environment::of(Env()).closed(this);
    sharedMemories().letGo(memoryId_);
    memoryId_ = 0;
  }

  PackWriter writer_;
  Mapped mapped_;
  uint64_t memoryId_ = 0;
};

class PackedObject : public Napi::ObjectWrap<PackedObject>, public Closable {
 public:
  static void registerClass(Napi::Env env, Napi::Object exports) {
    exports.Set("PackedFile",
                DefineClass(env, "PackedFile",
                            {
                                InstanceMethod<&PackedObject::open>("open"),
                                InstanceMethod<&PackedObject::openMemory>("openMemory"),
                                InstanceMethod<&PackedObject::windowPair>("windowPair"),
                                InstanceMethod<&PackedObject::verifyAll>("verifyAll"),
                                InstanceMethod<&PackedObject::stats>("stats"),
                                InstanceMethod<&PackedObject::close>("close"),
                            }));
  }
  explicit PackedObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PackedObject>(info) {}
  ~PackedObject() override { end(); }
  void closeForExit() override { end(); }

 private:
  /// open(path, verify, populate, lock)
  Napi::Value open(const Napi::CallbackInfo& info) {
    return opened(info, file_.open(info[0].As<Napi::String>().Utf8Value()));
  }

  /// openMemory(number, verify, populate, lock): of a token; held until `close`.
  Napi::Value openMemory(const Napi::CallbackInfo& info) {
    const auto id = static_cast<uint64_t>(info[0].As<Napi::Number>().DoubleValue());
    const int fd = sharedMemories().hold(id);
    if (fd < 0) return packedStatus(info.Env(), failure(Code::kNotFound));
    memoryId_ = id;
    return opened(info, file_.openDescriptor(fd));
  }

  Napi::Value opened(const Napi::CallbackInfo& info, Status status) {
    const Napi::Env env = info.Env();
    const auto verify = static_cast<PackedVerify>(info[1].As<Napi::Number>().Uint32Value());
    uint64_t badPage = 0;
    if (status.ok() && verify == PackedVerify::kFull) status = file_.verifyAll(&badPage);
    if (status.ok()) status = mapped_.take(env, file_.mappedBytes());
    if (status.ok()) {
      const ViewMemory& memory = mapped_.memory->memory;
      status = file_.attach(memory.windows(), memory.windowBytes, mapped_.block(), verify);
    }
    if (status.ok()) Environment::of(env).mapped(*mapped_.memory);
    if (status.ok() && info[2].As<Napi::Boolean>()) file_.populate();
    if (status.ok() && info[3].As<Napi::Boolean>()) status = file_.lockInMemory();
    if (!status.ok()) {
      end();
      return packedStatus(env, status);
    }
    Environment::of(env).opened(this);
    return mapped_.describe(env, file_.identity());
  }

  Napi::Value windowPair(const Napi::CallbackInfo& info) { return mapped_.windowPair(info); }

  /// verifyAll(): the first page whose checksum does not fit; -1 when all do; where the file could
  /// not be read, -1 less the packed status.
  Napi::Value verifyAll(const Napi::CallbackInfo& info) {
    uint64_t badPage = 0;
    const Status status = file_.verifyAll(&badPage);
    if (status.code != Code::kCorrupt) return Napi::Number::New(info.Env(), -1 - pack(status));
    return Napi::Number::New(info.Env(), static_cast<double>(badPage));
  }

  Napi::Value stats(const Napi::CallbackInfo& info) {
    auto result = Napi::Object::New(info.Env());
    result.Set("fileBytes", Napi::Number::New(info.Env(), static_cast<double>(file_.fileBytes())));
    return result;
  }

  void close(const Napi::CallbackInfo&) { end(); }

  void end() {
    file_.close();
    mapped_.give(Env(), this);
    if (memoryId_ != 0) sharedMemories().letGo(memoryId_);
    memoryId_ = 0;
  }

  PackedFile file_;
  Mapped mapped_;
  uint64_t memoryId_ = 0;
};

struct Thawing {
  CopyProgress progress;
  std::mutex working;
  bool named = false;
};

/// [bytes done, bytes in all].
Napi::Value progressOf(Napi::Env env, const CopyProgress& progress) {
  auto result = Napi::Array::New(env, 2);
  result.Set(uint32_t{0}, static_cast<double>(progress.doneBytes.load()));
  result.Set(uint32_t{1}, static_cast<double>(progress.totalBytes.load()));
  return result;
}

/// thaw(from, to): { finished, progress(), cancel() }. `finished`: a promise of minus the ref of
/// the root, or of the packed status. `cancel` waits until nothing is written any more, and says
/// whether it was too late: then `to` is there.
Napi::Value thaw(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string from = info[0].As<Napi::String>().Utf8Value();
  const std::string to = info[1].As<Napi::String>().Utf8Value();
  const auto thawing = std::make_shared<Thawing>();
  auto result = Napi::Object::New(env);
  result.Set("finished", numberInBackground(env, [from, to, thawing] {
               const std::lock_guard<std::mutex> guard(thawing->working);
               if (thawing->progress.cancelled.load()) return pack(failure(Code::kClosed));
               uint32_t root = 0;
               const Status status = thawFile(from, to, &thawing->progress, &root);
               thawing->named = status.ok();
               return status.ok() ? -static_cast<double>(root) : pack(status);
             }));
  result.Set("progress", Napi::Function::New(env, [thawing](const Napi::CallbackInfo& call) {
               return progressOf(call.Env(), thawing->progress);
             }));
  result.Set("cancel", Napi::Function::New(env, [thawing](const Napi::CallbackInfo& call) {
               thawing->progress.cancelled.store(true);
               const std::lock_guard<std::mutex> guard(thawing->working);
               return Napi::Boolean::New(call.Env(), thawing->named);
             }));
  return result;
}

/// prepareMemory(): memory for the first region that is opened, made while the heap is small.
Napi::Value prepareMemory(const Napi::CallbackInfo& info) {
  return packedStatus(info.Env(), Environment::of(info.Env()).prepareMemory(info.Env()));
}

}  // namespace

void registerPack(Napi::Env env, Napi::Object exports) {
  PackWriterObject::registerClass(env, exports);
  PackedObject::registerClass(env, exports);
  exports.Set("thaw", Napi::Function::New<thaw>(env));
  exports.Set("prepareMemory", Napi::Function::New<prepareMemory>(env));
}

}  // namespace rstore
